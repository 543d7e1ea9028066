using ProtoMesh.Tests.Locks.Model;
using ProtoMesh.Tests.Locks.Scripts;
using static ProtoMesh.Tests.Locks.Scripts.LeaseDesk;

namespace ProtoMesh.Tests.Issues;

/// <summary>A waiter granted through one of its resources left its other queues unlooked at, where the next could stand beside it.</summary>
public sealed class QueuesBehindAGrantOfSeveralTests
{
    [Theory, ClassData(typeof(LeaseBackends))]
    public async Task A_shared_waiter_is_granted_together_with_the_request_of_several_that_it_stood_behind(string backend)
    {
        await using var desk = await OpenAsync(backend);
        await desk.AcquireAsync("holder", X("a"));
        await desk.AcquireAsync("several", X("a") + " " + S("b"));
        await desk.AcquireAsync("reader", S("b"));
        Assert.Equal("queued", (await desk.ReadAsync("reader")).State);

        await desk.ReleaseAsync("holder");

        Assert.Equal("granted", (await desk.ReadAsync("several")).State);
        Assert.Equal("granted", (await desk.ReadAsync("reader")).State);
    }
}
