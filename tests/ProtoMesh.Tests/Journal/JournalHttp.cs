using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using ProtoMesh.Contracts.Journal;
using ProtoMesh.Server.Access;
using ProtoMesh.Server.Data;
using ProtoMesh.Server.Journal;

namespace ProtoMesh.Tests.Journal;

/// <summary>The journal's endpoints of one replica, on a port of their own.</summary>
internal sealed class JournalHttp : IAsyncDisposable
{
    private readonly WebApplication _app;

    private JournalHttp(WebApplication app)
    {
        _app = app;
        Client = new HttpClient { BaseAddress = new Uri(app.Urls.Single()) };
    }

    public HttpClient Client { get; }

    public static async Task<JournalHttp> StartAsync(JournalRig.Replica replica, TimeProvider? time = null)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        builder.Services
            .AddSingleton(replica.Get<JournalReader>())
            .AddSingleton(replica.Get<JournalWatermark>())
            .AddSingleton(replica.Get<DatabaseChoice>())
            .AddSingleton(time ?? TimeProvider.System);
        var app = builder.Build();
        app.Use((context, next) =>
        {
            context.Features.Set(Caller.Anybody);
            return next(context);
        });
        app.MapJournal();
        await app.StartAsync();
        return new JournalHttp(app);
    }

    public async Task<EventPage> PageAsync(string path) =>
        JsonSerializer.Deserialize(await Client.GetStringAsync(path), JournalJson.Default.EventPage)!;

    /// <summary>The ids of a stream's events, as they come; the first block carries only where it begins.</summary>
    public async IAsyncEnumerable<long> StreamAsync(
        string path, long? lastEventId = null, Action<string>? onLine = null, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, path);
        request.Headers.Accept.ParseAdd("text/event-stream");
        if (lastEventId is { } last)
        {
            request.Headers.Add("Last-Event-ID", last.ToString(CultureInfo.InvariantCulture));
        }

        using var response = await Client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellationToken);
        response.EnsureSuccessStatusCode();
        Assert.Equal("text/event-stream", response.Content.Headers.ContentType?.MediaType);
        using var reader = new StreamReader(await response.Content.ReadAsStreamAsync(cancellationToken));
        while (await reader.ReadLineAsync(cancellationToken) is { } line)
        {
            onLine?.Invoke(line);
            if (line.StartsWith("data: ", StringComparison.Ordinal))
            {
                yield return JsonSerializer.Deserialize(line["data: ".Length..], JournalJson.Default.MeshEvent)!.Id;
            }
        }
    }

    /// <summary>A graceful stop.</summary>
    public Task StopAsync() => _app.StopAsync();

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        await _app.DisposeAsync();
    }
}
