using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Text;
using ProtoMesh.Tests.Rig;

namespace ProtoMesh.Tests.Http;

/// <summary>What is wrong with a request besides the fields of its body.</summary>
public sealed class BadRequests
{
    private const string Id = "00000000-0000.0";

    [Theory]
    [InlineData("GET", "/v1/nothing", 404, "not_found")]
    [InlineData("GET", "/v1/locks/", 200, null)]
    [InlineData("POST", "/v1/locks/x/y/z", 404, "not_found")]
    [InlineData("DELETE", "/v1/locks", 405, "method_not_allowed")]
    [InlineData("PUT", "/v1/fences/validate", 405, "method_not_allowed")]
    [InlineData("GET", "/v1/resources/force-release", 405, "method_not_allowed")]
    public async Task A_wrong_path_or_method_is_told(string method, string path, int status, string? code) =>
        await ExpectAsync(new HttpRequestMessage(new HttpMethod(method), path), status, code);

    [Theory]
    [InlineData("unknown-request.0")]
    [InlineData("unknown-request.1")]
    [InlineData("unknown-request.99999999999999999999")]
    [InlineData("unknown-request.-1")]
    [InlineData("unknown-request")]
    [InlineData("..%2F..%2Fetc")]
    [InlineData("a%2Fb.0")]
    [InlineData("%F0%9F%A6%8A.0")]
    [InlineData("%ff%fe")]
    [InlineData("{id}")]
    [InlineData("LONG")]
    public async Task An_id_that_is_nobodys_is_unknown_to_every_call(string id)
    {
        id = id == "LONG" ? new string('a', 7_000) : id;
        var server = await MeshServers.GetAsync(MeshServers.Embedded);
        foreach (var call in (await ApiDocument.GetAsync()).Calls.Where(call => call.Path.Contains("{id}", StringComparison.Ordinal)))
        {
            using var request = new HttpRequestMessage(new HttpMethod(call.Method), new Uri(server.Url, call.Path.Replace("{id}", id, StringComparison.Ordinal)));
            request.Content = call.Body is null ? null : Json(call.BodyExamples[0].ToJsonString());
            var answer = await server.Http.AskAsync(request);
            Refusals.IsProper(answer, $"{call.Id} {id}");
            Assert.True(answer.Code is "lock_unknown" or "not_found" or "method_not_allowed", $"{call.Id} {id}: {answer}");
        }
    }

    [Theory]
    [InlineData("/v1/locks?state=lost", "state")]
    [InlineData("/v1/locks?namespace=A", "namespace")]
    [InlineData("/v1/locks?agent_id=", "agent_id")]
    [InlineData("/v1/events?agent_id=%00", "agent_id")]
    [InlineData("/v1/locks?limit=0", "limit")]
    [InlineData("/v1/locks?limit=1001", "limit")]
    [InlineData("/v1/locks?limit=many", "limit")]
    [InlineData("/v1/locks?limit=-5", "limit")]
    [InlineData("/v1/locks?page_token=garbage", "page_token")]
    [InlineData("/v1/locks?page_token=%00%ff", "page_token")]
    [InlineData("/v1/resources?order_by=size", "order_by")]
    [InlineData("/v1/resources?page_token=bG9ja3MKMAoo", "page_token")]
    [InlineData("/v1/resources/queue", "resource")]
    [InlineData("/v1/resources/queue?resource=none", "resource")]
    [InlineData("/v1/resources/queue?resource=a/b&page_token=cXVldWUKMAooZGVmYXVsdC94L3kBdw", "page_token")]
    [InlineData("/v1/resources/history", "resource")]
    [InlineData("/v1/resources/history?resource=none", "resource")]
    [InlineData("/v1/events?limit=none", "limit")]
    [InlineData("/v1/events?last_event_id=x", "last_event_id")]
    [InlineData("/v1/events?page_token=x", "page_token")]
    public async Task A_query_that_breaks_a_rule_is_refused_by_the_parameter(string path, string field)
    {
        var server = await MeshServers.GetAsync(MeshServers.Embedded);
        Refusals.Names(await server.GetAsync(path), field, path);
    }

