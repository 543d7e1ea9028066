using System.Text.Json;
using System.Text.Json.Serialization;

namespace ProtoMesh.Contracts.Approvals;

/// <summary>The body of <c>POST /v1/approvals</c>: people are asked before the agent asks the policy.</summary>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
public sealed record RequestApproval
{
    /// <summary><c>[a-z0-9-]{1,40}</c>; <c>default</c>.</summary>
    public string? Namespace { get; init; }

    /// <summary>Who wants it: 1-128 bytes without control characters, required.</summary>
    public string? AgentId { get; init; }

    /// <summary>What it wants to do, such as <c>prod.deploy</c>: 1-128 of <c>[A-Za-z0-9_.:/-]</c>, required.</summary>
    public string? Action { get; init; }

    /// <summary>The <c>type/id</c> that it wants to do it to. Not with <see cref="Resources"/>.</summary>
    public string? Resource { get; init; }

    /// <summary>1-64 of them, each once, as a request for a lease names them.</summary>
    public IReadOnlyList<string>? Resources { get; init; }

    /// <summary>What the caller says of the action, a JSON object of at most 16 KB. The request that uses the approval has to say the same.</summary>
    public JsonElement? Metadata { get; init; }

    /// <summary>Which run of the agent asks: 1-128 bytes without control characters.</summary>
    public string? RunId { get; init; }

    /// <summary>What the agent tells whoever decides: 1-500 bytes without control characters.</summary>
    public string? Reason { get; init; }
}

/// <summary>The body of <c>POST /v1/approvals/{id}/approve</c>.</summary>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
public sealed record ApproveApproval
{
    /// <summary>Why: 1-500 bytes without control characters.</summary>
    public string? Comment { get; init; }

    /// <summary>What may be done instead of what was asked, in place of its metadata. It is decided again, and takes the place of earlier votes.</summary>
    public JsonElement? Metadata { get; init; }

    /// <summary>The digest of what was read: nothing is approved that it is not of. Required once somebody else has edited the request.</summary>
    public string? Digest { get; init; }

    /// <summary>1,000-86,400,000: how long it can be used once there are enough votes; 3,600,000. The last vote's counts.</summary>
    public long? ValidMs { get; init; }

    /// <summary>Who decides: 1-128 bytes, required while there are no keys, and only then.</summary>
    public string? Approver { get; init; }
}

/// <summary>The body of <c>POST /v1/approvals/{id}/deny</c> and <c>/revoke</c>, and of the revocation of a standing grant.</summary>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
public sealed record DenyApproval
{
    /// <summary>Why: 1-500 bytes without control characters.</summary>
    public string? Comment { get; init; }

    /// <summary>Who decides: 1-128 bytes, required while there are no keys, and only then.</summary>
    public string? Approver { get; init; }
}

/// <summary>The body of <c>POST /v1/approvals/{id}/cancel</c>, which says nothing.</summary>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
public sealed record CancelApproval;

/// <summary>The body of <c>POST /v1/approvals/grants</c>: a yes in advance, for rules with a quorum of 1.</summary>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
public sealed record CreateStandingGrant
{
    /// <summary><c>[a-z0-9-]{1,40}</c>; <c>default</c>.</summary>
    public string? Namespace { get; init; }

    /// <summary>For rules that ask this group, which the caller has to be of; required.</summary>
    public string? Group { get; init; }

    /// <summary>For this agent alone; absent for any but whoever gives it.</summary>
    public string? AgentId { get; init; }

    /// <summary>For exactly this action; required.</summary>
    public string? Action { get; init; }

    /// <summary>On exactly this <c>type/id</c>; absent for what names no resource.</summary>
    public string? Resource { get; init; }

    /// <summary>CEL over what the policy's rules see, at most 4,096 characters; it has to hold for each use.</summary>
    public string? Condition { get; init; }

    /// <summary>1,000-604,800,000 (7 days): when it lapses; required.</summary>
    public long? ExpiresInMs { get; init; }

    /// <summary>1-10,000: how often it may be used; required.</summary>
    public int? Uses { get; init; }

    /// <summary>Why: 1-500 bytes without control characters.</summary>
    public string? Comment { get; init; }

    /// <summary>Who gives it: 1-128 bytes, required while there are no keys, and only then.</summary>
    public string? Approver { get; init; }
}
