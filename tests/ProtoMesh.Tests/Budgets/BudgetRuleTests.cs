using ProtoMesh.Contracts.Policies;
using ProtoMesh.Server.Policies;
using ProtoMesh.Tests.Policies;
using ProtoMesh.Tests.Rig;

namespace ProtoMesh.Tests.Budgets;

/// <summary>Rules that require budgets, and rules that read them, on every backend.</summary>
public sealed class BudgetRuleTests
{
    private const long Dollar = 1_000_000;

    private const string Head = """
        metadata: { cost: { type: number } }
        budgets:
          team-day: { unit: usd, cap: 50, key: agent.team, window: { calendar: day } }
          run:      { unit: usd, cap: 5, key: run.id, window: lifetime }
          calls:    { unit: calls, cap: 3, window: lifetime }
        """;

    private const string Rules = """
          - { id: pay, actions: [pay], code: PAY, require: { budget: { names: [team-day, run], amount: metadata.cost, hold: 1m } } }
          - { id: count, actions: [pay, call], require: { budget: { names: [calls], amount: "1" } } }
          - { id: pace, actions: [pay], require: { rate: { key: "'all'", limit: 4, window: 1h } } }
          - { id: held, actions: [write], require: { lock: { resource: resource.name } } }
          - { id: write, actions: [write], require: { budget: { names: [calls], amount: "1" } } }
          - { id: frugal, actions: [read], effect: deny, when: "budget['calls'].spent + budget['calls'].held >= 2" }
          - { id: strict, actions: [strict], effect: deny, when: "budget['run'].left < 1" }
          - { id: yes, actions: ["*"], effect: allow }
        """;

    [Theory, ClassData(typeof(StoreBackends))]
    public async Task An_allow_reserves_once_for_each_rule_and_says_what_is_left(string backend)
    {
        await using var desk = await OpenAsync(backend);
        var decision = (await desk.AskAsync(Pay(desk, 1.5m, id: "question-0001"))).Decision;
        Assert.True(decision.Allowed, decision.Reason);
        var budgets = decision.Obligations!.Budget!;
        Assert.Equal([("pay", "question-0001", "usd", 1_500_000L), ("count", "question-0001-2", "calls", 1L)], budgets.Select(each => (each.Rule, each.ReservationId!, each.Unit, each.Amount)));
        Assert.Equal([("team-day", "default", 48_500_000L), ("run", "run-1", 3_500_000L)], budgets[0].Budgets.Select(line => (line.Name, line.Key!, line.Left)));
        Assert.InRange(budgets[0].ExpiresInMs, 1, 60_000);

        // The same question takes nothing again, and another one under its id is refused.
        var again = (await desk.AskAsync(Pay(desk, 1.5m, id: "question-0001"))).Decision.Obligations!.Budget!;
        Assert.Equal((budgets[0].ReservationId, budgets[0].Budgets[0].Held), (again[0].ReservationId, again[0].Budgets[0].Held));
        var other = (await desk.AskAsync(Pay(desk, 2, id: "question-0001"))).Decision;
        Assert.Equal((false, "budget"), (other.Allowed, other.Reasons[0].Effect));
        Assert.Contains("made for something else", other.Reason, StringComparison.Ordinal);
    }

    [Theory, ClassData(typeof(StoreBackends))]
    public async Task A_refusal_takes_nothing_of_any_budget_or_rate(string backend)
    {
        await using var desk = await OpenAsync(backend);
        for (var spent = 0; spent < 2; spent++)
        {
            Assert.True((await desk.AskAsync(Pay(desk, 2))).Decision.Allowed);
        }

        var refused = (await desk.AskAsync(Pay(desk, 2))).Decision;
        var reason = Assert.Single(refused.Reasons);
        Assert.Equal(("deny", "pay", "PAY", "budget", "run of run-1 has 1 USD left of 5 USD; 2 USD are asked for."), (refused.Decision, reason.Rule, reason.Code, reason.Effect, reason.Message));
        Assert.Equal(Dollar, reason.Values!["budget['run'].left"].GetInt64());
        Assert.Null(reason.RetryAfterMs);

        // One call and two places in the rate are left, so the refusal took none.
        var last = (await desk.AskAsync(Pay(desk, 1))).Decision;
        Assert.True(last.Allowed, last.Reason);
        Assert.Equal(1, last.Obligations!.Rate![0].Remaining);
        Assert.Equal(0, last.Obligations.Budget![1].Budgets[0].Left);
        Assert.Equal(["count"], (await desk.AskAsync(Pay(desk, 0))).Decision.Reasons.Select(each => each.Rule));
    }

    [Theory, ClassData(typeof(StoreBackends))]
    public async Task Without_the_lease_that_is_required_nothing_is_reserved(string backend)
    {
        await using var desk = await OpenAsync(backend);
        Assert.Equal(["held"], (await desk.AskAsync("write", "customer/1")).Decision.Reasons.Select(reason => reason.Rule));
        Assert.Equal(2, (await desk.AskAsync("call")).Decision.Obligations!.Budget![0].Budgets[0].Left);
    }

