using System.Text.Json.Nodes;
using ProtoMesh.Tests.Policies;
using ProtoMesh.Tests.Rig;

namespace ProtoMesh.Tests.Budgets;

/// <summary>The calls about budgets, as callers make them, on both kinds of store.</summary>
public sealed class BudgetsOverHttp
{
    private const string Head = """
        metadata: { estimated_cost: { type: number } }
        budgets:
          day: { unit: usd, cap: 5, window: { calendar: day, tz: Europe/Berlin }, alert: [50, 100] }
          run: { unit: usd, cap: 5, key: run.id, window: lifetime }
        """;

    private const string Rules = """
          - { id: pay, actions: [llm.call], require: { budget: { names: [day, run], amount: metadata.estimated_cost, hold: 10m } } }
          - { id: yes, actions: ["*"], effect: allow }
        """;

    [Theory, ClassData(typeof(ServedStores))]
    public async Task What_a_check_reserves_is_committed_counted_and_written_down(string store)
    {
        var calls = await PolicyCalls.BeginAsync(store, Rules, Head);
        var allowed = await calls.CheckAsync("llm.call", new JsonObject { ["run_id"] = "run-1", ["metadata"] = new JsonObject { ["estimated_cost"] = 2.5 } });
        var budget = allowed.Body["obligations"]!["budget"]![0]!;
        Assert.Equal(("pay", "usd", 2_500_000), ((string)budget["rule"]!, (string)budget["unit"]!, (long)budget["amount"]!));
        var id = (string)budget["reservation_id"]!;
        Assert.Equal(allowed.String("decision_id"), id);
        Assert.Equal("held", (await calls.Server.GetAsync($"/v1/budgets/reservations/{id}?namespace={calls.Namespace}")).String("state"));
        var committed = await calls.Server.PostAsync($"/v1/budgets/reservations/{id}/commit", new { @namespace = calls.Namespace, actual = 2_600_000 });
        Assert.Equal((200, "committed", 2_600_000), (committed.Status, committed.String("state"), committed.Number("actual")));
        Assert.True((bool)committed.Body["overrun"]!);

        var usage = await calls.Server.GetAsync($"/v1/budgets/run/usage?namespace={calls.Namespace}&key=run-1");
        Assert.Equal((2_600_000, 0, 2_400_000, 2_600_000, 0), (usage.Number("spent"), usage.Number("held"), usage.Number("left"), usage.Number("ledger_spent"), usage.Number("drift")));
        var ledger = await calls.Server.GetAsync($"/v1/budgets/day/ledger?namespace={calls.Namespace}");
        var entries = ledger.Body["entries"]!.AsArray();
        Assert.Equal(["committed", "reserved"], entries.Select(entry => (string)entry!["kind"]!));
        Assert.Equal((id, "agent-1", "run-1", 2_500_000, 2_600_000, "claimed", true), ((string)entries[0]!["reservation_id"]!, (string)entries[0]!["agent_id"]!, (string)entries[0]!["run_id"]!,
            (long)entries[0]!["amount"]!, (long)entries[0]!["actual"]!, (string)entries[0]!["verification"]!, (bool)entries[0]!["overrun"]!));
        var events = await calls.Server.GetAsync($"/v1/events?namespace={calls.Namespace}");
        Assert.Equal(["budget.reserved", "budget.committed", "budget.alert"], events.Body["events"]!.AsArray().Select(each => (string)each!["type"]!));
    }

