using System.Net;
using ProtoMesh.Contracts;
using ProtoMesh.Tests.Rig;

namespace ProtoMesh.Tests.Client;

/// <summary>What the client itself does: its settings, what it holds, and how it leaves.</summary>
public sealed class ClientTests
{
    [Fact]
    public async Task A_client_that_is_closed_names_what_it_still_held_and_releases_nothing()
    {
        var warnings = new List<string>();
        await using var server = await FaultServer.StartAsync((request, context) => Answers.Grant(
            context, Answers.Granted($"{request.RequestId}.0") with { Resource = System.Text.Json.JsonDocument.Parse(request.Body).RootElement.GetProperty("resource").GetString() }));
        var mesh = new MeshClient(new() { BaseUrls = [server.Url], AgentId = "tester", OnWarning = warnings.Add });
        for (var number = 1; number <= 11; number++)
        {
            await mesh.Locks.AcquireAsync($"customer/{number}", new() { AutoRenew = number > 1 });
        }
        var handedOn = await mesh.Locks.AcquireAsync("customer/handed-on");
        handedOn.Ticket();
        Assert.Equal(11, mesh.Held.Count);

        await mesh.DisposeAsync();
        await mesh.DisposeAsync();

        var warning = Assert.Single(warnings);
        Assert.StartsWith("tester closed its client and still held customer/", warning);
        Assert.Contains(" and 1 more: dispose a lease to release it", warning, StringComparison.Ordinal);
        Assert.DoesNotContain("handed-on", warning, StringComparison.Ordinal);
        Assert.All(server.Requests, request => Assert.Equal("/v1/locks", request.Path));
    }

    [Fact]
    public async Task A_client_that_holds_nothing_leaves_without_a_word()
    {
        var warnings = new List<string>();
        await using var server = await FaultServer.StartAsync((request, context) => request.Path == "/v1/locks"
            ? Answers.Grant(context, Answers.Granted()) : Answers.Release(context));
        await using (var mesh = new MeshClient(new() { BaseUrls = [server.Url], OnWarning = warnings.Add }))
        {
            await using var lease = await mesh.Locks.AcquireAsync("customer/123");
            Assert.Same(lease, Assert.Single(mesh.Held));
            await lease.ReleaseAsync();
            Assert.Empty(mesh.Held);
        }

        Assert.Empty(warnings);
    }

