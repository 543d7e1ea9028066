using ProtoMesh.Tests.Locks.Model;
using ProtoMesh.Tests.Locks.Scripts;
using static ProtoMesh.Tests.Locks.Scripts.LeaseDesk;

namespace ProtoMesh.Tests.Issues;

/// <summary>What a stale token was called depended on which of the holders was compared last.</summary>
public sealed class FenceAmongSeveralHoldersTests
{
    [Theory, ClassData(typeof(LeaseBackends))]
    public async Task A_token_older_than_a_live_one_is_superseded_whoever_comes_first(string backend)
    {
        await using var desk = await OpenAsync(backend);
        await desk.AcquireAsync("first", S("file"), agent: "zoe");
        desk.Advance(1);
        await desk.AcquireAsync("second", S("file"), agent: "ann");
        Assert.Equal("superseded", await desk.FenceAsync("file", "second", off: -1));

        desk.Advance(1);
        await desk.AcquireAsync("third", S("file"), agent: "zed");
        Assert.Equal("superseded", await desk.FenceAsync("file", "third", off: -1));
        Assert.Equal("unknown", await desk.FenceAsync("file", "third", off: 1));
    }
}
