using Microsoft.EntityFrameworkCore;
using ProtoMesh.Server.Data;
using ProtoMesh.Server.Store;

namespace ProtoMesh.Server.Journal;

/// <summary>Decides whether a partition may be opened, by what the journal knows of it.</summary>
internal sealed class JournalRecovery(
    IDbContextFactory<MeshDb> factory, DatabaseMigrator migrator, DatabaseChoice database, TimeProvider time) : IRecoveryCheck
{
    /// <summary>A first start creates its tables while the store already asks.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(15);

    public async Task<Verdict> CompareAsync(int partition, Func<CancellationToken, Task<PartitionState>> inspect, CancellationToken cancellationToken)
    {
        try
        {
            await migrator.Tried.WaitAsync(Patience, time, cancellationToken);
            if (migrator.Problem is { } problem)
            {
                return Unreachable(problem);
            }

            await using var db = await factory.CreateDbContextAsync(cancellationToken);
            var cursor = await db.Set<JournalCursor>().AsNoTracking().FirstOrDefaultAsync(row => row.Partition == partition, cancellationToken);
            var state = await inspect(cancellationToken);
            var verdict = Judge(state, cursor);
            return verdict is Verdict.Open ? await ReserveAsync(db, state, cursor, verdict, cancellationToken) : verdict;
        }
        catch (Exception problem) when (DatabaseProblem.IsOf(problem))
        {
            return Unreachable(migrator.Problem ?? DatabaseProblem.Sentence(problem, database));
        }
    }

    private static Verdict.StayClosed Unreachable(string why) =>
        new($"The journal database cannot be reached; no lease is given before it was compared with the store. {why}");

    /// <summary>What state and cursor mean together; a cursor of epoch 0 was reserved by a start that did not get further.</summary>
    internal static Verdict Judge(PartitionState state, JournalCursor? cursor)
    {
        if (cursor is null)
        {
            return new Verdict.Open(0, state is { Exists: true, LastEvent.Counter: > 0 }
                ? $"The database has no journal of this store, which has had {state.LastEvent.Counter} events; " +
                  "those that are no longer in its outbox are missing from the history."
                : null);
        }

        if (cursor.Epoch == 0)
        {
            return new Verdict.Open(cursor.MaxToken);
        }

        if (!state.Exists)
        {
            return new Verdict.StayClosed(
                $"The store is empty, but the journal has followed it up to event {cursor.Epoch}-{cursor.Counter}: the store has lost its data. " +
                "Restore the store, or start with an empty database as well.");
        }

        if (state.StoreId != cursor.StoreId)
        {
            return new Verdict.StayClosed(
                "The database holds the journal of another store. " +
                "Correct ConnectionStrings:Redis, Store:DataFolder or ConnectionStrings:Database, or start with an empty database.");
        }

        var journaled = new EventId(cursor.Epoch, cursor.Counter);
        return state.LastEvent >= journaled ? new Verdict.Open(cursor.MaxToken) : new Verdict.StayClosed(
            $"The store is {Behind(state.LastEvent, journaled)} behind the journal: it has lost its latest data. " +
            "Restore a newer copy of the store, or start with an empty store and an empty database.");
    }

    /// <summary>
    /// Writes the store's identity down before the store is opened, so that losing it right after is noticed. Nothing is
    /// lost when this start ends here: the row counts only from the consumer's first commit on.
    /// </summary>
    private async Task<Verdict> ReserveAsync(
        MeshDb db, PartitionState state, JournalCursor? cursor, Verdict verdict, CancellationToken cancellationToken)
    {
        if (cursor is null)
        {
            db.Add(new JournalCursor { Partition = state.Partition, StoreId = state.StoreId, UpdatedAt = time.GetUtcNow().UtcDateTime });
            try
            {
                await db.SaveChangesAsync(cancellationToken);
            }
            catch (DbUpdateException)
            {
                return new Verdict.StayClosed("Another replica is opening the store at this moment; it is tried again.");
            }
        }
        else if (cursor.Epoch == 0 && cursor.StoreId != state.StoreId)
        {
            await db.Set<JournalCursor>().Where(row => row.Partition == state.Partition && row.Epoch == 0)
                .ExecuteUpdateAsync(set => set.SetProperty(row => row.StoreId, state.StoreId), cancellationToken);
        }

        return verdict;
    }

    private static string Behind(EventId store, EventId journal) => store.Epoch == journal.Epoch
        ? $"{journal.Counter - store.Counter} events" : $"{journal.Epoch - store.Epoch} epochs";
}
