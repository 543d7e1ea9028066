using ProtoMesh.Tests.Locks.Model;
using ProtoMesh.Tests.Locks.Scripts;
using static ProtoMesh.Tests.Locks.Scripts.LeaseDesk;

namespace ProtoMesh.Tests.Issues;

/// <summary>A resource without a record has no capacity yet; the first request for slots was compared with that and waited for ever.</summary>
public sealed class SlotsOfAFreeResourceTests
{
    [Theory, ClassData(typeof(LeaseBackends))]
    public async Task The_first_request_for_slots_is_granted_at_once(string backend)
    {
        await using var desk = await OpenAsync(backend);

        Assert.Equal("granted", (await desk.AcquireAsync("first", L("gpu", 2, 3))).State);
        Assert.Equal("queued", (await desk.AcquireAsync("second", L("gpu", 2, 3))).State);
        await desk.ReleaseAsync("first");
        Assert.Equal("granted", (await desk.WaitAsync("second")).State);
    }
}
