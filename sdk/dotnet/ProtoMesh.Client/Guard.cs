using System.Diagnostics.CodeAnalysis;
using ProtoMesh.Contracts;
using ProtoMesh.Contracts.Policies;

namespace ProtoMesh;

/// <summary>
/// The answer to "may I do this now?", and the lease under which it is done. A refusal is a value and never an exception:
/// look at <see cref="Granted"/>, do the action or hand <see cref="Text"/> to the model, and dispose.
/// </summary>
public sealed class Guard : IAsyncDisposable
{
    private readonly string _action;
    private int _ended;

    internal Guard(string action, Lease lease) => (_action, Lease) = (action, lease);

    internal Guard(string action, PolicyDecision decision)
    {
        (_action, Decision) = (action, decision);
        Denial = decision.Allowed ? null : new Denial(action, Transport.Problems.Denied(decision));
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
    /// Does the action and ends the guard: the lease is released however the action ends, after a failure with a note that
    /// names the action and the type of the exception.
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
        T result;
        try
        {
            stop.Token.ThrowIfCancellationRequested();
            result = await body(stop.Token);
        }
        catch (Exception fault)
        {
            await EndAsync(fault);
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

    /// <summary>Releases the lease, if there is one, for at most 5 s. It never throws.</summary>
    public ValueTask DisposeAsync() => EndAsync(failure: null);

    /// <summary>The action runs although nobody was asked.</summary>
    internal static Guard Open(string action) => new(action);

    private ValueTask EndAsync(Exception? failure) => Lease is null || Interlocked.Exchange(ref _ended, 1) == 1
        ? ValueTask.CompletedTask
        : Lease.CloseAsync(failure switch
        {
            null => null,
            OperationCanceledException => $"{_action} was cancelled",
            _ => $"{_action} failed: {failure.GetType().Name}",
        });

    private void ThrowIfLost()
    {
        if (Lease?.FindLoss() is { } loss)
        {
            throw loss;
        }
    }
}
