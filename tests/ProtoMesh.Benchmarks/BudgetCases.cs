namespace ProtoMesh.Benchmarks;

/// <summary>What budgets cost: reserving and committing over four of them, one script each, beside a lease that is acquired and released.</summary>
internal static class BudgetCases
{
    private const string Document = """
        apiVersion: protomesh.dev/policy/v1
        name: bench
        budgets:
          day:   { unit: usd, cap: 9000000000, key: agent.id, window: { calendar: day }, alert: [50, 80, 100] }
          month: { unit: usd, cap: 9000000000, window: { calendar: month, tz: Europe/Berlin }, alert: [50, 80, 100] }
          hour:  { unit: usd, cap: 9000000000, key: agent.team, window: { rolling: 1h } }
          run:   { unit: usd, cap: 9000000000, key: run.id, window: lifetime }
        rules:
          - { id: all, actions: ["*"], effect: allow }
        """;

    public static async Task<string> RunAsync(int rounds, TimeSpan time)
    {
        var file = Path.Combine(Path.GetTempPath(), $"budgets-{Guid.NewGuid():N}.yaml");
        await File.WriteAllTextAsync(file, Document);
        try
        {
            await using var redis = await Child.RedisAsync(appendOnly: true);
            await using var embedded = await Child.ServiceAsync(null, ("Policies__File", file));
            await using var onRedis = await Child.ServiceAsync(redis.Port, ("Policies__File", file));
            (string Name, Child Server, Func<RawClient, int, Task<double[]>> Step)[] contenders =
            [
                ("embedded, acquire + release", embedded, LeaseAsync), ("embedded, reserve + commit", embedded, BudgetAsync),
                ("Redis, acquire + release", onRedis, LeaseAsync), ("Redis, reserve + commit", onRedis, BudgetAsync),
            ];
            foreach (var contender in contenders)
            {
                await Load.RunAsync(contender.Server.Port, 16, TimeSpan.FromSeconds(Math.Min(3, time.TotalSeconds)), contender.Step);
            }

            var lines = new List<string> { "| clients | what | requests/s | of acquire + release | p50 ms | p99 ms |", "|---|---|---|---|---|---|" };
            foreach (var clients in new[] { 1, 16, 64 })
            {
                var measured = contenders.ToDictionary(contender => contender.Name, _ => new List<Measured>());
                for (var round = 0; round < rounds; round++)
                {
                    foreach (var contender in contenders)
                    {
                        measured[contender.Name].Add(await Load.RunAsync(contender.Server.Port, clients, time, contender.Step));
                    }
                }

                foreach (var (name, all) in measured)
                {
                    var (median, lease) = (Measured.Median(all), Measured.Median(measured[$"{name.Split(',')[0]}, acquire + release"]));
                    lines.Add($"| {clients} | {name} | {median.PerSecond:N0} | {median.PerSecond / lease.PerSecond:P0} | {median.P50:N2} | {median.P99:N2} |");
                }
            }

            return string.Join('\n', lines);
        }
        finally
        {
            File.Delete(file);
        }
    }

    private static async Task<double[]> LeaseAsync(RawClient client, int number)
    {
        var acquired = await Load.TimedAsync(async () => Load.Expect(
            await client.PostAsync("/v1/locks", $$"""{"resource":"bench/{{Load.Unique()}}","agent_id":"agent-{{number}}"}"""), 200, client));
        var (id, token) = (client.Body.GetProperty("lock_id").GetString(), client.Body.GetProperty("fencing_token").GetInt64());
        return [acquired, await Load.TimedAsync(async () => Load.Expect(await client.PostAsync($"/v1/locks/{id}/release", $$"""{"fencing_token":{{token}}}"""), 200, client))];
    }

    private static async Task<double[]> BudgetAsync(RawClient client, int number)
    {
        var reserved = await Load.TimedAsync(async () => Load.Expect(await client.PostAsync(
            "/v1/budgets/reservations", $$"""{"agent_id":"agent-{{number}}","run_id":"run-{{number}}","budgets":["day","month","hour","run"],"amount":1000}"""), 200, client));
        var id = client.Body.GetProperty("reservation_id").GetString();
        return [reserved, await Load.TimedAsync(async () => Load.Expect(await client.PostAsync($"/v1/budgets/reservations/{id}/commit", """{"actual":900}"""), 200, client))];
    }
}
