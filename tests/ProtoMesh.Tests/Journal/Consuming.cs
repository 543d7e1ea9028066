using System.Text.Json;
using ProtoMesh.Server.Journal;
using ProtoMesh.Server.Store;
using ProtoMesh.Tests.Data;
using ProtoMesh.Tests.Rig;

namespace ProtoMesh.Tests.Journal;

public sealed class Consuming
{
    [Theory, ClassData(typeof(Databases))]
    public async Task Events_arrive_in_order_and_leave_the_outbox(string database)
    {
        await using var rig = await JournalRig.OpenAsync(database);
        var replica = await rig.StartAsync();
        await replica.Outbox.WriteAsync(2_500);
        var last = await replica.Outbox.WriteAsync(3);
        Assert.True(await replica.JournaledAsync(last));

        var rows = await replica.RowsAsync();
        Assert.Equal(Enumerable.Range(1, 2_503).Select(n => (long)n), rows.Select(row => row.Counter));
        Assert.Equal(Enumerable.Range(1, 2_503).Select(n => (long)n), rows.Select(row => row.Id));
        var cursor = await replica.CursorAsync();
        Assert.Equal((last.Epoch, last.Counter, rows.Max(row => row.FencingToken)), (cursor!.Epoch, cursor.Counter, cursor.MaxToken));
        await Eventually.HoldsAsync(async () => await OutboxLengthAsync(replica) == 0, "the outbox is trimmed");
        Assert.Equal(new JournalLag(0, 0, null), replica.Get<JournalStatus>().Now);
    }

    [Fact]
    public async Task The_embedded_stores_events_arrive_as_well()
    {
        await using var rig = await JournalRig.OpenAsync(Databases.Sqlite, embedded: true);
        var replica = await rig.StartAsync();
        var last = await replica.Outbox.WriteAsync(2_500);
        Assert.True(await replica.JournaledAsync(last));
        Assert.Equal(Enumerable.Range(1, 2_500).Select(n => (long)n), (await replica.RowsAsync()).Select(row => row.Counter));
        await Eventually.HoldsAsync(async () => await OutboxLengthAsync(replica) == 0, "the outbox is trimmed");
    }

    [Theory, ClassData(typeof(Databases))]
    public async Task A_row_tells_what_the_script_told(string database)
    {
        await using var rig = await JournalRig.OpenAsync(database);
        var replica = await rig.StartAsync();
        var before = DateTime.UtcNow.AddSeconds(-5);
        await replica.Outbox.WriteAsync(names: "x,1,1,team-a/file/src/a,b.cs", payload: """{"reason":"refund ✓"}""");
        var last = await replica.Outbox.WriteAsync(
            type: "lock.queued", names: "x,1,1,default/a/1\u0002l,5,2,default/b/2", granted: false);
        Assert.True(await replica.JournaledAsync(last));

        var rows = await replica.RowsAsync();
        var one = rows[0];
        Assert.Equal(("lock.granted", "team-a", "file/src/a,b.cs", "agent-a", "session-a", "release"),
            (one.Type, one.Namespace, one.Resource, one.AgentId, one.SessionId, one.Cause));
        Assert.EndsWith("-1.0", one.LockId, StringComparison.Ordinal);
        Assert.Equal(one.LockId, one.RequestId + ".0");
        Assert.NotNull(one.FencingToken);
        Assert.Equal(DateTimeKind.Utc, one.At.Kind);
        Assert.InRange(one.At, before, DateTime.UtcNow.AddSeconds(5));
        using var data = JsonDocument.Parse(one.Data);
        Assert.Equal(5, data.RootElement.GetProperty("priority").GetInt32());
        Assert.Equal(1, data.RootElement.GetProperty("waited_ms").GetInt32());
        Assert.Equal("n1", data.RootElement.GetProperty("note").GetString());
        Assert.Equal("refund ✓", data.RootElement.GetProperty("request").GetProperty("reason").GetString());

        var several = rows[1];
        Assert.Null(several.Resource);
        Assert.Null(several.FencingToken);
        Assert.Equal(["a/1", "b/2"], several.Resources.Select(resource => resource.Resource).Order());
        using var both = JsonDocument.Parse(several.Data);
        Assert.Equal(["a/1", "b/2"], both.RootElement.GetProperty("resources").EnumerateArray().Select(name => name.GetString()!));
    }

