using System.Text.Json.Serialization;
using ProtoMesh.Contracts.Policies;

namespace ProtoMesh.Contracts.Locks;

/// <summary>
/// A request in any state as anybody may see it, never with its token: <c>GET /v1/locks/{id}</c> and the lists. What
/// does not belong to the state is absent.
/// </summary>
public sealed record ObservedLock
{
    /// <summary><c>{request_id}.{partition}</c>.</summary>
    public required string LockId { get; init; }

    /// <summary>One of <see cref="LockState"/>.</summary>
    public required string State { get; init; }

    /// <summary>The resource's namespace.</summary>
    public required string Namespace { get; init; }

    /// <summary>The resource; null when the request named several, or when only its end is still known.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.Never)]
    public required string? Resource { get; init; }

    /// <summary>The resources of a request that named several.</summary>
    public IReadOnlyList<LockedResource>? Resources { get; init; }

    /// <summary>One of <see cref="LockMode"/>.</summary>
    public string? Mode { get; init; }

    /// <summary>Slots that the resource has; only with mode <c>slots</c>.</summary>
    public int? Capacity { get; init; }

    /// <summary>Slots that this request takes; only with mode <c>slots</c>.</summary>
    public int? Units { get; init; }

    /// <summary>Whose request it is.</summary>
    public string? AgentId { get; init; }

    /// <summary>What it is for, as the policies know it; absent when the request named no action.</summary>
    public string? Action { get; init; }

    /// <summary>The decision that allowed it; absent when the request named no action.</summary>
    public PolicyStamp? Decision { get; init; }

    /// <summary>0-9, higher is sooner.</summary>
    public int? Priority { get; init; }

    /// <summary>What it said the lease is for.</summary>
    public string? Reason { get; init; }

    /// <summary>What a holder said last while it renewed.</summary>
    public string? Progress { get; init; }

    /// <summary>The request's labels.</summary>
    public IReadOnlyDictionary<string, string>? Labels { get; init; }

    /// <summary>When it arrived, by the store's clock.</summary>
    public DateTimeOffset? EnqueuedAt { get; init; }

    /// <summary>Milliseconds for which it has waited, or waited until its grant.</summary>
    public long? WaitedMs { get; init; }

    /// <summary>When a waiter gives up, by the store's clock.</summary>
    public DateTimeOffset? WaitEndsAt { get; init; }

    /// <summary>A waiter's place, 1 for the next.</summary>
    public int? Position { get; init; }

    /// <summary>How many wait for the same resource, this one included.</summary>
    public int? QueueLength { get; init; }

    /// <summary>Who holds what a waiter needs.</summary>
    public IReadOnlyList<Blocker>? BlockedBy { get; init; }

    /// <summary>When it was granted, by the store's clock.</summary>
    public DateTimeOffset? GrantedAt { get; init; }

    /// <summary>Milliseconds for which a holder has held.</summary>
    public long? HeldMs { get; init; }

    /// <summary>When a holder's lease ends without a renewal, by the store's clock.</summary>
    public DateTimeOffset? ExpiresAt { get; init; }

    /// <summary>Milliseconds until <see cref="ExpiresAt"/>.</summary>
    public long? ExpiresInMs { get; init; }

    /// <summary>When a holder's lease ends however often it is renewed, by the store's clock.</summary>
    public DateTimeOffset? HoldEndsAt { get; init; }

    /// <summary>When it ended, by the store's clock.</summary>
    public DateTimeOffset? EndedAt { get; init; }

    /// <summary>Why it ended, where the state alone does not say it.</summary>
    public string? EndedBecause { get; init; }
}
