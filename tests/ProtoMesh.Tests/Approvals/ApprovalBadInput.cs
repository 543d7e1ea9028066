using System.Text.Json.Nodes;
using ProtoMesh.Tests.Rig;

namespace ProtoMesh.Tests.Approvals;

/// <summary>Every field has a rule, and what breaks it is refused by its name.</summary>
public sealed class ApprovalBadInput
{
    private static readonly string Long = new('x', 600);

    public static TheoryData<string, string, string> Bodies => new()
    {
        { "/v1/approvals", """{ "action": "a" }""", "agent_id" },
        { "/v1/approvals", """{ "agent_id": "a\u0001", "action": "a" }""", "agent_id" },
        { "/v1/approvals", """{ "agent_id": "a" }""", "action" },
        { "/v1/approvals", """{ "agent_id": "a", "action": "a b" }""", "action" },
        { "/v1/approvals", """{ "agent_id": "a", "action": "a", "namespace": "A" }""", "namespace" },
        { "/v1/approvals", """{ "agent_id": "a", "action": "a", "resource": "x" }""", "resource" },
        { "/v1/approvals", """{ "agent_id": "a", "action": "a", "resource": "x/1", "resources": ["x/2"] }""", "resource" },
        { "/v1/approvals", """{ "agent_id": "a", "action": "a", "resources": [] }""", "resources" },
        { "/v1/approvals", """{ "agent_id": "a", "action": "a", "resources": ["x/1", "x/1"] }""", "resources[1]" },
        { "/v1/approvals", """{ "agent_id": "a", "action": "a", "resources": ["x/1", null] }""", "resources[1]" },
        { "/v1/approvals", """{ "agent_id": "a", "action": "a", "metadata": [] }""", "metadata" },
        { "/v1/approvals", """{ "agent_id": "a", "action": "a", "run_id": "" }""", "run_id" },
        { "/v1/approvals", """{ "agent_id": "a", "action": "a", "reason": "" }""", "reason" },
        { "/v1/approvals", $$"""{ "agent_id": "a", "action": "a", "reason": "{{Long}}" }""", "reason" },
        { "/v1/approvals", """{ "agent_id": "a", "action": "a", "colour": "red" }""", "colour" },
        { "/v1/approvals/{id}/approve", "{}", "approver" },
        { "/v1/approvals/{id}/approve", """{ "approver": "" }""", "approver" },
        { "/v1/approvals/{id}/approve", """{ "approver": "a", "comment": "\u0000" }""", "comment" },
        { "/v1/approvals/{id}/approve", """{ "approver": "a", "valid_ms": 999 }""", "valid_ms" },
        { "/v1/approvals/{id}/approve", """{ "approver": "a", "valid_ms": 86400001 }""", "valid_ms" },
        { "/v1/approvals/{id}/approve", """{ "approver": "a", "metadata": 1 }""", "metadata" },
        { "/v1/approvals/{id}/deny", "{}", "approver" },
        { "/v1/approvals/{id}/deny", $$"""{ "approver": "a", "comment": "{{Long}}" }""", "comment" },
        { "/v1/approvals/{id}/revoke", "{}", "approver" },
        { "/v1/approvals/{id}/cancel", """{ "approver": "a" }""", "approver" },
        { "/v1/approvals/grants", """{ "action": "a", "expires_in_ms": 1000, "uses": 1, "approver": "a" }""", "group" },
        { "/v1/approvals/grants", """{ "group": "g", "expires_in_ms": 1000, "uses": 1, "approver": "a" }""", "action" },
        { "/v1/approvals/grants", """{ "group": "g", "action": "a*", "expires_in_ms": 1000, "uses": 1, "approver": "a" }""", "action" },
        { "/v1/approvals/grants", """{ "group": "g", "action": "a", "uses": 1, "approver": "a" }""", "expires_in_ms" },
        { "/v1/approvals/grants", """{ "group": "g", "action": "a", "expires_in_ms": 604800001, "uses": 1, "approver": "a" }""", "expires_in_ms" },
        { "/v1/approvals/grants", """{ "group": "g", "action": "a", "expires_in_ms": 1000, "approver": "a" }""", "uses" },
        { "/v1/approvals/grants", """{ "group": "g", "action": "a", "expires_in_ms": 1000, "uses": 10001, "approver": "a" }""", "uses" },
        { "/v1/approvals/grants", """{ "group": "g", "action": "a", "expires_in_ms": 1000, "uses": 1 }""", "approver" },
        { "/v1/approvals/grants", """{ "group": "g", "action": "a", "expires_in_ms": 1000, "uses": 1, "approver": "a", "condition": "" }""", "condition" },
        { "/v1/approvals/grants", """{ "group": "g", "action": "a", "expires_in_ms": 1000, "uses": 1, "approver": "a", "condition": "1 +" }""", "condition" },
        { "/v1/approvals/grants", """{ "group": "g", "action": "a", "expires_in_ms": 1000, "uses": 1, "approver": "a", "resource": "x" }""", "resource" },
        { "/v1/approvals/grants", """{ "group": "g", "action": "a", "expires_in_ms": 1000, "uses": 1, "approver": "a", "agent_id": "" }""", "agent_id" },
        { "/v1/approvals/grants/{id}/revoke", "{}", "approver" },
        { "/v1/policies/check", """{ "agent_id": "a", "action": "a", "approval_id": "a b" }""", "approval_id" },
        { "/v1/policies/check", """{ "agent_id": "a", "action": "a", "approval_id": "" }""", "approval_id" },
        { "/v1/policies/check", """{ "agent_id": "a", "action": "a", "run_id": "" }""", "run_id" },
        { "/v1/locks", """{ "agent_id": "a", "resource": "x/1", "action": "a", "approval_id": "ü" }""", "approval_id" },
        { "/v1/locks", """{ "agent_id": "a", "resource": "x/1", "approval_id": "a" }""", "approval_id" },
        { "/v1/locks", """{ "agent_id": "a", "resource": "x/1", "run_id": "a" }""", "run_id" },
    };

