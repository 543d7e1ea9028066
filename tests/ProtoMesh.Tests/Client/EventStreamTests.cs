using Microsoft.AspNetCore.Http;

namespace ProtoMesh.Tests.Client;

public sealed class EventStreamTests
{
    [Fact]
    public async Task A_broken_stream_goes_on_after_the_last_event_that_was_read()
    {
        using var read = new SemaphoreSlim(0);
        await using var server = await FaultServer.StartAsync(async (request, context) =>
        {
            context.Response.ContentType = "text/event-stream";
            await context.Response.WriteAsync(": welcome\n\nevent: ping\ndata:\n\n");
            var first = request.LastEventId is { } last ? long.Parse(last, System.Globalization.CultureInfo.InvariantCulture) + 1 : 41;
            await WriteEventAsync(context, first);
            await WriteEventAsync(context, first + 1);
            await context.Response.WriteAsync($"id: {first + 2}\nevent: lock.granted\ndata: {{\"id\":");
            await context.Response.Body.FlushAsync();
            // A reset would also discard what the client has received but not yet read.
            await read.WaitAsync(context.RequestAborted);
            context.Abort();
        });
        await using var mesh = server.Client();

        var ids = new List<long>();
        await foreach (var happened in mesh.Events.StreamAsync(new EventFilter { Resource = "customer/123" }))
        {
            ids.Add(happened.Id);
            if (ids.Count == 6)
            {
                break;
            }
            if (ids.Count % 2 == 0)
            {
                read.Release();
            }
        }

        Assert.Equal([41, 42, 43, 44, 45, 46], ids);
        Assert.Equal([null, "42", "44"], server.Requests.Select(request => request.LastEventId));
    }

    [Fact]
    public async Task A_stream_that_breaks_before_its_first_event_resumes_where_it_began()
    {
        await using var server = await FaultServer.StartAsync(async (request, context) =>
        {
            context.Response.ContentType = "text/event-stream";
            await context.Response.WriteAsync("id: 40\n\n");
            if (request.Number == 1)
            {
                await context.Response.WriteAsync("id: 41\nevent: lock.granted\n");
                return;
            }
            await WriteEventAsync(context, 41);
        });
        await using var mesh = server.Client();

        await foreach (var happened in mesh.Events.StreamAsync())
        {
            Assert.Equal(41, happened.Id);
            break;
        }

        Assert.Equal([null, "40"], server.Requests.Select(request => request.LastEventId));
    }

    [Fact]
    public async Task A_refused_stream_is_an_error()
    {
        await using var server = await FaultServer.StartAsync((_, context) => Answers.Problem(context, "validation_failed"));
        await using var mesh = server.Client();

        await Assert.ThrowsAsync<ValidationException>(async () =>
        {
            await foreach (var _ in mesh.Events.StreamAsync())
            {
            }
        });
    }

    private static async Task WriteEventAsync(HttpContext context, long id)
    {
        await context.Response.WriteAsync(
            $$"""
            id: {{id}}
            event: lock.granted
            data: {"id":{{id}},"type":"lock.granted","at":"2026-01-01T12:00:00Z","namespace":"default","cause":"release"}


            """);
        await context.Response.Body.FlushAsync();
    }
}
