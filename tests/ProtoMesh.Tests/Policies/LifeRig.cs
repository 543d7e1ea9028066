using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using ProtoMesh.Server.Access;
using ProtoMesh.Server.Data;
using ProtoMesh.Server.Journal;
using ProtoMesh.Server.Policies;
using ProtoMesh.Server.Store;
using ProtoMesh.Tests.Data;
using ProtoMesh.Tests.Rig;

namespace ProtoMesh.Tests.Policies;

/// <summary>One database, and as many replicas of what lives in it as a test wants.</summary>
internal sealed class LifeRig : IAsyncDisposable
{
    public const string Space = "default";
    private readonly TempFolder _folder = new("policies");
    private readonly List<Replica> _replicas = [];
    private string _database = "";

    public string Folder => _folder.Path;

    public static async Task<LifeRig> OpenAsync(string database)
    {
        var rig = new LifeRig();
        rig._database = await Databases.CreateAsync(database, rig._folder);
        return rig;
    }

    /// <summary>A document that denies what costs more than the limit.</summary>
    public static string Document(int limit, string name = "cap") => $$"""
        apiVersion: protomesh.dev/policy/v1
        name: {{name}}
        metadata: { cost: { type: number, min: 0, default: 0 } }
        rules:
          - id: limit
            actions: [spend]
            when: "metadata.cost > {{limit}}"
            effect: deny
          - id: watched
            actions: [watch]
            effect: deny
            mode: audit
          - id: all
            actions: ["*"]
            effect: allow
        """;

    public static PolicySet Set(int limit, string name = "cap") => PolicySet.Load(Document(limit, name)).Set!;

    /// <summary>A replica whose tables are there and whose policies are loaded.</summary>
    public async Task<Replica> StartAsync(params (string Key, string Value)[] settings)
    {
        var replica = await PrepareAsync(null, settings);
        await replica.StartAsync<PolicyLoader>();
        return replica;
    }

    /// <summary>A replica whose tables are there and that does nothing yet.</summary>
    public async Task<Replica> PrepareAsync(TimeProvider? time, params (string Key, string Value)[] settings)
    {
        var replica = new Replica(_database, _folder.Path, time ?? TimeProvider.System, settings);
        _replicas.Add(replica);
        await replica.StartAsync<DatabaseMigrator>();
        await replica.Get<DatabaseMigrator>().Ready.WaitAsync(TimeSpan.FromSeconds(60));
        return replica;
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var replica in _replicas)
        {
            await replica.DisposeAsync();
        }

        _folder.Dispose();
    }

    internal sealed class Replica(string database, string folder, TimeProvider time, (string Key, string Value)[] settings) : IAsyncDisposable
    {
        private readonly ServiceProvider _services = Services(database, folder, time, settings);
        private readonly List<IHostedService> _running = [];

        public LogLines Log => Get<LogLines>();

        public PolicyLife Life => Get<PolicyLife>();

        public PolicyStore Store => Get<PolicyStore>();

        /// <summary>What decides here in the namespace of all these tests.</summary>
        public ActivePolicy Active => Get<ActivePolicies>().Of(Space);

        public T Get<T>()
            where T : notnull => _services.GetRequiredService<T>();

        public async Task StartAsync<T>()
            where T : IHostedService
        {
            var service = _services.GetServices<IHostedService>().OfType<T>().Single();
            await service.StartAsync(CancellationToken.None);
            _running.Add(service);
        }

        public async Task StopAsync()
        {
            foreach (var service in Enumerable.Reverse(_running))
            {
                await service.StopAsync(CancellationToken.None);
            }

            _running.Clear();
        }

        /// <summary>Keeps a version and makes it decide, whatever was there.</summary>
        public async Task<long> ActivateAsync(int limit, string? by = null)
        {
            var (row, _) = await Store.PutAsync(Space, Set(limit), null, null, CancellationToken.None);
            var (active, problem) = await Life.ActivateAsync(row, by, null, CancellationToken.None);
            Assert.Null(problem);
            return active!.Revision;
        }

        public async Task ExecuteAsync(string sql)
        {
            await using var db = await Get<IDbContextFactory<MeshDb>>().CreateDbContextAsync();
            await db.Database.ExecuteSqlRawAsync(sql);
        }

        public async ValueTask DisposeAsync()
        {
            await StopAsync();
            await _services.DisposeAsync();
        }

        private static ServiceProvider Services(string database, string folder, TimeProvider time, (string Key, string Value)[] settings)
        {
            var configuration = Databases.Configuration(database, [("Store:DataFolder", folder), .. settings]);
            var lines = new LogLines();
            return new ServiceCollection()
                .AddSingleton(time)
                .AddSingleton(lines)
                .AddSingleton<IHostApplicationLifetime, Lifetime>()
                .AddLogging(logging => logging.AddProvider(lines))
                .AddStore(configuration)
                .AddData(configuration)
                .AddAccess(configuration)
                .AddJournal(configuration)
                .AddPolicies(configuration)
                .BuildServiceProvider();
        }
    }

    /// <summary>The host's, without a host.</summary>
    internal sealed class Lifetime : IHostApplicationLifetime
    {
        private readonly CancellationTokenSource _stopping = new();

        public CancellationToken ApplicationStarted => CancellationToken.None;

        public CancellationToken ApplicationStopping => _stopping.Token;

        public CancellationToken ApplicationStopped => CancellationToken.None;

        public void StopApplication() => _stopping.Cancel();
    }
}
