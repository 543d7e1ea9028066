using System.Text.Json.Nodes;
using ProtoMesh.Tests.Rig;

namespace ProtoMesh.Tests.Policies;

/// <summary>Requests for leases that name an action: decided first, asked again at claim, and never charged twice.</summary>
public sealed class LeaseGateTests
{
    private const string Allow = "  - { id: yes, actions: [\"*\"], effect: allow }";
    private const string Deny = "  - { id: no, actions: [\"*\"], effect: deny, message: \"'not any more'\" }";
    private const string Rated = "  - { id: pace, actions: [\"*\"], require: { rate: { key: agent.id, limit: 1, window: 1h } } }\n" + Allow;

    [Theory]
    [ClassData(typeof(ServedStores))]
    public async Task A_denied_request_is_refused_with_its_reasons_and_leaves_no_record(string store)
    {
        var mesh = await PolicyCalls.BeginAsync(store, "  - { id: urgent, actions: [\"*\"], when: \"request.priority > 7 && agent.role != 'pager'\", effect: deny }\n" + Allow);
        var resource = MeshServers.NewResource();
        var denied = await mesh.AcquireAsync(resource, more: new() { ["priority"] = 9, ["request_id"] = "urgent-request" });
        Assert.Equal((403, "policy_denied", "urgent"), (denied.Status, denied.Code, (string)denied.Body["decision"]!["reasons"]![0]!["rule"]!));
        Assert.Equal(["request.priority <= 7 or agent.role == 'pager'"], denied.Body["decision"]!["reasons"]![0]!["to_change"]!.AsArray().Select(change => (string)change!));
        Assert.Equal(404, (await mesh.Server.GetAsync("/v1/locks/urgent-request.0")).Status);

        // What it says would help helps, and whoever deserves priority 9 has it.
        Assert.Equal(200, (await mesh.AcquireAsync(resource, more: new() { ["priority"] = 7, ["request_id"] = "urgent-request" })).Status);
        Assert.Equal(202, (await mesh.AcquireAsync(resource, more: new() { ["priority"] = 9, ["metadata"] = new JsonObject { ["agent_role"] = "pager" } })).Status);
        Assert.Equal(202, (await mesh.AcquireAsync(resource, action: null, more: new() { ["priority"] = 9 })).Status);
    }

    [Theory]
    [ClassData(typeof(ServedStores))]
    public async Task The_decision_rides_in_the_lease_and_in_the_events(string store)
    {
        var mesh = await PolicyCalls.BeginAsync(store, Allow);
        var resource = MeshServers.NewResource();
        var granted = await mesh.AcquireAsync(resource, action: "customer.update", more: new() { ["metadata"] = new JsonObject { ["why"] = "refund" } });
        var decision = (string)granted.Body["decision"]!["decision_id"]!;
        Assert.Equal(("customer.update", "test", 1L), (granted.String("action"), (string)granted.Body["decision"]!["policy"]!["name"]!, (long)granted.Body["decision"]!["policy"]!["version"]!));
        var queued = await mesh.AcquireAsync(resource, "agent-2", "customer.update");
        Assert.NotEqual(decision, (string)queued.Body["decision"]!["decision_id"]!);
        Assert.Equal(decision, (string)(await mesh.Server.GetAsync($"/v1/locks/{granted.String("lock_id")}")).Body["decision"]!["decision_id"]!);
        JsonNode? data = null;
        await Eventually.HoldsAsync(async () => (data = (await mesh.Server.GetAsync($"/v1/events?namespace={mesh.Namespace}&resource={resource}")).Body["events"]!.AsArray()
            .FirstOrDefault(each => (string)each!["type"]! == "lock.granted")?["data"]!["request"]) is not null, "the grant is journaled");
        Assert.Equal((decision, "customer.update", "refund"), ((string)data!["decision"]!["decision_id"]!, (string)data["action"]!, (string)data["metadata"]!["why"]!));
    }

