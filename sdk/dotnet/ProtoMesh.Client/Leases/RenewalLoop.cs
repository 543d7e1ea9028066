using System.Threading.Channels;
using ProtoMesh.Contracts.Locks;
using ProtoMesh.Transport;

namespace ProtoMesh.Leases;

/// <summary>
/// Renews every lease of a client from one background task. What is due at about the same time goes in one call; a
/// call that hangs holds up only its own leases, whose alarms ring without it.
/// </summary>
internal sealed class RenewalLoop(MeshApi api, TimeProvider time) : IAsyncDisposable
{
    private const int LargestBatch = 1000;
    private static readonly TimeSpan SoonestRetry = TimeSpan.FromMilliseconds(100);

    private readonly Lock _gate = new();
    private readonly HashSet<Lease> _leases = [];
    private readonly CancellationTokenSource _stopping = new();
    private readonly Channel<bool> _wake = Channel.CreateBounded<bool>(
        new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });

    private Task? _loop;
    private long _nextLook = long.MinValue;

    /// <summary>What is held now and was not handed on.</summary>
    public IReadOnlyList<Lease> Held
    {
        get
        {
            lock (_gate)
            {
                return [.. _leases.Where(lease => lease is { IsHeld: true, IsHandedOn: false })];
            }
        }
    }

    /// <summary>Also a lease that nobody renews, so that the client knows what it holds.</summary>
    public void Add(Lease lease)
    {
        lock (_gate)
        {
            if (_stopping.IsCancellationRequested)
            {
                return;
            }
            _leases.Add(lease);
            _loop ??= Task.Run(RunAsync);
            if (lease.RenewAt >= _nextLook)
            {
                // The loop looks at every lease; whoever holds thousands must not pay for all of them with each new one.
                return;
            }
        }
        Wake();
    }

    public void Remove(Lease lease)
    {
        lock (_gate)
        {
            _leases.Remove(lease);
        }
    }

    public async ValueTask DisposeAsync()
    {
        Task? loop;
        lock (_gate)
        {
            _stopping.Cancel();
            _leases.Clear();
            loop = _loop;
        }
        if (loop is not null)
        {
            await loop;
        }
    }

    private void Wake() => _wake.Writer.TryWrite(true);

    private async Task RunAsync()
    {
        await using var alarm = time.CreateTimer(_ => Wake(), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        try
        {
            while (true)
            {
                var (batches, next) = TakeDue();
                foreach (var batch in batches)
                {
                    _ = RenewAsync(batch);
                }
                alarm.Change(next, Timeout.InfiniteTimeSpan);
                await _wake.Reader.ReadAsync(_stopping.Token);
            }
        }
        catch (OperationCanceledException)
        {
            // Disposed.
        }
    }

    /// <summary>The calls to make now, each for leases in the same situation, and how long until the next look.</summary>
    private (List<List<Lease>> Batches, TimeSpan Next) TakeDue()
    {
        var batches = new List<List<Lease>>();
        var next = Timeout.InfiniteTimeSpan;
        var together = new List<Lease>();
        lock (_gate)
        {
            var now = time.GetTimestamp();
            _leases.RemoveWhere(lease => lease.IsOver);
            foreach (var lease in _leases)
            {
                if (lease.Renewing || !lease.WantsRenewal)
                {
                    continue;
                }
                var wait = LeaseDeadline.Until(time, lease.RenewAt);
                if (wait > TimeSpan.Zero)
                {
                    next = next == Timeout.InfiniteTimeSpan || wait < next ? wait : next;
                    continue;
                }
                lease.Renewing = true;
                if (lease.HasProgress)
                {
                    // The batch call has no place for a text.
                    batches.Add([lease]);
                }
                else
                {
                    together.Add(lease);
                }
            }
            if (together.Count > 0)
            {
                // Whoever is due shortly comes along: one call more or less costs more than an early renewal.
                together.AddRange(_leases.Where(lease => lease is { Renewing: false, WantsRenewal: true, HasProgress: false }
                    && LeaseDeadline.Until(time, lease.RenewAt) < lease.RenewEvery / 4));
                together.ForEach(lease => lease.Renewing = true);
                batches.AddRange(together.Chunk(LargestBatch).Select(chunk => chunk.ToList()));
            }
            _nextLook = next == Timeout.InfiniteTimeSpan ? long.MaxValue : LeaseDeadline.Add(time, now, next);
        }
        // Timers count whole milliseconds and round down.
        return (batches, next == Timeout.InfiniteTimeSpan ? next : next + TimeSpan.FromMilliseconds(1));
    }

    private async Task RenewAsync(List<Lease> batch)
    {
        try
        {
            if (batch is [{ HasProgress: true } single])
            {
                await single.RenewAsync(_stopping.Token);
                return;
            }
            // Half of what the nearest to its end has left: enough for a second try over another address.
            var until = batch.Min(lease => lease.Deadline);
            var patience = LeaseDeadline.Until(time, until) / 2;
            var body = new RenewLocks
            {
                Locks = [.. batch.Select(lease => new RenewLocksItem { LockId = lease.LockId, FencingToken = lease.FencingToken, TtlMs = lease.TtlMs })],
            };
            var (answer, sent) = await api.RenewManyAsync(body, LeaseDeadline.Add(time, time.GetTimestamp(), patience), _stopping.Token);
            foreach (var (lease, result) in batch.Zip(answer.Results))
            {
                Apply(lease, result, sent);
            }
        }
        catch (Exception)
        {
            // Whatever it was, of the wire or of what a caller hung on Lost: the leases stay due, so without a pause they
            // would be renewed again at once and for ever.
            batch.ForEach(RetrySoon);
        }
        finally
        {
            lock (_gate)
            {
                batch.ForEach(lease => lease.Renewing = false);
            }
            Wake();
        }
    }

    private void Apply(Lease lease, RenewResult result, long sent)
    {
        if (result is { Problem: null, ExpiresInMs: { } expiresIn })
        {
            lease.Extend(sent, result.ServedMs ?? 0, expiresIn, result.ExpiresAt >= result.HoldEndsAt, result.Waiters);
        }
        else if (result.Problem is { } problem && Problems.MeansLoss(problem))
        {
            // A release or a transfer may have been faster than this renewal; what its own answer says counts.
            if (!lease.IsEnding)
            {
                lease.Lose(problem);
            }
        }
        else
        {
            RetrySoon(lease);
        }
    }

    /// <summary>A tenth of what is left: more often as the end comes nearer, but never in a tight loop.</summary>
    private void RetrySoon(Lease lease)
    {
        var delay = LeaseDeadline.Until(time, lease.Deadline) / 10;
        lease.PlanRenewalIn(delay > SoonestRetry ? delay : SoonestRetry);
    }
}
