using System.Globalization;

namespace ProtoMesh.Benchmarks;

/// <summary>What is measured. Each case returns lines of Markdown; every figure of a row comes from one interleaved run.</summary>
internal static class Cases
{
    private static readonly TimeSpan WarmUp = TimeSpan.FromSeconds(3);

    /// <summary>Acquire alone on fresh resources, and acquire + release, against a JSON echo on the same Kestrel.</summary>
    public static async Task<string> HttpAsync(int rounds, TimeSpan time)
    {
        await using var echo = await Child.EchoAsync();
        await using var redis = await Child.RedisAsync(appendOnly: true);
        await using var embedded = await Child.ServiceAsync(null);
        await using var onRedis = await Child.ServiceAsync(redis.Port);
        var lines = new List<string>
        {
            "| clients | what | requests/s | of echo | p50 ms | p99 ms | journal lag |",
            "|---|---|---|---|---|---|---|",
        };
        (string Name, Child Server, Func<RawClient, int, Task<double[]>> Step)[] contenders =
        [
            ("JSON echo", echo, EchoStep),
            ("acquire, embedded", embedded, AcquireStep),
            ("acquire + release, embedded", embedded, PairStep),
            ("acquire, Redis", onRedis, AcquireStep),
            ("acquire + release, Redis", onRedis, PairStep),
        ];
        foreach (var contender in contenders)
        {
            await Load.RunAsync(contender.Server.Port, 16, WarmUp, contender.Step);
        }

        foreach (var clients in new[] { 1, 16, 64 })
        {
            var measured = contenders.ToDictionary(contender => contender.Name, _ => new List<Measured>());
            var lags = contenders.ToDictionary(contender => contender.Name, _ => "");
            for (var round = 0; round < rounds; round++)
            {
                foreach (var contender in contenders)
                {
                    measured[contender.Name].Add(await Load.RunAsync(contender.Server.Port, clients, time, contender.Step));
                    lags[contender.Name] = await LagAsync(contender.Server, contender.Server != echo);
                }
            }

            var limit = Measured.Median(measured["JSON echo"]).PerSecond;
            foreach (var (name, all) in measured)
            {
                var median = Measured.Median(all);
                lines.Add(Row($"{clients}", name, $"{median.PerSecond:N0}", $"{median.PerSecond / limit:P0}", $"{median.P50:N2}", $"{median.P99:N2}", lags[name]));
            }
        }

        return string.Join('\n', lines);
    }

    /// <summary>From the sending of a release to the next holder's answer, on one resource.</summary>
    public static async Task<string> HandoffAsync(int rounds)
    {
        var lines = new List<string> { "| store | open waiters | detached behind | hand-offs | p50 ms | p99 ms |", "|---|---|---|---|---|---|" };
        await using var redis = await Child.RedisAsync(appendOnly: true);
        foreach (var (name, port) in new[] { ("embedded", (int?)null), ("Redis", redis.Port) })
        {
            await using var server = await Child.ServiceAsync(port);
            await Handoff.RunAsync(server.Port, 100, 0, 200);
            foreach (var (waiters, detached) in new[] { (10, 0), (100, 0), (1_000, 0), (100, 10_000) })
            {
                var all = new List<double>();
                for (var round = 0; round < rounds; round++)
                {
                    all.AddRange(await Handoff.RunAsync(server.Port, waiters, detached, 500));
                }

                var measured = Measured.Of(all, 1);
                lines.Add(Row(name, $"{waiters:N0}", $"{detached:N0}", $"{all.Count:N0}", $"{measured.P50:N2}", $"{measured.P99:N2}"));
            }
        }

        return string.Join('\n', lines);
    }

