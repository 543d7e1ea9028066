using System.Text.Json.Nodes;
using ProtoMesh.Tests.Rig;

namespace ProtoMesh.Tests.Approvals;

/// <summary>With keys on: the key says who decides, for which groups, and what is there for it at all.</summary>
[Trait("Category", "Slow")]
public sealed class ApproverKeys
{
    private const string Document = """
        apiVersion: protomesh.dev/policy/v1
        name: humans
        rules:
          - { id: humans, actions: [deploy], effect: require_approval, approvers: { group: ops, quorum: 2 } }
          - { id: yes, actions: ["*"], effect: allow }
        """;

    [Theory, ClassData(typeof(ServedStores))]
    public async Task Only_keys_of_the_group_decide_each_once_and_what_is_elsewhere_is_not_there(string store)
    {
        await using var keyed = await KeyedServer.OnAsync(store);
        var agent = await keyed.AgentAsync("agent-1");
        var ada = await keyed.IssueAsync(new { role = "approver", name = "Ada", groups = new[] { "ops", "sec" } });
        var tooFew = await ActivateAsync(keyed);
        Assert.Equal((422, "policy_invalid"), (tooFew.Status, tooFew.Code));
        Assert.Equal("humans.yaml:4:5", (string)tooFew.Body["errors"]![0]!["field"]!);
        Assert.Contains("2 of the group ops, and 1 keys", (string)tooFew.Body["errors"]![0]!["rule"]!, StringComparison.Ordinal);
        var viewer = await keyed.IssueAsync(new { role = "viewer", groups = new[] { "ops" } });
        Assert.Equal("policy_invalid", (await ActivateAsync(keyed)).Code); // who may not decide does not count
        var bob = await keyed.IssueAsync(new { role = "operator", groups = new[] { "ops" } });
        Assert.Equal(200, (await ActivateAsync(keyed)).Status);

        var asked = await keyed.PostAsync(agent, "/v1/policies/check", new { action = "deploy", resource = "service/1" });
        var id = (string)asked.Body["approval"]!["approval_id"]!;
        var sec = await keyed.IssueAsync(new { role = "approver", groups = new[] { "sec" } });
        var elsewhere = await keyed.IssueAsync(new { role = "approver", groups = new[] { "ops" }, @namespace = "other" });
        foreach (var (key, status, code) in new[] { (agent, 403, "forbidden"), (viewer, 403, "forbidden"), (sec, 403, "not_an_approver"), (keyed.Root, 403, "not_an_approver"), (elsewhere, 404, "approval_unknown") })
        {
            var refused = await keyed.PostAsync(key, $"/v1/approvals/{id}/approve", new { });
            Assert.Equal((status, code), (refused.Status, refused.Code));
        }

        Assert.Equal("validation_failed", (await keyed.PostAsync(ada, $"/v1/approvals/{id}/approve", new { approver = "bob" })).Code);
        Assert.Equal("pending", (await keyed.PostAsync(ada, $"/v1/approvals/{id}/approve", new { })).String("state"));
        Assert.Equal("pending", (await keyed.PostAsync(ada, $"/v1/approvals/{id}/approve", new { })).String("state"));
        var approved = await keyed.PostAsync(bob, $"/v1/approvals/{id}/approve", new { });
        Assert.Equal(("approved", $"Ada ({KeyedServer.IdOf(ada)})"), (approved.String("state"), (string)approved.Body["votes"]![0]!["approver"]!));
        Assert.Equal("allow", (await keyed.PostAsync(agent, "/v1/policies/check", new { action = "deploy", resource = "service/1", approval_id = id })).String("decision"));

        // Another agent finds neither it nor a use for it.
        var other = await keyed.AgentAsync("agent-2");
        var some = await keyed.IssueAsync(new { role = "agent", agent_prefix = "agent-" });
        Assert.Equal("approval_unknown", (await keyed.GetAsync(other, $"/v1/approvals/{id}")).Code);
        Assert.Equal("approval_unknown", (await keyed.PostAsync(other, $"/v1/approvals/{id}/cancel", new { })).Code);
        Assert.Equal("APPROVAL_UNKNOWN", ApprovalCalls.ReasonOf(await keyed.PostAsync(other, "/v1/policies/check", new { action = "deploy", resource = "service/1", approval_id = id })));
        Assert.Equal((0, 1, 1, 0), (await CountAsync(keyed, other), await CountAsync(keyed, some), await CountAsync(keyed, viewer), await CountAsync(keyed, elsewhere)));
    }

