using System.Text.Json;
using Microsoft.AspNetCore.Http;
using ProtoMesh.Contracts;
using ProtoMesh.Contracts.Locks;
using ProtoMesh.Tests.Rig;

namespace ProtoMesh.Tests.Client;

public sealed class LeaseTests
{
    private static readonly TimeSpan OneRenewal = TimeSpan.FromMilliseconds(10_001);
    private readonly FakeClock _clock = new();

    [Fact]
    public async Task Lost_fires_before_the_service_can_free_the_resource_even_if_renewals_hang()
    {
        await using var server = await FaultServer.StartAsync((request, context) =>
            request.Path == "/v1/locks/renew" ? Hang(context) : Answer(request, context));
        await using var mesh = server.Client(_clock);
        await using var lease = await mesh.Locks.AcquireAsync("customer/123");

        _clock.Advance(TimeSpan.FromMilliseconds(29_600));
        Assert.True(lease.IsHeld);
        Assert.False(lease.Lost.IsCancellationRequested);

        _clock.Advance(TimeSpan.FromMilliseconds(99));
        Assert.True(lease.Lost.IsCancellationRequested);
        Assert.False(lease.IsHeld);
        Assert.Throws<LeaseLostException>(lease.ThrowIfLost);
    }

    [Fact]
    public async Task A_lease_outlives_its_time_to_live_by_renewing_itself()
    {
        await using var server = await FaultServer.StartAsync(Answer);
        await using var mesh = server.Client(_clock);
        await using var lease = await mesh.Locks.AcquireAsync("customer/123");

        for (var renewals = 1; renewals <= 6; renewals++)
        {
            await NextRenewalAsync(server, renewals);
        }

        Assert.True(lease.IsHeld);
        Assert.InRange(lease.Remaining.TotalSeconds, 29, 30);
    }

    [Fact]
    public async Task Leases_of_one_client_are_renewed_in_one_call()
    {
        await using var server = await FaultServer.StartAsync(Answer);
        await using var mesh = server.Client(_clock);
        var leases = new List<Lease>();
        for (var number = 0; number < 50; number++)
        {
            leases.Add(await mesh.Locks.AcquireAsync($"customer/{number}"));
        }

        await NextRenewalAsync(server, 1);

        var renewed = Renewals(server).Single().Locks!;
        Assert.Equal(leases.Select(lease => lease.LockId).Order(), renewed.Select(item => item.LockId!).Order());
        Assert.All(leases, lease => Assert.True(lease.IsHeld));
    }

    [Fact]
    public async Task A_renewal_that_a_release_overtakes_is_no_loss()
    {
        var release = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var server = await FaultServer.StartAsync(async (request, context) =>
        {
            if (request.Path == "/v1/locks/renew")
            {
                await release.Task;
                var lost = ProblemCatalogue.Get("lease_lost").ToProblem("It was released.");
                var results = new RenewResults { Results = [new RenewResult { LockId = "request-1.0", Problem = lost }] };
                await Answers.Json(context, 200, results, LocksJson.Default.RenewResults);
                return;
            }
            if (request.Path.EndsWith("/release", StringComparison.Ordinal))
            {
                // The renewal's answer is there first.
                release.SetResult();
                await Task.Delay(TimeSpan.FromMilliseconds(150), TimeProvider.System);
            }
            await Answer(request, context);
        });
        await using var mesh = server.Client(_clock);
        await using var lease = await mesh.Locks.AcquireAsync("customer/123");
        await Eventually.HoldsAsync(
            () =>
            {
                _clock.Advance(TimeSpan.FromMilliseconds(500));
                return server.Requests.Any(request => request.Path == "/v1/locks/renew");
            },
            "a renewal is on its way");

        await lease.ReleaseAsync();

        Assert.False(lease.Lost.IsCancellationRequested);
    }

    [Fact]
    public async Task A_renewal_that_fails_in_an_unforeseen_way_is_tried_again_after_a_pause()
    {
        await using var server = await FaultServer.StartAsync(Answer);
        using var wire = new BrokenWire();
        await using var mesh = server.Client(wire, _clock);
        await using var lease = await mesh.Locks.AcquireAsync("customer/123");
        wire.IsBroken = true;
        _clock.Advance(OneRenewal);
        await Eventually.HoldsAsync(() => wire.Failures > 0, "a renewal fails");
        await Task.Delay(200); // a loop without a pause makes thousands of calls in this time
        Assert.InRange(wire.Failures, 1, 3);

        wire.IsBroken = false;
        await NextRenewalAsync(server, 1, TimeSpan.FromSeconds(3));
        Assert.True(lease.IsHeld);
    }

