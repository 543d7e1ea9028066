using System.Text.Json.Nodes;
using ProtoMesh.Tests.Rig;

namespace ProtoMesh.Tests.Approvals;

/// <summary>What people allow in advance, and how often.</summary>
public sealed class StandingGrantTests
{
    [Theory, ClassData(typeof(ServedStores))]
    public async Task It_allows_at_once_as_often_as_it_says(string store)
    {
        var mesh = await ApprovalCalls.BeginAsync(store);
        var given = await GiveAsync(mesh, new() { ["uses"] = 2, ["agent_id"] = "agent-1" });
        Assert.Equal((201, "active", 2L, 0L), (given.Status, given.String("state"), given.Number("uses"), given.Number("used")));
        var first = await mesh.CheckAsync(request: "request-1");
        Assert.Equal(("allow", given.String("grant_id"), 1, "ada"), (first.String("decision"), (string)first.Body["obligations"]!["approval"]!["grant_id"]!, (int)first.Body["obligations"]!["approval"]!["uses_left"]!, (string)first.Body["obligations"]!["approval"]!["by"]![0]!));
        Assert.Equal("allow", (await mesh.CheckAsync(request: "request-1")).String("decision")); // the same use
        Assert.Equal("require_approval", (await mesh.CheckAsync(agent: "agent-2")).String("decision"));
        Assert.Equal("require_approval", (await mesh.CheckAsync(resource: "service/2")).String("decision"));
        Assert.Equal(0, (int)(await mesh.CheckAsync(request: "request-2")).Body["obligations"]!["approval"]!["uses_left"]!);
        Assert.Equal("require_approval", (await mesh.CheckAsync(request: "request-3")).String("decision"));
        await Eventually.HoldsAsync(async () => (await ListAsync(mesh))[0]!["state"]!.ToString() == "used_up", "SQL hears of it");
        Assert.Equal("require_approval", (await mesh.CheckAsync(request: "request-4")).String("decision"));
    }

    [Theory, ClassData(typeof(ServedStores))]
    public async Task It_holds_only_under_its_condition_and_for_nobody_who_gave_it(string store)
    {
        var mesh = await ApprovalCalls.BeginAsync(store, head: "metadata: { size: { type: number, default: 0 } }");
        await GiveAsync(mesh, new() { ["uses"] = 5, ["condition"] = "metadata.size < 3 && agent.id != 'agent-3'" });
        JsonObject Of(int size) => new() { ["metadata"] = new JsonObject { ["size"] = size } };
        Assert.Equal("allow", (await mesh.CheckAsync(more: Of(2))).String("decision"));
        Assert.Equal("allow", (await mesh.CheckAsync(more: Of(2), agent: "agent-2")).String("decision"));
        Assert.Equal("require_approval", (await mesh.CheckAsync(more: Of(3))).String("decision"));
        Assert.Equal("require_approval", (await mesh.CheckAsync(more: Of(2), agent: "agent-3")).String("decision"));
        Assert.Equal("require_approval", (await mesh.CheckAsync(more: Of(2), agent: "ada")).String("decision"));
        var own = await GiveAsync(mesh, new() { ["uses"] = 1, ["agent_id"] = "ada" });
        Assert.Equal((403, "not_an_approver"), (own.Status, own.Code));

        // Under a policy that does not know what it reads it does not hold.
        await mesh.Mesh.ActivateAsync(ApprovalCalls.Humans);
        Assert.Equal("require_approval", (await mesh.CheckAsync(more: Of(2))).String("decision"));
    }

    [Theory, ClassData(typeof(ServedStores))]
    public async Task It_stands_for_no_quorum_and_ends_when_it_is_revoked(string store)
    {
        var mesh = await ApprovalCalls.BeginAsync(store, ApprovalCalls.Humans.Replace("quorum: 1", "quorum: 2", StringComparison.Ordinal));
        var given = await GiveAsync(mesh, new() { ["uses"] = 5 });
        Assert.Equal("require_approval", (await mesh.CheckAsync()).String("decision"));
        await mesh.Mesh.ActivateAsync(ApprovalCalls.Humans);
        Assert.Equal("allow", (await mesh.CheckAsync(request: "request-1")).String("decision"));
        var revoked = await mesh.Server.PostAsync($"/v1/approvals/grants/{given.String("grant_id")}/revoke", new { approver = "bob" });
        Assert.Equal((200, "revoked", "bob"), (revoked.Status, revoked.String("state"), revoked.String("revoked_by")));
        Assert.Equal("require_approval", (await mesh.CheckAsync(request: "request-2")).String("decision"));
        Assert.Equal("grant_unknown", (await mesh.Server.PostAsync($"/v1/approvals/grants/{Guid.NewGuid()}/revoke", new { approver = "bob" })).Code);
    }

