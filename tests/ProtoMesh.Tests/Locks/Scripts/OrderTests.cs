using ProtoMesh.Tests.Locks.Model;
using static ProtoMesh.Tests.Locks.Scripts.LeaseDesk;

namespace ProtoMesh.Tests.Locks.Scripts;

public sealed class OrderTests
{
    private static readonly LeaseSettings OneSecondALevel = LeaseSettings.Default with { Ageing = 1_000 };

    [Theory, ClassData(typeof(LeaseBackends))]
    public async Task A_waiter_with_higher_priority_is_granted_first(string backend)
    {
        await using var desk = await QueueAsync(backend, LeaseSettings.Default, ("low", 3, 0), ("high", 8, 1_000), ("middle", 5, 1_000));

        Assert.Equal(["high", "middle", "low"], await DrainAsync(desk, 3));
    }

    [Theory, ClassData(typeof(LeaseBackends))]
    public async Task A_job_of_priority_0_is_overtaken_by_a_9_that_arrives_within_nine_times_the_ageing_and_by_none_later(string backend)
    {
        await using var desk = await QueueAsync(backend, OneSecondALevel, ("batch", 0, 0), ("within", 9, 8_999), ("later", 9, 1));

        Assert.Equal(["within", "batch", "later"], await DrainAsync(desk, 3));
    }

    [Theory, ClassData(typeof(LeaseBackends))]
    public async Task With_an_ageing_of_0_the_first_to_come_is_the_first_to_be_granted(string backend)
    {
        await using var desk = await QueueAsync(backend, LeaseSettings.Default with { Ageing = 0 }, ("one", 0, 0), ("two", 9, 0), ("three", 5, 10));

        Assert.Equal(["one", "two", "three"], await DrainAsync(desk, 3));
    }

    [Theory, ClassData(typeof(LeaseBackends))]
    public async Task Strict_order_is_by_priority_however_long_one_waits_and_then_by_arrival(string backend)
    {
        await using var desk = await QueueAsync(backend, LeaseSettings.Default with { Ageing = -1 }, ("old", 4, 0), ("late", 5, 80_000_000), ("later", 5, 1));

        Assert.Equal(["late", "later", "old"], await DrainAsync(desk, 3));
    }

    [Theory, ClassData(typeof(LeaseBackends))]
    public async Task A_newcomer_of_higher_priority_passes_waiters_but_never_a_holder(string backend)
    {
        await using var desk = await QueueAsync(backend, LeaseSettings.Default, ("waiter", 5, 0));

        var told = await desk.AcquireAsync("newcomer", X("file"), priority: 9);

        Assert.Equal(("queued", 1, 2), (told.State, told.Position, told.QueueLength));
        Assert.Equal(["holder"], told.Blockers);
        Assert.Equal(2, (await desk.WaitAsync("waiter")).Position);
    }

    [Theory, ClassData(typeof(LeaseBackends))]
    public async Task A_newcomer_does_not_barge_past_a_waiter_that_is_ahead_of_it_on_a_free_resource(string backend)
    {
        await using var desk = await OpenAsync(backend);
        await desk.AcquireAsync("holder", X("a"));
        await desk.AcquireAsync("both", X("a", "b"), priority: 5);

        Assert.Equal("held", (await desk.AcquireAsync("try", X("b"), priority: 5, wait: 0)).Tag);
        Assert.Equal("granted", (await desk.AcquireAsync("urgent", X("b"), priority: 9)).State);
    }

    [Theory, ClassData(typeof(LeaseBackends))]
    public async Task Reprioritizing_a_waiter_moves_it_as_if_it_had_come_with_that_priority(string backend)
    {
        await using var desk = await QueueAsync(backend, LeaseSettings.Default, ("one", 5, 0), ("two", 5, 1_000));
        await desk.ReprioritizeAsync("two", 6);

        Assert.Equal("not_waiting", (await desk.ReprioritizeAsync("holder", 6)).Tag);
        Assert.Equal("unknown", (await desk.ReprioritizeAsync("nobody", 6)).Tag);
        Assert.Equal(["two", "one"], await DrainAsync(desk, 2));
    }

    [Theory]
    [InlineData("embedded", 10_000)]
    [InlineData("redis", 2_000)]
    [InlineData("cluster", 1_000)]
    public async Task Thousands_of_waiters_are_drained_in_the_order_of_their_scores(string backend, int count)
    {
        await using var desk = await QueueAsync(backend, OneSecondALevel);
        var random = new Random(count);
        var expected = new List<(long Score, int Arrival)>();
        for (var index = 0; index < count; index++)
        {
            desk.Advance(random.Next(3));
            var priority = random.Next(10);
            expected.Add(((desk.Clock / 1_000) - (priority * 1_000), index));
            await desk.AcquireAsync($"waiter{index}", X("file"), priority, wait: 86_400_000, detached: true);
        }

        Assert.Equal(expected.Order().Select(next => $"waiter{next.Arrival}"), await DrainAsync(desk, count));
    }

    /// <summary>A holder and, behind it, waiters with their priorities and how long after the one before each comes, in ms.</summary>
    private static async Task<LeaseDesk> QueueAsync(string backend, LeaseSettings settings, params (string Id, int Priority, long After)[] waiters)
    {
        var desk = await OpenAsync(backend, settings);
        await desk.AcquireAsync("holder", X("file"), ttl: 86_000_000, maxHold: 86_400_000);
        foreach (var (id, priority, after) in waiters)
        {
            desk.Advance(after);
            await desk.AcquireAsync(id, X("file"), priority, wait: 86_400_000, detached: true);
        }

        return desk;
    }

    /// <summary>Releases one holder after the other. A release names the agent that is granted next.</summary>
    private static async Task<List<string>> DrainAsync(LeaseDesk desk, int count)
    {
        var (order, holder) = (new List<string>(), "holder");
        for (var index = 0; index < count; index++)
        {
            var released = await desk.ReleaseAsync(holder);
            order.Add(holder = released.Reply[4][0].Text);
            await desk.WaitAsync(holder);
        }

        return order;
    }
}
