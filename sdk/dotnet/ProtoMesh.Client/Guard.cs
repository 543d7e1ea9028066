using System.Diagnostics.CodeAnalysis;
using ProtoMesh.Contracts;
using ProtoMesh.Contracts.Budgets;
using ProtoMesh.Contracts.Policies;
using ProtoMesh.Leases;

namespace ProtoMesh;

/// <summary>
/// The answer to "may I do this now?", and the lease under which it is done. A refusal is a value and never an exception:
/// look at <see cref="Granted"/>, do the action or hand <see cref="Text"/> to the model, and dispose.
/// </summary>
public sealed class Guard : IAsyncDisposable
{
    private readonly string _action;
    private readonly Settlement? _settlement;
    private readonly string? _approvalId;
    private int _ended;

    internal Guard(string action, Lease lease, Settlement? settlement, string? approvalId) =>
        (_action, Lease, _settlement, _approvalId) = (action, lease, settlement, approvalId);

    internal Guard(string action, PolicyDecision decision, Settlement? settlement, string? approvalId)
    {
        (_action, Decision) = (action, decision);
        Denial = decision.Allowed ? null : new Denial(action, Transport.Problems.Denied(decision));
        (_settlement, _approvalId) = Granted ? (settlement, approvalId) : (null, null);
    }

    internal Guard(string action, Problem problem) =>
        (_action, Denial, Decision) = (action, new Denial(action, problem), problem.Decision);

    private Guard(string action) => (_action, Unprotected) = (action, true);

    /// <summary>True when the action may be done; false when <see cref="Denial"/> says why not.</summary>
    [MemberNotNullWhen(false, nameof(Denial))]
    public bool Granted => Denial is null;

    /// <summary>The lease under which the action is done; null when it was denied and for an action without a resource.</summary>
    public Lease? Lease { get; }

    /// <summary>
    /// The whole decision, if there is one: of an action without a resource, and of one that the policy denied. The decision
    /// that allowed a lease is the lease's <see cref="Lease.Decision"/>.
    /// </summary>
    public PolicyDecision? Decision { get; }

    /// <summary>The approval that the action was allowed by, or that it still needs; null when no people are asked.</summary>
    public string? ApprovalId => _approvalId ?? Denial?.Approval?.ApprovalId;

    /// <summary>What is set aside for the action in the policy's budgets; <see cref="Spent(long, string?)"/> says what it cost.</summary>
    public IReadOnlyList<BudgetObligation> Reservations => _settlement?.Reservations ?? [];

    /// <summary>Why the action may not be done; null when it may.</summary>
    public Denial? Denial { get; }

    /// <summary>
    /// What a model reads in place of the action's result: the text of the denial, or that the action may be half done when
    /// its lease was lost. Null while all is well.
    /// </summary>
    public string? Text => Denial is not null ? Denial.Text : Lease?.FindLoss() is { } loss ? ModelText.Lost(_action, loss.Problem) : null;

    /// <summary>
    /// True when the service could not be reached and <see cref="GuardOptions.OnUnavailable"/> lets the action run all the
    /// same: without a lease and without a decision.
    /// </summary>
    public bool Unprotected { get; }

    /// <summary>Fires when the lease is lost; never when there is none.</summary>
    public CancellationToken Lost => Lease?.Lost ?? CancellationToken.None;

    /// <summary>
    /// Says what the action cost, which is posted when the guard ends; the last word counts, and zero says that nothing was
    /// spent. What nothing is said of counts with all that was reserved. Without a reservation this does nothing.
    /// </summary>
    /// <param name="actual">How much, in the unit of the reservation; of <c>usd</c> micro-dollars.</param>
    /// <param name="reservationId">Of which of <see cref="Reservations"/>; null of all.</param>
    /// <exception cref="ArgumentException">
    /// It is negative, there is no such reservation, or there are several of different units and it says not which.
    /// </exception>
    public void Spent(long actual, string? reservationId = null) => _settlement?.Record(actual, usage: null, reservationId);

