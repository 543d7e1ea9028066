using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using ProtoMesh.Conformance.Processes;

namespace ProtoMesh.Conformance.Staging;

/// <summary>
/// Where scenarios play: one service for all of them, and services and proxies that a scenario has for itself. Runners
/// drive it over HTTP.
/// </summary>
internal sealed class Stage : IAsyncDisposable
{
    private readonly WebApplication _app;
    private readonly MeshServer _shared;
    private readonly string _store;
    private readonly Socket _dead;
    private readonly ConcurrentDictionary<string, MeshServer> _servers = new();
    private readonly ConcurrentDictionary<string, FaultProxy> _proxies = new();
    private int _last;

    private Stage(WebApplication app, MeshServer shared, string store)
    {
        (_app, _shared, _store) = (app, shared, store);
        // Bound and never listened on: a port that refuses, and that nobody else is given meanwhile.
        _dead = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        _dead.Bind(new IPEndPoint(IPAddress.Loopback, 0));
    }

    public string Url => _app.Urls.Single();

    private string DeadUrl => string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{((IPEndPoint)_dead.LocalEndPoint!).Port}");

    public static async Task<Stage> StartAsync(string store)
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().UseUrls("http://127.0.0.1:0");
        var app = builder.Build();
        var stage = new Stage(app, await MeshServer.StartAsync(store, new Dictionary<string, string>()), store);
        app.Run(stage.HandleAsync);
        await app.StartAsync();
        return stage;
    }

    public async ValueTask DisposeAsync()
    {
        using var now = new CancellationTokenSource(TimeSpan.Zero);
        await _app.StopAsync(now.Token);
        await _app.DisposeAsync();
        foreach (var proxy in _proxies.Values)
        {
            await proxy.DisposeAsync();
        }

        foreach (var server in _servers.Values.Append(_shared))
        {
            server.Dispose();
        }

        _dead.Dispose();
    }

    private async Task HandleAsync(HttpContext context)
    {
        var (status, answer) = (404, (JsonNode?)new JsonObject { ["error"] = $"There is no {context.Request.Method} {context.Request.Path} here." });
        try
        {
            using var reader = new StreamReader(context.Request.Body);
            var body = await reader.ReadToEndAsync() is { Length: > 0 } text ? JsonNode.Parse(text) as JsonObject ?? [] : [];
            var path = context.Request.Path.Value!.Split('/', StringSplitOptions.RemoveEmptyEntries);
            (status, answer) = (context.Request.Method, path) switch
            {
                ("GET", ["stage"]) => (200, new JsonObject { ["url"] = Base(_shared.Url), ["store"] = _store, ["dead"] = DeadUrl }),
                ("POST", ["stage", "servers"]) => (201, await AddServerAsync(body)),
                ("POST", ["stage", "servers", var id, var what]) when _servers.TryGetValue(id, out var server) => (200, await SteerAsync(id, server, what, body)),
                ("DELETE", ["stage", "servers", var id]) => (204, RemoveServer(id)),
                ("POST", ["stage", "proxies"]) => (201, await AddProxyAsync(body)),
                ("GET", ["stage", "proxies", var id]) when _proxies.TryGetValue(id, out var proxy) => (200, new JsonObject { ["requests"] = proxy.Requests }),
                ("DELETE", ["stage", "proxies", var id]) => (204, await RemoveProxyAsync(id)),
                _ => (status, answer),
            };
        }
        catch (Exception fault) when (fault is UsageException or InvalidOperationException or JsonException)
        {
            (status, answer) = (400, new JsonObject { ["error"] = fault.Message });
        }

        context.Response.StatusCode = status;
        if (answer is not null)
        {
            context.Response.ContentType = "application/json";
            await context.Response.WriteAsync(answer.ToJsonString());
        }
    }

    private async Task<JsonNode> AddServerAsync(JsonObject body)
    {
        var settings = (body["settings"] as JsonObject ?? []).ToDictionary(setting => setting.Key, setting => setting.Value?.ToString() ?? "", StringComparer.Ordinal);
        var server = await MeshServer.StartAsync(_store, settings);
        var id = NextId("server");
        _servers[id] = server;
        return Shown(id, Base(server.Url));
    }

    private static async Task<JsonNode> SteerAsync(string id, MeshServer server, string what, JsonObject body)
    {
        switch (what)
        {
            case "kill":
                server.Kill();
                break;
            case "stop":
                server.Stop();
                break;
            case "continue":
                server.Continue();
                break;
            case "start":
                await server.StartAgainAsync(body["empty"]?.ToString() switch
                {
                    null or "false" => Loss.Nothing,
                    "true" => Loss.Everything,
                    "store" => Loss.Store,
                    var other => throw new UsageException($"A server is started with empty true or store, not {other}."),
                });
                break;
            default:
                throw new UsageException($"A server can be told kill, stop, continue and start, not {what}.");
        }

        return Shown(id, Base(server.Url));
    }

    private JsonNode? RemoveServer(string id)
    {
        if (_servers.TryRemove(id, out var server))
        {
            server.Dispose();
        }

        return null;
    }

    private async Task<JsonNode> AddProxyAsync(JsonObject body)
    {
        var target = (string?)body["target"] is { } named ? new Uri(named) : _shared.Url;
        var proxy = await FaultProxy.StartAsync(target, [.. (body["faults"] as JsonArray ?? []).Select(FaultRule.Read)]);
        var id = NextId("proxy");
        _proxies[id] = proxy;
        return Shown(id, proxy.Url);
    }

    private async Task<JsonNode?> RemoveProxyAsync(string id)
    {
        if (_proxies.TryRemove(id, out var proxy))
        {
            await proxy.DisposeAsync();
        }

        return null;
    }

    private string NextId(string kind) => string.Create(CultureInfo.InvariantCulture, $"{kind}{Interlocked.Increment(ref _last)}");

    private static JsonObject Shown(string id, string url) => new() { ["id"] = id, ["url"] = url };

    private static string Base(Uri url) => url.GetLeftPart(UriPartial.Authority);
}
