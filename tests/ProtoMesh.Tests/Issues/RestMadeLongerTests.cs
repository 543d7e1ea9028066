using ProtoMesh.Tests.Locks.Model;
using ProtoMesh.Tests.Locks.Scripts;
using static ProtoMesh.Tests.Locks.Scripts.LeaseDesk;

namespace ProtoMesh.Tests.Issues;

/// <summary>
/// When a late sweep met the end of a rest together with an expiry that made that rest longer, it dropped the entry of the
/// longer rest too, and the waiter was granted only when somebody called.
/// </summary>
public sealed class RestMadeLongerTests
{
    [Theory, ClassData(typeof(LeaseBackends))]
    public async Task A_waiter_is_granted_at_the_end_of_the_longer_rest_when_only_the_sweeper_runs(string backend)
    {
        await using var desk = await OpenAsync(backend);
        await desk.AcquireAsync("short", S("file"), ttl: 1_000, drain: 7_000, agent: "ann");
        await desk.AcquireAsync("long", S("file"), ttl: 5_000, drain: 7_000, agent: "bob");
        desk.Advance(2_000);
        await desk.AcquireAsync("next", S("file"), wait: 60_000, detached: true, agent: "cy");

        desk.Advance(7_000);
        await desk.TickAsync();
        Assert.Equal("queued", (await desk.ReadAsync("next")).State);

        desk.Advance(3_000);
        await desk.TickAsync();
        Assert.Equal("granted", (await desk.ReadAsync("next")).State);
    }
}
