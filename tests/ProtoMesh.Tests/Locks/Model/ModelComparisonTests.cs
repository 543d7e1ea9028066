using ProtoMesh.Tests.Rig;
using Xunit.Abstractions;

namespace ProtoMesh.Tests.Locks.Model;

public sealed class ModelComparisonTests(ITestOutputHelper output)
{
    [Theory]
    [InlineData(LeaseBackends.Embedded, 170)]
    [InlineData(StoreBackends.Redis, 25)]
    [InlineData(StoreBackends.Cluster, 15)]
    public async Task The_scripts_do_what_the_model_says(string backend, int scenarios)
    {
        await using var store = await LeaseStore.OpenAsync(backend);
        await RandomRuns.CompareAsync(store.Engine, RandomRuns.Seed(output), scenarios, moves: 120);
    }
}
