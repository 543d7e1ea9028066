using ProtoMesh.Tests.Locks.Model;
using ProtoMesh.Tests.Locks.Scripts;
using static ProtoMesh.Tests.Locks.Scripts.LeaseDesk;

namespace ProtoMesh.Tests.Issues;

/// <summary>Only the last of the requests that share a hold made its resource rest, with its own end, which may be the earlier one.</summary>
public sealed class RestOfAReenteredHoldTests
{
    [Theory, ClassData(typeof(LeaseBackends))]
    public async Task A_forced_release_lets_it_rest_until_the_last_end_of_all_who_shared_it(string backend)
    {
        await using var desk = await OpenAsync(backend);
        await desk.AcquireAsync("r1", X("file"), ttl: 30_000, agent: "ann");
        await desk.AcquireAsync("r2", X("file"), ttl: 1_000, agent: "ann", reentrant: true);

        var forced = await desk.ForceReleaseAsync("file");

        Assert.Equal(30_000, forced[2].Number - forced[1].Number);
        Assert.Equal("queued", (await desk.AcquireAsync("next", X("file"), detached: true)).State);
        desk.Advance(29_999);
        await desk.TickAsync();
        Assert.Equal("queued", (await desk.ReadAsync("next")).State);
    }

    [Theory, ClassData(typeof(LeaseBackends))]
    public async Task An_expired_part_of_it_lets_it_drain_although_another_part_was_released(string backend)
    {
        await using var desk = await OpenAsync(backend);
        await desk.AcquireAsync("r1", X("file"), ttl: 1_000, drain: 5_000, agent: "ann");
        await desk.AcquireAsync("r2", X("file"), ttl: 30_000, agent: "ann", reentrant: true);
        desk.Advance(2_000);
        await desk.ReleaseAsync("r2");

        Assert.Equal("queued", (await desk.AcquireAsync("next", X("file"))).State);
        desk.Advance(4_000);
        Assert.Equal("granted", (await desk.WaitAsync("next")).State);
    }
}
