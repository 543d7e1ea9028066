using System.Text.Json.Serialization;

namespace ProtoMesh.Contracts.Legacy;

/// <summary>The answer of <c>POST /v1/locks/acquire</c>: <c>acquired</c>, or <c>queued</c> with the id of the lock that comes later.</summary>
public sealed record LegacyLock
{
    /// <summary><c>acquired</c>, <c>queued</c> or <c>error</c>.</summary>
    public required string Status { get; init; }

    /// <summary>Names the lock, also while it is still waited for.</summary>
    public string? LockId { get; init; }

    /// <summary>Acquired: seconds until it ends by itself.</summary>
    public long? ExpiresIn { get; init; }

    /// <summary>Queued: 1 is next.</summary>
    public int? Position { get; init; }

    /// <summary>Error: why.</summary>
    public string? Message { get; init; }
}

/// <summary>The answer of <c>POST /v1/locks/release</c>; a <see cref="LegacyError"/> when nothing was released.</summary>
public sealed record LegacyReleased
{
    /// <summary><c>released</c>.</summary>
    public string Status { get; init; } = "released";

    /// <summary>The agent that holds the resource now, or null.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.Never)]
    public string? NextAgent { get; init; }
}

/// <summary>A call that was understood and refused. It is still answered with HTTP 200.</summary>
public sealed record LegacyError
{
    /// <summary><c>error</c>.</summary>
    public string Status { get; init; } = "error";

    /// <summary>Why.</summary>
    public required string Message { get; init; }
}

/// <summary>The answer of <c>POST /v1/locks/cancel</c> to the first version's body.</summary>
public sealed record LegacyCancelled
{
    /// <summary><c>cancelled</c>.</summary>
    public string Status { get; init; } = "cancelled";

    /// <summary><c>removed_from_queue</c>, <c>released</c> (it was granted in the meantime), or <c>not_in_queue</c>.</summary>
    public required string Detail { get; init; }
}

/// <summary>The answer of <c>GET /v1/locks/{lock_id}/status</c>.</summary>
public sealed record LegacyStatus
{
    /// <summary><c>active</c>, or <c>expired</c> for a lock that is not held: not yet, not any more, or never.</summary>
    public required string Status { get; init; }

    /// <summary>Active: the holder.</summary>
    public string? AgentId { get; init; }

    /// <summary>Active: when it was granted, by the store's clock.</summary>
    public DateTimeOffset? AcquiredAt { get; init; }

    /// <summary>Active: as it was acquired.</summary>
    public string? ResourceType { get; init; }

    /// <summary>Active: as it was acquired.</summary>
    public string? ResourceId { get; init; }
}
