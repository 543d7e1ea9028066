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
            await server.LaunchAsync();
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

    /// <param name="empty">Its store was lost in the meantime; its journal was not.</param>
    public async Task StartAgainAsync(bool empty)
    {
        _process!.Dispose();
        if (empty)
        {
            await EmptyAsync();
        }

        await LaunchAsync();
    }

    public void Dispose()
    {
        _process?.Dispose();
        _redis?.Dispose();
        _folder.Dispose();
    }

    private async Task LaunchAsync()
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
        while (!await IsReadyAsync())
        {
            if (_process.HasExited || limit.IsCancellationRequested)
            {
                throw new InvalidOperationException($"The service did not get ready:\n{_process.Output}");
            }

            await Task.Delay(20);
        }
    }

    private async Task<bool> IsReadyAsync()
    {
        try
        {
            using var answer = await Http.GetAsync(new Uri(Url, "/health/ready"));
            return answer.IsSuccessStatusCode;
        }
        catch (Exception failure) when (failure is HttpRequestException or TaskCanceledException)
        {
            return false;
        }
    }

    private async Task EmptyAsync()
    {
        if (_redis is not null)
        {
            await _redis.EmptyAsync();
            return;
        }

        foreach (var file in Directory.EnumerateFiles(_folder.Path).Where(file => !Path.GetFileName(file).StartsWith("protomesh.db", StringComparison.Ordinal)))
        {
            File.Delete(file);
        }
    }

    [GeneratedRegex(@"(?<=Now listening on: )http://127\.0\.0\.1:\d+")]
    private static partial Regex ListeningPattern();
}
