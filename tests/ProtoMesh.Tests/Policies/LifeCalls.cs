using System.Net.Http.Headers;
using System.Text;
using System.Text.Json.Nodes;
using ProtoMesh.Tests.Http;
using ProtoMesh.Tests.Rig;

namespace ProtoMesh.Tests.Policies;

/// <summary>The calls, as a client sees them.</summary>
public sealed class LifeCalls
{
    private readonly string _space = $"t-{Guid.NewGuid():N}"[..20];

    [Theory]
    [InlineData("application/yaml")]
    [InlineData("text/yaml")]
    [InlineData("text/plain")]
    [InlineData("application/yaml; charset=\"UTF-8\"")]
    public async Task A_document_is_validated_whatever_text_it_is_sent_as(string type)
    {
        var answer = await SendAsync(HttpMethod.Post, "/v1/policies/validate", LifeRig.Document(5), type);
        Assert.Equal(200, answer.Status);
        Assert.Equal(("cap", 3, true), (answer.String("name"), (int)answer.Number("rules"), (bool)answer.Body["valid"]!));
        Assert.Equal(["all", "limit", "watched"], answer.Body["tests"]!["never_held"]!.AsArray().Select(rule => (string)rule!).Order(StringComparer.Ordinal));
        Assert.Contains("can never hold", (string?)(await SendAsync(
            HttpMethod.Post, "/v1/policies/validate", LifeRig.Document(5).Replace("metadata.cost > 5", "false", StringComparison.Ordinal))).Body["warnings"]![0]!["message"], StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_document_in_JSON_is_one_in_YAML()
    {
        const string Document = """{"apiVersion":"protomesh.dev/policy/v1","name":"json","rules":[{"id":"all","actions":["*"],"effect":"allow"}]}""";
        Assert.Equal("json", (await SendAsync(HttpMethod.Post, "/v1/policies/validate", Document, "application/json")).String("name"));
    }

    [Fact]
    public async Task Every_error_of_a_document_is_told_with_its_place()
    {
        var wrong = LifeRig.Document(5).Replace("effect: deny", "effect: dney", StringComparison.Ordinal).Replace("metadata.cost", "metadata.prize", StringComparison.Ordinal);
        foreach (var (method, path, file) in new[] { (HttpMethod.Post, "/v1/policies/validate", ""), (HttpMethod.Put, "/v1/policies/cap", "cap.yaml:") })
        {
            var answer = await SendAsync(method, path, wrong);
            Refusals.IsProper(answer, path);
            Assert.Equal((422, "policy_invalid"), (answer.Status, answer.Code));
            Assert.Equal([$"{file}7:21", $"{file}8:13", $"{file}11:13"], answer.Body["errors"]!.AsArray().Select(error => ((string)error!["field"]!)));
        }
    }

    [Fact]
    public async Task Every_test_that_fails_is_told_and_nothing_is_kept()
    {
        var failing = LifeRig.Document(5) + """

            tests:
              - name: dear
                given: { action: spend, metadata: { cost: 6 } }
                expect: { decision: allow }
              - name: cheap
                given: { action: spend, metadata: { cost: 1 } }
                expect: { decision: deny }
              - name: right
                given: { action: spend, metadata: { cost: 1 } }
                expect: { decision: allow }
            """;
        var answer = await SendAsync(HttpMethod.Put, "/v1/policies/cap", failing);
        Assert.Equal("policy_invalid", answer.Code);
        Assert.Equal(["cap.yaml:17:5", "cap.yaml:20:5"], answer.Body["errors"]!.AsArray().Select(error => (string)error!["field"]!));
        Assert.StartsWith("the test 'dear' decides deny because of limit, not allow", (string)answer.Body["errors"]![0]!["rule"]!, StringComparison.Ordinal);
        Assert.Equal("policy_unknown", (await AskAsync(HttpMethod.Get, "/v1/policies/cap/versions")).Code);
    }

    [Fact]
    public async Task A_policy_lives_from_its_first_version_to_the_way_back()
    {
        var first = await PutAsync(5, "author=ada&comment=the%20first");
        Assert.Equal((201, 1), (first.Status, (int)first.Number("version")));
        Assert.Equal($"/v1/policies/cap/versions/1?namespace={_space}", first.Headers.Location!.ToString());
        Assert.Equal(200, (await PutAsync(5)).Status);
        Assert.Equal((201, 2), ((await PutAsync(6)).Status, 2));
        var list = await AskAsync(HttpMethod.Get, "/v1/policies");
        Assert.Equal("\"0\"", list.Headers.ETag!.Tag);
        Assert.Equal(["starter 1", "deny-all 1", "cap 2"], list.Body["policies"]!.AsArray().Select(policy => $"{policy!["name"]} {policy["newest_version"]}"));

        var active = await ActivateAsync(1, "\"0\"", "by=ada");
        Assert.Equal(200, active.Status);
        Assert.Equal(("\"1\"", 1L, "ada"), (active.Headers.ETag!.Tag, active.Number("revision"), active.String("by")));
        Assert.Equal("deny", (await CheckAsync(5.5)).String("decision"));
        Assert.Equal(200, (await ActivateAsync(2, "\"1\"")).Status);
        Assert.Equal("allow", (await CheckAsync(5.5)).String("decision")); // the replica that activated decides by it at once
        Assert.Equal(200, (await ActivateAsync(1, "*")).Status);
        Assert.Equal("deny", (await CheckAsync(5.5)).String("decision"));

        var versions = (await AskAsync(HttpMethod.Get, "/v1/policies/cap/versions")).Body["versions"]!.AsArray();
        Assert.Equal(["2 False", "1 True"], versions.Select(version => $"{version!["version"]} {(bool)version["active"]!}"));
        var one = await AskAsync(HttpMethod.Get, "/v1/policies/cap/versions/1");
        Assert.Equal((LifeRig.Document(5), "ada", "the first"), (one.String("document"), one.String("author"), one.String("comment")));

        using var plain = new HttpRequestMessage(HttpMethod.Get, $"/v1/policies/cap/versions/1?namespace={_space}");
        plain.Headers.Accept.ParseAdd("application/yaml");
        var text = await (await ServerAsync()).Http.AskAsync(plain);
        Assert.Equal(("application/yaml", LifeRig.Document(5)), (text.MediaType, text.Text));

        Assert.Equal(200, (await ActivateAsync(1, "\"3\"", name: "starter")).Status);
        Assert.Equal("starter", (await CheckAsync(5.5)).Body["policy"]!["name"]!.ToString());
    }

    [Fact]
    public async Task An_activation_says_what_it_replaces()
    {
        await PutAsync(5);
        Assert.Equal((428, "precondition_required"), Shape(await ActivateAsync(1, null)));
        var stale = await ActivateAsync(1, "\"4\"");
        Assert.Equal((412, "precondition_failed"), Shape(stale));
        Assert.Equal("\"0\"", stale.Headers.ETag!.Tag);
        Assert.Contains("revision 0: starter version 1", stale.String("detail"), StringComparison.Ordinal);
        foreach (var wrong in new[] { "4", "\"x\"", "W/\"1\"", "\"-1\"" })
        {
            Refusals.Names(await ActivateAsync(1, wrong), "If-Match", wrong);
        }
    }

    [Fact]
    public async Task A_difference_names_rules_and_lines()
    {
        await PutAsync(5);
        var next = LifeRig.Document(6).Replace("id: watched", "id: observed", StringComparison.Ordinal);
        Assert.Equal(201, (await SendAsync(HttpMethod.Put, "/v1/policies/cap", next)).Status);
        var diff = await AskAsync(HttpMethod.Get, "/v1/policies/cap/diff", "from=1&to=2");
        Assert.Equal("""{"added":["observed"],"removed":["watched"],"changed":["limit"]}""", diff.Body["rules"]!.ToJsonString());
        Assert.Contains("-    when: \"metadata.cost > 5\"\n+    when: \"metadata.cost > 6\"\n", diff.String("text"), StringComparison.Ordinal);
        Assert.StartsWith("--- cap version 1\n+++ cap version 2\n@@ -4,", diff.String("text"), StringComparison.Ordinal);
        Assert.Equal("", (await AskAsync(HttpMethod.Get, "/v1/policies/cap/diff", "from=1&to=1")).String("text"));
    }

    [Fact]
    public async Task Lists_go_on_where_their_last_page_ended()
    {
        for (var limit = 1; limit <= 5; limit++)
        {
            await PutAsync(limit);
            Assert.Equal(201, (await SendAsync(HttpMethod.Put, $"/v1/policies/name-{limit}", LifeRig.Document(1, $"name-{limit}"))).Status);
        }

        Assert.Equal([5, 4, 3, 2, 1], await AllAsync("/v1/policies/cap/versions", "versions", one => (int)one["version"]!));
        Assert.Equal(["starter", "deny-all", "cap", "name-1", "name-2", "name-3", "name-4", "name-5"], await AllAsync("/v1/policies", "policies", one => (string)one["name"]!));
        for (var cost = 6; cost <= 10; cost++)
        {
            await ActivateAsync(5, "*");
            await CheckAsync(cost);
        }

        await Eventually.HoldsAsync(async () => (await AllAsync("/v1/decisions", "decisions", one => one)).Count == 5, "the decisions are listed");
        var whole = await AllAsync("/v1/decisions", "decisions", one => (string)one["decision_id"]!);
        Assert.Equal(whole.OrderDescending(StringComparer.Ordinal), whole);
        var detail = await AskAsync(HttpMethod.Get, $"/v1/decisions/{whole[0]}");
        Assert.Equal((10, "limit"), ((int)detail.Body["inputs"]!["metadata"]!["cost"]!, (string?)detail.Body["reasons"]![0]!["rule"]));
        var token = (await AskAsync(HttpMethod.Get, "/v1/decisions", "limit=2")).String("next_page_token");
        Refusals.Names(await AskAsync(HttpMethod.Get, "/v1/decisions", $"decision=deny&page_token={token}"), "page_token", "a token of another filter");
    }

    [Theory]
    [InlineData("GET", "/v1/policies?namespace=A", "namespace")]
    [InlineData("GET", "/v1/policies?limit=0", "limit")]
    [InlineData("GET", "/v1/policies?page_token=garbage", "page_token")]
    [InlineData("GET", "/v1/policies/cap/versions?page_token=garbage", "page_token")]
    [InlineData("GET", "/v1/policies/cap/versions?limit=1001", "limit")]
    [InlineData("GET", "/v1/policies/cap/versions/0", "version")]
    [InlineData("GET", "/v1/policies/cap/versions/one", "version")]
    [InlineData("GET", "/v1/policies/cap/versions/99999999999", "version")]
    [InlineData("GET", "/v1/policies/cap/diff?from=1", "to")]
    [InlineData("GET", "/v1/policies/cap/diff?from=-1&to=1", "from")]
    [InlineData("POST", "/v1/policies/starter/versions/1/activate?by=configuration", "by")]
    [InlineData("POST", "/v1/policies/starter/versions/1/activate?by=%01", "by")]
    [InlineData("PUT", "/v1/policies/starter", "name")]
    [InlineData("PUT", "/v1/policies/deny-all", "name")]
    [InlineData("PUT", "/v1/policies/Cap", "name")]
    [InlineData("PUT", "/v1/policies/other", "name")]
    [InlineData("PUT", "/v1/policies/cap?author=", "author")]
    [InlineData("PUT", "/v1/policies/cap?comment=%00", "comment")]
    [InlineData("PUT", "/v1/policies/cap?namespace=%20", "namespace")]
    [InlineData("GET", "/v1/decisions?decision=maybe", "decision")]
    [InlineData("GET", "/v1/decisions?agent_id=", "agent_id")]
    [InlineData("GET", "/v1/decisions?action=%07", "action")]
    [InlineData("GET", "/v1/decisions?policy=A", "policy")]
    [InlineData("GET", "/v1/decisions?page_token=garbage", "page_token")]
    public async Task What_breaks_a_rule_is_named(string method, string path, string field)
    {
        using var request = new HttpRequestMessage(new HttpMethod(method), path);
        request.Content = method == "PUT" ? Text(LifeRig.Document(1), "application/yaml") : null;
        request.Headers.TryAddWithoutValidation("If-Match", "\"99999\""); // nothing is to be activated here
        Refusals.Names(await (await ServerAsync()).Http.AskAsync(request), field, path);
    }

    [Theory]
    [InlineData("GET", "/v1/policies/nobodys/versions", "policy_unknown")]
    [InlineData("GET", "/v1/policies/N%20/versions", "policy_unknown")]
    [InlineData("GET", "/v1/policies/starter/versions/2", "policy_unknown")]
    [InlineData("GET", "/v1/policies/nobodys/diff?from=1&to=2", "policy_unknown")]
    [InlineData("POST", "/v1/policies/nobodys/versions/1/activate", "policy_unknown")]
    [InlineData("GET", "/v1/decisions/nobodys", "decision_unknown")]
    [InlineData("GET", "/v1/decisions/00000000-0000-7000-8000-000000000000", "decision_unknown")]
    public async Task What_does_not_exist_is_unknown(string method, string path, string code)
    {
        using var request = new HttpRequestMessage(new HttpMethod(method), path);
        request.Headers.TryAddWithoutValidation("If-Match", "\"99999\"");
        var answer = await (await ServerAsync()).Http.AskAsync(request);
        Refusals.IsProper(answer, path);
        Assert.Equal((404, code), Shape(answer));
    }

    [Theory]
    [InlineData("application/xml")]
    [InlineData("application/x-www-form-urlencoded")]
    [InlineData("application/yaml; charset=utf-16")]
    public async Task Another_type_of_body_is_refused(string type)
    {
        var answer = await SendAsync(HttpMethod.Post, "/v1/policies/validate", LifeRig.Document(1), type);
        Refusals.IsProper(answer, type);
        Assert.Equal((415, "unsupported_media_type"), Shape(answer));
    }

    [Fact]
    public async Task Bytes_that_are_no_text_are_refused()
    {
        foreach (var bytes in new[] { [0xff, 0xfe], new byte[] { (byte)'a', 0 } })
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, "/v1/policies/validate") { Content = new ByteArrayContent(bytes) };
            request.Content.Headers.ContentType = MediaTypeHeaderValue.Parse("application/yaml");
            Refusals.Names(await (await ServerAsync()).Http.AskAsync(request), "document", "no text");
        }
    }