    [Fact]
    public async Task The_key_is_sent_with_every_call_and_shown_to_nobody()
    {
        await using var server = await FaultServer.StartAsync((_, context) => context.Request.Headers.Authorization == "Bearer pm_1234"
            ? Answers.Grant(context, Answers.Granted())
            : Answers.Problem(context, "lock_held", problem => problem with { Code = "key_missing", Status = 401 }));
        var options = new MeshClientOptions { BaseUrls = [server.Url], ApiKey = "pm_1234", OnWarning = _ => { } };
        await using var mesh = new MeshClient(options);
        await using var stranger = new MeshClient(options with { ApiKey = null });

        Assert.NotNull(await mesh.Locks.AcquireAsync("customer/123"));
        await Assert.ThrowsAsync<UnauthorizedException>(() => stranger.Locks.AcquireAsync("customer/123"));

        Assert.DoesNotContain("pm_1234", options.ToString(), StringComparison.Ordinal);
        Assert.Contains(options.AgentId, options.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_base_url_may_have_a_path()
    {
        await using var server = await FaultServer.StartAsync((_, context) => Answers.Problem(context, "lock_unknown"));
        await using var mesh = new MeshClient(new() { BaseUrls = [new Uri(server.Url, "/mesh")] });

        await Assert.ThrowsAsync<NotFoundException>(() => mesh.Locks.GetAsync("x.0"));

        Assert.Equal("/mesh/v1/locks/x.0", Assert.Single(server.Requests).Path);
    }

    [Theory]
    [InlineData("localhost:8000")]
    [InlineData("ftp://localhost")]
    [InlineData("mesh")]
    public void A_base_url_that_is_none_is_named(string url)
    {
        var refusal = Assert.Throws<ArgumentException>(() => new MeshClient(new() { BaseUrls = [new Uri(url, UriKind.RelativeOrAbsolute)] }));

        Assert.Contains(url, refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Health_is_an_answer_also_when_it_is_bad()
    {
        var report = new HealthReport
        {
            Status = "unhealthy",
            Version = "0.1.0",
            Store = new HealthPart { Kind = "redis", State = "The store did not answer within 2 s." },
            Database = new HealthPart { Kind = "sqlite", State = "ok" },
            Policy = new HealthPolicy { State = "ok" },
            Auth = "open", Access = "open",
        };
        await using var server = await FaultServer.StartAsync((request, context) => request.Path == "/health"
            ? Answers.Json(context, 503, report, HealthJson.Default.HealthReport) : Answers.Problem(context, "not_found"));
        await using var mesh = server.Client();

        Assert.Equal(report, await mesh.HealthAsync());
        Assert.Single(server.Requests);
    }

    [Fact]
    public async Task A_guard_of_an_unreachable_service_denies()
    {
        await using var mesh = new MeshClient(new() { BaseUrls = [new Uri("http://127.0.0.1:1")], RetryFor = TimeSpan.FromMilliseconds(500) });

        await using var asked = await mesh.GuardAsync("refund");
        await using var locked = await mesh.GuardAsync("refund", "customer/123", new() { Wait = TimeSpan.Zero });

        Assert.All([asked, locked], guard => Assert.Equal((false, "unreachable", true), (guard.Granted, guard.Denial!.Code, guard.Denial.Retryable)));
        // A busy machine may be too slow even to refuse the last connection.
        Assert.Matches(@"^Not done: refund\. http://127\.0\.0\.1:1 (could not be reached|did not answer in time)", asked.Text);
    }

    [Fact]
    public async Task A_guard_that_is_open_runs_unprotected_when_nobody_can_be_asked_and_says_so()
    {
        var warnings = new List<string>();
        await using var server = await FaultServer.StartAsync((_, context) => Answers.Problem(context, "queue_full"));
        var options = new MeshClientOptions { BaseUrls = [new Uri("http://127.0.0.1:1")], RetryFor = TimeSpan.FromMilliseconds(500), OnWarning = warnings.Add };
        await using var mesh = new MeshClient(options);
        await using var reached = new MeshClient(options with { BaseUrls = [server.Url] });
        var open = new GuardOptions { OnUnavailable = OnUnavailable.Open, Wait = TimeSpan.Zero };

        await using var guard = await mesh.GuardAsync("refund", "customer/123", open);
        await using var refused = await reached.GuardAsync("refund", "customer/123", open);
        Assert.Equal((true, true, null), (guard.Granted, guard.Unprotected, guard.Lease));
        Assert.Equal(7, await guard.RunAsync(_ => Task.FromResult(7)));

        Assert.StartsWith("refund runs without a lease", Assert.Single(warnings));
        // Only silence opens it: who was refused stays refused, and so does a client that is gone.
        Assert.Equal(("queue_full", false), (refused.Denial!.Code, refused.Unprotected));
        await mesh.DisposeAsync();
        await using var gone = await mesh.GuardAsync("refund", "customer/123", open);
        Assert.False(gone.Granted);
    }

    [Fact]
    public async Task A_caller_that_left_before_the_answer_came_does_not_find_its_action_granted()
    {
        using var patience = new CancellationTokenSource();
        await using var server = await FaultServer.StartAsync((request, context) => request.Path == "/v1/locks"
            ? Answers.Grant(context, Answers.Granted()) : Answers.Release(context));
        using var late = new LateWire(patience);
        await using var mesh = server.Client(late, clock: null);

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => mesh.GuardAsync("refund", "customer/123", cancellationToken: patience.Token));

        Assert.Contains(server.Requests, request => request.Path.EndsWith("/release", StringComparison.Ordinal) || request.Path.EndsWith("/cancel", StringComparison.Ordinal));
    }

    /// <summary>The caller gives up at the moment when the answer is there.</summary>
    private sealed class LateWire(CancellationTokenSource patience) : DelegatingHandler(new SocketsHttpHandler())
    {
        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            var response = await base.SendAsync(request, cancellationToken);
            await response.Content.LoadIntoBufferAsync(cancellationToken);
            if (response.StatusCode == HttpStatusCode.OK)
            {
                patience.Cancel();
            }
            return response;
        }
    }
}
