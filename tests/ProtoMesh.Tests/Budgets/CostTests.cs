using ProtoMesh.Contracts.Budgets;
using ProtoMesh.Server.Budgets;
using ProtoMesh.Tests.Rig;

namespace ProtoMesh.Tests.Budgets;

/// <summary>What tokens cost, what a claim is worth, and when a budget tells that it is being used up.</summary>
public sealed class CostTests
{
    private const long Dollar = 1_000_000;
    private static readonly DateTimeOffset Now = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

    [Fact]
    public void A_cost_is_worked_out_in_decimals_and_rounded_up()
    {
        var prices = PriceTable.Read(BudgetDesk.Prices, "prices.yaml");
        long? Cost(TokenUsage usage, DateTimeOffset? at = null) => prices.CostOf(usage, at ?? Now)?.Micros;
        Assert.Equal(1_000_000 + 5_000_000, Cost(new TokenUsage { Model = "m", InputTokens = 1_000_000, OutputTokens = 1_000_000 }));
        Assert.Equal(1, Cost(new TokenUsage { Model = "m", CachedInputTokens = 1 }));
        Assert.Equal(100 + 1_250, Cost(new TokenUsage { Model = "m", CachedInputTokens = 1_000, CacheWriteTokens = 1_000 }));
        Assert.Equal(3, Cost(new TokenUsage { Model = "m", InputTokens = 5, Batch = true }));
        Assert.Equal(0, Cost(new TokenUsage { Model = "m" }));
        Assert.Equal(12, Cost(new TokenUsage { Model = "m", InputTokens = 1, OutputTokens = 1 }, Now.AddYears(5)));
        Assert.Null(Cost(new TokenUsage { Model = "other", InputTokens = 1 }));
        Assert.Null(Cost(new TokenUsage { Model = "m", InputTokens = 1 }, Now.AddYears(-10)));
        var guarded = PriceTable.Read(BudgetDesk.Prices + "\nworst_case: { input: 100, output: 100 }", "prices.yaml");
        Assert.Equal((300, false), guarded.CostOf(new TokenUsage { Model = "other", InputTokens = 1, CachedInputTokens = 1, OutputTokens = 1 }, Now));
    }

    [Theory]
    [InlineData("models: []", "needs a text 'version'")]
    [InlineData("version: a\nmodels: [{ model: m, from: 2026-01-01, input: -1, output: 1 }]", "'input' is a number")]
    [InlineData("version: a\nmodels: [{ model: m, from: 2026-01-01, input: 1 }]", "needs a price 'output'")]
    [InlineData("version: a\nmodels: [{ model: m, from: 2026-13-01, input: 1, output: 1 }]", "2026-13-01")]
    [InlineData("version: a\nmodels: [{ model: m, from: 2026-01-01, input: 1, output: 1, tax: 1 }]", "has no tax")]
    [InlineData("version: a\nmodels: [{ model: m, from: 2026-01-01, input: 1, output: 1 }, { model: m, from: 2026-01-01, input: 2, output: 1 }]", "two prices of m")]
    [InlineData("[", "prices.yaml cannot be used")]
    public void A_price_table_that_cannot_be_used_says_why(string source, string why) =>
        Assert.Contains(why, Assert.Throws<InvalidOperationException>(() => PriceTable.Read(source, "prices.yaml")).Message, StringComparison.Ordinal);

    [Fact]
    public void The_built_in_table_has_what_is_said_of_it() =>
        Assert.All(PriceTable.BuiltIn().Shown.Models, price => Assert.True(price.Input > 0 && price.Output > price.Input && price.Batch == 0.5m && price.CachedInput < price.Input));

