using System.Text.Json.Nodes;
using ProtoMesh.Tests.Rig;

namespace ProtoMesh.Tests.Http;

/// <summary>The document's limits are the service's: a value at a limit passes, the next one is refused by the field's name.</summary>
public sealed class DocumentedLimits
{
    [Fact]
    public async Task The_service_refuses_what_the_document_forbids_and_nothing_less()
    {
        var document = await ApiDocument.GetAsync();
        var server = await MeshServers.GetAsync(MeshServers.Embedded);
        var wrong = new List<string>();
        var sent = 0;
        foreach (var call in document.Calls.Where(call => call.Body is not null && !call.IsLegacy))
        {
            var schema = document.Schema(call.Body!);
            foreach (var required in schema["required"]?.AsArray() ?? [])
            {
                var body = call.BodyExamples[0].DeepClone().AsObject();
                body.Remove((string)required!);
                await ExpectAsync(call, body, (string)required!, refused: true);
                body[(string)required!] = null;
                await ExpectAsync(call, body, (string)required!, refused: true);
            }

            foreach (var (field, limits) in schema["properties"]?.AsObject() ?? [])
            {
                foreach (var (value, refused) in Values(limits!.AsObject()))
                {
                    var body = call.BodyExamples[0].DeepClone().AsObject();
                    if (field is "capacity" or "units")
                    {
                        (body["mode"], body["capacity"]) = ("slots", 10_000);
                    }

                    if (field == "resource" && body.ContainsKey("resource") is false)
                    {
                        continue;
                    }

                    body[field] = value;
                    await ExpectAsync(call, body, field, refused);
                }
            }
        }

        Assert.Empty(wrong);
        Assert.True(sent > 150, $"Only {sent} requests were sent.");
        async Task ExpectAsync(ApiCall call, JsonObject body, string field, bool refused)
        {
            sent++;
            var query = call.Id == "acquireLock" ? "?dry_run=true" : "";
            var path = call.Path.Replace("{id}", "00000000-0000.0", StringComparison.Ordinal).Replace("{namespace}", "limits", StringComparison.Ordinal);
            var answer = await server.Http.AskAsync(new HttpMethod(call.Method), path + query, body);
            var named = answer.Code == "validation_failed" && answer.Body["errors"]!.AsArray().Any(error =>
                (string)error!["field"]! == field && !string.IsNullOrEmpty((string?)error["rule"]));
            if (named != refused || answer.Status >= 500)
            {
                wrong.Add($"{call.Id}.{field} = {Short(body[field]?.ToJsonString())} should {(refused ? "" : "not ")}be refused: {answer}");
            }
        }
    }

    private static IEnumerable<(JsonNode? Value, bool Refused)> Values(JsonObject limits)
    {
        if (limits["minimum"] is { } minimum)
        {
            yield return ((long)minimum, false);
            yield return ((long)minimum - 1, true);
            yield return ((long)minimum + 0.5, true);
            yield return ("7", true);
            yield return (true, true);
        }

        if (limits["maximum"] is { } maximum)
        {
            yield return ((long)maximum, false);
            yield return ((long)maximum + 1, true);
            yield return (JsonNode.Parse("1000000000000000000000"), true);
        }

        if (limits["minLength"] is { } least)
        {
            yield return (new string('a', (int)least), false);
            yield return (new string('a', (int)least - 1), true);
        }

        if (limits["maxLength"] is { } most)
        {
            yield return (new string('a', (int)most), false);
            yield return (new string('a', (int)most + 1), true);
            yield return (new string('é', ((int)most / 2) + 1), true); // the limits are in bytes
            yield return ("a\u0000b", true);
            yield return (5, true);
        }

        if (limits["enum"] is not null || (string?)limits["type"] == "boolean")
        {
            yield return ("no such value", true);
            yield return (5, true);
        }

        if (limits["pattern"] is not null)
        {
            yield return ("", true);
            yield return ("NO\n", true);
            yield return (new string('a', 10_000), true);
            yield return (5, true);
        }

        if (limits["maxProperties"] is { } labels)
        {
            yield return (Labels((int)labels), false);
            yield return (Labels((int)labels + 1), true);
        }
    }

    private static JsonObject Labels(int count) =>
        new(Enumerable.Range(0, count).Select(index => KeyValuePair.Create($"label{index}", (JsonNode?)JsonValue.Create("x"))));

    private static string? Short(string? text) => text?.Length > 60 ? text[..60] + "…" : text;
}
