using ProtoMesh.Contracts.Budgets;
using ProtoMesh.Tests.Rig;

namespace ProtoMesh.Tests.Budgets;

/// <summary>Reserving, committing and releasing, on every backend.</summary>
public sealed class ReservationTests
{
    private const long Dollar = 1_000_000;

    [Theory, ClassData(typeof(StoreBackends))]
    public async Task Of_a_thousand_reservations_at_once_exactly_as_many_are_admitted_as_fit(string backend)
    {
        await using var desk = await BudgetDesk.OpenAsync(backend);
        var answers = await Task.WhenAll(Enumerable.Range(0, 1_000).Select(_ => Task.Run(() => desk.ReserveAsync(Dollar / 10))));
        Assert.Equal(50, answers.Count(answer => answer.Value is not null));
        Assert.All(answers.Where(answer => answer.Value is null), answer => Assert.Equal("budget_exceeded", answer.Problem!.Code));
        Assert.Equal((0, 5 * Dollar, 0), await desk.StandsAsync("day"));
        await Task.WhenAll(answers.Where(answer => answer.Value is not null).Select(answer => desk.CommitAsync(answer.Value!.ReservationId, Dollar / 20)));
        Assert.Equal((50 * Dollar / 20, 0, 5 * Dollar / 2), await desk.StandsAsync("day"));
    }

    [Fact]
    public async Task Through_two_replicas_exactly_as_many_are_admitted_as_fit()
    {
        await using var first = await BudgetDesk.OpenAsync(StoreBackends.Redis);
        await using var second = new BudgetDesk(first.Store, BudgetDesk.Four);
        var answers = await Task.WhenAll(Enumerable.Range(0, 1_000).Select(index => Task.Run(() => (index % 2 == 0 ? first : second).ReserveAsync(Dollar / 10))));
        Assert.Equal(50, answers.Count(answer => answer.Value is not null));
    }

    [Theory, ClassData(typeof(StoreBackends))]
    public async Task Of_several_budgets_all_are_taken_or_none(string backend)
    {
        await using var desk = await BudgetDesk.OpenAsync(backend);
        var all = await desk.HeldAsync(4 * Dollar, budgets: "day hour run month", run: "run-1");
        Assert.Equal(["day", "hour", "run", "month"], all.Budgets.Select(line => line.Name));
        Assert.Equal([null, "agent-1", "run-1", "default"], all.Budgets.Select(line => line.Key));
        Assert.Equal([Dollar, Dollar, Dollar, 46 * Dollar], all.Budgets.Select(line => line.Left));
        Assert.Equal("budget_exceeded", BudgetDesk.CodeOf(await desk.ReserveAsync(2 * Dollar, budgets: "month run", run: "run-1")));
        Assert.Equal((0, 4 * Dollar, 46 * Dollar), await desk.StandsAsync("month", "default"));
        Assert.Equal((0, 2 * Dollar, 3 * Dollar), (await desk.HeldAsync(2 * Dollar, budgets: "month run", run: "run-2")).Budgets[1] is var line ? (line.Spent, line.Held, line.Left) : default);
    }

    [Theory, ClassData(typeof(StoreBackends))]
    public async Task A_refusal_says_what_is_left_and_when_the_window_ends(string backend)
    {
        await using var desk = await BudgetDesk.OpenAsync(backend);
        await desk.HeldAsync(3_800_000);
        var problem = (await desk.ReserveAsync(2 * Dollar)).Problem!;
        Assert.Equal("day has 1.20 USD left of 5 USD; 2 USD are asked for.", problem.Detail);
        Assert.Equal(problem.Budgets![0].WindowEndsAt!.Value, (await desk.Scripts.NowAsync("default", CancellationToken.None)).AddMilliseconds(problem.RetryAfterMs!.Value), TimeSpan.FromSeconds(2));
        await desk.HeldAsync(5 * Dollar, budgets: "run", run: "run-1");
        Assert.Null((await desk.ReserveAsync(1, budgets: "run", run: "run-1")).Problem!.RetryAfterMs);
    }

    [Theory, ClassData(typeof(StoreBackends))]
    public async Task The_same_id_reserves_once_and_other_content_under_it_is_a_conflict(string backend)
    {
        await using var desk = await BudgetDesk.OpenAsync(backend);
        var first = await desk.HeldAsync(Dollar, "reservation-1");
        Assert.Equivalent(first with { ExpiresInMs = 0 }, await desk.HeldAsync(Dollar, "reservation-1") with { ExpiresInMs = 0 });
        Assert.Equal((0, Dollar, 4 * Dollar), await desk.StandsAsync("day"));
        Assert.Equal("reservation_conflict", BudgetDesk.CodeOf(await desk.ReserveAsync(2 * Dollar, "reservation-1")));
        Assert.Equal("reservation_conflict", BudgetDesk.CodeOf(await desk.ReserveAsync(Dollar, "reservation-1", agent: "agent-2")));
        Assert.Equal("committed", (await desk.CommitAsync("reservation-1", Dollar)).Value!.State);
        Assert.Equal("committed", (await desk.HeldAsync(Dollar, "reservation-1")).State);
        Assert.Equal((Dollar, 0, 4 * Dollar), await desk.StandsAsync("day"));
    }

