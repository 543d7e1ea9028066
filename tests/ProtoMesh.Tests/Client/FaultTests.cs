using System.Diagnostics;
using Microsoft.AspNetCore.Http;
using ProtoMesh.Contracts.Locks;
using ProtoMesh.Tests.Rig;

namespace ProtoMesh.Tests.Client;

public sealed class FaultTests
{
    /// <summary>What can go wrong once before the service answers.</summary>
    public static TheoryData<string> Faults => ["unavailable", "reset", "truncated", "proxy", "internal"];

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

    [Theory]
    [InlineData(200, "text/html", "<html>It works!</html>", "answered text/html instead of JSON")]
    [InlineData(404, "text/html", "<html>Not here</html>", "answered text/html instead of JSON")]
    [InlineData(400, "application/json", """{"error":"no such thing"}""", "answered 400 with something else than the JSON of this call")]
    [InlineData(200, "application/json", """{"ok":true}""", "answered 200 with something else than the JSON of this call")]
    public async Task An_address_that_is_no_service_is_told_so_at_once(int status, string mediaType, string body, string sentence)
    {
        await using var server = await FaultServer.StartAsync((_, context) => Say(context, status, mediaType, body));
        await using var mesh = server.Client();

        var refusal = await Assert.ThrowsAsync<ProtocolException>(() => mesh.Locks.GetAsync("x.0"));

        Assert.Equal(("not_protomesh", false, status), (refusal.Code, refusal.Retryable, refusal.Status));
        Assert.Equal($"{server.Url.GetLeftPart(UriPartial.Authority)} {sentence}: is this a ProtoMesh service? Check the base URL.", refusal.Message);
        Assert.Single(server.Requests);
    }

    [Fact]
    public async Task A_service_of_another_major_version_is_refused_and_what_it_granted_is_given_back()
    {
        await using var server = await FaultServer.StartAsync((_, context) =>
        {
            context.Response.Headers["ProtoMesh-Version"] = "3.1.0";
            return Answer(context);
        });
        await using var mesh = server.Client();

        var refusal = await Assert.ThrowsAsync<ProtocolException>(() => mesh.Locks.AcquireAsync("customer/123"));

        Assert.Equal(("version_mismatch", false), (refusal.Code, refusal.Retryable));
        Assert.Contains("is ProtoMesh 3.1.0, and this client is for 0.", refusal.Message, StringComparison.Ordinal);
        Assert.Equal(["/v1/locks", "/v1/locks/cancel"], server.Requests.Select(request => request.Path));
    }

    [Fact]
    public async Task A_service_of_a_newer_minor_version_is_read()
    {
        await using var server = await FaultServer.StartAsync((_, context) =>
        {
            context.Response.Headers["ProtoMesh-Version"] = "0.9.3-beta";
            return Answer(context);
        });
        await using var mesh = server.Client();

        await using var lease = await mesh.Locks.AcquireAsync("customer/123");

        Assert.Equal(100, lease.FencingToken);
    }

    [Theory]
    [InlineData(401, "unauthorized")]
    [InlineData(403, "forbidden")]
    public async Task Whoever_is_not_let_in_is_told_to_check_the_key(int status, string code)
    {
        await using var server = await FaultServer.StartAsync((_, context) => Say(context, status, "text/html", "<html>Sign in</html>"));
        await using var mesh = server.Client();

        var refusal = await Assert.ThrowsAsync<UnauthorizedException>(() => mesh.Locks.GetAsync("x.0"));

        Assert.Equal((status, code, false), (refusal.Status, refusal.Code, refusal.Retryable));
        Assert.Contains("PROTOMESH_API_KEY", refusal.NextStep, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_code_of_a_newer_service_is_known_by_its_status()
    {
        var codes = new Queue<(string Code, int Status)>([("key_revoked", 401), ("role_missing", 403), ("too_many_calls", 429), ("moon_phase", 409)]);
        await using var server = await FaultServer.StartAsync((_, context) =>
        {
            var (code, status) = codes.Dequeue();
            return Answers.Problem(context, "lock_held", problem => problem with { Code = code, Status = status, Retryable = false });
        });
        await using var mesh = server.Client();

        var first = await Assert.ThrowsAsync<UnauthorizedException>(() => mesh.Locks.GetAsync("x.0"));
        var second = await Assert.ThrowsAsync<UnauthorizedException>(() => mesh.Locks.GetAsync("x.0"));
        var third = await Assert.ThrowsAsync<RateLimitedException>(() => mesh.Locks.GetAsync("x.0"));
        var fourth = await Assert.ThrowsAsync<MeshException>(() => mesh.Locks.GetAsync("x.0"));

        Assert.Equal(["key_revoked", "role_missing", "too_many_calls", "moon_phase"], new[] { first, second, third, fourth }.Select(refusal => refusal.Code));
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

    private static Task Say(HttpContext context, int status, string mediaType, string body)
    {
        (context.Response.StatusCode, context.Response.ContentType) = (status, mediaType);
        return context.Response.WriteAsync(body);
    }

    private static Task Fail(string fault, HttpContext context)
    {
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
                return Say(context, 502, "text/html", "<html><h1>Bad gateway</h1></html>");
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
