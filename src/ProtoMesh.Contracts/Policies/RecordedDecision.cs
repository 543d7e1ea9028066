using System.Text.Json;

namespace ProtoMesh.Contracts.Policies;

/// <summary>A decision as it was written down. Inputs, facts, reasons and obligations are absent in lists.</summary>
public sealed record RecordedDecision
{
    /// <summary>As the answer carried it; a UUIDv7.</summary>
    public required string DecisionId { get; init; }

    /// <summary>When, by the store's clock.</summary>
    public required DateTimeOffset At { get; init; }

    /// <summary>Where.</summary>
    public required string Namespace { get; init; }

    /// <summary>Who asked.</summary>
    public required string AgentId { get; init; }

    /// <summary>What it wanted to do.</summary>
    public required string Action { get; init; }

    /// <summary>To what; the first of several.</summary>
    public string? Resource { get; init; }

    /// <summary>Which version of which document decided.</summary>
    public required PolicyReference Policy { get; init; }

    /// <summary>One of <see cref="PolicyVerdict"/>.</summary>
    public required string Decision { get; init; }

    /// <summary>What would have been decided if rules in audit mode were enforced.</summary>
    public required string Would { get; init; }

    /// <summary>True when nothing was taken because the caller only wanted to know.</summary>
    public required bool DryRun { get; init; }

    /// <summary>The ids of the rules that spoke against it.</summary>
    public required IReadOnlyList<string> Rules { get; init; }

    /// <summary>How long it took, in microseconds.</summary>
    public required long LatencyUs { get; init; }

    /// <summary>Everything that the rules could see, as they saw it: evaluating the same version over it gives the same result.</summary>
    public JsonElement? Inputs { get; init; }

    /// <summary>Where each trusted input of a rule came from.</summary>
    public IReadOnlyDictionary<string, string>? Facts { get; init; }

    /// <summary>As the answer carried them.</summary>
    public IReadOnlyList<PolicyReason>? Reasons { get; init; }

    /// <summary>Rules in audit mode that would have spoken against it.</summary>
    public IReadOnlyList<PolicyReason>? AuditOnly { get; init; }

    /// <summary>What was checked and taken with an allow.</summary>
    public PolicyObligations? Obligations { get; init; }
}

/// <summary>A page of <c>GET /v1/decisions</c>, newest first.</summary>
public sealed record DecisionPage
{
    /// <summary>The decisions of this page.</summary>
    public required IReadOnlyList<RecordedDecision> Decisions { get; init; }

    /// <summary>Decisions that the replica that answers should have kept and could not, since it started.</summary>
    public required long Dropped { get; init; }

    /// <summary>Asks for the next page; absent on the last.</summary>
    public string? NextPageToken { get; init; }
}
