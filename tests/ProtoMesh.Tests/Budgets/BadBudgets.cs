using ProtoMesh.Contracts.Budgets;
using ProtoMesh.Server.Policies;
using ProtoMesh.Tests.Http;
using ProtoMesh.Tests.Policies;
using ProtoMesh.Tests.Rig;

namespace ProtoMesh.Tests.Budgets;

/// <summary>Whatever is wrong with a budget or a call about one is named with its place and its rule.</summary>
public sealed class BadBudgets
{
    private const string Allow = "  - { id: yes, actions: [\"*\"], effect: allow }";

    [Theory]
    [InlineData("b: { unit: usd, window: lifetime }", "4:8", "needs 'cap'")]
    [InlineData("b: { unit: usd, cap: 1 }", "4:8", "needs 'window'")]
    [InlineData("b: { unit: usd, cap: -1, window: lifetime }", "4:26", "'cap' of usd is a number of dollars with at most 6 decimals")]
    [InlineData("b: { unit: usd, cap: 0.0000001, window: lifetime }", "4:26", "at most 6 decimals")]
    [InlineData("b: { unit: usd, cap: 9000000001, window: lifetime }", "4:26", "0 to 9000000000")]
    [InlineData("b: { unit: tokens, cap: 1.5, window: lifetime }", "4:29", "'cap' is a whole number")]
    [InlineData("b: { unit: tokens, cap: 9000000000000001, window: lifetime }", "4:29", "0 to 9000000000000000")]
    [InlineData("b: { unit: tokens, cap: .nan, window: lifetime }", "4:29", "'cap' is a whole number")]
    [InlineData("b: { unit: US Dollars, cap: 1, window: lifetime }", "4:16", "usd, tokens, calls or a word")]
    [InlineData("b: { unit: usd, cap: 1, window: forever }", "4:37", "'window' is lifetime")]
    [InlineData("b: { unit: usd, cap: 1, window: { rolling: 59s } }", "4:48", "1m to 31d")]
    [InlineData("b: { unit: usd, cap: 1, window: { rolling: 32d } }", "4:48", "1m to 31d")]
    [InlineData("b: { unit: usd, cap: 1, window: { rolling: 1h, calendar: day } }", "4:37", "'window' is lifetime")]
    [InlineData("b: { unit: usd, cap: 1, window: { rolling: 1h, tz: UTC } }", "4:56", "'tz' belongs to 'calendar'")]
    [InlineData("b: { unit: usd, cap: 1, window: { calendar: year } }", "4:49", "hour or day or week or month")]
    [InlineData("b: { unit: usd, cap: 1, window: { calendar: day, tz: Mars/Olympus } }", "4:58", "'Mars/Olympus' is no IANA time zone")]
    [InlineData("b: { unit: usd, cap: 1, window: { calendar: day, tz: ../../etc/passwd } }", "4:58", "is no IANA time zone")]
    [InlineData("b: { unit: usd, cap: 1, window: { calendar: day, tz: '+02:00' } }", "4:58", "is no IANA time zone")]
    [InlineData("b: { unit: usd, cap: 1, window: lifetime, alert: [0] }", "4:55", "1 to 100")]
    [InlineData("b: { unit: usd, cap: 1, window: lifetime, alert: [50, 50] }", "4:59", "each once")]
    [InlineData("b: { unit: usd, cap: 1, window: lifetime, colour: red }", "4:47", "has no 'colour'")]
    [InlineData("b: { unit: usd, cap: 1, window: lifetime, key: agent.nobody }", "4:58", "nobody")]
    [InlineData("b: { unit: usd, cap: 1, window: lifetime, key: 1 + 1 }", "4:54", "a string is expected")]
    [InlineData("b: { unit: usd, cap: 1, window: lifetime, key: \"string(budget['b'].cap)\" }", "4:60", "does not read budgets")]
    [InlineData("B!: { unit: usd, cap: 1, window: lifetime }", "4:5", "a budget's name is")]
    [InlineData("b:", "4:5", "needs a unit, a cap and a window")]
    public void A_budget_that_is_not_written_right_is_refused_with_its_place(string budget, string at, string why) => Refused(Documents.With(Allow, $"budgets:\n    {budget}"), at, why);

