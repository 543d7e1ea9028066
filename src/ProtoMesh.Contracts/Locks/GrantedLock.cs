using System.Text.Json.Serialization;
using ProtoMesh.Contracts.Policies;

namespace ProtoMesh.Contracts.Locks;

/// <summary>
/// A live lease, as only its owner sees it: the 200 of <c>POST /v1/locks</c>, <c>/wait</c> and <c>/transfer</c>.
/// </summary>
public sealed record GrantedLock
{
    /// <summary><c>{request_id}.{partition}</c>.</summary>
    public required string LockId { get; init; }

    /// <summary>The id that the request was sent with, or the one that the server made.</summary>
    public required string RequestId { get; init; }

    /// <summary>Always <c>granted</c>.</summary>
    public string State { get; init; } = LockState.Granted;

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

    /// <summary>Slots that this lease takes; only with mode <c>slots</c>.</summary>
    public int? Units { get; init; }

    /// <summary>The holder.</summary>
    public required string AgentId { get; init; }

    /// <summary>The run of the holder.</summary>
    public string? SessionId { get; init; }

    /// <summary>What it is for, as the policies know it; absent when the request named no action.</summary>
    public string? Action { get; init; }

    /// <summary>The decision that allowed it; absent when the request named no action.</summary>
    public PolicyStamp? Decision { get; init; }

    /// <summary>0-9, higher is sooner.</summary>
    public required int Priority { get; init; }

    /// <summary>Greater than every token granted before in the partition, below 2^53, constant over renewals.</summary>
    public required long FencingToken { get; init; }

    /// <summary>When it was granted, by the store's clock.</summary>
    public required DateTimeOffset GrantedAt { get; init; }

    /// <summary>When it ends without a renewal, by the store's clock.</summary>
    public required DateTimeOffset ExpiresAt { get; init; }

    /// <summary>Milliseconds from the script's run to <see cref="ExpiresAt"/>.</summary>
    public required long ExpiresInMs { get; init; }

    /// <summary>Milliseconds for which the request was held open before the script ran.</summary>
    public required long ServedMs { get; init; }

    /// <summary>When the lease ends however often it is renewed, by the store's clock.</summary>
    public required DateTimeOffset HoldEndsAt { get; init; }

    /// <summary>Milliseconds from the request's arrival to its grant.</summary>
    public required long WaitedMs { get; init; }

    /// <summary>Has anyone else held this since the agent last did? Null when that is not known.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.Never)]
    public required bool? ChangedSinceLastHeld { get; init; }

    /// <summary>How the last hold of the resource ended; absent when none is remembered.</summary>
    public PreviousHold? Previous { get; init; }
}

/// <summary>One of several resources that are locked together.</summary>
public sealed record LockedResource
{
    /// <summary><c>type/id</c>.</summary>
    public required string Resource { get; init; }

    /// <summary>One of <see cref="LockMode"/>.</summary>
    public required string Mode { get; init; }

    /// <summary>Slots that the resource has; only with mode <c>slots</c>.</summary>
    public int? Capacity { get; init; }

    /// <summary>Slots that this lease takes; only with mode <c>slots</c>.</summary>
    public int? Units { get; init; }
}

/// <summary>How the hold before this one ended. After <c>expired</c> its work may be half written.</summary>
public sealed record PreviousHold
{
    /// <summary>Who held it.</summary>
    public required string AgentId { get; init; }

    /// <summary><c>released</c>, <c>expired</c>, <c>abandoned</c>, <c>force_released</c> or <c>transferred</c>.</summary>
    public required string Ended { get; init; }

    /// <summary>What its holder said when it released.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.Never)]
    public string? Note { get; init; }

    /// <summary>When it ended, by the store's clock.</summary>
    public required DateTimeOffset EndedAt { get; init; }
}
