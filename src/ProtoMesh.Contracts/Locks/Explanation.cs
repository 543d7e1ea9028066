namespace ProtoMesh.Contracts.Locks;

/// <summary>The 200 of <c>GET /v1/locks/{id}/explain</c>: why am I waiting, and what would help?</summary>
public sealed record Explanation
{
    /// <summary>The request.</summary>
    public required string LockId { get; init; }

    /// <summary>One of <see cref="LockState"/>.</summary>
    public required string State { get; init; }

    /// <summary>A waiter's place, 1 for the next.</summary>
    public int? Position { get; init; }

    /// <summary>The answer in sentences for a person or a model.</summary>
    public required IReadOnlyList<string> Sentences { get; init; }

    /// <summary>Who holds what the request needs.</summary>
    public required IReadOnlyList<Blocker> BlockedBy { get; init; }

    /// <summary>Who will be granted sooner, the next one first.</summary>
    public required IReadOnlyList<ExplainedWaiter> Ahead { get; init; }

    /// <summary>The request's own part in the order.</summary>
    public ExplainedSelf? Self { get; init; }

    /// <summary>An estimate in milliseconds; absent when there is nothing to estimate from.</summary>
    public long? ExpectedWaitMs { get; init; }

    /// <summary>What would bring the grant nearer.</summary>
    public required IReadOnlyList<Remedy> WouldHelp { get; init; }
}

/// <summary>A waiter that is ahead of the one that asks.</summary>
public sealed record ExplainedWaiter
{
    /// <summary>Its request.</summary>
    public required string LockId { get; init; }

    /// <summary>Who waits.</summary>
    public required string AgentId { get; init; }

    /// <summary>0-9, higher is sooner.</summary>
    public required int Priority { get; init; }

    /// <summary>Milliseconds for which it has waited.</summary>
    public required long WaitedMs { get; init; }

    /// <summary>Milliseconds that its priority is worth: priority × AgeingMs.</summary>
    public required long HeadStartMs { get; init; }

    /// <summary>Arrival less head start, in ms since 1970: the lowest is granted first.</summary>
    public required long Score { get; init; }
}

/// <summary>The asking waiter's own part in the order.</summary>
public sealed record ExplainedSelf
{
    /// <summary>0-9, higher is sooner.</summary>
    public required int Priority { get; init; }

    /// <summary>Milliseconds for which it has waited.</summary>
    public required long WaitedMs { get; init; }

    /// <summary>Milliseconds that its priority is worth: priority × AgeingMs.</summary>
    public required long HeadStartMs { get; init; }

    /// <summary>Arrival less head start, in ms since 1970: the lowest is granted first.</summary>
    public required long Score { get; init; }
}

/// <summary>Something that would bring a grant nearer.</summary>
public sealed record Remedy
{
    /// <summary>The call that does it, such as <c>reprioritize</c>.</summary>
    public required string Action { get; init; }

    /// <summary>What it would do, for a person or a model.</summary>
    public required string Sentence { get; init; }
}
