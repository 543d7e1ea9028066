using ProtoMesh.Tests.Locks.Model;
using ProtoMesh.Tests.Locks.Scripts;
using static ProtoMesh.Tests.Locks.Scripts.LeaseDesk;

namespace ProtoMesh.Tests.Issues;

/// <summary>A tick with nothing to do saved no time, so a clock stepped back stood still until something else was called.</summary>
public sealed class ClockSteppedBackWhileIdleTests
{
    [Theory, ClassData(typeof(LeaseBackends))]
    public async Task A_clock_stepped_back_delays_no_expiry_when_only_the_sweeper_runs(string backend)
    {
        await using var desk = await OpenAsync(backend);
        await desk.AcquireAsync("holder", X("file"), ttl: 10_000);
        desk.Advance(-3_600_000);
        await desk.TickAsync();
        desk.Advance(10_000);
        await desk.TickAsync();

        Assert.Equal("expired", (await desk.ReadAsync("holder")).State);
    }

    [Theory, ClassData(typeof(LeaseBackends))]
    public async Task A_step_back_after_a_quiet_time_delays_an_expiry_by_a_second_at_most(string backend)
    {
        await using var desk = await OpenAsync(backend);
        await desk.AcquireAsync("holder", X("file"), ttl: 100_000);
        for (var second = 0; second < 60; second++)
        {
            desk.Advance(1_000);
            await desk.TickAsync();
        }

        desk.Advance(-30_000);

        Assert.InRange(await desk.TickAsync(), 39_000, 41_000);
    }
}
