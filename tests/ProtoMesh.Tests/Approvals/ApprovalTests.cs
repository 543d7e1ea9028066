using System.Text.Json.Nodes;
using ProtoMesh.Tests.Rig;

namespace ProtoMesh.Tests.Approvals;

/// <summary>The life of one approval: asked, decided, used once.</summary>
public sealed class ApprovalTests
{
    [Theory, ClassData(typeof(ServedStores))]
    public async Task A_check_that_needs_a_yes_opens_an_approval_and_the_repeated_check_uses_it_once(string store)
    {
        var mesh = await ApprovalCalls.BeginAsync(store);
        var asked = await mesh.CheckAsync(more: new() { ["metadata"] = new JsonObject { ["version"] = "1" } });
        var approval = asked.Body["approval"]!;
        var id = (string)approval["approval_id"]!;
        Assert.Equal(("require_approval", false, "pending", "ops", 1), (asked.String("decision"), (bool)asked.Body["allowed"]!, (string)approval["state"]!, (string)approval["group"]!, (int)approval["quorum"]!));
        Assert.InRange((long)approval["expires_in_ms"]!, 3_590_000, 3_600_000);

        var shown = await mesh.GetAsync(id);
        Assert.Equal(("pending", "agent-1", "deploy", "service/1", "1"), (shown.String("state"), shown.String("agent_id"), shown.String("action"), shown.String("resource"), (string)shown.Body["metadata"]!["version"]!));
        Assert.Equal("humans", (string)shown.Body["rules"]![0]!["rule"]!);
        Assert.Matches("^test.yaml:\\d+:\\d+$", (string)shown.Body["rules"]![0]!["at"]!);

        var waiting = await mesh.CheckAsync(id, more: new() { ["metadata"] = new JsonObject { ["version"] = "1" } });
        Assert.Equal(("require_approval", id), (waiting.String("decision"), (string)waiting.Body["approval"]!["approval_id"]!));
        Assert.Equal("approved", (await mesh.ApproveAsync(id, "ada", new() { ["comment"] = "go" })).String("state"));

        JsonObject Same() => new() { ["metadata"] = new JsonObject { ["version"] = "1" } };
        var first = await mesh.CheckAsync(id, "request-1", Same());
        Assert.Equal(("allow", id, "ada"), (first.String("decision"), (string)first.Body["obligations"]!["approval"]!["approval_id"]!, (string)first.Body["obligations"]!["approval"]!["by"]![0]!));
        Assert.Empty(first.Body["reasons"]!.AsArray());
        Assert.Equal("allow", (await mesh.CheckAsync(id, "request-1", Same())).String("decision"));
        var second = await mesh.CheckAsync(id, "request-2", Same());
        Assert.Equal(("deny", "APPROVAL_CONSUMED"), (second.String("decision"), ApprovalCalls.ReasonOf(second)));

        await mesh.BecomesAsync(id, "consumed");
        Assert.Equal("request-1", (await mesh.GetAsync(id)).String("consumed_by"));
        Assert.Equal("allow", (await mesh.CheckAsync(id, "request-1", Same())).String("decision"));
        Assert.Equal("APPROVAL_CONSUMED", ApprovalCalls.ReasonOf(await mesh.CheckAsync(id, "request-2", Same())));
        Assert.NotEqual(id, await mesh.AskAsync(Same()));
    }

    [Theory, ClassData(typeof(ServedStores))]
    public async Task Asking_again_for_the_same_thing_answers_the_same_approval_until_it_is_used(string store)
    {
        var mesh = await ApprovalCalls.BeginAsync(store);
        var id = await mesh.AskAsync(new() { ["metadata"] = JsonNode.Parse("""{ "a": 1, "b": [1.50, { "x": 1, "y": 2 }] }""") });
        Assert.Equal(id, await mesh.AskAsync(new() { ["metadata"] = JsonNode.Parse("""{ "b": [15e-1, { "y": 2.0, "x": 1 }], "a": 1.0 }""") }));
        await mesh.ApproveAsync(id);
        var again = await mesh.CheckAsync(more: new() { ["metadata"] = JsonNode.Parse("""{ "a": 1, "b": [1.5, { "x": 1, "y": 2 }] }""") });
        Assert.Equal(("require_approval", id, "approved"), (again.String("decision"), (string)again.Body["approval"]!["approval_id"]!, (string)again.Body["approval"]!["state"]!));
    }

