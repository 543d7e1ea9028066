using Microsoft.EntityFrameworkCore;
using ProtoMesh.Server.Data;
using ProtoMesh.Server.Store;

namespace ProtoMesh.Server.Journal;

/// <summary>Writes what an outbox holds into the journal, each event once, however often and by however many it is tried.</summary>
internal sealed partial class JournalWriter(
    IDbContextFactory<MeshDb> factory, IEnumerable<IJournalProjection> projections, TimeProvider time, ILogger<JournalWriter> log)
{
    /// <summary>One transaction at a time in this process: the others would only wait for the same row, each with a connection.</summary>
    private readonly SemaphoreSlim _turn = new(1, 1);

    /// <summary>Up to where a partition is committed.</summary>
    public async Task<EventId> CommittedAsync(int partition, CancellationToken cancellationToken)
    {
        await using var db = await factory.CreateDbContextAsync(cancellationToken);
        var cursor = await db.Set<JournalCursor>().AsNoTracking().FirstOrDefaultAsync(row => row.Partition == partition, cancellationToken);
        return cursor is null or { Epoch: 0 } ? EventId.None : new EventId(cursor.Epoch, cursor.Counter);
    }

    /// <summary>Commits what of the batch the journal does not have yet, in one transaction.</summary>
    /// <returns>Up to where the partition is committed now.</returns>
    /// <exception cref="DatabaseException">The database holds the journal of another store.</exception>
    public async Task<EventId> WriteAsync(OutboxBatch batch, CancellationToken cancellationToken)
    {
        await _turn.WaitAsync(cancellationToken);
        try
        {
            await using var db = await factory.CreateDbContextAsync(cancellationToken);
            await db.Database.OpenConnectionAsync(cancellationToken);
            if (db is SqliteMeshDb)
            {
                // After this commit the store forgets the events, so a power cut must not take it back.
                await db.Database.ExecuteSqlAsync($"PRAGMA synchronous=FULL", cancellationToken);
            }

            return await WriteAsync(db, batch, cancellationToken);
        }
        finally
        {
            _turn.Release();
        }
    }

    private async Task<EventId> WriteAsync(MeshDb db, OutboxBatch batch, CancellationToken cancellationToken)
    {
        await using var transaction = await db.Database.BeginTransactionAsync(cancellationToken);

        // The lock on this row orders all transactions, here and on other replicas, and what is read below is then current.
        var ids = await db.Database.SqlQuery<long>(
            $"UPDATE journal_ids SET next_id = next_id WHERE id = 1 RETURNING next_id AS \"Value\"").ToListAsync(cancellationToken);
        var cursor = await CursorAsync(db, batch, cancellationToken);
        var rows = RowsAfter(new EventId(cursor.Epoch, cursor.Counter), batch);
        var next = ids.Single();
        foreach (var row in rows)
        {
            row.Id = next++;
            row.Resources.ForEach(resource => resource.EventId = row.Id);
            cursor.MaxToken = Math.Max(cursor.MaxToken, row.FencingToken ?? 0);
        }

        if (batch.Events.Count > 0 && batch.Events[^1].Id is var last && last > new EventId(cursor.Epoch, cursor.Counter))
        {
            (cursor.Epoch, cursor.Counter) = (last.Epoch, last.Counter);
        }

        cursor.UpdatedAt = time.GetUtcNow().UtcDateTime;
        await JournalInsert.RunAsync(db, rows, cancellationToken);
        foreach (var projection in projections)
        {
            await projection.ProjectAsync(db, rows, cancellationToken);
        }

        await db.Set<JournalIds>().ExecuteUpdateAsync(set => set.SetProperty(row => row.NextId, next), cancellationToken);
        await db.SaveChangesAsync(cancellationToken);
        await transaction.CommitAsync(cancellationToken);
        return new EventId(cursor.Epoch, cursor.Counter);
    }

    private static async Task<JournalCursor> CursorAsync(MeshDb db, OutboxBatch batch, CancellationToken cancellationToken)
    {
        var cursor = await db.Set<JournalCursor>().FirstOrDefaultAsync(row => row.Partition == batch.Partition, cancellationToken);
        if (cursor is null)
        {
            cursor = new JournalCursor { Partition = batch.Partition, StoreId = batch.StoreId };
            db.Add(cursor);
        }

        if (cursor.Epoch == 0)
        {
            // The partition answered under this identity: from now on losing it is noticed.
            (cursor.StoreId, cursor.Epoch) = (batch.StoreId, batch.Events.Count > 0 ? batch.Events[0].Id.Epoch : batch.Epoch);
        }

        return cursor.StoreId == batch.StoreId ? cursor : throw new DatabaseException(
            $"The journal of partition {batch.Partition} belongs to another store; give each store a database of its own.");
    }

    /// <summary>The rows for what comes after the cursor. What is missing or unreadable is recorded, never passed over.</summary>
    private List<JournalRow> RowsAfter(EventId cursor, OutboxBatch batch)
    {
        var rows = new List<JournalRow>(batch.Events.Count);
        var previous = cursor;
        foreach (var outbox in batch.Events.Where(outbox => outbox.Id > cursor))
        {
            var row = JournalRecord.TryRead(batch.Partition, outbox);
            if (row is null)
            {
                LogUnreadable(log, outbox.Id, batch.Partition);
                row = JournalRecord.OfUnreadable(batch.Partition, outbox, TimeOf(batch));
            }

            // Where an epoch begins is recovery's decision, so a gap can only be seen within one.
            var expected = previous with { Counter = previous.Counter + 1 };
            if (outbox.Id.Epoch == expected.Epoch && outbox.Id.Counter > expected.Counter)
            {
                LogGap(log, expected, outbox.Id, batch.Partition);
                rows.Add(JournalRecord.OfGap(batch.Partition, expected, outbox.Id, row.At));
            }

            rows.Add(row);
            previous = outbox.Id;
        }

        return rows;
    }

    private static DateTime TimeOf(OutboxBatch batch) => DateTimeOffset.FromUnixTimeMilliseconds(batch.NowMs).UtcDateTime;

    [LoggerMessage(4003, LogLevel.Error, "Event {Event} of partition {Partition} cannot be read; it is kept as journal.unreadable.")]
    private static partial void LogUnreadable(ILogger log, EventId @event, int partition);

    [LoggerMessage(4004, LogLevel.Error, "The events from {First} to before {Next} of partition {Partition} are missing; recorded as journal.gap.")]
    private static partial void LogGap(ILogger log, EventId first, EventId next, int partition);
}
