using System.Text;
using System.Text.Json.Nodes;
using ProtoMesh.Tests.Rig;
using Xunit.Abstractions;

namespace ProtoMesh.Tests.Http;

/// <summary>Random requests to every call of the document. FUZZ_SEED replays one run, FUZZ_REQUESTS makes it longer.</summary>
public sealed class FuzzTests(ITestOutputHelper output)
{
    private static readonly string[] Texts =
    [
        "", " ", "a", "customer/123", "lock:x", "{}", "a/b/c", "🦊/🦊", "x/\u0001w", "default/x/y\u0001h", "'; return 1 --", "\u0000", "\u007f",
        "00000000-0000.0", "00000000.99999", "wait", "-1", "9007199254740993", "true", "null", "granted", "slots", "%s%n", "../../etc/passwd", new('z', 600), new('é', 5_000),
    ];

    private static readonly string[] Numbers = ["0", "-1", "1", "5", "1000", "2.5", "1e400", "-0", "9007199254740992", "9223372036854775808", "1e3"];

    [Theory]
    [ClassData(typeof(ServedStores))]
    public async Task Random_requests_get_an_answer_or_a_proper_problem_and_what_is_refused_changes_nothing(string store)
    {
        var seed = int.TryParse(Environment.GetEnvironmentVariable("FUZZ_SEED"), out var given) ? given : Random.Shared.Next();
        var count = int.TryParse(Environment.GetEnvironmentVariable("FUZZ_REQUESTS"), out var more) ? more : 1_500;
        output.WriteLine($"FUZZ_SEED={seed}");
        var random = new Random(seed);
        await using var redis = store == MeshServers.Redis ? await RedisServer.StartAsync() : null;
        await using var server = await MeshServer.StartAsync(redis is null ? [] : [("ConnectionStrings:Redis", redis.ConnectionString)]);
        var held = await server.PostAsync("/v1/locks", new { resource = "customer/123", agent_id = "holder", ttl_ms = 300_000 });
        await server.PostAsync("/v1/locks", new { resource = "customer/123", agent_id = "waiter", detached = true, wait_ms = 3_600_000 });
        var calls = (await ApiDocument.GetAsync()).Calls.Where(call => call.Path.StartsWith("/v1/", StringComparison.Ordinal)).ToArray();
        var (refused, served) = (0, 0);
        for (var number = 0; number < count; number++)
        {
            var call = calls[random.Next(calls.Length)];
            using var request = Make(call, random, held.String("lock_id"), out var text);
            text = $"seed {seed}, request {number}: {text}";
            var before = number % 10 == 0 ? await StateAsync(server) : null;
            var answer = await server.Http.AskAsync(request);
            if (answer.Status is < 400 or 422 || (call.IsLegacy && answer.MediaType == "application/json"))
            {
                served++;
                continue;
            }

            refused++;
            if (answer.MediaType is null && answer.Status is 400 or 414 or 431)
            {
                continue; // the HTTP server refused it before the service saw it
            }

            Refusals.IsProper(answer, text);
            if (before is not null)
            {
                Assert.True(before == await StateAsync(server), $"{text} was refused and changed something: {answer}");
            }
        }

        output.WriteLine($"{refused} refused, {served} served");
        Assert.True(refused > count / 4 && served > count / 50, $"{refused} refused, {served} served: the requests prove little.");
        Assert.DoesNotContain("\"LogLevel\":\"Error\",\"Category\":\"ProtoMesh.Server.Http", server.Log, StringComparison.Ordinal);
    }

    /// <summary>All that callers can see, without the times that pass.</summary>
    private static async Task<string> StateAsync(MeshServer server)
    {
        var text = new StringBuilder();
        foreach (var each in (await server.GetAsync("/v1/locks?limit=1000")).Body["locks"]!.AsArray())
        {
            text.Append($"{each!["lock_id"]} {each["state"]} {each["agent_id"]} {each["priority"]} {each["progress"]} {each["hold_ends_at"]} {each["expires_at"]}\n");
        }

        foreach (var each in (await server.GetAsync("/v1/resources?limit=1000")).Body["resources"]!.AsArray())
        {
            text.Append($"{each!["resource"]} {each["queue_length"]} {each["held_by"]!.AsArray().Count}\n");
        }

        return text.ToString();
    }