    [Fact]
    public async Task More_than_a_thousand_leases_take_more_than_one_call()
    {
        await using var server = await FaultServer.StartAsync(Answer);
        await using var mesh = server.Client(_clock);
        await Parallel.ForAsync(0, 1_001, async (number, stop) => await mesh.Locks.AcquireAsync($"customer/{number}", cancellationToken: stop));

        _clock.Advance(OneRenewal);
        await Eventually.HoldsAsync(() => Renewals(server).Sum(batch => batch.Locks!.Count) >= 1_001, "all are renewed");

        Assert.All(Renewals(server), batch => Assert.InRange(batch.Locks!.Count, 1, 1_000));
    }

    [Fact]
    public async Task A_lease_that_the_service_gave_away_is_lost_at_the_next_renewal()
    {
        await using var server = await FaultServer.StartAsync((request, context) => request.Path == "/v1/locks/renew"
            ? Answers.Json(
                context, 200, new RenewResults { Results = [new RenewResult { LockId = "x", Problem = Lost }] }, LocksJson.Default.RenewResults)
            : request.Path.EndsWith("/release", StringComparison.Ordinal) ? Answers.Json(context, 410, Lost, ProblemJson.Default.Problem)
            : Answer(request, context));
        await using var mesh = server.Client(_clock);
        await using var lease = await mesh.Locks.AcquireAsync("customer/123");

        _clock.Advance(OneRenewal);
        await Eventually.HoldsAsync(() => lease.Lost.IsCancellationRequested, "the loss is told");

        var loss = await Assert.ThrowsAsync<LeaseLostException>(() => lease.ReleaseAsync());
        Assert.Equal(LockState.ForceReleased, loss.EndedBecause);
    }

    [Fact]
    public async Task One_failed_renewal_is_tried_again_in_good_time()
    {
        var failed = false;
        await using var server = await FaultServer.StartAsync((request, context) =>
        {
            if (request.Path == "/v1/locks/renew" && !failed)
            {
                failed = true;
                return Answers.Problem(context, "validation_failed");
            }
            return Answer(request, context);
        });
        await using var mesh = server.Client(_clock);
        await using var lease = await mesh.Locks.AcquireAsync("customer/123");

        await NextRenewalAsync(server, 1);
        await NextRenewalAsync(server, 2, TimeSpan.FromMilliseconds(2_001));

        await Eventually.HoldsAsync(() => lease.Remaining > TimeSpan.FromSeconds(25), "the second renewal counts");
    }

    [Fact]
    public async Task A_lease_at_the_end_of_its_hold_is_not_renewed_and_ends()
    {
        await using var server = await FaultServer.StartAsync((request, context) => request.Path == "/v1/locks"
            ? Answers.Grant(context, Answers.Granted() with { HoldEndsAt = Answers.Granted().ExpiresAt })
            : Answer(request, context));
        await using var mesh = server.Client(_clock);
        await using var lease = await mesh.Locks.AcquireAsync("customer/123");

        _clock.Advance(TimeSpan.FromSeconds(30));

        Assert.True(lease.Lost.IsCancellationRequested);
        Assert.Empty(Renewals(server));
        Assert.Equal("max_hold", Assert.Throws<LeaseLostException>(lease.ThrowIfLost).EndedBecause);
    }

    [Fact]
    public async Task Progress_goes_out_with_a_renewal_of_its_own_now()
    {
        await using var server = await FaultServer.StartAsync(Answer);
        await using var mesh = server.Client(_clock);
        await using var lease = await mesh.Locks.AcquireAsync("customer/123");

        lease.ReportProgress("3 of 7 invoices");

        await Eventually.HoldsAsync(() => server.Requests.Any(request => request.Body.Contains("3 of 7 invoices", StringComparison.Ordinal)), "the text is sent");
        Assert.Equal($"/v1/locks/{lease.LockId}/renew", server.Requests.Last().Path);
    }

    [Fact]
    public async Task Release_carries_the_note_and_the_token_and_ends_the_renewals()
    {
        await using var server = await FaultServer.StartAsync(Answer);
        await using var mesh = server.Client(_clock);
        var lease = await mesh.Locks.AcquireAsync("customer/123");

        await lease.ReleaseAsync("half of it");
        await lease.DisposeAsync();
        _clock.Advance(TimeSpan.FromMinutes(5));

        var last = server.Requests.Last();
        Assert.Equal($"/v1/locks/{lease.LockId}/release", last.Path);
        Assert.Equal("""{"fencing_token":100,"note":"half of it"}""", last.Body);
        Assert.False(lease.Lost.IsCancellationRequested);
        Assert.Throws<LeaseLostException>(lease.ThrowIfLost);
    }

