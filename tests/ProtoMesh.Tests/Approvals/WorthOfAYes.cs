using System.Text.Json.Nodes;
using ProtoMesh.Tests.Rig;

namespace ProtoMesh.Tests.Approvals;

/// <summary>What a yes does not stand for: other rules, other groups, other people, and a second time.</summary>
public sealed class WorthOfAYes
{
    [Theory]
    [ClassData(typeof(ServedStores))]
    public async Task A_yes_to_one_rule_is_none_to_a_stricter_one_that_did_not_ask(string store)
    {
        var people = await ApprovalCalls.BeginAsync(store, """
              - { id: humans, actions: [deploy], effect: require_approval, approvers: { group: ops } }
              - { id: urgent, actions: [deploy], when: "has(request.priority) && request.priority > 7", effect: require_approval, approvers: { group: ops, quorum: 3 } }
            """ + "\n" + ApprovalCalls.Allow);
        var resource = MeshServers.NewResource();
        var yes = await people.ApprovedAsync(resource: resource);

        var urgent = await people.Mesh.AcquireAsync(resource, action: "deploy", more: new() { ["priority"] = 9, ["approval_id"] = yes });
        Assert.Equal((403, "APPROVAL_MISMATCH"), (urgent.Status, (string)urgent.Body["decision"]!["reasons"]![0]!["code"]!));

        // Asked without it, all who have to are asked; and the yes is still good for what it was given for.
        var asked = await people.Mesh.AcquireAsync(resource, action: "deploy", more: new() { ["priority"] = 9 });
        Assert.Equal(("pending", 3), ((string)asked.Body["decision"]!["approval"]!["state"]!, (int)asked.Body["decision"]!["approval"]!["quorum"]!));
        Assert.Equal(200, (await people.Mesh.AcquireAsync(resource, action: "deploy", more: new() { ["priority"] = 5, ["approval_id"] = yes })).Status);
    }

    [Theory]
    [ClassData(typeof(ServedStores))]
    public async Task Rules_of_two_groups_are_not_answered_by_one_of_them(string store)
    {
        var people = await ApprovalCalls.BeginAsync(store, """
              - { id: ops, actions: [deploy], effect: require_approval, approvers: { group: ops } }
              - { id: finance, actions: [deploy], effect: require_approval, approvers: { group: finance } }
            """ + "\n" + ApprovalCalls.Allow);
        var denied = await people.CheckAsync();
        Assert.Equal(("deny", "APPROVAL_GROUPS"), (denied.String("decision"), (string)denied.Body["reasons"]!.AsArray().First(reason => (string)reason!["effect"]! == "approval")!["code"]!));
        Assert.Null(denied.Body["approval"]);
    }

    [Fact]
    public async Task A_use_is_not_given_back_by_another_request_of_the_same_id()
    {
        // Where a resource is not in its namespace's partition, what a policy requires is taken in a step of its own.
        await using var server = await MeshServer.StartAsync(("Store:Partitions", "16"));
        var people = await ApprovalCalls.OnAsync(server);
        for (var round = 0; round < 4; round++)
        {
            var resource = MeshServers.NewResource();
            var (yes, request) = (await people.ApprovedAsync(resource: resource), $"request-{round}");
            Assert.Equal(200, (await people.Mesh.AcquireAsync(resource, action: "deploy", more: new() { ["approval_id"] = yes, ["request_id"] = request, ["session_id"] = "one" })).Status);
            Assert.Equal(409, (await people.Mesh.AcquireAsync(resource, action: "deploy", more: new() { ["approval_id"] = yes, ["request_id"] = request, ["session_id"] = "two" })).Status);
            Assert.Equal("APPROVAL_CONSUMED", ApprovalCalls.ReasonOf(await people.CheckAsync(yes, $"another-{round}", resource: resource)));
        }
    }

    [Theory]
    [ClassData(typeof(ServedStores))]
    public async Task After_an_edit_a_vote_counts_only_for_what_was_read(string store)
    {
        var people = await ApprovalCalls.BeginAsync(store, ApprovalCalls.Humans.Replace("quorum: 1", "quorum: 2", StringComparison.Ordinal));
        var id = await people.AskAsync(new() { ["metadata"] = new JsonObject { ["amount"] = 100 } });
        var read = (await people.GetAsync(id)).String("digest");
        Assert.Equal("pending", (await people.ApproveAsync(id, "eve", new() { ["metadata"] = new JsonObject { ["amount"] = 100_000 } })).String("state"));

        Assert.Equal((409, "approval_closed"), await CodeAsync(people.ApproveAsync(id, "ben")));
        Assert.Equal((409, "approval_closed"), await CodeAsync(people.ApproveAsync(id, "ben", new() { ["digest"] = read })));
        Assert.Equal("approved", (await people.ApproveAsync(id, "ben", new() { ["digest"] = (await people.GetAsync(id)).String("digest") })).String("state"));
    }

    [Theory]
    [ClassData(typeof(ServedStores))]
    public async Task A_reservation_that_is_over_is_good_for_nothing_and_one_of_a_waiter_lasts_until_it_can_begin(string store)
    {
        const string Rules = "  - { id: pay, actions: [a], require: { budget: { names: [all], amount: \"5.0\", hold: 2s } } }\n" + ApprovalCalls.Allow;
        var people = await ApprovalCalls.BeginAsync(store, Rules, "budgets: { all: { unit: usd, cap: 5, window: lifetime } }");
        var check = new Func<string, Task<HttpAnswer>>(id => people.CheckAsync(null, id, action: "a"));
        Assert.Equal("allow", (await check("request-1")).String("decision"));
        Assert.Equal("allow", (await check("request-1")).String("decision"));
        Assert.Equal(200, (await people.Server.PostAsync("/v1/budgets/reservations/request-1/release", new { @namespace = people.Namespace })).Status);
        Assert.Equal(("deny", "PAY"), ((await check("request-1")).String("decision"), ApprovalCalls.ReasonOf(await check("request-1"))));

        var granted = await people.Mesh.AcquireAsync(MeshServers.NewResource(), more: new() { ["wait_ms"] = 60_000 });
        Assert.InRange((long)granted.Body["decision"]!["obligations"]!["budget"]![0]!["expires_in_ms"]!, 70_000, 72_000);
    }

    private static async Task<(int Status, string? Code)> CodeAsync(Task<HttpAnswer> answer) => ((await answer).Status, (await answer).Code);
}
