using ProtoMesh.Tests.Locks.Model;
using ProtoMesh.Tests.Locks.Scripts;
using static ProtoMesh.Tests.Locks.Scripts.LeaseDesk;

namespace ProtoMesh.Tests.Issues;

/// <summary>A resource looked at while not yet idle for long was looked at again only after the whole memory once more.</summary>
public sealed class MemoryOfIdleResourcesTests
{
    [Theory, ClassData(typeof(LeaseBackends))]
    public async Task An_idle_resource_is_forgotten_by_the_first_tick_after_its_memory(string backend)
    {
        var settings = LeaseSettings.Default with { Memory = 100_000 };
        await using var desk = await OpenAsync(backend, settings);
        foreach (var name in new[] { "file", "other" })
        {
            await desk.AcquireAsync(name, X(name), agent: "ann");
        }

        desk.Advance(1_000);
        await desk.ReleaseAsync("file");
        await desk.ReleaseAsync("other");
        desk.Advance(99_999);
        await desk.TickAsync();
        Assert.StartsWith("ann released", (await desk.AcquireAsync("early", X("other"))).Lease!.Previous);
        desk.Advance(1);
        await desk.TickAsync();
        Assert.Equal("", (await desk.AcquireAsync("late", X("file"))).Lease!.Previous);
    }
}
