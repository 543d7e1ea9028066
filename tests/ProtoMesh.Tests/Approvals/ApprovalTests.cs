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

        JsonObject Same() => new() { ["metadata"] = new JsonObject { ["version"] = "1.0" [..1] } };
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
}