    private static HttpRequestMessage Make(ApiCall call, Random random, string lockId, out string text)
    {
        var path = call.Path.Replace("{id}", Uri.EscapeDataString(random.Next(3) > 0 ? lockId : Text(random)), StringComparison.Ordinal)
            .Replace("{name}", Uri.EscapeDataString(random.Next(2) > 0 ? "starter" : Text(random)), StringComparison.Ordinal)
            .Replace("{version}", random.Next(2) > 0 ? "1" : Uri.EscapeDataString(Text(random)), StringComparison.Ordinal)
            .Replace("{decision_id}", Uri.EscapeDataString(Text(random)), StringComparison.Ordinal)
            .Replace("{lock_id}", Uri.EscapeDataString(Text(random)), StringComparison.Ordinal);
        var query = call.Parameters.Where(parameter => (string)parameter!["in"]! == "query" && random.Next(2) == 0)
            .Select(parameter => $"{parameter!["name"]}={Uri.EscapeDataString(Text(random))}");
        path = $"{path}?{string.Join('&', query)}";
        var request = new HttpRequestMessage(new HttpMethod(call.Method), path);
        var body = "";
        if (call.Operation["requestBody"] is not null)
        {
            body = Body(call, random);
            request.Content = new StringContent(body, Encoding.UTF8, random.Next(30) == 0 ? "text/plain" : "application/json");
        }

        request.Headers.TryAddWithoutValidation("Prefer", random.Next(4) == 0 ? $"wait={new string([.. Text(random).Where(letter => letter is > ' ' and < '\u007f')])}" : "wait=0");
        text = $"{call.Method} {path} {(body.Length > 500 ? body[..500] + "…" : body)}";
        return request;
    }

    private static string Body(ApiCall call, Random random)
    {
        if (random.Next(12) == 0)
        {
            return Value(random, 3);
        }

        if (call.TakesText)
        {
            var document = call.TextExamples[random.Next(call.TextExamples.Count)];
            var place = random.Next(document.Length);
            return random.Next(3) == 0 ? document : document[..place] + Text(random) + document[Math.Min(document.Length, place + random.Next(5))..];
        }

        var body = call.BodyExamples[random.Next(call.BodyExamples.Count)].DeepClone().AsObject();
        var fields = new List<(string Name, string Json)>(body.Select(field => (field.Key, field.Value?.ToJsonString() ?? "null")));
        for (var changes = random.Next(3); changes > 0; changes--)
        {
            var place = random.Next(fields.Count + 1);
            var name = place == fields.Count ? Text(random) : fields[place].Name;
            if (place < fields.Count && random.Next(3) > 0)
            {
                fields.RemoveAt(place);
            }

            fields.Add((name, Value(random, 2)));
        }

        var json = $"{{{string.Join(',', fields.Select(field => $"{JsonValue.Create(field.Name).ToJsonString()}:{field.Json}"))}}}";
        return random.Next(20) == 0 ? json[..random.Next(json.Length)] : json;
    }

    private static string Value(Random random, int depth) => random.Next(depth > 0 ? 7 : 5) switch
    {
        0 => "null",
        1 => random.Next(2) == 0 ? "true" : "false",
        2 => Numbers[random.Next(Numbers.Length)],
        3 or 4 => JsonValue.Create(Text(random)).ToJsonString(),
        5 => $"[{string.Join(',', Enumerable.Range(0, random.Next(4)).Select(_ => Value(random, depth - 1)))}]",
        _ => $"{{{string.Join(',', Enumerable.Range(0, random.Next(4)).Select(_ => $"{JsonValue.Create(Text(random)).ToJsonString()}:{Value(random, depth - 1)}"))}}}",
    };

    private static string Text(Random random) => random.Next(5) == 0
        ? new string([.. Enumerable.Range(0, random.Next(40)).Select(_ => (char)random.Next(1, 0xd7ff))])
        : Texts[random.Next(Texts.Length)];
}
