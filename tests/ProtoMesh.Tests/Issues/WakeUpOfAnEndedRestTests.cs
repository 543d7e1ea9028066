using ProtoMesh.Tests.Locks.Model;
using ProtoMesh.Tests.Locks.Scripts;
using static ProtoMesh.Tests.Locks.Scripts.LeaseDesk;

namespace ProtoMesh.Tests.Issues;

/// <summary>An immediate forced release ended the rest but left its wake-up among the deadlines.</summary>
public sealed class WakeUpOfAnEndedRestTests
{
    [Theory, ClassData(typeof(LeaseBackends))]
    public async Task An_immediate_forced_release_leaves_nothing_due(string backend)
    {
        await using var desk = await OpenAsync(backend);
        await desk.AcquireAsync("holder", X("file"));
        await desk.ForceReleaseAsync("file");
        Assert.Equal(30_000, await desk.TickAsync());
        await desk.ForceReleaseAsync("file", immediate: true);

        Assert.Equal(long.MaxValue, await desk.TickAsync());
        Assert.Equal("granted", (await desk.AcquireAsync("next", X("file"))).State);
    }
}
