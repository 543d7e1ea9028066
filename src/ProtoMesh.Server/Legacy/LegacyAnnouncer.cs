using System.Threading.Channels;
using ProtoMesh.Contracts.Locks;
using ProtoMesh.Server.Locks;
using ProtoMesh.Server.Store;

namespace ProtoMesh.Server.Legacy;

/// <summary>
/// Tells clients of the first version that what they waited for is theirs. Such a client asks once, then only listens on
/// Redis, and often begins to listen after the grant: so each grant is published at once and four times more.
/// </summary>
/// <remarks>
/// Every replica announces every grant that it hears of, and looks now and then at those that it has answered <c>queued</c>:
/// a replica may die and a message may be lost. One that starts, or that was cut off, looks at everything. A client takes the
/// first message and ignores the others. When to publish again follows from the grant's own time, so no replica need
/// remember anything.
/// </remarks>
internal sealed class LegacyAnnouncer(
    ScriptStore store, StoreMessages messages, LockScripts locks, LegacyScripts scripts, TimeProvider time, ILogger<LegacyAnnouncer> log) : BackgroundService
{
    private const int Slice = 200;
    private static readonly long[] AgainAfterMs = [200, 1_000, 3_000, 10_000];
    private static readonly TimeSpan Look = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan Retry = TimeSpan.FromMilliseconds(500);
    private readonly Channel<News> _news = Channel.CreateUnbounded<News>(new UnboundedChannelOptions { SingleReader = true });
    private readonly Dictionary<LockId, long> _due = [];
    private readonly PriorityQueue<LockId, long> _next = new();
    private bool _lookAtAll;
    private bool _failing;

    /// <summary>Nobody outside this process can listen to the embedded store.</summary>
    private bool CanBeHeard => store.Engine.Kind != "embedded";

    /// <summary>Keeps an eye on a lock that was answered <c>queued</c>, in case the message of its grant is lost.</summary>
    public void Expect(LockId id)
    {
        if (CanBeHeard)
        {
            _news.Writer.TryWrite(new News(id, IsGrant: false));
        }
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        if (!CanBeHeard)
        {
            return;
        }

        using var listening = messages.Subscribe(OnMessage, () => _news.Writer.TryWrite(new News(null, IsGrant: false)));
        _lookAtAll = true;
        try
        {
            while (!store.IsOpen)
            {
                await Task.Delay(TimeSpan.FromMilliseconds(50), time, stoppingToken);
            }

            while (true)
            {
                await StepAsync(stoppingToken);
            }
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // The other replicas announce what is granted from now on, or this one does after its next start.
        }
    }

    private async Task StepAsync(CancellationToken cancellationToken)
    {
        try
        {
            Hear();
            if (_lookAtAll)
            {
                await LookAtAllAsync(cancellationToken);
                _lookAtAll = false;
            }

            await AnnounceDueAsync(cancellationToken);
            _failing = false;
            await PauseAsync(cancellationToken);
        }
        catch (Exception failure) when (failure is not OperationCanceledException)
        {
            if (!_failing)
            {
                Say(failure);
            }

            _failing = true;
            await Task.Delay(Retry, time, cancellationToken);
        }
    }

    private void OnMessage(int partition, string message)
    {
        if (message.StartsWith("legacy ", StringComparison.Ordinal))
        {
            foreach (var range in message.AsSpan(7).Split(' '))
            {
                _news.Writer.TryWrite(new News(new LockId(message[7..][range], partition), IsGrant: true));
            }
        }
    }

    private void Hear()
    {
        while (_news.Reader.TryRead(out var news))
        {
            if (news.Id is not { } id)
            {
                _lookAtAll = true;
            }
            else if (news.IsGrant || !_due.ContainsKey(id))
            {
                Plan(id, news.IsGrant ? TimeSpan.Zero : Look);
            }
        }
    }

    private async Task LookAtAllAsync(CancellationToken cancellationToken)
    {
        for (var partition = 0; partition < store.Partitions; partition++)
        {
            var from = "[!";
            while (true)
            {
                var (_, entries) = await locks.ListAsync(partition, from, "+", Slice, cancellationToken);
                foreach (var (member, request) in entries)
                {
                    from = $"({member}";
                    if (request.Record.Flags.Contains(LockFlags.Legacy, StringComparison.Ordinal))
                    {
                        Plan(request.Id, request.Record.State == LockState.Queued ? Look : TimeSpan.Zero);
                    }
                }

                if (entries.Count < Slice)
                {
                    break;
                }
            }
        }
    }

    private async Task AnnounceDueAsync(CancellationToken cancellationToken)
    {
        var now = time.GetTimestamp();
        var ids = new List<LockId>();
        while (_next.TryPeek(out var id, out var due) && due <= now)
        {
            _next.Dequeue();
            if (_due.TryGetValue(id, out var planned) && planned == due)
            {
                ids.Add(id);
            }
        }

        // Those that fail are looked at again; those that were announced already are then announced once more.
        var open = new Queue<LockId[]>(ids.GroupBy(id => id.Partition).SelectMany(group => group.Chunk(Slice)));
        try
        {
            while (open.TryPeek(out var batch))
            {
                var states = await scripts.AnnounceAsync(batch[0].Partition, batch, cancellationToken);
                for (var index = 0; index < batch.Length; index++)
                {
                    PlanNext(batch[index], states[index]);
                }

                open.Dequeue();
            }
        }
        finally
        {
            foreach (var id in open.SelectMany(batch => batch))
            {
                Plan(id, TimeSpan.Zero);
            }
        }
    }

    private void PlanNext(LockId id, Announced state)
    {
        if (state.IsQueued)
        {
            Plan(id, Look);
        }
        else if (state.AgeMs is { } age && Array.Find(AgainAfterMs, after => after > age) is > 0 and var after)
        {
            Plan(id, TimeSpan.FromMilliseconds(after - age));
        }
        else
        {
            _due.Remove(id);
        }
    }

    private void Plan(LockId id, TimeSpan after)
    {
        var due = time.GetTimestamp() + (long)(after.TotalSeconds * time.TimestampFrequency);
        _due[id] = due;
        _next.Enqueue(id, due);
    }

    /// <summary>Until the next is due or there is news.</summary>
    private async Task PauseAsync(CancellationToken cancellationToken)
    {
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var news = _news.Reader.WaitToReadAsync(either.Token).AsTask();
        var left = _next.TryPeek(out _, out var due) ? time.GetElapsedTime(time.GetTimestamp(), due) : Timeout.InfiniteTimeSpan;
        if (_next.Count == 0 || left > TimeSpan.Zero)
        {
            // A timer of less than a millisecond would fire early and find nothing due yet.
            await Task.WhenAny(news, Task.Delay(_next.Count == 0 ? left : left + TimeSpan.FromMilliseconds(1), time, either.Token));
        }

        await either.CancelAsync();
        cancellationToken.ThrowIfCancellationRequested();
    }

    private void Say(Exception failure)
    {
        if (failure is StoreException)
        {
            LegacyLog.AnnouncingFailed(log, failure.Message);
        }
        else
        {
            LegacyLog.AnnouncingBroke(log, failure);
        }
    }

    /// <param name="Id">The lock, or null when messages may have been lost.</param>
    /// <param name="IsGrant">The store has just said that it is granted.</param>
    private readonly record struct News(LockId? Id, bool IsGrant);
}
