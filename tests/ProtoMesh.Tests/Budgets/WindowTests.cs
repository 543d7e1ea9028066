using ProtoMesh.Server.Budgets;
using ProtoMesh.Tests.Rig;

namespace ProtoMesh.Tests.Budgets;

/// <summary>When budgets start anew: calendar windows of a time zone, rolling ones, and none.</summary>
public sealed class WindowTests
{
    private const long Dollar = 1_000_000;

    [Theory]
    [InlineData("day", "Europe/Berlin", "2026-03-29T12:00:00Z", "2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z")] // 23 hours
    [InlineData("day", "Europe/Berlin", "2026-10-25T12:00:00Z", "2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z")] // 25 hours
    [InlineData("day", "UTC", "2026-03-29T23:59:59.999Z", "2026-03-29T00:00:00Z", "2026-03-30T00:00:00Z")]
    [InlineData("day", "Asia/Kathmandu", "2026-03-29T18:15:00Z", "2026-03-29T18:15:00Z", "2026-03-30T18:15:00Z")]
    [InlineData("day", "Africa/Cairo", "2026-04-24T10:00:00Z", "2026-04-23T22:00:00Z", "2026-04-24T21:00:00Z")] // has no midnight
    [InlineData("day", "America/Havana", "2026-11-01T12:00:00Z", "2026-11-01T04:00:00Z", "2026-11-02T05:00:00Z")] // has two midnights
    [InlineData("week", "Europe/Berlin", "2026-03-29T12:00:00Z", "2026-03-22T23:00:00Z", "2026-03-29T22:00:00Z")]
    [InlineData("week", "UTC", "2026-03-02T00:00:00Z", "2026-03-02T00:00:00Z", "2026-03-09T00:00:00Z")]
    [InlineData("month", "Europe/Berlin", "2026-03-31T21:59:59Z", "2026-02-28T23:00:00Z", "2026-03-31T22:00:00Z")]
    [InlineData("hour", "Europe/Berlin", "2026-10-25T00:30:00Z", "2026-10-25T00:00:00Z", "2026-10-25T01:00:00Z")]
    [InlineData("hour", "Europe/Berlin", "2026-10-25T01:30:00Z", "2026-10-25T01:00:00Z", "2026-10-25T02:00:00Z")]
    [InlineData("hour", "Asia/Kathmandu", "2026-03-29T10:20:00Z", "2026-03-29T10:15:00Z", "2026-03-29T11:15:00Z")]
    public void A_calendar_window_is_as_long_as_the_clocks_of_its_zone_make_it(string period, string tz, string now, string start, string end)
    {
        var window = new BudgetWindow.Calendar(period, tz, TimeZoneInfo.FindSystemTimeZoneById(tz)).At(Time(now))!.Value;
        Assert.Equal((Time(start), Time(end)), window);
    }

    [Fact]
    public void Windows_follow_each_other_without_a_gap_in_every_zone()
    {
        var seed = Environment.TickCount;
        var random = new Random(seed);
        foreach (var zone in TimeZoneInfo.GetSystemTimeZones().Where(zone => zone.HasIanaId))
        {
            foreach (var period in new[] { "day", "week", "month" })
            {
                var calendar = new BudgetWindow.Calendar(period, zone.Id, zone);
                var at = Time("2026-01-01T00:00:00Z").AddMinutes(random.Next(0, 525_600));
                for (var step = 0; step < 4; step++)
                {
                    var (start, end) = calendar.At(at)!.Value;
                    Assert.True(start <= at && at < end, $"seed {seed}: {zone.Id} {period} {at:O} is not in {start:O} to {end:O}");
                    Assert.True(calendar.At(end)!.Value.Start == end && calendar.At(end.AddMilliseconds(-1))!.Value == (start, end), $"seed {seed}: {zone.Id} {period} {end:O}");
                    at = end;
                }
            }
        }
    }

    [Theory, ClassData(typeof(StoreBackends))]
    public async Task A_new_day_starts_anew_and_a_cost_counts_on_the_day_of_its_reservation(string backend)
    {
        await using var desk = await BudgetDesk.OpenAsync(backend);
        var first = await desk.HeldAsync(5 * Dollar, holdMs: 86_400_000);
        var left = first.Budgets[0].WindowEndsAt!.Value - await desk.Scripts.NowAsync("default", CancellationToken.None);
        await desk.Store.AdvanceAsync(left + TimeSpan.FromSeconds(1));
        Assert.Equal(0, (await desk.HeldAsync(5 * Dollar)).Budgets[0].Spent);
        var committed = (await desk.CommitAsync(first.ReservationId, 3 * Dollar)).Value!;
        Assert.Equal((3 * Dollar, first.Budgets[0].WindowEndsAt), (committed.Budgets[0].Spent, committed.Budgets[0].WindowEndsAt));
        Assert.Equal((0, 5 * Dollar, 0), await desk.StandsAsync("day"));
    }

