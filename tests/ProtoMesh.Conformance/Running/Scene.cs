using System.Collections.Concurrent;
using System.Text.Json.Nodes;
using ProtoMesh.Conformance.Scenarios;

namespace ProtoMesh.Conformance.Running;

/// <summary>What one run of a scenario has on the stage: its own server and proxy, and a client for each actor.</summary>
internal sealed class Scene : IAsyncDisposable
{
    private readonly StageClient _stage;
    private readonly JsonNode? _settings;
    private readonly Names _names;
    private readonly Dictionary<string, string> _urls = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, Lazy<MeshClient>> _clients = new(StringComparer.Ordinal);
    private string? _server;
    private string? _proxy;

    private Scene(StageClient stage, JsonNode? settings, Names names) => (_stage, _settings, _names) = (stage, settings, names);

    public static async Task<Scene> SetAsync(StageClient stage, Scenario scenario, Names names)
    {
        var scene = new Scene(stage, scenario.Content["clients"], names);
        var found = await stage.FindAsync();
        (scene._urls["server"], scene._urls["dead"]) = ((string)found["url"]!, (string)found["dead"]!);
        if (scenario.Content["server"] is JsonObject own)
        {
            var server = await stage.AddServerAsync(own["settings"] as JsonObject ?? []);
            (scene._server, scene._urls["own"]) = ((string)server["id"]!, (string)server["url"]!);
        }

        if (names.Resolve(scenario.Content["faults"]) is JsonArray faults)
        {
            var proxy = await stage.AddProxyAsync(scene._urls.GetValueOrDefault("own") ?? scene._urls["server"], faults);
            (scene._proxy, scene._urls["proxy"]) = ((string)proxy["id"]!, (string)proxy["url"]!);
        }

        return scene;
    }

    /// <summary>The client of an actor, made when it is first asked for.</summary>
    public MeshClient ClientOf(string actor) => _clients.GetOrAdd(actor, name => new Lazy<MeshClient>(() => new MeshClient(OptionsOf(name)))).Value;

    /// <summary>The next step of the actor makes a new one.</summary>
    public async Task CloseAsync(string actor)
    {
        if (_clients.TryRemove(actor, out var client))
        {
            await client.Value.DisposeAsync();
        }
    }

    public Task<JsonNode?> RequestsAsync() => _stage.RequestsAsync(_proxy ?? throw new ScenarioFailure("the scenario has no proxy"));

    public Task SteerAsync(string what, JsonObject body) => _stage.SteerAsync(_server ?? throw new ScenarioFailure("the scenario has no server of its own"), what, body);

    public async ValueTask DisposeAsync()
    {
        foreach (var actor in _clients.Keys)
        {
            await CloseAsync(actor);
        }

        if (_proxy is not null)
        {
            await _stage.RemoveAsync("proxies", _proxy);
        }

        if (_server is not null)
        {
            await _stage.RemoveAsync("servers", _server);
        }
    }

    private MeshClientOptions OptionsOf(string actor)
    {
        // Not before it is needed: a key may be one that the scenario has made.
        var settings = _names.Resolve(_settings?[actor]) as JsonObject ?? [];
        var kinds = settings["urls"] is JsonArray named
            ? named.Select(kind => (string)kind!)
            : [_proxy is not null ? "proxy" : _server is not null ? "own" : "server"];
        var options = new MeshClientOptions
        {
            BaseUrls = [.. kinds.Select(kind => new Uri(_urls[kind]))],
            AgentId = (string?)settings["agent_id"] ?? actor,
            SessionId = (string?)settings["session_id"],
            Namespace = (string?)settings["namespace"],
            ApiKey = (string?)settings["api_key"],
            OnWarning = _ => { },
        };
        return options with
        {
            RetryFor = Span(settings["retry_for_ms"]) ?? options.RetryFor,
            AttemptTimeout = Span(settings["attempt_timeout_ms"]) ?? options.AttemptTimeout,
        };
    }

    private static TimeSpan? Span(JsonNode? milliseconds) => milliseconds is null ? null : TimeSpan.FromMilliseconds((double)milliseconds);
}