    [Theory]
    [ClassData(typeof(ServedStores))]
    public async Task A_policy_that_changed_while_the_request_waited_is_asked_again_at_claim(string store)
    {
        var mesh = await PolicyCalls.BeginAsync(store, Allow);
        var resource = MeshServers.NewResource();
        var holder = await mesh.AcquireAsync(resource);
        var waiter = await mesh.AcquireAsync(resource, "agent-2");
        var next = await mesh.AcquireAsync(resource, "agent-3", action: null);
        await mesh.ActivateAsync(Deny);
        await mesh.ReleaseAsync(holder);

        var denied = await mesh.WaitAsync(waiter);
        Assert.Equal((403, "policy_denied", "not any more"), (denied.Status, denied.Code, denied.String("detail")));
        Assert.Equal("lock_ended", (await mesh.WaitAsync(waiter)).Code);
        Assert.Contains("the policy changed", (await mesh.WaitAsync(waiter)).String("detail"), StringComparison.Ordinal);
        Assert.Equal("granted", (await mesh.WaitAsync(next, 5)).String("state"));
    }

    [Theory]
    [ClassData(typeof(ServedStores))]
    public async Task A_wait_that_is_held_open_is_asked_again_too_and_goes_on_when_it_is_still_allowed(string store)
    {
        var mesh = await PolicyCalls.BeginAsync(store, Allow);
        foreach (var (rules, status) in new[] { (Allow, 200), (Deny, 403) })
        {
            await mesh.ActivateAsync(Allow);
            var resource = MeshServers.NewResource();
            var holder = await mesh.AcquireAsync(resource);
            var waiting = mesh.AcquireAsync(resource, "agent-2", wait: 20);
            await Eventually.HoldsAsync(async () => (await mesh.Server.GetAsync($"/v1/resources/queue?namespace={mesh.Namespace}&resource={resource}")).Body["waiting"]!.AsArray().Count == 1, "the request waits");
            await mesh.ActivateAsync(rules);
            await mesh.ReleaseAsync(holder);
            Assert.Equal(status, (await waiting.WaitAsync(TimeSpan.FromSeconds(15))).Status);
        }
    }

    [Theory]
    [ClassData(typeof(ServedStores))]
    public async Task A_repeated_request_takes_no_second_place_and_is_answered_by_what_it_has_become(string store)
    {
        var mesh = await PolicyCalls.BeginAsync(store, Rated);
        var resource = MeshServers.NewResource();
        var id = Guid.NewGuid().ToString();
        var granted = await mesh.AcquireAsync(resource, more: new() { ["request_id"] = id });
        var again = await mesh.AcquireAsync(resource, more: new() { ["request_id"] = id });
        Assert.Equal((200, granted.Number("fencing_token")), (again.Status, again.Number("fencing_token")));
        var other = await mesh.AcquireAsync(resource, more: []);
        Assert.Equal((403, "policy_denied", true), (other.Status, other.Code, (bool)other.Body["retryable"]!));
        Assert.InRange(other.Number("retry_after_ms"), 3_000_000, 3_600_000);

        // Also under a policy that would not admit it any more.
        await mesh.ActivateAsync(Deny);
        Assert.Equal(200, (await mesh.AcquireAsync(resource, more: new() { ["request_id"] = id })).Status);
        Assert.Equal(403, (await mesh.AcquireAsync(resource)).Status);
    }

    [Theory]
    [ClassData(typeof(ServedStores))]
    public async Task A_try_that_is_refused_keeps_no_place(string store)
    {
        var mesh = await PolicyCalls.BeginAsync(store, Rated);
        var resource = MeshServers.NewResource();
        var holder = await mesh.AcquireAsync(resource, action: null);
        for (var attempt = 0; attempt < 3; attempt++)
        {
            Assert.Equal("lock_held", (await mesh.AcquireAsync(resource, more: new() { ["wait_ms"] = 0 })).Code);
        }

        await mesh.ReleaseAsync(holder);
        Assert.Equal(200, (await mesh.AcquireAsync(resource, more: new() { ["wait_ms"] = 0 })).Status);
        Assert.Equal("policy_denied", (await mesh.AcquireAsync(resource, more: new() { ["wait_ms"] = 0 })).Code);
    }

