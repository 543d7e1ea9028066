using ProtoMesh.Contracts.Budgets;
using ProtoMesh.Leases;
using ProtoMesh.Transport;

namespace ProtoMesh;

/// <summary>
/// Reserves money, tokens or whatever a budget counts before it is spent, and settles with what was spent. Amounts are
/// whole numbers of the budget's unit; of <c>usd</c> they are micro-dollars, 1,000,000 to the dollar.
/// </summary>
public sealed class BudgetsClient
{
    private readonly MeshApi _api;
    private readonly MeshClientOptions _options;

    internal BudgetsClient(MeshApi api, MeshClientOptions options) => (_api, _options) = (api, options);

    /// <summary>Sets an amount aside in several budgets of one unit: in all of them or in none.</summary>
    /// <param name="budgets">1-8 names, as the active policy has them.</param>
    /// <param name="amount">How much, 0 to 9,000,000,000,000,000.</param>
    /// <param name="options">Who, for which run, and for how long.</param>
    /// <param name="cancellationToken">Gives up the call.</param>
    /// <exception cref="BudgetExceededException">One of them has less left; nothing was reserved.</exception>
    /// <exception cref="NotFoundException">The active policy has no such budget. (<c>budget_unknown</c>)</exception>
    /// <exception cref="ConflictException">The id was used for something else. (<c>reservation_conflict</c>)</exception>
    /// <exception cref="ValidationException">The request breaks a rule.</exception>
    public Task<Reservation> ReserveAsync(
        IReadOnlyList<string> budgets, long amount, ReserveOptions? options = null, CancellationToken cancellationToken = default) =>
        ReserveAsync(Body(budgets, options) with { Amount = amount }, cancellationToken);

    /// <summary>Sets aside what a call of a model will cost at most, by the service's price table.</summary>
    /// <param name="budgets">1-8 names, as the active policy has them.</param>
    /// <param name="estimate">The model and its tokens.</param>
    /// <param name="options">Who, for which run, and for how long.</param>
    /// <param name="cancellationToken">Gives up the call.</param>
    /// <exception cref="ValidationException">The request breaks a rule, or nobody knows what the model costs. (<c>model_unpriced</c>)</exception>
    /// <inheritdoc cref="ReserveAsync(IReadOnlyList{string}, long, ReserveOptions?, CancellationToken)" path="/exception[@cref='T:ProtoMesh.BudgetExceededException']"/>
    public Task<Reservation> ReserveAsync(
        IReadOnlyList<string> budgets, TokenUsage estimate, ReserveOptions? options = null, CancellationToken cancellationToken = default) =>
        ReserveAsync(Body(budgets, options) with { Estimate = estimate }, cancellationToken);

    /// <summary>A reservation in any state.</summary>
    /// <exception cref="NotFoundException">There is none. (<c>reservation_unknown</c>)</exception>
    public Task<Reservation> GetAsync(string reservationId, string? @namespace = null, CancellationToken cancellationToken = default) =>
        _api.GetReservationAsync(reservationId, InNamespace(@namespace), cancellationToken);

    /// <summary>
    /// Settles a reservation with what was spent; what it held beyond that is free again. After its expiry it counts all the
    /// same, and more than was reserved is posted too. Harmless when repeated.
    /// </summary>
    /// <param name="reservationId">Which.</param>
    /// <param name="actual">What was spent.</param>
    /// <param name="namespace">Where; the client's namespace.</param>
    /// <param name="cancellationToken">Gives up the call.</param>
    /// <exception cref="ConflictException">It was settled with another amount, or released.</exception>
    /// <exception cref="NotFoundException">There is none.</exception>
    public Task<Reservation> CommitAsync(
        string reservationId, long actual, string? @namespace = null, CancellationToken cancellationToken = default) =>
        CommitAsync(reservationId, usage: null, actual, @namespace, cancellationToken);

    /// <summary>Settles a reservation by the tokens that were used, which the service turns into the cost that it knows of.</summary>
    /// <param name="reservationId">Which.</param>
    /// <param name="usage">The model and its tokens.</param>
    /// <param name="actual">What the provider claims; it is compared with what the tokens cost. Null takes the latter.</param>
    /// <param name="namespace">Where; the client's namespace.</param>
    /// <param name="cancellationToken">Gives up the call.</param>
    /// <inheritdoc cref="CommitAsync(string, long, string?, CancellationToken)" path="/exception"/>
    public Task<Reservation> CommitAsync(
        string reservationId, TokenUsage? usage, long? actual = null, string? @namespace = null, CancellationToken cancellationToken = default) =>
        _api.CommitReservationAsync(
            reservationId, new CommitBudget { Namespace = @namespace ?? _options.Namespace, Actual = actual, Usage = usage }, cancellationToken);

