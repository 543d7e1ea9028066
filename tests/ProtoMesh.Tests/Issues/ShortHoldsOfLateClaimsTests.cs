using ProtoMesh.Tests.Locks.Model;
using ProtoMesh.Tests.Locks.Scripts;
using static ProtoMesh.Tests.Locks.Scripts.LeaseDesk;

namespace ProtoMesh.Tests.Issues;

/// <summary>The longest hold counted from the grant, so a claim could find its lease cut short, or over.</summary>
public sealed class ShortHoldsOfLateClaimsTests
{
    [Theory, ClassData(typeof(LeaseBackends))]
    public async Task A_claimed_grant_has_its_full_time_even_when_the_longest_hold_is_short(string backend)
    {
        await using var desk = await OpenAsync(backend);
        await desk.AcquireAsync("holder", X("file"));
        await desk.AcquireAsync("next", X("file"), ttl: 2_000, maxHold: 3_000);
        await desk.ReleaseAsync("holder");
        desk.Advance(9_000);

        var claimed = await desk.WaitAsync("next");

        Assert.Equal(("granted", 2_000), (claimed.State, claimed.EndsIn));
        Assert.Equal(3_000, claimed.Lease!.HoldEnds - claimed.Now);
    }
}
