using ProtoMesh.Tests.Locks.Model;
using ProtoMesh.Tests.Locks.Scripts;
using static ProtoMesh.Tests.Locks.Scripts.LeaseDesk;

namespace ProtoMesh.Tests.Issues;

/// <summary>A call ends at most 16 requests that are over; what it was asked about could be another one, which it then revived.</summary>
public sealed class OverBeforeTheSweepTests
{
    [Theory, ClassData(typeof(LeaseBackends))]
    public async Task A_grant_that_nobody_claimed_in_time_cannot_be_claimed_before_the_sweep_has_come_to_it(string backend)
    {
        await using var desk = await OpenAsync(backend);
        await ManyOverAsync(desk);
        await desk.AcquireAsync("holder", X("file"));
        await desk.AcquireAsync("zed", X("file"));
        await desk.ReleaseAsync("holder");
        desk.Advance(LeaseSettings.Default.Claim);

        Assert.Equal("abandoned", (await desk.WaitAsync("zed")).State);
    }

    [Theory, ClassData(typeof(LeaseBackends))]
    public async Task A_lease_that_is_over_is_not_told_as_granted_nor_cancelled_as_released(string backend)
    {
        await using var desk = await OpenAsync(backend);
        await ManyOverAsync(desk);
        await ManyOverAsync(desk, "more");
        await desk.AcquireAsync("zed", X("file"), ttl: 1_500);
        await desk.AcquireAsync("zoe", X("other"), ttl: 1_500);
        desk.Advance(1_500);

        Assert.Equal("expired", (await desk.WaitAsync("zed")).State);
        Assert.Equal("expired", (await desk.CancelAsync("zoe")).State);
    }

    [Theory, ClassData(typeof(LeaseBackends))]
    public async Task A_silent_waiter_is_abandoned_however_late_the_sweep_comes(string backend)
    {
        await using var desk = await OpenAsync(backend);
        await desk.AcquireAsync("holder", X("file"), ttl: 300_000);
        await desk.AcquireAsync("silent", X("file"), wait: 20_000);
        var silence = desk.Clock / 1_000 + LeaseSettings.Default.Liveness;
        desk.Advance(60_000);

        var told = await desk.WaitAsync("silent");

        Assert.Equal(("abandoned", "silence", silence), (told.State, told.Lease!.Cause, told.Lease.EndedAt));
    }

    private static async Task ManyOverAsync(LeaseDesk desk, string prefix = "many")
    {
        for (var index = 0; index < 20; index++)
        {
            await desk.AcquireAsync($"{prefix}{index}", X($"{prefix}{index}"), ttl: 1_000);
        }
    }
}
