using System.Net.Http.Headers;
using System.Text;
using System.Text.Json.Nodes;
using ProtoMesh.Tests.Rig;

namespace ProtoMesh.Tests.Legacy;

/// <summary>The first version's calls, answered as its clients read them.</summary>
public sealed class WireTests
{
    [Theory, ClassData(typeof(ServedStores))]
    public async Task The_answers_have_exactly_the_fields_that_they_had(string store)
    {
        var server = await MeshServers.GetAsync(store);
        var (a, b) = (new LegacyAgent(server, "a"), new LegacyAgent(server, "b"));
        var resource = MeshServers.NewResource();
        var acquired = await a.AcquireAsync(resource);
        var lockId = (string)acquired["lock_id"]!;
        Assert.Equal($$"""{"status":"acquired","lock_id":"{{lockId}}","expires_in":300}""", acquired.ToJsonString());
        Assert.Equal("""{"status":"error","message":"Agent already holds this lock (re-entrancy not allowed)"}""", (await a.AcquireAsync(resource)).ToJsonString());
        var queued = await b.AcquireAsync(resource);
        Assert.Equal($$"""{"status":"queued","lock_id":"{{queued["lock_id"]}}","position":1}""", queued.ToJsonString());
        var status = await a.StatusAsync(lockId);
        Assert.Equal(["status", "agent_id", "acquired_at", "resource_type", "resource_id"], status.Select(field => field.Key));
        Assert.Equal("""{"status":"expired"}""", (await b.StatusAsync((string)queued["lock_id"]!)).ToJsonString());
        Assert.Equal("""{"status":"error","message":"Permission denied: not lock owner"}""", (await b.ReleaseAsync(lockId)).ToJsonString());
        Assert.Equal("""{"status":"released","next_agent":"b"}""", (await a.ReleaseAsync(lockId)).ToJsonString());
        Assert.Equal("""{"status":"released","next_agent":null}""", (await b.ReleaseAsync((string)queued["lock_id"]!)).ToJsonString());
        Assert.Equal("""{"status":"expired"}""", (await a.StatusAsync(lockId)).ToJsonString());
    }

    [Theory]
    [InlineData("""{"resource_type":"t","resource_id":"1"}""", "missing", """["body","agent_id"]""")]
    [InlineData("""{"resource_type":5,"resource_id":"1","agent_id":"a"}""", "string_type", """["body","resource_type"]""")]
    [InlineData("""{"resource_type":"t","resource_id":"1","agent_id":""}""", "value_error", """["body","agent_id"]""")]
    [InlineData("""{"resource_type":"t","resource_id":"1","agent_id":"a","priority":"high"}""", "int_parsing", """["body","priority"]""")]
    [InlineData("""{"resource_type":"t","resource_id":"1","agent_id":"a","priority":1.5}""", "int_from_float", """["body","priority"]""")]
    [InlineData("""{"resource_type":"t","resource_id":"1","agent_id":"a","priority":null}""", "int_type", """["body","priority"]""")]
    [InlineData("""{"resource_type":"t","resource_id":"1","agent_id":"a","ttl":0}""", "greater_than_equal", """["body","ttl"]""")]
    [InlineData("""{"resource_type":"t","resource_id":"1","agent_id":"a","ttl":301}""", "less_than_equal", """["body","ttl"]""")]
    [InlineData("""{"resource_type":"t","resource_id":"1","agent_id":"\ud800"}""", "json_invalid", """["body",0]""")]
    [InlineData("[]", "model_attributes_type", """["body"]""")]
    [InlineData("null", "missing", """["body"]""")]
    [InlineData("{", "json_invalid", """["body",1]""")]
    public async Task A_wrong_body_is_answered_in_FastAPIs_shape(string body, string type, string place)
    {
        var answer = await (await MeshServers.GetAsync(MeshServers.Embedded)).PostAsync("/v1/locks/acquire", body);

        Assert.Equal(422, answer.Status);
        var fault = Assert.Single(answer.Body["detail"]!.AsArray())!.AsObject();
        Assert.Equal((type, place), ((string?)fault["type"], fault["loc"]!.ToJsonString()));
        Assert.False(string.IsNullOrEmpty((string?)fault["msg"]));
        Assert.True(fault.ContainsKey("input"));
    }

    [Theory]
    [InlineData("/v1/locks/acquire")]
    [InlineData("/v1/locks/release")]
    public async Task A_body_that_is_no_UTF_8_is_answered_in_FastAPIs_shape(string path)
    {
        var server = await MeshServers.GetAsync(MeshServers.Embedded);
        var body = """{"resource_type":"?","resource_id":"?","agent_id":"?","lock_id":"?","action":"?","metadata":{}}""";
        using var request = new HttpRequestMessage(HttpMethod.Post, path) { Content = new ByteArrayContent(Encoding.Latin1.GetBytes(body.Replace('?', 'ÿ'))) };
        request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
        var answer = await server.Http.AskAsync(request);

        Assert.Equal((422, "json_invalid"), (answer.Status, (string?)answer.Body["detail"]![0]!["type"]));
    }

