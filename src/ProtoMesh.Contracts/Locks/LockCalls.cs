using System.Text.Json.Serialization;

namespace ProtoMesh.Contracts.Locks;

/// <summary>The body of <c>POST /v1/locks/{id}/renew</c>.</summary>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
public sealed record RenewLock
{
    /// <summary>The lease's token, required.</summary>
    public long? FencingToken { get; init; }

    /// <summary>The new time to live from now, 1,000 ms to <c>MaxTtlMs</c>; the request's. A renewal never shortens.</summary>
    public long? TtlMs { get; init; }

    /// <summary>What the holder is doing, shown to whoever waits: up to 500 bytes; the last one stays.</summary>
    public string? Progress { get; init; }
}

/// <summary>The body of <c>POST /v1/locks/renew</c>.</summary>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
public sealed record RenewLocks
{
    /// <summary>1-1,000 leases.</summary>
    public IReadOnlyList<RenewLocksItem>? Locks { get; init; }
}

/// <summary>One lease of <see cref="RenewLocks"/>.</summary>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
public sealed record RenewLocksItem
{
    /// <summary>The lease, required.</summary>
    public string? LockId { get; init; }

    /// <summary>Its token, required.</summary>
    public long? FencingToken { get; init; }

    /// <summary>The new time to live from now, 1,000 ms to <c>MaxTtlMs</c>; the request's.</summary>
    public long? TtlMs { get; init; }
}

/// <summary>The body of <c>POST /v1/locks/{id}/release</c>.</summary>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
public sealed record ReleaseLock
{
    /// <summary>The lease's token, required.</summary>
    public long? FencingToken { get; init; }

    /// <summary>What the next holder should know: up to 500 bytes.</summary>
    public string? Note { get; init; }
}

/// <summary>
/// The body of <c>POST /v1/locks/cancel</c>: ends a request of which only the caller's own id is known because the
/// reply was lost. Any one of the request's resources finds it.
/// </summary>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
public sealed record CancelLock
{
    /// <summary>The id that the request was sent with, required.</summary>
    public string? RequestId { get; init; }

    /// <summary>The request's namespace; <c>default</c>.</summary>
    public string? Namespace { get; init; }

    /// <summary>The request's resource, or one of its resources, required.</summary>
    public string? Resource { get; init; }
}

/// <summary>The body of <c>POST /v1/locks/{id}/transfer</c>.</summary>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
public sealed record TransferLock
{
    /// <summary>The lease's token, required. It is lost by the call.</summary>
    public long? FencingToken { get; init; }

    /// <summary>The agent that holds the lease from now on: 1-128 bytes, required.</summary>
    public string? ToAgentId { get; init; }

    /// <summary>The run of that agent: 1-128 bytes.</summary>
    public string? ToSessionId { get; init; }
}

/// <summary>The body of <c>POST /v1/locks/{id}/reprioritize</c>.</summary>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
public sealed record ReprioritizeLock
{
    /// <summary>The waiter's new priority, 0-9, higher is sooner, required.</summary>
    public int? Priority { get; init; }
}

/// <summary>The body of <c>POST /v1/resources/force-release</c>.</summary>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
public sealed record ForceRelease
{
    /// <summary>The resource's namespace; <c>default</c>.</summary>
    public string? Namespace { get; init; }

    /// <summary>The resource to free, required.</summary>
    public string? Resource { get; init; }

    /// <summary>Why, kept in the journal: 1-500 bytes, required.</summary>
    public string? Reason { get; init; }

    /// <summary>True grants it again at once instead of after the last deadline that its holders were told; false.</summary>
    public bool? Immediate { get; init; }
}

/// <summary>The body of <c>POST /v1/fences/validate</c>.</summary>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
public sealed record ValidateFence
{
    /// <summary>The resource's namespace; <c>default</c>.</summary>
    public string? Namespace { get; init; }

    /// <summary>The resource that is about to be written, required.</summary>
    public string? Resource { get; init; }

    /// <summary>The token that the writer presents, required.</summary>
    public long? FencingToken { get; init; }
}