    [Theory]
    [ClassData(typeof(ServedStores))]
    public async Task A_required_lease_is_met_by_the_grant_that_is_asked_for(string store)
    {
        var mesh = await PolicyCalls.BeginAsync(store, "  - { id: held, actions: [a], require: { lock: { resource: resource.name, mode: exclusive, min_remaining_ms: 5000 } } }\n" + Allow);
        Assert.Equal(200, (await mesh.AcquireAsync(MeshServers.NewResource(), more: new() { ["ttl_ms"] = 5_000 })).Status);
        Assert.Equal("policy_denied", (await mesh.AcquireAsync(MeshServers.NewResource(), more: new() { ["ttl_ms"] = 4_999 })).Code);
        Assert.Equal("policy_denied", (await mesh.AcquireAsync(MeshServers.NewResource(), more: new() { ["mode"] = "shared" })).Code);
        Assert.Equal(200, (await mesh.AcquireAsync("", more: new() { ["resources"] = new JsonArray(MeshServers.NewResource(), MeshServers.NewResource()) })).Status);
    }

    [Theory]
    [ClassData(typeof(ServedStores))]
    public async Task A_dry_run_tells_the_decision_and_takes_nothing(string store)
    {
        var mesh = await PolicyCalls.BeginAsync(store, Rated);
        var resource = MeshServers.NewResource();
        for (var round = 0; round < 2; round++)
        {
            var verdict = await mesh.AcquireAsync(resource, query: "?dry_run=true");
            Assert.Equal((200, true, "allow"), (verdict.Status, (bool)verdict.Body["granted_now"]!, (string)verdict.Body["decision"]!["decision"]!));
        }

        await mesh.ActivateAsync(Deny);
        var denied = await mesh.AcquireAsync(resource, query: "?dry_run=true");
        Assert.Equal((200, false, "deny"), (denied.Status, (bool)denied.Body["granted_now"]!, (string)denied.Body["decision"]!["decision"]!));
    }

    [Theory]
    [ClassData(typeof(ServedStores))]
    public async Task An_action_that_needs_an_approval_is_not_allowed(string store)
    {
        var mesh = await PolicyCalls.BeginAsync(store, "  - { id: humans, actions: [a], effect: require_approval, approvers: { group: ops } }\n" + Allow);
        var refused = await mesh.AcquireAsync(MeshServers.NewResource());
        Assert.Equal((403, "policy_denied", "require_approval"), (refused.Status, refused.Code, (string)refused.Body["decision"]!["decision"]!));
        Assert.Contains("the group ops has to approve", refused.String("next_step"), StringComparison.Ordinal);
        var check = await mesh.CheckAsync("a");
        Assert.Equal((200, "require_approval", false), (check.Status, check.String("decision"), (bool)check.Body["allowed"]!));
    }

    [Theory]
    [ClassData(typeof(ServedStores))]
    public async Task Nobody_is_told_of_a_grant_that_the_policies_were_not_asked_about_again(string store)
    {
        var mesh = await PolicyCalls.BeginAsync(store, Allow);
        for (var round = 0; round < 5; round++)
        {
            await mesh.ActivateAsync(Allow);
            var resource = MeshServers.NewResource();
            var holder = await mesh.AcquireAsync(resource);
            var id = Guid.NewGuid().ToString();
            var waiter = await mesh.AcquireAsync(resource, "agent-2", more: new() { ["request_id"] = id });
            await mesh.ActivateAsync(Deny);
            await mesh.ReleaseAsync(holder);
            var polls = await Task.WhenAll(
                mesh.WaitAsync(waiter), mesh.WaitAsync(waiter), mesh.AcquireAsync(resource, "agent-2", more: new() { ["request_id"] = id }), mesh.WaitAsync(waiter));
            Assert.All(polls, poll => Assert.Contains(poll.Code, new[] { "policy_denied", "lock_ended" }));
        }
    }

