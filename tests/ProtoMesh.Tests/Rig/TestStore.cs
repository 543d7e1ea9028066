using System.Globalization;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using ProtoMesh.Server.Store;
using ProtoMesh.Server.Store.Embedded;
using ProtoMesh.Server.Store.Redis;

namespace ProtoMesh.Tests.Rig;

/// <summary>A fresh, empty, open store of one of the <see cref="StoreBackends"/>.</summary>
internal sealed class TestStore : IAsyncDisposable
{
    // Redis keeps its own time, so the tests move the partition's offset to it, as a stepped clock would.
    private const string Forward = "return redis.call('HINCRBY', KEYS[1], 'offset', ARGV[2])";
    private readonly RedisPool.Rented? _rented;

    private TestStore(ScriptStore scripts, FakeClock clock, RedisPool.Rented? rented)
    {
        Scripts = scripts;
        Clock = clock;
        _rented = rented;
    }

    public ScriptStore Scripts { get; }

    /// <summary>For the code above the store; <see cref="AdvanceAsync"/> moves it together with the store's time.</summary>
    public FakeClock Clock { get; }

    /// <summary>The nodes behind it; none for the embedded store.</summary>
    public IReadOnlyList<int> RedisPorts => _rented?.Ports ?? [];

    /// <param name="backend">One of <see cref="StoreBackends"/>.</param>
    /// <param name="clock">The clock to move; a new one by default.</param>
    /// <param name="options">Defaults, if null.</param>
    public static async Task<TestStore> OpenAsync(string backend, FakeClock? clock = null, StoreOptions? options = null)
    {
        clock ??= new FakeClock();
        var settings = Options.Create(options ?? new StoreOptions());
        var (engine, rented) = backend switch
        {
            StoreBackends.Embedded => (EmbeddedEngine.InMemory(clock), null),
            StoreBackends.Redis => OnRedis(await RedisPool.RentServerAsync()),
            StoreBackends.Cluster => OnRedis(await RedisPool.RentClusterAsync()),
            _ => throw new ArgumentOutOfRangeException(nameof(backend), backend, "There is no such backend."),
        };
        var store = new TestStore(new ScriptStore(engine, new AlwaysOpen(), settings, TimeProvider.System, NullLogger<ScriptStore>.Instance), clock, rented);
        try
        {
            await store.Scripts.StartAsync(CancellationToken.None);
            await store.Scripts.OpenAsync(CancellationToken.None);
            return store;
        }
        catch
        {
            await store.DisposeAsync();
            throw;
        }
    }

    /// <summary>Moves the store's time in every partition, then the clock, whose timers then see a store that agrees.</summary>
    public async Task AdvanceAsync(TimeSpan by)
    {
        if (_rented is not null)
        {
            var micros = ((long)by.TotalMicroseconds).ToString(CultureInfo.InvariantCulture);
            await Task.WhenAll(Scripts.Keys.Select(keys => ForwardAsync(keys, micros)));
        }

        Clock.Advance(by);
    }

    public async ValueTask DisposeAsync()
    {
        await Scripts.DisposeAsync();
        if (_rented is not null)
        {
            await _rented.DisposeAsync();
        }
    }

    private static (IStoreEngine Engine, RedisPool.Rented? Rented) OnRedis(RedisPool.Rented rented) =>
        (new RedisEngine(rented.ConnectionString, TimeProvider.System, NullLogger<RedisEngine>.Instance), rented);

    private async Task ForwardAsync(PartitionKeys keys, string micros)
    {
        await Scripts.Engine.LoadAsync(keys.Partition, [Forward], CancellationToken.None);
        await Scripts.Engine.RunAsync(Script.Sha(Forward), keys, [keys.Channel, micros], CancellationToken.None);
    }

    /// <summary>Recovery is tested where it lives; here nothing was lost.</summary>
    internal sealed class AlwaysOpen : IRecoveryCheck
    {
        public Task<Verdict> CompareAsync(int partition, Func<CancellationToken, Task<PartitionState>> inspect, CancellationToken cancellationToken) =>
            Task.FromResult<Verdict>(new Verdict.Open(0));
    }
}
