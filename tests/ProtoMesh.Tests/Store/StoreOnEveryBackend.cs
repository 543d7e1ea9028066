using ProtoMesh.Server.Store;
using ProtoMesh.Tests.Rig;

namespace ProtoMesh.Tests.Store;

public sealed class StoreOnEveryBackend
{
    private static readonly Script Inspect = Script.Named("Store/Lua/inspect.lua");

    [Theory, ClassData(typeof(StoreBackends))]
    public async Task Every_partition_opens_with_its_identity(string backend)
    {
        await using var store = await TestStore.OpenAsync(backend);

        Assert.True(store.Scripts.IsOpen);
        Assert.Equal(backend == StoreBackends.Cluster ? 64 : 1, store.Scripts.Partitions);
        for (var partition = 0; partition < store.Scripts.Partitions; partition++)
        {
            var known = await InspectAsync(store, partition);
            Assert.Equal("exists", known[0].Text);
            Assert.Equal((1, store.Scripts.Partitions, 0), (known[2].Number, known[3].Number, known[5].Number));
        }
    }

    [Theory, ClassData(typeof(StoreBackends))]
    public async Task The_time_of_the_store_can_be_moved(string backend)
    {
        await using var store = await TestStore.OpenAsync(backend);
        var before = await ReadTimeAsync(store);
        var clock = store.Clock.GetUtcNow();
        await store.AdvanceAsync(TimeSpan.FromHours(1));

        Assert.InRange(await ReadTimeAsync(store) - before, TimeSpan.FromHours(1), TimeSpan.FromHours(1) + TimeSpan.FromMinutes(1));
        Assert.Equal(clock + TimeSpan.FromHours(1), store.Clock.GetUtcNow());
    }

    [Theory]
    [InlineData(StoreBackends.Redis)]
    [InlineData(StoreBackends.Cluster)]
    public async Task Lost_scripts_are_recovered_and_the_answer_is_the_same(string backend)
    {
        await using var store = await TestStore.OpenAsync(backend);
        var before = await InspectAsync(store, 0);
        foreach (var port in store.RedisPorts)
        {
            await RedisConsole.SendAsync(port, "SCRIPT", "FLUSH");
        }

        Assert.Equal(before.ToString(), (await InspectAsync(store, 0)).ToString());
    }

    private static async Task<Reply> InspectAsync(TestStore store, int partition) =>
        await store.Scripts.RunAsync(Inspect, partition, [store.Scripts.Keys[partition].Channel], CancellationToken.None);

    private static async Task<TimeSpan> ReadTimeAsync(TestStore store)
    {
        const string script = "local time = redis.call('TIME') " +
            "return string.format('%.0f', tonumber(time[1]) * 1000 + tonumber(redis.call('HGET', KEYS[1], 'offset')) / 1000)";
        var keys = store.Scripts.Keys[0];
        await store.Scripts.Engine.LoadAsync(0, [script], CancellationToken.None);
        return TimeSpan.FromMilliseconds((await store.Scripts.Engine.RunAsync(Script.Sha(script), keys, [keys.Channel], CancellationToken.None)).Number);
    }
}
