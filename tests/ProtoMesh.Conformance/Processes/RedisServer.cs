using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace ProtoMesh.Conformance.Processes;

/// <summary>A redis-server of its own, on a free port of loopback.</summary>
internal sealed class RedisServer : IDisposable
{
    private static readonly TimeSpan StartLimit = TimeSpan.FromSeconds(20);
    private readonly TempFolder _folder = new("redis");
    private readonly int _port = FreePort();
    private ChildProcess? _process;

    public string ConnectionString => string.Create(CultureInfo.InvariantCulture, $"127.0.0.1:{_port}");

    public static async Task<RedisServer> StartAsync()
    {
        var redis = new RedisServer();
        redis._process = await ChildProcess.StartAsync(
            "redis-server",
            ["--port", redis._port.ToString(CultureInfo.InvariantCulture), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--maxmemory-policy", "noeviction", "--dir", redis._folder.Path],
            redis._folder.Path);
        var limit = DateTime.UtcNow + StartLimit;
        while (!await redis.AnswersAsync("PING"))
        {
            if (redis._process.HasExited || DateTime.UtcNow > limit)
            {
                throw new InvalidOperationException($"redis-server did not start: {redis._process.Output}");
            }

            await Task.Delay(20);
        }

        return redis;
    }

    /// <summary>As a Redis without persistence is after its restart: no keys and no scripts.</summary>
    public async Task EmptyAsync()
    {
        if (!await AnswersAsync("FLUSHALL") || !await AnswersAsync("SCRIPT FLUSH"))
        {
            throw new InvalidOperationException("redis-server could not be emptied.");
        }
    }

    public void Dispose()
    {
        _process?.Dispose();
        _folder.Dispose();
    }

    private async Task<bool> AnswersAsync(string command)
    {
        try
        {
            using var socket = new TcpClient();
            await socket.ConnectAsync(IPAddress.Loopback, _port);
            var stream = socket.GetStream();
            await stream.WriteAsync(Encoding.ASCII.GetBytes(command + "\r\n"));
            using var reader = new StreamReader(stream, Encoding.ASCII);
            return await reader.ReadLineAsync() is ['+', ..];
        }
        catch (Exception failure) when (failure is SocketException or IOException)
        {
            return false;
        }
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
