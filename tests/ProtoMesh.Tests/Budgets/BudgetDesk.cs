using System.Globalization;
using Microsoft.Extensions.Options;
using ProtoMesh.Contracts;
using ProtoMesh.Contracts.Budgets;
using ProtoMesh.Server.Access;
using ProtoMesh.Server.Budgets;
using ProtoMesh.Server.Policies;
using ProtoMesh.Tests.Policies;
using ProtoMesh.Tests.Rig;

namespace ProtoMesh.Tests.Budgets;

/// <summary>The budgets of one document over one fresh store, asked without HTTP.</summary>
internal sealed class BudgetDesk : IAsyncDisposable
{
    /// <summary>What most tests use: one budget of every kind of window.</summary>
    public const string Four = """
        budgets:
          day:   { unit: usd, cap: 5, window: { calendar: day, tz: UTC }, alert: [50, 80, 100] }
          hour:  { unit: usd, cap: 5, key: agent.id, window: { rolling: 1h } }
          run:   { unit: usd, cap: 5, key: run.id, window: lifetime }
          month: { unit: usd, cap: 50, key: agent.team, window: { calendar: month, tz: Europe/Berlin } }
        """;

    /// <summary>Prices that are easy to work out.</summary>
    public const string Prices = """
        version: "test-1"
        tolerance_percent: 10
        models:
          - { model: m, from: 2020-01-01, input: 1, cached_input: 0.1, cache_write: 1.25, output: 5, batch: 0.5 }
          - { model: m, from: 2030-01-01, input: 2, output: 10 }
        """;

    private readonly BudgetService _service;

    public BudgetDesk(TestStore store, string budgets, string rules = "  - { id: yes, actions: [\"*\"], effect: allow }", PriceTable? prices = null)
    {
        Store = store;
        var policies = new ActivePolicies(new NamespaceBook());
        policies.Apply("default", new ActivePolicy(SetOf(budgets, rules), 1, 1));
        Book = new PolicyBudgetBook(policies, new PolicySubjects(Options.Create(new PolicyOptions()), new NamespaceBook()), store.Clock);
        Scripts = new BudgetScripts(store.Scripts);
        _service = new BudgetService(Scripts, Book, prices ?? PriceTable.Read(Prices, "prices.yaml"), store.Clock);
    }

    public TestStore Store { get; }

    public IBudgetBook Book { get; }

    public BudgetScripts Scripts { get; }

    public static async Task<BudgetDesk> OpenAsync(string backend, string budgets = Four) => new(await TestStore.OpenAsync(backend), budgets);

    public static PolicySet SetOf(string budgets, string rules)
    {
        var load = PolicySet.Load(Documents.With(rules, budgets));
        return load.Set ?? throw new InvalidOperationException(string.Join('\n', load.Errors.Select(error => $"{error}")));
    }

    public Task<BudgetAnswer<Reservation>> ReserveAsync(ReserveBudget body) => _service.ReserveAsync(body, Caller.Anybody, CancellationToken.None);

    public Task<BudgetAnswer<Reservation>> ReserveAsync(long amount, string? id = null, string budgets = "day", string agent = "agent-1", string? run = null, long? holdMs = null) =>
        ReserveAsync(new ReserveBudget { AgentId = agent, Budgets = budgets.Split(' '), Amount = amount, ReservationId = id, RunId = run, HoldMs = holdMs });

    public async Task<Reservation> HeldAsync(long amount, string? id = null, string budgets = "day", string agent = "agent-1", string? run = null, long? holdMs = null)
    {
        var answer = await ReserveAsync(amount, id, budgets, agent, run, holdMs);
        return answer.Value ?? throw new InvalidOperationException(answer.Problem!.Detail);
    }

    public Task<BudgetAnswer<Reservation>> CommitAsync(string id, long? actual, TokenUsage? usage = null) =>
        _service.CommitAsync(id, new CommitBudget { Actual = actual, Usage = usage }, Caller.Anybody, CancellationToken.None);

    public Task<BudgetAnswer<Reservation>> ReleaseAsync(string id) => _service.ReleaseAsync(id, new ReleaseBudget(), Caller.Anybody, CancellationToken.None);

    public Task<BudgetAnswer<Reservation>> FindAsync(string id) => _service.FindAsync(id, null, Caller.Anybody, CancellationToken.None);

    public BudgetSlot Slot(string name, string key = "") => new(Book.Of("default").Single(budget => budget.Name == name), key);

    /// <summary>The counter of a budget: what it says was spent, is held, and is left.</summary>
    public async Task<(long Spent, long Held, long Left)> StandsAsync(string name, string key = "")
    {
        var now = await Scripts.NowAsync("default", CancellationToken.None);
        var line = (await Scripts.UsageAsync("default", [Slot(name, key)], now, CancellationToken.None)).Lines[0];
        return (line.Spent, line.Held, line.Left);
    }

    /// <summary>What is due happens although nobody calls: the sweeper's script.</summary>
    public async Task SweepAsync()
    {
        var partition = Scripts.PartitionOf("default");
        await Store.Scripts.RunAsync(ProtoMesh.Server.Store.Script.Named("Locks/Lua/tick.lua"), partition, [Store.Scripts.ChannelOf(partition), "-1 30000 10000 600000 600000 1000"], CancellationToken.None);
    }

    /// <summary>Everything that the outbox of the namespace has, as <c>kind payload…</c>.</summary>
    public async Task<List<string>> EventsAsync()
    {
        var partition = Scripts.PartitionOf("default");
        var reply = await Store.Scripts.RunAsync(ProtoMesh.Server.Store.Script.Named("Journal/Lua/read.lua"), partition,
            [Store.Scripts.ChannelOf(partition), "test", "0", "", "10000"], CancellationToken.None);
        return [.. reply.Items.Skip(5).Where((_, index) => index % 2 == 1).Select(item => item.Text)];
    }

    public async Task<List<string>> KindsAsync() => [.. (await EventsAsync()).Select(text => text.Split('\u0001')[0])];

    public static string CodeOf<T>(BudgetAnswer<T> answer)
        where T : class => answer.Problem?.Code ?? "";

    public static string FieldsOf<T>(BudgetAnswer<T> answer)
        where T : class => string.Join(' ', answer.Problem?.Errors?.Select(error => error.Field) ?? []);

    public ValueTask DisposeAsync() => Store.DisposeAsync();
}
