using System.Collections.Concurrent;
using Microsoft.EntityFrameworkCore;
using ProtoMesh.Server.Data;
using ProtoMesh.Server.Store;

namespace ProtoMesh.Server.Journal;

/// <summary>Up to where each partition's events are known to be committed, and who waits for more.</summary>
internal sealed class JournalWatermark(IDbContextFactory<MeshDb> factory, JournalWakes wakes, TimeProvider time)
{
    private static readonly TimeSpan LookAgain = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);
    private readonly ConcurrentDictionary<int, Mark> _marks = new();
    private volatile TaskCompletionSource _nextCommit = NewSignal();

    /// <summary>Completes at the next commit that this replica learns of. Take it before looking, await it after.</summary>
    public Task NextCommit => _nextCommit.Task;

    public EventId Of(int partition) => MarkOf(partition).Committed;

    /// <summary>Events up to and including <paramref name="id"/> are committed.</summary>
    public void Advance(int partition, EventId id)
    {
        if (MarkOf(partition).Raise(id))
        {
            Interlocked.Exchange(ref _nextCommit, NewSignal()).TrySetResult();
        }
    }

    /// <summary>Waits until the event is committed in SQL, by whichever replica.</summary>
    /// <returns>False when that is not known within the time: the event may still be committed later.</returns>
    public async Task<bool> WaitAsync(int partition, EventId id, TimeSpan timeout, CancellationToken cancellationToken)
    {
        var mark = MarkOf(partition);
        var started = time.GetTimestamp();
        while (true)
        {
            var risen = mark.Risen;
            if (mark.Committed >= id)
            {
                return true;
            }

            var left = timeout - time.GetElapsedTime(started);
            if (left <= TimeSpan.Zero)
            {
                return false;
            }

            wakes.Hurry(partition);
            await risen.WaitAsync(left < LookAgain ? left : LookAgain, time, cancellationToken)
                .ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            cancellationToken.ThrowIfCancellationRequested();
            if (!risen.IsCompleted)
            {
                await LookAsync(partition, mark).WaitAsync(left, time, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                cancellationToken.ThrowIfCancellationRequested();
            }
        }
    }

    /// <summary>
    /// Neither the consumer here nor a message said it: asks the database, one look at a time for all who wait, so that
    /// none of them ends it by going away.
    /// </summary>
    private async Task LookAsync(int partition, Mark mark)
    {
        if (!mark.TryLook())
        {
            return;
        }

        try
        {
            var cursor = await factory.AskAsync(
                (db, enough) => db.Set<JournalCursor>().AsNoTracking()
                    .Where(row => row.Partition == partition).Select(row => new { row.Epoch, row.Counter }).FirstOrDefaultAsync(enough),
                Patience, time, CancellationToken.None);
            if (cursor is not null)
            {
                Advance(partition, new EventId(cursor.Epoch, cursor.Counter));
            }
        }
        catch (Exception problem) when (DatabaseProblem.IsOf(problem))
        {
            // The consumer says it; here it only means that nothing is known yet.
        }
        finally
        {
            mark.Looked();
        }
    }

    private Mark MarkOf(int partition) => _marks.GetOrAdd(partition, _ => new Mark());

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    private sealed class Mark
    {
        private readonly Lock _lock = new();
        private EventId _committed;
        private TaskCompletionSource _risen = NewSignal();
        private int _looking;

        public EventId Committed
        {
            get
            {
                lock (_lock)
                {
                    return _committed;
                }
            }
        }

        public Task Risen
        {
            get
            {
                lock (_lock)
                {
                    return _risen.Task;
                }
            }
        }

        public bool Raise(EventId id)
        {
            TaskCompletionSource risen;
            lock (_lock)
            {
                if (id <= _committed)
                {
                    return false;
                }

                _committed = id;
                (risen, _risen) = (_risen, NewSignal());
            }

            risen.SetResult();
            return true;
        }

        public bool TryLook() => Interlocked.Exchange(ref _looking, 1) == 0;

        public void Looked() => Volatile.Write(ref _looking, 0);
    }
}
