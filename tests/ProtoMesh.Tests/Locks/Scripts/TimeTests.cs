using ProtoMesh.Tests.Locks.Model;
using static ProtoMesh.Tests.Locks.Scripts.LeaseDesk;

namespace ProtoMesh.Tests.Locks.Scripts;

public sealed class TimeTests
{
    [Theory, ClassData(typeof(LeaseBackends))]
    public async Task A_grant_in_the_callers_own_request_is_claimed_at_once(string backend)
    {
        await using var desk = await OpenAsync(backend);

        Assert.Equal(30_000, (await desk.AcquireAsync("one", X("file"))).EndsIn);
        desk.Advance(29_999);
        Assert.Equal("granted", (await desk.WaitAsync("one")).State);
    }

    [Theory, ClassData(typeof(LeaseBackends))]
    public async Task A_grant_to_a_waiter_starts_its_full_time_when_its_owner_reads_it(string backend)
    {
        await using var desk = await WaiterGrantedAsync(backend);
        desk.Advance(9_999);

        Assert.Equal(30_000, (await desk.WaitAsync("waiter")).EndsIn);
        desk.Advance(1_000);
        Assert.Equal(29_000, (await desk.WaitAsync("waiter")).EndsIn);
    }

    [Theory, ClassData(typeof(LeaseBackends))]
    public async Task An_observer_claims_nothing(string backend)
    {
        await using var desk = await WaiterGrantedAsync(backend);
        desk.Advance(5_000);
        await desk.ReadAsync("waiter");
        desk.Advance(5_000);

        Assert.Equal("abandoned", (await desk.WaitAsync("waiter")).State);
    }

    [Theory, ClassData(typeof(LeaseBackends))]
    public async Task An_unclaimed_grant_goes_on_to_the_next_waiter(string backend)
    {
        await using var desk = await WaiterGrantedAsync(backend);
        await desk.AcquireAsync("next", X("file"));
        desk.Advance(10_000);
        await desk.TickAsync();

        Assert.Equal("granted", (await desk.WaitAsync("next")).State);
        Assert.Equal("abandoned", (await desk.ReadAsync("waiter")).State);
    }

    [Theory, ClassData(typeof(LeaseBackends))]
    public async Task A_detached_waiter_needs_no_claim(string backend)
    {
        await using var desk = await OpenAsync(backend);
        await desk.AcquireAsync("holder", X("file"));
        await desk.AcquireAsync("batch", X("file"), detached: true);
        await desk.ReleaseAsync("holder");
        desk.Advance(29_999);
        await desk.TickAsync();

        Assert.Equal("granted", (await desk.ReadAsync("batch")).State);
    }

    [Theory, ClassData(typeof(LeaseBackends))]
    public async Task Dead_waiters_are_skipped_together(string backend)
    {
        await using var desk = await OpenAsync(backend);
        await desk.AcquireAsync("holder", X("file"), ttl: 20_000);
        for (var index = 0; index < 110; index++)
        {
            await desk.AcquireAsync($"dead{index}", X("file"), priority: 9);
        }

        await desk.AcquireAsync("alive", X("file"));
        desk.Advance(14_000);
        await desk.TouchAsync("alive");
        desk.Advance(6_000);
        await desk.CatchUpAsync();

        Assert.Equal("granted", (await desk.ReadAsync("alive")).State);
        Assert.Equal("abandoned", (await desk.ReadAsync("dead109")).State);
    }

    [Theory, ClassData(typeof(LeaseBackends))]
    public async Task A_waiter_lives_as_long_as_it_is_asked_for_or_touched_and_its_wait_ends_when_it_said(string backend)
    {
        await using var desk = await OpenAsync(backend);
        await desk.AcquireAsync("holder", X("file"), ttl: 300_000);
        await desk.AcquireAsync("asks", X("file"), wait: 40_000);
        await desk.AcquireAsync("silent", X("file"), wait: 40_000);
        desk.Advance(14_999);
        await desk.WaitAsync("asks");
        desk.Advance(14_999);
        await desk.TickAsync();
        Assert.Equal(["silent"], (await desk.TouchAsync("asks", "silent")).Items[1..].Select(id => id.Text));
        desk.Advance(10_001);
        await desk.TickAsync();
        Assert.Equal("queued", (await desk.ReadAsync("asks")).State);
        desk.Advance(1);
        await desk.TickAsync();

        Assert.Equal("timed_out", (await desk.ReadAsync("asks")).State);
        Assert.Equal("abandoned", (await desk.ReadAsync("silent")).State);
    }

    [Theory, ClassData(typeof(LeaseBackends))]
    public async Task More_that_is_due_than_one_call_ends_is_ended_by_a_few_ticks(string backend)
    {
        await using var desk = await OpenAsync(backend);
        for (var index = 0; index < 150; index++)
        {
            await desk.AcquireAsync($"lease{index}", X($"file{index}"), ttl: 1_000);
        }

        desk.Advance(1_000);
        Assert.Equal(3, await desk.CatchUpAsync());
        Assert.Equal("expired", (await desk.ReadAsync("lease149")).State);
        Assert.Equal(long.MaxValue, await desk.TickAsync());
    }

    [Theory, ClassData(typeof(LeaseBackends))]
    public async Task A_clock_stepped_back_freezes_nothing(string backend)
    {
        await using var desk = await OpenAsync(backend);
        var first = await desk.AcquireAsync("holder", X("file"), ttl: 10_000);
        await desk.AcquireAsync("waiter", X("file"), detached: true);
        desk.Advance(-3_600_000);
        Assert.Equal(first.Now, (await desk.WaitAsync("holder")).Now);
        desk.Advance(10_000);
        await desk.TickAsync();

        Assert.Equal("expired", (await desk.ReadAsync("holder")).State);
        Assert.True((await desk.WaitAsync("waiter")).Token > first.Token);
    }

    private static async Task<LeaseDesk> WaiterGrantedAsync(string backend)
    {
        var desk = await OpenAsync(backend);
        await desk.AcquireAsync("holder", X("file"));
        await desk.AcquireAsync("waiter", X("file"));
        await desk.ReleaseAsync("holder");
        return desk;
    }
}
