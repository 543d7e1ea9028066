using System.Runtime.CompilerServices;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using ProtoMesh.Contracts;
using ProtoMesh.Contracts.Locks;
using ProtoMesh.Tests.Rig;

namespace ProtoMesh.Tests.Http;

public sealed class DocumentTests
{
    private const string HowToUpdate = "UPDATE_SNAPSHOTS=1 dotnet test --filter DocumentTests";

    [Fact]
    public async Task The_document_is_the_one_under_version_control()
    {
        var served = (await ApiDocument.GetAsync()).Text;
        var file = Path.Combine(Folder(), "openapi.v1.json");
        if (Environment.GetEnvironmentVariable("UPDATE_SNAPSHOTS") == "1")
        {
            await File.WriteAllTextAsync(file, served);
        }

        string[] kept = (await File.ReadAllTextAsync(file)).Split('\n'), now = served.Split('\n');
        var line = kept.Zip(now).TakeWhile(pair => pair.First == pair.Second).Count();
        Assert.True(
            kept.SequenceEqual(now),
            $"The API's document has changed at line {line + 1}:\n- {kept.ElementAtOrDefault(line)}\n+ {now.ElementAtOrDefault(line)}\n" +
            $"If that is intended, run `{HowToUpdate}` and commit openapi.v1.json.");
    }

    [Fact]
    public async Task Every_call_parameter_and_answer_is_explained()
    {
        var missing = new List<string>();
        foreach (var call in (await ApiDocument.GetAsync()).Calls)
        {
            Check(call.Operation, "summary", call.Id);
            Check(call.Operation, "description", call.Id);
            foreach (var parameter in call.Parameters)
            {
                Check(parameter!.AsObject(), "description", $"{call.Id}: parameter {parameter["name"]}");
            }

            foreach (var (status, answer) in call.Operation["responses"]!.AsObject())
            {
                var content = answer!["content"]?.AsObject() ?? [];
                if ((string?)answer["description"] is "OK" or "Accepted" || content.Any(media => media.Value!["examples"] is null))
                {
                    missing.Add($"{call.Id}: an example and a text of the answer {status}");
                }
            }

            if (call.Operation["requestBody"] is not null && call.BodyExamples.Count + call.TextExamples.Count == 0)
            {
                missing.Add($"{call.Id}: a body that can be tried");
            }
        }

        Assert.Empty(missing);
        void Check(JsonObject node, string field, string where)
        {
            if (string.IsNullOrWhiteSpace((string?)node[field]))
            {
                missing.Add($"{where}: {field}");
            }
        }
    }

    [Fact]
    public async Task Every_call_lists_the_problems_that_any_call_can_answer()
    {
        foreach (var call in (await ApiDocument.GetAsync()).Calls.Where(call => call.Path.StartsWith("/v1/", StringComparison.Ordinal) && !call.IsLegacy))
        {
            var text = (string)call.Operation["description"]!;
            string[] codes = ["store_unavailable", "store_recovering", .. call.Body is null ? [] : new[] { "malformed_json" }, .. call.Operation["requestBody"] is null ? [] : new[] { "payload_too_large", "unsupported_media_type" }];
            foreach (var kind in codes.Select(ProblemCatalogue.Get))
            {
                Assert.Contains($"| {kind.Status} | `{kind.Code}` | {kind.Description} |", text, StringComparison.Ordinal);
                Assert.NotNull(call.Operation["responses"]![$"{kind.Status}"]);
            }
        }
    }

    [Fact]
    public async Task Every_example_reads_back_into_its_record()
    {
        var json = new JsonSerializerOptions { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower, UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow };
        var records = typeof(AcquireLock).Assembly.GetTypes().Concat(typeof(Program).Assembly.GetTypes().Where(type => type.Name.StartsWith("Health", StringComparison.Ordinal)))
            .Where(type => type.Name.Length > 1).DistinctBy(type => type.Name).ToDictionary(type => type.Name);
        var read = 0;
        foreach (var call in (await ApiDocument.GetAsync()).Calls)
        {
            var bodies = (call.Operation["responses"]!.AsObject().Select(answer => answer.Value!["content"])).Append(call.TakesText ? null : call.Operation["requestBody"]?["content"]);
            foreach (var media in bodies.SelectMany(content => content?.AsObject() ?? []).Select(media => media.Value!))
            {
                var schema = media["schema"]!;
                var names = (schema["oneOf"]?.AsArray() ?? [schema.DeepClone()]).Select(one => ((string)one!["$ref"]!).Split('/')[^1]).ToArray();
                foreach (var (name, example) in media["examples"]!.AsObject())
                {
                    var failures = names.Select(record => Failure(example!["value"]!, records[record])).ToArray();
                    Assert.True(failures.Contains(null), $"{call.Id}, example {name}: {string.Join(" ", failures)}");
                    read++;
                }
            }
        }

        Assert.True(read > 50, $"Only {read} examples were found.");
        string? Failure(JsonNode value, Type record)
        {
            try
            {
                return value.Deserialize(record, json) is null ? "null" : null;
            }
            catch (JsonException failure)
            {
                return failure.Message;
            }
        }
    }

    [Fact]
    public async Task Every_body_that_is_offered_can_be_sent()
    {
        var server = await MeshServers.GetAsync(MeshServers.Embedded);
        foreach (var call in (await ApiDocument.GetAsync()).Calls)
        {
            foreach (var body in call.BodyExamples)
            {
                var answer = await server.Http.AskAsync(new HttpMethod(call.Method), call.Path.Replace("{id}", "00000000-0000.0", StringComparison.Ordinal).Replace("{namespace}", "payments", StringComparison.Ordinal), body);
                Assert.True(answer.Status < 500 && answer.Code is null or "lock_unknown" or "lock_held" or "keys_off" or "precondition_required" or "approval_unknown" or "approval_not_needed" or "grant_unknown" or "budget_unknown" or "reservation_unknown", $"{call.Id} {body.ToJsonString()}: {answer}");
            }

            foreach (var text in call.TextExamples)
            {
                using var request = new HttpRequestMessage(new HttpMethod(call.Method), call.ExamplePath());
                request.Content = new StringContent(text, System.Text.Encoding.UTF8, "application/yaml");
                var answer = await server.Http.AskAsync(request);
                Assert.True(answer.Status is 200 or 201, $"{call.Id}: {answer}");
            }
        }
    }

    private static string Folder([CallerFilePath] string here = "") => Path.GetDirectoryName(here)!;
}
