using ProtoMesh.Contracts;
using ProtoMesh.Contracts.Locks;
using ProtoMesh.Leases;
using ProtoMesh.Transport;

namespace ProtoMesh;

/// <summary>
/// One connection to a ProtoMesh service, safe for any number of threads; a process needs one. One background loop
/// renews every lease that was acquired through it.
/// </summary>
public sealed class MeshClient : IAsyncDisposable
{
    private const int MostNames = 10;

    private readonly HttpClient? _ownHttp;
    private readonly MeshClientOptions _options;
    private readonly Sender _sender;
    private readonly MeshApi _api;
    private readonly RenewalLoop _renewals;
    private readonly Guarding _guarding;
    private bool _disposed;

    /// <summary>Connects nowhere yet: the first call does.</summary>
    /// <exception cref="ArgumentException">
    /// No base URL, one that is not http or https or has a password in it, a key that no header can carry, or a duration
    /// that is negative or without end.
    /// </exception>
    public MeshClient(MeshClientOptions? options = null)
    {
        options ??= new MeshClientOptions();
        options.Check();
        _options = options;
        AgentId = options.AgentId;
        // A request is bounded by its own deadline; a client-wide time-out would cut long polls.
        _ownHttp = options.HttpClient is null ? new HttpClient(new HttpClientHandler { AllowAutoRedirect = false }) { Timeout = Timeout.InfiniteTimeSpan } : null;
        _sender = new Sender(options.HttpClient ?? _ownHttp!, options);
        _api = new MeshApi(_sender, options);
        _renewals = new RenewalLoop(_api, options.TimeProvider);
        Locks = new LocksClient(_api, _renewals, options);
        Policies = new PoliciesClient(_api, options);
        Fences = new FencesClient(_api, options);
        Events = new EventsClient(_api, options);
        Keys = new KeysClient(_api, options);
        Budgets = new BudgetsClient(_api, options);
        Approvals = new ApprovalsClient(_api, options);
        _guarding = new Guarding(_sender, _api, Locks, Policies, Approvals);
    }

    /// <summary>Who this client speaks for unless a call says otherwise.</summary>
    public string AgentId { get; }

    /// <summary>Acquire, look at and steer leases.</summary>
    public LocksClient Locks { get; }

    /// <summary>Ask whether an action may be done, and keep the policies that decide it.</summary>
    public PoliciesClient Policies { get; }

    /// <summary>Check fencing tokens for a resource that cannot compare them itself.</summary>
    public FencesClient Fences { get; }

    /// <summary>Reserve what an action may cost, and settle with what it did.</summary>
    public BudgetsClient Budgets { get; }

    /// <summary>Ask people, wait for them, and decide.</summary>
    public ApprovalsClient Approvals { get; }

    /// <summary>Make and end the keys that callers are let in with.</summary>
    public KeysClient Keys { get; }

    /// <summary>Follow what happens.</summary>
    public EventsClient Events { get; }

    /// <summary>The leases that this client holds and has not handed on.</summary>
    public IReadOnlyList<Lease> Held => _renewals.Held;

    /// <summary>
    /// Asks the policy, sets aside what the action may cost and waits for a resource, in one request; where people have to
    /// approve first it may wait for them before that. A refusal is a value with a text that a model can read, whatever its
    /// cause; only the caller's own cancellation is thrown.
    /// </summary>
    /// <param name="action">What is to be done, such as <c>refund</c>.</param>
    /// <param name="resource">The <c>type/id</c> to which; null asks the policy alone, and no lease is taken.</param>
    /// <param name="options">The action's metadata; priority, waiting time and so on of the lease.</param>
    /// <param name="cancellationToken">Gives up asking and waiting; the request is taken back before this call ends.</param>
    /// <exception cref="ArgumentException">The metadata is nothing that JSON has; nobody was asked.</exception>
    public Task<Guard> GuardAsync(
        string action, string? resource = null, GuardOptions? options = null, CancellationToken cancellationToken = default) =>
        _guarding.GuardAsync(action, resource, options, cancellationToken);

    /// <inheritdoc cref="GuardAsync(string, string?, GuardOptions?, CancellationToken)"/>
    /// <param name="resources">To which, all of them or none; none asks the policy alone.</param>
    public Task<Guard> GuardAsync(
        string action, IReadOnlyList<ResourceRequest> resources, GuardOptions? options = null, CancellationToken cancellationToken = default) =>
        _guarding.GuardAsync(action, resources, options, cancellationToken);

    /// <summary>Takes up a lease that was handed on, by renewing it at once. From then on it is this client's.</summary>
    /// <exception cref="LeaseLostException">It has ended meanwhile, or its token moved.</exception>
    /// <exception cref="UnavailableException">The service could not be reached; the ticket is as good as before.</exception>
    public async Task<Lease> AttachAsync(Ticket ticket, CancellationToken cancellationToken = default)
    {
        var body = new RenewLock { FencingToken = ticket.FencingToken, TtlMs = ticket.TtlMs };
        try
        {
            var (renewed, sent) = await _api.RenewAsync(ticket.LockId, body, until: null, cancellationToken);
            var lease = new Lease(_api, _renewals, ticket, renewed, sent);
            _renewals.Add(lease);
            return lease;
        }
        catch (MeshException refusal) when (refusal is not LeaseLostException && Problems.MeansLoss(refusal.Problem))
        {
            throw new LeaseLostException(Problems.Lost(ticket.LockId, refusal.Problem));
        }
    }

    /// <summary>What the service is and how it does. An unhealthy one answers too: look at <see cref="HealthReport.Status"/>.</summary>
    public Task<HealthReport> HealthAsync(CancellationToken cancellationToken = default) => _api.HealthAsync(cancellationToken);

    /// <summary>
    /// Ends the renewals. Leases that are still held are not released, since their work may be half done: a warning names
    /// them, their <see cref="Lease.Lost"/> fires at their deadline and the next holder reads <c>expired</c>.
    /// </summary>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _disposed, true))
        {
            return;
        }
        var held = Held;
        _sender.Close();
        await _renewals.DisposeAsync();
        _ownHttp?.Dispose();
        WarnOfHeld(held);
    }

    private void WarnOfHeld(IReadOnlyList<Lease> held)
    {
        if (held.Count > 0)
        {
            var names = string.Join(", ", held.Take(MostNames).Select(lease => lease.Name));
            var more = held.Count > MostNames ? $" and {held.Count - MostNames} more" : "";
            _options.OnWarning($"{AgentId} closed its client and still held {names}{more}: dispose a lease to release it, or the next holder waits for it to expire.");
        }
    }
}
