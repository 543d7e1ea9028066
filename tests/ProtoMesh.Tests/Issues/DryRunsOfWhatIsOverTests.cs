using ProtoMesh.Tests.Locks.Model;
using ProtoMesh.Tests.Locks.Scripts;
using static ProtoMesh.Tests.Locks.Scripts.LeaseDesk;

namespace ProtoMesh.Tests.Issues;

/// <summary>A dry run looked past the ends of leases and did not know of re-entry, so that it said something else than acquire.</summary>
public sealed class DryRunsOfWhatIsOverTests
{
    [Theory, ClassData(typeof(LeaseBackends))]
    public async Task A_dry_run_sees_that_a_lease_is_over_as_acquire_does(string backend)
    {
        await using var desk = await OpenAsync(backend);
        await desk.AcquireAsync("holder", X("file"), ttl: 1_000);
        desk.Advance(1_000);

        Assert.Equal("granted", (await desk.ConsiderAsync(new Submission("next", "bob", "", X("file")))).Tag);
        Assert.Equal("unknown", (await desk.ReadAsync("next")).Tag);
    }

    [Theory, ClassData(typeof(LeaseBackends))]
    public async Task A_dry_run_sees_that_it_would_join_its_own_hold(string backend)
    {
        await using var desk = await OpenAsync(backend);
        await desk.AcquireAsync("holder", X("file"), agent: "ann", session: "s");

        Assert.Equal("granted", (await desk.ConsiderAsync(new Submission("again", "ann", "s", X("file"), Reentrant: true))).Tag);
        Assert.Equal("queued", (await desk.ConsiderAsync(new Submission("again", "ann", "s", X("file")))).Tag);
    }
}
