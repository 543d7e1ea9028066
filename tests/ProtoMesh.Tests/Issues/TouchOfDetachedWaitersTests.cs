using ProtoMesh.Tests.Locks.Model;
using ProtoMesh.Tests.Locks.Scripts;
using static ProtoMesh.Tests.Locks.Scripts.LeaseDesk;

namespace ProtoMesh.Tests.Issues;

/// <summary>An open request of a detached waiter gave it a liveness that it does not have, and it was dropped when that ended.</summary>
public sealed class TouchOfDetachedWaitersTests
{
    [Theory, ClassData(typeof(LeaseBackends))]
    public async Task A_detached_waiter_that_was_touched_still_waits_to_the_end_of_its_wait(string backend)
    {
        await using var desk = await OpenAsync(backend);
        await desk.AcquireAsync("holder", X("file"), ttl: 300_000);
        await desk.AcquireAsync("batch", X("file"), wait: 200_000, detached: true);
        await desk.TouchAsync("batch");
        desk.Advance(199_999);
        await desk.TickAsync();

        Assert.Equal("queued", (await desk.ReadAsync("batch")).State);
        desk.Advance(1);
        await desk.TickAsync();
        Assert.Equal("timed_out", (await desk.ReadAsync("batch")).State);
    }
}
