using ProtoMesh.Contracts.Locks;
using ProtoMesh.Tests.Rig;

namespace ProtoMesh.Tests.Client;

public sealed class AcquisitionTests
{
    [Fact]
    public async Task A_waiter_is_held_open_in_slices_of_8_s()
    {
        await using var server = await FaultServer.StartAsync((request, context) => request.Number switch
        {
            1 or 2 => Answers.Queue(context, Answers.Queued()),
            3 => Answers.Grant(context, Answers.Granted()),
            _ => Answers.Release(context),
        });
        await using var mesh = server.Client();

        await using (await mesh.Locks.AcquireAsync("customer/123"))
        {
        }

        Assert.Equal(
            [("/v1/locks", "wait=8"), ("/v1/locks/request-1.0/wait", "wait=8"), ("/v1/locks/request-1.0/wait", "wait=8"), ("/v1/locks/request-1.0/release", null)],
            server.Requests.Select(request => (request.Path, request.Prefer)));
    }

    [Fact]
    public async Task A_waiter_that_wants_to_know_its_place_knows_it_at_once()
    {
        await using var server = await FaultServer.StartAsync((request, context) => request.Number switch
        {
            1 or 2 => Answers.Queue(context, Answers.Queued(position: 3 - request.Number)),
            3 => Answers.Grant(context, Answers.Granted()),
            _ => Answers.Release(context),
        });
        await using var mesh = server.Client();
        var places = new List<int>();

        await using (await mesh.Locks.AcquireAsync("customer/123", new() { OnQueued = queued => places.Add(queued.Position) }))
        {
        }

        Assert.Equal([2, 1], places);
        Assert.Equal(["wait=0", "wait=8", "wait=8", null], server.Requests.Select(request => request.Prefer));
    }

    [Fact]
    public async Task A_waiter_that_the_store_lost_submits_the_same_request_again()
    {
        await using var server = await FaultServer.StartAsync((request, context) => request.Number switch
        {
            1 => Answers.Queue(context, Answers.Queued()),
            2 => Answers.Problem(context, "lock_unknown"),
            3 => Answers.Grant(context, Answers.Granted()),
            _ => Answers.Release(context),
        });
        await using var mesh = server.Client();

        await using var lease = await mesh.Locks.AcquireAsync("customer/123");

        var requests = server.Requests.ToArray();
        Assert.Equal("/v1/locks", requests[2].Path);
        Assert.Equal(requests[0].RequestId, requests[2].RequestId);
    }

    [Fact]
    public async Task A_waiter_that_was_dropped_for_its_silence_asks_anew_under_another_id()
    {
        await using var server = await FaultServer.StartAsync((request, context) => request.Number switch
        {
            1 => Answers.Queue(context, Answers.Queued()),
            2 => Answers.Problem(context, "lock_ended", problem => problem with { State = LockState.Abandoned }),
            3 => Answers.Grant(context, Answers.Granted()),
            _ => Answers.Release(context),
        });
        await using var mesh = server.Client();

        await using var lease = await mesh.Locks.AcquireAsync("customer/123");

        var requests = server.Requests.ToArray();
        Assert.NotEqual(requests[0].RequestId, requests[2].RequestId);
    }

    [Fact]
    public async Task A_caller_that_gives_up_takes_its_waiter_back_before_it_hears_of_it()
    {
        await using var server = await FaultServer.StartAsync((request, context) =>
            request.Path == "/v1/locks" ? Answers.Queue(context, Answers.Queued())
            : request.Path.EndsWith("/cancel", StringComparison.Ordinal) ? Answers.Release(context, LockState.Cancelled)
            : Task.Delay(Timeout.Infinite, context.RequestAborted).ContinueWith(_ => { }, TaskScheduler.Default));
        await using var mesh = server.Client();
        using var patience = new CancellationTokenSource();

        var acquiring = mesh.Locks.AcquireAsync("customer/123", cancellationToken: patience.Token);
        await Eventually.HoldsAsync(() => server.Requests.Count == 2, "the waiter waits");
        patience.Cancel();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => acquiring);

        Assert.Equal("/v1/locks/request-1.0/cancel", server.Requests.Last().Path);
    }

    [Fact]
    public async Task A_caller_that_gives_up_before_any_reply_takes_back_by_request_id()
    {
        await using var server = await FaultServer.StartAsync((request, context) =>
            request.Path != "/v1/locks/cancel" ? Task.Delay(Timeout.Infinite, context.RequestAborted).ContinueWith(_ => { }, TaskScheduler.Default)
            : request.Number == 2 ? Answers.Problem(context, "lock_unknown")
            : Answers.Release(context));
        await using var mesh = server.Client();
        using var patience = new CancellationTokenSource();

        var acquiring = mesh.Locks.AcquireAsync("customer/123", cancellationToken: patience.Token);
        await Eventually.HoldsAsync(() => server.Requests.Count == 1, "the request has arrived");
        patience.Cancel();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => acquiring);

        // The second cancel is for the case that the request overtook the first.
        var requests = server.Requests.ToArray();
        Assert.Equal(3, requests.Length);
        Assert.Equal(requests[0].RequestId, requests[2].RequestId);
        Assert.Contains("customer/123", requests[2].Body, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_try_of_something_held_is_null_and_waits_for_nothing()
    {
        await using var server = await FaultServer.StartAsync((_, context) => Answers.Problem(context, "lock_held"));
        await using var mesh = server.Client();

        Assert.Null(await mesh.Locks.TryAcquireAsync("customer/123"));

        var request = Assert.Single(server.Requests);
        Assert.Equal("wait=0", request.Prefer);
        Assert.Contains("\"wait_ms\":0", request.Body, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_wait_that_ended_is_a_time_out()
    {
        await using var server = await FaultServer.StartAsync((_, context) => Answers.Problem(context, "lock_timeout"));
        await using var mesh = server.Client();

        await Assert.ThrowsAsync<LockTimeoutException>(() => mesh.Locks.AcquireAsync("customer/123"));

        Assert.Single(server.Requests);
    }

    [Fact]
    public async Task A_service_that_never_ends_the_wait_is_left_at_the_callers_own_deadline()
    {
        await using var server = await FaultServer.StartAsync((request, context) =>
            request.Path.EndsWith("/cancel", StringComparison.Ordinal)
                ? Answers.Release(context, LockState.Cancelled)
                : Answers.Queue(context, Answers.Queued()));
        await using var mesh = server.Client();

        var refusal = await Assert.ThrowsAsync<LockTimeoutException>(() =>
            mesh.Locks.AcquireAsync("customer/123", new() { Wait = TimeSpan.FromMilliseconds(100) }));

        Assert.Equal("b", Assert.Single(refusal.BlockedBy).AgentId);
        Assert.Equal("/v1/locks/request-1.0/cancel", server.Requests.Last().Path);
    }
}
