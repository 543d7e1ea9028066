using ProtoMesh.Server.Policies;
using ProtoMesh.Tests.Data;
using ProtoMesh.Tests.Policies;
using ProtoMesh.Tests.Rig;

namespace ProtoMesh.Tests.Issues;

/// <summary>Allows that the log could as well do without took the last places before denies, every one of which is to be kept.</summary>
public sealed class DenyBehindAllowsTests
{
    [Fact]
    public async Task A_flood_of_allows_leaves_places_for_denies()
    {
        await using var rig = await LifeRig.OpenAsync(Databases.Sqlite);
        await using var desk = await PolicyDesk.OpenAsync(StoreBackends.Embedded, LifeRig.Document(100));
        var log = (await rig.PrepareAsync(null, ("Policies:AllowsPerSecond", "1000000"))).Get<DecisionLog>(); // nothing takes from it here
        var allow = await desk.OutcomeAsync(desk.Question("read"));
        var deny = await desk.OutcomeAsync(desk.Question("spend", metadata: """{"cost":101}"""));
        void Record(PolicyOutcome outcome) => log.Record(outcome.Builder!, outcome.Answer!.Decision, TimeSpan.Zero);
        for (var count = 0; count < DecisionLog.Capacity; count++)
        {
            Record(allow);
        }

        Assert.Equal(DecisionLog.Capacity - DecisionLog.CapacityForAllows, log.Dropped);
        for (var count = DecisionLog.CapacityForAllows; count < DecisionLog.Capacity; count++)
        {
            Record(deny);
        }

        Assert.Equal(DecisionLog.Capacity - DecisionLog.CapacityForAllows, log.Dropped);
        Record(deny);
        Assert.Equal(DecisionLog.Capacity - DecisionLog.CapacityForAllows + 1, log.Dropped);
    }
}
