using System.Text.Json.Nodes;
using ProtoMesh.Server.Store;
using ProtoMesh.Tests.Data;
using ProtoMesh.Tests.Policies;
using ProtoMesh.Tests.Rig;
using Xunit.Abstractions;

namespace ProtoMesh.Tests.Budgets;

/// <summary>The ledger has every change exactly once, says what the counters have to be, and sets them right.</summary>
[Trait("Category", "Slow")]
public sealed class LedgerTests(ITestOutputHelper output)
{
    private const string Rules = "  - { id: yes, actions: [\"*\"], effect: allow }";

    private const string Head = """
        budgets:
          day:   { unit: usd, cap: 1000000, window: { calendar: day } }
          hour:  { unit: usd, cap: 1000000, key: agent.id, window: { rolling: 1h } }
          ever:  { unit: usd, cap: 1000000, window: lifetime }
        """;

    [Theory, ClassData(typeof(Databases))]
    public async Task After_a_random_run_the_ledger_says_what_the_counters_say_and_rebuilds_them_when_they_are_wrong(string database)
    {
        using var folder = new TempFolder("ledger");
        await using var redis = await RedisServer.StartAsync();
        await using var server = await MeshServer.StartAsync(("ConnectionStrings:Redis", redis.ConnectionString), ("ConnectionStrings:Database", await Databases.CreateAsync(database, folder)));
        var calls = new PolicyCalls(server);
        await calls.ActivateAsync(Rules, Head);
        var seed = Environment.TickCount;
        output.WriteLine($"seed {seed}");
        var random = new Random(seed);
        var (spent, held) = (0L, 0L);
        for (var step = 0; step < 120; step++)
        {
            var amount = random.Next(0, 1_000_000);
            var made = await calls.ReserveAsync(amount, $"r-{Guid.NewGuid():N}", "day", "hour", "ever");
            switch (random.Next(4))
            {
                case 0:
                    held += amount;
                    break;
                case 1:
                    await calls.SettleAsync(made, "release");
                    break;
                default:
                    var actual = random.Next(0, 2_000_000);
                    spent += actual;
                    await calls.SettleAsync(made, "commit", actual);
                    break;
            }
        }

        await server.PostAsync("/v1/budgets/ever/top-up", new { @namespace = calls.Namespace, amount = 7, reason = "test" });
        (string Budget, string? Key)[] counters = [("day", null), ("hour", "agent-1"), ("ever", null)];
        foreach (var (budget, key) in counters)
        {
            await StandsAsync(budget, key, 0);
        }

        // Wrong in every way that a lost or edited key can be: one is gone, one has another number, one has moved back.
        var keys = new PartitionKeys(0).Names[7];
        var fields = (await redis.SendAsync("HKEYS", keys)).Items.Select(item => item.Text).Where(field => field.StartsWith($"c{calls.Namespace}\u0004", StringComparison.Ordinal)).ToList();
        Assert.Equal(3, fields.Count);
        await redis.SendAsync("HDEL", keys, fields.Single(field => field.Contains("\u0004day\u0004", StringComparison.Ordinal)));
        foreach (var field in fields.Where(field => !field.Contains("\u0004day\u0004", StringComparison.Ordinal)))
        {
            var parts = (await redis.SendAsync("HGET", keys, field)).Text.Split('\u0001');
            parts[0] = "99";
            parts[4] = string.Join('\u0002', parts[4].Split('\u0002').Select(bucket => bucket.Split(',')).Select(bucket => $"{bucket[0]},1,0,0"));
            await redis.SendAsync("HSET", keys, field, string.Join('\u0001', parts));
        }

        foreach (var (budget, key) in counters)
        {
            var before = await UsageAsync(budget, key);
            Assert.True(before.Number("drift") != 0, before.ToString());
            var rebuilt = await server.PostAsync($"/v1/budgets/{budget}/rebuild", new { @namespace = calls.Namespace, key });
            Assert.True(rebuilt.Status == 200 && rebuilt.Number("drift_before") == before.Number("drift"), rebuilt.ToString());
            await StandsAsync(budget, key, 0);
        }

        Task<HttpAnswer> UsageAsync(string budget, string? key) => server.GetAsync($"/v1/budgets/{budget}/usage?namespace={calls.Namespace}{(key is null ? "" : $"&key={key}")}");

        async Task StandsAsync(string budget, string? key, long drift)
        {
            var usage = await UsageAsync(budget, key);
            Assert.Equal((spent, held, spent, drift, budget == "ever" ? 7 : 0), (usage.Number("spent"), usage.Number("held"), usage.Number("ledger_spent"), usage.Number("drift"), usage.Number("topped_up")));
        }
    }

