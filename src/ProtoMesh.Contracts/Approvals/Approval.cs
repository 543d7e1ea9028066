using System.Text.Json;
using ProtoMesh.Contracts.Policies;

namespace ProtoMesh.Contracts.Approvals;

/// <summary>What an agent wants to do, who has to say yes, and what became of it.</summary>
public sealed record Approval
{
    /// <summary>To show as <c>approval_id</c> with the repeated request; a UUIDv7.</summary>
    public required string ApprovalId { get; init; }

    /// <summary>Where.</summary>
    public required string Namespace { get; init; }

    /// <summary><c>pending</c>, <c>approved</c>, <c>denied</c>, <c>expired</c>, <c>cancelled</c>, <c>superseded</c>, <c>consumed</c>, <c>lapsed</c> or <c>revoked</c>.</summary>
    public required string State { get; init; }

    /// <summary>Who wants it.</summary>
    public required string AgentId { get; init; }

    /// <summary>Which run of the agent.</summary>
    public string? RunId { get; init; }

    /// <summary>What it wants to do.</summary>
    public required string Action { get; init; }

    /// <summary>What to, when that is one resource.</summary>
    public string? Resource { get; init; }

    /// <summary>What to, when that is several.</summary>
    public IReadOnlyList<string>? Resources { get; init; }

    /// <summary>What the agent said of it, or an approver made of that.</summary>
    public required JsonElement Metadata { get; init; }

    /// <summary>What the agent tells whoever decides.</summary>
    public string? Reason { get; init; }

    /// <summary>The rules that ask for the approval.</summary>
    public required IReadOnlyList<ApprovalRule> Rules { get; init; }

    /// <summary>The version of the policy that they are of.</summary>
    public required PolicyReference Policy { get; init; }

    /// <summary>Whose yes is needed.</summary>
    public required string Group { get; init; }

    /// <summary>How many of them.</summary>
    public required int Quorum { get; init; }

    /// <summary>What they have said.</summary>
    public required IReadOnlyList<ApprovalVote> Votes { get; init; }

    /// <summary>SHA-256 of what may be done: namespace, agent, action, resources, metadata and policy.</summary>
    public required string Digest { get; init; }

    /// <summary>True when an approver changed the metadata: only the changed request may be made.</summary>
    public bool? Edited { get; init; }

    /// <summary>When it was asked for.</summary>
    public required DateTimeOffset RequestedAt { get; init; }

    /// <summary>When it expires if nobody decides.</summary>
    public required DateTimeOffset ExpiresAt { get; init; }

    /// <summary>How long that is from now, in ms; 0 when it is decided.</summary>
    public required long ExpiresInMs { get; init; }

    /// <summary>When it was decided or ended.</summary>
    public DateTimeOffset? DecidedAt { get; init; }

    /// <summary>Until when an approved one can be used.</summary>
    public DateTimeOffset? ValidUntil { get; init; }

    /// <summary>When it was used.</summary>
    public DateTimeOffset? ConsumedAt { get; init; }

    /// <summary>The request that used it.</summary>
    public string? ConsumedBy { get; init; }

    /// <summary>Who cancelled or revoked it.</summary>
    public string? EndedBy { get; init; }

    /// <summary>How many requests wait for its resources at this moment; only of a single one that is pending.</summary>
    public long? WaitsBehind { get; init; }
}

/// <summary>A rule that asks for an approval.</summary>
public sealed record ApprovalRule
{
    /// <summary>Its id.</summary>
    public required string Rule { get; init; }

    /// <summary>Where its condition stands: <c>name.yaml:line:column</c>.</summary>
    public required string At { get; init; }

    /// <summary>Its message, or a sentence made of its condition.</summary>
    public required string Message { get; init; }
}

/// <summary>What one approver said.</summary>
public sealed record ApprovalVote
{
    /// <summary>A key's name and id, or the name that was claimed while there were no keys.</summary>
    public required string Approver { get; init; }

    /// <summary><c>approve</c> or <c>deny</c>.</summary>
    public required string Vote { get; init; }

    /// <summary>Why.</summary>
    public string? Comment { get; init; }

    /// <summary>When.</summary>
    public required DateTimeOffset At { get; init; }
}

/// <summary>A page of <c>GET /v1/approvals</c>.</summary>
public sealed record ApprovalPage
{
    /// <summary>The newest first.</summary>
    public required IReadOnlyList<Approval> Approvals { get; init; }

    /// <summary>Asks for the next page; absent on the last.</summary>
    public string? NextPageToken { get; init; }
}

/// <summary>A yes in advance.</summary>
public sealed record StandingGrant
{
    /// <summary>Its id; a UUIDv7.</summary>
    public required string GrantId { get; init; }

    /// <summary>Where.</summary>
    public required string Namespace { get; init; }

    /// <summary><c>active</c>, <c>lapsed</c>, <c>revoked</c> or <c>used_up</c>.</summary>
    public required string State { get; init; }

    /// <summary>For rules that ask this group.</summary>
    public required string Group { get; init; }

    /// <summary>For this agent; absent for any.</summary>
    public string? AgentId { get; init; }

    /// <summary>For exactly this action.</summary>
    public required string Action { get; init; }

    /// <summary>On exactly this resource; absent for what names none.</summary>
    public string? Resource { get; init; }

    /// <summary>CEL over what the rules see; it has to hold.</summary>
    public string? Condition { get; init; }

    /// <summary>How often it may be used.</summary>
    public required int Uses { get; init; }

    /// <summary>How often it was.</summary>
    public required int Used { get; init; }

    /// <summary>Why it was given.</summary>
    public string? Comment { get; init; }

    /// <summary>Who gave it.</summary>
    public required string By { get; init; }

    /// <summary>When.</summary>
    public required DateTimeOffset CreatedAt { get; init; }

    /// <summary>When it lapses.</summary>
    public required DateTimeOffset ExpiresAt { get; init; }

    /// <summary>How long that is from now, in ms.</summary>
    public required long ExpiresInMs { get; init; }

    /// <summary>When it was revoked.</summary>
    public DateTimeOffset? RevokedAt { get; init; }

    /// <summary>By whom.</summary>
    public string? RevokedBy { get; init; }
}

/// <summary>A page of <c>GET /v1/approvals/grants</c>.</summary>
public sealed record StandingGrantPage
{
    /// <summary>The newest first.</summary>
    public required IReadOnlyList<StandingGrant> Grants { get; init; }

    /// <summary>Asks for the next page; absent on the last.</summary>
    public string? NextPageToken { get; init; }
}
