using System.Text.Json;
using ProtoMesh.Contracts.Budgets;

namespace ProtoMesh.Contracts.Policies;

/// <summary>What the policy says to an action. A deny is an answer, not an error: the call that asked returns 200.</summary>
public sealed record PolicyDecision
{
    /// <summary>Finds it in <c>GET /v1/decisions</c>; a UUIDv7.</summary>
    public required string DecisionId { get; init; }

    /// <summary>One of <see cref="PolicyVerdict"/>.</summary>
    public required string Decision { get; init; }

    /// <summary>True only for <see cref="PolicyVerdict.Allow"/>.</summary>
    public required bool Allowed { get; init; }

    /// <summary>The first reason in a sentence.</summary>
    public required string Reason { get; init; }

    /// <summary>Which version of which document decided.</summary>
    public required PolicyReference Policy { get; init; }

    /// <summary>Every deny and approval rule that held, and every obligation that was not met, in the order of the document.</summary>
    public required IReadOnlyList<PolicyReason> Reasons { get; init; }

    /// <summary>Where each input of a rule came from, by its path: <c>claimed</c> (the caller said so and nobody checked), <c>default</c> or <c>configured</c>.</summary>
    public required IReadOnlyDictionary<string, string> Facts { get; init; }

    /// <summary>Rules in audit mode that would have spoken against it.</summary>
    public required IReadOnlyList<PolicyReason> AuditOnly { get; init; }

    /// <summary>What was checked and taken with an allow; absent when nothing was required.</summary>
    public PolicyObligations? Obligations { get; init; }

    /// <summary>Who may approve; only with <see cref="PolicyVerdict.RequireApproval"/>.</summary>
    public PolicyApproval? Approval { get; init; }

    /// <summary>Until when an allow may be acted on: the end of the required lease, at most 60 s from now. Absent for any other decision.</summary>
    public DateTimeOffset? ValidUntil { get; init; }

    /// <summary>True when nothing was taken because the caller only wanted to know.</summary>
    public bool? DryRun { get; init; }
}

/// <summary>The three answers.</summary>
public static class PolicyVerdict
{
    /// <summary>Go on until <c>valid_until</c>.</summary>
    public const string Allow = "allow";

    /// <summary>Do not; the reasons say what would change that.</summary>
    public const string Deny = "deny";

    /// <summary>Not before a person has said yes.</summary>
    public const string RequireApproval = "require_approval";
}

/// <summary>A version of a policy document.</summary>
public sealed record PolicyReference
{
    /// <summary>The document's name.</summary>
    public required string Name { get; init; }

    /// <summary>From 1; a version never changes.</summary>
    public required int Version { get; init; }

    /// <summary>SHA-256 of the document's bytes, in lower-case hex.</summary>
    public required string Sha256 { get; init; }
}

/// <summary>Why a rule spoke against an action.</summary>
public sealed record PolicyReason
{
    /// <summary>The rule's id; <c>defaults</c> when no rule allowed it.</summary>
    public required string Rule { get; init; }

    /// <summary>The rule's code, stable for programs; by default made of its id, such as <c>SPEND_LIMIT</c>.</summary>
    public required string Code { get; init; }

    /// <summary><c>deny</c>, <c>require_approval</c>, <c>lock</c>, <c>rate</c>, <c>budget</c> or <c>approval</c>.</summary>
    public required string Effect { get; init; }

    /// <summary>The rule's message, or a sentence made of its condition.</summary>
    public required string Message { get; init; }

    /// <summary>Where the rule's condition stands: <c>name.yaml:line:column</c>.</summary>
    public required string At { get; init; }

    /// <summary>The inputs that the condition read, by path.</summary>
    public IReadOnlyDictionary<string, JsonElement>? Values { get; init; }

    /// <summary>What would make the rule silent, such as <c>metadata.estimated_cost &lt;= 100</c>: each of them has to hold.</summary>
    public IReadOnlyList<string>? ToChange { get; init; }

    /// <summary>Milliseconds after which the same check may succeed; only for a rate, and for a budget whose window ends.</summary>
    public long? RetryAfterMs { get; init; }
}

/// <summary>What an allow stands on.</summary>
public sealed record PolicyObligations
{
    /// <summary>The lease that was shown.</summary>
    public LockObligation? Lock { get; init; }

    /// <summary>Places taken in rates.</summary>
    public IReadOnlyList<RateObligation>? Rate { get; init; }

    /// <summary>What was reserved, one for each rule: commit the real cost, or release it.</summary>
    public IReadOnlyList<BudgetObligation>? Budget { get; init; }

    /// <summary>The approval that was used.</summary>
    public ApprovalObligation? Approval { get; init; }
}

/// <summary>An amount that is held on budgets.</summary>
public sealed record BudgetObligation
{
    /// <summary>The rule's id.</summary>
    public required string Rule { get; init; }

    /// <summary>Names it in <c>POST /v1/budgets/reservations/{id}/commit</c>; absent when nothing was taken, as in a dry run.</summary>
    public string? ReservationId { get; init; }

    /// <summary>Of every amount here.</summary>
    public required string Unit { get; init; }

    /// <summary>What is held.</summary>
    public required long Amount { get; init; }

    /// <summary>Until when.</summary>
    public required DateTimeOffset ExpiresAt { get; init; }

    /// <summary>How long from now on, in ms.</summary>
    public required long ExpiresInMs { get; init; }

    /// <summary>Each budget after the reservation.</summary>
    public required IReadOnlyList<BudgetLine> Budgets { get; init; }
}

/// <summary>A live lease of the caller on the resource.</summary>
public sealed record LockObligation
{
    /// <summary>The lease; absent when it is the very one that is being requested.</summary>
    public string? LockId { get; init; }

    /// <summary>How long it still lives, in ms.</summary>
    public long? ExpiresInMs { get; init; }
}

/// <summary>A place in a rate.</summary>
public sealed record RateObligation
{
    /// <summary>The rule's id.</summary>
    public required string Rule { get; init; }

    /// <summary>How many more fit into the window.</summary>
    public required int Remaining { get; init; }

    /// <summary>When the oldest place of the window becomes free, in ms.</summary>
    public required long ResetsInMs { get; init; }
}

/// <summary>What people said yes to, used for this allow.</summary>
public sealed record ApprovalObligation
{
    /// <summary>The approval, which is used up now; absent for a standing grant.</summary>
    public string? ApprovalId { get; init; }

    /// <summary>The standing grant.</summary>
    public string? GrantId { get; init; }

    /// <summary>Who said yes.</summary>
    public required IReadOnlyList<string> By { get; init; }

    /// <summary>How often the standing grant can still be used.</summary>
    public int? UsesLeft { get; init; }
}

/// <summary>Who has to say yes.</summary>
public sealed record PolicyApproval
{
    /// <summary>The approval that was opened, or that waits for the same thing; absent when the caller only wanted to know.</summary>
    public string? ApprovalId { get; init; }

    /// <summary><c>pending</c>, or <c>approved</c>: then send its id as <c>approval_id</c>.</summary>
    public string? State { get; init; }

    /// <summary>The group of the rule's <c>approvers</c>.</summary>
    public required string Group { get; init; }

    /// <summary>How many of them.</summary>
    public required int Quorum { get; init; }

    /// <summary>How long a request for approval stays open, in ms; how long it can be used once it is approved.</summary>
    public required long ExpiresInMs { get; init; }

    /// <summary>When that ends.</summary>
    public DateTimeOffset? ExpiresAt { get; init; }
}