    [Theory, ClassData(typeof(ServedStores))]
    public async Task A_kill_between_reserving_and_committing_loses_doubles_and_sticks_nothing(string store)
    {
        await using var redis = store == MeshServers.Redis ? await RedisServer.StartAsync(appendOnly: true) : null;
        await using var server = await MeshServer.StartAsync(redis is null ? [] : [("ConnectionStrings:Redis", redis.ConnectionString)]);
        var calls = new PolicyCalls(server);
        await calls.ActivateAsync(Rules, Head);
        var seed = Environment.TickCount;
        output.WriteLine($"seed {seed}");
        var random = new Random(seed);
        var asked = new System.Collections.Concurrent.ConcurrentDictionary<string, long>(StringComparer.Ordinal);
        for (var round = 0; round < 3; round++)
        {
            var stop = false;
            var load = Enumerable.Range(0, 8).Select(worker => LoadAsync(round, worker)).ToArray();
            await Task.Delay(random.Next(300, 900));
            server.Kill();
            stop = true;
            await Task.WhenAll(load);
            await server.RestartAsync();
            await server.IsReadyAsync();

            async Task LoadAsync(int inRound, int worker)
            {
                try
                {
                    for (var number = 0; !Volatile.Read(ref stop); number++)
                    {
                        var id = $"kill-{inRound}-{worker}-{number}";
                        asked[id] = 1 + (number % 7);
                        await calls.ReserveAsync(asked[id], id, "day", "ever");
                        await calls.SettleAsync(id, "commit", asked[id]);
                    }
                }
                catch (HttpRequestException)
                {
                    // The kill. The same ids are sent again below.
                }
            }
        }

        foreach (var (id, amount) in asked)
        {
            await calls.ReserveAsync(amount, id, "day", "ever");
            await calls.SettleAsync(id, "commit", amount);
        }

        var usage = await server.GetAsync($"/v1/budgets/ever/usage?namespace={calls.Namespace}");
        Assert.Equal((asked.Values.Sum(), 0, asked.Values.Sum(), 0), (usage.Number("spent"), usage.Number("held"), usage.Number("ledger_spent"), usage.Number("drift")));
        var kinds = new List<(string Id, string Kind)>();
        for (string? token = ""; token is not null;)
        {
            var page = await server.GetAsync($"/v1/budgets/ever/ledger?namespace={calls.Namespace}&limit=1000&page_token={token}");
            kinds.AddRange(page.Body["entries"]!.AsArray().Select(entry => ((string)entry!["reservation_id"]!, (string)entry["kind"]!)));
            token = (string?)page.Body["next_page_token"];
        }

        output.WriteLine($"{asked.Count} reservations over {3} kills");
        Assert.Equal(2 * asked.Count, kinds.Count);
        Assert.Equal(kinds.Count, kinds.Distinct().Count());
    }

