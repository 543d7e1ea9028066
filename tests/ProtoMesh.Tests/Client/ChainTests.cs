using ProtoMesh.Tests.Rig;

namespace ProtoMesh.Tests.Client;

/// <summary>The whole chain of a guard against the real service: people, budget, lock, action, settlement, release.</summary>
public sealed class ChainTests(LiveService service) : IClassFixture<LiveService>, IAsyncLifetime
{
    private const string Head = """
        defaults: { effect: allow }
        metadata: { estimated_cost: { type: number, default: 0 } }
        budgets:
          team: { unit: usd, cap: 5, window: lifetime }
        """;

    private const string Rules = """
          - id: humans-first
            actions: [deploy]
            when: "true"
            effect: require_approval
            message: "'a person has to look at it'"
            approvers: { group: ops, quorum: 1, expires: 1h }
          - id: cost
            actions: [deploy, pay]
            require: { budget: { names: [team], amount: metadata.estimated_cost } }
        """;

    private readonly string _space = $"n{Guid.NewGuid():N}"[..12];

    private readonly GuardOptions _two = new() { Metadata = new() { ["estimated_cost"] = 2 } };

    public Task InitializeAsync() => service.ActivateAsync(_space, Rules, Head);

    public Task DisposeAsync() => Task.CompletedTask;

    [Fact]
    public async Task A_guard_waits_for_people_with_nothing_in_hand_and_then_takes_lock_and_budget_at_once()
    {
        await using var mesh = Client("deployer");
        await using var others = Client("other");
        var waiting = new TaskCompletionSource<string>(TaskCreationOptions.RunContinuationsAsynchronously);

        var guarding = mesh.GuardAsync("deploy", "app/1", _two with { OnApproval = OnApproval.Wait, OnWaiting = asked => waiting.TrySetResult(asked.ApprovalId) });
        var id = await waiting.Task.WaitAsync(TimeSpan.FromSeconds(30));
        await using (var free = await others.Locks.TryAcquireAsync("app/1"))
        {
            Assert.NotNull(free);
        }
        Assert.Equal(0, (await others.Budgets.UsageAsync("team")).Held);
        await others.Approvals.ApproveAsync(id, "go", approver: "maria");

        var guard = await guarding;
        Assert.Equal((true, id, 2_000_000L), (guard.Granted, guard.ApprovalId, Assert.Single(guard.Reservations).Amount));
        await guard.RunAsync(async stop =>
        {
            Assert.Null(await others.Locks.TryAcquireAsync("app/1", cancellationToken: stop));
            Assert.Equal(2_000_000, (await others.Budgets.UsageAsync("team", cancellationToken: stop)).Held);
            guard.Spent(1_500_000);
        });

        var usage = await others.Budgets.UsageAsync("team");
        Assert.Equal((1_500_000L, 0L), (usage.Spent, usage.Held));
        await Eventually.HoldsAsync(async () => (await others.Approvals.GetAsync(id)).State == "consumed", "the approval is used up");
    }

    [Fact]
    public async Task An_agent_that_was_told_to_ask_runs_once_people_have_said_yes()
    {
        await using var mesh = Client("deployer");
        await using var denied = await mesh.GuardAsync("deploy", "app/1", _two);

        Assert.Equal((false, "ops", "pending"), (denied.Granted, denied.Denial!.Approval!.Group, denied.Denial.Approval.State));
        Assert.Contains(denied.ApprovalId!, denied.Text, StringComparison.Ordinal);
        Assert.Equal(denied.ApprovalId, (await mesh.Approvals.RequestAsync("deploy", "app/1", new() { Metadata = new() { ["estimated_cost"] = 2 } })).ApprovalId);
        var refusal = await Assert.ThrowsAsync<UnauthorizedException>(() => mesh.Approvals.ApproveAsync(denied.ApprovalId!, approver: "deployer"));
        Assert.Equal("not_an_approver", refusal.Code);
        await mesh.Approvals.ApproveAsync(denied.ApprovalId!, approver: "maria");

        await using (var guard = await mesh.GuardAsync("deploy", "app/1", _two))
        {
            Assert.Equal((true, denied.ApprovalId), (guard.Granted, guard.ApprovalId));
        }
        await using var next = await mesh.GuardAsync("deploy", "app/1", _two);
        Assert.Equal((false, true), (next.Granted, next.ApprovalId != denied.ApprovalId));
    }

    [Fact]
    public async Task The_third_of_two_dollars_does_not_fit_into_five_and_the_ledger_adds_up()
    {
        await using var mesh = Client("payer");
        await using (var first = await mesh.GuardAsync("pay", options: _two))
        {
            first.Spent(1_900_000);
        }
        await using (await mesh.GuardAsync("pay", "invoice/1", _two))
        {
        }
        await using var third = await mesh.GuardAsync("pay", options: _two);

        Assert.StartsWith("Not done: pay. team has 1.10 USD left of 5 USD; 2 USD are asked for.", third.Text, StringComparison.Ordinal);
        await Eventually.HoldsAsync(async () => (await mesh.Budgets.UsageAsync("team")) is { LedgerSpent: 3_900_000, Spent: 3_900_000, Held: 0, Drift: 0 }, "the ledger adds up");
        var entries = await mesh.Budgets.LedgerAsync("team").ToListAsync();
        Assert.Equal(3_900_000, entries.Sum(entry => entry.Actual ?? 0));
    }

    [Fact]
    public async Task A_caller_that_gives_up_in_the_queue_leaves_no_budget_behind()
    {
        await using var mesh = Client("payer");
        await using var holder = await mesh.Locks.AcquireAsync("invoice/1");
        using var patience = new CancellationTokenSource();

        var guarding = mesh.GuardAsync("pay", "invoice/1", _two, patience.Token);
        await Eventually.HoldsAsync(async () => (await mesh.Locks.QueueAsync("invoice/1")).QueueLength == 1, "it waits");
        patience.Cancel();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => guarding);

        Assert.Equal(0, (await mesh.Budgets.UsageAsync("team")).Held);
    }

    private MeshClient Client(string agent) => new(new() { BaseUrls = [service.Url], AgentId = agent, Namespace = _space });
}
