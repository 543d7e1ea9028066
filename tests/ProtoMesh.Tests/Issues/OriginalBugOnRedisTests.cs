using ProtoMesh.Tests.Legacy;
using ProtoMesh.Tests.Rig;
using static ProtoMesh.Tests.Issues.OriginalBugTests;

namespace ProtoMesh.Tests.Issues;

/// <summary>What was wrong in the first version and has to do with Redis, with several replicas or with long times.</summary>
public sealed class OriginalBugOnRedisTests
{
    [Fact]
    public async Task Original_bug_04_Waiting_long_enough_outweighs_any_priority()
    {
        await using var town = await LegacyTown.OpenAsync(("Locks:MaxTtlMs", "3600000"));
        await town.Agent("holder").AcquireAsync("file/1", ttl: 3_600);
        var patient = town.Agent("patient");
        await patient.AcquireAsync("file/1", 0);
        await town.ForwardAsync(TimeSpan.FromMinutes(51));
        Assert.Equal(2, (int)(await town.Agent("urgent").AcquireAsync("file/1", 10))["position"]!);

        Assert.Equal(1, (int)(await patient.AcquireAsync("file/1", 0))["position"]!);
    }

    [Fact]
    public async Task Original_bug_05_A_client_that_subscribes_after_its_grant_hears_of_it()
    {
        await using var town = await LegacyTown.OpenAsync();
        var (holder, late) = (town.Agent("holder"), town.Agent("late"));
        var held = Id(await holder.AcquireAsync("file/1"));
        var waiting = Id(await late.AcquireAsync("file/1"));
        await holder.ReleaseAsync(held);
        await late.IsActiveAsync(waiting);

        Assert.Equal(waiting, await late.HearAsync("file/1"));
    }

    [Fact, Trait("Category", "Slow")]
    public async Task Original_bug_10_A_lock_id_outlives_hours_of_waiting()
    {
        await using var town = await LegacyTown.OpenAsync(("Locks:MaxTtlMs", "3600000"));
        var waits = town.Agent("waits");
        for (var hour = 0; hour < 3; hour++)
        {
            await town.Agent($"holder-{hour}").AcquireAsync("file/1", 10, ttl: 3_600);
        }

        var waiting = Id(await waits.AcquireAsync("file/1", 0));
        for (var hour = 0; hour < 3; hour++)
        {
            Assert.Equal("expired", Status(await waits.StatusAsync(waiting)));
            await town.ForwardAsync(TimeSpan.FromSeconds(3_601));
            await Eventually.HoldsAsync(
                async () => (await town.Server.GetAsync("/v1/resources/queue?resource=file/1")).Number("queue_length") == 2 - hour, "the next holds");
        }

        await waits.IsActiveAsync(waiting);
        Assert.Equal("released", Status(await waits.ReleaseAsync(waiting)));
    }

    [Fact, Trait("Category", "Slow")]
    public async Task Original_bug_11_A_replica_that_stops_or_starts_releases_nothing()
    {
        await using var town = await LegacyTown.OpenAsync();
        var other = await town.AddServerAsync();
        var (holder, next) = (town.Agent("holder"), town.Agent("next"));
        var held = Id(await holder.AcquireAsync("file/1"));
        var waiting = Id(await next.AcquireAsync("file/1"));
        await other.StopAsync();
        await other.RestartAsync();
        await town.Server.StopAsync();

        var survivor = town.Agent("holder", other);
        await other.IsReadyAsync();
        Assert.Equal("active", Status(await survivor.StatusAsync(held)));
        Assert.Equal("next", (string?)(await survivor.ReleaseAsync(held))["next_agent"]);
        Assert.Equal("active", Status(await survivor.StatusAsync(waiting)));
    }

    [Fact, Trait("Category", "Slow")]
    public async Task Original_bug_12_A_Cluster_serves_every_resource()
    {
        await using var cluster = await RedisCluster.StartAsync();
        await using var server = await MeshServer.ListenAsync(("ConnectionStrings:Redis", cluster.ConnectionString));
        await server.IsReadyAsync(TimeSpan.FromMinutes(2)); // 64 partitions are opened one after another
        using var connection = await StackExchange.Redis.ConnectionMultiplexer.ConnectAsync(cluster.ConnectionString);
        for (var number = 0; number < 20; number++)
        {
            var resource = $"file/{number}";
            var (holder, next) = (new LegacyAgent(server, "holder"), new LegacyAgent(server, "next", connection.GetSubscriber()));
            var held = Id(await holder.AcquireAsync(resource));
            var waiting = Id(await next.AcquireAsync(resource));
            Assert.Equal("removed_from_queue", await next.CancelAsync(resource));
            waiting = Id(await next.AcquireAsync(resource));
            Assert.Equal("next", (string?)(await holder.ReleaseAsync(held))["next_agent"]);
            Assert.Equal(waiting, await next.HearAsync(resource));
            Assert.Equal("released", Status(await next.ReleaseAsync(waiting)));
        }
    }

    [Fact]
    public async Task Original_bug_17_A_message_names_one_agent_and_a_lock_that_only_this_agent_can_release()
    {
        await using var town = await LegacyTown.OpenAsync();
        var (holder, meant, misled) = (town.Agent("holder"), town.Agent("a:b"), town.Agent("a"));
        var held = Id(await holder.AcquireAsync("file/1"));
        var waiting = Id(await meant.AcquireAsync("file/1"));
        var misread = misled.HearAsync("file/1"); // the old client's startsWith
        await holder.ReleaseAsync(held);

        Assert.DoesNotContain(':', waiting);
        Assert.Equal($"b:{waiting}", await misread);
        Assert.Equal("error", Status(await misled.ReleaseAsync(await misread)));
        Assert.Equal("error", Status(await misled.ReleaseAsync(waiting)));
        Assert.Equal("active", Status(await meant.StatusAsync(waiting)));
    }

    [Fact]
    public async Task Original_bug_21_A_status_is_true_at_its_own_time_and_health_tells_what_is_wrong()
    {
        await using var town = await LegacyTown.OpenAsync(("Locks:SweepMs", "10000"));
        var agent = town.Agent("agent");
        var held = Id(await agent.AcquireAsync("file/1", ttl: 60));
        Assert.Equal("active", Status(await agent.StatusAsync(held)));
        await town.ForwardAsync(TimeSpan.FromSeconds(61));
        Assert.Equal("""{"status":"expired"}""", (await agent.StatusAsync(held)).ToJsonString());
        Assert.Equal("healthy", (await town.Server.GetAsync("/health")).String("status"));
        town.Redis.Kill();

        HttpAnswer? health = null;
        await Eventually.HoldsAsync(async () => (health = await town.Server.GetAsync("/health")).Status == 503, "the service says that Redis is away");
        Assert.Equal("unhealthy", health!.String("status"));
    }
}