    [Theory, ClassData(typeof(Databases))]
    public async Task Two_replicas_that_commit_the_same_batch_at_once_keep_each_event_once(string database)
    {
        await using var rig = await JournalRig.OpenAsync(database);
        var first = await rig.StartAsync();
        await first.StopAsync();
        var second = await rig.StartAsync(consumes: false);
        await second.Store.OpenAsync(CancellationToken.None);

        // The lease of the outbox is passed over: both read the same events, as after a pause longer than the lease.
        await first.Outbox.WriteAsync(3_000);
        for (var round = 0; round < 6; round++)
        {
            var batch = await ReadAsync(first, new EventId(1, round * 500), 1_000);
            var results = await Task.WhenAll(
                first.Get<JournalWriter>().WriteAsync(batch, CancellationToken.None),
                second.Get<JournalWriter>().WriteAsync(batch with { Events = [.. batch.Events.Take(700)] }, CancellationToken.None));
            Assert.All(results, result => Assert.True(result.Counter >= Math.Min(3_000, batch.Events[0].Id.Counter + 699)));
        }

        var rows = await first.RowsAsync();
        Assert.Equal(Enumerable.Range(1, 3_000).Select(n => (long)n), rows.Select(row => row.Counter));
        Assert.Equal(rows.Count, rows.Select(row => row.Id).Distinct().Count());
    }

    [Theory, ClassData(typeof(Databases))]
    public async Task Consumers_that_come_and_go_at_any_step_lose_and_double_nothing(string database)
    {
        await using var rig = await JournalRig.OpenAsync(database);
        var writer = await rig.StartAsync();
        await writer.StopAsync();
        var seed = Environment.TickCount;
        var random = new Random(seed);
        var written = 0;
        EventId last = default;
        using var stop = new CancellationTokenSource();
        var writing = Task.Run(async () =>
        {
            while (!stop.IsCancellationRequested)
            {
                last = await writer.Outbox.WriteAsync(100);
                written += 100;
                await Task.Delay(5);
            }
        });

        for (var life = 0; life < 12; life++)
        {
            // Ended by cancelling wherever they are: between read, insert, commit and trim.
            var (one, two) = (await rig.StartAsync(), await rig.StartAsync());
            await Task.Delay(random.Next(5, 120));
            await Task.WhenAll(one.StopAsync(), two.StopAsync());
        }

        await stop.CancelAsync();
        await writing;
        await writer.ConsumeAsync();
        Assert.True(await writer.JournaledAsync(last), $"seed {seed}");
        var rows = await writer.RowsAsync();
        Assert.True(rows.Select(row => row.Counter).SequenceEqual(Enumerable.Range(1, written).Select(n => (long)n)), $"seed {seed}: {rows.Count} rows of {written}");
    }

    [Fact]
    public async Task A_batch_that_was_committed_but_not_trimmed_is_trimmed_by_the_next_consumer()
    {
        await using var rig = await JournalRig.OpenAsync(Databases.Sqlite);
        var first = await rig.StartAsync();
        await first.StopAsync();
        var last = await first.Outbox.WriteAsync(10);
        var batch = await ReadAsync(first, EventId.None, 1_000);
        await first.Get<JournalWriter>().WriteAsync(batch, CancellationToken.None);
        Assert.Equal(10, await OutboxLengthAsync(first));

        var second = await rig.StartAsync();
        await Eventually.HoldsAsync(async () => await OutboxLengthAsync(second) == 0, "the outbox is trimmed");
        Assert.Equal(10, (await second.RowsAsync()).Count);
        Assert.Equal(last, second.Get<JournalWatermark>().Of(0));
    }