    [Theory, ClassData(typeof(ServedStores))]
    public async Task Many_at_once_use_it_no_oftener_than_it_says(string store)
    {
        var mesh = await ApprovalCalls.BeginAsync(store);
        await GiveAsync(mesh, new() { ["uses"] = 7 });
        var answers = await Task.WhenAll(Enumerable.Range(0, 40).Select(number => mesh.CheckAsync(request: $"request-{number}")));
        Assert.Equal(7, answers.Count(answer => answer.String("decision") == "allow"));
    }

    [Theory, ClassData(typeof(ServedStores))]
    public async Task A_condition_that_does_not_compile_is_refused_with_its_place(string store)
    {
        var mesh = await ApprovalCalls.BeginAsync(store);
        var refused = await GiveAsync(mesh, new() { ["uses"] = 1, ["condition"] = "agent.id == agent.shoe_size" });
        Assert.Equal("validation_failed", refused.Code);
        Assert.Equal("condition", (string)refused.Body["errors"]![0]!["field"]!);
        Assert.Matches("at 1:1\\d .*shoe_size", (string)refused.Body["errors"]![0]!["rule"]!);
    }

    [Theory, ClassData(typeof(ServedStores))]
    public async Task A_condition_that_names_an_unknown_budget_is_refused_with_its_place(string store)
    {
        var mesh = await ApprovalCalls.BeginAsync(store, head: Calls);
        foreach (var (condition, place) in new[] { ("budget['nope'].left > 0", "1:1"), ("agent.id == 'a' &&\n  budget[\"nope\"].left > 0", "2:3") })
        {
            var refused = await GiveAsync(mesh, new() { ["uses"] = 1, ["condition"] = condition });
            Assert.Equal(("validation_failed", "condition"), (refused.Code, (string?)refused.Body["errors"]?[0]?["field"]));
            Assert.Equal($"CEL that the active policy understands; at {place} there is no budget 'nope'", (string)refused.Body["errors"]![0]!["rule"]!);
        }

        Assert.Equal(201, (await GiveAsync(mesh, new() { ["uses"] = 1, ["condition"] = "budget['calls'].left > 0" })).Status);
    }

    [Theory, ClassData(typeof(ServedStores))]
    public async Task A_condition_sees_budgets_and_leases_that_no_rule_about_the_action_reads(string store)
    {
        var mesh = await ApprovalCalls.BeginAsync(store, head: Calls);
        await GiveAsync(mesh, new() { ["uses"] = 9, ["condition"] = "budget['calls'].left > 5 && !lock.held" });
        Assert.Equal("allow", (await mesh.CheckAsync(request: "request-1")).String("decision"));
        var held = await mesh.Mesh.AcquireAsync("service/1", "agent-2", action: null);
        Assert.Equal("require_approval", (await mesh.CheckAsync(request: "request-2")).String("decision"));
        await mesh.Mesh.ReleaseAsync(held);
        Assert.Equal("allow", (await mesh.CheckAsync(request: "request-3")).String("decision"));
        var reserved = await mesh.Server.PostAsync("/v1/budgets/reservations", new { @namespace = mesh.Namespace, agent_id = "agent-2", budgets = new[] { "calls" }, amount = 5 });
        Assert.True(reserved.Status == 200, reserved.ToString());
        Assert.Equal("require_approval", (await mesh.CheckAsync(request: "request-4")).String("decision"));
    }

    private const string Calls = "budgets:\n  calls: { unit: calls, cap: 10, window: lifetime }";

    private static Task<HttpAnswer> GiveAsync(ApprovalCalls mesh, JsonObject more)
    {
        (more["namespace"], more["group"], more["action"], more["resource"], more["expires_in_ms"], more["approver"]) = (mesh.Namespace, "ops", "deploy", "service/1", 60_000, "ada");
        return mesh.Server.PostAsync("/v1/approvals/grants", more);
    }

    private static async Task<JsonArray> ListAsync(ApprovalCalls mesh) => (await mesh.Server.GetAsync($"/v1/approvals/grants?namespace={mesh.Namespace}")).Body["grants"]!.AsArray();
}