    [Theory, ClassData(typeof(StoreBackends))]
    public async Task A_commit_posts_the_real_cost_once(string backend)
    {
        await using var desk = await BudgetDesk.OpenAsync(backend);
        var held = await desk.HeldAsync(2 * Dollar);
        var committed = (await desk.CommitAsync(held.ReservationId, 500_000)).Value!;
        Assert.Equal(("committed", 500_000, "claimed", null, null), (committed.State, committed.Actual, committed.Verification, committed.Late, committed.Overrun));
        Assert.Equal("committed", (await desk.CommitAsync(held.ReservationId, 500_000)).Value!.State);
        Assert.Equal((500_000, 0, 4_500_000), await desk.StandsAsync("day"));
        Assert.Equal("reservation_conflict", BudgetDesk.CodeOf(await desk.CommitAsync(held.ReservationId, 500_001)));
        Assert.Equal("reservation_settled", BudgetDesk.CodeOf(await desk.ReleaseAsync(held.ReservationId)));
        Assert.Equal("reservation_unknown", BudgetDesk.CodeOf(await desk.CommitAsync("nobody-made-this", 1)));
        Assert.Equal(["budget.reserved", "budget.committed"], await desk.KindsAsync());
    }

    [Theory, ClassData(typeof(StoreBackends))]
    public async Task More_than_was_reserved_is_posted_and_flagged(string backend)
    {
        await using var desk = await BudgetDesk.OpenAsync(backend);
        var held = await desk.HeldAsync(Dollar);
        Assert.True((await desk.CommitAsync(held.ReservationId, 7 * Dollar)).Value!.Overrun);
        Assert.Equal((7 * Dollar, 0, 0), await desk.StandsAsync("day"));
        Assert.Equal("budget_exceeded", BudgetDesk.CodeOf(await desk.ReserveAsync(1)));
    }

    [Theory, ClassData(typeof(StoreBackends))]
    public async Task What_is_released_is_free_and_stays_released(string backend)
    {
        await using var desk = await BudgetDesk.OpenAsync(backend);
        var held = await desk.HeldAsync(5 * Dollar, "reservation-1");
        Assert.Equal("released", (await desk.ReleaseAsync(held.ReservationId)).Value!.State);
        Assert.Equal("released", (await desk.ReleaseAsync(held.ReservationId)).Value!.State);
        Assert.Equal((0, 0, 5 * Dollar), await desk.StandsAsync("day"));
        Assert.Equal("reservation_settled", BudgetDesk.CodeOf(await desk.CommitAsync(held.ReservationId, 1)));
        Assert.Equal("released", (await desk.HeldAsync(5 * Dollar, "reservation-1")).State);
    }

    [Theory, ClassData(typeof(StoreBackends))]
    public async Task A_hold_expires_although_nobody_calls_and_a_late_commit_counts(string backend)
    {
        await using var desk = await BudgetDesk.OpenAsync(backend);
        var held = await desk.HeldAsync(5 * Dollar, holdMs: 1_000);
        await desk.SweepAsync();
        Assert.Equal((0, 5 * Dollar, 0), await desk.StandsAsync("day"));
        await desk.Store.AdvanceAsync(TimeSpan.FromMilliseconds(1_001));
        await desk.SweepAsync();
        Assert.Equal((0, 0, 5 * Dollar), await desk.StandsAsync("day"));
        Assert.Equal("expired", (await desk.FindAsync(held.ReservationId)).Value!.State);
        Assert.Equal(["budget.reserved", "budget.expired"], await desk.KindsAsync());
        await desk.HeldAsync(5 * Dollar);
        var late = (await desk.CommitAsync(held.ReservationId, 4 * Dollar)).Value!;
        Assert.Equal(("committed", true), (late.State, late.Late));
        Assert.Equal((4 * Dollar, 5 * Dollar, 0), await desk.StandsAsync("day"));
    }

    [Theory, ClassData(typeof(StoreBackends))]
    public async Task A_hold_that_has_expired_makes_room_for_the_next_before_any_sweep(string backend)
    {
        await using var desk = await BudgetDesk.OpenAsync(backend);
        await desk.HeldAsync(5 * Dollar, holdMs: 1_000);
        Assert.Equal("budget_exceeded", BudgetDesk.CodeOf(await desk.ReserveAsync(1)));
        await desk.Store.AdvanceAsync(TimeSpan.FromMilliseconds(1_001));
        await desk.HeldAsync(5 * Dollar);
    }
}