    [Theory, ClassData(typeof(Databases))]
    public async Task Missing_events_and_unreadable_ones_are_recorded_and_do_not_stop_what_follows(string database)
    {
        await using var rig = await JournalRig.OpenAsync(database);
        var replica = await rig.StartAsync();
        await replica.StopAsync();
        await replica.Outbox.WriteAsync(10);
        await replica.Outbox.RunAsync("redis.call('XDEL', KEYS[6], '1-4', '1-5', '1-6') return ''", 0);
        await replica.Outbox.RunAsync("redis.call('HINCRBY', KEYS[1], 'event', 2) redis.call('XADD', KEYS[6], '1-11', 'e', 'not\\0an event') " +
            "redis.call('XADD', KEYS[6], '1-12', 'e', 'a\\1 b') return ''", 0);
        var last = await replica.Outbox.WriteAsync();
        await replica.ConsumeAsync();
        Assert.True(await replica.JournaledAsync(last));

        var rows = await replica.RowsAsync();
        Assert.Equal([1, 2, 3, 4, 7, 8, 9, 10, 11, 12, 13], rows.Select(row => row.Counter));
        Assert.Equal("""{"partition":0,"first":"1-4","last":"1-6","missing":3}""", Assert.Single(rows, row => row.Type == "journal.gap").Data);
        var unreadable = rows.Where(row => row.Type == "journal.unreadable").ToList();
        Assert.Equal([11, 12], unreadable.Select(row => row.Counter));
        using var data = JsonDocument.Parse(unreadable[0].Data);
        Assert.Equal("not\0an event", data.RootElement.GetProperty("raw").GetString());
        var shown = await replica.Get<JournalReader>().AfterAsync(new Server.Journal.EventFilter(null, null, null, "journal.unreadable"), 0, 10, CancellationToken.None);
        Assert.Equal(["partition", "event"], shown[0].Data!.Value.EnumerateObject().Select(field => field.Name));
        Assert.Equal(3, replica.Log.Errors.Count());
    }

    [Fact]
    public async Task A_database_that_goes_away_is_said_once_and_caught_up_when_it_is_back()
    {
        await using var rig = await JournalRig.OpenAsync(Databases.Sqlite);
        var replica = await rig.StartAsync();
        Assert.True(await replica.JournaledAsync(await replica.Outbox.WriteAsync(5)));

        await using (var thief = new Microsoft.Data.Sqlite.SqliteConnection(rig.Database + ";Pooling=false"))
        {
            // The table is taken away rather than the file, which SQLite would keep open.
            await thief.OpenAsync();
            await ExecuteAsync(thief, "ALTER TABLE journal_ids RENAME TO taken");
            await replica.Outbox.WriteAsync(7);
            var status = replica.Get<JournalStatus>();
            await Eventually.HoldsAsync(() => status.Now is { LagEvents: 7, LastError: not null }, "the lag is told");
            Assert.False(await replica.Get<JournalWatermark>().WaitAsync(0, new EventId(1, 12), TimeSpan.FromMilliseconds(300), CancellationToken.None));
            await ExecuteAsync(thief, "ALTER TABLE taken RENAME TO journal_ids");
        }

        Assert.True(await replica.JournaledAsync(new EventId(1, 12)));
        Assert.Equal(12, (await replica.RowsAsync()).Count);
        Assert.Single(replica.Log.Errors);
        await Eventually.HoldsAsync(() => replica.Get<JournalStatus>().Now is { LagEvents: 0, LastError: null }, "it is well again");
    }

    [Fact]
    public async Task Nothing_is_committed_before_the_store_has_made_it_durable()
    {
        await using var rig = await JournalRig.OpenAsync(Databases.Sqlite);
        ForgetfulEngine? engine = null;
        var replica = await rig.StartAsync(around: inner => engine = new ForgetfulEngine(inner));
        Assert.True(await replica.JournaledAsync(await replica.Outbox.WriteAsync(1)));
        engine!.Persists = false;
        var last = await replica.Outbox.WriteAsync(5);
        await Eventually.HoldsAsync(() => engine.Refusals > 1, "the consumer tries");
        Assert.Single(await replica.RowsAsync());
        engine.Persists = true;
        Assert.True(await replica.JournaledAsync(last));
    }