    [Fact]
    public async Task A_query_parameter_that_a_call_does_not_have_is_refused_with_those_that_it_has()
    {
        var server = await MeshServers.GetAsync(MeshServers.Embedded);
        Refusals.Names(await server.GetAsync("/v1/locks?agent=a&limit=5"), "agent", "agent");
        var error = (await server.GetAsync("/v1/locks?Agent_Id=a")).Body["errors"]![0]!;
        Assert.Equal(
            ("Agent_Id", "no such parameter; this call has agent_id, limit, namespace, page_token, state, type"), ((string)error["field"]!, (string)error["rule"]!));
        var body = new { resource = MeshServers.NewResource("query"), agent_id = "a", wait_ms = 0 };
        Refusals.Names(await server.PostAsync("/v1/locks?dryrun=true", body), "dryrun", "dryrun");
        Assert.Equal(200, (await server.PostAsync("/v1/locks?dry_run=false", body)).Status); // the refused call has granted nothing
    }

    [Fact]
    public async Task Every_call_of_ours_refuses_a_query_parameter_that_it_does_not_have_and_takes_those_that_it_documents()
    {
        var server = await MeshServers.GetAsync(MeshServers.Embedded);
        var calls = (await ApiDocument.GetAsync()).Calls.Where(call => !call.IsLegacy && call.Path.StartsWith("/v1/", StringComparison.Ordinal) && call.Id != "checkPolicy").ToList();
        Assert.True(calls.Count > 15);
        foreach (var call in calls)
        {
            var path = call.Path.Replace("{id}", Id, StringComparison.Ordinal);
            var documented = (call.Operation["parameters"]?.AsArray() ?? []).Where(each => (string)each!["in"]! == "query").Select(each => $"&{(string)each!["name"]!}=x");
            using var request = new HttpRequestMessage(new HttpMethod(call.Method), $"{path}?colour=red{string.Concat(documented)}");
            request.Content = call.Body is null ? null : Json(call.BodyExamples[0].ToJsonString());
            var answer = await server.Http.AskAsync(request);
            Refusals.Names(answer, "colour", call.Id);
            Assert.Single(answer.Body["errors"]!.AsArray());
        }
    }

    [Theory]
    [InlineData("""{"request_id":"00000000","request_id":"11111111","resource":"bad/1"}""", "malformed_json")]
    [InlineData("""{"request_id":"00000000","resource":"bad/1","colour":"red"}""", "validation_failed")]
    [InlineData("""{"request_id":"00000000","resource":5}""", "validation_failed")]
    [InlineData("""["request_id"]""", "malformed_json")]
    [InlineData("null", "malformed_json")]
    [InlineData("", "malformed_json")]
    public async Task The_cancel_of_two_versions_refuses_todays_bodies_as_the_other_calls_do(string body, string code)
    {
        var server = await MeshServers.GetAsync(MeshServers.Embedded);
        var (here, there) = (await server.PostAsync("/v1/locks/cancel", body), await server.PostAsync("/v1/fences/validate", body.Replace("request_id", "namespace", StringComparison.Ordinal)));
        Refusals.IsProper(here, body);
        Assert.Equal((here.Status, here.Code), (there.Status, there.Code));
        Assert.True(here.Code == code, here.ToString());
    }

