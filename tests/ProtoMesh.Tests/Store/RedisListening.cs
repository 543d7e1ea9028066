using System.Collections.Concurrent;
using ProtoMesh.Server.Store;
using ProtoMesh.Tests.Rig;

namespace ProtoMesh.Tests.Store;

public sealed class RedisListening
{
    private const string Publish = "return redis.call('PUBLISH', ARGV[1], ARGV[2])";

    [Theory]
    [InlineData(StoreBackends.Redis)]
    [InlineData(StoreBackends.Cluster)]
    public async Task A_message_that_a_script_publishes_arrives_from_every_partition(string backend)
    {
        await using var store = await TestStore.OpenAsync(backend);
        var engine = store.Scripts.Engine;
        var arrived = new ConcurrentDictionary<string, string>(StringComparer.Ordinal);
        await engine.ListenAsync(
            [.. store.Scripts.Keys.Select(keys => keys.Channel)], (channel, message) => arrived[channel] = message, () => { }, CancellationToken.None);
        foreach (var keys in store.Scripts.Keys)
        {
            await engine.LoadAsync(keys.Partition, [Publish], CancellationToken.None);
            await engine.RunAsync(Script.Sha(Publish), keys, [keys.Channel, $"grün {keys.Partition}"], CancellationToken.None);
        }

        await Eventually.HoldsAsync(() => arrived.Count == store.Scripts.Partitions, "every channel has its message");
        Assert.All(store.Scripts.Keys, keys => Assert.Equal($"grün {keys.Partition}", arrived[keys.Channel]));
    }

    [Fact]
    public async Task A_message_arrives_once_for_each_listener()
    {
        await using var server = await RedisServer.StartAsync();
        await using var engine = await RedisReplies.StartAsync(server);
        var arrived = new ConcurrentQueue<string>();
        foreach (var name in new[] { "a", "b" })
        {
            await engine.ListenAsync(["news"], (_, message) => arrived.Enqueue(name + message), () => { }, CancellationToken.None);
        }

        await engine.PublishAsync("news", "1");
        await engine.PublishAsync("other", "2");
        await engine.PublishAsync("news", "3");
        await Eventually.HoldsAsync(() => arrived.Count >= 4, "both listeners have both messages");
        Assert.Equal(["a1", "a3", "b1", "b3"], arrived.Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task A_lost_subscription_comes_back_and_tells_so()
    {
        await using var server = await RedisServer.StartAsync();
        await using var engine = await RedisReplies.StartAsync(server);
        var arrived = new ConcurrentQueue<string>();
        var reconnected = 0;
        await engine.ListenAsync(["news"], (_, message) => arrived.Enqueue(message), () => Interlocked.Increment(ref reconnected), CancellationToken.None);

        Assert.Equal(1, (await server.SendAsync("CLIENT", "KILL", "TYPE", "pubsub")).Number);
        await Eventually.HoldsAsync(() => Volatile.Read(ref reconnected) > 0, "the listener is told");
        await engine.PublishAsync("news", "after");
        await Eventually.HoldsAsync(() => arrived.Contains("after"), "messages arrive again");
    }

    [Fact]
    public async Task A_restarted_Redis_is_listened_to_again()
    {
        await using var server = await RedisServer.StartAsync();
        await using var engine = await RedisReplies.StartAsync(server);
        var arrived = new ConcurrentQueue<string>();
        var reconnected = 0;
        await engine.ListenAsync(["news"], (_, message) => arrived.Enqueue(message), () => Interlocked.Increment(ref reconnected), CancellationToken.None);
        server.Kill();
        await server.RestartAsync();

        await Eventually.HoldsAsync(() => Volatile.Read(ref reconnected) > 0, "the listener is told");
        await Eventually.HoldsAsync(
            async () =>
            {
                await server.SendAsync("PUBLISH", "news", "after");
                return arrived.Contains("after");
            },
            "messages arrive again");
    }
}
