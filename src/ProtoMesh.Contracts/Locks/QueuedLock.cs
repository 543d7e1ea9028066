using System.Text.Json.Serialization;
using ProtoMesh.Contracts.Policies;

namespace ProtoMesh.Contracts.Locks;

/// <summary>A waiter, as its owner sees it: the 202 of <c>POST /v1/locks</c> and <c>/wait</c>, the 200 of <c>/reprioritize</c>.</summary>
public sealed record QueuedLock
{
    /// <summary><c>{request_id}.{partition}</c>.</summary>
    public required string LockId { get; init; }

    /// <summary>The id that the request was sent with, or the one that the server made.</summary>
    public required string RequestId { get; init; }

    /// <summary>Always <c>queued</c>.</summary>
    public string State { get; init; } = LockState.Queued;

    /// <summary>The resource's namespace.</summary>
    public required string Namespace { get; init; }

    /// <summary>The resource; null when the request named several.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.Never)]
    public required string? Resource { get; init; }

    /// <summary>The resources of a request that named several.</summary>
    public IReadOnlyList<LockedResource>? Resources { get; init; }

    /// <summary>One of <see cref="LockMode"/>; absent when the request named several resources.</summary>
    public string? Mode { get; init; }

    /// <summary>Slots that the resource has; only with mode <c>slots</c>.</summary>
    public int? Capacity { get; init; }

    /// <summary>Slots that this request takes; only with mode <c>slots</c>.</summary>
    public int? Units { get; init; }

    /// <summary>The agent that waits.</summary>
    public required string AgentId { get; init; }

    /// <summary>The run of the agent.</summary>
    public string? SessionId { get; init; }

    /// <summary>What it is for, as the policies know it; absent when the request named no action.</summary>
    public string? Action { get; init; }

    /// <summary>The decision that allowed it; absent when the request named no action.</summary>
    public PolicyStamp? Decision { get; init; }

    /// <summary>0-9, higher is sooner.</summary>
    public required int Priority { get; init; }

    /// <summary>1 for the next to be granted.</summary>
    public required int Position { get; init; }

    /// <summary>How many wait, this one included.</summary>
    public required int QueueLength { get; init; }

    /// <summary>When it arrived, by the store's clock.</summary>
    public required DateTimeOffset EnqueuedAt { get; init; }

    /// <summary>When it gives up, by the store's clock.</summary>
    public required DateTimeOffset WaitEndsAt { get; init; }

    /// <summary>Milliseconds after which a waiter that has not called again is dropped; absent for a detached one.</summary>
    public long? CallAgainWithinMs { get; init; }

    /// <summary>An estimate in milliseconds from recent holds; absent when there is nothing to estimate from.</summary>
    public long? ExpectedWaitMs { get; init; }

    /// <summary>Milliseconds for which the request was held open before the script ran.</summary>
    public required long ServedMs { get; init; }

    /// <summary>Who holds what this request needs.</summary>
    public required IReadOnlyList<Blocker> BlockedBy { get; init; }
}

/// <summary>A holder that somebody waits for.</summary>
public sealed record Blocker
{
    /// <summary>The holder's lease.</summary>
    public required string LockId { get; init; }

    /// <summary>The holder.</summary>
    public required string AgentId { get; init; }

    /// <summary>One of <see cref="LockMode"/>.</summary>
    public required string Mode { get; init; }

    /// <summary>What it said the lease is for.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.Never)]
    public string? Reason { get; init; }

    /// <summary>What it said last while it renewed.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.Never)]
    public string? Progress { get; init; }

    /// <summary>Milliseconds for which it has held.</summary>
    public required long HeldMs { get; init; }

    /// <summary>Milliseconds until it ends without a renewal.</summary>
    public required long ExpiresInMs { get; init; }
}