    [Theory]
    [InlineData("HELLO\r\n\r\n", 400)]
    [InlineData("GET /v1/locks HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400)]
    [InlineData("LONG LINE", 414)]
    [InlineData("LONG HEADER", 431)]
    public async Task What_the_web_server_refuses_by_itself_has_a_status_and_no_body_and_ends_the_connection(string text, int status)
    {
        text = text switch
        {
            "LONG LINE" => $"GET /v1/locks?{new string('x', 9_000)} HTTP/1.1\r\nHost: a\r\n\r\n",
            "LONG HEADER" => $"GET /v1/locks HTTP/1.1\r\nHost: a\r\nX: {new string('x', 33_000)}\r\n\r\n",
            _ => text,
        };
        var server = await MeshServers.GetAsync(MeshServers.Embedded);
        using var client = new TcpClient();
        await client.ConnectAsync(server.Url.Host, server.Url.Port);
        await client.GetStream().WriteAsync(Encoding.ASCII.GetBytes(text));
        using var reader = new StreamReader(client.GetStream(), Encoding.ASCII);
        var answer = await reader.ReadToEndAsync().WaitAsync(TimeSpan.FromSeconds(10));
        Assert.StartsWith($"HTTP/1.1 {status} ", answer, StringComparison.Ordinal);
        Assert.Contains("Content-Length: 0", answer, StringComparison.Ordinal);
        Assert.EndsWith("\r\n\r\n", answer, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("wait")]
    [InlineData("wait=")]
    [InlineData("wait=soon")]
    [InlineData("wait=-1")]
    [InlineData("wait=1.5")]
    [InlineData("wait=99999999999999")]
    public async Task A_wait_preference_that_is_no_number_is_refused(string prefer)
    {
        var server = await MeshServers.GetAsync(MeshServers.Embedded);
        Refusals.Names(await server.Http.AskAsync(HttpMethod.Post, $"/v1/locks/{Id}/wait", prefer: prefer), "Prefer", prefer);
        var body = new { resource = MeshServers.NewResource("prefer"), agent_id = "a" };
        Refusals.Names(await server.Http.AskAsync(HttpMethod.Post, "/v1/locks", body, prefer), "Prefer", prefer);
    }

    [Theory]
    [InlineData("respond-async")]
    [InlineData("respond-async, wait=0")]
    [InlineData("handling=lenient; x=\"\"")]
    public async Task Other_preferences_are_ignored(string prefer)
    {
        var server = await MeshServers.GetAsync(MeshServers.Embedded);
        var answer = await server.Http.AskAsync(HttpMethod.Post, "/v1/locks", new { resource = MeshServers.NewResource("prefer"), agent_id = "a" }, prefer);
        Assert.True(answer.Status == 200, answer.ToString());
    }

    [Fact]
    public async Task A_dry_run_that_is_neither_true_nor_false_is_refused()
    {
        var server = await MeshServers.GetAsync(MeshServers.Embedded);
        Refusals.Names(await server.PostAsync("/v1/locks?dry_run=maybe", new { resource = "a/b", agent_id = "a" }), "dry_run", "dry_run=maybe");
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_body_of_a_megabyte_is_too_large_for_every_call(bool chunked)
    {
        var server = await MeshServers.GetAsync(MeshServers.Embedded);
        foreach (var call in (await ApiDocument.GetAsync()).Calls.Where(call => call.Operation["requestBody"] is not null))
        {
            using var request = new HttpRequestMessage(new HttpMethod(call.Method), call.ExamplePath(Id));
            request.Content = Json(new string(' ', 1_000_000) + "{}");
            request.Headers.TransferEncodingChunked = chunked ? true : null;
            request.Headers.ExpectContinue = !chunked; // else the service's answer races with a body that it does not read
            var answer = await server.Http.AskAsync(request);
            Refusals.IsProper(answer, call.Id);
            Assert.Equal("payload_too_large", answer.Code);
        }
    }

    [Fact]
    public async Task A_charset_that_nobody_knows_is_refused()
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "/v1/locks") { Content = new ByteArrayContent("{}"u8.ToArray()) };
        request.Content.Headers.ContentType = MediaTypeHeaderValue.Parse("application/json; charset=klingon");
        await ExpectAsync(request, 415, "unsupported_media_type");
    }

    [Theory]
    [InlineData("text/plain")]
    [InlineData("application/x-www-form-urlencoded")]
    [InlineData("application/xml")]
    [InlineData(null)]
    public async Task A_body_that_does_not_say_it_is_JSON_is_refused_by_every_call(string? type)
    {
        var server = await MeshServers.GetAsync(MeshServers.Embedded);
        foreach (var call in (await ApiDocument.GetAsync()).Calls.Where(call => call.Body is not null && !call.IsLegacy))
        {
            using var request = new HttpRequestMessage(new HttpMethod(call.Method), call.Path.Replace("{id}", Id, StringComparison.Ordinal).Replace("{namespace}", "bad", StringComparison.Ordinal));
            request.Content = new ByteArrayContent(Encoding.UTF8.GetBytes(call.BodyExamples[0].ToJsonString()));
            request.Content.Headers.ContentType = type is null ? null : new MediaTypeHeaderValue(type);
            var answer = await server.Http.AskAsync(request);
            Refusals.IsProper(answer, $"{call.Id} {type}");
            Assert.True(answer.Code == "unsupported_media_type", $"{call.Id} {type}: {answer}");
        }
    }

    [Fact]
    public async Task Bytes_that_are_not_UTF8_are_no_text()
    {
        var server = await MeshServers.GetAsync(MeshServers.Embedded);
        using var request = new HttpRequestMessage(HttpMethod.Post, "/v1/locks");
        request.Content = new ByteArrayContent([.. "{\"resource\":\"bad/"u8, 0xff, 0xfe, .. "\",\"agent_id\":\"a\"}"u8]);
        request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
        var answer = await server.Http.AskAsync(request);
        Refusals.Names(answer, "resource", "not UTF-8");
    }

    [Fact]
    public async Task A_NUL_in_the_path_is_refused_before_any_call_sees_it()
    {
        var server = await MeshServers.GetAsync(MeshServers.Embedded);
        Assert.Equal(400, (await server.GetAsync("/v1/locks/%00")).Status);
    }

    [Fact]
    public async Task Huge_headers_are_refused_and_the_service_goes_on()
    {
        var server = await MeshServers.GetAsync(MeshServers.Embedded);
        using var request = new HttpRequestMessage(HttpMethod.Get, "/v1/locks");
        request.Headers.TryAddWithoutValidation("X-Huge", new string('h', 100_000));
        using var answer = await server.Http.SendAsync(request);
        Assert.Equal(431, (int)answer.StatusCode);
        Assert.Equal(200, (await server.GetAsync("/v1/locks")).Status);
    }

    [Fact]
    public async Task A_page_token_of_another_list_or_with_one_letter_changed_never_breaks_a_list()
    {
        var server = await MeshServers.GetAsync(MeshServers.Embedded);
        var prefix = MeshServers.NewResource("paged");
        for (var index = 0; index < 3; index++)
        {
            await server.PostAsync("/v1/locks", new { resource = $"{prefix}-{index}", agent_id = "a" });
        }

        var token = (await server.GetAsync("/v1/locks?limit=1")).String("next_page_token");
        Assert.Equal(200, (await server.GetAsync($"/v1/locks?limit=1&page_token={token}")).Status);
        Refusals.Names(await server.GetAsync($"/v1/resources?page_token={token}"), "page_token", "of another list");
        for (var place = 0; place < token.Length; place++)
        {
            var tampered = $"{token[..place]}{(token[place] == 'A' ? 'B' : 'A')}{token[(place + 1)..]}";
            var answer = await server.GetAsync($"/v1/locks?limit=1&page_token={tampered}");
            if (answer.Status != 200)
            {
                Refusals.Names(answer, "page_token", tampered);
            }
        }
    }

    private static StringContent Json(string text) => new(text, Encoding.UTF8, "application/json");

    private static async Task ExpectAsync(HttpRequestMessage request, int status, string? code)
    {
        using (request)
        {
            var server = await MeshServers.GetAsync(MeshServers.Embedded);
            var answer = await server.Http.AskAsync(request);
            Assert.True(answer.Status == status && answer.Code == code, $"{request.Method} {request.RequestUri}: {answer}");
            if (code is not null)
            {
                Refusals.IsProper(answer, $"{request.Method} {request.RequestUri}");
            }
        }
    }
}
