using Microsoft.EntityFrameworkCore;
using ProtoMesh.Server.Journal;
using ProtoMesh.Server.Store;
using ProtoMesh.Tests.Data;
using ProtoMesh.Tests.Rig;

namespace ProtoMesh.Tests.Journal;

public sealed class Recovery
{
    private const string LoseTheStore = "redis.call('DEL', KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6]) return ''";

    [Theory, ClassData(typeof(Databases))]
    public async Task A_new_store_with_a_new_database_opens_and_is_known_from_then_on(string database)
    {
        await using var rig = await JournalRig.OpenAsync(database);
        var replica = await rig.StartAsync();
        Assert.True(replica.Store.IsOpen);
        await Eventually.HoldsAsync(async () => (await replica.CursorAsync())!.Epoch == 1, "the store is on record before any event");

        await replica.StopAsync();
        await replica.Outbox.RunAsync(LoseTheStore, 0);
        await AssertClosedAsync(rig, "the store has lost its data");
    }

    [Theory, ClassData(typeof(Databases))]
    public async Task Two_replicas_that_open_a_new_store_at_once_agree(string database)
    {
        await using var rig = await JournalRig.OpenAsync(database);
        var replicas = await Task.WhenAll(Enumerable.Range(0, 3).Select(_ => rig.StartAsync(consumes: false)));
        await Task.WhenAll(replicas.Select(replica => Eventually.HoldsAsync(
            async () =>
            {
                try
                {
                    await replica.Store.OpenAsync(CancellationToken.None);
                    return true;
                }
                catch (StoreException refusal) when (refusal.Code == "store_recovering")
                {
                    return false;
                }
            },
            "the replica opens the store")));
        await Task.WhenAll(replicas.Select(replica => replica.ConsumeAsync()));
        Assert.True(await replicas[2].JournaledAsync(await replicas[0].Outbox.WriteAsync(5)));
        Assert.Equal(5, (await replicas[1].RowsAsync()).Count);
    }

    [Fact]
    public async Task A_start_that_ended_between_reserving_and_opening_does_not_block_the_next()
    {
        await using var rig = await JournalRig.OpenAsync(Databases.Sqlite);
        var first = await rig.StartAsync(consumes: false);
        var verdict = await first.Get<IRecoveryCheck>().CompareAsync(0, _ => Task.FromResult(Empty("reserved")), CancellationToken.None);
        Assert.Equal(new Verdict.Open(0), verdict);
        Assert.Equal("reserved", (await first.CursorAsync())!.StoreId);

        var second = await rig.StartAsync();
        Assert.True(await second.JournaledAsync(await second.Outbox.WriteAsync(1)));
        Assert.NotEqual("reserved", (await second.CursorAsync())!.StoreId);
    }

    [Fact]
    public async Task A_restart_opens_above_the_journals_highest_token()
    {
        await using var rig = await JournalRig.OpenAsync(Databases.Sqlite);
        var first = await rig.StartAsync();
        Assert.True(await first.JournaledAsync(await first.Outbox.WriteAsync(3)));
        await first.StopAsync();
        var highest = (await first.CursorAsync())!.MaxToken;
        Assert.True(highest > 0);
        await first.Outbox.RunAsync("redis.call('HSET', KEYS[1], 'token', '1') return ''", 0);

        var second = await rig.StartAsync(consumes: false);
        await second.Store.OpenAsync(CancellationToken.None);
        Assert.Equal(highest, (await second.Outbox.RunAsync("return '0-' .. redis.call('HGET', KEYS[1], 'token')", 0)).Counter);
    }

    [Fact]
    public async Task A_replica_that_starts_while_others_write_does_not_take_the_store_for_behind()
    {
        await using var rig = await JournalRig.OpenAsync(Databases.Sqlite);
        var writing = await rig.StartAsync();
        Assert.True(await writing.JournaledAsync(await writing.Outbox.WriteAsync(3)));
        var storeId = (await writing.CursorAsync())!.StoreId;
        var starting = await rig.StartAsync(consumes: false);
        var verdict = await starting.Get<IRecoveryCheck>().CompareAsync(0, InspectAsync, CancellationToken.None);
        Assert.IsType<Verdict.Open>(verdict);

        // What the store looked like just before more was written and journaled.
        async Task<PartitionState> InspectAsync(CancellationToken cancellationToken)
        {
            Assert.True(await writing.JournaledAsync(await writing.Outbox.WriteAsync(5)));
            return new PartitionState(0, true, storeId, 1, 1, "resource", 3, new EventId(1, 3));
        }
    }

