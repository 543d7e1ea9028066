using System.Text.Json.Nodes;
using ProtoMesh.Tests.Rig;

namespace ProtoMesh.Tests.Approvals;

/// <summary>Everything that becomes of an approval is told in the journal.</summary>
public sealed class ApprovalEvents
{
    [Theory, ClassData(typeof(ServedStores))]
    public async Task Each_step_is_an_event_and_what_is_asked_stays_with_who_decides(string store)
    {
        var mesh = await ApprovalCalls.BeginAsync(store);
        JsonObject Secret() => new() { ["metadata"] = new JsonObject { ["note"] = "between-us" } };
        var id = await mesh.ApprovedAsync(Secret(), resource: null);
        await mesh.CheckAsync(id, "request-1", Secret(), resource: null);
        await mesh.DenyAsync(await mesh.AskAsync());
        await mesh.CancelAsync(await mesh.AskAsync());
        await mesh.RevokeAsync(await mesh.ApprovedAsync());
        await mesh.AskAsync(agent: "agent-2");
        await mesh.AskAsync(Secret(), "agent-2");
        JsonArray events = [];
        await Eventually.HoldsAsync(async () => (events = (await mesh.Server.GetAsync($"/v1/events?namespace={mesh.Namespace}&limit=1000")).Body["events"]!.AsArray()).Any(each => (string)each!["type"]! == "approval.consumed"), "the use is journaled");

        var types = events.Select(each => (string)each!["type"]!).ToList();
        Assert.Equal(
            ["approval.approved", "approval.approved", "approval.cancelled", "approval.consumed", "approval.denied", "approval.requested", "approval.requested", "approval.requested", "approval.requested", "approval.requested", "approval.requested", "approval.revoked", "approval.superseded"],
            types.Order(StringComparer.Ordinal));
        var first = events.First(each => (string?)each!["data"]?["approval_id"] == id)!;
        Assert.Equal(("agent-1", "deploy", "pending", "ops", mesh.Namespace), ((string)first["agent_id"]!, (string)first["data"]!["action"]!, (string)first["data"]!["state"]!, (string)first["data"]!["group"]!, (string)first["namespace"]!));
        Assert.DoesNotContain("between-us", events.ToJsonString(), StringComparison.Ordinal);
        var consumed = events.First(each => (string)each!["type"]! == "approval.consumed")!;
        Assert.Equal((id, "request-1"), ((string)consumed["data"]!["approval_id"]!, (string)consumed["data"]!["consumed_by"]!));
    }

    [Theory, ClassData(typeof(ServedStores))]
    public async Task A_stream_is_woken_by_what_is_decided_in_the_database(string store)
    {
        var mesh = await ApprovalCalls.BeginAsync(store);
        using var request = new HttpRequestMessage(HttpMethod.Get, $"/v1/events?namespace={mesh.Namespace}");
        request.Headers.Accept.ParseAdd("text/event-stream");
        using var answer = await mesh.Server.Http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
        using var lines = new StreamReader(await answer.Content.ReadAsStreamAsync());
        using var enough = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        await lines.ReadLineAsync(enough.Token);
        var id = await mesh.AskAsync();
        string? line;
        while ((line = await lines.ReadLineAsync(enough.Token)) is not null && !line.StartsWith("data: ", StringComparison.Ordinal))
        {
            Assert.True(line.Length == 0 || line.StartsWith("id: ", StringComparison.Ordinal) || line == "event: approval.requested", line);
        }

        Assert.Equal(id, (string)JsonNode.Parse(line!["data: ".Length..])!["data"]!["approval_id"]!);
    }
}
