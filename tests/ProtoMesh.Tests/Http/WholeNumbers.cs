using System.Globalization;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using ProtoMesh.Tests.Rig;

namespace ProtoMesh.Tests.Http;

/// <summary>Whoever sends a fraction or a text where a whole number belongs is told the field, that it is a whole number, and its range.</summary>
public sealed partial class WholeNumbers
{
    [Fact]
    public async Task A_fraction_where_a_whole_number_belongs_is_answered_with_the_field_and_its_range()
    {
        var document = await ApiDocument.GetAsync();
        var server = await MeshServers.GetAsync(MeshServers.Embedded);
        var (wrong, ranges) = (new List<string>(), 0);
        foreach (var call in document.Calls.Where(call => call.Body is not null && !call.IsLegacy))
        {
            foreach (var path in Numbers(document, document.Schema(call.Body!), []))
            {
                var (field, rule) = (string.Concat(path.Select((step, index) => step == "0" ? "[0]" : index == 0 ? step : $".{step}")), "");
                foreach (var value in new JsonNode[] { 1.5, "7", true, JsonNode.Parse("100000000000000000000")! })
                {
                    var answer = await SendAsync(call, path, value);
                    rule = answer.Code == "validation_failed" ? (string?)answer.Body["errors"]!.AsArray().FirstOrDefault(error => (string)error!["field"]! == field)?["rule"] ?? "" : "";
                    if (!RulePattern().IsMatch(rule))
                    {
                        wrong.Add($"{call.Id}.{field} = {value.ToJsonString()}: {answer}");
                    }
                }

                // The same numbers as for a whole number beyond them, which somebody else checks.
                var most = RulePattern().Match(rule).Groups["most"].Value;
                if (most.Length > 0)
                {
                    var beyond = await SendAsync(call, path, long.Parse(most, CultureInfo.InvariantCulture) + 1);
                    var told = beyond.Code == "validation_failed" ? (string?)beyond.Body["errors"]!.AsArray().FirstOrDefault(error => (string)error!["field"]! == field)?["rule"] : null;
                    ranges += told is null ? 0 : 1;
                    if (told is null ? beyond.Status != 404 && !beyond.Text.Contains($" to {most}\"", StringComparison.Ordinal) : !told.Contains(most, StringComparison.Ordinal) && told != "1 to capacity")
                    {
                        wrong.Add($"{call.Id}.{field} = {most} + 1: {beyond}");
                    }
                }
            }
        }

        Assert.True(wrong.Count == 0, string.Join('\n', wrong));
        Assert.True(ranges > 20, $"Only {ranges} ranges were seen.");

        Task<HttpAnswer> SendAsync(ApiCall call, IReadOnlyList<string> path, JsonNode value)
        {
            var body = call.BodyExamples[0].DeepClone().AsObject();
            JsonNode at = body;
            foreach (var (step, next) in path.Zip(path.Skip(1)).Where(pair => pair.First != "0"))
            {
                var (holder, isList) = (at is JsonArray list ? list[0]! : at, next == "0");
                var fits = isList ? holder[step] is JsonArray { Count: > 0 } items && items[0] is JsonObject : holder[step] is JsonObject;
                holder[step] = fits ? holder[step]!.DeepClone() : isList ? new JsonArray(new JsonObject()) : new JsonObject();
                at = isList ? holder[step]![0]! : holder[step]!;
            }

            if (path[^1] is "capacity" or "units")
            {
                (at["mode"], at["capacity"], at["resource"]) = ("slots", 10_000, "x/1");
                _ = path.Count > 1 && body.Remove("resource");
            }

            at[path[^1]] = value.DeepClone();
            return server.Http.AskAsync(new HttpMethod(call.Method), call.ExamplePath(), body);
        }
    }

    /// <summary>Fields whose type alone is told: the reader knows no more of them.</summary>
    [Theory]
    [InlineData("/v1/approvals", """{"agent_id":"a","action":"x","resources":5}""", "resources", "a list of type/id texts or objects with resource, mode, capacity and units")]
    [InlineData("/v1/approvals", """{"agent_id":5,"action":"x"}""", "agent_id", "a text")]
    [InlineData("/v1/keys", """{"role":"agent","groups":"ops"}""", "groups", "a list")]
    [InlineData("/v1/keys", """{"role":"agent","expires_at":5}""", "expires_at", "a time as in RFC 3339")]
    public async Task What_is_of_another_kind_is_answered_with_the_kind(string path, string body, string field, string rule)
    {
        var answer = await (await MeshServers.GetAsync(MeshServers.Embedded)).Http.AskAsync(HttpMethod.Post, path, JsonNode.Parse(body));
        Refusals.Names(answer, field, body);
        Assert.Equal(rule, (string)answer.Body["errors"]![0]!["rule"]!);
    }

    private static IEnumerable<IReadOnlyList<string>> Numbers(ApiDocument document, JsonObject schema, IReadOnlyList<string> path)
    {
        if ((string?)schema["$ref"] is { } named)
        {
            schema = document.Schema(named.Split('/')[^1]);
        }

        var types = schema["type"] is JsonArray several ? [.. several.Select(type => (string)type!)] : schema["type"] is { } one ? [(string)one!] : Array.Empty<string>();
        if (types.Contains("integer"))
        {
            yield return path;
        }

        foreach (var option in (schema["oneOf"]?.AsArray() ?? schema["anyOf"]?.AsArray() ?? []).SelectMany(option => Numbers(document, option!.AsObject(), path)))
        {
            yield return option;
        }

        foreach (var found in (schema["properties"]?.AsObject() ?? []).SelectMany(property => Numbers(document, property.Value!.AsObject(), [.. path, property.Key])))
        {
            yield return found;
        }

        foreach (var found in types.Contains("array") ? Numbers(document, schema["items"]!.AsObject(), [.. path, "0"]) : [])
        {
            yield return found;
        }
    }

    [GeneratedRegex(@"^a whole number( of milliseconds)?, (\d+ to (?<most>\d+)|from \d+)")]
    private static partial Regex RulePattern();
}
