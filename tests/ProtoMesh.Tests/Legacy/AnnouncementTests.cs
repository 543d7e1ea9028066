using System.Collections.Concurrent;
using ProtoMesh.Tests.Rig;
using StackExchange.Redis;

namespace ProtoMesh.Tests.Legacy;

/// <summary>Clients of the first version wait for a message on Redis, which they often begin to listen for too late.</summary>
public sealed class AnnouncementTests
{
    private static readonly (string Name, int Priority)[] Contenders = [("ten", 10), ("five", 5), ("eight", 8)];

    [Fact]
    public async Task Three_agents_finish_by_priority()
    {
        await using var town = await LegacyTown.OpenAsync();

        Assert.Equal(["ten", "eight", "five"], await ContendAsync(town, TimeSpan.Zero));
    }

    [Fact, Trait("Category", "Slow")]
    public async Task Three_agents_finish_by_priority_when_each_misses_the_first_messages()
    {
        await using var town = await LegacyTown.OpenAsync();

        Assert.Equal(["ten", "eight", "five"], await ContendAsync(town, TimeSpan.FromSeconds(2)));
    }

    [Fact, Trait("Category", "Slow")]
    public async Task Three_agents_finish_by_priority_when_the_replica_that_queued_them_is_killed()
    {
        await using var town = await LegacyTown.OpenAsync();
        var other = await town.AddServerAsync();

        Assert.Equal(["ten", "eight", "five"], await ContendAsync(town, TimeSpan.Zero, other, town.Server.Kill));
    }

    [Fact, Trait("Category", "Slow")]
    public async Task A_replica_that_starts_announces_what_was_granted_before()
    {
        await using var town = await LegacyTown.OpenAsync();
        var (first, second) = (town.Agent("first"), town.Agent("second"));
        var held = (string)(await first.AcquireAsync("file/1"))["lock_id"]!;
        var queued = (string)(await second.AcquireAsync("file/1"))["lock_id"]!;
        await first.ReleaseAsync(held);
        town.Server.Kill();
        var hearing = second.HearAsync("file/1", TimeSpan.FromSeconds(30));
        await town.Server.RestartAsync();

        Assert.Equal(queued, await hearing);
    }

    [Fact]
    public async Task A_grant_that_follows_an_expiry_is_announced()
    {
        await using var town = await LegacyTown.OpenAsync();
        await town.Agent("first").AcquireAsync("file/1", ttl: 1);
        var second = town.Agent("second");
        var queued = (string)(await second.AcquireAsync("file/1"))["lock_id"]!;

        Assert.Equal(queued, await second.HearAsync("file/1"));
    }

    [Fact, Trait("Category", "Slow")]
    public async Task A_grant_whose_message_to_the_replicas_is_lost_is_announced_all_the_same()
    {
        await using var town = await LegacyTown.OpenAsync();
        var (first, second) = (town.Agent("first"), town.Agent("second"));
        var held = (string)(await first.AcquireAsync("file/1"))["lock_id"]!;
        var queued = (string)(await second.AcquireAsync("file/1"))["lock_id"]!;
        using var granted = new CancellationTokenSource();
        var cutting = CutSubscriptionsAsync(town, granted.Token);
        await Eventually.HoldsAsync(
            async () => (await town.Redis.SendAsync("PUBSUB", "NUMSUB", "protomesh:{p0}:wake"))[1].Number == 0, "no replica listens");
        await first.ReleaseAsync(held);
        await granted.CancelAsync();
        await cutting;
        using var connection = await ConnectionMultiplexer.ConnectAsync(town.Redis.ConnectionString);

        Assert.Equal(queued, await new LegacyAgent(town.Server, "second", connection.GetSubscriber()).HearAsync("file/1"));
    }

    [Fact, Trait("Category", "Slow")]
    public async Task A_grant_is_announced_five_times_and_never_after_its_end()
    {
        await using var town = await LegacyTown.OpenAsync();
        var heard = new ConcurrentQueue<string>();
        await town.Subscriber.SubscribeAsync(new RedisChannel("lock_granted:*", RedisChannel.PatternMode.Pattern), (channel, message) => heard.Enqueue($"{channel} {message}"));
        var (first, second, third) = (town.Agent("first"), town.Agent("second"), town.Agent("third"));
        var held = (string)(await first.AcquireAsync("file/1"))["lock_id"]!;
        var brief = (string)(await second.AcquireAsync("file/1"))["lock_id"]!;
        var kept = (string)(await third.AcquireAsync("file/1"))["lock_id"]!;
        await first.ReleaseAsync(held);
        await second.ReleaseAsync(brief);
        await Eventually.HoldsAsync(() => heard.Count(text => text.EndsWith(kept, StringComparison.Ordinal)) == 5, "five announcements", TimeSpan.FromSeconds(20));

        Assert.All(heard, text => Assert.StartsWith("lock_granted:lock:file:1 ", text, StringComparison.Ordinal));
        Assert.True(heard.Count(text => text.EndsWith(brief, StringComparison.Ordinal)) <= 2);
        Assert.DoesNotContain(heard, text => text.EndsWith(held, StringComparison.Ordinal));
    }

    [Fact]
    public async Task Any_type_is_announced_as_its_agents_wrote_it()
    {
        await using var town = await LegacyTown.OpenAsync();
        var (first, second) = (town.Agent("first"), town.Agent("second"));
        var held = (string)(await first.AcquireAsync("Kunde Ü_:1/a/b"))["lock_id"]!;
        var queued = (string)(await second.AcquireAsync("Kunde Ü_:1/a/b"))["lock_id"]!;
        var hearing = second.HearAsync("Kunde Ü_:1/a/b");
        await first.ReleaseAsync(held);

        Assert.Equal(queued, await hearing);
        Assert.Equal("Kunde Ü_:1", (string?)(await second.StatusAsync(queued))["resource_type"]);
    }

    private static async Task CutSubscriptionsAsync(LegacyTown town, CancellationToken cancellationToken)
    {
        while (!cancellationToken.IsCancellationRequested)
        {
            await town.Redis.SendAsync("CLIENT", "KILL", "TYPE", "pubsub");
        }
    }

    /// <summary>They queue behind a holder; once all wait, it releases. Each works, notes its name and releases.</summary>
    private static async Task<IReadOnlyList<string>> ContendAsync(LegacyTown town, TimeSpan deafFor, MeshServer? survivor = null, Action? kill = null)
    {
        const string resource = "customer/customer_123";
        var holder = town.Agent("holder", survivor);
        var held = await holder.HoldAsync(resource);
        var finished = new ConcurrentQueue<string>();
        var (inside, waiting) = (0, 0);
        var agents = Contenders.Select(async contender =>
        {
            var lockId = await town.Agent(contender.Name).HoldAsync(resource, contender.Priority, deafFor, () => Interlocked.Increment(ref waiting));
            Assert.Equal(1, Interlocked.Increment(ref inside));
            await Task.Delay(200);
            Interlocked.Decrement(ref inside);
            finished.Enqueue(contender.Name);
            var released = await town.Agent(contender.Name, survivor).ReleaseAsync(lockId);
            Assert.Equal("released", (string?)released["status"]);
        }).ToArray();
        await Eventually.HoldsAsync(() => Volatile.Read(ref waiting) == 3, "three agents wait");
        kill?.Invoke();
        await holder.ReleaseAsync(held);
        await Task.WhenAll(agents).WaitAsync(TimeSpan.FromSeconds(60));
        Assert.Equal("{\"locks\":[]}", (await (survivor ?? town.Server).GetAsync("/v1/locks")).Text);
        return [.. finished];
    }
}
