using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using ProtoMesh.Server.Store;
using ProtoMesh.Server.Store.Redis;
using ProtoMesh.Tests.Rig;

namespace ProtoMesh.Tests.Issues;

/// <summary>A node that had restarted knew the scripts of all its partitions as soon as one of them was compared with the journal.</summary>
public sealed class ScriptsOfANeighbourTests
{
    private static readonly Script Probe = Script.Named("Store/Lua/probe.lua");

    [Fact]
    public async Task No_partition_of_a_restarted_node_runs_a_script_before_it_was_compared_itself()
    {
        await using var redis = await RedisPool.RentServerAsync();
        var check = new SomeStayClosed();
        await using var store = new ScriptStore(
            new RedisEngine(redis.ConnectionString, TimeProvider.System, NullLogger<RedisEngine>.Instance), check,
            Options.Create(new StoreOptions { Partitions = 2 }), TimeProvider.System, NullLogger<ScriptStore>.Instance);
        await store.StartAsync(CancellationToken.None);
        await store.OpenAsync(CancellationToken.None);
        await RunAsync(store, 1);
        await RedisConsole.SendAsync(redis.Ports[0], "SCRIPT", "FLUSH");
        check.Closed = 1;

        Assert.Equal("ok", (await RunAsync(store, 0))[0].Text);
        var refusal = await Assert.ThrowsAsync<StoreException>(() => RunAsync(store, 1));
        Assert.Equal(("store_recovering", "It lost its data."), (refusal.Code, refusal.Message));
    }

    private static Task<Reply> RunAsync(ScriptStore store, int partition) =>
        store.RunAsync(Probe, partition, [store.ChannelOf(partition)], CancellationToken.None).AsTask();

    private sealed class SomeStayClosed : IRecoveryCheck
    {
        public int? Closed { get; set; }

        public Task<Verdict> CompareAsync(int partition, Func<CancellationToken, Task<PartitionState>> inspect, CancellationToken cancellationToken) =>
            Task.FromResult<Verdict>(partition == Closed ? new Verdict.StayClosed("It lost its data.") : new Verdict.Open(0));
    }
}