    [Theory, ClassData(typeof(StoreBackends))]
    public async Task A_dry_run_reserves_nothing(string backend)
    {
        await using var desk = await OpenAsync(backend);
        var dry = (await desk.AskAsync(Pay(desk, 4) with { IsDryRun = true })).Decision.Obligations!.Budget!;
        Assert.Equal((null, Dollar), (dry[0].ReservationId, dry[0].Budgets[1].Left));
        Assert.Equal(0, (await desk.AskAsync(Pay(desk, 5))).Decision.Obligations!.Budget![0].Budgets[1].Left);
    }

    [Theory, ClassData(typeof(StoreBackends))]
    public async Task A_rule_in_audit_mode_reserves_nothing_and_says_that_it_would_refuse(string backend)
    {
        await using var audit = await PolicyDesk.OpenAsync(backend, Documents.With("""
              - { id: count, actions: [call], mode: audit, require: { budget: { names: [calls], amount: "4" } } }
              - { id: yes, actions: ["*"], effect: allow }
            """, Head));
        var seen = (await audit.AskAsync("call")).Decision;
        Assert.Equal((true, "budget", null), (seen.Allowed, seen.AuditOnly.Single().Effect, seen.Obligations));
    }

    [Theory, ClassData(typeof(StoreBackends))]
    public async Task What_is_given_back_can_be_reserved_again_under_the_same_id(string backend)
    {
        await using var desk = await OpenAsync(backend);
        for (var repeat = 0; repeat < 3; repeat++)
        {
            var answer = await desk.AskAsync(Pay(desk, 5, id: "question-0001"));
            Assert.Equal((true, 0), (answer.Decision.Allowed, answer.Decision.Obligations!.Budget![0].Budgets[1].Left));
            Assert.Equal(["question-0001", "question-0001-2"], answer.Reserved);
            await desk.Scripts.GiveBackAsync("default", answer.Reserved);
        }

        Assert.Equal(2, (await desk.AskAsync("call")).Decision.Obligations!.Budget![0].Budgets[0].Left);
    }

    [Theory, ClassData(typeof(StoreBackends))]
    public async Task A_rule_may_read_how_a_budget_stands(string backend)
    {
        await using var desk = await OpenAsync(backend);
        Assert.True((await desk.AskAsync("read")).Decision.Allowed);
        await desk.AskAsync("call");
        Assert.True((await desk.AskAsync("read")).Decision.Allowed);
        await desk.AskAsync("call");
        Assert.Equal(["frugal"], (await desk.AskAsync("read")).Decision.Reasons.Select(reason => reason.Rule));
        Assert.Contains("could not be evaluated", (await desk.AskAsync("strict")).Decision.Reason, StringComparison.Ordinal);
        Assert.True((await desk.AskAsync(desk.Question("strict") with { RunId = "run-1" })).Decision.Allowed);
    }

    [Fact]
    public async Task An_amount_that_is_none_or_a_key_that_cannot_be_told_denies()
    {
        await using var desk = await PolicyDesk.OpenAsync(StoreBackends.Embedded, Documents.With("""
              - { id: pay, actions: [pay], require: { budget: { names: [team-day], amount: metadata.cost } } }
              - { id: free, actions: [free], require: { budget: { names: [team-day], amount: metadata.free } } }
              - { id: run, actions: [run], require: { budget: { names: [run], amount: "1" } } }
              - { id: half, actions: [half], require: { budget: { names: [calls], amount: "0.5" } } }
              - { id: word, actions: [word], require: { budget: { names: [calls], amount: "'many'" } } }
              - { id: yes, actions: ["*"], effect: allow }
            """, Head.Replace("{ cost: { type: number } }", "{ cost: { type: number }, free: { type: number } }", StringComparison.Ordinal)));
        foreach (var (cost, micros) in new[] { ("0", 0L), ("0.1", 100_000), ("0.3", 300_000), ("0.0000001", 1), ("12.3456789", 12_345_679), ("50", 50 * Dollar) })
        {
            Assert.Equal(micros, (await AmountOfAsync(cost))!.Value);
            await desk.Store.AdvanceAsync(TimeSpan.FromDays(1));
        }

        foreach (var cost in new[] { "-1", "-0.0000001", "1e300", "9000000001" })
        {
            Assert.Null(await AmountOfAsync(cost));
        }

        foreach (var (action, why) in new[] { ("free", "free"), ("run", "the key of budget run"), ("half", "a whole number of calls"), ("word", "a whole number of calls") })
        {
            var decision = (await desk.AskAsync(action)).Decision;
            Assert.False(decision.Allowed);
            Assert.Contains("could not be evaluated, so it denies", decision.Reason, StringComparison.Ordinal);
            Assert.Contains(why, decision.Reason, StringComparison.Ordinal);
        }

        Assert.Contains("the key of budget run: it has to be 1 to 128 bytes", (await desk.AskAsync(desk.Question("run") with { RunId = new string('x', 129) })).Decision.Reason, StringComparison.Ordinal);

        async Task<long?> AmountOfAsync(string cost) => (await desk.AskAsync("pay", metadata: $$"""{ "cost": {{cost}} }""")).Decision.Obligations?.Budget?[0].Amount;
    }

    private static PolicyQuestion Pay(PolicyDesk desk, decimal cost, string? id = null) =>
        desk.Question("pay", metadata: string.Create(System.Globalization.CultureInfo.InvariantCulture, $$"""{ "cost": {{cost}} }"""), id: id) with { RunId = "run-1" };

    private static Task<PolicyDesk> OpenAsync(string backend) => PolicyDesk.OpenAsync(backend, Documents.With(Rules, Head));
}
