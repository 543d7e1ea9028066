using System.Globalization;
using System.Text.Json.Nodes;
using ProtoMesh.Tests.Legacy;
using ProtoMesh.Tests.Rig;

namespace ProtoMesh.Tests.Issues;

/// <summary>What was wrong in the first version, asked of the service in the first version's words; see also <see cref="OriginalBugOnRedisTests"/>.</summary>
public sealed class OriginalBugTests
{
    [Theory, ClassData(typeof(ServedStores))]
    public async Task Original_bug_01_A_holder_that_dies_gives_way_to_the_next(string store)
    {
        var (server, resource) = (await MeshServers.GetAsync(store), MeshServers.NewResource());
        await new LegacyAgent(server, "dies").AcquireAsync(resource, ttl: 1);
        var next = new LegacyAgent(server, "next");

        await next.IsActiveAsync(Id(await next.AcquireAsync(resource)));
    }

    [Theory, ClassData(typeof(ServedStores))]
    public async Task Original_bug_02_A_newcomer_does_not_pass_the_queue_after_an_expiry(string store)
    {
        var (server, resource) = (await MeshServers.GetAsync(store), MeshServers.NewResource());
        var (dies, waits, newcomer) = (new LegacyAgent(server, "dies"), new LegacyAgent(server, "waits"), new LegacyAgent(server, "newcomer"));
        var held = Id(await dies.AcquireAsync(resource, ttl: 1));
        var waiting = Id(await waits.AcquireAsync(resource, 5));
        await dies.IsOverAsync(held);

        Assert.Equal("queued", Status(await newcomer.AcquireAsync(resource, 1)));
        await waits.IsActiveAsync(waiting);
    }

    [Theory, ClassData(typeof(ServedStores))]
    public async Task Original_bug_03_A_waiter_that_asks_again_is_not_granted_twice(string store)
    {
        var (server, resource) = (await MeshServers.GetAsync(store), MeshServers.NewResource());
        var (dies, retries) = (new LegacyAgent(server, "dies"), new LegacyAgent(server, "retries"));
        var held = Id(await dies.AcquireAsync(resource, ttl: 1));
        var waiting = Id(await retries.AcquireAsync(resource));
        await dies.IsOverAsync(held);
        await retries.AcquireAsync(resource);
        await retries.IsActiveAsync(waiting);

        Assert.Equal("""{"status":"released","next_agent":null}""", (await retries.ReleaseAsync(waiting)).ToJsonString());
        Assert.Equal("acquired", Status(await new LegacyAgent(server, "other").AcquireAsync(resource)));
    }

    [Theory, ClassData(typeof(ServedStores))]
    public async Task Original_bug_04_Equal_priorities_are_served_in_the_order_of_arrival(string store)
    {
        var (server, resource) = (await MeshServers.GetAsync(store), MeshServers.NewResource());
        var holder = new LegacyAgent(server, "holder");
        var held = Id(await holder.AcquireAsync(resource));
        var waiting = new List<(LegacyAgent Agent, string LockId)>();
        foreach (var name in new[] { "zoe", "mia", "ada" })
        {
            var agent = new LegacyAgent(server, name);
            waiting.Add((agent, Id(await agent.AcquireAsync(resource))));
        }

        var order = new List<string?> { (string?)(await holder.ReleaseAsync(held))["next_agent"] };
        foreach (var (agent, lockId) in waiting)
        {
            order.Add((string?)(await agent.ReleaseAsync(lockId))["next_agent"]);
        }

        Assert.Equal(["zoe", "mia", "ada", null], order);
    }

    [Theory, ClassData(typeof(ServedStores))]
    public async Task Original_bug_05_A_cancel_that_comes_after_the_grant_frees_the_resource(string store)
    {
        var (server, resource) = (await MeshServers.GetAsync(store), MeshServers.NewResource());
        var (holder, deaf) = (new LegacyAgent(server, "holder"), new LegacyAgent(server, "deaf"));
        var held = Id(await holder.AcquireAsync(resource));
        await deaf.AcquireAsync(resource);
        Assert.Equal("deaf", (string?)(await holder.ReleaseAsync(held))["next_agent"]);

        Assert.Equal("released", await deaf.CancelAsync(resource));
        Assert.Equal("acquired", Status(await deaf.AcquireAsync(resource)));
    }

    [Theory, ClassData(typeof(ServedStores))]
    public async Task Original_bug_06_A_cancel_with_nothing_pending_changes_nothing(string store)
    {
        var (server, resource) = (await MeshServers.GetAsync(store), MeshServers.NewResource());
        var agent = new LegacyAgent(server, "agent");

        Assert.Equal("not_in_queue", await agent.CancelAsync(resource));
        Assert.Equal("acquired", Status(await agent.AcquireAsync(resource)));
    }

