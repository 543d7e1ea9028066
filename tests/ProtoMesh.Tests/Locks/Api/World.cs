using System.Globalization;
using Microsoft.EntityFrameworkCore;
using ProtoMesh.Server.Data;
using ProtoMesh.Server.Journal;
using ProtoMesh.Tests.Data;
using ProtoMesh.Tests.Rig;

namespace ProtoMesh.Tests.Locks.Api;

/// <summary>A service whose steps are watched by <see cref="Rig.Steps"/>, with a store and a database that outlive it.</summary>
internal sealed class World : IAsyncDisposable
{
    private readonly TempFolder _folder = new("steps");
    private readonly List<IAsyncDisposable> _servers = [];
    private string _database = null!;

    private string Orders => Path.Combine(_folder.Path, "kill-at");

    public MeshServer Server { get; private set; } = null!;

    /// <summary>Where the database is, if it is SQLite.</summary>
    public string Folder => _folder.Path;

    /// <param name="store">embedded, redis or cluster.</param>
    /// <param name="database">One of <see cref="Databases"/>.</param>
    /// <param name="first">A step of the first start at which it is killed; it is started again then.</param>
    /// <param name="settings">More settings of the service.</param>
    public static async Task<World> OpenAsync(
        string store, string database, (string Step, int Skip)? first = null, params (string Name, string Value)[] settings)
    {
        var world = new World();
        world._database = await Databases.CreateAsync(database, world._folder);
        List<(string, string)> all =
        [
            ("DOTNET_STARTUP_HOOKS", typeof(World).Assembly.Location), (Steps.Folder, world._folder.Path),
            ("ConnectionStrings:Database", world._database), ("Journal:TimeoutMs", "30000"),
            ("Locks:MaxTtlMs", "3600000"), ("Locks:RetentionMs", "3600000"), .. settings, // an hour, as long as a run may take
        ];
        if (store == "redis")
        {
            var redis = await RedisServer.StartAsync(appendOnly: true);
            world._servers.Add(redis);
            all.Add(("ConnectionStrings:Redis", redis.ConnectionString));
        }
        else if (store == "cluster")
        {
            var cluster = await RedisCluster.StartAsync();
            world._servers.Add(cluster);
            all.Add(("ConnectionStrings:Redis", cluster.ConnectionString));
        }

        if (first is { } at)
        {
            world.KillAt(at.Step, at.Skip);
        }

        world.Server = await MeshServer.TryAsync(null, [], [.. all]);
        if (first is not null)
        {
            await world.Server.ExitAsync();
            world.KillAt(null);
            await world.Server.RelaunchAsync();
        }

        await world.Server.ListensAsync();
        await world.Server.IsReadyAsync();
        return world;
    }

    /// <summary>The steps taken since they were forgotten, in order.</summary>
    public IReadOnlyList<string> Taken() => File.ReadAllLines(Path.Combine(_folder.Path, "steps"));

    public void Forget() => File.Delete(Path.Combine(_folder.Path, "steps"));

    /// <summary>From now on, or from the next start on: the step at which the service dies.</summary>
    public void KillAt(string? step, int skip = 0)
    {
        File.Delete(Orders);
        if (step is not null)
        {
            File.WriteAllText(Orders + ".new", string.Create(CultureInfo.InvariantCulture, $"{step}\n{skip}"));
            File.Move(Orders + ".new", Orders);
        }
    }

    /// <summary>Tells new stories, as far as they come.</summary>
    /// <returns>False when the service was killed.</returns>
    public async Task<bool> TellAsync(List<Story> told, int count)
    {
        var alive = true;
        for (var number = 0; number < count && alive; number++)
        {
            told.Add(new Story(Server, $"story-{told.Count}"));
            alive = await told[^1].GoOnAsync();
        }

        return alive;
    }

