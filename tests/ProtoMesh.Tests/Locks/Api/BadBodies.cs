using System.Text;
using System.Text.Json;
using ProtoMesh.Tests.Http;
using ProtoMesh.Tests.Rig;

namespace ProtoMesh.Tests.Locks.Api;

/// <summary>Bodies that break a rule: the field is named, and nothing happens.</summary>
public sealed class BadBodies
{
    private const string Good = "\"resource\":\"bad/1\",\"agent_id\":\"a\"";

    public static TheoryData<string, string> Acquires => new()
    {
        { "{\"agent_id\":\"a\"}", "resource" },
        { "{\"resource\":\"bad/1\"}", "agent_id" },
        { "{}", "resource" },
        { "{\"resource\":null,\"agent_id\":\"a\"}", "resource" },
        { "{\"resource\":\"bad/1\",\"resources\":[\"bad/2\"],\"agent_id\":\"a\"}", "resource" },
        { "{\"resource\":\"bad\",\"agent_id\":\"a\"}", "resource" },
        { "{\"resource\":\"bad/\",\"agent_id\":\"a\"}", "resource" },
        { "{\"resource\":\"/1\",\"agent_id\":\"a\"}", "resource" },
        { "{\"resource\":\"lock:/1\",\"agent_id\":\"a\"}", "resource" },
        { "{\"resource\":\"BAD/1\",\"agent_id\":\"a\"}", "resource" },
        { "{\"resource\":\"b ad/1\",\"agent_id\":\"a\"}", "resource" },
        { "{\"resource\":\"bad/\\u0000\",\"agent_id\":\"a\"}", "resource" },
        { "{\"resource\":\"bad/a\\nb\",\"agent_id\":\"a\"}", "resource" },
        { "{\"resource\":\"bad/\\u0085\",\"agent_id\":\"a\"}", "resource" },
        { "{\"resource\":[\"bad/1\"],\"agent_id\":\"a\"}", "resource" },
        { "{\"resource\":{},\"agent_id\":\"a\"}", "resource" },
        { $"{{\"resource\":\"bad/{new string('x', 10_000)}\",\"agent_id\":\"a\"}}", "resource" },
        { "{\"resources\":[],\"agent_id\":\"a\"}", "resources" },
        { "{\"resources\":\"bad/1\",\"agent_id\":\"a\"}", "resources" },
        { "{\"resources\":[null],\"agent_id\":\"a\"}", "resources[0]" },
        { "{\"resources\":[5],\"agent_id\":\"a\"}", "resources[0]" },
        { "{\"resources\":[\"bad/1\",\"bad/1\"],\"agent_id\":\"a\"}", "resources[1].resource" },
        { "{\"resources\":[\"bad/1\",{\"resource\":\"bad/2\",\"mode\":\"mine\"}],\"agent_id\":\"a\"}", "resources[1].mode" },
        { "{\"resources\":[{\"resource\":\"bad/2\",\"colour\":1}],\"agent_id\":\"a\"}", "resources[0].colour" },
        { "{\"resources\":[{\"resource\":\"bad/2\",\"mode\":5}],\"agent_id\":\"a\"}", "resources[0].mode" },
        { "{\"resources\":[{}],\"agent_id\":\"a\"}", "resources[0].resource" },
        { $"{{\"resources\":[{Names(65)}],\"agent_id\":\"a\"}}", "resources" },
        { $"{{\"resources\":[{Names(1_000)}],\"agent_id\":\"a\"}}", "resources" },
        { $"{{{Good},\"ttl_ms\":0}}", "ttl_ms" },
        { $"{{{Good},\"ttl_ms\":-1}}", "ttl_ms" },
        { $"{{{Good},\"ttl_ms\":1000000000000}}", "ttl_ms" },
        { $"{{{Good},\"ttl_ms\":1.5}}", "ttl_ms" },
        { $"{{{Good},\"ttl_ms\":\"30\"}}", "ttl_ms" },
        { $"{{{Good},\"priority\":-1}}", "priority" },
        { $"{{{Good},\"priority\":10}}", "priority" },
        { $"{{{Good},\"priority\":\"high\"}}", "priority" },
        { $"{{{Good},\"priority\":99999999999}}", "priority" },
        { $"{{{Good},\"mode\":\"slots\"}}", "capacity" },
        { $"{{{Good},\"mode\":\"slots\",\"capacity\":2,\"units\":3}}", "units" },
        { $"{{{Good},\"capacity\":2}}", "capacity" },
        { $"{{{Good},\"units\":1}}", "units" },
        { $"{{{Good},\"reentrant\":true}}", "session_id" },
        { $"{{{Good},\"reentrant\":\"yes\"}}", "reentrant" },
        { $"{{{Good},\"durability\":\"none\"}}", "durability" },
        { $"{{{Good},\"request_id\":\"short\"}}", "request_id" },
        { $"{{{Good},\"request_id\":\"has space\"}}", "request_id" },
        { $"{{{Good},\"namespace\":\"A B\"}}", "namespace" },
        { $"{{{Good},\"namespace\":\"\"}}", "namespace" },
        { $"{{{Good},\"labels\":{{\"\":\"x\"}}}}", "labels." },
        { $"{{{Good},\"labels\":{{\"k\":null}}}}", "labels.k" },
        { $"{{{Good},\"labels\":{{\"k\":5}}}}", "labels.k" },
        { $"{{{Good},\"labels\":[]}}", "labels" },
        { $"{{{Good},\"reason\":\"{new string('é', 251)}\"}}", "reason" },
        { $"{{{Good},\"reason\":\"\\u001b[31m\"}}", "reason" },
        { $"{{{Good},\"proirity\":5}}", "proirity" },
        { $"{{{Good},\"Priority\":5}}", "Priority" },
        { $"{{{Good},\"action\":\"bad\\u0001\"}}", "action" },
        { $"{{{Good},\"metadata\":{{\"estimated_cost\":5}}}}", "action" },
        { $"{{{Good},\"action\":\"refund\",\"metadata\":[]}}", "metadata" },
        { "{\"resource\":\"bad/1\",\"agent_id\":\"\"}", "agent_id" },
        { "{\"resource\":\"bad/1\",\"agent_id\":\"a\\u0007\"}", "agent_id" },
    };

