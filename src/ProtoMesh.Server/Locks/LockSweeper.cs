using System.Collections.Concurrent;
using Microsoft.Extensions.Options;
using ProtoMesh.Server.Store;

namespace ProtoMesh.Server.Locks;

/// <summary>
/// Drives what no call drives: ends what is due in every partition, at the latest every <c>SweepMs</c> and earlier when a
/// waiter of this replica knows of a deadline, and keeps the waiters alive whose requests are open here.
/// </summary>
internal sealed class LockSweeper(
    LockScripts scripts, LockGate gate, LockWaiters waiters, ScriptStore store, IOptions<LockOptions> options, TimeProvider time, ILogger<LockSweeper> log)
    : BackgroundService
{
    private readonly SemaphoreSlim _early = new(0, 1);
    private long _armed = long.MaxValue;
    private Task? _woken;
    private readonly ConcurrentDictionary<int, string> _failing = new();

    /// <summary>Asks for a look at what is due after a time that a waiter knows of.</summary>
    public void Arm(long dueInMs)
    {
        var due = time.GetTimestamp() + (long)(Math.Max(0, dueInMs) / 1000.0 * time.TimestampFrequency);
        var armed = Interlocked.Read(ref _armed);
        while (due < armed)
        {
            var seen = Interlocked.CompareExchange(ref _armed, due, armed);
            if (seen == armed)
            {
                Nudge();
                return;
            }

            armed = seen;
        }
    }

    protected override Task ExecuteAsync(CancellationToken stoppingToken) => Task.WhenAll(SweepAsync(stoppingToken), KeepAliveAsync(stoppingToken));

    private async Task SweepAsync(CancellationToken stoppingToken)
    {
        Task[] sweeps = [];
        try
        {
            while (true)
            {
                await PauseAsync(stoppingToken);
                Interlocked.Exchange(ref _armed, long.MaxValue);

                // Side by side, and none waits for the others: a node that is silent holds up its own partitions only.
                sweeps = [.. Enumerable.Range(0, store.Partitions).Select(partition =>
                    sweeps.ElementAtOrDefault(partition) is { IsCompleted: false } under ? under : SweepAsync(partition, stoppingToken))];
            }
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // The service stops; what is due is found by another replica or after the next start.
        }
    }

    private async Task SweepAsync(int partition, CancellationToken stoppingToken)
    {
        try
        {
            var (dueInMs, more, unused) = await scripts.TickAsync(partition, stoppingToken);
            await gate.ReleaseAsync(partition, unused);
            while (more)
            {
                (dueInMs, more, unused) = await scripts.TickAsync(partition, stoppingToken);
                await gate.ReleaseAsync(partition, unused);
            }

            if (dueInMs < options.Value.SweepMs)
            {
                Arm(dueInMs);
            }

            _failing.TryRemove(partition, out _);
        }
        catch (StoreException failure)
        {
            if (_failing.TryAdd(partition, failure.Message))
            {
                LockLog.SweepFailed(log, failure.Message);
            }
        }
        catch (Exception failure) when (failure is not OperationCanceledException)
        {
            LockLog.SweepBroke(log, failure);
        }
    }

    /// <summary>Until the armed time, but no longer than a sweep's interval; armed anew in between, it looks again.</summary>
    private async Task PauseAsync(CancellationToken cancellationToken)
    {
        var end = time.GetTimestamp() + (long)(options.Value.SweepMs / 1000.0 * time.TimestampFrequency);
        while (true)
        {
            var until = Math.Min(end, Interlocked.Read(ref _armed));
            var left = time.GetElapsedTime(time.GetTimestamp(), until);
            if (left <= TimeSpan.Zero)
            {
                return;
            }

            // A timer of less than a millisecond would fire early and find nothing due yet.
            _woken ??= _early.WaitAsync(cancellationToken);
            await Task.WhenAny(_woken, Task.Delay(left + TimeSpan.FromMilliseconds(1), time, cancellationToken));
            cancellationToken.ThrowIfCancellationRequested();
            if (_woken.IsCompleted)
            {
                _woken = null;
            }
        }
    }

    private async Task KeepAliveAsync(CancellationToken stoppingToken)
    {
        var interval = TimeSpan.FromMilliseconds(options.Value.WaiterLivenessMs / 3.0);
        using var timer = new PeriodicTimer(interval, time);
        while (await NextAsync(timer, stoppingToken))
        {
            var batches = waiters.All.Where(watch => watch.Waiting is not null).GroupBy(watch => watch.Id.Partition).SelectMany(group => group.Chunk(500));
            await Task.WhenAll(batches.Select(batch => KeepAliveAsync(batch, stoppingToken)));
        }
    }

    /// <summary>Keeps waiters of one partition alive. Whatever fails, the others and the next round go on: silence would drop them.</summary>
    private async Task KeepAliveAsync(LockWatch[] batch, CancellationToken stoppingToken)
    {
        try
        {
            var partition = batch[0].Id.Partition;
            var attended = batch.Where(watch => watch.Waiting is { IsDetached: false }).ToArray();
            if (attended.Length > 0)
            {
                foreach (var id in await scripts.TouchAsync(partition, attended.Select(watch => (watch.Id.RequestId, watch.Waiting!.WaitEnds)), stoppingToken))
                {
                    waiters.Wake(new LockId(id, partition));
                }
            }

            foreach (var watch in batch.Where(watch => watch.Waiting is { IsDetached: true }))
            {
                watch.Wake();
            }
        }
        catch (StoreException failure)
        {
            LockLog.SweepFailed(log, failure.Message);
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // The service stops and answers its open waits.
        }
        catch (Exception failure)
        {
            LockLog.SweepBroke(log, failure);
        }
    }

    private static async ValueTask<bool> NextAsync(PeriodicTimer timer, CancellationToken cancellationToken)
    {
        try
        {
            return await timer.WaitForNextTickAsync(cancellationToken);
        }
        catch (OperationCanceledException)
        {
            return false;
        }
    }

    private void Nudge()
    {
        try
        {
            _early.Release();
        }
        catch (SemaphoreFullException)
        {
            // It is awake already.
        }
    }
}