    [Fact]
    public async Task A_release_of_a_lease_that_was_given_up_here_is_an_error_even_if_the_service_takes_it()
    {
        await using var server = await FaultServer.StartAsync(Answer);
        await using var mesh = server.Client(_clock);
        await using var lease = await mesh.Locks.AcquireAsync("customer/123", new() { AutoRenew = false });

        _clock.Advance(TimeSpan.FromSeconds(30));

        await Assert.ThrowsAsync<LeaseLostException>(() => lease.ReleaseAsync());
    }

    [Fact]
    public async Task Dispose_returns_although_the_service_is_gone()
    {
        var server = await FaultServer.StartAsync(Answer);
        await using var mesh = server.Client();
        var lease = await mesh.Locks.AcquireAsync("customer/123");

        await server.DisposeAsync();

        await lease.DisposeAsync().AsTask().WaitAsync(TimeSpan.FromSeconds(15));
    }

    [Fact]
    public async Task A_disposed_client_renews_no_more_and_releases_nothing()
    {
        await using var server = await FaultServer.StartAsync(Answer);
        var mesh = server.Client(_clock);
        var lease = await mesh.Locks.AcquireAsync("customer/123");

        await mesh.DisposeAsync();
        _clock.Advance(TimeSpan.FromSeconds(30));

        Assert.True(lease.Lost.IsCancellationRequested);
        await Assert.ThrowsAsync<LeaseLostException>(() => lease.ReleaseAsync());
        Assert.Single(server.Requests);
    }

    [Fact]
    public async Task A_lease_can_be_disposed_after_its_client()
    {
        await using var server = await FaultServer.StartAsync(Answer);
        var mesh = server.Client(_clock);
        var lease = await mesh.Locks.AcquireAsync("customer/123");

        await mesh.DisposeAsync();
        await lease.DisposeAsync();

        Assert.Single(server.Requests);
    }

    private static Problem Lost => ProblemCatalogue.Get("lease_lost").ToProblem("It was cut off.") with { EndedBecause = LockState.ForceReleased };

    private static Task Hang(HttpContext context) =>
        Task.Delay(Timeout.Infinite, context.RequestAborted).ContinueWith(_ => { }, TaskScheduler.Default);

    private static Task Answer(FaultServer.Request request, HttpContext context)
    {
        if (request.Path == "/v1/locks")
        {
            return Answers.Grant(context, Answers.Granted(request.RequestId + ".0"));
        }
        if (request.Path == "/v1/locks/renew")
        {
            var asked = JsonSerializer.Deserialize(request.Body, LocksJson.Default.RenewLocks)!;
            var results = new RenewResults { Results = [.. asked.Locks!.Select(item => Answers.Renewed(item.LockId!))] };
            return Answers.Json(context, 200, results, LocksJson.Default.RenewResults);
        }
        if (request.Path.EndsWith("/renew", StringComparison.Ordinal))
        {
            var renewed = Answers.Renewed(request.Path.Split('/')[3]);
            return Answers.Json(
                context,
                200,
                new RenewedLock
                {
                    LockId = renewed.LockId,
                    ExpiresAt = renewed.ExpiresAt!.Value,
                    ExpiresInMs = 30_000,
                    ServedMs = 0,
                    HoldEndsAt = renewed.HoldEndsAt!.Value,
                    Waiters = renewed.Waiters!,
                },
                LocksJson.Default.RenewedLock);
        }
        return Answers.Release(context);
    }

    private static List<RenewLocks> Renewals(FaultServer server) =>
    [
        .. server.Requests.Where(request => request.Path == "/v1/locks/renew")
            .Select(request => JsonSerializer.Deserialize(request.Body, LocksJson.Default.RenewLocks)!),
    ];

    /// <summary>Lets the time of one renewal pass, in small steps so that its answer arrives before the next is due; slower where the answer decides when that is.</summary>
    private async Task NextRenewalAsync(FaultServer server, int number, TimeSpan? within = null)
    {
        for (var passed = TimeSpan.Zero; Renewals(server).Count < number && passed <= (within ?? OneRenewal); passed += TimeSpan.FromMilliseconds(100))
        {
            _clock.Advance(TimeSpan.FromMilliseconds(100));
            await Task.Delay(within is null ? 5 : 50);
        }
        // It was due by now; a busy machine may take longer to bring it than this clock took to pass.
        await Eventually.HoldsAsync(() => Renewals(server).Count >= number, $"renewal {number} came in time");
    }

    /// <summary>Throws what no wire should.</summary>
    private sealed class BrokenWire() : DelegatingHandler(new SocketsHttpHandler())
    {
        private int _failures;

        public volatile bool IsBroken;

        public int Failures => Volatile.Read(ref _failures);

        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            if (IsBroken)
            {
                Interlocked.Increment(ref _failures);
                throw new InvalidOperationException("This wire is broken.");
            }

            return base.SendAsync(request, cancellationToken);
        }
    }
}