    public static TheoryData<string> Unreadable =>
    [
        "", " ", "nonsense", "{", "{\"resource\":\"bad/1\",", "[]", "[1,2]", "\"text\"", "5", "null", "true", "{\"resource\":\"bad/1\"} {}",
        "{'resource':'bad/1'}", "{\"resource\":\"bad/\\ud800\",\"agent_id\":\"a\"}", "{\"agent_id\":\"a\",\"agent_id\":\"b\",\"resource\":\"bad/1\"}",
        new string('[', 5_000), "{\"labels\":" + string.Concat(Enumerable.Repeat("{\"a\":", 200)), "{\"resource\":\"bad/1\",\"agent_id\":\"a\u0000\"}",
    ];

    [Theory]
    [MemberData(nameof(Acquires))]
    public async Task A_request_that_breaks_a_rule_is_refused_by_the_field(string body, string field)
    {
        var server = await MeshServers.GetAsync(MeshServers.Embedded);
        Refusals.Names(await server.PostAsync("/v1/locks", body), field, Short(body));
        Assert.Equal("[]", (await server.GetAsync("/v1/locks?type=bad")).Body["locks"]!.ToJsonString());
    }

    [Theory]
    [MemberData(nameof(Unreadable))]
    public async Task A_body_that_is_no_JSON_object_is_malformed_for_every_call(string body)
    {
        var server = await MeshServers.GetAsync(MeshServers.Embedded);
        foreach (var call in (await ApiDocument.GetAsync()).Calls.Where(call => call.Body is not null && !call.IsLegacy))
        {
            using var request = new HttpRequestMessage(new HttpMethod(call.Method), call.Path.Replace("{id}", "00000000-0000.0", StringComparison.Ordinal).Replace("{namespace}", "bad", StringComparison.Ordinal));
            request.Content = new StringContent(body, Encoding.UTF8, "application/json");
            var answer = await server.Http.AskAsync(request);
            Refusals.IsProper(answer, $"{call.Id} {Short(body)}");
            Assert.True(answer.Code is "malformed_json" || (answer.Code == "validation_failed" && body.StartsWith('{')), $"{call.Id} {Short(body)}: {answer}");
        }
    }