    /// <summary>Tells new stories until the service dies of one, or of what the journal and the files do behind it.</summary>
    public async Task DiesAsync(List<Story> told)
    {
        await Eventually.HoldsAsync(
            async () =>
            {
                try
                {
                    await Server.ListensAsync();
                    await Server.IsReadyAsync();
                    return true;
                }
                catch (Exception) when (Server.HasExited)
                {
                    return true;
                }
            },
            "it is ready, or was killed before");
        for (var number = 0; !Server.HasExited && await TellAsync(told, 1); number++)
        {
            Assert.True(number < 10, $"The step was not reached. {(File.Exists(Orders) ? File.ReadAllText(Orders) : "")}");
            for (var wait = 0; wait < 12 && !Server.HasExited; wait++)
            {
                await told[^1].ChatterAsync(); // the journal follows, and files are flushed each second
                await Task.Delay(100);
            }
        }

        await Server.ExitAsync();
    }

    public async Task StartAndDieAsync(string step, int skip)
    {
        KillAt(step, skip);
        await Server.RelaunchAsync();
        await Server.ExitAsync();
        KillAt(null);
        await Server.RestartAsync();
        await Server.IsReadyAsync();
    }

    /// <summary>Reads the journal's rows: no event twice, none missing, none out of order, and the same for each story.</summary>
    public async Task HasEachEventOnceAsync(IReadOnlyList<Story> stories)
    {
        var (rows, seen) = (await RowsAsync(), "");
        var expected = string.Join('\n', stories.SelectMany(story => story.Facts).Select(fact => $"{fact.Value.LockId} {fact.Key}: {Expected[fact.Key]}"));
        for (var attempt = 0; attempt < 100 && (seen = Seen(rows, stories)) != expected; attempt++)
        {
            await Task.Delay(100);
            rows = await RowsAsync();
        }

        Assert.Equal(expected, seen);
        foreach (var partition in rows.GroupBy(row => row.Partition))
        {
            Assert.Equal(Enumerable.Range(1, partition.Count()).Select(counter => (1L, (long)counter)), partition.Select(row => (row.Epoch, row.Counter)));
            var tokens = partition.Where(row => row.Type == "lock.granted").Select(row => row.FencingToken!.Value).ToList();
            Assert.Equal(tokens.Distinct().Order(), tokens);
        }

        Assert.DoesNotContain(rows, row => row.Type.StartsWith("journal.", StringComparison.Ordinal));
    }

    public async ValueTask DisposeAsync()
    {
        await Server.DisposeAsync();
        foreach (var server in _servers)
        {
            await server.DisposeAsync();
        }

        _folder.Dispose();
    }

    private static Dictionary<string, string> Expected { get; } = new(StringComparer.Ordinal)
    {
        ["first"] = "lock.granted lock.released",
        ["second"] = "lock.queued lock.granted lock.released",
        ["third"] = "lock.granted lock.transferred",
        ["fourth"] = "lock.queued lock.reprioritized",
        ["heir"] = "lock.granted",
        ["fifth"] = "lock.granted lock.force_released",
    };

    private static string Seen(IReadOnlyList<JournalRow> rows, IReadOnlyList<Story> stories)
    {
        var types = rows.Where(row => row.LockId is not null).ToLookup(row => row.LockId!, row => row.Type);
        return string.Join('\n', stories.SelectMany(story => story.Facts).Select(fact => $"{fact.Value.LockId} {fact.Key}: {string.Join(' ', types[fact.Value.LockId])}"));
    }

    private async Task<IReadOnlyList<JournalRow>> RowsAsync()
    {
        var choice = DatabaseChoice.From(Databases.Configuration(_database));
        var (sqlite, postgres) = (new DbContextOptionsBuilder<SqliteMeshDb>(), new DbContextOptionsBuilder<PostgresMeshDb>());
        DataSetup.Configure(choice is DatabaseChoice.Sqlite ? sqlite : postgres, choice);
        await using MeshDb db = choice is DatabaseChoice.Sqlite ? new SqliteMeshDb(sqlite.Options) : new PostgresMeshDb(postgres.Options);
        return await db.Set<JournalRow>().AsNoTracking().OrderBy(row => row.Id).ToListAsync();
    }
}