    [Theory, ClassData(typeof(ServedStores))]
    public async Task An_agent_sees_only_what_is_its_own(string store)
    {
        await using var keyed = await KeyedServer.OnAsync(store);
        var document = Documents.With(Rules, "budgets:\n  own: { unit: usd, cap: 1, key: agent.id, window: lifetime }\n  all: { unit: usd, cap: 1, window: lifetime }");
        Assert.Equal(201, (await keyed.AskAsync(keyed.Root, HttpMethod.Put, "/v1/policies/test", document)).Status);
        Assert.Equal(200, (await keyed.AskAsync(keyed.Root, HttpMethod.Post, "/v1/policies/test/versions/1/activate", null, ("If-Match", "*"))).Status);
        var (one, two) = (await keyed.AgentAsync("agent-1"), await keyed.AgentAsync("agent-2"));
        var viewer = await keyed.IssueAsync(new { role = "viewer" });
        var ids = new List<string>();
        foreach (var (key, agent) in new[] { (one, "agent-1"), (two, "agent-2") })
        {
            var made = await keyed.PostAsync(key, "/v1/budgets/reservations", new { budgets = new[] { "own", "all" }, amount = 5 });
            Assert.Equal((200, agent), (made.Status, made.String("agent_id")));
            ids.Add(made.String("reservation_id"));
        }

        Assert.Equal("reservation_unknown", (await keyed.GetAsync(one, $"/v1/budgets/reservations/{ids[1]}")).Code);
        Assert.Equal("reservation_unknown", (await keyed.PostAsync(one, $"/v1/budgets/reservations/{ids[1]}/commit", new { actual = 1 })).Code);
        Assert.Equal("reservation_unknown", (await keyed.PostAsync(one, $"/v1/budgets/reservations/{ids[1]}/release", new { })).Code);
        Assert.Equal("agent_mismatch", (await keyed.PostAsync(one, "/v1/budgets/reservations", new { agent_id = "agent-2", budgets = new[] { "own" }, amount = 5 })).Code);
        Assert.Equal("agent-1", (await keyed.GetAsync(one, "/v1/budgets/own/usage")).String("key"));
        Assert.Equal("budget_unknown", (await keyed.GetAsync(one, "/v1/budgets/own/usage?key=agent-2")).Code);
        Assert.Equal("budget_unknown", (await keyed.GetAsync(one, "/v1/budgets/own/ledger?key=agent-2")).Code);
        Assert.Equal(["agent-1"], Agents(await keyed.GetAsync(one, "/v1/budgets/own/ledger")));
        Assert.Equal(["agent-1"], Agents(await keyed.GetAsync(one, "/v1/budgets/all/ledger")));
        Assert.Equal(["agent-2", "agent-1"], Agents(await keyed.GetAsync(viewer, "/v1/budgets/own/ledger")));
        Assert.Equal("forbidden", (await keyed.PostAsync(one, "/v1/budgets/all/top-up", new { amount = 1, reason = "x" })).Code);
        Assert.Equal("forbidden", (await keyed.PostAsync(viewer, "/v1/budgets/reservations", new { agent_id = "a", budgets = new[] { "all" }, amount = 1 })).Code);
        Assert.Equal(200, (await keyed.PostAsync(one, $"/v1/budgets/reservations/{ids[0]}/commit", new { actual = 1 })).Status);
        Assert.Contains("(", (await keyed.PostAsync(keyed.Root, "/v1/budgets/all/top-up", new { amount = 1, reason = "x" })).Status == 200
            ? (string)(await keyed.GetAsync(viewer, "/v1/budgets/all/ledger")).Body["entries"]![0]!["by"]! : "", StringComparison.Ordinal);

        static IEnumerable<string> Agents(HttpAnswer page) => page.Body["entries"]!.AsArray().Select(entry => (string)entry!["agent_id"]!);
    }

    [Fact]
    public async Task Without_its_store_nothing_is_allowed_that_a_budget_guards()
    {
        await using var redis = await RedisServer.StartAsync();
        await using var server = await MeshServer.StartAsync(("ConnectionStrings:Redis", redis.ConnectionString));
        var calls = new PolicyCalls(server);
        await calls.ActivateAsync("  - { id: pay, actions: [pay], require: { budget: { names: [ever], amount: '1' } } }\n" + Rules, Head);
        Assert.Equal(200, (await calls.CheckAsync("pay")).Status);
        redis.Kill();
        await Eventually.HoldsAsync(async () => (await calls.CheckAsync("pay")).Status == 503, "checks are refused");
        Assert.Equal(503, (await server.PostAsync("/v1/budgets/reservations", new { @namespace = calls.Namespace, agent_id = "a", budgets = new[] { "ever" }, amount = 1 })).Status);
        Assert.Equal(200, (await server.GetAsync($"/v1/budgets/ever/ledger?namespace={calls.Namespace}")).Status);
    }
}

/// <summary>What several tests ask of the budgets of a <see cref="PolicyCalls"/>.</summary>
internal static class BudgetCalls
{
    public static async Task<string> ReserveAsync(this PolicyCalls calls, long amount, string id, params string[] budgets)
    {
        var answer = await calls.Server.PostAsync("/v1/budgets/reservations", new { @namespace = calls.Namespace, agent_id = "agent-1", budgets, amount, reservation_id = id });
        Assert.True(answer.Status == 200, answer.ToString());
        return id;
    }

    public static async Task SettleAsync(this PolicyCalls calls, string id, string how, long? actual = null)
    {
        var body = new JsonObject { ["namespace"] = calls.Namespace };
        if (actual is not null)
        {
            body["actual"] = actual;
        }

        var answer = await calls.Server.PostAsync($"/v1/budgets/reservations/{id}/{how}", body);
        Assert.True(answer.Status == 200, answer.ToString());
    }
}