    [Theory]
    [InlineData("{ names: [day, night], amount: '1' }", "there is no budget 'night'")]
    [InlineData("{ names: [], amount: '1' }", "'names' has 1 to 8 entries")]
    [InlineData("{ names: [day, day], amount: '1' }", "stands here twice")]
    [InlineData("{ names: [day, calls], amount: '1' }", "the budgets of a rule have one unit, not usd and calls")]
    [InlineData("{ names: [day] }", "needs 'amount'")]
    [InlineData("{ names: [day], amount: metadata.nobody }", "nobody")]
    [InlineData("{ names: [day], amount: '1', hold: 25h }", "1s to 1d")]
    [InlineData("{ names: [day], amount: '1', hold: 999ms }", "1s to 1d")]
    [InlineData("{ names: [day], amount: \"budget['night'].left\" }", "there is no budget 'night'")]
    public void A_requirement_that_is_not_written_right_is_refused(string use, string why) =>
        Refused(Documents.With($"  - {{ id: pay, actions: [pay], require: {{ budget: {use} }} }}\n{Allow}", "budgets:\n  day: { unit: usd, cap: 1, window: lifetime }\n  calls: { unit: calls, cap: 1, window: lifetime }"), null, why);

    [Fact]
    public void A_rule_requires_one_thing() => Refused(Documents.With(
        "  - { id: pay, actions: [pay], require: { budget: { names: [day], amount: '1' }, rate: { key: agent.id, limit: 1, window: 1m } } }",
        "budgets: { day: { unit: usd, cap: 1, window: lifetime } }"), "5:5", "'require' names one of a lock, a rate and a budget");

    [Fact]
    public void The_example_of_the_format_may_have_budgets()
    {
        var load = PolicySet.Load(Documents.Example.Replace("rules:\n  - id: spend-limit", """
            budgets:
              team-day:    { unit: usd, cap: 50, key: agent.team, window: { calendar: day, tz: UTC }, alert: [50, 80, 100] }
              run:         { unit: usd, cap: 5, key: run.id, window: lifetime }
              tokens-hour: { unit: tokens, cap: 100000, key: agent.id, window: { rolling: 1h } }
            rules:
              - id: pay
                actions: [llm.call]
                require: { budget: { names: [team-day, run], amount: metadata.estimated_cost, hold: 10m } }
              - id: spend-limit
            """, StringComparison.Ordinal));
        Assert.True(load.Set is not null, string.Join('\n', load.Errors));
        Assert.Equal([("team-day", 50_000_000L), ("run", 5_000_000L), ("tokens-hour", 100_000L)], load.Set!.Budgets.Select(budget => (budget.Definition.Name, budget.Definition.Cap)));
        Assert.Equal(["team-day", "run"], load.Set.Rules[0].Budget!.Budgets.Select(budget => budget.Definition.Name));
    }

    [Fact]
    public void A_documents_own_tests_see_budgets_of_which_nothing_is_used()
    {
        const string Budgets = "budgets: { run: { unit: usd, cap: 5, key: run.id, window: lifetime } }";
        const string Rules = "  - { id: pay, actions: [pay], require: { budget: { names: [run], amount: '1' } } }\n  - { id: low, actions: [pay], effect: deny, when: \"budget['run'].left < 5000000\" }\n" + Allow;
        Assert.NotNull(PolicySet.Load(Documents.With(Rules, Budgets, "tests:\n  - { name: a, given: { action: pay, run_id: run-1 }, expect: { decision: allow } }")).Set);
        Assert.NotNull(PolicySet.Load(Documents.With(Rules, Budgets, "tests:\n  - { name: a, given: { action: pay }, expect: { decision: deny, rules: [pay] } }")).Set);
    }

