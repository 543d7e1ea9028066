using ProtoMesh.Contracts;
using ProtoMesh.Contracts.Locks;
using ProtoMesh.Transport;

namespace ProtoMesh.Leases;

/// <summary>
/// Policy, queue and lease in one step: the request for the lease names the action, so the service decides before anything
/// is enqueued. Whatever the service or the way to it answers becomes a value.
/// </summary>
internal sealed class Guarding(Sender sender, LocksClient locks, PoliciesClient policies, MeshClientOptions client)
{
    public Task<Guard> GuardAsync(string action, string? resource, GuardOptions? options, CancellationToken cancellationToken) => resource is null
        ? AskAsync(action, options ?? new GuardOptions(), DecideAsync, cancellationToken)
        : AskAsync(action, options ?? new GuardOptions(), (asked, stop) => UnderAsync(action, locks.AcquireAsync(resource, asked, stop), stop), cancellationToken);

    public Task<Guard> GuardAsync(
        string action, IReadOnlyList<ResourceRequest> resources, GuardOptions? options, CancellationToken cancellationToken) => resources.Count == 0
        ? GuardAsync(action, resource: null, options, cancellationToken)
        : AskAsync(action, options ?? new GuardOptions(), (asked, stop) => UnderAsync(action, locks.AcquireAsync(resources, asked, stop), stop), cancellationToken);

    private async Task<Guard> AskAsync(
        string action, GuardOptions options, Func<GuardOptions, CancellationToken, Task<Guard>> ask, CancellationToken cancellationToken)
    {
        if (sender.IsClosed)
        {
            // Nobody would renew the lease, also where the caller's own HttpClient still works.
            return new Guard(action, Problems.Closed());
        }
        try
        {
            return await ask(options with { Action = action }, cancellationToken);
        }
        catch (UnavailableException fault) when (options.OnUnavailable == OnUnavailable.Open && fault.Retryable)
        {
            client.OnWarning($"{action} runs without a lease and without a decision, since its guard is open when the service is unavailable: {fault.Message}");
            return Guard.Open(action);
        }
        catch (MeshException refusal)
        {
            return new Guard(action, refusal.Problem);
        }
    }

    private static async Task<Guard> UnderAsync(string action, Task<Lease> acquiring, CancellationToken cancellationToken)
    {
        var lease = await acquiring;
        var guard = new Guard(action, lease);
        // The answer may have been long on its way: a caller that has left must not find the action done.
        if (cancellationToken.IsCancellationRequested)
        {
            await lease.CloseAsync($"{action} was cancelled");
            cancellationToken.ThrowIfCancellationRequested();
        }
        if (lease.FindLoss() is not { } loss)
        {
            return guard;
        }
        await guard.DisposeAsync();
        return new Guard(action, loss.Problem);
    }

    private async Task<Guard> DecideAsync(GuardOptions options, CancellationToken cancellationToken)
    {
        var check = new PolicyCheck
        {
            Action = options.Action!,
            Metadata = options.Metadata,
            AgentId = options.AgentId,
            RequestId = options.RequestId,
            Namespace = options.Namespace,
        };
        return new Guard(check.Action, await policies.CheckAsync(check, dryRun: false, cancellationToken));
    }
}