    [Fact]
    public async Task Another_stores_events_are_not_mixed_into_the_journal()
    {
        await using var rig = await JournalRig.OpenAsync(Databases.Sqlite);
        var replica = await rig.StartAsync();
        Assert.True(await replica.JournaledAsync(await replica.Outbox.WriteAsync(2)));
        await replica.Outbox.RunAsync("redis.call('HSET', KEYS[1], 'store_id', 'another') return ''", 0);
        await replica.Outbox.WriteAsync(2);
        await Eventually.HoldsAsync(() => replica.Get<JournalStatus>().Now.LastError is not null, "the trouble is told");
        Assert.Contains("belongs to another store", replica.Get<JournalStatus>().Now.LastError, StringComparison.Ordinal);
        Assert.Equal(2, (await replica.RowsAsync()).Count);
    }

    private static async Task<OutboxBatch> ReadAsync(JournalRig.Replica replica, EventId after, int limit)
    {
        const string text =
            """
            local entries = redis.call('XRANGE', KEYS[6], '(' .. ARGV[2], '+', 'COUNT', ARGV[3])
            local reply = {redis.call('HGET', KEYS[1], 'store_id')}
            for _, entry in ipairs(entries) do
              reply[#reply + 1] = entry[1]
              reply[#reply + 1] = entry[2][2]
            end
            return reply
            """;
        var keys = new PartitionKeys(0);
        await replica.Store.Engine.LoadAsync(0, [text], CancellationToken.None);
        var reply = (await replica.Store.Engine.RunAsync(Script.Sha(text), keys, [keys.Channel, after.ToString(), $"{limit}"], CancellationToken.None)).Items;
        return new OutboxBatch(0, reply[0].Text, 1, 0, 0,
            [.. reply.Skip(1).Chunk(2).Select(pair => new OutboxEvent(EventId.Parse(pair[0].Text), pair[1].Text))]);
    }

    private static async Task<long> OutboxLengthAsync(JournalRig.Replica replica) =>
        (await replica.Outbox.RunAsync("return '0-' .. redis.call('XLEN', KEYS[6])", 0)).Counter;

    private static async Task ExecuteAsync(Microsoft.Data.Sqlite.SqliteConnection connection, string sql)
    {
        await using var command = connection.CreateCommand();
        command.CommandText = sql;
        await command.ExecuteNonQueryAsync();
    }

    /// <summary>A real engine whose disk does not take what it is told to keep.</summary>
    private sealed class ForgetfulEngine(IStoreEngine inner) : IStoreEngine
    {
        public volatile bool Persists = true;
        private int _refusals;

        public int Refusals => Volatile.Read(ref _refusals);

        public string Kind => inner.Kind;

        public int DefaultPartitions => inner.DefaultPartitions;

        public ValueTask PersistAsync(CancellationToken cancellationToken)
        {
            if (Persists)
            {
                return inner.PersistAsync(cancellationToken);
            }

            Interlocked.Increment(ref _refusals);
            throw StoreException.Unavailable("The disk is full.");
        }

        public Task StartAsync(CancellationToken cancellationToken) => inner.StartAsync(cancellationToken);

        public Task LoadAsync(int partition, IReadOnlyCollection<string> texts, CancellationToken cancellationToken) => inner.LoadAsync(partition, texts, cancellationToken);

        public ValueTask<Reply> RunAsync(byte[] sha, PartitionKeys keys, string[] arguments, CancellationToken cancellationToken) =>
            inner.RunAsync(sha, keys, arguments, cancellationToken);

        public Task ListenAsync(IReadOnlyList<string> channels, Action<string, string> onMessage, Action onReconnected, CancellationToken cancellationToken) =>
            inner.ListenAsync(channels, onMessage, onReconnected, cancellationToken);

        public ValueTask PublishAsync(string channel, string message) => inner.PublishAsync(channel, message);

        public Task<IReadOnlyList<string>> WarningsAsync(CancellationToken cancellationToken) => inner.WarningsAsync(cancellationToken);

        public ValueTask DisposeAsync() => inner.DisposeAsync();
    }
}