    [Theory]
    [InlineData("/v1/locks/00000000-0000.0/release", """{"fencing_token":0}""", "fencing_token")]
    [InlineData("/v1/locks/00000000-0000.0/release", """{"fencing_token":-1}""", "fencing_token")]
    [InlineData("/v1/locks/00000000-0000.0/release", """{"fencing_token":9007199254740992}""", "fencing_token")]
    [InlineData("/v1/locks/00000000-0000.0/release", """{"fencing_token":"7"}""", "fencing_token")]
    [InlineData("/v1/locks/00000000-0000.0/release", """{}""", "fencing_token")]
    [InlineData("/v1/locks/renew", """{"locks":[]}""", "locks")]
    [InlineData("/v1/locks/renew", """{"locks":[null]}""", "locks[0].lock_id")]
    [InlineData("/v1/locks/renew", """{"locks":[{"lock_id":"a"}]}""", "locks[0].fencing_token")]
    [InlineData("/v1/locks/renew", """{"locks":[{"lock_id":5,"fencing_token":1}]}""", "locks[0].lock_id")]
    [InlineData("/v1/locks/renew", """{"locks":[{"lock_id":"a","fencing_token":1,"ttl":5}]}""", "locks[0].ttl")]
    [InlineData("/v1/locks/00000000-0000.0/reprioritize", """{"priority":null}""", "priority")]
    [InlineData("/v1/locks/00000000-0000.0/reprioritize", """{"priority":1e3}""", "priority")]
    [InlineData("/v1/resources/force-release", """{"resource":"bad/1","reason":""}""", "reason")]
    [InlineData("/v1/resources/force-release", """{"resource":"bad/1"}""", "reason")]
    [InlineData("/v1/locks/cancel", """{"request_id":"00000000","resource":"bad"}""", "resource")]
    [InlineData("/v1/locks/cancel", """{"resource":"bad/1"}""", "request_id")]
    [InlineData("/v1/fences/validate", """{"resource":"bad/1","fencing_token":1.5}""", "fencing_token")]
    public async Task The_other_calls_name_their_fields_too(string path, string body, string field)
    {
        var server = await MeshServers.GetAsync(MeshServers.Embedded);
        Refusals.Names(await server.PostAsync(path, body), field, $"{path} {body}");
    }

    [Fact]
    public async Task A_thousand_renewals_are_one_call_and_one_more_is_too_many()
    {
        var server = await MeshServers.GetAsync(MeshServers.Embedded);
        object Renewals(int count) => new { locks = Enumerable.Range(0, count).Select(index => new { lock_id = $"unknown-{index}.0", fencing_token = 1 }) };
        var answer = await server.PostAsync("/v1/locks/renew", Renewals(1_000));
        Assert.Equal(1_000, answer.Body["results"]!.AsArray().Count(result => (string)result!["problem"]!["code"]! == "lock_unknown"));
        Refusals.Names(await server.PostAsync("/v1/locks/renew", Renewals(1_001)), "locks", "1,001 renewals");
    }

    [Theory]
    [InlineData("a:b{c}d")]
    [InlineData("lock:1")]
    [InlineData("with spaces and / slashes")]
    [InlineData("🦊 émoji ‮ 漢字")]
    [InlineData("\"quoted\\\" and 'ticks' <b>&amp;")]
    [InlineData("%00 %2F $1 \\u0000")]
    [InlineData(" leading and trailing ")]
    public async Task A_name_comes_back_exactly_as_it_was_sent(string id)
    {
        foreach (var store in new[] { MeshServers.Embedded, MeshServers.Redis })
        {
            var server = await MeshServers.GetAsync(store);
            var name = $"{MeshServers.NewResource("names")}{id}";
            var granted = await server.PostAsync("/v1/locks", new { resource = name, agent_id = id, reason = id, labels = new Dictionary<string, string> { [id] = id } });
            Assert.Equal(name, granted.String("resource"));
            Assert.Equal(id, granted.String("agent_id"));
            var seen = await server.GetAsync($"/v1/locks/{granted.String("lock_id")}");
            Assert.Equal((name, id, id, id), (seen.String("resource"), seen.String("agent_id"), seen.String("reason"), (string)seen.Body["labels"]![id]!));
            var queue = await server.GetAsync($"/v1/resources/queue?resource={Uri.EscapeDataString(name)}");
            Assert.Equal(id, (string)queue.Body["held_by"]![0]!["agent_id"]!);
            var listed = await server.GetAsync($"/v1/locks?agent_id={Uri.EscapeDataString(id)}");
            Assert.Contains(name, listed.Body["locks"]!.AsArray().Select(each => (string)each!["resource"]!));
        }
    }

    [Fact]
    public async Task Sixty_four_resources_are_granted_together()
    {
        var server = await MeshServers.GetAsync(MeshServers.Embedded);
        var prefix = MeshServers.NewResource("many");
        var answer = await server.PostAsync("/v1/locks", new { resources = Enumerable.Range(0, 64).Select(index => $"{prefix}-{index}"), agent_id = "a" });
        Assert.Equal(64, answer.Body["resources"]!.AsArray().Count);
    }

    private static string Names(int count) => string.Join(',', Enumerable.Range(0, count).Select(index => JsonSerializer.Serialize($"bad/{index}")));

    private static string Short(string body) => body.Length <= 120 ? body : body[..120] + "…";
}
