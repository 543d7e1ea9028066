using System.Text.Json.Nodes;
using ProtoMesh.Tests.Rig;

namespace ProtoMesh.Tests.Locks.Api;

/// <summary>Each call of the wire over HTTP, on every store.</summary>
public sealed class CallTests
{
    [Theory]
    [ClassData(typeof(ServedStores))]
    public async Task A_free_resource_is_granted_and_a_taken_one_queues(string store)
    {
        var (server, resource) = await BeginAsync(store);
        var granted = await AcquireAsync(server, resource, "one", reason: "refund #42");
        Assert.Equal((200, "granted", 5L), (granted.Status, granted.String("state"), granted.Number("priority")));
        Assert.InRange(granted.Number("expires_in_ms"), 1, 30_000);
        Assert.True(granted.Number("fencing_token") > 0);

        var queued = await AcquireAsync(server, resource, "two");
        Assert.Equal((202, "queued", 1L, 1L), (queued.Status, queued.String("state"), queued.Number("position"), queued.Number("queue_length")));
        Assert.Equal(("one", "refund #42"), ((string)queued.Body["blocked_by"]![0]!["agent_id"]!, (string)queued.Body["blocked_by"]![0]!["reason"]!));
        Assert.Equal($"/v1/locks/{queued.String("lock_id")}", queued.Headers.Location!.OriginalString);
        Assert.NotNull(queued.Headers.RetryAfter);
        Assert.False(queued.Body.ContainsKey("fencing_token"));
    }

    [Theory]
    [ClassData(typeof(ServedStores))]
    public async Task A_wait_that_is_open_is_answered_when_the_holder_releases(string store)
    {
        var (server, resource) = await BeginAsync(store);
        var holder = await AcquireAsync(server, resource, "one");
        var waiter = await AcquireAsync(server, resource, "two");
        var waiting = server.PostAsync($"/v1/locks/{waiter.String("lock_id")}/wait", wait: 20);
        await Task.Delay(100);
        Assert.False(waiting.IsCompleted);
        await ReleaseAsync(server, holder, note: "half done");
        var granted = await waiting.WaitAsync(TimeSpan.FromSeconds(10));

        Assert.Equal("granted", granted.String("state"));
        Assert.True(granted.Number("fencing_token") > holder.Number("fencing_token"));
        Assert.Equal(("one", "released", "half done"), (Previous(granted, "agent_id"), Previous(granted, "ended"), Previous(granted, "note")));
    }

    [Theory]
    [ClassData(typeof(ServedStores))]
    public async Task A_waiter_with_higher_priority_is_granted_first(string store)
    {
        var (server, resource) = await BeginAsync(store);
        var holder = await AcquireAsync(server, resource, "holder");
        var low = await AcquireAsync(server, resource, "low", priority: 1);
        var high = await AcquireAsync(server, resource, "high", priority: 8);
        Assert.Equal(1, high.Number("position"));
        await ReleaseAsync(server, holder);

        Assert.Equal("granted", (await server.PostAsync($"/v1/locks/{high.String("lock_id")}/wait", wait: 0)).String("state"));
        Assert.Equal("queued", (await server.PostAsync($"/v1/locks/{low.String("lock_id")}/wait", wait: 0)).String("state"));
    }

    [Theory]
    [ClassData(typeof(ServedStores))]
    public async Task A_renewal_moves_the_end_and_tells_who_waits(string store)
    {
        var (server, resource) = await BeginAsync(store);
        var holder = await AcquireAsync(server, resource, "one");
        await AcquireAsync(server, resource, "two", priority: 7);
        var id = holder.String("lock_id");
        var renewed = await server.PostAsync($"/v1/locks/{id}/renew", new { fencing_token = holder.Number("fencing_token"), ttl_ms = 120_000, progress = "3 of 7" });

        Assert.InRange(renewed.Number("expires_in_ms"), 110_000, 120_000);
        Assert.Equal((1, 7), ((int)renewed.Body["waiters"]!["count"]!, (int)renewed.Body["waiters"]!["top_priority"]!));
        Assert.Equal("3 of 7", (await server.GetAsync($"/v1/locks/{id}")).String("progress"));
        Assert.Equal("token_mismatch", (await server.PostAsync($"/v1/locks/{id}/renew", new { fencing_token = holder.Number("fencing_token") + 1 })).Code);
    }

