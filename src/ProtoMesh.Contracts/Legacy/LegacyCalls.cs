namespace ProtoMesh.Contracts.Legacy;

/// <summary>The body of <c>POST /v1/locks/acquire</c>. Unknown fields are ignored, as they always were.</summary>
public sealed record LegacyAcquire
{
    /// <summary>What kind of thing it is, such as <c>customer</c>.</summary>
    public required string ResourceType { get; init; }

    /// <summary>Which one: 1-512 bytes without control characters.</summary>
    public required string ResourceId { get; init; }

    /// <summary>Who asks: 1-128 bytes without control characters.</summary>
    public required string AgentId { get; init; }

    /// <summary>Higher is sooner; less than 0 counts as 0 and more than 10 as 10. 5.</summary>
    public int Priority { get; init; } = 5;

    /// <summary>Seconds until the lock ends by itself, from its grant on: 1 to the server's <c>Locks:MaxTtlMs</c>; 300.</summary>
    public int? Ttl { get; init; }
}

/// <summary>The body of <c>POST /v1/locks/release</c>.</summary>
public sealed record LegacyRelease
{
    /// <summary>The lock, as <c>acquire</c> named it.</summary>
    public required string LockId { get; init; }

    /// <summary>Its owner. A call without it is understood, but nobody releases a lock without saying whose it is.</summary>
    public string? AgentId { get; init; }
}

/// <summary>The first version's body of <c>POST /v1/locks/cancel</c>.</summary>
public sealed record LegacyCancel
{
    /// <summary>As in <see cref="LegacyAcquire"/>.</summary>
    public required string ResourceType { get; init; }

    /// <summary>As in <see cref="LegacyAcquire"/>.</summary>
    public required string ResourceId { get; init; }

    /// <summary>As in <see cref="LegacyAcquire"/>.</summary>
    public required string AgentId { get; init; }
}