    [Theory, ClassData(typeof(StoreBackends))]
    public async Task A_rolling_window_never_holds_more_than_its_cap(string backend)
    {
        await using var desk = await BudgetDesk.OpenAsync(backend);
        var seed = Environment.TickCount;
        var random = new Random(seed);
        var taken = new List<(DateTimeOffset At, long Amount)>();
        var refused = 0;
        for (var step = 0; step < 300; step++)
        {
            var answer = await desk.ReserveAsync(random.Next(1, 20) * Dollar / 10, budgets: "hour");
            if (answer.Value is { } held)
            {
                var actual = random.Next(0, (int)held.Amount + 1);
                taken.Add((held.CreatedAt, actual));
                Assert.NotNull((await desk.CommitAsync(held.ReservationId, actual)).Value);
            }
            else
            {
                refused++;
                Assert.InRange(answer.Problem!.RetryAfterMs!.Value, 1, 2 * 3_600_000);
            }

            await desk.Store.AdvanceAsync(TimeSpan.FromSeconds(random.Next(0, 600)));
        }

        Assert.True(refused > 10, $"seed {seed}: only {refused} were refused");
        foreach (var (at, _) in taken)
        {
            var sum = taken.Where(other => other.At <= at && other.At > at.AddHours(-1)).Sum(other => other.Amount);
            Assert.True(sum <= 5 * Dollar, $"seed {seed}: {sum} in the hour before {at:O}");
        }

        // What has left the window is free again, at the latest one part of the window after it.
        await desk.Store.AdvanceAsync(TimeSpan.FromSeconds(3_600 + 62));
        await desk.HeldAsync(5 * Dollar, budgets: "hour");
    }

    [Theory, ClassData(typeof(StoreBackends))]
    public async Task What_is_over_is_forgotten_after_a_week_and_a_lifetime_is_not(string backend)
    {
        await using var desk = await BudgetDesk.OpenAsync(backend);
        var held = await desk.HeldAsync(Dollar, budgets: "day hour run", run: "run-1");
        var left = await desk.HeldAsync(Dollar, budgets: "day hour run", run: "run-1", holdMs: 1_000);
        await desk.CommitAsync(held.ReservationId, Dollar);
        await desk.Store.AdvanceAsync(TimeSpan.FromDays(6));
        await desk.SweepAsync();
        Assert.Equal(("committed", "expired"), ((await desk.FindAsync(held.ReservationId)).Value!.State, (await desk.FindAsync(left.ReservationId)).Value!.State));
        for (var sweep = 0; sweep < 3; sweep++)
        {
            await desk.Store.AdvanceAsync(TimeSpan.FromDays(10));
            await desk.SweepAsync();
        }

        Assert.Equal("reservation_unknown", BudgetDesk.CodeOf(await desk.FindAsync(held.ReservationId)));
        Assert.Equal("reservation_unknown", BudgetDesk.CodeOf(await desk.FindAsync(left.ReservationId)));
        Assert.Equal((Dollar, 0, 4 * Dollar), await desk.StandsAsync("run", "run-1"));
        Assert.Equal(2, await CountAsync(desk)); // that one, and what keeps the key from being empty
    }

    private static async Task<long> CountAsync(BudgetDesk desk)
    {
        const string Text = "return redis.call('HLEN', KEYS[8])";
        var keys = new ProtoMesh.Server.Store.PartitionKeys(desk.Scripts.PartitionOf("default"));
        await desk.Store.Scripts.Engine.LoadAsync(keys.Partition, [Text], CancellationToken.None);
        var reply = await desk.Store.Scripts.Engine.RunAsync(ProtoMesh.Server.Store.Script.Sha(Text), keys, [keys.Channel], CancellationToken.None);
        return reply.Number;
    }

    private static DateTimeOffset Time(string text) => DateTimeOffset.Parse(text, System.Globalization.CultureInfo.InvariantCulture);
}
