using System.Buffers;
using System.Globalization;
using System.Net.Mime;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Http.Features;
using ProtoMesh.Contracts.Journal;
using ProtoMesh.Server.Access;
using ProtoMesh.Server.Data;

namespace ProtoMesh.Server.Journal;

/// <summary>Server-sent events: what follows an id, then what is committed, until the client leaves or the service stops.</summary>
/// <param name="filter">Which events.</param>
/// <param name="after">The id after which they begin.</param>
internal sealed class EventStream(EventFilter filter, long after) : IResult
{
    private const int BatchSize = 200;
    private static readonly TimeSpan Heartbeat = TimeSpan.FromSeconds(15);

    /// <summary>Another replica's commit is learned by a message, or by looking.</summary>
    private static readonly TimeSpan Poll = TimeSpan.FromMilliseconds(500);

    public async Task ExecuteAsync(HttpContext httpContext)
    {
        var services = httpContext.RequestServices;
        using var ends = CancellationTokenSource.CreateLinkedTokenSource(
            httpContext.RequestAborted, services.GetRequiredService<IHostApplicationLifetime>().ApplicationStopping);
        var follow = new Follower(
            httpContext.Response, Caller.Of(httpContext), services.GetRequiredService<JournalReader>(), services.GetRequiredService<JournalWatermark>(),
            services.GetRequiredService<TimeProvider>());
        httpContext.Features.Get<IHttpResponseBodyFeature>()?.DisableBuffering();
        httpContext.Response.ContentType = MediaTypeNames.Text.EventStream;
        httpContext.Response.Headers.CacheControl = "no-cache,no-store";
        httpContext.Response.Headers["X-Accel-Buffering"] = "no";
        try
        {
            await follow.RunAsync(filter, after, ends.Token);
        }
        catch (OperationCanceledException) when (ends.IsCancellationRequested)
        {
            // The client left or the service stops: the stream ends, and is resumed by the last id.
        }
    }

    private sealed class Follower(HttpResponse response, Caller caller, JournalReader reader, JournalWatermark watermark, TimeProvider time)
    {
        private long _written;

        public async Task RunAsync(EventFilter filter, long last, CancellationToken cancellationToken)
        {
            // The id comes first and alone, so that a client can resume although nothing happened yet.
            await WriteAsync(Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $"id: {last}\n\n")), cancellationToken);
            // A key that ends, ends the streams that it opened.
            while (!caller.IsOver(time.GetUtcNow()))
            {
                var commit = watermark.NextCommit;
                var (events, seen) = await ReadAsync(filter, last, cancellationToken);
                last = seen;
                if (events.Count > 0)
                {
                    await WriteAsync(Frames(events), cancellationToken);
                    continue;
                }

                await commit.WaitAsync(Poll, time, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                cancellationToken.ThrowIfCancellationRequested();
                if (time.GetElapsedTime(_written) >= Heartbeat)
                {
                    await WriteAsync(": still here\n\n"u8.ToArray(), cancellationToken);
                }
            }
        }

        /// <summary>The next events, and up to where the journal is read: a rare filter must not scan the same ids again.</summary>
        /// <remarks>A database that is away holds the stream up; it does not end it.</remarks>
        private async Task<(IReadOnlyList<MeshEvent> Events, long Seen)> ReadAsync(EventFilter filter, long last, CancellationToken cancellationToken)
        {
            try
            {
                var newest = await reader.NewestAsync(cancellationToken);
                if (newest <= last)
                {
                    return ([], last);
                }

                // Read after the newest id, so everything up to that id is in sight.
                var events = await reader.AfterAsync(filter, last, BatchSize, cancellationToken);
                return (events, events.Count == BatchSize ? events[^1].Id : Math.Max(newest, events.Count > 0 ? events[^1].Id : 0));
            }
            catch (Exception problem) when (DatabaseProblem.IsOf(problem) && !cancellationToken.IsCancellationRequested)
            {
                return ([], last);
            }
        }

        private async Task WriteAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken)
        {
            await response.Body.WriteAsync(bytes, cancellationToken);
            await response.Body.FlushAsync(cancellationToken);
            _written = time.GetTimestamp();
        }

        private ReadOnlyMemory<byte> Frames(IReadOnlyList<MeshEvent> events)
        {
            var frames = new ArrayBufferWriter<byte>(256 * events.Count);
            foreach (var item in events)
            {
                Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $"id: {item.Id}\nevent: {item.Type}\ndata: "), frames);
                using (var json = new Utf8JsonWriter(frames))
                {
                    JsonSerializer.Serialize(json, EventMask.For(item, caller), EventJson.Wire.MeshEvent);
                }

                frames.Write("\n\n"u8);
            }

            return frames.WrittenMemory;
        }
    }
}