    [Theory]
    [InlineData("/v1/budgets/reservations", """{ "budgets": ["day"], "amount": 1 }""", "agent_id")]
    [InlineData("/v1/budgets/reservations", """{ "agent_id": "a", "amount": 1 }""", "budgets")]
    [InlineData("/v1/budgets/reservations", """{ "agent_id": "a", "budgets": [], "amount": 1 }""", "budgets")]
    [InlineData("/v1/budgets/reservations", """{ "agent_id": "a", "budgets": ["day", "day"], "amount": 1 }""", "budgets")]
    [InlineData("/v1/budgets/reservations", """{ "agent_id": "a", "budgets": ["day", "calls"], "amount": 1 }""", "budgets")]
    [InlineData("/v1/budgets/reservations", """{ "agent_id": "a", "budgets": ["run"], "amount": 1 }""", "budgets")]
    [InlineData("/v1/budgets/reservations", """{ "agent_id": "a", "budgets": ["day"] }""", "amount")]
    [InlineData("/v1/budgets/reservations", """{ "agent_id": "a", "budgets": ["day"], "amount": -1 }""", "amount")]
    [InlineData("/v1/budgets/reservations", """{ "agent_id": "a", "budgets": ["day"], "amount": 0.5 }""", "amount")]
    [InlineData("/v1/budgets/reservations", """{ "agent_id": "a", "budgets": ["day"], "amount": "1" }""", "amount")]
    [InlineData("/v1/budgets/reservations", """{ "agent_id": "a", "budgets": ["day"], "amount": 9000000000000001 }""", "amount")]
    [InlineData("/v1/budgets/reservations", """{ "agent_id": "a", "budgets": ["day"], "amount": 1e300 }""", "amount")]
    [InlineData("/v1/budgets/reservations", """{ "agent_id": "a", "budgets": ["day"], "amount": 1, "hold_ms": 999 }""", "hold_ms")]
    [InlineData("/v1/budgets/reservations", """{ "agent_id": "a", "budgets": ["day"], "amount": 1, "run_id": "a\u0001b" }""", "run_id")]
    [InlineData("/v1/budgets/reservations", """{ "agent_id": "a", "budgets": ["day"], "amount": 1, "reservation_id": "short" }""", "reservation_id")]
    [InlineData("/v1/budgets/reservations", """{ "agent_id": "a", "budgets": ["day"], "amount": 1, "colour": "red" }""", "colour")]
    [InlineData("/v1/budgets/reservations", """{ "agent_id": "a", "budgets": ["day"], "estimate": { "output_tokens": -1, "model": "m" } }""", "estimate.output_tokens")]
    [InlineData("/v1/budgets/reservations", """{ "agent_id": "a", "budgets": ["day"], "estimate": { "output_tokens": 1.5, "model": "m" } }""", "estimate.output_tokens")]
    [InlineData("/v1/budgets/reservations", """{ "agent_id": "a", "budgets": ["calls"], "estimate": { "output_tokens": 1, "model": "m" } }""", "estimate")]
    [InlineData("/v1/budgets/reservations/some-reservation/commit", """{ "actual": -1 }""", "actual")]
    [InlineData("/v1/budgets/reservations/some-reservation/commit", """{ }""", "actual")]
    [InlineData("/v1/budgets/reservations/some-reservation/commit", """{ "actual": 0.1 }""", "actual")]
    [InlineData("/v1/budgets/day/top-up", """{ "amount": 0, "reason": "x" }""", "amount")]
    [InlineData("/v1/budgets/day/top-up", """{ "amount": 1 }""", "reason")]
    [InlineData("/v1/budgets/day/top-up", """{ "amount": 1, "reason": "x", "key": "k" }""", "key")]
    [InlineData("/v1/budgets/run/top-up", """{ "amount": 1, "reason": "x" }""", "key")]
    [InlineData("/v1/budgets/day/top-up", """{ "amount": 9000000000000000, "reason": "x" }""", "amount")]
    public async Task A_call_with_something_wrong_names_the_field(string path, string body, string field)
    {
        var calls = await Calls.Value;
        Refusals.Names(await calls.Server.PostAsync(path, body.Insert(1, $"\"namespace\": \"{calls.Namespace}\"{(body.Trim() == "{ }" ? "" : ",")}")), field, body);
    }

    [Fact]
    public async Task A_sum_that_no_number_holds_is_refused()
    {
        await using var desk = await BudgetDesk.OpenAsync(StoreBackends.Embedded);
        var (first, second) = (await desk.HeldAsync(0), await desk.HeldAsync(0));
        Assert.Equal(9_000_000_000_000_000, (await desk.CommitAsync(first.ReservationId, 9_000_000_000_000_000)).Value!.Actual);
        Assert.Equal("actual", BudgetDesk.FieldsOf(await desk.CommitAsync(second.ReservationId, 1)));
        Assert.Equal("held", (await desk.FindAsync(second.ReservationId)).Value!.State);
        Assert.Equal(ReservationState.Committed, (await desk.CommitAsync(second.ReservationId, 0)).Value!.State);
    }

    private static readonly Lazy<Task<PolicyCalls>> Calls = new(() => PolicyCalls.BeginAsync(MeshServers.Embedded, Allow,
        "budgets:\n  day: { unit: usd, cap: 1, window: lifetime }\n  calls: { unit: calls, cap: 1, window: lifetime }\n  run: { unit: usd, cap: 1, key: run.id, window: lifetime }"));

    private static void Refused(string document, string? at, string why)
    {
        var load = PolicySet.Load(document);
        Assert.Null(load.Set);
        var error = load.Errors.FirstOrDefault(each => each.Message.Contains(why, StringComparison.Ordinal));
        Assert.True(error is not null, string.Join('\n', load.Errors.Select(each => each.ToString())));
        Assert.True(at is null || at == $"{error.Line}:{error.Column}", $"{error} is not at {at}");
    }
}