    [Fact]
    public async Task What_Pydantic_took_is_taken()
    {
        var answer = await (await MeshServers.GetAsync(MeshServers.Embedded)).PostAsync(
            "/v1/locks/acquire", $$"""{"resource_type":"t","resource_id":"{{Guid.NewGuid()}}","agent_id":"a","priority":"7","ttl":60.0,"unknown":true}""");

        Assert.Equal((200, "acquired", 60), (answer.Status, answer.String("status"), answer.Number("expires_in")));
    }

    [Fact]
    public async Task Cancel_tells_the_two_versions_apart_by_their_fields()
    {
        var server = await MeshServers.GetAsync(MeshServers.Embedded);
        var resource = MeshServers.NewResource();
        await new LegacyAgent(server, "holder").AcquireAsync(resource);
        await new LegacyAgent(server, "waiter").AcquireAsync(resource);
        var requestId = Guid.NewGuid().ToString();
        await server.PostAsync("/v1/locks", new JsonObject { ["resource"] = resource, ["agent_id"] = "waiter", ["request_id"] = requestId });

        Assert.Equal("removed_from_queue", await new LegacyAgent(server, "waiter").CancelAsync(resource));
        var today = await server.PostAsync("/v1/locks/cancel", new JsonObject { ["resource"] = resource, ["request_id"] = requestId });
        Assert.Equal((200, "cancelled"), (today.Status, today.String("state")));
        Assert.Equal("lock_unknown", (await server.PostAsync("/v1/locks/cancel", new JsonObject { ["resource"] = resource, ["request_id"] = "not-there" })).Code);
        Assert.Equal("validation_failed", (await server.PostAsync("/v1/locks/cancel", """{"request_id":"12345678","resource":"a/b","agent_id":"x"}""")).Code);
        Assert.Equal("malformed_json", (await server.PostAsync("/v1/locks/cancel", "{")).Code);
        Assert.Equal(422, (await server.PostAsync("/v1/locks/cancel", """{"resource_type":"t","agent_id":"a"}""")).Status);
    }

    [Fact]
    public async Task A_lease_with_a_fencing_token_is_not_released_without_it()
    {
        var server = await MeshServers.GetAsync(MeshServers.Embedded);
        var resource = MeshServers.NewResource();
        var lockId = (await server.PostAsync("/v1/locks", new JsonObject { ["resource"] = resource, ["agent_id"] = "a" })).String("lock_id");
        var a = new LegacyAgent(server, "a");

        Assert.Equal("error", (string?)(await a.ReleaseAsync(lockId))["status"]);
        Assert.Equal("not_in_queue", await a.CancelAsync(resource));
        Assert.Equal("active", (string?)(await a.StatusAsync(lockId))["status"]);
    }

    [Fact]
    public async Task A_priority_beyond_ten_is_ten_and_ten_comes_before_nine()
    {
        var server = await MeshServers.GetAsync(MeshServers.Embedded);
        var resource = MeshServers.NewResource();
        await new LegacyAgent(server, "holder").AcquireAsync(resource);
        await server.PostAsync("/v1/locks", new JsonObject { ["resource"] = resource, ["agent_id"] = "nine", ["priority"] = 9 });
        await new LegacyAgent(server, "ten").AcquireAsync(resource, 10);
        await new LegacyAgent(server, "eleven").AcquireAsync(resource, 11);
        await new LegacyAgent(server, "zero").AcquireAsync(resource, 0);
        await new LegacyAgent(server, "less").AcquireAsync(resource, -5);

        var waiting = (await server.GetAsync($"/v1/resources/queue?resource={resource}")).Body["waiting"]!.AsArray();
        Assert.Equal(["ten", "eleven", "nine", "zero", "less"], waiting.Select(waiter => (string?)waiter!["agent_id"]));
    }

    [Fact]
    public async Task The_old_calls_are_documented_as_deprecated()
    {
        var paths = (await (await MeshServers.GetAsync(MeshServers.Embedded)).GetAsync("/openapi/v1.json")).Body["paths"]!;

        foreach (var (path, method) in new[] { ("/v1/locks/acquire", "post"), ("/v1/locks/release", "post"), ("/v1/locks/{lock_id}/status", "get") })
        {
            Assert.True((bool)paths[path]![method]!["deprecated"]!);
            Assert.Equal("""["Legacy"]""", paths[path]![method]!["tags"]!.ToJsonString());
        }

        Assert.Equal("cancelLockByRequest", (string?)paths["/v1/locks/cancel"]!["post"]!["operationId"]);
    }
}
