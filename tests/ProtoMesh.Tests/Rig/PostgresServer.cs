using Npgsql;

namespace ProtoMesh.Tests.Rig;

/// <summary>One PostgreSQL for the whole run, started when it is first needed; each test takes a database of its own.</summary>
/// <remarks>A test that kills or freezes its server starts one of its own instead.</remarks>
internal sealed class PostgresServer : IAsyncDisposable
{
    private static readonly Lazy<Task<PostgresServer>> Shared = new(StartAsync);
    private static int _databases;
    private readonly TempFolder _folder = new("postgres");
    private ChildProcess? _process;
    private int _port;

    /// <summary>Creates an empty database with an owner of its own, and returns the owner's connection string.</summary>
    /// <remarks>Not for a superuser: what row security would refuse has to be refused here too.</remarks>
    public static async Task<string> CreateDatabaseAsync()
    {
        var server = await Shared.Value;
        var name = $"test{Interlocked.Increment(ref _databases)}";
        await server.ExecuteAsync($"CREATE ROLE {name} LOGIN");
        await server.ExecuteAsync($"CREATE DATABASE {name} OWNER {name}");
        return server.ConnectionString(name, name);
    }

    public static async Task<PostgresServer> StartAsync()
    {
        var server = new PostgresServer { _port = FreePort.Take(1)[0] };
        var folder = server._folder.Path;
        if (Environment.IsPrivilegedProcess)
        {
            await ChildProcess.RunAsync("chown", ["postgres", folder], folder); // PostgreSQL refuses to run as root
        }

        var data = Path.Combine(folder, "data");
        await ChildProcess.RunAsync(
            Program("initdb"), ["-D", data, "-U", "postgres", "--auth", "trust", "--encoding", "UTF8", "--locale", "C", "--no-sync"], folder, "postgres");
        await server.LaunchAsync();
        await Eventually.HoldsAsync(server.AnswersAsync, "PostgreSQL answers", TimeSpan.FromSeconds(30));
        return server;
    }

    /// <summary>kill -9, after which its own children end by themselves.</summary>
    public void Kill() => _process!.Kill();

    /// <summary>Starts it on the same port and folder, as soon as the children of a killed one are gone.</summary>
    public Task RestartAsync() => Eventually.HoldsAsync(
        async () =>
        {
            if (_process!.HasExited)
            {
                _process.Dispose();
                await LaunchAsync();
            }

            return !_process.HasExited && await AnswersAsync();
        },
        "PostgreSQL answers again", TimeSpan.FromSeconds(30));

    /// <summary>Stops all of its processes where they are: connections stay, and nothing is answered.</summary>
    public void Freeze() => _process!.FreezeFamily();

    public void Thaw() => _process!.ThawFamily();

    public ValueTask DisposeAsync()
    {
        _process?.ThawFamily();
        _process?.Dispose();
        _folder.Dispose();
        return ValueTask.CompletedTask;
    }

    private async Task LaunchAsync() => _process = await ChildProcess.StartAsync(
        Program("postgres"),
        // Every database of a run keeps a few idle connections for minutes.
        ["-D", Path.Combine(_folder.Path, "data"), "-c", $"port={_port}", "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=", "-c", "fsync=off", "-c", "max_connections=300"],
        _folder.Path, "postgres");

    /// <summary>Debian keeps the server's programs out of PATH, one folder a version.</summary>
    private static string Program(string name)
    {
        const string versions = "/usr/lib/postgresql";
        return Directory.Exists(versions)
            ? Directory.GetDirectories(versions).OrderByDescending(folder => int.Parse(Path.GetFileName(folder)))
                .Select(folder => Path.Combine(folder, "bin", name)).FirstOrDefault(File.Exists) ?? name
            : name;
    }

    public string ConnectionString(string database, string role = "postgres") =>
        $"Host=127.0.0.1;Port={_port};Username={role};Database={database};Maximum Pool Size=20";

    private async Task ExecuteAsync(string sql)
    {
        await using var connection = new NpgsqlConnection(ConnectionString("postgres") + ";Pooling=false");
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync();
    }

    private async Task<bool> AnswersAsync()
    {
        if (_process!.HasExited)
        {
            throw new InvalidOperationException($"PostgreSQL ended: {_process.Output}");
        }

        try
        {
            await ExecuteAsync("SELECT 1");
            return true;
        }
        catch (NpgsqlException)
        {
            return false;
        }
    }
}
