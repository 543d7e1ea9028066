using ProtoMesh.Contracts.Budgets;
using ProtoMesh.Contracts.Policies;
using ProtoMesh.Transport;

namespace ProtoMesh.Leases;

/// <summary>What was reserved for an action, what the action says that it spent, and the end of it.</summary>
internal sealed class Settlement(MeshApi api, string action, string? space, IReadOnlyList<BudgetObligation> reservations)
{
    // An action may end while its process does; what is not settled by then expires by itself.
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(5);

    private readonly Lock _gate = new();
    private readonly Dictionary<string, Cost> _spent = new(StringComparer.Ordinal);

    private readonly record struct Cost(long? Actual, TokenUsage? Usage);

    public IReadOnlyList<BudgetObligation> Reservations => reservations;

    /// <param name="actual">What was spent, in the unit of the reservation.</param>
    /// <param name="usage">The tokens that were used.</param>
    /// <param name="reservationId">Of which reservation; null of all.</param>
    /// <exception cref="ArgumentException">It could not be posted later, when nobody is there to hear of it.</exception>
    public void Record(long? actual, TokenUsage? usage, string? reservationId)
    {
        if (actual < 0)
        {
            throw new ArgumentException($"What {action} cost is a whole number from 0 on, and not {actual}.", nameof(actual));
        }
        var meant = reservations.Where(one => reservationId is null || one.ReservationId == reservationId).ToList();
        if (meant.Count == 0)
        {
            throw new ArgumentException($"{action} has no reservation {reservationId}.", nameof(reservationId));
        }
        var units = meant.Select(one => one.Unit).Distinct().Order(StringComparer.Ordinal).ToList();
        if (actual > 0 && units.Count > 1)
        {
            throw new ArgumentException($"The reservations of {action} are in {string.Join(" and ", units)}: say of which the cost is.", nameof(reservationId));
        }
        lock (_gate)
        {
            foreach (var one in meant)
            {
                _spent[one.ReservationId!] = new Cost(actual, usage);
            }
        }
    }

    /// <summary>Posts what was spent: all that was reserved where the action has not said otherwise. It never throws.</summary>
    public Task CommitAsync() => EachAsync(async (reservation, stop) =>
    {
        Cost? said = null;
        lock (_gate)
        {
            said = _spent.TryGetValue(reservation.ReservationId!, out var cost) ? cost : null;
        }
        var whole = new CommitBudget { Namespace = space, Actual = reservation.Amount };
        try
        {
            var body = said is { } told ? new CommitBudget { Namespace = space, Actual = told.Actual, Usage = told.Usage } : whole;
            await api.CommitReservationAsync(reservation.ReservationId!, body, stop);
        }
        catch (ConflictException) when (said is null)
        {
            // The action has settled it itself.
        }
        catch (ValidationException refusal) when (said is not null)
        {
            // A cost that the service cannot read is as good as none reported.
            api.Options.OnWarning($"what {action} cost could not be posted as it was reported, so all that was reserved counts: {refusal.Message}");
            await api.CommitReservationAsync(reservation.ReservationId!, whole, stop);
        }
    });

    /// <summary>Gives everything back, for an action that never began. It never throws.</summary>
    public Task ReleaseAsync() => EachAsync((reservation, stop) =>
        api.ReleaseReservationAsync(reservation.ReservationId!, new ReleaseBudget { Namespace = space }, stop));

    private async Task EachAsync(Func<BudgetObligation, CancellationToken, Task> settle)
    {
        using var limit = new CancellationTokenSource(Limit, api.Options.TimeProvider);
        foreach (var reservation in reservations)
        {
            try
            {
                await settle(reservation, limit.Token);
            }
            catch (Exception fault) when (fault is MeshException or OperationCanceledException)
            {
                api.Options.OnWarning($"the reservation {reservation.ReservationId} of {action} was not settled, and holds {reservation.Amount} {reservation.Unit} until it expires: {fault.Message}");
            }
        }
    }
}
