using ProtoMesh.Server.Store;
using ProtoMesh.Tests.Data;
using ProtoMesh.Tests.Journal;
using ProtoMesh.Tests.Rig;

namespace ProtoMesh.Tests.Store;

/// <summary>A Redis that loses its data, or gives way to one that has less, while scripts are loaded and calls come in.</summary>
public sealed class LostStores
{
    [Fact]
    public async Task A_Redis_that_is_emptied_under_loaded_scripts_is_refused_with_what_to_do()
    {
        await using var redis = await RedisServer.StartAsync();
        await using var server = await MeshServer.StartAsync(("ConnectionStrings:Redis", redis.ConnectionString));
        var lease = await server.PostAsync("/v1/locks", new { resource = "lost/1", agent_id = "a", durability = "journaled" });
        Assert.Equal(200, lease.Status);
        await redis.SendAsync("FLUSHALL");
        foreach (var call in new Func<Task<HttpAnswer>>[]
        {
            () => server.PostAsync("/v1/locks", new { resource = "lost/1", agent_id = "b" }),
            () => server.PostAsync($"/v1/locks/{lease.String("lock_id")}/renew", new { fencing_token = lease.Number("fencing_token") }),
            () => server.GetAsync($"/v1/locks/{lease.String("lock_id")}"),
            () => server.GetAsync("/v1/resources"),
        })
        {
            var refused = await call();
            Assert.True((refused.Status, refused.Code) == (503, "store_recovering"), refused.ToString());
            Assert.Contains("the store has lost its data", refused.String("detail"), StringComparison.Ordinal);
            Assert.Contains("Restore the store", refused.String("detail"), StringComparison.Ordinal);
        }

        await Eventually.HoldsAsync(async () => (await server.GetAsync("/health/ready")).Status == 503, "it is not ready");
        Assert.Contains("the store has lost its data", (await server.GetAsync("/health")).Text, StringComparison.Ordinal);
        Assert.DoesNotContain("LOST", server.Log, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_failover_between_the_comparison_and_the_loading_does_not_open_what_was_not_compared()
    {
        await using var behind = await RedisServer.StartAsync();
        await using var rig = await JournalRig.OpenAsync(Databases.Sqlite);
        var first = await rig.StartAsync();
        Assert.True(await first.JournaledAsync(await first.Outbox.WriteAsync(13)));
        await CopyAsync(rig.RedisPort, behind.Port); // stays behind from here on
        Assert.True(await first.JournaledAsync(await first.Outbox.WriteAsync(17)));
        await first.StopAsync();
        await RedisConsole.SendAsync(rig.RedisPort, "SCRIPT", "FLUSH");

        FailingOver engine = null!;
        var second = await rig.StartAsync(consumes: false, around: inner => engine = new FailingOver(inner, () => CopyAsync(behind.Port, rig.RedisPort)));
        var refusal = await Assert.ThrowsAsync<StoreException>(() => second.Store.OpenAsync(CancellationToken.None));
        Assert.True(engine.Took);
        Assert.Equal("store_recovering", refusal.Code);
        Assert.False(second.Store.IsOpen);
        await Eventually.HoldsAsync(
            async () => (await Assert.ThrowsAsync<StoreException>(() => second.Store.OpenAsync(CancellationToken.None)))
                .Message.Contains("The store is 17 events behind the journal", StringComparison.Ordinal),
            "it was compared again");
    }

    /// <summary>Gives one server what another has of the partition, as if it were that one from then on.</summary>
    private static Task CopyAsync(int from, int to) => RedisConsole.SendAsync(
        from, ["MIGRATE", "127.0.0.1", $"{to}", "", "0", "5000", "COPY", "REPLACE", "KEYS", .. new PartitionKeys(0).Names]);

    /// <summary>Fails over just before the scripts of the leases are loaded: the only load of more than the two of recovery.</summary>
    private sealed class FailingOver(IStoreEngine inner, Func<Task> failOver) : IStoreEngine
    {
        public bool Took { get; private set; }

        public string Kind => inner.Kind;

        public int DefaultPartitions => inner.DefaultPartitions;

        public Task StartAsync(CancellationToken cancellationToken) => inner.StartAsync(cancellationToken);

        public async Task LoadAsync(int partition, IReadOnlyCollection<string> texts, CancellationToken cancellationToken)
        {
            if (texts.Count > 2 && !Took)
            {
                Took = true;
                await failOver();
            }

            await inner.LoadAsync(partition, texts, cancellationToken);
        }

        public ValueTask<Reply> RunAsync(byte[] sha, PartitionKeys keys, string[] arguments, CancellationToken cancellationToken) =>
            inner.RunAsync(sha, keys, arguments, cancellationToken);

        public ValueTask PersistAsync(CancellationToken cancellationToken) => inner.PersistAsync(cancellationToken);

        public Task ListenAsync(IReadOnlyList<string> channels, Action<string, string> onMessage, Action onReconnected, CancellationToken cancellationToken) =>
            inner.ListenAsync(channels, onMessage, onReconnected, cancellationToken);

        public ValueTask PublishAsync(string channel, string message) => inner.PublishAsync(channel, message);

        public Task<IReadOnlyList<string>> WarningsAsync(CancellationToken cancellationToken) => inner.WarningsAsync(cancellationToken);

        public ValueTask DisposeAsync() => inner.DisposeAsync();
    }
}
