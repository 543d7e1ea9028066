using Microsoft.Extensions.Logging.Abstractions;
using ProtoMesh.Server.Store;
using ProtoMesh.Server.Store.Embedded;
using ProtoMesh.Server.Store.Redis;
using ProtoMesh.Tests.Rig;

namespace ProtoMesh.Tests.Locks.Model;

/// <summary>Where the lease scripts run: <c>[Theory, ClassData(typeof(LeaseBackends))]</c>.</summary>
public sealed class LeaseBackends : TheoryData<string>
{
    internal const string Embedded = "embedded";

    public LeaseBackends() => AddRange(Embedded, StoreBackends.Redis, StoreBackends.Cluster);
}

/// <summary>An engine alone, without opening partitions: a test takes as many fresh ones as it likes.</summary>
internal sealed class LeaseStore : IAsyncDisposable
{
    private readonly RedisPool.Rented? _rented;

    private LeaseStore(IStoreEngine engine, RedisPool.Rented? rented) => (Engine, _rented) = (engine, rented);

    public IStoreEngine Engine { get; }

    public static async Task<LeaseStore> OpenAsync(string backend)
    {
        var rented = backend switch
        {
            LeaseBackends.Embedded => null,
            StoreBackends.Redis => await RedisPool.RentServerAsync(),
            StoreBackends.Cluster => await RedisPool.RentClusterAsync(),
            _ => throw new ArgumentOutOfRangeException(nameof(backend), backend, "There is no such backend."),
        };
        IStoreEngine engine = rented is null
            ? EmbeddedEngine.InMemory(TimeProvider.System)
            : new RedisEngine(rented.ConnectionString, TimeProvider.System, NullLogger<RedisEngine>.Instance);
        var store = new LeaseStore(engine, rented);
        await engine.StartAsync(CancellationToken.None);
        return store;
    }

    public async ValueTask DisposeAsync()
    {
        await Engine.DisposeAsync();
        if (_rented is not null)
        {
            await _rented.DisposeAsync();
        }
    }
}
