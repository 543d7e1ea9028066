using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using ProtoMesh.Contracts.Policies;
using ProtoMesh.Server.Access;
using ProtoMesh.Server.Approvals;
using ProtoMesh.Server.Data;
using ProtoMesh.Server.Journal;
using ProtoMesh.Server.Policies;
using ProtoMesh.Server.Store;
using ProtoMesh.Tests.Data;
using ProtoMesh.Tests.Policies;
using ProtoMesh.Tests.Rig;
using EventId = ProtoMesh.Server.Store.EventId;

namespace ProtoMesh.Tests.Approvals;

/// <summary>The rooms up to the approvals over one store and one database, with a clock that a test moves. It begins now, as that of Redis does.</summary>
internal sealed class ApprovalRig : IAsyncDisposable
{
    private readonly TempFolder _folder;
    private readonly ServiceProvider _services;

    private ApprovalRig(TestStore store, TempFolder folder, ServiceProvider services, string database)
    {
        (Store, _folder, _services, Database) = (store, folder, services, database);
    }

    public TestStore Store { get; }

    public string Database { get; }

    public LogLines Log => Get<LogLines>();

    public static async Task<ApprovalRig> OpenAsync(string backend, string database, string rules = ApprovalCalls.Humans, params (string Key, string Value)[] settings)
    {
        var (store, folder) = (await TestStore.OpenAsync(backend, new FakeClock(TimeProvider.System.GetUtcNow())), new TempFolder("approvals"));
        var connection = await Databases.CreateAsync(database, folder);
        var rig = new ApprovalRig(store, folder, Services(store, folder, connection, settings), connection);
        var migrator = rig.Get<DatabaseMigrator>();
        await migrator.StartAsync(CancellationToken.None);
        await migrator.Ready.WaitAsync(TimeSpan.FromSeconds(60));
        rig.Activate(rules);
        rig.Get<ActivePolicies>().MarkLoaded();
        return rig;
    }

    public T Get<T>()
        where T : notnull => _services.GetRequiredService<T>();

    public void Activate(string rules) => Get<ActivePolicies>().Apply("default", new ActivePolicy(PolicySet.Load(Documents.With(rules)).Set!, 1, 1));

    public async Task<PolicyDecision> CheckAsync(string? approval = null, string? request = null, string agent = "agent-1", string resource = "service/1")
    {
        ResourceName.TryParse("default", resource, out var name);
        var (answer, problem) = await Get<PolicyService>().DecideAsync(
            new PolicyQuestion { Namespace = "default", AgentId = agent, Action = "deploy", Resources = [name], ApprovalId = approval, RequestId = request }, CancellationToken.None);
        Assert.True(answer is not null, problem?.Detail);
        return answer.Decision;
    }

    public async Task<string> AskAsync(string agent = "agent-1") => (await CheckAsync(agent: agent)).Approval!.ApprovalId!;

    public async Task<string> ApprovedAsync(long validMs = 3_600_000)
    {
        var id = await AskAsync();
        var record = (await Get<ApprovalLife>().FindAsync(id, Caller.Anybody, CancellationToken.None))!;
        var (approval, problem) = await Get<ApprovalLife>().ApproveAsync(record, new() { ValidMs = validMs }, new Approver("ada", "ada"), Caller.Anybody, CancellationToken.None);
        Assert.True(approval?.State == "approved", problem?.Detail);
        return id;
    }

    /// <summary>What SQL says, without a look at the time.</summary>
    public async Task<ApprovalRow> RowAsync(string id) => (await Get<ApprovalStore>().FindAsync(null, id, CancellationToken.None))!.Row;

    /// <summary>Moves what lies in the outboxes into the journal.</summary>
    public async Task JournalAsync()
    {
        var (outbox, writer) = (new Outbox(Store.Scripts), Get<JournalWriter>());
        for (var partition = 0; partition < Store.Scripts.Partitions; partition++)
        {
            if (await outbox.ReadAsync(partition, await writer.CommittedAsync(partition, CancellationToken.None), 1_000, CancellationToken.None) is { } batch)
            {
                await writer.WriteAsync(batch, CancellationToken.None);
                await outbox.LeaveAsync(partition, EventId.None, CancellationToken.None);
            }
        }
    }

    public async Task<IReadOnlyList<JournalRow>> EventsAsync()
    {
        await using var db = await Get<IDbContextFactory<MeshDb>>().CreateDbContextAsync();
        return await db.Set<JournalRow>().AsNoTracking().OrderBy(row => row.Id).ToListAsync();
    }

    public async ValueTask DisposeAsync()
    {
        await _services.DisposeAsync();
        await Store.DisposeAsync();
        _folder.Dispose();
    }

    private static ServiceProvider Services(TestStore store, TempFolder folder, string database, (string Key, string Value)[] settings)
    {
        var configuration = Databases.Configuration(database, [("Store:DataFolder", folder.Path), .. settings]);
        var lines = new LogLines();
        return new ServiceCollection()
            .AddSingleton<TimeProvider>(store.Clock)
            .AddSingleton(lines)
            .AddSingleton<IHostApplicationLifetime, LifeRig.Lifetime>()
            .AddLogging(logging => logging.AddProvider(lines))
            .AddStore(configuration)
            .AddSingleton(store.Scripts)
            .AddData(configuration)
            .AddAccess(configuration)
            .AddJournal(configuration)
            .AddPolicies(configuration)
            .AddApprovals(configuration)
            .BuildServiceProvider();
    }
}

/// <summary>Every kind of store with every kind of database.</summary>
public sealed class StoresAndDatabases : TheoryData<string, string>
{
    public StoresAndDatabases()
    {
        Add(StoreBackends.Embedded, Databases.Sqlite);
        Add(StoreBackends.Embedded, Databases.Postgres);
        Add(StoreBackends.Redis, Databases.Sqlite);
        Add(StoreBackends.Redis, Databases.Postgres);
        Add(StoreBackends.Cluster, Databases.Postgres);
    }
}