    [Theory, ClassData(typeof(ServedStores))]
    public async Task A_lock_request_that_names_an_action_reserves_with_its_lease_and_gives_back_without(string store)
    {
        var calls = await PolicyCalls.BeginAsync(store, Rules, Head);
        JsonObject More() => new() { ["run_id"] = "run-1", ["wait_ms"] = 0, ["metadata"] = new JsonObject { ["estimated_cost"] = 4 } };
        var first = await calls.AcquireAsync("x/1", action: null);
        Assert.Equal("lock_held", (await calls.AcquireAsync("x/1", "agent-2", "llm.call", More())).Code);
        Assert.Equal(0, (await UsageAsync()).Number("held"));
        await calls.ReleaseAsync(first);
        var granted = await calls.AcquireAsync("x/1", "agent-2", "llm.call", More());
        Assert.Equal(201, granted.Status == 200 ? 201 : granted.Status);
        Assert.Equal(4_000_000, (await UsageAsync()).Number("held"));
        Assert.Equal("policy_denied", (await calls.AcquireAsync("x/2", "agent-2", "llm.call", More())).Code);

        Task<HttpAnswer> UsageAsync() => calls.Server.GetAsync($"/v1/budgets/run/usage?namespace={calls.Namespace}&key=run-1");
    }

    [Theory, ClassData(typeof(ServedStores))]
    public async Task A_reservation_without_a_rule_is_refused_released_topped_up_and_listed(string store)
    {
        var calls = await PolicyCalls.BeginAsync(store, Rules, Head);
        var body = new { @namespace = calls.Namespace, agent_id = "agent-1", budgets = new[] { "day" }, amount = 5_000_001 };
        var refused = await calls.Server.PostAsync("/v1/budgets/reservations", body);
        Assert.Equal((409, "budget_exceeded"), (refused.Status, refused.Code));
        Assert.Equal(5_000_000, (long)refused.Body["budgets"]![0]!["left"]!);
        Assert.True(refused.Number("retry_after_ms") > 0);
        var topUp = new { @namespace = calls.Namespace, amount = 1, reason = "one more", top_up_id = "top-up-0001" };
        for (var repeat = 0; repeat < 2; repeat++)
        {
            var raised = await calls.Server.PostAsync("/v1/budgets/day/top-up", topUp);
            Assert.True(raised.Status == 200 && raised.Number("cap") == 5_000_001 && raised.Number("topped_up") == 1, raised.ToString());
        }

        Assert.Equal("reservation_conflict", (await calls.Server.PostAsync("/v1/budgets/day/top-up", topUp with { amount = 2 })).Code);
        var held = await calls.Server.PostAsync("/v1/budgets/reservations", body);
        Assert.Equal((200, "held"), (held.Status, held.String("state")));
        Assert.Equal("released", (await calls.Server.PostAsync($"/v1/budgets/reservations/{held.String("reservation_id")}/release", new { @namespace = calls.Namespace })).String("state"));
        var listed = await calls.Server.GetAsync($"/v1/budgets?namespace={calls.Namespace}");
        Assert.Equal(["day", "run"], listed.Body["budgets"]!.AsArray().Select(each => (string)each!["name"]!));
        Assert.Equal("test", (string)listed.Body["policy"]!["name"]!);
        var first = await calls.Server.GetAsync($"/v1/budgets/day/ledger?namespace={calls.Namespace}&limit=2");
        var second = await calls.Server.GetAsync($"/v1/budgets/day/ledger?namespace={calls.Namespace}&limit=2&page_token={first.String("next_page_token")}");
        Assert.Equal(["released", "reserved", "topped_up"], first.Body["entries"]!.AsArray().Concat(second.Body["entries"]!.AsArray()).Select(entry => (string)entry!["kind"]!));
        Assert.Equal("one more", (string)second.Body["entries"]![0]!["reason"]!);
        Assert.Equal(400, (await calls.Server.GetAsync($"/v1/budgets/run/ledger?namespace={calls.Namespace}&limit=2&page_token={first.String("next_page_token")}")).Status);
        Assert.Equal("usd", (await calls.Server.GetAsync($"/v1/budgets/day/usage?namespace={calls.Namespace}")).String("unit"));
        Assert.NotEmpty((await calls.Server.GetAsync("/v1/prices")).Body["models"]!.AsArray());
    }
}
