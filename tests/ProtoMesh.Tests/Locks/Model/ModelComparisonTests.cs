using ProtoMesh.Tests.Rig;
using Xunit.Abstractions;

namespace ProtoMesh.Tests.Locks.Model;

public sealed class ModelComparisonTests(ITestOutputHelper output)
{
    private const int Moves = 120;

    [Theory]
    [InlineData(LeaseBackends.Embedded, 170)]
    [InlineData(StoreBackends.Redis, 25)]
    [InlineData(StoreBackends.Cluster, 25)]
    public Task The_scripts_do_what_the_model_says(string backend, int scenarios) => CompareAsync(backend, scenarios);

    [Theory, Trait("Category", "Slow")]
    [InlineData(LeaseBackends.Embedded, 1_500)]
    [InlineData(StoreBackends.Redis, 250)]
    [InlineData(StoreBackends.Cluster, 250)]
    public Task The_scripts_do_what_the_model_says_for_long(string backend, int scenarios) => CompareAsync(backend, scenarios);

    /// <summary>Here TIME is not replaced, so the model follows the clock that the scripts have read.</summary>
    [Theory, ClassData(typeof(LeaseBackends))]
    public async Task The_scripts_do_what_the_model_says_under_the_stores_own_time(string backend)
    {
        await using var store = await LeaseStore.OpenAsync(backend);
        await RandomRuns.CompareAsync(store.Engine, RandomRuns.Seed(output), scenarios: 5, Moves, ownTime: true);
    }

    private async Task CompareAsync(string backend, int scenarios)
    {
        await using var store = await LeaseStore.OpenAsync(backend);
        await RandomRuns.CompareAsync(store.Engine, RandomRuns.Seed(output), scenarios, Moves);
    }
}
