using System.Diagnostics;
using ProtoMesh.Tests.Http;
using ProtoMesh.Tests.Rig;

namespace ProtoMesh.Tests.Locks.Api;

/// <summary>What callers see when a process stops, dies or loses what it stands on.</summary>
[Trait("Category", "Slow")]
public sealed class ServiceFaults
{
    [Theory]
    [ClassData(typeof(ServedStores))]
    public async Task A_service_that_is_told_to_stop_answers_its_open_waits_and_releases_nothing(string store)
    {
        await using var redis = store == MeshServers.Redis ? await RedisServer.StartAsync() : null;
        await using var server = await StartAsync(redis);
        var holder = await AcquireAsync(server, "stop/1", "holder", ttlMs: 300_000);
        var waiter = await AcquireAsync(server, "stop/1", "waiter");
        var waiting = server.PostAsync($"/v1/locks/{waiter.String("lock_id")}/wait", wait: 60);
        await Task.Delay(300);
        var watch = Stopwatch.StartNew();
        server.Terminate();
        var answer = await waiting.WaitAsync(TimeSpan.FromSeconds(10));

        Assert.Equal((202, "queued"), (answer.Status, answer.String("state")));
        var exit = await server.ExitAsync(TimeSpan.FromSeconds(25));
        Assert.True(exit == 0, $"It ended with {exit}: {server.Log}");
        Assert.True(watch.Elapsed < TimeSpan.FromSeconds(25));
        await server.RestartAsync();
        await server.IsReadyAsync();
        Assert.Equal("granted", (await server.GetAsync($"/v1/locks/{holder.String("lock_id")}")).String("state"));
        Assert.Equal("queued", (await server.PostAsync($"/v1/locks/{waiter.String("lock_id")}/wait", wait: 0)).String("state"));
    }

    [Theory]
    [ClassData(typeof(ServedStores))]
    public async Task When_the_holder_dies_the_next_waiter_has_it_within_a_second_of_the_end(string store)
    {
        await using var redis = store == MeshServers.Redis ? await RedisServer.StartAsync() : null;
        await using var server = await StartAsync(redis);
        var holder = await AcquireAsync(server, "dies/1", "holder", ttlMs: 1_000);
        var watch = Stopwatch.StartNew();
        var granted = await server.PostAsync("/v1/locks", new { resource = "dies/1", agent_id = "waiter" }, wait: 20);

        Assert.Equal("granted", granted.String("state"));
        Assert.InRange(watch.Elapsed, TimeSpan.FromMilliseconds(500), TimeSpan.FromSeconds(2));
        Assert.True(granted.Number("fencing_token") > holder.Number("fencing_token"));
        Assert.Equal("expired", (string)granted.Body["previous"]!["ended"]!);
        Assert.Equal("lease_lost", (await server.PostAsync($"/v1/locks/{holder.String("lock_id")}/renew", new { fencing_token = holder.Number("fencing_token") })).Code);
    }

    [Fact]
    public async Task A_waiter_whose_replica_was_killed_goes_on_at_another_under_the_same_id()
    {
        await using var redis = await RedisServer.StartAsync();
        var database = await PostgresServer.CreateDatabaseAsync();
        await using var one = await StartAsync(redis, database);
        await using var two = await StartAsync(redis, database);
        await AcquireAsync(one, "replica/1", "holder", ttlMs: 2_000);
        var waiter = await AcquireAsync(one, "replica/1", "waiter");
        var broken = one.PostAsync($"/v1/locks/{waiter.String("lock_id")}/wait", wait: 30);
        await Task.Delay(200);
        var watch = Stopwatch.StartNew();
        one.Kill();
        await Assert.ThrowsAsync<HttpRequestException>(() => broken);
        var granted = await two.PostAsync($"/v1/locks/{waiter.String("lock_id")}/wait", wait: 20);

        Assert.Equal(("granted", waiter.String("lock_id")), (granted.String("state"), granted.String("lock_id")));
        Assert.InRange(watch.Elapsed, TimeSpan.Zero, TimeSpan.FromSeconds(3));
    }

