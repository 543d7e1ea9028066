using System.Text.Json.Serialization;

namespace ProtoMesh.Contracts.Access;

/// <summary>The body of <c>POST /v1/keys</c>.</summary>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
public sealed record CreateKey
{
    /// <summary>What it is called: 1-128 bytes.</summary>
    public string? Name { get; init; }

    /// <summary>What it is for: 1-500 bytes.</summary>
    public string? Comment { get; init; }

    /// <summary><c>agent</c>, <c>viewer</c>, <c>approver</c>, <c>operator</c>, <c>auditor</c> or <c>admin</c>; required.</summary>
    public string? Role { get; init; }

    /// <summary>The only namespace that it sees; <c>*</c>, all of them, for an admin alone. The maker's own, or <c>default</c>.</summary>
    public string? Namespace { get; init; }

    /// <summary>The agent that it speaks for: 1-128 bytes. The role <c>agent</c> needs this or <see cref="AgentPrefix"/>.</summary>
    public string? AgentId { get; init; }

    /// <summary>What the ids of the agents begin with that it may speak for: 1-128 bytes.</summary>
    public string? AgentPrefix { get; init; }

    /// <summary><c>agent.team</c> for the policies: 1-128 bytes.</summary>
    public string? Team { get; init; }

    /// <summary><c>agent.labels</c> for the policies: at most 16 of 64 and 256 bytes. The label <c>role</c> is their <c>agent.role</c>.</summary>
    public IReadOnlyDictionary<string, string>? Labels { get; init; }

    /// <summary>The groups of approvers that it is of: at most 16 of 64 bytes. A rule that asks for an approval names one.</summary>
    public IReadOnlyList<string>? Groups { get; init; }

    /// <summary>0-9: the highest priority that it may ask for. Absent: 9.</summary>
    public int? MaxPriority { get; init; }

    /// <summary>1,000-3,600,000: the longest ttl that it may ask for. Absent: what the service allows.</summary>
    public long? MaxTtlMs { get; init; }

    /// <summary>When it ends by itself. Absent: never.</summary>
    public DateTimeOffset? ExpiresAt { get; init; }
}

/// <summary>The body of <c>POST /v1/keys/{id}/rotate</c>.</summary>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
public sealed record RotateKey
{
    /// <summary>0-86,400,000: for how long the old text stays good. 3,600,000.</summary>
    public long? OverlapMs { get; init; }
}

/// <summary>A key without its secret, which is kept nowhere.</summary>
public sealed record ApiKey
{
    /// <summary>The part of its text that is no secret.</summary>
    public required string KeyId { get; init; }

    /// <summary><c>active</c>, <c>expired</c> or <c>revoked</c>.</summary>
    public required string State { get; init; }

    /// <summary>What it is called.</summary>
    public string? Name { get; init; }

    /// <summary>What it is for.</summary>
    public string? Comment { get; init; }

    /// <summary>What it may.</summary>
    public required string Role { get; init; }

    /// <summary>The role in full, such as <c>locks:acquire</c>.</summary>
    public required IReadOnlyList<string> Scopes { get; init; }

    /// <summary>The only namespace that it sees, or <c>*</c>.</summary>
    public required string Namespace { get; init; }

    /// <summary>The agent that it speaks for.</summary>
    public string? AgentId { get; init; }

    /// <summary>What the ids of the agents begin with that it may speak for.</summary>
    public string? AgentPrefix { get; init; }

    /// <summary><c>agent.team</c> for the policies.</summary>
    public string? Team { get; init; }

    /// <summary><c>agent.labels</c> for the policies.</summary>
    public IReadOnlyDictionary<string, string>? Labels { get; init; }

    /// <summary>The groups of approvers that it is of.</summary>
    public IReadOnlyList<string>? Groups { get; init; }

    /// <summary>The highest priority that it may ask for.</summary>
    public int? MaxPriority { get; init; }

    /// <summary>The longest ttl in milliseconds that it may ask for.</summary>
    public long? MaxTtlMs { get; init; }

    /// <summary>When it was made.</summary>
    public required DateTimeOffset CreatedAt { get; init; }

    /// <summary>The id of the key that made it, or <c>bootstrap</c>.</summary>
    public required string CreatedBy { get; init; }

    /// <summary>When it ends by itself.</summary>
    public DateTimeOffset? ExpiresAt { get; init; }

    /// <summary>When it got its present secret, if that is not its first.</summary>
    public DateTimeOffset? RotatedAt { get; init; }

    /// <summary>Until when the secret before is good.</summary>
    public DateTimeOffset? PreviousUntil { get; init; }

    /// <summary>When it was used last; replicas tell each other once a minute.</summary>
    public DateTimeOffset? LastUsedAt { get; init; }

    /// <summary>When it was revoked.</summary>
    public DateTimeOffset? RevokedAt { get; init; }

    /// <summary>The id of the key that revoked it.</summary>
    public string? RevokedBy { get; init; }
}

/// <summary>The answer to making or rotating a key: the only time that its text is shown.</summary>
public sealed record IssuedKey
{
    /// <summary>The text to send as <c>Authorization: Bearer</c>.</summary>
    public required string Key { get; init; }

    /// <summary>What it is.</summary>
    public required ApiKey Details { get; init; }
}

/// <summary>A page of <c>GET /v1/keys</c>.</summary>
public sealed record ApiKeyPage
{
    /// <summary>The keys of this page, in the order of their ids.</summary>
    public required IReadOnlyList<ApiKey> Keys { get; init; }

    /// <summary>Asks for the next page; absent on the last.</summary>
    public string? NextPageToken { get; init; }
}
