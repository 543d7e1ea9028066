using ProtoMesh.Contracts.Journal;
using ProtoMesh.Contracts.Locks;
using ProtoMesh.Leases;
using ProtoMesh.Transport;

namespace ProtoMesh;

/// <summary>Acquires leases, and looks at and steers those of everyone.</summary>
public sealed class LocksClient
{
    private readonly MeshApi _api;
    private readonly RenewalLoop _renewals;
    private readonly MeshClientOptions _options;

    internal LocksClient(MeshApi api, RenewalLoop renewals, MeshClientOptions options) =>
        (_api, _renewals, _options) = (api, renewals, options);

    /// <summary>Waits in the queue for a resource and holds it until the lease is disposed.</summary>
    /// <param name="resource"><c>type/id</c>, such as <c>customer/123</c>.</param>
    /// <param name="options">Priority, waiting time, time to live and so on.</param>
    /// <param name="cancellationToken">Gives up waiting; the request is taken back before this call ends.</param>
    /// <exception cref="LockTimeoutException">It could not be had within <see cref="LeaseOptions.Wait"/>.</exception>
    /// <exception cref="LockHeldException">The wait was zero and somebody holds it.</exception>
    /// <exception cref="PolicyDeniedException">The policy forbids its <see cref="LeaseOptions.Action"/>.</exception>
    /// <exception cref="ApprovalRequiredException">The policy wants people to approve it first.</exception>
    /// <exception cref="QueueFullException">Too many wait already.</exception>
    /// <exception cref="ValidationException">The request breaks a rule.</exception>
    /// <exception cref="ArgumentException">A duration is negative or without end; nothing was sent.</exception>
    /// <exception cref="UnavailableException">The service could not be reached while the wait lasted.</exception>
    public Task<Lease> AcquireAsync(string resource, LeaseOptions? options = null, CancellationToken cancellationToken = default) =>
        AcquireAsync(Request(resource, resources: null, options), options, cancellationToken);

    /// <summary>Holds several resources under one token: all of them or none, in one step.</summary>
    /// <param name="resources">1-64 of them; a name alone takes the mode of the options.</param>
    /// <param name="options">Priority, waiting time, time to live and so on.</param>
    /// <param name="cancellationToken">Gives up waiting; the request is taken back before this call ends.</param>
    /// <inheritdoc cref="AcquireAsync(string, LeaseOptions?, CancellationToken)" path="/exception"/>
    public Task<Lease> AcquireAsync(
        IReadOnlyList<ResourceRequest> resources, LeaseOptions? options = null, CancellationToken cancellationToken = default) =>
        AcquireAsync(Request(resource: null, resources, options), options, cancellationToken);

    /// <summary>The lease if the resource is free now and nobody waits for it, else null.</summary>
    /// <inheritdoc cref="AcquireAsync(string, LeaseOptions?, CancellationToken)" path="/param"/>
    public Task<Lease?> TryAcquireAsync(string resource, LeaseOptions? options = null, CancellationToken cancellationToken = default) =>
        TryAcquireAsync(Request(resource, resources: null, options), options, cancellationToken);

    /// <summary>The lease if all resources are free now and nobody waits for them, else null.</summary>
    /// <inheritdoc cref="AcquireAsync(IReadOnlyList{ResourceRequest}, LeaseOptions?, CancellationToken)" path="/param"/>
    public Task<Lease?> TryAcquireAsync(
        IReadOnlyList<ResourceRequest> resources, LeaseOptions? options = null, CancellationToken cancellationToken = default) =>
        TryAcquireAsync(Request(resource: null, resources, options), options, cancellationToken);

    /// <summary>What would become of the request now, without the effect.</summary>
    public Task<DryRunVerdict> DryRunAsync(string resource, LeaseOptions? options = null, CancellationToken cancellationToken = default) =>
        _api.DryRunAsync(Request(resource, resources: null, options), cancellationToken);