    [Theory]
    [ClassData(typeof(ServedStores))]
    public async Task Many_renewals_are_answered_in_their_order(string store)
    {
        var (server, resource) = await BeginAsync(store);
        var one = await AcquireAsync(server, $"{resource}-1", "one");
        var two = await AcquireAsync(server, $"{resource}-2", "one");
        var answer = await server.PostAsync("/v1/locks/renew", new
        {
            locks = new object[]
            {
                new { lock_id = two.String("lock_id"), fencing_token = two.Number("fencing_token") },
                new { lock_id = "unknown-request.0", fencing_token = 1 },
                new { lock_id = one.String("lock_id"), fencing_token = 1 },
                new { lock_id = one.String("lock_id"), fencing_token = one.Number("fencing_token"), ttl_ms = 60_000 },
            },
        });
        var results = answer.Body["results"]!.AsArray().Select(result => (string?)result!["state"] ?? (string)result["problem"]!["code"]!);
        Assert.Equal(["granted", "lock_unknown", "lease_lost", "granted"], results);
    }

    [Theory]
    [ClassData(typeof(ServedStores))]
    public async Task A_release_that_is_repeated_answers_the_same(string store)
    {
        var (server, resource) = await BeginAsync(store);
        var holder = await AcquireAsync(server, resource, "one");
        Assert.Equal("released", (await ReleaseAsync(server, holder)).String("state"));
        Assert.Equal("released", (await ReleaseAsync(server, holder)).String("state"));
        var late = await server.PostAsync($"/v1/locks/{holder.String("lock_id")}/renew", new { fencing_token = holder.Number("fencing_token") });
        Assert.Equal(("lease_lost", "released"), (late.Code, late.String("ended_because")));
    }

    [Theory]
    [ClassData(typeof(ServedStores))]
    public async Task A_cancel_leaves_the_queue_or_releases(string store)
    {
        var (server, resource) = await BeginAsync(store);
        var holder = await AcquireAsync(server, resource, "one");
        var waiter = await AcquireAsync(server, resource, "two");
        Assert.Equal("cancelled", (await server.PostAsync($"/v1/locks/{waiter.String("lock_id")}/cancel")).String("state"));
        Assert.Equal("cancelled", (await server.PostAsync($"/v1/locks/{waiter.String("lock_id")}/cancel")).String("state"));
        Assert.Equal("lock_ended", (await server.PostAsync($"/v1/locks/{waiter.String("lock_id")}/wait", wait: 0)).Code);

        var byRequest = await server.PostAsync("/v1/locks/cancel", new { request_id = holder.String("request_id"), resource });
        Assert.Equal("released", byRequest.String("state"));
        Assert.Equal(200, (await AcquireAsync(server, resource, "three")).Status);
    }

    [Theory]
    [ClassData(typeof(ServedStores))]
    public async Task A_transfer_gives_the_lease_a_new_holder_and_token(string store)
    {
        var (server, resource) = await BeginAsync(store);
        var giver = await AcquireAsync(server, resource, "giver");
        var given = await server.PostAsync($"/v1/locks/{giver.String("lock_id")}/transfer", new { fencing_token = giver.Number("fencing_token"), to_agent_id = "taker" });
        Assert.Equal("taker", given.String("agent_id"));
        Assert.True(given.Number("fencing_token") > giver.Number("fencing_token"));
        Assert.Equal("lease_lost", (await server.PostAsync($"/v1/locks/{giver.String("lock_id")}/renew", new { fencing_token = giver.Number("fencing_token") })).Code);
        Assert.Equal("released", (await ReleaseAsync(server, given)).String("state"));
    }

    [Theory]
    [ClassData(typeof(ServedStores))]
    public async Task A_waiter_can_be_put_first_and_a_holder_cannot(string store)
    {
        var (server, resource) = await BeginAsync(store);
        var holder = await AcquireAsync(server, resource, "holder");
        await AcquireAsync(server, resource, "first");
        var second = await AcquireAsync(server, resource, "second");
        var moved = await server.PostAsync($"/v1/locks/{second.String("lock_id")}/reprioritize", new { priority = 9 });
        Assert.Equal((1L, 9L), (moved.Number("position"), moved.Number("priority")));
        Assert.Equal("not_waiting", (await server.PostAsync($"/v1/locks/{holder.String("lock_id")}/reprioritize", new { priority = 9 })).Code);
    }