    [Theory]
    [ClassData(typeof(ServedStores))]
    public async Task Each_resource_is_decided_by_how_it_is_asked_for_itself(string store)
    {
        var mesh = await PolicyCalls.BeginAsync(store, """
              - { id: no, actions: [b], effect: deny, when: "request.mode == 'exclusive' && resource.type == 'prod'" }
              - { id: held, actions: [a], require: { lock: { resource: resource.name, mode: exclusive, min_remaining_ms: 5000 } } }
              - { id: yes, actions: ["*"], effect: allow }
            """);
        JsonArray Two(string first, string firstMode, string second, string secondMode) =>
            [new JsonObject { ["resource"] = first, ["mode"] = firstMode }, new JsonObject { ["resource"] = second, ["mode"] = secondMode }];
        Assert.Equal("policy_denied", (await mesh.AcquireAsync("", action: "b", more: new() { ["resources"] = Two("dev/1", "shared", "prod/1", "exclusive") })).Code);
        Assert.Equal(200, (await mesh.AcquireAsync("", action: "b", more: new() { ["resources"] = Two("dev/2", "exclusive", "prod/2", "shared") })).Status);
        Assert.Equal("policy_denied", (await mesh.AcquireAsync("", more: new() { ["resources"] = Two("f/1", "exclusive", "f/2", "shared") })).Code);

        // A grant lives no longer than it may be held, and one that joins an older hold no longer than that.
        Assert.Equal("policy_denied", (await mesh.AcquireAsync("f/3", more: new() { ["max_hold_ms"] = 4_999 })).Code);
        var joins = await mesh.AcquireAsync("f/4", more: new() { ["reentrant"] = true, ["session_id"] = "s" });
        Assert.Equal("policy_denied", joins.Code);
        Assert.Contains("without reentrant", (string)joins.Body["decision"]!["reasons"]![0]!["to_change"]![0]!, StringComparison.Ordinal);
    }

    [Theory]
    [ClassData(typeof(ServedStores))]
    public async Task Another_action_is_another_request_and_an_id_is_no_free_pass(string store)
    {
        var mesh = await PolicyCalls.BeginAsync(store, "  - { id: no, actions: [forbidden], effect: deny }\n  - { id: pace, actions: [a, b], require: { rate: { key: \"'all'\", limit: 1, window: 1h } } }\n" + Allow);
        var resource = MeshServers.NewResource();
        var id = Guid.NewGuid().ToString();
        Assert.Equal(200, (await mesh.AcquireAsync(resource, action: null, more: new() { ["request_id"] = id })).Status);
        Assert.Equal("policy_denied", (await mesh.AcquireAsync(resource, action: "forbidden", more: new() { ["request_id"] = id })).Code);
        Assert.Equal("request_id_conflict", (await mesh.AcquireAsync(resource, action: "read", more: new() { ["request_id"] = id })).Code);

        Assert.True((bool)(await mesh.CheckAsync("a", new() { ["request_id"] = id })).Body["allowed"]!);
        Assert.True((bool)(await mesh.CheckAsync("a", new() { ["request_id"] = id })).Body["allowed"]!);
        Assert.False((bool)(await mesh.CheckAsync("b", new() { ["request_id"] = id })).Body["allowed"]!);
        Assert.False((bool)(await mesh.CheckAsync("a", new() { ["request_id"] = id, ["agent_id"] = "agent-2" })).Body["allowed"]!);
    }

