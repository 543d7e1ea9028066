using System.Globalization;
using ProtoMesh.Server.Data;
using ProtoMesh.Server.Store;

namespace ProtoMesh.Server.Journal;

/// <summary>Moves events from the outboxes to the journal, in order, for as long as the service runs.</summary>
/// <remarks>
/// Read, persist the store, commit, and let the next read drop what is committed. A crash between any two of these steps
/// repeats the read; the cursor, which moves in the transaction of the rows, leaves out what is already there.
/// </remarks>
internal sealed class JournalConsumer(
    ScriptStore store, StoreMessages messages, JournalWriter writer, JournalWatermark watermark, JournalWakes wakes, JournalStatus status,
    DatabaseMigrator migrator, DatabaseChoice database, TimeProvider time) : BackgroundService
{
    /// <summary>Most events in one transaction: large enough to pay for it, small enough for a waiter behind it.</summary>
    private const int BatchSize = 1_000;

    /// <summary>How far the journal may fall behind while it gives way to the answers; then it stops giving way.</summary>
    private const long PoliteLag = 100_000;
    private static readonly TimeSpan ShortestRest = TimeSpan.FromMilliseconds(25);
    private static readonly TimeSpan LongestRest = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(2);

    /// <summary>The time after which an outbox is looked at although nothing told to.</summary>
    private TimeSpan Poll => store.Engine.Kind == "embedded" ? TimeSpan.FromSeconds(1) : TimeSpan.FromMilliseconds(200);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await migrator.Ready.WaitAsync(stoppingToken);
        while (store.Partitions == 0)
        {
            await Task.Delay(TimeSpan.FromMilliseconds(50), time, stoppingToken);
        }

        var outbox = new Outbox(store);
        using var listening = messages.Subscribe(OnMessage, wakes.HurryAll);
        await Task.WhenAll(Enumerable.Range(0, store.Partitions).Select(partition => FollowAsync(partition, outbox, stoppingToken)));
    }

    private void OnMessage(int partition, string message)
    {
        if (message.StartsWith("journaled ", StringComparison.Ordinal))
        {
            watermark.Advance(partition, EventId.Parse(message["journaled ".Length..]));
        }
        else if (message == "journal")
        {
            wakes.Hurry(partition);
        }
    }

    private async Task FollowAsync(int partition, Outbox outbox, CancellationToken cancellationToken)
    {
        EventId? committed = null;
        var pause = TimeSpan.Zero;
        try
        {
            while (true)
            {
                try
                {
                    committed ??= await StartAsync(partition, cancellationToken);
                    var started = time.GetTimestamp();
                    var moved = await MoveAsync(partition, outbox, committed.Value, cancellationToken);
                    committed = moved ?? committed;
                    pause = TimeSpan.Zero;
                    if (moved is null)
                    {
                        await wakes.WaitAsync(partition, Poll, cancellationToken);
                    }
                    else
                    {
                        await wakes.RestAsync(partition, RestAfter(partition, time.GetElapsedTime(started)), cancellationToken);
                    }
                }
                catch (Exception problem) when (!cancellationToken.IsCancellationRequested)
                {
                    // Whether a commit that failed took place is unknown; the next one compares with the cursor again.
                    pause = Longer(pause);
                    Say(partition, problem);
                    await Task.Delay(pause, time, cancellationToken);
                }
            }
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            await LeaveAsync(partition, outbox, committed);
        }
    }

    /// <summary>
    /// Nobody waits for these events, but answers wait for the same processors: it rests four times as long as it worked,
    /// except when it is far behind, as the outbox must not grow without end.
    /// </summary>
    private TimeSpan RestAfter(int partition, TimeSpan work)
    {
        if (status.LagOf(partition) > PoliteLag)
        {
            return TimeSpan.Zero;
        }

        var rest = work * 4;
        return rest < ShortestRest ? ShortestRest : rest > LongestRest ? LongestRest : rest;
    }

    private async Task<EventId> StartAsync(int partition, CancellationToken cancellationToken)
    {
        var committed = await writer.CommittedAsync(partition, cancellationToken);
        watermark.Advance(partition, committed);
        return committed;
    }

    /// <summary>One batch. Null when there was nothing to move, or another replica moves it.</summary>
    private async Task<EventId?> MoveAsync(int partition, Outbox outbox, EventId committed, CancellationToken cancellationToken)
    {
        var batch = await outbox.ReadAsync(partition, committed, BatchSize, cancellationToken);
        if (batch is null)
        {
            status.Elsewhere(partition);
            return null;
        }

        status.Lag(partition, Math.Max(0, batch.Newest - committed.Counter), AgeMs(batch, 0));
        if (batch.Events.Count == 0 && committed != EventId.None)
        {
            status.Works(partition);
            return null;
        }

        // The journal must never know of an event that the store could still lose.
        await store.Engine.PersistAsync(cancellationToken);
        var now = await writer.WriteAsync(batch, cancellationToken);
        watermark.Advance(partition, now);
        var left = Math.Max(0, batch.Newest - now.Counter);
        status.Lag(partition, left, left == 0 ? 0 : AgeMs(batch, batch.Events.Count - 1));
        status.Works(partition);
        return now == committed ? null : now;
    }

    /// <summary>How long ago an event of the batch happened; its second part is its time.</summary>
    private static long AgeMs(OutboxBatch batch, int index) =>
        index < batch.Events.Count && batch.Events[index].Text.Split('\u0001', 3) is [_, var at, _]
            && long.TryParse(at, NumberStyles.None, CultureInfo.InvariantCulture, out var ms)
            ? Math.Max(0, batch.NowMs - ms) : 0;

    private void Say(int partition, Exception problem)
    {
        switch (problem)
        {
            case StoreException:
                status.Fail(partition, problem.Message);
                break;
            case var _ when DatabaseProblem.IsOf(problem):
                status.Fail(partition, DatabaseProblem.Sentence(problem, database));
                break;
            default:
                // A fault of ours: its trace is wanted, and the events stay in the outbox.
                status.Fail(partition, $"An event could not be handled: {problem.Message}", problem);
                break;
        }
    }

    private async Task LeaveAsync(int partition, Outbox outbox, EventId? committed)
    {
        try
        {
            using var soon = new CancellationTokenSource(TimeSpan.FromSeconds(1), time);
            await outbox.LeaveAsync(partition, committed ?? EventId.None, soon.Token);
        }
        catch (Exception problem) when (problem is StoreException or OperationCanceledException)
        {
            // The lease ends by itself.
        }
    }

    private static TimeSpan Longer(TimeSpan pause) =>
        pause == TimeSpan.Zero ? TimeSpan.FromMilliseconds(50) : pause * 2 < LongestPause ? pause * 2 : LongestPause;
}