    [Theory]
    [ClassData(typeof(ServedStores))]
    public async Task An_operator_frees_a_resource_and_it_rests_unless_told_otherwise(string store)
    {
        var (server, resource) = await BeginAsync(store);
        var holder = await AcquireAsync(server, resource, "holder");
        var waiter = await AcquireAsync(server, resource, "waiter");
        var freed = await server.PostAsync("/v1/resources/force-release", new { resource, reason = "gone" });
        Assert.Equal("holder", (string)freed.Body["released"]![0]!["agent_id"]!);
        Assert.InRange(freed.Number("grantable_in_ms"), 20_000, 30_000);
        var lost = await server.PostAsync($"/v1/locks/{holder.String("lock_id")}/renew", new { fencing_token = holder.Number("fencing_token") });
        Assert.Equal(("lease_lost", "force_released"), (lost.Code, lost.String("ended_because")));

        await server.PostAsync("/v1/resources/force-release", new { resource, reason = "gone", immediate = true });
        Assert.Equal("granted", (await server.PostAsync($"/v1/locks/{waiter.String("lock_id")}/wait", wait: 5)).String("state"));
    }

    [Theory]
    [ClassData(typeof(ServedStores))]
    public async Task The_lists_show_holders_and_waiters_without_their_tokens(string store)
    {
        var (server, resource) = await BeginAsync(store);
        var type = resource.Split('/')[0] + "-lists" + Guid.NewGuid().ToString("N")[..8];
        var holder = await AcquireAsync(server, $"{type}/b", "holder");
        await AcquireAsync(server, $"{type}/b", "low", priority: 1);
        await AcquireAsync(server, $"{type}/b", "high", priority: 9);
        await AcquireAsync(server, $"{type}/a", "other");

        var locks = await server.GetAsync($"/v1/locks?type={type}");
        Assert.Equal(4, locks.Body["locks"]!.AsArray().Count);
        Assert.DoesNotContain("fencing_token", locks.Text, StringComparison.Ordinal);
        Assert.DoesNotContain($"{holder.Number("fencing_token")}", locks.Text, StringComparison.Ordinal);
        Assert.Equal(2, (await server.GetAsync($"/v1/locks?type={type}&state=queued")).Body["locks"]!.AsArray().Count);
        Assert.Equal("low", (string)(await server.GetAsync($"/v1/locks?type={type}&agent_id=low")).Body["locks"]!.AsArray().Single()!["agent_id"]!);

        var seen = new List<string>();
        for (var next = $"/v1/locks?type={type}&limit=1"; ;)
        {
            var page = (await server.GetAsync(next)).Body;
            seen.AddRange(page["locks"]!.AsArray().Select(each => (string)each!["agent_id"]!));
            if (page["next_page_token"] is not { } token)
            {
                break;
            }

            next = $"/v1/locks?type={type}&limit=1&page_token={token}";
        }

        Assert.Equal(["high", "holder", "low", "other"], seen.Order());
        Assert.Equal($"{type}/b", (string)(await server.GetAsync($"/v1/resources?type={type}&order_by=contention")).Body["resources"]![0]!["resource"]!);
        var queue = await server.GetAsync($"/v1/resources/queue?resource={type}/b");
        Assert.Equal(["high", "low"], queue.Body["waiting"]!.AsArray().Select(each => (string)each!["agent_id"]!));
        Assert.Equal("holder", (string)queue.Body["held_by"]![0]!["agent_id"]!);
    }

    [Theory]
    [ClassData(typeof(ServedStores))]
    public async Task A_waiter_is_told_in_sentences_why_it_waits(string store)
    {
        var (server, resource) = await BeginAsync(store);
        await AcquireAsync(server, resource, "holder", reason: "refund #42");
        var ahead = await AcquireAsync(server, resource, "ahead", priority: 9);
        var waiter = await AcquireAsync(server, resource, "waiter");
        var why = await server.GetAsync($"/v1/locks/{waiter.String("lock_id")}/explain");
        Assert.Equal(2, why.Number("position"));
        Assert.Equal("ahead", (string)why.Body["ahead"]![0]!["agent_id"]!);
        Assert.Contains("holder", string.Join(' ', why.Body["sentences"]!.AsArray()), StringComparison.Ordinal);

        var first = await server.GetAsync($"/v1/locks/{ahead.String("lock_id")}/explain");
        Assert.Contains("Nothing is known of earlier holds", string.Join(' ', first.Body["sentences"]!.AsArray()), StringComparison.Ordinal);
    }

    [Theory]
    [ClassData(typeof(ServedStores))]
    public async Task A_dry_run_tells_the_verdict_and_changes_nothing(string store)
    {
        var (server, resource) = await BeginAsync(store);
        var free = await server.PostAsync("/v1/locks?dry_run=true", new { resource, agent_id = "a" });
        Assert.True((bool)free.Body["granted_now"]!);
        await AcquireAsync(server, resource, "holder");
        var taken = await server.PostAsync("/v1/locks?dry_run=true", new { resource, agent_id = "a" });
        Assert.Equal((false, 1L, 0L), ((bool)taken.Body["granted_now"]!, taken.Number("position"), taken.Number("queue_length")));
        Assert.Empty((await server.GetAsync($"/v1/resources/queue?resource={resource}")).Body["waiting"]!.AsArray());
    }

