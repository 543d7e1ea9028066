using System.Globalization;
using System.Reflection;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using ProtoMesh.Server.Data;
using ProtoMesh.Server.Journal;
using ProtoMesh.Server.Store;
using ProtoMesh.Server.Store.Redis;
using ProtoMesh.Tests.Data;
using ProtoMesh.Tests.Rig;
using EventId = ProtoMesh.Server.Store.EventId;

namespace ProtoMesh.Tests.Journal;

/// <summary>One Redis and one database, and as many replicas of the journal over them as a test wants.</summary>
internal sealed class JournalRig : IAsyncDisposable
{
    private readonly TempFolder _folder = new("journal");
    private readonly List<Replica> _replicas = [];
    private RedisPool.Rented? _redis;

    public string Database { get; private set; } = null!;

    public int RedisPort => _redis!.Ports[0];

    /// <param name="database">One of <see cref="Databases"/>.</param>
    /// <param name="embedded">True for the embedded store, which has one replica.</param>
    public static async Task<JournalRig> OpenAsync(string database, bool embedded = false)
    {
        var rig = new JournalRig();
        rig.Database = await Databases.CreateAsync(database, rig._folder);
        rig._redis = embedded ? null : await RedisPool.RentServerAsync();
        return rig;
    }

    /// <summary>Starts a replica: its tables, its store and, unless told otherwise, its consumer.</summary>
    public async Task<Replica> StartAsync(bool consumes = true, string? database = null, Func<IStoreEngine, IStoreEngine>? around = null)
    {
        var replica = new Replica(_redis?.ConnectionString, database ?? Database, _folder.Path, around ?? (engine => engine));
        _replicas.Add(replica);
        await replica.StartAsync(consumes);
        return replica;
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var replica in _replicas)
        {
            await replica.DisposeAsync();
        }

        if (_redis is not null)
        {
            await _redis.DisposeAsync();
        }

        _folder.Dispose();
    }

    internal sealed class Replica(string? redis, string database, string folder, Func<IStoreEngine, IStoreEngine> around) : IAsyncDisposable
    {
        private readonly ServiceProvider _services = Services(redis, database, folder, around);
        private readonly List<IHostedService> _running = [];

        public LogLines Log => Get<LogLines>();

        public ScriptStore Store => Get<ScriptStore>();

        public OutboxScript Outbox => new(Store);

        public T Get<T>()
            where T : notnull => _services.GetRequiredService<T>();

        public async Task StartAsync(bool consumes)
        {
            await RunAsync(Get<DatabaseMigrator>());
            await Store.StartAsync(CancellationToken.None);
            if (consumes)
            {
                await Store.OpenAsync(CancellationToken.None);
                await ConsumeAsync();
            }
        }

        public async Task ConsumeAsync()
        {
            await Get<StoreMessages>().StartAsync(CancellationToken.None);
            await RunAsync(_services.GetServices<IHostedService>().OfType<JournalConsumer>().Single());
        }

        /// <summary>Ends the consumer as a graceful stop does.</summary>
        public async Task StopAsync()
        {
            foreach (var service in _running)
            {
                await service.StopAsync(CancellationToken.None);
            }

            _running.Clear();
        }

        public async Task<T> QueryAsync<T>(Func<MeshDb, Task<T>> query)
        {
            await using var db = await Get<IDbContextFactory<MeshDb>>().CreateDbContextAsync();
            return await query(db);
        }

        public Task<List<JournalRow>> RowsAsync() =>
            QueryAsync(db => db.Set<JournalRow>().AsNoTracking().Include(row => row.Resources).OrderBy(row => row.Id).ToListAsync());

        public Task<JournalCursor?> CursorAsync(int partition = 0) =>
            QueryAsync(db => db.Set<JournalCursor>().AsNoTracking().FirstOrDefaultAsync(row => row.Partition == partition));

        public Task<bool> JournaledAsync(EventId id) =>
            Get<JournalWatermark>().WaitAsync(0, id, TimeSpan.FromSeconds(10), CancellationToken.None);

        public async ValueTask DisposeAsync()
        {
            await StopAsync();
            await Store.DisposeAsync();
            await _services.DisposeAsync();
        }

        private async Task RunAsync(IHostedService service)
        {
            await service.StartAsync(CancellationToken.None);
            _running.Add(service);
        }

        private static ServiceProvider Services(string? redis, string database, string folder, Func<IStoreEngine, IStoreEngine> around)
        {
            var configuration = Databases.Configuration(database, ("ConnectionStrings:Redis", redis ?? ""), ("Store:DataFolder", folder));
            var lines = new LogLines();
            var services = new ServiceCollection()
                .AddSingleton(TimeProvider.System)
                .AddSingleton(lines)
                .AddLogging(logging => logging.AddProvider(lines))
                .AddStore(configuration)
                .AddData(configuration)
                .AddJournal(configuration);
            var engine = services.Single(service => service.ServiceType == typeof(IStoreEngine));
            services.Remove(engine);
            services.AddSingleton(provider => around((IStoreEngine)(engine.ImplementationFactory?.Invoke(provider)
                ?? ActivatorUtilities.CreateInstance(provider, engine.ImplementationType!))));
            return services.BuildServiceProvider();
        }
    }
}

/// <summary>Writes events as the rooms' scripts do, through the same <c>append.lua</c>.</summary>
internal sealed class OutboxScript(ScriptStore store)
{
    private const string Body =
        """
        begin()
        local id
        for i = 1, tonumber(ARGV[2]) do
          local token = ''
          if ARGV[6] == 'grant' then
            last_token = math.max(last_token + 1, now_us)
            token = int(last_token)
          end
          id = append_event(ARGV[3], now_text, ARGV[4] .. '-' .. i, token, ARGV[7], 'agent-a', 'session-a', ARGV[5], 'priority=5\2waited_ms=' .. i .. '\2note=n' .. i, ARGV[8])
        end
        save_counters()
        return id
        """;

    private static readonly string Text = "local EPOCH = '1'\n" + Part("Store/Lua/_lib/clock.lua") + Part("Journal/Lua/_lib/append.lua") + Body;
    private static int _requests;

    /// <returns>The id of the last event.</returns>
    public async Task<EventId> WriteAsync(
        int count = 1, string type = "lock.granted", string names = "x,1,1,default/customer/1", bool granted = true, string payload = "", int partition = 0)
    {
        var request = string.Create(CultureInfo.InvariantCulture, $"request-{Interlocked.Increment(ref _requests)}");
        return await RunAsync(Text, partition, $"{count}", type, request, names, granted ? "grant" : "", "release", payload);
    }

    /// <summary>Runs any script on a partition's keys, behind the back of the service.</summary>
    public async Task<EventId> RunAsync(string text, int partition, params string[] arguments)
    {
        var keys = new PartitionKeys(partition);
        await store.Engine.LoadAsync(partition, [text], CancellationToken.None);
        var reply = await store.Engine.RunAsync(Script.Sha(text), keys, [keys.Channel, .. arguments], CancellationToken.None);
        return EventId.Parse(reply.Text);
    }

    private static string Part(string name)
    {
        using var reader = new StreamReader(typeof(ScriptStore).Assembly.GetManifestResourceStream(name)!);
        return string.Join('\n', reader.ReadToEnd().Split('\n').Where(line => !line.StartsWith("--@include", StringComparison.Ordinal))) + "\n";
    }
}