    [Theory, ClassData(typeof(ServedStores))]
    public async Task A_yes_is_for_exactly_what_was_asked_and_any_change_voids_it(string store)
    {
        var mesh = await ApprovalCalls.BeginAsync(store);
        JsonObject With(string version) => new() { ["metadata"] = new JsonObject { ["version"] = version } };
        var id = await mesh.ApprovedAsync(With("1"));
        foreach (var other in new[] { mesh.CheckAsync(id, more: With("2")), mesh.CheckAsync(id), mesh.CheckAsync(id, more: With("1"), resource: "service/2"), mesh.CheckAsync(id, more: With("1"), resource: null) })
        {
            var denied = await other;
            Assert.Equal(("deny", "APPROVAL_MISMATCH", "approval"), (denied.String("decision"), ApprovalCalls.ReasonOf(denied), (string)denied.Body["reasons"]![0]!["effect"]!));
            Assert.Contains("without approval_id", denied.String("reason"), StringComparison.Ordinal);
        }

        Assert.Equal("APPROVAL_UNKNOWN", ApprovalCalls.ReasonOf(await mesh.CheckAsync(id, more: With("1"), agent: "agent-2")));
        Assert.Equal("APPROVAL_UNKNOWN", ApprovalCalls.ReasonOf(await mesh.CheckAsync(Guid.NewGuid().ToString(), more: With("1"))));
        var elsewhere = await ApprovalCalls.OnAsync(mesh.Server);
        Assert.Equal("APPROVAL_UNKNOWN", ApprovalCalls.ReasonOf(await elsewhere.CheckAsync(id, more: With("1"))));

        // None of them used it, and another version of the policy voids it.
        await mesh.Mesh.ActivateAsync(ApprovalCalls.Humans);
        Assert.Equal("APPROVAL_MISMATCH", ApprovalCalls.ReasonOf(await mesh.CheckAsync(id, more: With("1"))));
        Assert.Equal("approved", await mesh.StateAsync(id));
    }

    [Theory, ClassData(typeof(ServedStores))]
    public async Task A_newer_request_for_the_same_action_and_resource_replaces_one_that_waits(string store)
    {
        var mesh = await ApprovalCalls.BeginAsync(store);
        var id = await mesh.AskAsync(new() { ["metadata"] = new JsonObject { ["version"] = "1" } });
        var (other, elsewhere) = (await mesh.AskAsync(agent: "agent-2"), await mesh.AskAsync(resource: "service/2"));
        var newer = await mesh.AskAsync(new() { ["metadata"] = new JsonObject { ["version"] = "2" } });
        Assert.Equal(("superseded", "pending", "pending", "pending"), (await mesh.StateAsync(id), await mesh.StateAsync(newer), await mesh.StateAsync(other), await mesh.StateAsync(elsewhere)));
        Assert.Equal("APPROVAL_SUPERSEDED", ApprovalCalls.ReasonOf(await mesh.CheckAsync(id, more: new() { ["metadata"] = new JsonObject { ["version"] = "1" } })));
        var late = await mesh.ApproveAsync(id);
        Assert.Equal((409, "approval_closed", "superseded"), (late.Status, late.Code, late.String("state")));

        // With the policy all that wait for it go: a yes to them would be worth nothing.
        await mesh.Mesh.ActivateAsync(ApprovalCalls.Humans);
        Assert.Equal("superseded", (await mesh.ApproveAsync(newer)).String("state"));
        Assert.NotEqual(elsewhere, await mesh.AskAsync(resource: "service/2"));
        Assert.Equal("superseded", await mesh.StateAsync(elsewhere));
    }

    [Theory, ClassData(typeof(ServedStores))]
    public async Task One_no_ends_it_and_a_request_can_be_taken_back(string store)
    {
        var mesh = await ApprovalCalls.BeginAsync(store, ApprovalCalls.Humans.Replace("quorum: 1", "quorum: 2", StringComparison.Ordinal));
        var id = await mesh.AskAsync();
        Assert.Equal("pending", (await mesh.ApproveAsync(id)).String("state"));
        Assert.Equal("pending", (await mesh.ApproveAsync(id)).String("state")); // the same person counts once
        var denied = await mesh.DenyAsync(id, "bob", new() { ["comment"] = "not on a friday" });
        Assert.Equal(("denied", "bob"), (denied.String("state"), denied.String("ended_by")));
        Assert.Equal(["approve", "deny"], denied.Body["votes"]!.AsArray().Select(vote => (string)vote!["vote"]!));
        Assert.Equal("denied", (await mesh.DenyAsync(id, "bob")).String("state")); // who was not told repeats it
        foreach (var late in new[] { await mesh.ApproveAsync(id, "cem"), await mesh.CancelAsync(id), await mesh.RevokeAsync(id) })
        {
            Assert.Equal((409, "approval_closed", "denied"), (late.Status, late.Code, late.String("state")));
        }

        Assert.Equal("APPROVAL_DENIED", ApprovalCalls.ReasonOf(await mesh.CheckAsync(id)));

        var second = await mesh.AskAsync();
        Assert.NotEqual(id, second);
        Assert.Equal("cancelled", (await mesh.CancelAsync(second)).String("state"));
        Assert.Equal("cancelled", (await mesh.CancelAsync(second)).String("state"));
        Assert.Equal("APPROVAL_CANCELLED", ApprovalCalls.ReasonOf(await mesh.CheckAsync(second)));
        Assert.Equal("approval_closed", (await mesh.ApproveAsync(second)).Code);
    }

