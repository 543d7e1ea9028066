using ProtoMesh.Contracts.Policies;

namespace ProtoMesh.Contracts.Locks;

/// <summary>The 200 of <c>POST /v1/locks/{id}/renew</c>.</summary>
public sealed record RenewedLock
{
    /// <summary>The lease.</summary>
    public required string LockId { get; init; }

    /// <summary>Always <c>granted</c>.</summary>
    public string State { get; init; } = LockState.Granted;

    /// <summary>When it ends without a further renewal, by the store's clock.</summary>
    public required DateTimeOffset ExpiresAt { get; init; }

    /// <summary>Milliseconds from the script's run to <see cref="ExpiresAt"/>.</summary>
    public required long ExpiresInMs { get; init; }

    /// <summary>Milliseconds for which the request was held open before the script ran.</summary>
    public required long ServedMs { get; init; }

    /// <summary>When the lease ends however often it is renewed, by the store's clock.</summary>
    public required DateTimeOffset HoldEndsAt { get; init; }

    /// <summary>Who waits, so that a polite holder can yield.</summary>
    public required Waiters Waiters { get; init; }
}

/// <summary>Who waits for a lease's resources.</summary>
public sealed record Waiters
{
    /// <summary>How many.</summary>
    public required int Count { get; init; }

    /// <summary>The highest priority among them, 0-9; absent when nobody waits.</summary>
    public int? TopPriority { get; init; }
}

/// <summary>The 200 of <c>POST /v1/locks/renew</c>.</summary>
public sealed record RenewResults
{
    /// <summary>One for each lease of the request, in its order.</summary>
    public required IReadOnlyList<RenewResult> Results { get; init; }
}

/// <summary>What became of one renewal in a batch: the fields of <see cref="RenewedLock"/>, or a problem.</summary>
public sealed record RenewResult
{
    /// <summary>The lease.</summary>
    public required string LockId { get; init; }

    /// <summary><c>granted</c> when it was renewed; otherwise absent, and <see cref="Problem"/> says why not.</summary>
    public string? State { get; init; }

    /// <summary>When it ends without a further renewal, by the store's clock.</summary>
    public DateTimeOffset? ExpiresAt { get; init; }

    /// <summary>Milliseconds from the script's run to <see cref="ExpiresAt"/>.</summary>
    public long? ExpiresInMs { get; init; }

    /// <summary>Milliseconds for which the request was held open before the script ran.</summary>
    public long? ServedMs { get; init; }

    /// <summary>When the lease ends however often it is renewed, by the store's clock.</summary>
    public DateTimeOffset? HoldEndsAt { get; init; }

    /// <summary>Who waits.</summary>
    public Waiters? Waiters { get; init; }

    /// <summary>What the single call would have answered instead of 200.</summary>
    public Problem? Problem { get; init; }
}

/// <summary>The 200 of <c>POST /v1/locks/{id}/release</c> and of both cancels.</summary>
public sealed record ReleasedLock
{
    /// <summary>The request.</summary>
    public required string LockId { get; init; }

    /// <summary><c>released</c>, or <c>cancelled</c> when it was still waiting; how it had ended before, when it had.</summary>
    public required string State { get; init; }
}

/// <summary>The 200 of <c>POST /v1/locks?dry_run=true</c>: what would happen now, without the effect.</summary>
public sealed record DryRunVerdict
{
    /// <summary>True if the request would be granted at once.</summary>
    public required bool GrantedNow { get; init; }

    /// <summary>The place it would take, 1 for the next; absent when granted at once.</summary>
    public int? Position { get; init; }

    /// <summary>How many wait now.</summary>
    public required int QueueLength { get; init; }

    /// <summary>An estimate in milliseconds; absent when there is nothing to estimate from.</summary>
    public long? ExpectedWaitMs { get; init; }

    /// <summary>Who holds what it needs.</summary>
    public required IReadOnlyList<Blocker> BlockedBy { get; init; }

    /// <summary>What the policy says to the action that the request named; nothing is granted when it is not an allow.</summary>
    public PolicyDecision? Decision { get; init; }
}

/// <summary>The 200 of <c>POST /v1/resources/force-release</c>.</summary>
public sealed record ForceReleased
{
    /// <summary>The resource's namespace.</summary>
    public required string Namespace { get; init; }

    /// <summary>The resource.</summary>
    public required string Resource { get; init; }

    /// <summary>Who was cut off; empty when nobody held it.</summary>
    public required IReadOnlyList<ForceReleasedHold> Released { get; init; }

    /// <summary>When it can be granted again, by the store's clock: after the last deadline its holders were told, or now.</summary>
    public required DateTimeOffset GrantableAt { get; init; }

    /// <summary>Milliseconds until <see cref="GrantableAt"/>.</summary>
    public required long GrantableInMs { get; init; }

    /// <summary>How many wait for it.</summary>
    public required int QueueLength { get; init; }
}

/// <summary>A hold that an operator ended.</summary>
public sealed record ForceReleasedHold
{
    /// <summary>Its lease.</summary>
    public required string LockId { get; init; }

    /// <summary>Who held it.</summary>
    public required string AgentId { get; init; }

    /// <summary>Milliseconds for which it had held.</summary>
    public required long HeldMs { get; init; }
}

/// <summary>The 200 of <c>POST /v1/fences/validate</c>.</summary>
public sealed record FenceVerdict
{
    /// <summary>True when the token is a live lease's of this resource at this moment.</summary>
    public required bool Valid { get; init; }

    /// <summary><c>held</c>, <c>superseded</c> (a newer token holds it), <c>not_held</c>, or <c>unknown</c> (nobody was given this token).</summary>
    public required string Reason { get; init; }
}