    [Theory, ClassData(typeof(StoreBackends))]
    public async Task A_claim_is_held_against_the_usage(string backend)
    {
        await using var desk = await BudgetDesk.OpenAsync(backend);
        var usage = new TokenUsage { Model = "m", OutputTokens = 20_000 }; // 0.10 USD
        var estimated = (await desk.ReserveAsync(new ReserveBudget { AgentId = "a", Budgets = ["day"], Estimate = usage })).Value!;
        Assert.Equal(100_000, estimated.Amount);
        Assert.Equal(("recomputed", 100_000, null, 100_000), Seen(await desk.CommitAsync(estimated.ReservationId, null, usage)));
        Assert.Equal(("recomputed", 110_000, 110_000, 100_000), Seen(await desk.CommitAsync((await desk.HeldAsync(Dollar)).ReservationId, 110_000, usage)));
        Assert.Equal(("disputed", 110_001, 110_001, 100_000), Seen(await desk.CommitAsync((await desk.HeldAsync(Dollar)).ReservationId, 110_001, usage)));
        Assert.Equal(("disputed", 100_000, 1, 100_000), Seen(await desk.CommitAsync((await desk.HeldAsync(Dollar)).ReservationId, 1, usage)));
        var unpriced = await desk.HeldAsync(Dollar);
        Assert.Equal("model_unpriced", BudgetDesk.CodeOf(await desk.CommitAsync(unpriced.ReservationId, null, usage with { Model = "other" })));
        Assert.Equal(("unpriced", 7, 7, null), Seen(await desk.CommitAsync(unpriced.ReservationId, 7, usage with { Model = "other" })));
        Assert.Equal("model_unpriced", BudgetDesk.CodeOf(await desk.ReserveAsync(new ReserveBudget { AgentId = "a", Budgets = ["day"], Estimate = usage with { Model = "other" } })));
        var now = await desk.Scripts.NowAsync("default", CancellationToken.None);
        Assert.Equal(2, (await desk.Scripts.UsageAsync("default", [desk.Slot("day")], now, CancellationToken.None)).Lines[0].Disputed);

        static (string?, long?, long?, long?) Seen(BudgetAnswer<Reservation> answer) => (answer.Value!.Verification, answer.Value.Actual, answer.Value.Claimed, answer.Value.Recomputed);
    }

    [Theory, ClassData(typeof(StoreBackends))]
    public async Task Each_threshold_is_told_once_in_a_window(string backend)
    {
        await using var desk = await BudgetDesk.OpenAsync(backend, "budgets: { day: { unit: usd, cap: 1, window: { calendar: day }, alert: [29, 50, 100] }, hour: { unit: usd, cap: 1, window: { rolling: 1h }, alert: [50] } }");
        var made = new Queue<string>();
        async Task HoldAsync(int count, string budgets = "day")
        {
            for (var number = 0; number < count; number++)
            {
                made.Enqueue((await desk.HeldAsync(0, budgets: budgets)).ReservationId);
            }
        }

        async Task SpendAsync(long amount) => Assert.NotNull((await desk.CommitAsync(made.Dequeue(), amount)).Value);
        await HoldAsync(4);
        await SpendAsync(289_999);
        Assert.Empty(await AlertsAsync());
        await SpendAsync(1);
        Assert.Equal(["day 29"], await AlertsAsync());
        await SpendAsync(800_000);
        await SpendAsync(1);
        Assert.Equal(["day 29", "day 50", "day 100"], await AlertsAsync());
        await desk.Store.AdvanceAsync(TimeSpan.FromDays(1));
        await HoldAsync(1);
        await SpendAsync(500_000);
        Assert.Equal(["day 29", "day 50", "day 100", "day 29", "day 50"], await AlertsAsync());

        await HoldAsync(2, "hour");
        await SpendAsync(500_000);
        await SpendAsync(500_000);
        await desk.Store.AdvanceAsync(TimeSpan.FromHours(2));
        await HoldAsync(1, "hour");
        await SpendAsync(500_000);
        Assert.Equal(["hour 50", "hour 50"], (await AlertsAsync()).Where(alert => alert.StartsWith("hour", StringComparison.Ordinal)));

        async Task<IEnumerable<string>> AlertsAsync() => (await desk.EventsAsync()).Select(text => text.Split('\u0001')).Where(parts => parts[0] == "budget.alert")
            .Select(parts => parts[8].Split('\u0002').Select(extra => extra.Split('=')).ToDictionary(pair => pair[0], pair => pair[1])).Select(extras => $"{extras["budget"]} {extras["percent"]}");
    }
}