    /// <inheritdoc cref="DryRunAsync(string, LeaseOptions?, CancellationToken)"/>
    public Task<DryRunVerdict> DryRunAsync(
        IReadOnlyList<ResourceRequest> resources, LeaseOptions? options = null, CancellationToken cancellationToken = default) =>
        _api.DryRunAsync(Request(resource: null, resources, options), cancellationToken);

    /// <summary>A request in any state, without effect on it.</summary>
    /// <exception cref="NotFoundException">There is none, or its end was forgotten.</exception>
    public Task<ObservedLock> GetAsync(string lockId, CancellationToken cancellationToken = default) =>
        _api.GetAsync(lockId, cancellationToken);

    /// <summary>Why does it wait, and what would help?</summary>
    /// <exception cref="NotFoundException">There is none, or its end was forgotten.</exception>
    public Task<Explanation> ExplainAsync(string lockId, CancellationToken cancellationToken = default) =>
        _api.ExplainAsync(lockId, cancellationToken);

    /// <summary>Who holds a resource and who waits for it.</summary>
    public Task<QueuePage> QueueAsync(
        string resource, string? @namespace = null, string? pageToken = null, CancellationToken cancellationToken = default) =>
        _api.QueueAsync(InNamespace(@namespace).Add("resource", resource).Add("page_token", pageToken), cancellationToken);

    /// <summary>What happened to a resource, the newest first, page by page as it is read.</summary>
    public IAsyncEnumerable<MeshEvent> HistoryAsync(
        string resource, string? @namespace = null, CancellationToken cancellationToken = default) => Pages.ReadAsync(
        async (token, stop) =>
        {
            var page = await _api.HistoryAsync(InNamespace(@namespace).Add("resource", resource).Add("page_token", token), stop);
            return (page.Events, page.NextPageToken);
        },
        cancellationToken);

    /// <summary>Live requests, page by page as they are read.</summary>
    /// <param name="state">One of <see cref="LockState"/>; all.</param>
    /// <param name="agentId">Whose; everyone's.</param>
    /// <param name="type">The resource's type; any.</param>
    /// <param name="namespace">Their namespace; the client's.</param>
    /// <param name="cancellationToken">Ends the reading.</param>
    public IAsyncEnumerable<ObservedLock> ListAsync(
        string? state = null, string? agentId = null, string? type = null, string? @namespace = null,
        CancellationToken cancellationToken = default) => Pages.ReadAsync(
        async (token, stop) =>
        {
            var query = InNamespace(@namespace).Add("state", state).Add("agent_id", agentId).Add("type", type).Add("page_token", token);
            var page = await _api.ListAsync(query, stop);
            return (page.Locks, page.NextPageToken);
        },
        cancellationToken);

    /// <summary>Resources that are held or waited for, the most contended first, page by page as they are read.</summary>
    public IAsyncEnumerable<ResourceSummary> ResourcesAsync(string? @namespace = null, CancellationToken cancellationToken = default) => Pages.ReadAsync(
        async (token, stop) =>
        {
            var page = await _api.ResourcesAsync(InNamespace(@namespace).Add("order_by", "contention").Add("page_token", token), stop);
            return (page.Resources, page.NextPageToken);
        },
        cancellationToken);

    /// <summary>Takes a request out of the queue, or releases it if it was granted in the meantime.</summary>
    public Task<ReleasedLock> CancelAsync(string lockId, CancellationToken cancellationToken = default) =>
        _api.CancelAsync(lockId, cancellationToken);

    /// <summary>The same for a request whose answer never came, by the id that it was sent with.</summary>
    /// <param name="requestId">Its <see cref="LeaseOptions.RequestId"/>.</param>
    /// <param name="resource">What it asked for; any of several.</param>
    /// <param name="namespace">The resource's namespace; the client's.</param>
    /// <param name="cancellationToken">Gives up the call.</param>
    /// <exception cref="NotFoundException">There is none, or its end was forgotten.</exception>
    public Task<ReleasedLock> CancelRequestAsync(
        string requestId, string resource, string? @namespace = null, CancellationToken cancellationToken = default) =>
        _api.CancelRequestAsync(
            new CancelLock { RequestId = requestId, Resource = resource, Namespace = @namespace ?? _options.Namespace }, cancellationToken);

