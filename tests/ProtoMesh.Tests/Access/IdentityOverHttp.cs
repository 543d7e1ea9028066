using System.Text.Json.Nodes;
using ProtoMesh.Tests.Rig;

namespace ProtoMesh.Tests.Access;

/// <summary>Who an agent is, and what is its own, comes from its key.</summary>
[Trait("Category", "Slow")]
public sealed class IdentityOverHttp
{
    [Theory, ClassData(typeof(ServedStores))]
    public async Task A_stolen_lock_id_and_token_are_worth_nothing_without_the_key(string store)
    {
        await using var keyed = await KeyedServer.OnAsync(store);
        var (owner, thief, stranger) = (await keyed.AgentAsync("a"), await keyed.AgentAsync("b"), await keyed.AgentAsync("a", "elsewhere"));
        var granted = await keyed.PostAsync(owner, "/v1/locks", new { resource = "x/1" });
        Assert.Equal((200, "a"), (granted.Status, granted.String("agent_id")));
        var path = $"/v1/locks/{granted.String("lock_id")}";
        var token = granted.Number("fencing_token");
        (string, object?)[] calls =
        [
            ("wait", null), ("renew", new { fencing_token = token }), ("release", new { fencing_token = token }), ("cancel", null), ("transfer", new { fencing_token = token, to_agent_id = "b" }),
        ];
        foreach (var (call, body) in calls)
        {
            var here = await keyed.AskAsync(thief, HttpMethod.Post, $"{path}/{call}", body, ("Prefer", "wait=0"));
            Assert.True((here.Status, here.Code) == (403, "agent_mismatch"), $"{call}: {here}");
            var there = await keyed.AskAsync(stranger, HttpMethod.Post, $"{path}/{call}", body, ("Prefer", "wait=0"));
            Assert.True((there.Status, there.Code) == (404, "lock_unknown"), $"{call}: {there}");
        }

        foreach (var (key, code) in new[] { (thief, "agent_mismatch"), (stranger, "lock_unknown") })
        {
            var many = await keyed.PostAsync(key, "/v1/locks/renew", new { locks = new[] { new { lock_id = granted.String("lock_id"), fencing_token = token } } });
            Assert.Equal(code, (string?)many.Body["results"]![0]!["problem"]!["code"]);
        }

        Assert.Equal("lock_unknown", (await keyed.GetAsync(stranger, path)).Code);
        Assert.Equal("lock_unknown", (await keyed.GetAsync(stranger, $"{path}/explain")).Code);
        var byRequest = await keyed.PostAsync(thief, "/v1/locks/cancel", new { request_id = granted.String("request_id"), resource = "x/1" });
        Assert.Equal("agent_mismatch", byRequest.Code);
        Assert.Equal(200, (await keyed.PostAsync(owner, $"{path}/renew", new { fencing_token = token })).Status);
        var both = await keyed.PostAsync(owner, "/v1/locks/renew", new { locks = new[] { new { lock_id = granted.String("lock_id"), fencing_token = token }, new { lock_id = granted.String("lock_id"), fencing_token = token } } });
        Assert.Equal(["granted", "granted"], both.Body["results"]!.AsArray().Select(result => (string?)result!["state"]));
        Assert.Equal(200, (await keyed.PostAsync(owner, $"{path}/release", new { fencing_token = token })).Status);
    }