    /// <summary>Gives a reservation back: nothing was spent. Harmless when repeated.</summary>
    /// <exception cref="ConflictException">It was settled. (<c>reservation_settled</c>)</exception>
    /// <exception cref="NotFoundException">There is none.</exception>
    public Task<Reservation> ReleaseAsync(string reservationId, string? @namespace = null, CancellationToken cancellationToken = default) =>
        _api.ReleaseReservationAsync(reservationId, new ReleaseBudget { Namespace = @namespace ?? _options.Namespace }, cancellationToken);

    /// <summary>The budgets of the active policy.</summary>
    public Task<BudgetList> ListAsync(string? @namespace = null, CancellationToken cancellationToken = default) =>
        _api.ListBudgetsAsync(InNamespace(@namespace), cancellationToken);

    /// <summary>What is spent, held and left in the present window.</summary>
    /// <param name="name">The budget.</param>
    /// <param name="key">Of whom, such as the team's name; null where the budget has one counter for all.</param>
    /// <param name="namespace">Where; the client's namespace.</param>
    /// <param name="cancellationToken">Gives up the call.</param>
    /// <exception cref="NotFoundException">The active policy has no such budget.</exception>
    public Task<BudgetUsage> UsageAsync(
        string name, string? key = null, string? @namespace = null, CancellationToken cancellationToken = default) =>
        _api.GetBudgetUsageAsync(name, InNamespace(@namespace).Add("key", key), cancellationToken);

    /// <summary>Everything that was posted to a budget, page by page as it is read.</summary>
    /// <param name="name">The budget.</param>
    /// <param name="key">Of whom; everybody.</param>
    /// <param name="reservationId">Of one reservation.</param>
    /// <param name="namespace">Where; the client's namespace.</param>
    /// <param name="cancellationToken">Ends the reading.</param>
    public IAsyncEnumerable<LedgerEntry> LedgerAsync(
        string name, string? key = null, string? reservationId = null, string? @namespace = null, CancellationToken cancellationToken = default) =>
        Pages.ReadAsync(
            async (token, stop) =>
            {
                var query = InNamespace(@namespace).Add("key", key).Add("reservation_id", reservationId).Add("page_token", token);
                var page = await _api.ListLedgerAsync(name, query, stop);
                return (page.Entries, page.NextPageToken);
            },
            cancellationToken);

    /// <summary>Raises the cap of the present window. For operators.</summary>
    /// <param name="name">The budget.</param>
    /// <param name="amount">By how much.</param>
    /// <param name="reason">Why, 1-500 bytes; kept in the ledger.</param>
    /// <param name="key">Of whom; null where the budget has one counter for all.</param>
    /// <param name="topUpId">The same id is the same top-up. By default a new UUIDv7, so a lost answer costs nothing.</param>
    /// <param name="namespace">Where; the client's namespace.</param>
    /// <param name="cancellationToken">Gives up the call.</param>
    public Task<BudgetUsage> TopUpAsync(
        string name, long amount, string reason, string? key = null, string? topUpId = null, string? @namespace = null,
        CancellationToken cancellationToken = default) =>
        _api.TopUpBudgetAsync(
            name,
            new TopUpBudget
            {
                Namespace = @namespace ?? _options.Namespace,
                Key = key,
                Amount = amount,
                Reason = reason,
                TopUpId = topUpId ?? Acquisition.NewRequestId(_options.TimeProvider),
            },
            cancellationToken);

    /// <summary>Counts a budget anew from its ledger. For operators.</summary>
    public Task<BudgetUsage> RebuildAsync(
        string name, string? key = null, string? @namespace = null, CancellationToken cancellationToken = default) =>
        _api.RebuildBudgetAsync(name, new RebuildBudget { Namespace = @namespace ?? _options.Namespace, Key = key }, cancellationToken);

    /// <summary>What the service takes models to cost.</summary>
    public Task<PriceList> PricesAsync(CancellationToken cancellationToken = default) => _api.GetPricesAsync(cancellationToken);

    private Task<Reservation> ReserveAsync(ReserveBudget body, CancellationToken cancellationToken) => _api.ReserveBudgetAsync(body, cancellationToken);

    private ReserveBudget Body(IReadOnlyList<string> budgets, ReserveOptions? options)
    {
        Durations.Check(options?.Hold, nameof(ReserveOptions.Hold));
        return new ReserveBudget
        {
            ReservationId = options?.ReservationId ?? Acquisition.NewRequestId(_options.TimeProvider),
            Namespace = options?.Namespace ?? _options.Namespace,
            AgentId = options?.AgentId ?? _options.AgentId,
            Budgets = budgets,
            HoldMs = (long?)options?.Hold?.TotalMilliseconds,
            RunId = options?.RunId,
            Metadata = ActionMetadata.ToElement(options?.Metadata),
        };
    }

    private Query InNamespace(string? name) => new Query().Add("namespace", name ?? _options.Namespace);
}
