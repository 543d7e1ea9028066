using Microsoft.Extensions.Logging.Abstractions;
using ProtoMesh.Server.Store;
using ProtoMesh.Server.Store.Redis;
using ProtoMesh.Tests.Rig;

namespace ProtoMesh.Tests.Store;

public sealed class RedisClusters
{
    private const string Touch = "for i = 1, #KEYS do redis.call('EXISTS', KEYS[i]) end return redis.call('HINCRBY', KEYS[1], 'count', 1)";

    [Fact]
    public async Task The_keys_of_a_partition_share_a_slot_and_the_partitions_use_every_node()
    {
        await using var cluster = await RedisCluster.StartAsync();
        await using var engine = await StartAsync(cluster);
        var counts = await Task.WhenAll(Enumerable.Range(0, engine.DefaultPartitions).Select(partition => RunAsync(engine, partition)));

        Assert.Equal(64, counts.Length);
        Assert.All(counts, count => Assert.Equal(1, count));
        foreach (var node in cluster.Nodes)
        {
            Assert.InRange((await node.SendAsync("DBSIZE")).Number, 1, 63);
            Assert.DoesNotContain("CROSSSLOT", (await node.SendAsync("INFO", "errorstats")).Text, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task A_slot_that_has_moved_is_followed_to_its_new_node()
    {
        await using var cluster = await RedisCluster.StartAsync();
        await using var engine = await StartAsync(cluster);
        await RunAsync(engine, 0);
        var slot = (await cluster.Nodes[0].SendAsync("CLUSTER", "KEYSLOT", new PartitionKeys(0).Names[0])).Text;
        await cluster.MoveSlotAsync(slot);

        Assert.Equal(2, await RunAsync(engine, 0));
        var known = await Assert.ThrowsAsync<NoScriptException>(() => CallAsync(engine, 0, "return 'never loaded'"));
        Assert.Equal("store_recovering", known.Code);
    }

    [Fact, Trait("Category", "Slow")]
    public async Task A_dead_node_fails_its_partitions_only_typed_until_it_is_back()
    {
        await using var cluster = await RedisCluster.StartAsync("--cluster-require-full-coverage", "no");
        await using var engine = await StartAsync(cluster);
        await Task.WhenAll(Enumerable.Range(0, 64).Select(partition => RunAsync(engine, partition)));
        cluster.Nodes[0].Kill();
        var failed = (await Task.WhenAll(Enumerable.Range(0, 64).Select(partition => FailsAsync(engine, partition)))).Count(fails => fails);

        Assert.InRange(failed, 1, 63);

        await cluster.Nodes[0].RestartAsync();
        for (var partition = 0; partition < 64; partition++)
        {
            await Eventually.HoldsAsync(async () => !await FailsAsync(engine, partition), $"partition {partition} answers again", TimeSpan.FromSeconds(20));
        }
    }

    private static async Task<RedisEngine> StartAsync(RedisCluster cluster)
    {
        var engine = new RedisEngine(cluster.ConnectionString, TimeProvider.System, NullLogger<RedisEngine>.Instance);
        await engine.StartAsync(CancellationToken.None);
        return engine;
    }

    private static async Task<long> RunAsync(RedisEngine engine, int partition)
    {
        await engine.LoadAsync(partition, [Touch], CancellationToken.None);
        return (await CallAsync(engine, partition, Touch)).Number;
    }

    private static async Task<Reply> CallAsync(RedisEngine engine, int partition, string script) =>
        await engine.RunAsync(Script.Sha(script), new PartitionKeys(partition), ["channel"], CancellationToken.None);

    private static async Task<bool> FailsAsync(RedisEngine engine, int partition)
    {
        try
        {
            await RunAsync(engine, partition);
            return false;
        }
        catch (StoreException failure)
        {
            Assert.Equal("store_unavailable", failure.Code);
            return true;
        }
    }
}
