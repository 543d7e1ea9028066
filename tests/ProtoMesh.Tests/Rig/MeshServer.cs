using System.Diagnostics;
using System.Text.RegularExpressions;

namespace ProtoMesh.Tests.Rig;

/// <summary>The built service as a process of its own, on a free port of loopback and with a data folder of its own.</summary>
internal sealed partial class MeshServer : IAsyncDisposable
{
    /// <summary>The service that was built with the tests; <c>PROTOMESH_SERVER_DLL</c> names another build of it.</summary>
    public static readonly string Program = Environment.GetEnvironmentVariable("PROTOMESH_SERVER_DLL") is { Length: > 0 } named
        ? named : Path.Combine(AppContext.BaseDirectory, "ProtoMesh.Server.dll");

    private readonly TempFolder? _owned;
    private readonly string[] _arguments;
    private readonly Dictionary<string, string?> _environment;
    private string[] _under = [];
    private ChildProcess? _process;

    private MeshServer(string? folder, IEnumerable<(string Name, string Value)> settings, string[] arguments)
    {
        _owned = folder is null ? new TempFolder("mesh") : null;
        Folder = folder ?? _owned!.Path;
        _arguments = arguments;
        _environment = new Dictionary<string, string?>(StringComparer.Ordinal)
        {
            ["ASPNETCORE_URLS"] = "http://127.0.0.1:0",
            ["ASPNETCORE_ENVIRONMENT"] = null,
            ["DOTNET_ENVIRONMENT"] = null,
            ["Logging__LogLevel__Microsoft.Hosting.Lifetime"] = "Information", // says the port
            ["Store__DataFolder"] = Folder,
        };
        foreach (var (name, value) in settings)
        {
            _environment[name.Replace(":", "__", StringComparison.Ordinal)] = value;
        }
    }

    public string Folder { get; }

    public Uri Url { get; private set; } = new("http://127.0.0.1:0");

    public HttpClient Http { get; private set; } = new();

    /// <summary>The last lines of its log, and what it wrote to standard error.</summary>
    public string Log => _process!.Output;

    public IReadOnlyCollection<string> Errors => _process!.Errors;

    public bool HasExited => _process!.HasExited;

    /// <summary>Starts it with settings such as <c>("Locks:DefaultTtlMs", "2000")</c> and waits until it is ready.</summary>
    public static async Task<MeshServer> StartAsync(params (string Name, string Value)[] settings)
    {
        var server = await ListenAsync(settings);
        await server.IsReadyAsync();
        return server;
    }

    /// <summary>Starts it and waits until it listens; its store and its database may be away.</summary>
    public static async Task<MeshServer> ListenAsync(params (string Name, string Value)[] settings)
    {
        var server = new MeshServer(null, settings, []);
        await server.RestartAsync();
        return server;
    }

    /// <summary>Starts it and waits for nothing: it may refuse to start.</summary>
    /// <param name="folder">The data folder; null for a new one.</param>
    /// <param name="arguments">Its command line.</param>
    /// <param name="settings">Its environment.</param>
    public static async Task<MeshServer> TryAsync(string? folder, string[] arguments, params (string Name, string Value)[] settings)
    {
        var server = new MeshServer(folder, settings, arguments);
        await server.LaunchAsync();
        return server;
    }

    /// <summary>Starts it again after its end, on the same port and folder, and waits until it listens.</summary>
    public async Task RestartAsync()
    {
        await LaunchAsync();
        await ListensAsync();
    }

    /// <summary>Starts it again like <see cref="RestartAsync"/>, but waits for nothing.</summary>
    /// <param name="under">A program and its arguments that the service is started by, such as a tracer.</param>
    public Task RelaunchAsync(params string[] under)
    {
        _under = under;
        return LaunchAsync();
    }

    public async Task ListensAsync()
    {
        Match listening = Match.Empty;
        await Eventually.HoldsAsync(
            () => (listening = ListeningPattern().Match(Log)).Success || HasExited, "the service listens", TimeSpan.FromSeconds(60));
        if (!listening.Success)
        {
            throw new InvalidOperationException($"The service ended: {Log}");
        }

        Url = new Uri(listening.Groups["url"].Value);
        _environment["ASPNETCORE_URLS"] = Url.ToString();
        Http.Dispose();
        Http = new HttpClient { BaseAddress = Url, Timeout = TimeSpan.FromSeconds(90) };
    }

    /// <summary>Waits until it takes requests; a failure tells why it does not.</summary>
    public async Task IsReadyAsync(TimeSpan? within = null)
    {
        var limit = within ?? TimeSpan.FromSeconds(30);
        var watch = Stopwatch.StartNew();
        for (var said = "nothing"; said != "";)
        {
            Assert.True(watch.Elapsed < limit, $"Not ready within {limit.TotalSeconds} s: {said}\n{Log}");
            try
            {
                using var answer = await Http.GetAsync("/health/ready");
                said = answer.IsSuccessStatusCode ? "" : await answer.Content.ReadAsStringAsync();
            }
            catch (HttpRequestException failure) when (!HasExited)
            {
                said = failure.Message;
            }

            await Task.Delay(said == "" ? 0 : 20);
        }
    }

    /// <summary>kill -9.</summary>
    public void Kill() => _process!.Kill();

    /// <summary>SIGTERM.</summary>
    public void Terminate() => _process!.Terminate();

    /// <summary>SIGTERM, and waits for the end.</summary>
    public Task StopAsync() => _process!.StopAsync();

    /// <summary>Waits for its end and returns its exit code.</summary>
    public Task<int> ExitAsync(TimeSpan? within = null) => _process!.ExitAsync(within ?? TimeSpan.FromSeconds(30));

    public ValueTask DisposeAsync()
    {
        Http.Dispose();
        _process?.Dispose();
        _owned?.Dispose();
        return ValueTask.CompletedTask;
    }

    private async Task LaunchAsync()
    {
        _process?.Dispose();
        string[] line = [.. _under, "dotnet", Program, .. _arguments];
        _under = [];
        _process = await ChildProcess.StartAsync(line[0], line[1..], Path.GetTempPath(), environment: _environment);
    }

    [GeneratedRegex("Now listening on: (?<url>http://[^\"\\s]+)")]
    private static partial Regex ListeningPattern();
}