    [Theory, ClassData(typeof(ServedStores))]
    public async Task An_operator_may_keep_every_lease_of_its_namespace_and_none_of_another(string store)
    {
        await using var keyed = await KeyedServer.OnAsync(store);
        var (agent, here, there) = (await keyed.AgentAsync("a"), await keyed.IssueAsync(new { role = "operator" }), await keyed.IssueAsync(new { role = "operator", @namespace = "elsewhere" }));
        var granted = await keyed.PostAsync(agent, "/v1/locks", new { resource = "x/1" });
        var waiter = await keyed.PostAsync(agent, "/v1/locks", new { resource = "x/1" });
        Assert.Equal("lock_unknown", (await keyed.PostAsync(there, $"/v1/locks/{waiter.String("lock_id")}/reprioritize", new { priority = 9 })).Code);
        Assert.Equal(200, (await keyed.PostAsync(here, $"/v1/locks/{waiter.String("lock_id")}/reprioritize", new { priority = 9 })).Status);
        Assert.Equal("lock_unknown", (await keyed.PostAsync(there, $"/v1/locks/{granted.String("lock_id")}/cancel")).Code);
        Assert.Empty((await keyed.PostAsync(there, "/v1/resources/force-release", new { resource = "x/1", reason = "test" })).Body["released"]!.AsArray());
        Assert.Equal(200, (await keyed.PostAsync(here, $"/v1/locks/{granted.String("lock_id")}/cancel")).Status);
        var refused = await keyed.PostAsync(here, "/v1/locks", new { resource = "x/2", agent_id = "a" });
        Assert.Equal("forbidden", refused.Code);
        Assert.Contains("locks:acquire", refused.String("detail"), StringComparison.Ordinal);
        Assert.Contains("operator", refused.String("detail"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Who_is_in_one_namespace_finds_no_other_and_cannot_name_one_wrongly_either()
    {
        await using var keyed = await KeyedServer.StartAsync();
        var admin = await keyed.IssueAsync(new { role = "admin", @namespace = "red" });
        Assert.Equal("namespace_unknown", (await keyed.GetAsync(admin, "/v1/keys?namespace=*")).Code);
        Assert.Equal("namespace_unknown", (await keyed.PostAsync(admin, "/v1/keys", new { role = "admin", @namespace = "*" })).Code);
        Assert.Equal([KeyedServer.IdOf(admin)], (await keyed.GetAsync(admin, "/v1/keys")).Body["keys"]!.AsArray().Select(key => (string?)key!["key_id"]));
        Assert.Equal("red", (await keyed.PostAsync(admin, "/v1/keys", new { role = "viewer" })).Body["details"]!["namespace"]!.ToString());
        Http.Refusals.Names(await keyed.PostAsync(admin, "/v1/locks", new { resource = "x/1", agent_id = "a", @namespace = "Red Blue" }), "namespace", "no namespace");
        Http.Refusals.Names(await keyed.GetAsync(admin, "/v1/locks?namespace=Red"), "namespace", "no namespace");
        Http.Refusals.Names(await keyed.GetAsync(admin, "/v1/locks?namespace=red&namespace=Blue"), "namespace", "two namespaces");
        Assert.Equal("namespace_unknown", (await keyed.GetAsync(admin, "/v1/locks?namespace=red&namespace=blue")).Code);
        Assert.Equal("red", (await keyed.PostAsync(admin, "/v1/locks", new { resource = "x/1", agent_id = "a" })).String("namespace"));
    }

    [Fact]
    public async Task A_key_for_a_prefix_speaks_for_the_agents_under_it()
    {
        await using var keyed = await KeyedServer.StartAsync();
        var key = await keyed.IssueAsync(new { role = "agent", agent_prefix = "billing-" });
        Assert.Equal(200, (await keyed.PostAsync(key, "/v1/locks", new { resource = "x/1", agent_id = "billing-1" })).Status);
        Assert.Equal("agent_mismatch", (await keyed.PostAsync(key, "/v1/locks", new { resource = "x/2", agent_id = "support-1" })).Code);
        Http.Refusals.Names(await keyed.PostAsync(key, "/v1/locks", new { resource = "x/2" }), "agent_id", "no agent");
        Assert.Equal("agent_mismatch", (await keyed.PostAsync(key, "/v1/policies/check", new { agent_id = "support-1", action = "read" })).Code);
        var second = await keyed.PostAsync(key, "/v1/locks", new { resource = "x/1", agent_id = "billing-2" });
        Assert.Equal(200, (await keyed.PostAsync(key, $"/v1/locks/{second.String("lock_id")}/cancel")).Status);
    }

    [Fact]
    public async Task The_highest_priority_and_ttl_of_a_key_hold_for_what_it_asks_and_for_what_it_leaves_out()
    {
        await using var keyed = await KeyedServer.StartAsync();
        var key = await keyed.IssueAsync(new { role = "agent", agent_id = "a", max_priority = 3, max_ttl_ms = 10_000 });
        var refused = await keyed.PostAsync(key, "/v1/locks", new { resource = "x/1", priority = 4, ttl_ms = 10_001 });
        Http.Refusals.Names(refused, "priority", "a high priority");
        Http.Refusals.Names(refused, "ttl_ms", "a long ttl");
        Assert.Contains("the most that this key may ask for", refused.Text, StringComparison.Ordinal);
        var granted = await keyed.PostAsync(key, "/v1/locks", new { resource = "x/1" });
        Assert.Equal((200, 3), (granted.Status, (int)granted.Number("priority")));
        Assert.InRange(granted.Number("expires_in_ms"), 1, 10_000);
        var path = $"/v1/locks/{granted.String("lock_id")}/renew";
        Http.Refusals.Names(await keyed.PostAsync(key, path, new { fencing_token = granted.Number("fencing_token"), ttl_ms = 10_001 }), "ttl_ms", "a long renewal");
        Http.Refusals.Names(
            await keyed.PostAsync(key, "/v1/locks/renew", new { locks = new[] { new { lock_id = granted.String("lock_id"), fencing_token = granted.Number("fencing_token"), ttl_ms = 10_001 } } }), "locks[0].ttl_ms", "a long renewal");
        var legacy = await keyed.PostAsync(key, "/v1/locks/acquire", new { resource_type = "x", resource_id = "2", priority = 10 });
        Assert.Equal((200, "acquired"), (legacy.Status, legacy.String("status")));
        Assert.InRange(legacy.Number("expires_in"), 1, 10);
        Assert.Equal(3, (int)(await keyed.GetAsync(keyed.Root, $"/v1/locks/{legacy.String("lock_id")}")).Number("priority"));
    }

    [Fact]
    public async Task Of_others_an_agent_sees_who_and_why_but_no_ids()
    {
        await using var keyed = await KeyedServer.StartAsync();
        var (a, b, viewer) = (await keyed.AgentAsync("a"), await keyed.AgentAsync("b"), await keyed.IssueAsync(new { role = "viewer" }));
        var held = await keyed.PostAsync(a, "/v1/locks", new { resource = "x/1", reason = "refund", labels = new { secret = "of a" }, request_id = "request-of-a" });
        var ahead = await keyed.PostAsync(a, "/v1/locks", new { resource = "x/1", request_id = "second-of-a" });
        Assert.Equal(202, ahead.Status);
        var queued = await keyed.PostAsync(b, "/v1/locks", new { resource = "x/1", request_id = "request-of-b" });
        Assert.Equal(("hidden", "a", "refund"), ((string)queued.Body["blocked_by"]![0]!["lock_id"]!, (string)queued.Body["blocked_by"]![0]!["agent_id"]!, (string)queued.Body["blocked_by"]![0]!["reason"]!));
        (string Path, object? Body)[] looks =
        [
            ("/v1/locks", null), ("/v1/resources", null), ("/v1/resources/queue?resource=x/1", null), ($"/v1/locks/{queued.String("lock_id")}", null), ($"/v1/locks/{queued.String("lock_id")}/explain", null),
            ("/v1/locks", new { resource = "x/1", wait_ms = 0 }), ("/v1/locks?dry_run=true", new { resource = "x/1" }),
        ];
        foreach (var (path, body) in looks)
        {
            var seen = await keyed.AskAsync(b, body is null ? HttpMethod.Get : HttpMethod.Post, path, body);
            Assert.True(seen.Text.Contains("hidden", StringComparison.Ordinal) && !seen.Text.Contains("-of-a", StringComparison.Ordinal) && !seen.Text.Contains("of a\"", StringComparison.Ordinal), $"{path}: {seen}");
            Assert.Contains("\"a\"", seen.Text, StringComparison.Ordinal);
        }

        Assert.Contains("request-of-b", (await keyed.GetAsync(b, "/v1/locks")).Text, StringComparison.Ordinal);
        Assert.Contains("request-of-a", (await keyed.GetAsync(viewer, "/v1/locks")).Text, StringComparison.Ordinal);
        JsonArray events = [];
        await Eventually.HoldsAsync(async () => (events = (await keyed.GetAsync(b, "/v1/events")).Body["events"]!.AsArray()).Count >= 3, "the events are there");
        Assert.All(events, entry => Assert.Equal((string)entry!["agent_id"]! == "b", entry["lock_id"] is not null));
        Assert.DoesNotContain("-of-a", events.ToJsonString(), StringComparison.Ordinal);
        Assert.Contains("request-of-a", (await keyed.GetAsync(viewer, "/v1/events")).Text, StringComparison.Ordinal);
        Assert.Equal(200, held.Status);
    }

    [Fact]
    public async Task Policies_believe_the_key_and_not_what_an_agent_says_of_itself()
    {
        await using var keyed = await KeyedServer.StartAsync();
        var (plain, senior) = (await keyed.AgentAsync("a"), await keyed.IssueAsync(new { role = "agent", agent_id = "s", team = "red", labels = new { role = "senior", level = "5" } }));
        object Spend(string role) => new { action = "spend", resource = "x/1", metadata = new { estimated_cost = 500, agent_role = role, agent_team = "admin" } };
        var denied = await keyed.PostAsync(plain, "/v1/policies/check", Spend("admin"));
        Assert.Equal(("deny", "key"), (denied.String("decision"), (string)denied.Body["facts"]!["agent.role"]!));
        Assert.Contains("for role agent", denied.String("reason"), StringComparison.Ordinal);
        Assert.Equal("policy_denied", (await keyed.PostAsync(plain, "/v1/locks", Spend("admin"))).Code);
        var other = await keyed.PostAsync(senior, "/v1/policies/check", Spend("junior"));
        Assert.Equal(("deny", "key"), (other.String("decision"), (string)other.Body["facts"]!["agent.team"]!));
        Assert.Contains("Agent team 'red'", other.String("reason"), StringComparison.Ordinal);
        var allowed = await keyed.PostAsync(senior, "/v1/policies/check", new { action = "spend", metadata = new { estimated_cost = 1000, resource_team = "red" } });
        Assert.Equal("allow", allowed.String("decision"));
        const string Labels = """
            apiVersion: protomesh.dev/policy/v1
            name: labels
            rules:
              - id: level
                actions: [fly]
                when: "agent.labels['level'] == '5' && 'agent' in agent.roles && agent.id == 's'"
                effect: allow
            """;
        var put = await keyed.AskAsync(keyed.Root, HttpMethod.Put, "/v1/policies/labels", Labels);
        Assert.True(put.Status == 201, put.ToString());
        Assert.Equal(200, (await keyed.AskAsync(keyed.Root, HttpMethod.Post, "/v1/policies/labels/versions/1/activate", null, ("If-Match", "*"))).Status);
        Assert.Equal("allow", (await keyed.PostAsync(senior, "/v1/policies/check", new { action = "fly" })).String("decision"));
        Assert.Equal($"bootstrap ({KeyedServer.IdOf(keyed.Root)})", (string?)(await keyed.GetAsync(keyed.Root, "/v1/policies")).Body["active"]!["by"]);
    }

    [Fact]
    public async Task A_waiter_is_asked_about_again_as_whom_its_key_said_it_was_and_an_heir_inherits_no_word()
    {
        await using var keyed = await KeyedServer.StartAsync();
        var senior = await keyed.IssueAsync(new { role = "agent", agent_id = "s", labels = new { role = "senior" } });
        var granted = await keyed.PostAsync(senior, "/v1/locks", new { resource = "x/1", action = "spend", metadata = new { estimated_cost = 500, agent_role = "admin" } });
        Assert.Equal(200, granted.Status);
        var transfer = await keyed.PostAsync(senior, $"/v1/locks/{granted.String("lock_id")}/transfer", new { fencing_token = granted.Number("fencing_token"), to_agent_id = "heir" });
        Assert.Equal("policy_denied", transfer.Code);
        Assert.Contains("for role user", transfer.String("detail"), StringComparison.Ordinal);
        var waiter = await keyed.PostAsync(senior, "/v1/locks", new { resource = "x/1", action = "spend", metadata = new { estimated_cost = 500 } });
        Assert.Equal(202, waiter.Status);
        const string Document = """
            apiVersion: protomesh.dev/policy/v1
            name: seniors
            metadata: { estimated_cost: { type: number, default: 0 } }
            rules:
              - id: seniors
                actions: [spend]
                when: "agent.role == 'senior'"
                effect: allow
            """;
        Assert.Equal(201, (await keyed.AskAsync(keyed.Root, HttpMethod.Put, "/v1/policies/seniors", Document)).Status);
        Assert.Equal(200, (await keyed.AskAsync(keyed.Root, HttpMethod.Post, "/v1/policies/seniors/versions/1/activate", null, ("If-Match", "*"))).Status);
        await keyed.PostAsync(senior, $"/v1/locks/{granted.String("lock_id")}/release", new { fencing_token = granted.Number("fencing_token") });
        var claimed = await keyed.PostAsync(senior, $"/v1/locks/{waiter.String("lock_id")}/wait");
        Assert.True(claimed.Status == 200, claimed.ToString());
    }
}
