using System.Text.Json.Nodes;
using ProtoMesh.Contracts.Policies;
using ProtoMesh.Leases;
using ProtoMesh.Transport;

namespace ProtoMesh;

/// <summary>Asks whether an action may be done, and does it under a lease when it may.</summary>
public sealed class PoliciesClient
{
    private readonly MeshApi _api;
    private readonly LocksClient _locks;
    private readonly MeshClientOptions _options;

    internal PoliciesClient(MeshApi api, LocksClient locks, MeshClientOptions options) => (_api, _locks, _options) = (api, locks, options);

    /// <summary>May this agent do this now? A deny is an answer: its reasons say what would change it.</summary>
    /// <param name="action">What it wants to do, such as <c>refund</c>.</param>
    /// <param name="resource">The <c>type/id</c> that it wants to do it to.</param>
    /// <param name="metadata">What it says of the action.</param>
    /// <param name="lease">Its lease on the resource, for rules that require one.</param>
    /// <param name="dryRun">True only looks: no place in a rate is taken.</param>
    /// <param name="cancellationToken">Gives up the call.</param>
    /// <exception cref="ValidationException">The question breaks a rule, or a field of the metadata is not what the policy declares.</exception>
    /// <exception cref="UnavailableException">The service could not be reached; nothing is allowed then.</exception>
    public Task<PolicyDecision> CheckAsync(
        string action, string? resource = null, JsonObject? metadata = null, Lease? lease = null, bool dryRun = false,
        CancellationToken cancellationToken = default) =>
        CheckAsync(new PolicyCheck { Action = action, Resource = resource, Metadata = metadata, Lease = lease }, dryRun, cancellationToken);

    /// <inheritdoc cref="CheckAsync(string, string?, JsonObject?, Lease?, bool, CancellationToken)"/>
    /// <param name="check">The whole question.</param>
    public Task<PolicyDecision> CheckAsync(PolicyCheck check, bool dryRun = false, CancellationToken cancellationToken = default) =>
        _api.CheckAsync(Body(check), Dry(dryRun), cancellationToken);

    /// <summary>1-100 questions in one call, each decided alone; the answers come in their order, a decision or a problem each.</summary>
    /// <param name="checks">The questions; an action alone is one.</param>
    /// <param name="dryRun">True only looks: no place in a rate is taken.</param>
    /// <param name="cancellationToken">Gives up the call.</param>
    /// <exception cref="UnavailableException">The service could not be reached; nothing is allowed then.</exception>
    public async Task<IReadOnlyList<PolicyResult>> CheckBatchAsync(
        IReadOnlyList<PolicyCheck> checks, bool dryRun = false, CancellationToken cancellationToken = default) =>
        (await _api.CheckBatchAsync(new CheckPolicies { Checks = [.. checks.Select(Body)] }, Dry(dryRun), cancellationToken)).Results;

    /// <summary>
    /// Does an action under a lease if the policy allows it. The request for the lease names the action, so the service
    /// decides before anything is enqueued and one decision rides on the lease. Then the body runs, and the lease is
    /// released however that ends: after a failure with a note that names the action and the type of the exception.
    /// </summary>
    /// <param name="action">What is done, such as <c>customer.update</c>.</param>
    /// <param name="resource">The <c>type/id</c> that it is done to.</param>
    /// <param name="body">Does it; its token fires when the caller gives up and when the lease is lost.</param>
    /// <param name="options">The metadata of the action; priority, waiting time and so on of the lease.</param>
    /// <param name="cancellationToken">Gives up waiting, or stops the body.</param>
    /// <exception cref="PolicyDeniedException">The policy forbids it; the body has not run.</exception>
    /// <exception cref="LeaseLostException">It was lost while the body ran: what was written since may have been refused.</exception>
    /// <inheritdoc cref="LocksClient.AcquireAsync(string, LeaseOptions?, CancellationToken)" path="/exception"/>
    public async Task<T> GuardAsync<T>(
        string action, string resource, Func<Lease, CancellationToken, Task<T>> body, LeaseOptions? options = null,
        CancellationToken cancellationToken = default)
    {
        var lease = await _locks.AcquireAsync(resource, (options ?? new LeaseOptions()) with { Action = action }, cancellationToken);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, lease.Lost);
        T result;
        try
        {
            // The answer may have been long on its way.
            stop.Token.ThrowIfCancellationRequested();
            result = await body(lease, stop.Token);
        }
        catch (Exception fault)
        {
            await lease.CloseAsync(fault is OperationCanceledException ? $"{action} was cancelled" : $"{action} failed: {fault.GetType().Name}");
            if (fault is OperationCanceledException && !cancellationToken.IsCancellationRequested && lease.FindLoss() is { } cause)
            {
                throw cause;
            }
            throw;
        }
        // By this process's own clock it was held to the end of the body, unless the release brings other news. A service
        // that is out of reach now cannot undo what was done: the lease expires.
        await lease.CloseAsync(note: null);
        return lease.FindLoss() is { } loss ? throw loss : result;
    }

    /// <inheritdoc cref="GuardAsync{T}(string, string, Func{Lease, CancellationToken, Task{T}}, LeaseOptions?, CancellationToken)"/>
    public Task GuardAsync(
        string action, string resource, Func<Lease, CancellationToken, Task> body, LeaseOptions? options = null,
        CancellationToken cancellationToken = default) =>
        GuardAsync(action, resource, async (lease, stop) => { await body(lease, stop); return true; }, options, cancellationToken);

    /// <summary>Does an action that needs no lease of its own if the policy allows it.</summary>
    /// <param name="check">The action, or the whole question.</param>
    /// <param name="body">Does it, before the decision's <see cref="PolicyDecision.ValidUntil"/>.</param>
    /// <param name="cancellationToken">Gives up asking, or stops the body.</param>
    /// <exception cref="PolicyDeniedException">The policy forbids it; the body has not run.</exception>
    /// <inheritdoc cref="CheckAsync(PolicyCheck, bool, CancellationToken)" path="/exception"/>
    public async Task<T> GuardAsync<T>(
        PolicyCheck check, Func<PolicyDecision, CancellationToken, Task<T>> body, CancellationToken cancellationToken = default)
    {
        var decision = await CheckAsync(check, dryRun: false, cancellationToken);
        return decision.Allowed ? await body(decision, cancellationToken) : throw new PolicyDeniedException(Problems.Denied(decision));
    }

    /// <inheritdoc cref="GuardAsync{T}(PolicyCheck, Func{PolicyDecision, CancellationToken, Task{T}}, CancellationToken)"/>
    public Task GuardAsync(
        PolicyCheck check, Func<PolicyDecision, CancellationToken, Task> body, CancellationToken cancellationToken = default) =>
        GuardAsync(check, async (decision, stop) => { await body(decision, stop); return true; }, cancellationToken);

    private CheckPolicy Body(PolicyCheck check) => new()
    {
        AgentId = check.AgentId ?? check.Lease?.AgentId ?? _options.AgentId,
        Action = check.Action,
        Namespace = check.Namespace ?? check.Lease?.Grant.Namespace ?? _options.Namespace,
        Resource = check.Resource ?? check.Lease?.Grant.Resource,
        FencingToken = check.FencingToken ?? ((check.Resource ?? check.Lease?.Grant.Resource) is null ? null : check.Lease?.FencingToken),
        RequestId = check.RequestId ?? Acquisition.NewRequestId(_options.TimeProvider),
        Metadata = ActionMetadata.ToElement(check.Metadata),
    };

    private static Query Dry(bool only) => new Query().Add("dry_run", only ? "true" : null);
}
