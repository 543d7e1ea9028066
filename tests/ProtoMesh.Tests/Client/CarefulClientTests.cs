using System.Net;
using System.Net.Sockets;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.AI;
using ProtoMesh.AI;
using ProtoMesh.Contracts.Locks;

namespace ProtoMesh.Tests.Client;

/// <summary>What a client must not do: tell secrets, follow strangers, do twice what is done once, and end what is not its own.</summary>
public sealed class CarefulClientTests
{
    private static readonly MeshClientOptions Anywhere = new() { BaseUrls = [new Uri("http://localhost:1")], AgentId = "tester" };

    [Theory]
    [InlineData("sk-hidden\n")]
    [InlineData("sk hidden")]
    [InlineData("sk-hiddén")]
    [InlineData("")]
    public void A_key_that_no_header_can_carry_is_refused_without_being_repeated(string key)
    {
        var refusal = Assert.Throws<ArgumentException>(() => new MeshClient(Anywhere with { ApiKey = key }));

        Assert.StartsWith("ApiKey is printable ASCII", refusal.Message);
        Assert.DoesNotContain("hidd", refusal.ToString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("http://user:hidden@localhost:1")]
    [InlineData("https://hidden@localhost")]
    [InlineData("ftp://user:hidden@localhost")]
    public void A_password_in_a_base_url_is_refused_without_being_repeated(string url)
    {
        var options = Anywhere with { BaseUrls = [new Uri(url)] };

        var refusal = Assert.Throws<ArgumentException>(() => new MeshClient(options));

        Assert.StartsWith("BaseUrls ", refusal.Message);
        Assert.DoesNotContain("hidden", refusal + options.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Ending_somebodys_lease_is_sent_once_since_a_second_one_would_end_the_next_holders()
    {
        await using var server = await FaultServer.StartAsync((request, context) => request.Number switch
        {
            1 => Answers.Reset(context),
            2 => Answers.Problem(context, "store_unavailable"),
            _ => Answers.Release(context),
        });
        await using var mesh = server.Client();

        await Assert.ThrowsAsync<UnavailableException>(() => mesh.Locks.ForceReleaseAsync("customer/123", "stuck"));
        Assert.Single(server.Requests);
        await Assert.ThrowsAsync<UnavailableException>(() => mesh.Locks.ForceReleaseAsync("customer/123", "stuck"));
        Assert.Equal(2, server.Requests.Count);
    }

    [Fact]
    public async Task Ending_somebodys_lease_is_sent_again_where_nobody_listened()
    {
        await using var server = await FaultServer.StartAsync((_, context) => Answers.Problem(context, "lock_unknown"));
        await using var mesh = server.Client(before: Nobody());

        await Assert.ThrowsAsync<NotFoundException>(() => mesh.Locks.ForceReleaseAsync("customer/123", "stuck"));

        Assert.Single(server.Requests);
    }

    [Fact]
    public async Task A_redirect_is_not_followed_and_its_target_is_named_without_its_path()
    {
        await using var elsewhere = await FaultServer.StartAsync((_, context) => Answers.Grant(context, Answers.Granted()));
        var target = elsewhere.Url.GetLeftPart(UriPartial.Authority);
        await using var server = await FaultServer.StartAsync((_, context) =>
        {
            (context.Response.StatusCode, context.Response.Headers.Location) = (307, $"{target}/v1/locks?hidden=1");
            return Task.CompletedTask;
        });
        await using var mesh = server.Client();

        var call = await Assert.ThrowsAsync<ProtocolException>(() => mesh.Locks.AcquireAsync("customer/123"));
        var stream = await Assert.ThrowsAsync<ProtocolException>(async () =>
        {
            await foreach (var _ in mesh.Events.StreamAsync())
            {
            }
        });

        Assert.All([call, stream], refusal => Assert.Equal("not_protomesh", refusal.Code));
        Assert.All([call, stream], refusal => Assert.Contains($"with a redirect to {target}, which is not followed", refusal.Message, StringComparison.Ordinal));
        Assert.Empty(elsewhere.Requests);
    }

    [Fact]
    public async Task A_duration_that_is_none_is_refused_before_anything_is_sent()
    {
        await using var server = await FaultServer.StartAsync((_, context) => Answers.Grant(context, Answers.Granted()));
        await using var mesh = server.Client();

        foreach (var given in new[] { TimeSpan.FromSeconds(-1), Timeout.InfiniteTimeSpan, TimeSpan.MaxValue })
        {
            foreach (var options in new LeaseOptions[] { new() { Wait = given }, new() { Ttl = given }, new() { MaxHold = given }, new() { Drain = given } })
            {
                var refusal = await Assert.ThrowsAsync<ArgumentException>(() => mesh.Locks.AcquireAsync("customer/123", options));
                Assert.EndsWith($" is a time span of 0 to 25 days, and not {given}.", refusal.Message);
            }
            Assert.Throws<ArgumentException>(() => new MeshClient(Anywhere with { AttemptTimeout = given }));
            Assert.Throws<ArgumentException>(() => new MeshClient(Anywhere with { RetryFor = given }));
        }

        Assert.Empty(server.Requests);
    }

    [Fact]
    public async Task No_time_for_retries_is_one_attempt_that_may_take_its_time()
    {
        await using var server = await FaultServer.StartAsync(async (request, context) =>
        {
            await Task.Delay(100);
            await (request.Path.EndsWith("/x.0", StringComparison.Ordinal) ? Answers.Reset(context)
                : request.Path == "/v1/locks" ? Answers.Grant(context, Answers.Granted()) : Answers.Release(context));
        });
        await using var mesh = new MeshClient(Anywhere with { BaseUrls = [server.Url], RetryFor = TimeSpan.Zero });

        await using var tried = await mesh.Locks.TryAcquireAsync("customer/123");
        await mesh.Locks.CancelAsync("request-1.0");
        await Assert.ThrowsAsync<UnavailableException>(() => mesh.Locks.GetAsync("x.0"));

        Assert.NotNull(tried);
        Assert.Equal(["/v1/locks", "/v1/locks/request-1.0/cancel", "/v1/locks/x.0"], server.Requests.Select(request => request.Path));
    }

    [Theory]
    [InlineData("key_revoked", 401)]
    [InlineData("too_many_calls", 429)]
    public async Task A_waiter_whom_a_proxy_turns_away_leaves_nothing_in_the_queue(string code, int status)
    {
        await using var server = await FaultServer.StartAsync((request, context) => request.Path switch
        {
            "/v1/locks" => Answers.Queue(context, Answers.Queued()),
            "/v1/locks/request-1.0/wait" => Answers.Problem(context, "lock_held", problem => problem with { Code = code, Status = status, Retryable = false }),
            _ => Answers.Release(context, LockState.Cancelled),
        });
        await using var mesh = server.Client();

        var refusal = await Assert.ThrowsAnyAsync<MeshException>(() => mesh.Locks.AcquireAsync("customer/123"));

        Assert.Equal(code, refusal.Code);
        Assert.Equal("/v1/locks/request-1.0/cancel", server.Requests.Last().Path);
    }

    [Fact]
    public async Task A_closed_client_denies_also_where_its_own_http_client_still_works_and_the_guard_is_open()
    {
        await using var server = await FaultServer.StartAsync((_, context) => Answers.Grant(context, Answers.Granted()));
        using var wire = new HttpClientHandler();
        var mesh = server.Client(wire, clock: null);
        await mesh.DisposeAsync();

        await using var guard = await mesh.GuardAsync("refund", "customer/123", new() { OnUnavailable = OnUnavailable.Open });

        Assert.Equal((false, false, false), (guard.Granted, guard.Unprotected, guard.Denial!.Retryable));
        Assert.Empty(server.Requests);
    }

    [Fact]
    public async Task A_client_that_is_closed_while_a_guard_asks_denies_although_the_guard_is_open()
    {
        var asked = new TaskCompletionSource();
        await using var server = await FaultServer.StartAsync(async (_, context) =>
        {
            asked.TrySetResult();
            await Task.Delay(Timeout.InfiniteTimeSpan, context.RequestAborted).ContinueWith(_ => { }, TaskScheduler.Default);
        });
        var mesh = new MeshClient(Anywhere with { BaseUrls = [server.Url], RetryFor = TimeSpan.Zero });

        var asking = mesh.GuardAsync("refund", options: new() { OnUnavailable = OnUnavailable.Open });
        await asked.Task;
        await mesh.DisposeAsync();
        await using var guard = await asking;

        Assert.Equal((false, false, false), (guard.Granted, guard.Unprotected, guard.Denial?.Retryable));
    }

    [Fact]
    public async Task Whoever_handed_a_lease_on_cannot_release_it_any_more()
    {
        await using var server = await FaultServer.StartAsync((request, context) =>
            request.Path == "/v1/locks" ? Answers.Grant(context, Answers.Granted()) : Answers.Release(context));
        await using var mesh = server.Client();
        await using var lease = await mesh.Locks.AcquireAsync("customer/123");

        lease.Ticket();
        await lease.ReleaseAsync("too late");

        Assert.Single(server.Requests);
        Assert.True(lease.IsHeld);
    }

    [Fact]
    public async Task A_ticket_always_says_how_long_its_lease_lives_and_a_renewal_only_when_it_was_asked_for()
    {
        await using var server = await FaultServer.StartAsync((request, context) => request.Path == "/v1/locks"
            ? Answers.Grant(context, Answers.Granted(expiresInMs: 45_000))
            : Answers.Problem(context, "lock_ended"));
        await using var mesh = server.Client();
        await using var lease = await mesh.Locks.AcquireAsync("customer/123");

        var ticket = lease.Ticket();

        Assert.Equal(45_000, (long)JsonNode.Parse(ticket.ToJson())!["ttl_ms"]!);
        await Assert.ThrowsAsync<LeaseLostException>(() => lease.RenewAsync());
        Assert.DoesNotContain("ttl_ms", server.Requests.Last().Body, StringComparison.Ordinal);
        Assert.Null(Ticket.Parse(ticket.ToJson().Replace(",\"ttl_ms\":45000", "", StringComparison.Ordinal)).TtlMs);
    }

    [Fact]
    public async Task A_rule_cannot_set_the_request_id_under_which_two_calls_would_share_one_lease()
    {
        await using var mesh = new MeshClient(Anywhere);
        var tool = AIFunctionFactory.Create(() => "done", "update");

        var refusal = Assert.Throws<ArgumentException>(() => tool.Protect(mesh, new ToolRule { Options = new() { RequestId = "request-1" } }));

        Assert.StartsWith("A rule cannot set RequestId", refusal.Message);
    }

    /// <summary>An address that refuses connections.</summary>
    private static Uri Nobody()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return new Uri($"http://127.0.0.1:{((IPEndPoint)listener.LocalEndpoint).Port}");
    }
}
