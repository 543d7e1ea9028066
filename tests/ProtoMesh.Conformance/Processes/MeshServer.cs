using System.Text.RegularExpressions;

namespace ProtoMesh.Conformance.Processes;

/// <summary>The service with a store of its own: a process that can be killed, stopped and started again on its port.</summary>
internal sealed partial class MeshServer : IDisposable
{
    private static readonly TimeSpan StartLimit = TimeSpan.FromSeconds(60);
    private static readonly HttpClient Http = new() { Timeout = TimeSpan.FromSeconds(5) };

    private readonly TempFolder _folder = new("mesh");
    private readonly RedisServer? _redis;
    private readonly Dictionary<string, string?> _environment;
    private readonly TaskCompletionSource<string> _listening = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private ChildProcess? _process;

    private MeshServer(RedisServer? redis, IReadOnlyDictionary<string, string> settings)
    {
        _redis = redis;
        _environment = new(StringComparer.Ordinal)
        {
            ["ASPNETCORE_URLS"] = "http://127.0.0.1:0",
            ["ASPNETCORE_ENVIRONMENT"] = null,
            ["DOTNET_ENVIRONMENT"] = null,
            ["Logging__LogLevel__Default"] = "Warning",
            ["Logging__LogLevel__Microsoft.Hosting.Lifetime"] = "Information", // says the port
            ["Store__DataFolder"] = _folder.Path,
            ["ConnectionStrings__Redis"] = redis?.ConnectionString,
        };
        foreach (var (name, value) in settings)
        {
            _environment[name.Replace(":", "__", StringComparison.Ordinal)] = value;
        }
    }

    public Uri Url { get; private set; } = new("http://127.0.0.1");

    public static async Task<MeshServer> StartAsync(string store, IReadOnlyDictionary<string, string> settings)
    {
        var server = new MeshServer(store == Stores.Redis ? await RedisServer.StartAsync() : null, settings);
        try
        {
            await server.LaunchAsync(untilReady: true);
            return server;
        }
        catch
        {
            server.Dispose();
            throw;
        }
    }

    public void Kill() => _process!.Kill();

    public void Stop() => _process!.Stop();

    public void Continue() => _process!.Continue();

    /// <param name="loss">What it lost in the meantime. Without its store it stays closed, so only its listening is waited for.</param>
    public async Task StartAgainAsync(Loss loss)
    {
        _process!.Dispose();
        if (loss != Loss.Nothing)
        {
            await EmptyAsync(loss);
        }

        await LaunchAsync(untilReady: loss != Loss.Store);
    }

    public void Dispose()
    {
        _process?.Dispose();
        _redis?.Dispose();
        _folder.Dispose();
    }

    private async Task LaunchAsync(bool untilReady)
    {
        var dll = Repository.Server;
        if (!File.Exists(dll))
        {
            throw new InvalidOperationException($"The service is not built: {Path.GetRelativePath(Repository.Root, dll)} is missing. Run dotnet build.");
        }

        _process = await ChildProcess.StartAsync("dotnet", [dll], _folder.Path, _environment, line =>
        {
            if (ListeningPattern().Match(line) is { Success: true } match)
            {
                _listening.TrySetResult(match.Value);
            }
        });
        using var limit = new CancellationTokenSource(StartLimit);
        var ended = _process.ExitAsync(limit.Token);
        if (await Task.WhenAny(_listening.Task, ended) != _listening.Task)
        {
            throw new InvalidOperationException($"The service did not start:\n{_process.Output}");
        }

        Url = new Uri(await _listening.Task);
        _environment["ASPNETCORE_URLS"] = await _listening.Task;
        while (!await AnswersAsync(untilReady))
        {
            if (_process.HasExited || limit.IsCancellationRequested)
            {
                throw new InvalidOperationException($"The service did not get ready:\n{_process.Output}");
            }

            await Task.Delay(20);
        }
    }

    private async Task<bool> AnswersAsync(bool ready)
    {
        try
        {
            using var answer = await Http.GetAsync(new Uri(Url, "/health/ready"));
            return !ready || answer.IsSuccessStatusCode;
        }
        catch (Exception failure) when (failure is HttpRequestException or TaskCanceledException)
        {
            return false;
        }
    }

    private async Task EmptyAsync(Loss loss)
    {
        if (_redis is not null)
        {
            await _redis.EmptyAsync();
        }

        foreach (var entry in Directory.EnumerateFileSystemEntries(_folder.Path).Where(entry => loss == Loss.Everything || !Path.GetFileName(entry).StartsWith("protomesh.db", StringComparison.Ordinal)))
        {
            if (Directory.Exists(entry))
            {
                Directory.Delete(entry, recursive: true);
            }
            else
            {
                File.Delete(entry);
            }
        }
    }

    [GeneratedRegex(@"(?<=Now listening on: )http://127\.0\.0\.1:\d+")]
    private static partial Regex ListeningPattern();
}
