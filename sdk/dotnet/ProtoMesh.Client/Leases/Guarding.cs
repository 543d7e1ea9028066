using ProtoMesh.Contracts;
using ProtoMesh.Contracts.Locks;
using ProtoMesh.Contracts.Policies;
using ProtoMesh.Transport;

namespace ProtoMesh.Leases;

/// <summary>
/// Policy, people, queue and lease: the request for the lease names the action, so the service decides before anything is
/// enqueued, and what the decision takes it takes with the lease or not at all. Whatever the service or the way to it
/// answers becomes a value.
/// </summary>
internal sealed class Guarding(Sender sender, MeshApi api, LocksClient locks, PoliciesClient policies, ApprovalsClient approvals)
{
    // For the answer to a question whose caller has left: it may have taken something.
    private static readonly TimeSpan TakeBackLimit = TimeSpan.FromSeconds(3);

    public Task<Guard> GuardAsync(string action, string? resource, GuardOptions? options, CancellationToken cancellationToken) => resource is null
        ? AskAsync(action, options, DecideAsync, cancellationToken)
        : AskAsync(action, options, (asked, stop) => UnderAsync(asked, locks.AcquireAsync(resource, asked, stop), stop), cancellationToken);

    public Task<Guard> GuardAsync(
        string action, IReadOnlyList<ResourceRequest> resources, GuardOptions? options, CancellationToken cancellationToken) => resources.Count == 0
        ? GuardAsync(action, resource: null, options, cancellationToken)
        : AskAsync(action, options, (asked, stop) => UnderAsync(asked, locks.AcquireAsync(resources, asked, stop), stop), cancellationToken);

    private Task<Guard> AskAsync(
        string action, GuardOptions? options, Func<GuardOptions, CancellationToken, Task<Guard>> ask, CancellationToken cancellationToken)
    {
        options = (options ?? new GuardOptions()) with { Action = action };
        Durations.Check(options.ApprovalTimeout, nameof(options.ApprovalTimeout));
        return new ApprovalChain(api.Options, approvals, options, (asked, mayOpen, stop) => TryAsync(asked, mayOpen, ask, stop)).RunAsync(cancellationToken);
    }

    private async Task<Guard> TryAsync(
        GuardOptions options, bool mayOpen, Func<GuardOptions, CancellationToken, Task<Guard>> ask, CancellationToken cancellationToken)
    {
        var action = options.Action!;
        if (sender.IsClosed)
        {
            // Nobody would renew the lease, also where the caller's own HttpClient still works.
            return new Guard(action, Problems.Closed());
        }
        try
        {
            return await ask(options, cancellationToken);
        }
        catch (UnavailableException fault) when (mayOpen && options.OnUnavailable == OnUnavailable.Open && fault.Retryable)
        {
            api.Options.OnWarning($"{action} runs without a lease and without a decision, since its guard is open when the service is unavailable: {fault.Message}");
            return Guard.Open(action);
        }
        catch (MeshException refusal)
        {
            return new Guard(action, refusal.Problem);
        }
    }

    private async Task<Guard> UnderAsync(GuardOptions options, Task<Lease> acquiring, CancellationToken cancellationToken)
    {
        var lease = await acquiring;
        var guard = new Guard(options.Action!, lease, Settle(options, lease.Namespace, lease.Decision?.Obligations), UsedOf(options, lease.Decision?.Obligations));
        // The answer may have been long on its way: a caller that has left must not find the action done.
        if (cancellationToken.IsCancellationRequested)
        {
            await guard.GiveUpAsync(new OperationCanceledException(cancellationToken));
            cancellationToken.ThrowIfCancellationRequested();
        }
        if (lease.FindLoss() is not { } loss)
        {
            return guard;
        }
        await guard.GiveUpAsync(failure: null);
        return new Guard(options.Action!, loss.Problem);
    }

    private async Task<Guard> DecideAsync(GuardOptions options, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        var check = new PolicyCheck
        {
            Action = options.Action!,
            Metadata = options.Metadata,
            AgentId = options.AgentId,
            RequestId = options.RequestId,
            Namespace = options.Namespace,
            RunId = options.RunId,
            ApprovalId = options.ApprovalId,
        };
        // Not given up with its caller: what the answer says was reserved has to be given back.
        var deciding = policies.CheckAsync(check, dryRun: false, CancellationToken.None);
        try
        {
            return GuardOf(options, await deciding.WaitAsync(cancellationToken));
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            var takingBack = TakeBackAsync(options, deciding);
            await Task.WhenAny(takingBack, Task.Delay(TakeBackLimit, api.Options.TimeProvider, CancellationToken.None));
            throw;
        }
    }

    private async Task TakeBackAsync(GuardOptions options, Task<PolicyDecision> deciding)
    {
        try
        {
            await GuardOf(options, await deciding).GiveUpAsync(failure: null);
        }
        catch (MeshException)
        {
            // Out of reach or refused. Had it reserved something, that expires by itself.
        }
    }

    private Guard GuardOf(GuardOptions options, PolicyDecision decision) =>
        new(options.Action!, decision, Settle(options, options.Namespace ?? api.Options.Namespace, decision.Obligations), UsedOf(options, decision.Obligations));

    /// <summary>A standing grant is no approval of this very action.</summary>
    private static string? UsedOf(GuardOptions options, PolicyObligations? obligations) => obligations?.Approval is { } used ? used.ApprovalId : options.ApprovalId;

    private Settlement? Settle(GuardOptions options, string? space, PolicyObligations? obligations)
    {
        var reserved = (obligations?.Budget ?? []).Where(one => one.ReservationId is not null).ToList();
        return reserved.Count > 0 ? new Settlement(api, options.Action!, space, reserved) : null;
    }
}