    /// <summary>100,000 held and 100,000 waiting requests.</summary>
    public static async Task<string> MemoryAsync(int count)
    {
        await using var redis = await Child.RedisAsync(appendOnly: false);
        await using var server = await Child.ServiceAsync(redis.Port);
        var before = await RedisMemoryAsync(redis.Port);
        var resident = server.ResidentBytes;
        await FillAsync(server.Port, count, (client, number) => client.PostAsync(
            "/v1/locks", $$"""{"resource":"customer/{{number}}","agent_id":"agent-{{number % 1000}}","ttl_ms":300000,"reason":"refund #{{number}}"}"""));
        await SettleAsync(server);
        var held = await RedisMemoryAsync(redis.Port);
        await FillAsync(server.Port, count, (client, number) => client.PostAsync(
            "/v1/locks", $$"""{"resource":"customer/{{number}}","agent_id":"agent-{{number % 1000}}","wait_ms":3600000,"detached":true,"reason":"refund #{{number}}"}"""));
        await SettleAsync(server);
        var waiting = await RedisMemoryAsync(redis.Port);
        return string.Join('\n',
            "| what | bytes each in Redis |", "|---|---|",
            Row($"{count:N0} held leases", $"{(held - before) / count:N0}"),
            Row($"{count:N0} waiters", $"{(waiting - held) / count:N0}"),
            "", $"The service grew from {resident / 1_048_576} to {server.ResidentBytes / 1_048_576} MB resident.");
    }

    /// <summary>From the start of the process to the first answer of <c>/health/ready</c>.</summary>
    public static async Task<string> StartAsync(int rounds)
    {
        var times = new List<double>();
        for (var round = 0; round < rounds; round++)
        {
            await using var server = await Child.ServiceAsync(null);
            times.Add(server.StartedInMs);
        }

        return $"Empty folder to ready, embedded store and SQLite: median {Measured.Middle(times):N0} ms of {rounds} starts.";
    }

    private static async Task<double[]> EchoStep(RawClient client, int number) =>
        [await Load.TimedAsync(async () => Load.Expect(await client.PostAsync("/echo", Body()), 200, client))];

    private static async Task<double[]> AcquireStep(RawClient client, int number) =>
        [await Load.TimedAsync(async () => Load.Expect(await client.PostAsync("/v1/locks", Body()), 200, client))];

    private static async Task<double[]> PairStep(RawClient client, int number)
    {
        var acquired = await Load.TimedAsync(async () => Load.Expect(await client.PostAsync("/v1/locks", Body()), 200, client));
        var body = client.Body;
        var (id, token) = (body.GetProperty("lock_id").GetString(), body.GetProperty("fencing_token").GetInt64());
        var released = await Load.TimedAsync(async () =>
            Load.Expect(await client.PostAsync($"/v1/locks/{id}/release", $$"""{"fencing_token":{{token}}}"""), 200, client));
        return [acquired, released];
    }

    private static string Body() => $$"""{"resource":"bench/{{Load.Unique()}}","agent_id":"agent-1","priority":5,"reason":"refund #42"}""";

    private static async Task FillAsync(int port, int count, Func<RawClient, int, Task<int>> post)
    {
        var next = 0;
        await Task.WhenAll(Enumerable.Range(0, 32).Select(async _ =>
        {
            using var client = await RawClient.ConnectAsync(port);
            while (Interlocked.Increment(ref next) is var number && number <= count)
            {
                var status = await post(client, number);
                Load.Expect(status is 200 or 202 ? 200 : status, 200, client);
            }
        }));
    }

    /// <summary>Waits until the journal has everything, so that the outbox is empty.</summary>
    private static async Task SettleAsync(Child server)
    {
        for (var wait = 0; wait < 600 && await LagAsync(server, true) is not ("0 events" or "unknown"); wait++)
        {
            await Task.Delay(200);
        }
    }

    private static async Task<string> LagAsync(Child server, bool isService)
    {
        if (!isService)
        {
            return "";
        }

        using var http = new HttpClient();
        using var health = System.Text.Json.JsonDocument.Parse(await http.GetStringAsync($"http://127.0.0.1:{server.Port}/health"));
        return health.RootElement.GetProperty("database").TryGetProperty("journal_lag_events", out var lag) ? $"{lag.GetInt64():N0} events" : "unknown";
    }

    private static async Task<long> RedisMemoryAsync(int port)
    {
        using var redis = await StackExchange.Redis.ConnectionMultiplexer.ConnectAsync($"127.0.0.1:{port},allowAdmin=true");
        var info = await redis.GetServer("127.0.0.1", port).InfoAsync("memory");
        return long.Parse(info.SelectMany(group => group).First(pair => pair.Key == "used_memory").Value, CultureInfo.InvariantCulture);
    }

    private static string Row(params string[] cells) => $"| {string.Join(" | ", cells)} |";
}