    [Theory, ClassData(typeof(ServedStores))]
    public async Task A_quorum_is_of_different_people_and_never_of_the_one_who_asks(string store)
    {
        var mesh = await ApprovalCalls.BeginAsync(store, ApprovalCalls.Humans.Replace("quorum: 1", "quorum: 2", StringComparison.Ordinal));
        var id = await mesh.AskAsync();
        var own = await mesh.ApproveAsync(id, "agent-1");
        Assert.Equal((403, "not_an_approver"), (own.Status, own.Code));
        Assert.Equal("not_an_approver", (await mesh.DenyAsync(id, "agent-1")).Code);
        Assert.Equal("pending", (await mesh.ApproveAsync(id, "ada")).String("state"));
        Assert.Equal("require_approval", (await mesh.CheckAsync(id)).String("decision"));
        Assert.Equal("approved", (await mesh.ApproveAsync(id, "bob")).String("state"));
        Assert.Equal(["ada", "bob"], (await mesh.CheckAsync(id)).Body["obligations"]!["approval"]!["by"]!.AsArray().Select(name => (string)name!));
    }

    [Theory, ClassData(typeof(ServedStores))]
    public async Task A_yes_that_was_not_used_can_be_taken_back_and_one_that_was_used_cannot(string store)
    {
        var mesh = await ApprovalCalls.BeginAsync(store);
        var id = await mesh.AskAsync();
        var early = await mesh.RevokeAsync(id);
        Assert.Equal((409, "pending"), (early.Status, early.String("state")));
        await mesh.ApproveAsync(id);
        Assert.Equal("revoked", (await mesh.RevokeAsync(id)).String("state"));
        Assert.Equal("revoked", (await mesh.RevokeAsync(id)).String("state"));
        Assert.Equal("APPROVAL_REVOKED", ApprovalCalls.ReasonOf(await mesh.CheckAsync(id)));

        var used = await mesh.ApprovedAsync();
        Assert.Equal("allow", (await mesh.CheckAsync(used)).String("decision"));
        var late = await mesh.RevokeAsync(used);
        Assert.Equal((409, "approval_closed", "consumed"), (late.Status, late.Code, late.String("state")));
    }

    [Theory, ClassData(typeof(ServedStores))]
    public async Task A_dry_run_opens_nothing_and_uses_nothing(string store)
    {
        var mesh = await ApprovalCalls.BeginAsync(store);
        var dry = await mesh.CheckAsync(query: "?dry_run=true");
        Assert.Equal(("require_approval", null, "ops"), (dry.String("decision"), (string?)dry.Body["approval"]!["approval_id"], (string)dry.Body["approval"]!["group"]!));
        Assert.Empty((await mesh.Server.GetAsync($"/v1/approvals?namespace={mesh.Namespace}")).Body["approvals"]!.AsArray());
        var id = await mesh.ApprovedAsync();
        Assert.Equal("allow", (await mesh.CheckAsync(id, query: "?dry_run=true")).String("decision"));
        Assert.Equal("allow", (await mesh.CheckAsync(id)).String("decision"));
        Assert.Equal("deny", (await mesh.CheckAsync(id, query: "?dry_run=true")).String("decision"));
    }