    [Theory]
    [ClassData(typeof(ServedStores))]
    public async Task A_fence_knows_the_live_token_from_an_old_one(string store)
    {
        var (server, resource) = await BeginAsync(store);
        var old = await AcquireAsync(server, resource, "one");
        await ReleaseAsync(server, old);
        var live = await AcquireAsync(server, resource, "two");
        async Task<(bool, string)> CheckAsync(long token)
        {
            var answer = await server.PostAsync("/v1/fences/validate", new { resource, fencing_token = token });
            return ((bool)answer.Body["valid"]!, answer.String("reason"));
        }

        Assert.Equal((true, "held"), await CheckAsync(live.Number("fencing_token")));
        Assert.Equal((false, "superseded"), await CheckAsync(old.Number("fencing_token")));
        Assert.Equal((false, "unknown"), await CheckAsync(live.Number("fencing_token") + 1_000));
    }

    [Theory]
    [ClassData(typeof(ServedStores))]
    public async Task A_repeated_request_is_the_same_request(string store)
    {
        var (server, resource) = await BeginAsync(store);
        var body = new { request_id = $"request-{Guid.NewGuid():N}", resource, agent_id = "a" };
        var answers = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => server.PostAsync("/v1/locks", body)));
        Assert.Single(answers.Select(answer => (answer.Status, answer.String("lock_id"), answer.Number("fencing_token"))).Distinct());
        Assert.Equal("request_id_conflict", (await server.PostAsync("/v1/locks", new { body.request_id, resource, agent_id = "b" })).Code);
        await ReleaseAsync(server, answers[0]);
        Assert.Equal("lock_ended", (await server.PostAsync("/v1/locks", body)).Code);
    }

    [Theory]
    [ClassData(typeof(ServedStores))]
    public async Task A_journaled_grant_is_in_the_journal_when_it_is_answered(string store)
    {
        var (server, resource) = await BeginAsync(store);
        var granted = await server.PostAsync("/v1/locks", new { resource, agent_id = "a", durability = "journaled" });
        Assert.Equal(200, granted.Status);
        var history = await server.GetAsync($"/v1/resources/history?resource={resource}");
        Assert.Contains("lock.granted", history.Body["events"]!.AsArray().Select(each => (string)each!["type"]!));
    }

    [Theory]
    [ClassData(typeof(ServedStores))]
    public async Task Several_resources_are_granted_together_or_not_at_all(string store)
    {
        var (server, resource) = await BeginAsync(store);
        var holder = await AcquireAsync(server, $"{resource}-2", "holder");
        var both = await server.PostAsync("/v1/locks", new { resources = new[] { $"{resource}-1", $"{resource}-2" }, agent_id = "both" });
        Assert.Equal(202, both.Status);
        Assert.Empty((await server.GetAsync($"/v1/resources/queue?resource={resource}-1")).Body["held_by"]!.AsArray());
        await ReleaseAsync(server, holder);
        var granted = await server.PostAsync($"/v1/locks/{both.String("lock_id")}/wait", wait: 5);
        Assert.Equal([$"{resource}-1", $"{resource}-2"], granted.Body["resources"]!.AsArray().Select(each => (string)each!["resource"]!));
    }

    private static async Task<(MeshServer Server, string Resource)> BeginAsync(string store) =>
        (await MeshServers.GetAsync(store), MeshServers.NewResource("call"));

    private static Task<HttpAnswer> AcquireAsync(MeshServer server, string resource, string agent, int? priority = null, string? reason = null)
    {
        var body = new JsonObject { ["resource"] = resource, ["agent_id"] = agent };
        if (priority is not null)
        {
            body["priority"] = priority;
        }

        if (reason is not null)
        {
            body["reason"] = reason;
        }

        return server.PostAsync("/v1/locks", body);
    }

    private static Task<HttpAnswer> ReleaseAsync(MeshServer server, HttpAnswer lease, string? note = null) =>
        server.PostAsync($"/v1/locks/{lease.String("lock_id")}/release", new { fencing_token = lease.Number("fencing_token"), note });

    private static string? Previous(HttpAnswer granted, string field) => (string?)granted.Body["previous"]![field];
}
