using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace ProtoMesh.Demo.Languages;

/// <summary>
/// The fenced file behind HTTP, so that three languages meet at one register: a record is saved as a whole and under a
/// fencing token, and whoever comes with a lower one than was seen before is refused.
/// </summary>
internal sealed class RecordService : IAsyncDisposable
{
    private readonly FencedFile _file;
    private readonly Timeline _timeline;
    private readonly WebApplication _app;
    private readonly ConcurrentQueue<long> _refused = new();

    public RecordService(FencedFile file, Timeline timeline)
    {
        (_file, _timeline) = (file, timeline);
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0));
        _app = builder.Build();
        var address = $"/customers/{file.Read().Customer}";
        _app.MapGet(address, context => Results.Json(_file.Read(), CustomerJson.Default.CustomerRecord).ExecuteAsync(context));
        _app.MapPut(address, SaveAsync);
    }

    /// <summary>The tokens of the writers that were too late.</summary>
    public IReadOnlyCollection<long> Refused => _refused;

    public async Task<Uri> StartAsync(CancellationToken cancellationToken)
    {
        await _app.StartAsync(cancellationToken);
        return new Uri($"{_app.Urls.Single()}/");
    }

    public ValueTask DisposeAsync() => _app.DisposeAsync();

    private async Task SaveAsync(HttpContext context)
    {
        var record = await context.Request.ReadFromJsonAsync(CustomerJson.Default.CustomerRecord, context.RequestAborted);
        if (record?.Notes is not [.., var note] || !long.TryParse(context.Request.Headers["Fencing-Token"], CultureInfo.InvariantCulture, out var token))
        {
            context.Response.StatusCode = StatusCodes.Status400BadRequest;
            return;
        }
        var accepted = await _file.WriteAsync(token, _ => record);
        if (!accepted)
        {
            _refused.Enqueue(token);
            context.Response.StatusCode = StatusCodes.Status409Conflict;
        }
        _timeline.Add(note.By, null, accepted ? "written" : "refused", token, accepted ? note.Text : "a newer token has been here");
    }
}
