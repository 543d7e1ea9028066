using ProtoMesh.Tests.Legacy;
using static ProtoMesh.Tests.Issues.OriginalBugTests;

namespace ProtoMesh.Tests.Issues;

/// <summary>A release that also ends an expired lease elsewhere named the agent that was granted there.</summary>
public sealed class NextAgentOfAReleaseTests
{
    [Fact]
    public async Task A_release_names_the_agent_that_holds_the_released_resource_now()
    {
        await using var town = await LegacyTown.OpenAsync(("Locks:SweepMs", "10000"));
        var holder = town.Agent("holder");
        var held = Id(await holder.AcquireAsync("file/1"));
        await town.Agent("expires").AcquireAsync("file/2", ttl: 60);
        await town.Agent("elsewhere").AcquireAsync("file/2");
        await town.Agent("here").AcquireAsync("file/1");
        await town.ForwardAsync(TimeSpan.FromSeconds(61));

        Assert.Equal("here", (string?)(await holder.ReleaseAsync(held))["next_agent"]);
    }
}