    [Fact]
    public async Task A_store_behind_the_journal_stays_closed_and_says_by_how_much()
    {
        await using var rig = await JournalRig.OpenAsync(Databases.Sqlite);
        var first = await rig.StartAsync();
        Assert.True(await first.JournaledAsync(await first.Outbox.WriteAsync(30)));
        await first.StopAsync();
        await first.Outbox.RunAsync("redis.call('HSET', KEYS[1], 'event', '13') return ''", 0);
        await AssertClosedAsync(rig, "The store is 17 events behind the journal");
    }

    [Fact]
    public async Task Another_stores_database_keeps_the_store_closed()
    {
        await using var rig = await JournalRig.OpenAsync(Databases.Sqlite);
        var first = await rig.StartAsync();
        Assert.True(await first.JournaledAsync(await first.Outbox.WriteAsync(1)));
        await first.StopAsync();
        await first.Outbox.RunAsync("redis.call('HSET', KEYS[1], 'store_id', 'another') return ''", 0);
        await AssertClosedAsync(rig, "The database holds the journal of another store");
    }

    [Fact]
    public async Task A_store_with_a_new_database_opens_with_a_remark_and_the_gap_is_recorded()
    {
        await using var rig = await JournalRig.OpenAsync(Databases.Sqlite);
        var first = await rig.StartAsync();
        Assert.True(await first.JournaledAsync(await first.Outbox.WriteAsync(30)));
        await Eventually.HoldsAsync(() => first.Get<JournalStatus>().Now.LagEvents == 0, "the outbox is trimmed");
        await first.StopAsync();

        var second = await rig.StartAsync(database: await PostgresServer.CreateDatabaseAsync());
        Assert.Contains(second.Log.Of(Microsoft.Extensions.Logging.LogLevel.Warning), line => line.Contains("which has had 30 events", StringComparison.Ordinal));
        Assert.True(await second.JournaledAsync(await second.Outbox.WriteAsync(1)));
        Assert.Equal(["journal.gap", "lock.granted"], (await second.RowsAsync()).Select(row => row.Type));
    }

    [Fact]
    public async Task A_database_that_cannot_be_reached_keeps_the_store_closed()
    {
        await using var rig = await JournalRig.OpenAsync(Databases.Sqlite);
        var port = FreePort.Take(1)[0];
        var replica = await rig.StartAsync(consumes: false, database: $"Host=127.0.0.1;Port={port};Username=postgres;Timeout=1");
        var refusal = await Assert.ThrowsAsync<StoreException>(() => replica.Store.OpenAsync(CancellationToken.None));
        Assert.Equal("store_recovering", refusal.Code);
        Assert.StartsWith("The journal database cannot be reached;", refusal.Message, StringComparison.Ordinal);
        Assert.Contains($"127.0.0.1:{port}", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Retention_deletes_old_events_and_keeps_the_highest_token()
    {
        await using var rig = await JournalRig.OpenAsync(Databases.Sqlite);
        var replica = await rig.StartAsync();
        Assert.True(await replica.JournaledAsync(await replica.Outbox.WriteAsync(2_300, names: "x,1,1,default/a/1\u0002x,1,1,default/b/1")));
        await replica.StopAsync();
        var cursor = await replica.CursorAsync();
        await replica.QueryAsync(db => db.Database.ExecuteSqlRawAsync("UPDATE journal_events SET at = '2020-01-01 00:00:00' WHERE id <= 2250"));

        Assert.Equal(2_250, await replica.Get<JournalRetention>().SweepAsync(CancellationToken.None));
        Assert.Equal(Enumerable.Range(2_251, 50).Select(n => (long)n), (await replica.RowsAsync()).Select(row => row.Id));
        Assert.Equal(100, await replica.QueryAsync(db => db.Set<JournalRowResource>().CountAsync()));
        Assert.Equal(cursor!.MaxToken, (await replica.CursorAsync())!.MaxToken);
        Assert.Equal(0, await replica.Get<JournalRetention>().SweepAsync(CancellationToken.None));
    }

    private static PartitionState Empty(string storeId) => new(0, false, storeId, 0, 0, "", 0, EventId.None);

    private static async Task AssertClosedAsync(JournalRig rig, string reason)
    {
        var replica = await rig.StartAsync(consumes: false);
        var refusal = await Assert.ThrowsAsync<StoreException>(() => replica.Store.OpenAsync(CancellationToken.None));
        Assert.Equal("store_recovering", refusal.Code);
        Assert.Contains(reason, refusal.Message, StringComparison.Ordinal);
        Assert.False(replica.Store.IsOpen);
    }
}
