using Npgsql;

namespace ProtoMesh.Tests.Rig;

/// <summary>One PostgreSQL for the whole run, started when it is first needed; each test takes a database of its own.</summary>
internal sealed class PostgresServer
{
    private static readonly Lazy<Task<PostgresServer>> Shared = new(StartAsync);
    private static int _databases;
    private readonly TempFolder _folder = new("postgres");
    private ChildProcess? _process;
    private int _port;

    /// <summary>Creates an empty database and returns its connection string.</summary>
    public static async Task<string> CreateDatabaseAsync()
    {
        var server = await Shared.Value;
        var name = $"test{Interlocked.Increment(ref _databases)}";
        await server.ExecuteAsync($"CREATE DATABASE {name}");
        return server.ConnectionString(name);
    }

    private static async Task<PostgresServer> StartAsync()
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
        server._process = await ChildProcess.StartAsync(
            Program("postgres"),
            ["-D", data, "-c", $"port={server._port}", "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=", "-c", "fsync=off"],
            folder, "postgres");
        await Eventually.HoldsAsync(server.AnswersAsync, "PostgreSQL answers", TimeSpan.FromSeconds(30));
        return server;
    }

    /// <summary>Debian keeps the server's programs out of PATH, one folder a version.</summary>
    private static string Program(string name)
    {
        const string versions = "/usr/lib/postgresql";
        return Directory.Exists(versions)
            ? Directory.GetDirectories(versions).OrderByDescending(folder => int.Parse(Path.GetFileName(folder)))
                .Select(folder => Path.Combine(folder, "bin", name)).FirstOrDefault(File.Exists) ?? name
            : name;
    }

    private string ConnectionString(string database) =>
        $"Host=127.0.0.1;Port={_port};Username=postgres;Database={database};Maximum Pool Size=20";

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
