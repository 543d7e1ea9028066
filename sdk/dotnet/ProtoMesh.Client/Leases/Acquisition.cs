using ProtoMesh.Contracts;
using ProtoMesh.Contracts.Locks;
using ProtoMesh.Transport;

namespace ProtoMesh.Leases;

/// <summary>
/// One request for a lease from its first call to its grant: held open in slices, repeated under the same id after
/// every fault, submitted again where the service lost it, and taken back when the caller gives up.
/// </summary>
internal sealed class Acquisition(MeshApi api, AcquireLock request, LeaseOptions options)
{
    // Common HTTP resilience handlers and proxies cut at 10 s.
    private static readonly TimeSpan Slice = TimeSpan.FromSeconds(8);

    // The service ends the wait; this is for one whose clock runs slow.
    private static readonly TimeSpan Grace = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan ShortestRound = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan TakeBackLimit = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan TakeBackAgain = TimeSpan.FromMilliseconds(200);

    private readonly TimeProvider _time = api.Options.TimeProvider;
    private AcquireLock _request = request;
    private QueuedLock? _queued;

    public static string NewRequestId(TimeProvider time) => Guid.CreateVersion7(time.GetUtcNow()).ToString("N");

    /// <returns>The grant and the timestamp at which the call that brought it was sent.</returns>
    public async Task<Reply<GrantedLock>> RunAsync(CancellationToken cancellationToken)
    {
        var started = _time.GetTimestamp();
        var waitEnds = LeaseDeadline.Add(_time, started, options.Wait);
        // A try does not wait in the queue, but its one call is repeated like any other while nobody answers.
        long? until = options.Wait > TimeSpan.Zero ? LeaseDeadline.Add(_time, waitEnds, Grace) : null;
        try
        {
            while (await CallAsync(waitEnds, until, cancellationToken) is { } reply)
            {
                if (reply.Value is GrantedLock grant)
                {
                    return new Reply<GrantedLock>(grant, reply.Sent);
                }
                var isNews = _queued is null && options.OnQueued is not null;
                _queued = (QueuedLock)reply.Value;
                options.OnQueued?.Invoke(_queued);
                if (!isNews)
                {
                    await PaceAsync(reply.Sent, cancellationToken);
                }
            }
        }
        catch (Exception fault) when (MayLeaveSomething(fault))
        {
            // Given up from this side. Whatever the service has made of the request meanwhile must not stay behind.
            await TakeBackAsync();
            await GiveBackAsync();
            throw;
        }
        catch (MeshException fault) when (_queued is not null || fault is LockTimeoutException)
        {
            await GiveBackAsync();
            throw;
        }
        await TakeBackAsync();
        await GiveBackAsync();
        throw new LockTimeoutException(TimedOut());
    }

    /// <summary>Null when the wait is over and the service has not said so.</summary>
    private async Task<Reply<object>?> CallAsync(long waitEnds, long? until, CancellationToken cancellationToken)
    {
        while (LeaseDeadline.Until(_time, until ?? LeaseDeadline.Add(_time, waitEnds, Grace)) > TimeSpan.Zero)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var left = LeaseDeadline.Until(_time, waitEnds);
            var hold = left < Slice ? left : Slice;
            hold = hold > TimeSpan.Zero ? hold : TimeSpan.Zero;
            try
            {
                // Whoever wants to know its place wants to know it now and not after a slice.
                return _queued is null
                    ? await api.AcquireAsync(_request, options.OnQueued is null ? hold : TimeSpan.Zero, until, cancellationToken)
                    : await api.WaitAsync(_queued.LockId, hold, until, cancellationToken);
            }
            catch (NotFoundException refusal) when (refusal.Code == "lock_unknown" && left > TimeSpan.Zero)
            {
                // The store was lost and rebuilt without its waiters: the same request takes a place in the new queue.
                SubmitAgain(_request.RequestId, left);
            }
            catch (LockEndedException refusal) when (
                refusal.State == LockState.Abandoned && options.RequestId is null && left > TimeSpan.Zero)
            {
                // This process was out for longer than a waiter may be silent. What has ended stays ended, so a new one.
                SubmitAgain(NewRequestId(_time), left);
            }
        }
        return null;
    }

    private void SubmitAgain(string? requestId, TimeSpan left)
    {
        _queued = null;
        _request = _request with { RequestId = requestId, WaitMs = (long)Math.Ceiling(left.TotalMilliseconds) };
    }

    /// <summary>
    /// A service that held the call open is called again at once: its Retry-After is meant for callers who do not wait
    /// on the line. One that answers early, as when it shuts down, would otherwise be called in a tight loop.
    /// </summary>
    private async Task PaceAsync(long sent, CancellationToken cancellationToken)
    {
        var took = _time.GetElapsedTime(sent);
        if (took < ShortestRound)
        {
            await Task.Delay(ShortestRound - took, _time, cancellationToken);
        }
    }

    /// <summary>A refusal of whoever stands before the service says nothing about what waits behind it.</summary>
    private bool MayLeaveSomething(Exception fault) =>
        fault is not MeshException or UnavailableException or ServiceFailedException or ProtocolException
        || (_queued is not null && fault is UnauthorizedException or RateLimitedException);

    /// <summary>
    /// Shielded from the caller's cancellation, and bounded. A call that was cut off may still be on its way, so
    /// "unknown" is asked again before it is believed.
    /// </summary>
    private async Task TakeBackAsync()
    {
        using var limit = new CancellationTokenSource(TakeBackLimit, _time);
        var byRequest = new CancelLock
        {
            RequestId = _request.RequestId,
            Namespace = _request.Namespace,
            Resource = _request.Resource ?? _request.Resources?.FirstOrDefault()?.Resource,
        };
        try
        {
            for (var attempt = 1; attempt <= 3; attempt++)
            {
                try
                {
                    await (_queued is null
                        ? api.CancelRequestAsync(byRequest, limit.Token)
                        : api.CancelAsync(_queued.LockId, limit.Token));
                    return;
                }
                catch (NotFoundException)
                {
                    await Task.Delay(TakeBackAgain, _time, limit.Token);
                }
            }
        }
        catch (Exception fault) when (fault is MeshException or OperationCanceledException)
        {
            // Out of reach, or ended already. A waiter that stays silent is dropped, and an unclaimed grant too.
        }
    }

    /// <summary>What its action would have cost is not spent now.</summary>
    private async Task GiveBackAsync()
    {
        if (_request.Action is not null)
        {
            using var limit = new CancellationTokenSource(TakeBackLimit, _time);
            await Reservations.GiveBackAsync(api, _request, _queued, limit.Token);
        }
    }

    private Problem TimedOut() => ProblemCatalogue.Get("lock_timeout").ToProblem(
        $"{_request.Resource ?? "The resources"} could not be had within {options.Wait.TotalSeconds:0.###} s.") with
    {
        LockId = _queued?.LockId,
        Position = _queued?.Position,
        BlockedBy = _queued?.BlockedBy,
    };
}
