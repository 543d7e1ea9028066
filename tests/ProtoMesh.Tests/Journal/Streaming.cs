using System.Collections.Concurrent;
using ProtoMesh.Server.Journal;
using ProtoMesh.Server.Store;
using ProtoMesh.Tests.Data;
using ProtoMesh.Tests.Rig;

namespace ProtoMesh.Tests.Journal;

public sealed class Streaming
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(20);

    [Theory, ClassData(typeof(Databases))]
    public async Task A_stream_resumes_after_the_last_id_and_goes_on_live(string database)
    {
        await using var rig = await JournalRig.OpenAsync(database);
        var replica = await rig.StartAsync();
        await using var http = await JournalHttp.StartAsync(replica);
        Assert.True(await replica.JournaledAsync(await replica.Outbox.WriteAsync(450)));
        var writing = replica.Outbox.WriteAsync(50);
        Assert.Equal(Enumerable.Range(101, 400).Select(n => (long)n), await TakeAsync(http.StreamAsync("/v1/events", lastEventId: 100), 400));
        Assert.Equal(Enumerable.Range(101, 400).Select(n => (long)n), await TakeAsync(http.StreamAsync("/v1/events?last_event_id=100"), 400));
        await writing;
    }

    [Fact]
    public async Task Without_a_last_id_a_stream_starts_now_and_says_where()
    {
        await using var rig = await JournalRig.OpenAsync(Databases.Sqlite);
        var replica = await rig.StartAsync();
        await using var http = await JournalHttp.StartAsync(replica);
        Assert.True(await replica.JournaledAsync(await replica.Outbox.WriteAsync(10)));
        var lines = new ConcurrentQueue<string>();
        var reading = TakeAsync(http.StreamAsync("/v1/events?type=lock.released", onLine: lines.Enqueue), 2);
        await Eventually.HoldsAsync(() => lines.Contains("id: 10"), "the stream says where it starts");
        await replica.Outbox.WriteAsync(3);
        await replica.Outbox.WriteAsync(2, type: "lock.released");
        Assert.Equal([14, 15], await reading);
        Assert.Contains("event: lock.released", lines);
    }

    [Theory, Trait("Category", "Slow"), ClassData(typeof(Databases))]
    public async Task Readers_that_resume_again_and_again_see_each_event_once_while_replicas_commit(string database)
    {
        await using var rig = await JournalRig.OpenAsync(database);
        var replica = await rig.StartAsync();
        await replica.StopAsync();
        await using var http = await JournalHttp.StartAsync(replica);
        var batch = new OutboxBatch(0, (await replica.CursorAsync())!.StoreId, 1, 0, 0, []);
        const int total = 3_000;
        const int partitions = 6;
        using var stop = new CancellationTokenSource();

        // Six partitions that commit at once through two writers: ids must still become visible in their order.
        var other = await rig.StartAsync(consumes: false);
        var committing = Enumerable.Range(10, partitions).Select(partition => Task.Run(async () =>
        {
            var writer = (partition % 2 == 0 ? replica : other).Get<JournalWriter>();
            for (var counter = 0; counter < total / partitions; counter += 5)
            {
                await writer.WriteAsync(batch with
                {
                    Partition = partition,
                    Events = [.. Enumerable.Range(counter + 1, 5).Select(n => new OutboxEvent(
                        new EventId(1, n), $"lock.granted\u00011763712000000\u0001r{n}\u0001{n}\u0001release\u0001agent\u0001\u0001x,1,1,default/a/1\u0001\u0001"))],
                }, CancellationToken.None);
            }
        })).ToList();

        var seen = new List<long>();
        while (seen.Count < total)
        {
            // Leaves after some events and comes back with the last id, as a browser does.
            seen.AddRange(await TakeAsync(http.StreamAsync("/v1/events?resource=a/1", lastEventId: seen.LastOrDefault()), Math.Min(137, total - seen.Count)));
        }

        await Task.WhenAll(committing);
        Assert.Equal((await replica.RowsAsync()).Select(row => row.Id), seen);
    }

    [Fact]
    public async Task An_idle_stream_sends_a_heartbeat()
    {
        await using var rig = await JournalRig.OpenAsync(Databases.Sqlite);
        var clock = new FakeClock();
        await using var http = await JournalHttp.StartAsync(await rig.StartAsync(), clock);
        var lines = new ConcurrentQueue<string>();
        using var stop = new CancellationTokenSource();
        var reading = TakeAsync(http.StreamAsync("/v1/events", onLine: lines.Enqueue, cancellationToken: stop.Token), 1);
        await Eventually.HoldsAsync(() => lines.Contains("id: 0"), "the stream is open");
        clock.Advance(TimeSpan.FromSeconds(14));
        await Eventually.HoldsAsync(
            () =>
            {
                clock.Advance(TimeSpan.FromMilliseconds(500));
                return lines.Contains(": still here");
            },
            "a heartbeat comes");
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => reading);
    }

    [Fact]
    public async Task A_graceful_stop_ends_the_stream()
    {
        await using var rig = await JournalRig.OpenAsync(Databases.Sqlite);
        await using var http = await JournalHttp.StartAsync(await rig.StartAsync());
        var lines = new ConcurrentQueue<string>();
        var reading = TakeAsync(http.StreamAsync("/v1/events", onLine: lines.Enqueue), 1);
        await Eventually.HoldsAsync(() => !lines.IsEmpty, "the stream is open");
        await http.StopAsync().WaitAsync(TimeSpan.FromSeconds(5));
        Assert.Empty(await reading.WaitAsync(TimeSpan.FromSeconds(5)));
    }

    private static async Task<List<long>> TakeAsync(IAsyncEnumerable<long> stream, int count)
    {
        var ids = new List<long>();
        var reading = Task.Run(async () =>
        {
            await foreach (var id in stream)
            {
                ids.Add(id);
                if (ids.Count == count)
                {
                    break;
                }
            }
        });
        await reading.WaitAsync(Limit);
        return ids;
    }
}
