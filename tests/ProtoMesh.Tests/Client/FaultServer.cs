using System.Collections.Concurrent;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using ProtoMesh.Tests.Rig;

namespace ProtoMesh.Tests.Client;

/// <summary>
/// A real HTTP server that answers as a test's script says: what the real service cannot be made to do on demand, such
/// as dying after it has read a request or standing behind a proxy that answers for it.
/// </summary>
internal sealed class FaultServer : IAsyncDisposable
{
    private readonly WebApplication _app;
    private Func<Request, HttpContext, Task> _script = (_, context) => Answers.Problem(context, "not_found");

    private FaultServer(WebApplication app) => _app = app;

    public ConcurrentQueue<Request> Requests { get; } = new();

    public Uri Url => new(_app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Single());

    public static async Task<FaultServer> StartAsync(Func<Request, HttpContext, Task> script)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        var server = new FaultServer(builder.Build()) { _script = script };
        server._app.Run(server.HandleAsync);
        await server._app.StartAsync();
        return server;
    }

    public MeshClient Client(FakeClock? clock = null, params Uri[] before) => Client(null, clock, before);

    /// <param name="wire">Stands between the client and the server; null for none.</param>
    /// <param name="clock">The client's clock; the real one by default.</param>
    /// <param name="before">Addresses that the client tries before this server's.</param>
    public MeshClient Client(HttpMessageHandler? wire, FakeClock? clock, params Uri[] before) => new(new MeshClientOptions
    {
        HttpClient = wire is null ? null : new HttpClient(wire),
        BaseUrls = [.. before, Url],
        AgentId = "tester",
        TimeProvider = clock ?? TimeProvider.System,
        AttemptTimeout = TimeSpan.FromSeconds(2),
    });

    public ValueTask DisposeAsync() => _app.DisposeAsync();

    private async Task HandleAsync(HttpContext context)
    {
        using var reader = new StreamReader(context.Request.Body, Encoding.UTF8);
        var request = new Request(context.Request.Method, context.Request.Path, await reader.ReadToEndAsync(), Requests.Count + 1)
        {
            Prefer = context.Request.Headers["Prefer"],
            LastEventId = context.Request.Headers["Last-Event-ID"],
        };
        Requests.Enqueue(request);
        await _script(request, context);
    }

    internal sealed record Request(string Method, string Path, string Body, int Number)
    {
        public string? Prefer { get; init; }

        public string? LastEventId { get; init; }

        public string RequestId => System.Text.Json.JsonDocument.Parse(Body).RootElement.GetProperty("request_id").GetString()!;
    }
}