    [Theory, ClassData(typeof(ServedStores))]
    public async Task The_key_that_asked_does_not_decide_although_it_may_decide_for_others(string store)
    {
        await using var keyed = await KeyedServer.OnAsync(store);
        var (one, two) = (await keyed.IssueAsync(new { role = "operator", groups = new[] { "ops" } }), await keyed.IssueAsync(new { role = "operator", groups = new[] { "ops" } }));
        Assert.Equal(200, (await ActivateAsync(keyed)).Status);
        var asked = await keyed.PostAsync(one, "/v1/approvals", new { agent_id = "somebody-else", action = "deploy" });
        var own = await keyed.PostAsync(one, $"/v1/approvals/{asked.String("approval_id")}/approve", new { });
        Assert.Equal((403, "not_an_approver"), (own.Status, own.Code));
        Assert.Equal(200, (await keyed.PostAsync(two, $"/v1/approvals/{asked.String("approval_id")}/approve", new { })).Status);
        Assert.Equal("cancelled", (await keyed.PostAsync(one, $"/v1/approvals/{asked.String("approval_id")}/cancel", new { })).String("state"));
    }

    [Fact]
    public async Task A_key_is_told_with_its_groups_and_wrong_groups_are_refused()
    {
        await using var keyed = await KeyedServer.StartAsync();
        var key = await keyed.IssueAsync(new { role = "approver", groups = new[] { "ops", "sec" } });
        Assert.Equal(["ops", "sec"], (await keyed.GetAsync(keyed.Root, $"/v1/keys/{KeyedServer.IdOf(key)}")).Body["groups"]!.AsArray().Select(group => (string)group!));
        Assert.Null((await keyed.GetAsync(keyed.Root, $"/v1/keys/{KeyedServer.IdOf(keyed.Root)}")).Body["groups"]);
        foreach (var groups in new JsonArray[] { [""], ["a", "a"], [new string('a', 65)], ["a\u0001"], [null], [.. Enumerable.Range(0, 17).Select(number => (JsonNode?)$"g{number}")] })
        {
            var refused = await keyed.PostAsync(keyed.Root, "/v1/keys", new { role = "approver", groups });
            Assert.True(refused.Code == "validation_failed" && (string)refused.Body["errors"]![0]!["field"]! == "groups", refused.ToString());
        }
    }

    [Fact]
    public async Task The_examples_of_the_page_fit_a_service_with_keys_and_one_without()
    {
        await using var keyed = await KeyedServer.StartAsync();
        string Example(HttpAnswer document) => document.Body["paths"]!["/v1/approvals/{approval_id}/approve"]!["post"]!["requestBody"]!["content"]!["application/json"]!["examples"]!["yes"]!["value"]!.ToJsonString();
        Assert.Equal("""{"comment":"go"}""", Example(await keyed.GetAsync(null, "/openapi/v1.json")));
        var open = await MeshServers.GetAsync(MeshServers.Embedded);
        Assert.Equal("""{"approver":"ada","comment":"go"}""", Example(await open.GetAsync("/openapi/v1.json")));
    }

    private static async Task<int> CountAsync(KeyedServer keyed, string key) => (await keyed.GetAsync(key, "/v1/approvals")).Body["approvals"]!.AsArray().Count;

    private static async Task<HttpAnswer> ActivateAsync(KeyedServer keyed)
    {
        var version = await keyed.AskAsync(keyed.Root, HttpMethod.Put, "/v1/policies/humans", Document);
        Assert.True(version.Status is 200 or 201, version.ToString());
        return await keyed.AskAsync(keyed.Root, HttpMethod.Post, $"/v1/policies/humans/versions/{version.Number("version")}/activate", null, ("If-Match", "*"));
    }
}