    /// <inheritdoc cref="Spent(long, string?)"/>
    /// <param name="usage">The model and its tokens, which the service turns into the cost that it knows of.</param>
    /// <param name="actual">What the provider claims; it is compared with what the tokens cost.</param>
    public void Spent(TokenUsage usage, long? actual = null, string? reservationId = null) => _settlement?.Record(actual, usage, reservationId);

    /// <summary>
    /// Does the action and ends the guard, however the action ends: what it cost is posted, and the lease is released, after
    /// a failure with a note that names the action and the type of the exception. What was reserved for an action that never
    /// began is given back.
    /// </summary>
    /// <param name="body">Does it; its token fires when the caller gives up and when the lease is lost.</param>
    /// <param name="cancellationToken">Stops the body.</param>
    /// <exception cref="InvalidOperationException">The guard was not granted; nothing ran.</exception>
    /// <exception cref="LeaseLostException">The lease was lost meanwhile: what was written since may have been refused.</exception>
    public async Task<T> RunAsync<T>(Func<CancellationToken, Task<T>> body, CancellationToken cancellationToken = default)
    {
        if (!Granted)
        {
            throw new InvalidOperationException(Denial.Text);
        }
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, Lost);
        var began = false;
        T result;
        try
        {
            stop.Token.ThrowIfCancellationRequested();
            began = true;
            result = await body(stop.Token);
        }
        catch (Exception fault)
        {
            await (began ? EndAsync(fault) : GiveUpAsync(fault));
            if (fault is OperationCanceledException && !cancellationToken.IsCancellationRequested)
            {
                ThrowIfLost();
            }
            throw;
        }
        await CompleteAsync();
        return result;
    }

    /// <inheritdoc cref="RunAsync{T}(Func{CancellationToken, Task{T}}, CancellationToken)"/>
    public Task RunAsync(Func<CancellationToken, Task> body, CancellationToken cancellationToken = default) =>
        RunAsync(async stop => { await body(stop); return true; }, cancellationToken);

    /// <summary>
    /// Ends the guard as <see cref="DisposeAsync"/> does, and then tells whether its lease was held to the end, for an
    /// action that is not run by <see cref="RunAsync{T}(Func{CancellationToken, Task{T}}, CancellationToken)"/>.
    /// </summary>
    /// <param name="failure">What the action ended with; the next holder reads its type, and never its message.</param>
    /// <exception cref="LeaseLostException">The lease was lost meanwhile: what was written since may have been refused.</exception>
    public async Task CompleteAsync(Exception? failure = null)
    {
        // By this process's own clock it was held to the end of the body, unless the release brings other news. A service
        // that is out of reach now cannot undo what was done: the lease expires.
        await EndAsync(failure);
        ThrowIfLost();
    }

    /// <summary>Posts what the action cost and releases the lease, if there is one, for at most 5 s each. It never throws.</summary>
    public ValueTask DisposeAsync() => EndAsync(failure: null);

    /// <summary>The action runs although nobody was asked.</summary>
    internal static Guard Open(string action) => new(action);

    /// <summary>The action never began: nothing was spent.</summary>
    internal ValueTask GiveUpAsync(Exception? failure) => EndAsync(failure, settlement => settlement.ReleaseAsync());

    private ValueTask EndAsync(Exception? failure) => EndAsync(failure, settlement => settlement.CommitAsync());

    private async ValueTask EndAsync(Exception? failure, Func<Settlement, Task> settle)
    {
        if (Interlocked.Exchange(ref _ended, 1) == 1)
        {
            return;
        }
        if (_settlement is not null)
        {
            await settle(_settlement);
        }
        if (Lease is not null)
        {
            await Lease.CloseAsync(failure switch
            {
                null => null,
                OperationCanceledException => $"{_action} was cancelled",
                _ => $"{_action} failed: {failure.GetType().Name}",
            });
        }
    }

    private void ThrowIfLost()
    {
        if (Lease?.FindLoss() is { } loss)
        {
            throw loss;
        }
    }
}
