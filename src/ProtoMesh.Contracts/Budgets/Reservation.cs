namespace ProtoMesh.Contracts.Budgets;

/// <summary>An amount that is held on budgets, and what became of it. Amounts are whole numbers of <see cref="Unit"/>.</summary>
public sealed record Reservation
{
    /// <summary>Names it in a commit and in the ledger.</summary>
    public required string ReservationId { get; init; }

    /// <summary>Where its budgets are.</summary>
    public required string Namespace { get; init; }

    /// <summary>Who spends.</summary>
    public required string AgentId { get; init; }

    /// <summary>The run that it belongs to.</summary>
    public string? RunId { get; init; }

    /// <summary>One of <see cref="ReservationState"/>.</summary>
    public required string State { get; init; }

    /// <summary><c>usd</c> (micro-dollars), <c>tokens</c>, <c>calls</c>, or a word of the policy's own.</summary>
    public required string Unit { get; init; }

    /// <summary>What was held.</summary>
    public required long Amount { get; init; }

    /// <summary>When, by the store's clock.</summary>
    public required DateTimeOffset CreatedAt { get; init; }

    /// <summary>Until when it is held.</summary>
    public required DateTimeOffset ExpiresAt { get; init; }

    /// <summary>How long it is held from now on, in ms; 0 when it is held no more.</summary>
    public required long ExpiresInMs { get; init; }

    /// <summary>Each budget as it stands now.</summary>
    public required IReadOnlyList<BudgetLine> Budgets { get; init; }

    /// <summary>What was posted: the claimed cost or the recomputed one, the larger when they are disputed.</summary>
    public long? Actual { get; init; }

    /// <summary>True when it was committed after the hold had expired.</summary>
    public bool? Late { get; init; }

    /// <summary>True when more was spent than was held.</summary>
    public bool? Overrun { get; init; }

    /// <summary><c>claimed</c>, <c>recomputed</c>, <c>disputed</c> or <c>unpriced</c>.</summary>
    public string? Verification { get; init; }

    /// <summary>The cost that the caller told.</summary>
    public long? Claimed { get; init; }

    /// <summary>What the usage costs by the price table.</summary>
    public long? Recomputed { get; init; }

    /// <summary>When it was committed, was released or expired.</summary>
    public DateTimeOffset? SettledAt { get; init; }
}

/// <summary>The states of a reservation.</summary>
public static class ReservationState
{
    /// <summary>The amount is held.</summary>
    public const string Held = "held";

    /// <summary>The real cost was posted.</summary>
    public const string Committed = "committed";

    /// <summary>Nothing was spent.</summary>
    public const string Released = "released";

    /// <summary>Nobody said what it cost in time; a late commit still counts.</summary>
    public const string Expired = "expired";
}

/// <summary>One counter of a budget: what its key has used in its window.</summary>
public sealed record BudgetLine
{
    /// <summary>The budget.</summary>
    public required string Name { get; init; }

    /// <summary>Whose counter it is; absent when the budget has one for all.</summary>
    public string? Key { get; init; }

    /// <summary>The cap with what was topped up.</summary>
    public required long Cap { get; init; }

    /// <summary>What was really spent.</summary>
    public required long Spent { get; init; }

    /// <summary>What is held for reservations.</summary>
    public required long Held { get; init; }

    /// <summary>What can still be reserved.</summary>
    public required long Left { get; init; }

    /// <summary>Absent for a rolling window and for a lifetime.</summary>
    public DateTimeOffset? WindowStartedAt { get; init; }

    /// <summary>Absent for a rolling window and for a lifetime.</summary>
    public DateTimeOffset? WindowEndsAt { get; init; }
}
