using System.Diagnostics;
using Microsoft.AspNetCore.Http;
using ProtoMesh.Contracts.Locks;
using ProtoMesh.Tests.Rig;

namespace ProtoMesh.Tests.Client;

public sealed class FaultTests
{
    /// <summary>What can go wrong once before the service answers.</summary>
    public static TheoryData<string> Faults => ["unavailable", "reset", "truncated", "proxy", "proxy says fine", "internal"];

    [Theory]
    [MemberData(nameof(Faults))]
    public async Task After_a_fault_the_same_request_is_sent_again(string fault)
    {
        await using var server = await FaultServer.StartAsync((request, context) =>
            request.Path == "/v1/locks" && request.Number <= 2 ? Fail(fault, context) : Answer(context));
        await using var mesh = server.Client();

        await using var lease = await mesh.Locks.AcquireAsync("customer/123");

        Assert.Equal(100, lease.FencingToken);
        var requests = server.Requests.ToArray();
        Assert.Equal(3, requests.Length);
        Assert.Single(requests.Select(request => request.RequestId).Distinct());
    }

    [Fact]
    public async Task Retry_After_is_obeyed()
    {
        await using var server = await FaultServer.StartAsync((request, context) =>
        {
            context.Response.Headers.RetryAfter = "1";
            return request.Number == 1 ? Answers.Problem(context, "store_recovering") : Answer(context);
        });
        await using var mesh = server.Client();
        var started = Stopwatch.GetTimestamp();

        await using var lease = await mesh.Locks.AcquireAsync("customer/123");

        Assert.InRange(Stopwatch.GetElapsedTime(started).TotalSeconds, 0.95, 10);
    }

    [Fact]
    public async Task A_dead_replica_costs_one_attempt_and_no_pause()
    {
        await using var server = await FaultServer.StartAsync((_, context) => Answer(context));
        await using var mesh = server.Client(before: new Uri("http://127.0.0.1:1"), clock: new FakeClock());

        // The clock stands still: any pause between the attempts would last for ever.
        await using var lease = await mesh.Locks.AcquireAsync("customer/123");

        Assert.Single(server.Requests);
    }

    [Fact]
    public async Task An_address_that_answers_like_something_else_is_told_so()
    {
        await using var server = await FaultServer.StartAsync((_, context) =>
        {
            context.Response.StatusCode = 404;
            return context.Response.WriteAsync("<html>It works!</html>");
        });
        await using var mesh = server.Client();

        var refusal = await Assert.ThrowsAsync<UnavailableException>(() => mesh.Locks.GetAsync("x.0"));

        Assert.Equal("unreachable", refusal.Code);
        Assert.False(refusal.Retryable);
        Assert.Contains("404", refusal.Message, StringComparison.Ordinal);
        Assert.Single(server.Requests);
    }

    [Fact]
    public async Task The_last_failure_is_thrown_when_the_time_is_up()
    {
        await using var server = await FaultServer.StartAsync((_, context) => Answers.Problem(context, "store_unavailable"));
        await using var mesh = server.Client();

        var failure = await Assert.ThrowsAsync<UnavailableException>(() =>
            mesh.Locks.AcquireAsync("customer/123", new() { Wait = TimeSpan.FromSeconds(1) }));

        Assert.Equal("store_unavailable", failure.Code);
        Assert.True(server.Requests.Count(request => request.Path == "/v1/locks") > 2);
    }

    [Fact]
    public async Task A_full_queue_is_told_at_once()
    {
        await using var server = await FaultServer.StartAsync((_, context) =>
            Answers.Problem(context, "queue_full", problem => problem with { RetryAfterMs = 1_000 }));
        await using var mesh = server.Client();

        var refusal = await Assert.ThrowsAsync<QueueFullException>(() => mesh.Locks.AcquireAsync("customer/123"));

        Assert.Equal(TimeSpan.FromSeconds(1), refusal.RetryAfter);
        Assert.Single(server.Requests);
    }

    private static Task Answer(HttpContext context) => context.Request.Path.Value!.EndsWith("/release", StringComparison.Ordinal)
        ? Answers.Release(context)
        : Answers.Grant(context, Answers.Granted());

    private static Task Fail(string fault, HttpContext context)
    {
        var response = context.Response;
        switch (fault)
        {
            case "unavailable":
                return Answers.Problem(context, "store_unavailable");
            case "internal":
                return Answers.Problem(context, "internal_error");
            case "reset":
                return Answers.Reset(context);
            case "truncated":
                return TruncateAsync(context);
            default:
                response.StatusCode = fault == "proxy" ? 502 : 200;
                response.ContentType = "text/html";
                return response.WriteAsync("<html><h1>Bad gateway</h1></html>");
        }
    }

    private static async Task TruncateAsync(HttpContext context)
    {
        context.Response.ContentLength = 500;
        await context.Response.WriteAsync("""{"lock_id":"request-1.0","request_id":"req""");
        await context.Response.Body.FlushAsync();
        context.Abort();
    }
}