    [Theory, ClassData(typeof(ServedStores))]
    public async Task What_needs_no_approval_says_so_instead_of_using_one(string store)
    {
        var mesh = await ApprovalCalls.BeginAsync(store, "  - { id: humans, actions: [deploy], when: \"metadata.size > 3\", effect: require_approval, approvers: { group: ops } }\n  - { id: never, actions: [drop], effect: deny }\n" + ApprovalCalls.Allow, "metadata: { size: { type: number } }");
        JsonObject Of(int size) => new() { ["metadata"] = new JsonObject { ["size"] = size } };
        var id = await mesh.ApprovedAsync(Of(5));
        var small = await mesh.CheckAsync(id, more: Of(1));
        Assert.Equal((409, "approval_not_needed"), (small.Status, small.Code));
        Assert.Equal("deny", (await mesh.CheckAsync(id, action: "drop")).String("decision"));
        Assert.Equal("allow", (await mesh.CheckAsync(id, more: Of(5))).String("decision"));

        JsonObject Ask(string action, int size) => new() { ["namespace"] = mesh.Namespace, ["agent_id"] = "agent-1", ["action"] = action, ["metadata"] = new JsonObject { ["size"] = size }, ["reason"] = "because", ["run_id"] = "run-7" };
        var opened = await mesh.Server.PostAsync("/v1/approvals", Ask("deploy", 9));
        Assert.Equal((201, "pending", "because", "run-7"), (opened.Status, opened.String("state"), opened.String("reason"), opened.String("run_id")));
        var again = await mesh.Server.PostAsync("/v1/approvals", Ask("deploy", 9));
        Assert.Equal((200, opened.String("approval_id")), (again.Status, again.String("approval_id")));
        Assert.Equal("approval_not_needed", (await mesh.Server.PostAsync("/v1/approvals", Ask("deploy", 1))).Code);
        Assert.Equal((403, "policy_denied"), ((await mesh.Server.PostAsync("/v1/approvals", Ask("drop", 1))).Status, (await mesh.Server.PostAsync("/v1/approvals", Ask("drop", 1))).Code));
    }

    [Theory, ClassData(typeof(ServedStores))]
    public async Task Rules_can_read_who_approved_and_other_requirements_are_taken_with_it_or_not_at_all(string store)
    {
        var mesh = await ApprovalCalls.BeginAsync(store, """
              - { id: humans, actions: [deploy], effect: require_approval, approvers: { group: ops } }
              - { id: chief, actions: [deploy], when: "has(request.approval) && 'intern' in request.approval.by", effect: deny, message: "'not by interns: ' + request.approval.id" }
              - { id: pace, actions: [deploy], require: { rate: { key: agent.id, limit: 1, window: 1h } } }
            """ + "\n" + ApprovalCalls.Allow);
        var intern = await mesh.AskAsync(resource: "service/9");
        await mesh.ApproveAsync(intern, "intern");
        Assert.Equal($"not by interns: {intern}", (await mesh.CheckAsync(intern, resource: "service/9")).String("reason"));

        var (first, second) = (await mesh.ApprovedAsync(resource: "service/1"), await mesh.ApprovedAsync(resource: "service/2"));
        var allowed = await mesh.CheckAsync(first, "request-1");
        Assert.Equal(0, (int)allowed.Body["obligations"]!["rate"]![0]!["remaining"]!);
        var full = await mesh.CheckAsync(second, "request-2", resource: "service/2");
        Assert.Equal(("deny", "rate"), (full.String("decision"), (string)full.Body["reasons"]![0]!["effect"]!));
        Assert.Equal("approved", await mesh.StateAsync(second));
        Assert.Equal("revoked", (await mesh.RevokeAsync(second)).String("state")); // so it was not used
    }

    [Theory, ClassData(typeof(ServedStores))]
    public async Task An_edit_is_another_request_which_is_decided_again_and_needs_its_own_votes(string store)
    {
        var mesh = await ApprovalCalls.BeginAsync(store, "  - { id: humans, actions: [deploy], effect: require_approval, approvers: { group: ops, quorum: 2 } }\n  - { id: big, actions: [deploy], when: \"metadata.size > 9\", effect: deny, message: \"'too big'\" }\n" + ApprovalCalls.Allow, "metadata: { size: { type: number } }");
        JsonObject Of(int size) => new() { ["metadata"] = new JsonObject { ["size"] = size } };
        var id = await mesh.AskAsync(Of(5));
        await mesh.ApproveAsync(id, "ada");
        var refused = await mesh.ApproveAsync(id, "bob", Of(10));
        Assert.Equal((403, "policy_denied", "too big"), (refused.Status, refused.Code, refused.String("detail")));
        Assert.Equal("validation_failed", (await mesh.ApproveAsync(id, "bob", new() { ["metadata"] = new JsonObject { ["size"] = "large" } })).Code);
        var edited = await mesh.ApproveAsync(id, "bob", Of(3));
        Assert.Equal(("pending", true, 3), (edited.String("state"), (bool)edited.Body["edited"]!, (int)edited.Body["metadata"]!["size"]!));
        Assert.Equal("bob", Assert.Single(edited.Body["votes"]!.AsArray().Select(vote => (string)vote!["approver"]!)));
        Assert.Equal(id, await mesh.AskAsync(Of(5))); // who asked finds what became of it
        Assert.Equal("approved", (await mesh.ApproveAsync(id, "ada", new() { ["digest"] = edited.String("digest") })).String("state"));
        Assert.Equal("APPROVAL_MISMATCH", ApprovalCalls.ReasonOf(await mesh.CheckAsync(id, more: Of(5))));
        Assert.Equal("allow", (await mesh.CheckAsync(id, more: Of(3))).String("decision"));
    }