    [Fact]
    public async Task Health_tells_what_decides()
    {
        var policy = (await AskAsync(HttpMethod.Get, "/health")).Body["policy"]!;
        Assert.Equal("ok", (string?)policy["state"]);
        Assert.NotNull(policy["name"]);
        Assert.NotNull(policy["revision"]);
    }

    private static (int, string?) Shape(HttpAnswer answer) => (answer.Status, answer.Code);

    private static Task<MeshServer> ServerAsync() => MeshServers.GetAsync(MeshServers.Embedded);

    private static StringContent Text(string text, string type)
    {
        var content = new StringContent(text, Encoding.UTF8);
        content.Headers.ContentType = MediaTypeHeaderValue.Parse(type);
        return content;
    }

    /// <summary>In the namespace of this test, where the call has one; an unknown parameter is refused.</summary>
    private string Url(string path, string query)
    {
        var isOfNone = path is "/health" or "/v1/policies/validate" || path.StartsWith("/v1/decisions/", StringComparison.Ordinal);
        var all = string.Join('&', new[] { isOfNone ? "" : $"namespace={_space}", query }.Where(part => part.Length > 0));
        return all.Length > 0 ? $"{path}?{all}" : path;
    }

    private async Task<List<T>> AllAsync<T>(string path, string list, Func<JsonNode, T> pick)
    {
        var all = new List<T>();
        for (string? token = ""; token is not null;)
        {
            var page = await AskAsync(HttpMethod.Get, path, $"limit=2{(token == "" ? "" : $"&page_token={token}")}");
            all.AddRange(page.Body[list]!.AsArray().Select(one => pick(one!)));
            token = (string?)page.Body["next_page_token"];
        }

        return all;
    }

