using System.Diagnostics;
using System.Text.RegularExpressions;

namespace ProtoMesh.Demo;

/// <summary>A server of the demo's own: a process on a free port of the loopback, with its data in a temporary folder.</summary>
internal sealed partial class ServerProcess : IAsyncDisposable
{
    private readonly Process _process;
    private readonly Task _reading;
    private readonly TaskCompletionSource<Uri> _listening = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Queue<string> _lastLines = new();

    /// <param name="dataFolder">Where it keeps everything.</param>
    /// <param name="bootstrapKey">The first admin's key; null leaves the service open.</param>
    public ServerProcess(string dataFolder, string? bootstrapKey = null)
    {
        var start = new ProcessStartInfo("dotnet") { RedirectStandardOutput = true, RedirectStandardError = true };
        start.ArgumentList.Add(Locate());
        start.Environment["ASPNETCORE_URLS"] = "http://127.0.0.1:0";
        start.Environment["Store__DataFolder"] = dataFolder;
        start.Environment["Logging__LogLevel__Microsoft.Hosting.Lifetime"] = "Information";
        start.Environment.Remove("ConnectionStrings__Redis");
        start.Environment.Remove("ConnectionStrings__Database");
        start.Environment["Auth__BootstrapKey"] = bootstrapKey;
        start.WorkingDirectory = dataFolder;
        _process = Process.Start(start)!;
        _reading = Task.WhenAll(ReadAsync(_process.StandardOutput), ReadAsync(_process.StandardError));
    }

    /// <summary>A key that nobody knows yet, for the server to come.</summary>
    public static async Task<string> NewKeyAsync(CancellationToken cancellationToken)
    {
        var start = new ProcessStartInfo("dotnet") { RedirectStandardOutput = true };
        start.ArgumentList.Add(Locate());
        start.ArgumentList.Add("keys");
        start.ArgumentList.Add("generate");
        using var process = Process.Start(start)!;
        var key = (await process.StandardOutput.ReadToEndAsync(cancellationToken)).Trim();
        await process.WaitForExitAsync(cancellationToken);
        return process.ExitCode == 0 ? key : throw new DemoException("The server did not make a key.");
    }

    /// <summary>The address that the server says it listens on.</summary>
    public async Task<Uri> ListeningAsync(CancellationToken cancellationToken)
    {
        var ended = _process.WaitForExitAsync(cancellationToken);
        if (await Task.WhenAny(_listening.Task, ended) == ended)
        {
            await ended;
            await _reading;
            throw new DemoException($"The server ended at once. Its last words:{Environment.NewLine}{string.Join(Environment.NewLine, _lastLines)}");
        }
        return await _listening.Task;
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
        {
            if (OperatingSystem.IsWindows())
            {
                _process.Kill();
            }
            else
            {
                Signals.Terminate(_process.Id);
            }
            await _process.WaitForExitAsync();
        }
        await _reading;
        _process.Dispose();
    }

    private async Task ReadAsync(StreamReader output)
    {
        while (await output.ReadLineAsync() is { } line)
        {
            lock (_lastLines)
            {
                _lastLines.Enqueue(line);
                if (_lastLines.Count > 20)
                {
                    _lastLines.Dequeue();
                }
            }
            if (Address().Match(line) is { Success: true } match)
            {
                _listening.TrySetResult(new Uri(match.Value));
            }
        }
    }

    /// <summary>Both projects build into the same place below their folders.</summary>
    private static string Locate()
    {
        var here = new DirectoryInfo(AppContext.BaseDirectory);
        var (framework, configuration) = (here.Name, here.Parent!.Name);
        for (var folder = here; folder is not null; folder = folder.Parent)
        {
            var server = Path.Combine(folder.FullName, "src", "ProtoMesh.Server", "bin", configuration, framework, "ProtoMesh.Server.dll");
            if (File.Exists(server))
            {
                return server;
            }
        }
        throw new DemoException("The server is not built beside the demo; start the demo with dotnet run --project demo-agents, or give --url.");
    }

    [GeneratedRegex(@"http://127\.0\.0\.1:[1-9]\d*")]
    private static partial Regex Address();
}
