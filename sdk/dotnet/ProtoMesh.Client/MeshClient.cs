using ProtoMesh.Leases;
using ProtoMesh.Transport;

namespace ProtoMesh;

/// <summary>
/// One connection to a ProtoMesh service, safe for any number of threads; a process needs one. One background loop
/// renews every lease that was acquired through it.
/// </summary>
public sealed class MeshClient : IAsyncDisposable
{
    private readonly HttpClient? _ownHttp;
    private readonly RenewalLoop _renewals;

    /// <summary>Connects nowhere yet: the first call does.</summary>
    /// <exception cref="ArgumentException">No base URL, or one that is not absolute.</exception>
    public MeshClient(MeshClientOptions? options = null)
    {
        options ??= new MeshClientOptions();
        if (options.BaseUrls.Count == 0 || options.BaseUrls.Any(url => !url.IsAbsoluteUri))
        {
            throw new ArgumentException("BaseUrls needs at least one absolute URL, such as http://localhost:8000.", nameof(options));
        }
        AgentId = options.AgentId;
        // A request is bounded by its own deadline; a client-wide time-out would cut long polls.
        _ownHttp = options.HttpClient is null ? new HttpClient { Timeout = Timeout.InfiniteTimeSpan } : null;
        var api = new MeshApi(new Sender(options.HttpClient ?? _ownHttp!, options), options);
        _renewals = new RenewalLoop(api, options.TimeProvider);
        Locks = new LocksClient(api, _renewals, options);
        Policies = new PoliciesClient(api, Locks, options);
        Fences = new FencesClient(api, options);
        Events = new EventsClient(api, options);
    }

    /// <summary>Who this client speaks for unless a call says otherwise.</summary>
    public string AgentId { get; }

    /// <summary>Acquire, look at and steer leases.</summary>
    public LocksClient Locks { get; }

    /// <summary>Ask whether an action may be done, and do it under a lease when it may.</summary>
    public PoliciesClient Policies { get; }

    /// <summary>Check fencing tokens for a resource that cannot compare them itself.</summary>
    public FencesClient Fences { get; }

    /// <summary>Follow what happens.</summary>
    public EventsClient Events { get; }

    /// <summary>
    /// Ends the renewals. Leases that are still held are not released, since their work may be half done: their
    /// <see cref="Lease.Lost"/> fires at their deadline and the next holder reads <c>expired</c>.
    /// </summary>
    public async ValueTask DisposeAsync()
    {
        await _renewals.DisposeAsync();
        _ownHttp?.Dispose();
    }
}