    private Task<HttpAnswer> PutAsync(int limit, string query = "") => SendAsync(HttpMethod.Put, "/v1/policies/cap", LifeRig.Document(limit), query: query);

    private async Task<HttpAnswer> ActivateAsync(int version, string? ifMatch, string query = "", string name = "cap")
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, $"/v1/policies/{name}/versions/{version}/activate?namespace={_space}{(query == "" ? "" : $"&{query}")}");
        if (ifMatch is not null)
        {
            request.Headers.TryAddWithoutValidation("If-Match", ifMatch);
        }

        return await (await ServerAsync()).Http.AskAsync(request);
    }

    private async Task<HttpAnswer> CheckAsync(double cost) => await (await ServerAsync()).PostAsync(
        "/v1/policies/check", new { @namespace = _space, agent_id = "agent-1", action = "spend", metadata = new { cost } });

    private async Task<HttpAnswer> AskAsync(HttpMethod method, string path, string query = "") => await (await ServerAsync()).Http.AskAsync(method, Url(path, query));

    private async Task<HttpAnswer> SendAsync(HttpMethod method, string path, string text, string type = "application/yaml", string query = "")
    {
        using var request = new HttpRequestMessage(method, Url(path, query)) { Content = Text(text, type) };
        return await (await ServerAsync()).Http.AskAsync(request);
    }
}
