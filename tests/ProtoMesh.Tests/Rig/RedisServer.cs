using System.Globalization;
using ProtoMesh.Server.Store;

namespace ProtoMesh.Tests.Rig;

/// <summary>A redis-server of its own, on a free port of loopback and in a folder of its own.</summary>
internal sealed class RedisServer : IAsyncDisposable
{
    private readonly TempFolder _folder = new("redis");
    private readonly string[] _settings;
    private int _busPort;
    private ChildProcess? _process;

    private RedisServer(string[] settings) => _settings = settings;

    public int Port { get; private set; }

    public string ConnectionString => string.Create(CultureInfo.InvariantCulture, $"127.0.0.1:{Port}");

    /// <param name="appendOnly">Keeps an append-only file, fsynced with every write, so that nothing answered is lost.</param>
    /// <param name="cluster">Starts a node without slots, to be joined by <see cref="RedisCluster"/>.</param>
    /// <param name="settings">More settings as redis-server takes them: <c>--requirepass</c>, <c>secret</c>.</param>
    public static async Task<RedisServer> StartAsync(bool appendOnly = false, bool cluster = false, params string[] settings)
    {
        var server = new RedisServer([
            "--bind", "127.0.0.1", "--save", "", "--daemonize", "no",
            .. appendOnly ? ["--appendonly", "yes", "--appendfsync", "always"] : Array.Empty<string>(),
            .. cluster ? ["--cluster-enabled", "yes", "--cluster-node-timeout", "1000"] : Array.Empty<string>(), .. settings]);
        for (var attempt = 0; ; attempt++)
        {
            // Somebody else may take a free port before redis-server does.
            var ports = FreePort.Take(2);
            (server.Port, server._busPort) = (ports[0], cluster ? ports[1] : 0);
            try
            {
                await server.RestartAsync();
                return server;
            }
            catch (InvalidOperationException) when (attempt < 3 && server._process is { HasExited: true })
            {
            }
        }
    }

    public Task<Reply> SendAsync(params string[] command) => RedisConsole.SendAsync(Port, command);

    /// <summary>kill -9.</summary>
    public void Kill() => _process!.Kill();

    public Task StopAsync() => _process!.StopAsync();

    public void Freeze() => _process!.Freeze();

    public void Thaw() => _process!.Thaw();

    /// <summary>Starts it on the same port and folder.</summary>
    public async Task RestartAsync()
    {
        string[] ports = _busPort > 0 ? ["--port", $"{Port}", "--cluster-port", $"{_busPort}"] : ["--port", $"{Port}"];
        _process?.Dispose();
        _process = await ChildProcess.StartAsync("redis-server", [.. ports, "--dir", _folder.Path, .. _settings], _folder.Path);
        await Eventually.HoldsAsync(AnswersAsync, "redis-server answers PING");
    }

    public async Task EmptyAsync()
    {
        await SendAsync("FLUSHALL");
        await SendAsync("SCRIPT", "FLUSH");
    }

    public ValueTask DisposeAsync()
    {
        _process?.Dispose();
        _folder.Dispose();
        return ValueTask.CompletedTask;
    }

    private async Task<bool> AnswersAsync()
    {
        try
        {
            await SendAsync("PING");
            return true;
        }
        catch (IOException) when (!_process!.HasExited)
        {
            return false;
        }
        catch (IOException)
        {
            throw new InvalidOperationException($"redis-server ended: {_process!.Output}");
        }
        catch (InvalidOperationException refusal)
        {
            return !refusal.Message.StartsWith("LOADING", StringComparison.Ordinal);
        }
    }
}