    [Theory, ClassData(typeof(ServedStores))]
    public async Task A_wait_is_held_open_until_somebody_decides_and_reading_decides_nothing(string store)
    {
        var mesh = await ApprovalCalls.BeginAsync(store);
        var id = await mesh.AskAsync();
        Assert.Equal("pending", (await mesh.Server.Http.AskAsync(HttpMethod.Get, $"/v1/approvals/{id}", prefer: "wait=1")).String("state"));
        var waiting = mesh.Server.Http.AskAsync(HttpMethod.Get, $"/v1/approvals/{id}", prefer: "wait=60");
        await mesh.GetAsync(id);
        await mesh.ApproveAsync(id);
        Assert.Equal("approved", (await waiting.WaitAsync(TimeSpan.FromSeconds(15))).String("state"));
    }

    [Theory, ClassData(typeof(ServedStores))]
    public async Task What_waits_behind_a_request_is_told_and_it_holds_no_lock_meanwhile(string store)
    {
        var mesh = await ApprovalCalls.BeginAsync(store);
        var resource = MeshServers.NewResource();
        var denied = await mesh.Mesh.AcquireAsync(resource, action: "deploy");
        var id = (string)denied.Body["decision"]!["approval"]!["approval_id"]!;
        Assert.Equal((403, "policy_denied"), (denied.Status, denied.Code));
        Assert.Contains(id, denied.String("next_step"), StringComparison.Ordinal);
        var holder = await mesh.Mesh.AcquireAsync(resource, "agent-2", action: null);
        Assert.Equal(200, holder.Status);
        await mesh.Mesh.AcquireAsync(resource, "agent-3", action: null);
        Assert.Equal(1, (await mesh.GetAsync(id)).Number("waits_behind"));
        await mesh.ApproveAsync(id);

        // A try that is refused leaves it unused.
        var busy = await mesh.Mesh.AcquireAsync(resource, action: "deploy", more: new() { ["approval_id"] = id, ["wait_ms"] = 0 });
        Assert.Equal("lock_held", busy.Code);
        var other = MeshServers.NewResource();
        Assert.Equal("APPROVAL_MISMATCH", (string)(await mesh.Mesh.AcquireAsync(other, action: "deploy", more: new() { ["approval_id"] = id })).Body["decision"]!["reasons"]![0]!["code"]!);
        var request = Guid.NewGuid().ToString();
        var queued = await mesh.Mesh.AcquireAsync(resource, action: "deploy", more: new() { ["approval_id"] = id, ["request_id"] = request });
        Assert.True(queued.Status == 202, queued.ToString());
        Assert.Equal(202, (await mesh.Mesh.AcquireAsync(resource, action: "deploy", more: new() { ["approval_id"] = id, ["request_id"] = request })).Status);
        var second = await mesh.Mesh.AcquireAsync(resource, action: "deploy", more: new() { ["approval_id"] = id });
        Assert.Equal((403, "APPROVAL_CONSUMED"), (second.Status, (string)second.Body["decision"]!["reasons"]![0]!["code"]!));
        await mesh.BecomesAsync(id, "consumed");
        Assert.Equal(request, (await mesh.GetAsync(id)).String("consumed_by"));
        var types = (await mesh.Server.GetAsync($"/v1/events?namespace={mesh.Namespace}&resource={resource}")).Body["events"]!.AsArray().Select(each => (string)each!["type"]!).Where(type => type.StartsWith("approval.", StringComparison.Ordinal));
        Assert.Equal(["approval.requested", "approval.approved", "approval.consumed"], types);
    }
}