    /// <summary>Gives a waiter another priority, 0-9.</summary>
    /// <exception cref="LockConflictException">It does not wait.</exception>
    public Task<QueuedLock> ReprioritizeAsync(string lockId, int priority, CancellationToken cancellationToken = default) =>
        _api.ReprioritizeAsync(lockId, new ReprioritizeLock { Priority = priority }, cancellationToken);

    /// <summary>
    /// Ends the lease of whoever holds a resource. Sent once, unless the service was certainly not reached: a second one
    /// would end the lease of the next holder. After a lost answer, look at the resource before you call it again.
    /// </summary>
    /// <param name="resource"><c>type/id</c>.</param>
    /// <param name="reason">Why, 1-500 bytes; kept in the journal.</param>
    /// <param name="immediate">True grants it again at once, false after the last deadline that its holder was told.</param>
    /// <param name="namespace">Its namespace; the client's.</param>
    /// <param name="cancellationToken">Gives up the call.</param>
    public Task<ForceReleased> ForceReleaseAsync(
        string resource, string reason, bool immediate = false, string? @namespace = null, CancellationToken cancellationToken = default) =>
        _api.ForceReleaseAsync(
            new ForceRelease
            {
                Namespace = @namespace ?? _options.Namespace,
                Resource = resource,
                Reason = reason,
                Immediate = immediate ? true : null,
            },
            cancellationToken);

    private async Task<Lease> AcquireAsync(AcquireLock request, LeaseOptions? options, CancellationToken cancellationToken)
    {
        options ??= new LeaseOptions();
        var (grant, sent) = await new Acquisition(_api, request, options).RunAsync(cancellationToken);
        var lease = new Lease(_api, _renewals, grant, sent, options);
        _renewals.Add(lease);
        return lease;
    }

    private async Task<Lease?> TryAcquireAsync(AcquireLock request, LeaseOptions? options, CancellationToken cancellationToken)
    {
        try
        {
            options = (options ?? new LeaseOptions()) with { Wait = TimeSpan.Zero };
            return await AcquireAsync(request with { WaitMs = 0 }, options, cancellationToken);
        }
        catch (LockHeldException)
        {
            return null;
        }
    }

    private AcquireLock Request(string? resource, IReadOnlyList<ResourceRequest>? resources, LeaseOptions? options)
    {
        options ??= new LeaseOptions();
        Durations.Check(options);
        return new AcquireLock
        {
            RequestId = options.RequestId ?? Acquisition.NewRequestId(_options.TimeProvider),
            Namespace = options.Namespace ?? _options.Namespace,
            Resource = resource,
            Resources = resources,
            Mode = options.Mode,
            Capacity = options.Capacity,
            Units = options.Units,
            AgentId = options.AgentId ?? _options.AgentId,
            SessionId = options.SessionId ?? _options.SessionId,
            Reentrant = options.Reentrant,
            Priority = options.Priority,
            TtlMs = (long?)options.Ttl?.TotalMilliseconds,
            WaitMs = (long)options.Wait.TotalMilliseconds,
            MaxHoldMs = (long?)options.MaxHold?.TotalMilliseconds,
            DrainMs = (long?)options.Drain?.TotalMilliseconds,
            Durability = options.Durability,
            Reason = options.Reason,
            Labels = options.Labels,
            Action = options.Action,
            Metadata = ActionMetadata.ToElement(options.Metadata),
            RunId = options.RunId,
            ApprovalId = options.ApprovalId,
        };
    }

    private Query InNamespace(string? name) => new Query().Add("namespace", name ?? _options.Namespace);
}
