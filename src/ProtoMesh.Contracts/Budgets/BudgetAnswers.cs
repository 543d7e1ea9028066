namespace ProtoMesh.Contracts.Budgets;

/// <summary>The answer of <c>GET /v1/budgets</c>: what the active policy defines.</summary>
public sealed record BudgetList
{
    /// <summary>In the document's order.</summary>
    public required IReadOnlyList<Budget> Budgets { get; init; }

    /// <summary>The policy that defines them.</summary>
    public required BudgetPolicy Policy { get; init; }
}

/// <summary>Which version of which document defines the budgets.</summary>
public sealed record BudgetPolicy
{
    /// <summary>The document's name.</summary>
    public required string Name { get; init; }

    /// <summary>From 1.</summary>
    public required int Version { get; init; }

    /// <summary>SHA-256 of the document's bytes, in lower-case hex.</summary>
    public required string Sha256 { get; init; }
}

/// <summary>A budget as a policy defines it.</summary>
public sealed record Budget
{
    /// <summary>Its name in the policy.</summary>
    public required string Name { get; init; }

    /// <summary><c>usd</c> (micro-dollars), <c>tokens</c>, <c>calls</c>, or a word of the policy's own.</summary>
    public required string Unit { get; init; }

    /// <summary>The most that may be spent in a window.</summary>
    public required long Cap { get; init; }

    /// <summary>The expression that tells whose counter is used; absent when there is one for the namespace.</summary>
    public string? Key { get; init; }

    /// <summary>When it starts anew.</summary>
    public required BudgetWindowKind Window { get; init; }

    /// <summary>Percents of the cap that are told as events once they are spent.</summary>
    public required IReadOnlyList<int> Alert { get; init; }
}

/// <summary>One of <see cref="Calendar"/>, <see cref="RollingMs"/> and <see cref="Lifetime"/> is there.</summary>
public sealed record BudgetWindowKind
{
    /// <summary><c>hour</c>, <c>day</c>, <c>week</c> (from Monday) or <c>month</c>.</summary>
    public string? Calendar { get; init; }

    /// <summary>The IANA time zone of <see cref="Calendar"/>.</summary>
    public string? Tz { get; init; }

    /// <summary>The length of a window that always ends now.</summary>
    public long? RollingMs { get; init; }

    /// <summary>True when it never starts anew.</summary>
    public bool? Lifetime { get; init; }
}

/// <summary>How a counter stands, in the store and in the ledger.</summary>
public sealed record BudgetUsage
{
    /// <summary>The budget.</summary>
    public required string Name { get; init; }

    /// <summary>Whose counter; absent when the budget has one for all.</summary>
    public string? Key { get; init; }

    /// <summary>Of every amount here.</summary>
    public required string Unit { get; init; }

    /// <summary>The cap with what was topped up.</summary>
    public required long Cap { get; init; }

    /// <summary>By how much the cap was raised in this window.</summary>
    public required long ToppedUp { get; init; }

    /// <summary>What was really spent.</summary>
    public required long Spent { get; init; }

    /// <summary>What is held for reservations.</summary>
    public required long Held { get; init; }

    /// <summary>What can still be reserved.</summary>
    public required long Left { get; init; }

    /// <summary>How many commits claimed a cost that the price table does not confirm.</summary>
    public required long Disputed { get; init; }

    /// <summary>Absent for a rolling window and for a lifetime.</summary>
    public DateTimeOffset? WindowStartedAt { get; init; }

    /// <summary>Absent for a rolling window and for a lifetime.</summary>
    public DateTimeOffset? WindowEndsAt { get; init; }

    /// <summary>The sum of the ledger for this window; absent while the ledger is behind.</summary>
    public long? LedgerSpent { get; init; }

    /// <summary><see cref="Spent"/> less <see cref="LedgerSpent"/>: 0 unless a counter was lost or changed by hand.</summary>
    public long? Drift { get; init; }

    /// <summary>What <see cref="Drift"/> was before a rebuild.</summary>
    public long? DriftBefore { get; init; }

    /// <summary>By the store's clock.</summary>
    public required DateTimeOffset AsOf { get; init; }
}

/// <summary>A page of a budget's ledger, newest first.</summary>
public sealed record LedgerPage
{
    /// <summary>The entries of this page.</summary>
    public required IReadOnlyList<LedgerEntry> Entries { get; init; }

    /// <summary>Asks for the next page; absent on the last.</summary>
    public string? NextPageToken { get; init; }
}

/// <summary>A change of one budget. Entries are added and never changed.</summary>
public sealed record LedgerEntry
{
    /// <summary>Rises in the order in which the changes were committed.</summary>
    public required long Id { get; init; }

    /// <summary>When it happened, by the store's clock.</summary>
    public required DateTimeOffset At { get; init; }

    /// <summary><c>reserved</c>, <c>committed</c>, <c>released</c>, <c>expired</c>, <c>topped_up</c> or <c>rebuilt</c>.</summary>
    public required string Kind { get; init; }

    /// <summary>The budget.</summary>
    public required string Budget { get; init; }

    /// <summary>Whose counter; absent when the budget has one for all.</summary>
    public string? Key { get; init; }

    /// <summary>The reservation.</summary>
    public string? ReservationId { get; init; }

    /// <summary>Who spends.</summary>
    public string? AgentId { get; init; }

    /// <summary>The run that it belongs to.</summary>
    public string? RunId { get; init; }

    /// <summary>What was held or topped up, or what a rebuild added to what was spent.</summary>
    public required long Amount { get; init; }

    /// <summary>What was posted.</summary>
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

    /// <summary>The model that was used.</summary>
    public string? Model { get; init; }

    /// <summary>The version of the price table.</summary>
    public string? PriceTable { get; init; }

    /// <summary>Why it was topped up.</summary>
    public string? Reason { get; init; }

    /// <summary>By whom.</summary>
    public string? By { get; init; }
}

/// <summary>The prices that costs are recomputed with.</summary>
public sealed record PriceList
{
    /// <summary>The version of the table, kept with each cost.</summary>
    public required string Version { get; init; }

    /// <summary>How far a claimed cost may be from the recomputed one, in percent, before it is disputed.</summary>
    public required decimal TolerancePercent { get; init; }

    /// <summary>In the table's order.</summary>
    public required IReadOnlyList<ModelPrice> Models { get; init; }
}

/// <summary>What a model costs from a day on, in dollars per million tokens.</summary>
public sealed record ModelPrice
{
    /// <summary>The model's name.</summary>
    public required string Model { get; init; }

    /// <summary>The first day on which the price holds, in UTC.</summary>
    public required DateOnly From { get; init; }

    /// <summary>Tokens read.</summary>
    public required decimal Input { get; init; }

    /// <summary>Tokens read from the cache; absent: as <see cref="Input"/>.</summary>
    public decimal? CachedInput { get; init; }

    /// <summary>Tokens written to the cache; absent: as <see cref="Input"/>.</summary>
    public decimal? CacheWrite { get; init; }

    /// <summary>Tokens written.</summary>
    public required decimal Output { get; init; }

    /// <summary>What a batch is multiplied by; absent: 1.</summary>
    public decimal? Batch { get; init; }
}
