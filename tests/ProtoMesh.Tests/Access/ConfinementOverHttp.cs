using ProtoMesh.Tests.Policies;
using ProtoMesh.Tests.Rig;

namespace ProtoMesh.Tests.Access;

/// <summary>A call that names no namespace sees the key's, and nothing else.</summary>
[Trait("Category", "Slow")]
public sealed class ConfinementOverHttp
{
    [Theory, ClassData(typeof(ServedStores))]
    public async Task Whatever_is_listed_without_a_namespace_is_of_the_keys_own(string store)
    {
        await using var keyed = await KeyedServer.OnAsync(store);
        foreach (var space in new[] { "red", "blue" })
        {
            await keyed.PostAsync(keyed.Root, "/v1/locks", new { resource = $"x/{space}", agent_id = $"agent-{space}", @namespace = space });
            await keyed.AskAsync(keyed.Root, HttpMethod.Put, $"/v1/policies/{space}?namespace={space}", LifeRig.Document(1, space));
            await keyed.PostAsync(keyed.Root, "/v1/policies/check", new { agent_id = $"agent-{space}", action = "spend", @namespace = space, metadata = new { estimated_cost = 500 } });
            await keyed.IssueAsync(new { role = "viewer", name = space, @namespace = space });
        }

        await Eventually.HoldsAsync(async () => (await keyed.GetAsync(keyed.Root, "/v1/decisions")).Body["decisions"]!.AsArray().Count == 2, "the decisions are written");
        await Eventually.HoldsAsync(async () => (await keyed.GetAsync(keyed.Root, "/v1/events")).Body["events"]!.AsArray().Count == 2, "the events are written");
        var admin = await keyed.IssueAsync(new { role = "admin", @namespace = "red" });
        foreach (var path in new[] { "/v1/locks", "/v1/resources", "/v1/events", "/v1/decisions", "/v1/policies", "/v1/keys", "/v1/resources/history?resource=x/red", "/v1/resources/queue?resource=x/red" })
        {
            var seen = await keyed.GetAsync(admin, path);
            Assert.True(seen.Status == 200 && seen.Text.Contains("red", StringComparison.Ordinal) && !seen.Text.Contains("blue", StringComparison.Ordinal), $"{path}: {seen}");
        }

        Assert.Contains("blue", (await keyed.GetAsync(keyed.Root, "/v1/locks")).Text, StringComparison.Ordinal);
        Assert.Equal("policy_unknown", (await keyed.GetAsync(admin, "/v1/policies/blue/versions/1")).Code);
        Assert.Empty((await keyed.GetAsync(admin, "/v1/resources/history?resource=x/blue")).Body["events"]!.AsArray());

        using var request = new HttpRequestMessage(HttpMethod.Get, "/v1/events?last_event_id=0");
        request.Headers.Authorization = new("Bearer", admin);
        request.Headers.Accept.ParseAdd("text/event-stream");
        using var stream = await keyed.Server.Http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
        using var reader = new StreamReader(await stream.Content.ReadAsStreamAsync());
        await keyed.PostAsync(keyed.Root, "/v1/locks", new { resource = "x/blue-2", agent_id = "agent-blue", @namespace = "blue" });
        await keyed.PostAsync(keyed.Root, "/v1/locks", new { resource = "x/red-2", agent_id = "agent-red", @namespace = "red" });
        var lines = new List<string>();
        while (lines.LastOrDefault()?.Contains("x/red-2", StringComparison.Ordinal) != true)
        {
            lines.Add(await reader.ReadLineAsync().WaitAsync(TimeSpan.FromSeconds(20)) ?? throw new InvalidOperationException("The stream ended."));
        }

        Assert.DoesNotContain(lines, line => line.Contains("blue", StringComparison.Ordinal));
    }
}
