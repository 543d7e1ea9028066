using System.Net.Http.Headers;
using System.Text;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using ProtoMesh.Tests.Policies;
using ProtoMesh.Tests.Rig;

namespace ProtoMesh.Tests.Client;

/// <summary>The whole service as a process on a port of its own, with the embedded store in a folder of its own.</summary>
public sealed partial class LiveService : IAsyncLifetime
{
    private static readonly TimeSpan StartLimit = TimeSpan.FromSeconds(60);

    private readonly TempFolder _folder = new("client");
    private ChildProcess? _process;

    public Uri Url { get; private set; } = new("http://127.0.0.1");

    public MeshClient Client(string agent, FaultyWire? wire = null) => new(new MeshClientOptions
    {
        BaseUrls = [Url],
        AgentId = agent,
        HttpClient = wire is null ? null : new HttpClient(wire) { Timeout = Timeout.InfiniteTimeSpan },
    });

    /// <summary>Makes rules the policy of a namespace; true already when this returns.</summary>
    public async Task ActivateAsync(string space, string rules, string head = "")
    {
        using var http = new HttpClient { BaseAddress = Url };
        using var yaml = new StringContent(Documents.With(rules, head), Encoding.UTF8, new MediaTypeHeaderValue("application/yaml"));
        using var put = await http.PutAsync(new Uri($"v1/policies/test?namespace={space}", UriKind.Relative), yaml);
        var stored = JsonNode.Parse(await put.Content.ReadAsStringAsync())!;
        Assert.True(put.IsSuccessStatusCode, stored.ToJsonString());
        using var activate = new HttpRequestMessage(HttpMethod.Post, $"v1/policies/test/versions/{stored["version"]}/activate?namespace={space}");
        activate.Headers.TryAddWithoutValidation("If-Match", "*");
        using var activated = await http.SendAsync(activate);
        Assert.True(activated.IsSuccessStatusCode, await activated.Content.ReadAsStringAsync());
    }

    public async Task InitializeAsync()
    {
        string[] arguments =
        [
            MeshServer.Program, "--urls", "http://127.0.0.1:0",
            "--Store:DataFolder", _folder.Path, "--Logging:LogLevel:Microsoft.Hosting.Lifetime", "Information",
        ];
        _process = await ChildProcess.StartAsync("dotnet", arguments, _folder.Path);
        await Eventually.HoldsAsync(() => Address().IsMatch(_process.Output) || _process.HasExited, "the service listens", StartLimit);
        Assert.False(_process.HasExited, _process.Output);
        Url = new Uri(Address().Match(_process.Output).Value);
        using var http = new HttpClient { BaseAddress = Url };
        await Eventually.HoldsAsync(
            async () => (await http.GetAsync(new Uri("health/ready", UriKind.Relative))).IsSuccessStatusCode, "the service is ready", StartLimit);
    }

    public async Task DisposeAsync()
    {
        await _process!.StopAsync();
        _process.Dispose();
        _folder.Dispose();
    }

    [GeneratedRegex(@"http://127\.0\.0\.1:[1-9]\d*")]
    private static partial Regex Address();
}