    [Theory, ClassData(typeof(ServedStores))]
    public async Task Original_bug_07_More_than_ten_cancelled_heads_strand_nobody(string store)
    {
        var (server, resource) = (await MeshServers.GetAsync(store), MeshServers.NewResource());
        var holder = new LegacyAgent(server, "holder");
        var held = Id(await holder.AcquireAsync(resource));
        var leaving = Enumerable.Range(0, 25).Select(number => new LegacyAgent(server, $"leaving-{number}")).ToArray();
        foreach (var agent in leaving)
        {
            await agent.AcquireAsync(resource, 9);
        }

        await new LegacyAgent(server, "live").AcquireAsync(resource, 1);
        foreach (var agent in leaving)
        {
            Assert.Equal("removed_from_queue", await agent.CancelAsync(resource));
        }

        Assert.Equal("live", (string?)(await holder.ReleaseAsync(held))["next_agent"]);
    }

    [Theory, ClassData(typeof(ServedStores))]
    public async Task Original_bug_08_A_type_whose_name_ends_with_lock_keeps_its_queue(string store)
    {
        var server = await MeshServers.GetAsync(store);
        foreach (var type in new[] { "block", "lock", "lock:lock", "queue" })
        {
            var resource = MeshServers.NewResource(type);
            var holder = new LegacyAgent(server, "holder");
            var held = Id(await holder.AcquireAsync(resource));
            await new LegacyAgent(server, "next").AcquireAsync(resource);

            Assert.Equal("next", (string?)(await holder.ReleaseAsync(held))["next_agent"]);
        }
    }

    [Theory, ClassData(typeof(ServedStores))]
    public async Task Original_bug_09_The_ttl_that_a_queued_agent_asked_for_is_the_one_it_gets(string store)
    {
        var (server, resource) = (await MeshServers.GetAsync(store), MeshServers.NewResource());
        var (holder, next) = (new LegacyAgent(server, "holder"), new LegacyAgent(server, "next"));
        var held = Id(await holder.AcquireAsync(resource));
        var waiting = Id(await next.AcquireAsync(resource, ttl: 70));
        await holder.ReleaseAsync(held);

        Assert.InRange((await server.GetAsync($"/v1/locks/{waiting}")).Number("expires_in_ms"), 40_000, 70_000);
        foreach (var ttl in new[] { "0", "-1", "1000000000000", "1e300" })
        {
            var answer = await server.PostAsync("/v1/locks/acquire", $$"""{"resource_type":"t","resource_id":"1","agent_id":"a","ttl":{{ttl}}}""");
            Assert.Equal((422, """["body","ttl"]"""), (answer.Status, answer.Body["detail"]![0]!["loc"]!.ToJsonString()));
        }
    }

    [Theory, ClassData(typeof(ServedStores))]
    public async Task Original_bug_10_A_waiter_that_asks_again_keeps_its_lock_id_and_its_place(string store)
    {
        var (server, resource) = (await MeshServers.GetAsync(store), MeshServers.NewResource());
        var (holder, waits) = (new LegacyAgent(server, "holder"), new LegacyAgent(server, "waits"));
        var held = Id(await holder.AcquireAsync(resource));
        var first = await waits.AcquireAsync(resource);
        await new LegacyAgent(server, "later").AcquireAsync(resource);

        Assert.Equal(first.ToJsonString(), (await waits.AcquireAsync(resource)).ToJsonString());
        await holder.ReleaseAsync(held);
        await waits.IsActiveAsync(Id(first));
    }

    [Theory, ClassData(typeof(ServedStores))]
    public async Task Original_bug_13_A_renewal_never_shortens(string store)
    {
        var (server, resource) = (await MeshServers.GetAsync(store), MeshServers.NewResource());
        var granted = await server.PostAsync("/v1/locks", new JsonObject { ["resource"] = resource, ["agent_id"] = "a", ["ttl_ms"] = 300_000 });
        var renewed = await server.PostAsync(
            $"/v1/locks/{granted.String("lock_id")}/renew", new JsonObject { ["fencing_token"] = granted.Number("fencing_token"), ["ttl_ms"] = 10_000 });

        Assert.InRange(renewed.Number("expires_in_ms"), 200_000, 300_000);
    }

    [Theory, ClassData(typeof(ServedStores))]
    public async Task Original_bug_14_Two_names_that_read_alike_are_two_resources(string store)
    {
        var server = await MeshServers.GetAsync(store);
        var unique = Guid.NewGuid().ToString("N");

        Assert.Equal("acquired", Status(await new LegacyAgent(server, "one").AcquireAsync($"a:b/{unique}")));
        Assert.Equal("acquired", Status(await new LegacyAgent(server, "two").AcquireAsync($"a/b:{unique}")));
        Assert.Equal("acquired", Status(await new LegacyAgent(server, "three").AcquireAsync($"A:b/{unique}")));
        Assert.Equal("acquired", Status(await new LegacyAgent(server, "four").AcquireAsync($"legacy.a_3ab/{unique}")));
        Assert.Equal("queued", Status(await new LegacyAgent(server, "five").AcquireAsync($"a:b/{unique}")));
    }

