using System.Collections.Immutable;
using System.Collections.Concurrent;
using ProtoMesh.Server.Store;

namespace ProtoMesh.Server.Locks;

/// <summary>
/// The requests that are held open on this replica. It keeps nothing that matters: a hint that is lost costs the time
/// until the next look, and a replica that dies is replaced by the waiter's next call elsewhere.
/// </summary>
internal sealed class LockWaiters
{
    private readonly ConcurrentDictionary<LockId, ImmutableArray<LockWatch>> _watches = new();

    public LockWaiters(StoreMessages messages) => messages.Subscribe(OnMessage, WakeAll);

    /// <summary>Completes the waits that are open now, because the service stops.</summary>
    public CancellationTokenSource Stopping { get; } = new();

    public IEnumerable<LockWatch> All => _watches.Values.SelectMany(watches => watches);

    /// <summary>Begins to listen for news of a request. Done before it is enqueued, so that no hint comes too early.</summary>
    public LockWatch Watch(LockId id)
    {
        var watch = new LockWatch(id, this);
        _watches.AddOrUpdate(id, [watch], (_, watches) => watches.Add(watch));
        return watch;
    }

    public void Wake(LockId id)
    {
        if (_watches.TryGetValue(id, out var watches))
        {
            foreach (var watch in watches)
            {
                watch.Wake();
            }
        }
    }

    public void WakeAll()
    {
        foreach (var watch in All)
        {
            watch.Wake();
        }
    }

    internal void Remove(LockWatch watch)
    {
        while (_watches.TryGetValue(watch.Id, out var watches))
        {
            var rest = watches.Remove(watch);
            var done = rest.IsEmpty
                ? _watches.TryRemove(KeyValuePair.Create(watch.Id, watches))
                : _watches.TryUpdate(watch.Id, rest, watches);
            if (done)
            {
                return;
            }
        }
    }

    private void OnMessage(int partition, string message)
    {
        if (!message.StartsWith("woken ", StringComparison.Ordinal))
        {
            return;
        }

        foreach (var range in message.AsSpan(6).Split(' '))
        {
            Wake(new LockId(message[6..][range], partition));
        }
    }
}

/// <summary>One open request that listens for news of itself.</summary>
internal sealed class LockWatch(LockId id, LockWaiters waiters) : IDisposable
{
    private TaskCompletionSource _news = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public LockId Id { get; } = id;

    /// <summary>Set once it is known to wait. One reference, because the sweeper reads it while a request sets it.</summary>
    public OpenWait? Waiting { get; set; }

    public void Wake() => Volatile.Read(ref _news).TrySetResult();

    /// <summary>True when there may be news before the time is over; false when it is over or the service stops.</summary>
    public async Task<bool> NewsAsync(TimeSpan time, TimeProvider clock, CancellationToken cancellationToken)
    {
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, waiters.Stopping.Token);
        try
        {
            await Volatile.Read(ref _news).Task.WaitAsync(time, clock, either.Token);
            Volatile.Write(ref _news, new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously));
            return true;
        }
        catch (TimeoutException)
        {
            return false;
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return false;
        }
    }

    public void Dispose() => waiters.Remove(this);
}

/// <param name="WaitEnds">Until when it waits, in ms of the store's clock.</param>
/// <param name="IsDetached">Silence does not drop it.</param>
internal sealed record OpenWait(long WaitEnds, bool IsDetached);
