using System.Diagnostics;
using ProtoMesh.Server.Access;

namespace ProtoMesh.Benchmarks;

/// <summary>What a key costs: its check alone, in this process, and a lease with a key beside one without, also while others try wrong keys.</summary>
internal static class KeyCases
{
    private const int WrongAMinute = 10_000;

    public static async Task<string> RunAsync(int rounds, TimeSpan time) => string.Join('\n', Check(time), "", await HttpAsync(rounds, time));

    private static string Check(TimeSpan time)
    {
        var ring = new KeyRing(TimeProvider.System);
        var texts = Enumerable.Range(0, 10_000).Select(_ => KeyText.New()).ToArray();
        var keys = texts.Select(text =>
        {
            KeyText.TryRead(text, out var id, out var secret);
            return new AccessKey(
                new KeyRow { KeyId = id.ToString(), Namespace = "default", Role = Roles.Agent, AgentId = "a", Labels = "{}", Sha256 = KeyText.Digest(secret), CreatedBy = "" }, new KeyUse());
        });
        ring.Swap(isClosed: true, keys.ToDictionary(key => key.Id, StringComparer.Ordinal));
        var lines = new List<string> { "| one check among 10,000 keys | time | bytes allocated |", "|---|---|---|" };
        foreach (var (name, text) in new (string, Func<int, string>)[]
        {
            ("good", index => texts[index % texts.Length]), ("unknown", _ => KeyText.New("0123456789abcdef")), ("of another secret", index => texts[index % texts.Length][..^1] + "0"), ("malformed", _ => "pm_nonsense"),
        })
        {
            var tried = Enumerable.Range(0, 1_000).Select(text).ToArray();
            var (rounds, bytes, watch) = (0L, GC.GetAllocatedBytesForCurrentThread(), Stopwatch.StartNew());
            while (watch.Elapsed < time)
            {
                foreach (var each in tried)
                {
                    ring.Check(each);
                }

                rounds += tried.Length;
            }

            lines.Add($"| {name} | {watch.Elapsed.TotalNanoseconds / rounds:N0} ns | {(GC.GetAllocatedBytesForCurrentThread() - bytes) / rounds} |");
        }

        return string.Join('\n', lines);
    }

    private static async Task<string> HttpAsync(int rounds, TimeSpan time)
    {
        var root = KeyText.New();
        await using var redis = await Child.RedisAsync(appendOnly: true);
        await using var other = await Child.RedisAsync(appendOnly: true);
        await using var open = await Child.ServiceAsync(null);
        await using var keyed = await Child.ServiceAsync(null, ("Auth__BootstrapKey", root));
        await using var openOnRedis = await Child.ServiceAsync(redis.Port);
        await using var keyedOnRedis = await Child.ServiceAsync(other.Port, ("Auth__BootstrapKey", root));
        var lines = new List<string> { "| clients | acquire + release | requests/s | of without a key | p50 ms | p99 ms |", "|---|---|---|---|---|---|" };
        (string Name, Child Server, string Headers, bool WithWrongOnes)[] contenders =
        [
            ("embedded, no key", open, "", false), ("embedded, with a key", keyed, await AgentAsync(keyed, root), false),
            ("embedded, with a key, 10,000 wrong keys a minute", keyed, await AgentAsync(keyed, root), true),
            ("Redis, no key", openOnRedis, "", false), ("Redis, with a key", keyedOnRedis, await AgentAsync(keyedOnRedis, root), false),
        ];
        foreach (var contender in contenders)
        {
            await Load.RunAsync(contender.Server.Port, 16, TimeSpan.FromSeconds(3), (client, _) => StepAsync(client, contender.Headers));
        }

        foreach (var clients in new[] { 1, 16, 64 })
        {
            var measured = contenders.ToDictionary(contender => contender.Name, _ => new List<Measured>());
            for (var round = 0; round < rounds; round++)
            {
                foreach (var contender in contenders)
                {
                    using var enough = new CancellationTokenSource();
                    var wrong = contender.WithWrongOnes ? TryWrongOnesAsync(contender.Server.Port, enough.Token) : Task.CompletedTask;
                    measured[contender.Name].Add(await Load.RunAsync(contender.Server.Port, clients, time, (client, _) => StepAsync(client, contender.Headers)));
                    await enough.CancelAsync();
                    await wrong;
                }
            }

            foreach (var (name, all) in measured)
            {
                var median = Measured.Median(all);
                var without = Measured.Median(measured[name.StartsWith("Redis", StringComparison.Ordinal) ? "Redis, no key" : "embedded, no key"]);
                lines.Add($"| {clients} | {name} | {median.PerSecond:N0} | {median.PerSecond / without.PerSecond:P0} | {median.P50:N2} | {median.P99:N2} |");
            }
        }

        return string.Join('\n', lines);
    }

    private static async Task<string> AgentAsync(Child server, string root)
    {
        using var client = await RawClient.ConnectAsync(server.Port);
        Load.Expect(await client.PostAsync("/v1/keys", """{"role":"agent","agent_id":"agent-1"}""", Header(root)), 201, client);
        return Header(client.Body.GetProperty("key").GetString()!);
    }

    private static string Header(string key) => $"Authorization: Bearer {key}\r\n";

    private static async Task<double[]> StepAsync(RawClient client, string headers)
    {
        var acquired = await Load.TimedAsync(async () => Load.Expect(
            await client.PostAsync("/v1/locks", $$"""{"resource":"bench/{{Load.Unique()}}","agent_id":"agent-1","priority":5,"reason":"refund #42"}""", headers), 200, client));
        var (id, token) = (client.Body.GetProperty("lock_id").GetString(), client.Body.GetProperty("fencing_token").GetInt64());
        var released = await Load.TimedAsync(async () =>
            Load.Expect(await client.PostAsync($"/v1/locks/{id}/release", $$"""{"fencing_token":{{token}}}""", headers), 200, client));
        return [acquired, released];
    }

    private static async Task TryWrongOnesAsync(int port, CancellationToken enough)
    {
        using var client = await RawClient.ConnectAsync(port);
        using var pace = new PeriodicTimer(TimeSpan.FromMinutes(1) / WrongAMinute);
        try
        {
            while (await pace.WaitForNextTickAsync(enough))
            {
                Load.Expect(await client.PostAsync("/v1/locks", """{"resource":"bench/0","agent_id":"agent-1"}""", Header(KeyText.New())), 401, client);
            }
        }
        catch (OperationCanceledException)
        {
            // The round is over.
        }
    }
}
