using ProtoMesh.Tests.Locks.Model;
using ProtoMesh.Tests.Locks.Scripts;
using static ProtoMesh.Tests.Locks.Scripts.LeaseDesk;

namespace ProtoMesh.Tests.Issues;

/// <summary>A resource whose long rest was cut short by an immediate force-release was remembered until the rest would have ended.</summary>
public sealed class RestCutShortTests
{
    [Theory, ClassData(typeof(LeaseBackends))]
    public async Task A_resource_is_forgotten_when_its_own_time_has_come(string backend)
    {
        await using var desk = await OpenAsync(backend, LeaseSettings.Default with { Memory = 8_000 });
        await desk.AcquireAsync("first", X("file"), ttl: 60_000);
        desk.Advance(8_500);
        await desk.ForceReleaseAsync("file");
        await desk.TickAsync();
        desk.Advance(100);
        await desk.ForceReleaseAsync("file", immediate: true);
        desk.Advance(7_999);
        await desk.TickAsync();
        Assert.StartsWith("first force_released", (await desk.AcquireAsync("early", X("file"), wait: 0)).Lease!.Previous);
        await desk.ReleaseAsync("early");
        desk.Advance(8_000);
        await desk.TickAsync();
        Assert.Equal("", (await desk.AcquireAsync("late", X("file"))).Lease!.Previous);
    }
}