    [Theory]
    [ClassData(typeof(ServedStores))]
    public async Task A_lease_is_not_handed_to_whom_the_policy_forbids_it(string store)
    {
        var mesh = await PolicyCalls.BeginAsync(store, "  - { id: no, actions: [a], when: \"agent.id == 'bob'\", effect: deny }\n" + Allow);
        var granted = await mesh.AcquireAsync(MeshServers.NewResource());
        Task<HttpAnswer> TransferAsync(string to) => mesh.Server.PostAsync(
            $"/v1/locks/{granted.String("lock_id")}/transfer", new JsonObject { ["fencing_token"] = granted.Number("fencing_token"), ["to_agent_id"] = to });
        Assert.Equal("policy_denied", (await TransferAsync("bob")).Code);
        Assert.Equal("granted", (await TransferAsync("ann")).String("state"));
    }

    [Theory]
    [InlineData("""{"action":"forbid "}""", "action")]
    [InlineData("""{"action":"*"}""", "action")]
    [InlineData("""{"action":"forbid\u200b"}""", "action")]
    [InlineData("""{"action":"a","metadata":{"m":{"x":1e999}}}""", "metadata.m.x")]
    [InlineData("""{"action":""}""", "action")]
    [InlineData("""{"metadata":{}}""", "action")]
    [InlineData("""{"action":"a","metadata":[]}""", "metadata")]
    [InlineData("""{"action":"a","metadata":"x"}""", "metadata")]
    [InlineData("""{"action":"a","metadata":{"agent_role":7}}""", "metadata.agent_role")]
    [InlineData("""{"action":"a","metadata":{"estimated_cost":"100"}}""", "metadata.estimated_cost")]
    [InlineData("""{"action":"a","metadata":{"estimated_cost":1e999}}""", "metadata.estimated_cost")]
    [InlineData("""{"action":"a","metadata":{"estimated_cost":-0.01}}""", "metadata.estimated_cost")]
    public async Task Bad_metadata_is_refused_with_its_path_in_a_check_and_in_a_request_for_a_lease(string more, string field)
    {
        var server = await MeshServers.GetAsync(MeshServers.Embedded);
        foreach (var path in new[] { "/v1/locks", "/v1/policies/check" })
        {
            var body = JsonNode.Parse(more)!.AsObject();
            body["agent_id"] = "agent-1";
            body["resource"] = MeshServers.NewResource();
            var answer = await server.PostAsync(path, body.ToJsonString());
            Assert.Equal((400, "validation_failed", field), (answer.Status, answer.Code, (string)answer.Body["errors"]![0]!["field"]!));
        }
    }

    [Fact]
    public async Task Large_and_deep_metadata_is_refused()
    {
        var server = await MeshServers.GetAsync(MeshServers.Embedded);
        static string Body(string value) => $$"""{"agent_id":"a","action":"a","metadata":{"x":{{value}}} }""";
        Assert.Equal("metadata", (string)(await server.PostAsync("/v1/policies/check", Body($"\"{new string('x', 17_000)}\""))).Body["errors"]![0]!["field"]!);
        using var large = new HttpRequestMessage(HttpMethod.Post, "/v1/policies/check") { Content = new StringContent(Body($"\"{new string('x', 1_000_000)}\""), null, "application/json") };
        large.Headers.ExpectContinue = true;
        Assert.Equal(413, (await server.Http.AskAsync(large)).Status);
        static string Deep(int levels) => new string('[', levels) + new string(']', levels);
        Assert.Equal(200, (await server.PostAsync("/v1/policies/check", Body(Deep(11)))).Status);
        foreach (var levels in new[] { 12, 14, 15, 10_000 })
        {
            var answer = await server.PostAsync("/v1/policies/check", Body(Deep(levels)));
            Assert.Equal(("validation_failed", "metadata"), (answer.Code, (string)answer.Body["errors"]![0]!["field"]!));
        }

        Assert.Equal(400, (await server.PostAsync("/v1/policies/check", Body("\"\\ud800\""))).Status);
    }
}