    [Theory, MemberData(nameof(Bodies))]
    public async Task A_wrong_field_is_named_with_its_rule(string path, string body, string field)
    {
        var server = await MeshServers.GetAsync(MeshServers.Embedded);
        var answer = await server.PostAsync(path.Replace("{id}", Guid.NewGuid().ToString(), StringComparison.Ordinal), body);
        Assert.True(answer.Code == "validation_failed", answer.ToString());
        Assert.Contains(answer.Body["errors"]!.AsArray(), error => (string)error!["field"]! == field && ((string)error["rule"]!).Length > 0);
    }

    [Theory]
    [InlineData("state=open", "state")]
    [InlineData("agent_id=", "agent_id")]
    [InlineData("group=", "group")]
    [InlineData("action=a%20b", "action")]
    [InlineData("namespace=A", "namespace")]
    [InlineData("limit=0", "limit")]
    [InlineData("page_token=x", "page_token")]
    [InlineData("colour=red", "colour")]
    public async Task A_wrong_filter_is_named_with_its_rule(string query, string field)
    {
        var server = await MeshServers.GetAsync(MeshServers.Embedded);
        var answer = await server.GetAsync($"/v1/approvals?{query}");
        Assert.Equal(("validation_failed", field), (answer.Code, (string)answer.Body["errors"]![0]!["field"]!));
    }

    [Theory]
    [InlineData("..%2F..")]
    [InlineData("grants")]
    [InlineData("00000000000000000000000000000000")]
    [InlineData("GUID")]
    public async Task An_id_that_is_nobodys_is_unknown(string id)
    {
        var server = await MeshServers.GetAsync(MeshServers.Embedded);
        id = id == "GUID" ? Guid.NewGuid().ToString().ToUpperInvariant() : id;
        foreach (var call in new[] { "approve", "deny", "revoke" })
        {
            var answer = await server.PostAsync($"/v1/approvals/{id}/{call}", new JsonObject { ["approver"] = "ada" });
            Assert.True(answer.Code is "approval_unknown" or "not_found" or "method_not_allowed", answer.ToString());
        }
    }

    [Theory, ClassData(typeof(ServedStores))]
    public async Task A_list_is_paged_newest_first_and_filtered(string store)
    {
        var mesh = await ApprovalCalls.BeginAsync(store);
        var ids = new List<string>();
        for (var number = 0; number < 5; number++)
        {
            ids.Insert(0, await mesh.AskAsync(resource: $"service/{number}", agent: number % 2 == 0 ? "even" : "odd"));
        }

        await mesh.ApproveAsync(ids[0]);
        var seen = new List<string>();
        for (string? token = ""; token is not null;)
        {
            var page = await mesh.Server.GetAsync($"/v1/approvals?namespace={mesh.Namespace}&limit=2{(token.Length > 0 ? $"&page_token={token}" : "")}");
            seen.AddRange(page.Body["approvals"]!.AsArray().Select(each => (string)each!["approval_id"]!));
            token = (string?)page.Body["next_page_token"];
        }

        Assert.Equal(ids, seen);
        foreach (var (filter, count) in new[] { ("state=pending", 4), ("state=approved", 1), ("agent_id=odd", 2), ("group=ops", 5), ("group=sec", 0), ("action=deploy", 5), ("action=drop", 0) })
        {
            Assert.Equal(count, (await mesh.Server.GetAsync($"/v1/approvals?namespace={mesh.Namespace}&{filter}")).Body["approvals"]!.AsArray().Count);
        }
    }
}
