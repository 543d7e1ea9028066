using System.Diagnostics;
using System.Net;
using System.Net.Sockets;

namespace ProtoMesh.Benchmarks;

/// <summary>A server of its own process on a free port, with a folder of its own, ended with the benchmark.</summary>
internal sealed class Child : IAsyncDisposable
{
    private readonly Process _process;

    private Child(Process process, int port, string folder) => (_process, Port, Folder) = (process, port, folder);

    public int Port { get; }

    public string Folder { get; }

    /// <summary>Milliseconds from the start of the process to its first answer.</summary>
    public double StartedInMs { get; private set; }

    public double CpuMs
    {
        get
        {
            _process.Refresh();
            return _process.TotalProcessorTime.TotalMilliseconds;
        }
    }

    public long ResidentBytes
    {
        get
        {
            _process.Refresh();
            return _process.WorkingSet64;
        }
    }

    /// <summary>The service itself, on the embedded store unless a Redis port is given.</summary>
    public static Task<Child> ServiceAsync(int? redisPort, params (string Name, string Value)[] settings)
    {
        (string, string)[] redis = redisPort is { } port ? [("ConnectionStrings__Redis", $"127.0.0.1:{port}")] : [];
        return StartAsync("dotnet", port => [typeof(Child).Assembly.Location.Replace("ProtoMesh.Benchmarks.dll", "ProtoMesh.Server.dll", StringComparison.Ordinal)],
            port => [("ASPNETCORE_URLS", $"http://127.0.0.1:{port}"), .. redis, .. settings], "/health/ready");
    }

    /// <summary>The same Kestrel and JSON settings with an endpoint that sends back what it was sent.</summary>
    public static Task<Child> EchoAsync() =>
        StartAsync("dotnet", port => [typeof(Child).Assembly.Location, "--echo", $"{port}"], _ => [], "/ready");

    public static Task<Child> RedisAsync(bool appendOnly) =>
        StartAsync("redis-server", port => ["--port", $"{port}", "--bind", "127.0.0.1", "--save", "", "--appendonly", appendOnly ? "yes" : "no", "--maxmemory-policy", "noeviction"], _ => [], null);

    public async ValueTask DisposeAsync()
    {
        _process.Kill();
        await _process.WaitForExitAsync();
        _process.Dispose();
        Directory.Delete(Folder, recursive: true);
    }

    private static async Task<Child> StartAsync(
        string program, Func<int, string[]> arguments, Func<int, (string Name, string Value)[]> settings, string? readyPath)
    {
        var port = FreePort();
        var folder = Directory.CreateTempSubdirectory("protomesh-bench-").FullName;
        var start = new ProcessStartInfo(program) { WorkingDirectory = folder, RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var argument in arguments(port))
        {
            start.ArgumentList.Add(argument);
        }

        foreach (var (name, value) in settings(port))
        {
            start.Environment[name] = value;
        }

        var clock = Stopwatch.StartNew();
        var process = Process.Start(start) ?? throw new InvalidOperationException($"{program} did not start.");
        process.OutputDataReceived += (_, _) => { };
        process.ErrorDataReceived += (_, _) => { };
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        var child = new Child(process, port, folder);
        using var http = new HttpClient { Timeout = TimeSpan.FromSeconds(2) };
        while (!await AnswersAsync(http, port, readyPath))
        {
            if (process.HasExited || clock.Elapsed > TimeSpan.FromSeconds(30))
            {
                throw new InvalidOperationException($"{program} did not get ready.");
            }

            await Task.Delay(5);
        }

        child.StartedInMs = clock.Elapsed.TotalMilliseconds;
        return child;
    }

    private static async Task<bool> AnswersAsync(HttpClient http, int port, string? path)
    {
        try
        {
            if (path is null)
            {
                using var socket = new TcpClient();
                await socket.ConnectAsync(IPAddress.Loopback, port);
                return true;
            }

            using var answer = await http.GetAsync($"http://127.0.0.1:{port}{path}");
            return answer.IsSuccessStatusCode;
        }
        catch (Exception failure) when (failure is HttpRequestException or SocketException or TaskCanceledException)
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