    [Theory, ClassData(typeof(ServedStores))]
    public async Task Original_bug_15_Releasing_what_is_lost_is_an_error(string store)
    {
        var (server, resource) = (await MeshServers.GetAsync(store), MeshServers.NewResource());
        var agent = new LegacyAgent(server, "agent");
        var lost = Id(await agent.AcquireAsync(resource, ttl: 1));
        await agent.IsOverAsync(lost);
        foreach (var lockId in new[] { lost, "fake-lock-id", "fake-lock-id.0", "fake-lock-id.99" })
        {
            Assert.Equal("""{"status":"error","message":"Lock not found or already expired"}""", (await agent.ReleaseAsync(lockId)).ToJsonString());
        }
    }

    [Theory, ClassData(typeof(ServedStores))]
    public async Task Original_bug_16_Nobody_releases_a_lock_without_saying_whose_it_is(string store)
    {
        var (server, resource) = (await MeshServers.GetAsync(store), MeshServers.NewResource());
        var holder = new LegacyAgent(server, "holder");
        var held = Id(await holder.AcquireAsync(resource));
        foreach (var owner in new[] { "", ",\"agent_id\":null", ",\"agent_id\":\"thief\"" })
        {
            var answer = await server.PostAsync("/v1/locks/release", $$"""{"lock_id":"{{held}}"{{owner}}}""");
            Assert.Equal("""{"status":"error","message":"Permission denied: not lock owner"}""", answer.Text);
        }

        Assert.Equal("active", Status(await holder.StatusAsync(held)));
    }

    [Theory, ClassData(typeof(ServedStores))]
    public async Task Original_bug_18_Two_runs_of_one_agent_do_not_share_a_hold(string store)
    {
        var (server, resource) = (await MeshServers.GetAsync(store), MeshServers.NewResource());
        var run = new JsonObject { ["resource"] = resource, ["agent_id"] = "a" };
        var first = await server.PostAsync("/v1/locks", run);
        var second = await server.PostAsync("/v1/locks", run);
        Assert.Equal(("granted", "queued"), (first.String("state"), second.String("state")));
        await server.PostAsync($"/v1/locks/{first.String("lock_id")}/release", new JsonObject { ["fencing_token"] = first.Number("fencing_token") });
        var claimed = await server.PostAsync($"/v1/locks/{second.String("lock_id")}/wait");

        Assert.True(claimed.Number("fencing_token") > first.Number("fencing_token"));
    }

    [Fact]
    public async Task Original_bug_19_A_client_needs_no_Redis_and_renews_what_it_holds()
    {
        Assert.DoesNotContain(typeof(MeshClient).Assembly.GetReferencedAssemblies(), used => used.Name!.Contains("Redis", StringComparison.Ordinal));
        var (server, resource) = (await MeshServers.GetAsync(MeshServers.Embedded), MeshServers.NewResource());
        await using var first = new MeshClient(new MeshClientOptions { BaseUrls = [server.Url], AgentId = "first" });
        await using var second = new MeshClient(new MeshClientOptions { BaseUrls = [server.Url], AgentId = "second" });
        var lease = await first.Locks.AcquireAsync(resource, new LeaseOptions { Ttl = TimeSpan.FromSeconds(2) });
        var waiting = second.Locks.AcquireAsync(resource);
        await Task.Delay(TimeSpan.FromSeconds(4));
        Assert.True(lease.IsHeld);
        Assert.False(waiting.IsCompleted);
        await lease.ReleaseAsync();
        await using var next = await waiting.WaitAsync(TimeSpan.FromSeconds(10));

        Assert.True(next.FencingToken > lease.FencingToken);
    }

    [Theory, ClassData(typeof(ServedStores))]
    public async Task Original_bug_20_The_time_of_a_grant_is_told_in_one_way(string store)
    {
        var (server, resource) = (await MeshServers.GetAsync(store), MeshServers.NewResource());
        var (holder, next) = (new LegacyAgent(server, "holder"), new LegacyAgent(server, "next"));
        var held = Id(await holder.AcquireAsync(resource));
        var waiting = Id(await next.AcquireAsync(resource));
        var direct = (string)(await holder.StatusAsync(held))["acquired_at"]!;
        await holder.ReleaseAsync(held);
        var handed = (string)(await next.StatusAsync(waiting))["acquired_at"]!;

        var times = new[] { direct, handed }.Select(text => DateTimeOffset.ParseExact(text, "yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal)).ToArray();
        Assert.True(times[0] <= times[1]);
    }

    internal static string Id(JsonObject answer) => (string)answer["lock_id"]!;

    internal static string? Status(JsonObject answer) => (string?)answer["status"];
}