    [Fact]
    public async Task Messages_that_are_lost_cost_time_and_nothing_else()
    {
        await using var redis = await RedisServer.StartAsync();
        var database = await PostgresServer.CreateDatabaseAsync();
        await using var one = await StartAsync(redis, database);
        await using var two = await StartAsync(redis, database);
        using var over = new CancellationTokenSource();
        var killer = Task.Run(async () =>
        {
            while (!over.IsCancellationRequested)
            {
                await redis.SendAsync("CLIENT", "KILL", "TYPE", "pubsub");
                await Task.Delay(10);
            }
        });
        for (var round = 0; round < 10; round++)
        {
            var holder = await AcquireAsync(one, "lost/1", "holder");
            var waiting = two.PostAsync("/v1/locks", new { resource = "lost/1", agent_id = "waiter" }, wait: 30);
            await Eventually.HoldsAsync(
                async () => (await one.GetAsync("/v1/resources/queue?resource=lost/1")).Number("queue_length") == 1, "the waiter queues");
            var watch = Stopwatch.StartNew();
            await ReleaseAsync(one, holder);
            var granted = await waiting;
            Assert.True(granted.Status == 200, granted.ToString());
            Assert.InRange(watch.Elapsed, TimeSpan.Zero, TimeSpan.FromSeconds(6));
            await ReleaseAsync(two, granted);
        }

        await over.CancelAsync();
        await killer;
    }

    [Fact]
    public async Task Without_Redis_calls_are_refused_in_kind_and_the_service_recovers_by_itself()
    {
        await using var redis = await RedisServer.StartAsync(appendOnly: true);
        await using var server = await StartAsync(redis);
        var holder = await AcquireAsync(server, "gone/1", "holder", ttlMs: 300_000);
        redis.Kill();
        var refused = await server.PostAsync("/v1/locks", new { resource = "gone/2", agent_id = "a" });
        Refusals.IsProper(refused, "acquire without Redis");
        Assert.Equal((503, "store_unavailable"), (refused.Status, refused.Code));
        Assert.NotNull(refused.Headers.RetryAfter);
        await Eventually.HoldsAsync(async () => (await server.GetAsync("/health/ready")).Status == 503, "it is not ready");
        Assert.Equal(200, (await server.GetAsync("/health/live")).Status);
        await redis.RestartAsync();
        await server.IsReadyAsync();
        Assert.Equal("granted", (await server.GetAsync($"/v1/locks/{holder.String("lock_id")}")).String("state"));
    }

    [Fact]
    public async Task Redis_that_comes_after_the_service_is_used_when_it_is_there()
    {
        await using var redis = await RedisServer.StartAsync();
        redis.Kill();
        await using var server = await MeshServer.ListenAsync(("ConnectionStrings:Redis", redis.ConnectionString));
        var refused = await server.PostAsync("/v1/locks", new { resource = "later/1", agent_id = "a" });
        Refusals.IsProper(refused, "acquire before Redis");
        Assert.Equal("store_unavailable", refused.Code);
        await redis.RestartAsync();
        await server.IsReadyAsync();
        Assert.Equal(200, (await server.PostAsync("/v1/locks", new { resource = "later/1", agent_id = "a" })).Status);
    }

    [Fact]
    public async Task An_emptied_Redis_grants_nobody_what_somebody_holds()
    {
        await using var redis = await RedisServer.StartAsync();
        await using var server = await StartAsync(redis);
        await AcquireAsync(server, "emptied/1", "holder", ttlMs: 300_000);
        await Eventually.HoldsAsync(
            async () => (await server.GetAsync("/v1/resources/history?resource=emptied/1")).Body["events"]!.AsArray().Count > 0, "the grant is journaled");
        await redis.EmptyAsync();
        for (var attempt = 0; attempt < 20; attempt++)
        {
            var answer = await server.PostAsync("/v1/locks", new { resource = "emptied/1", agent_id = "other", wait_ms = 0 });
            Refusals.IsProper(answer, "acquire on an emptied Redis");
            Assert.Contains(answer.Code, new[] { "store_recovering", "lock_held" });
            await Task.Delay(100);
        }
    }

    private static Task<MeshServer> StartAsync(RedisServer? redis, string? database = null)
    {
        List<(string, string)> settings = [];
        if (redis is not null)
        {
            settings.Add(("ConnectionStrings:Redis", redis.ConnectionString));
        }

        if (database is not null)
        {
            settings.Add(("ConnectionStrings:Database", database));
        }

        return MeshServer.StartAsync([.. settings]);
    }

    private static Task<HttpAnswer> AcquireAsync(MeshServer server, string resource, string agent, int ttlMs = 30_000) =>
        server.PostAsync("/v1/locks", new { resource, agent_id = agent, ttl_ms = ttlMs, wait_ms = 60_000 });

    private static Task<HttpAnswer> ReleaseAsync(MeshServer server, HttpAnswer lease) =>
        server.PostAsync($"/v1/locks/{lease.String("lock_id")}/release", new { fencing_token = lease.Number("fencing_token") });
}
