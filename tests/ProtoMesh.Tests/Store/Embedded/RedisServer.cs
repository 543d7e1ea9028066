using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using StackExchange.Redis;

namespace ProtoMesh.Tests.Store.Embedded;

/// <summary>A redis-server of our own on a free loopback port, with its files in a temporary folder.</summary>
internal sealed class RedisServer : IAsyncDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("protomesh-redis-");
    private readonly Process _process;

    private RedisServer()
    {
        var port = FreePort();
        _process = Process.Start(new ProcessStartInfo("redis-server", ["--port", $"{port}", "--bind", "127.0.0.1", "--save", "", "--dir", _folder.FullName])
        {
            RedirectStandardOutput = true,
        })!;
        _process.OutputDataReceived += (_, _) => { };
        _process.BeginOutputReadLine();
        Address = $"127.0.0.1:{port}";
    }

    public string Address { get; }

    public ConnectionMultiplexer Connection { get; private set; } = null!;

    public static async Task<RedisServer> StartAsync()
    {
        var server = new RedisServer();
        for (var attempt = 0; ; attempt++)
        {
            try
            {
                server.Connection = await ConnectionMultiplexer.ConnectAsync($"{server.Address},connectTimeout=500,syncTimeout=30000");
                return server;
            }
            catch (RedisConnectionException) when (attempt < 40)
            {
                await Task.Delay(50);
            }
        }
    }

    public async ValueTask DisposeAsync()
    {
        Connection?.Close(allowCommandsToComplete: false);
        _process.Kill();
        await _process.WaitForExitAsync();
        _process.Dispose();
        _folder.Delete(recursive: true);
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
