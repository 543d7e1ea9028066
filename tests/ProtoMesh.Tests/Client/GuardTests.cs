using ProtoMesh.Contracts.Locks;
using ProtoMesh.Tests.Rig;

namespace ProtoMesh.Tests.Client;

/// <summary>Actions that are decided, done under a lease and released, against the real service.</summary>
public sealed class GuardTests(LiveService service) : IClassFixture<LiveService>
{
    private const string Action = "customer.update";

    private readonly string _resource = $"customer/{Guid.NewGuid():N}";

    [Fact]
    public async Task A_guarded_action_runs_under_the_lease_that_carries_its_decision()
    {
        await using var mesh = service.Client("first");
        await using var other = service.Client("other");

        var token = await mesh.Policies.GuardAsync(
            Action,
            _resource,
            async (lease, stop) =>
            {
                Assert.NotNull(lease.Decision);
                Assert.False(stop.IsCancellationRequested);
                Assert.Null(await other.Locks.TryAcquireAsync(_resource, cancellationToken: stop));
                // The rule that requires the lock is content with this very lease.
                Assert.True((await mesh.Policies.CheckAsync(Action, lease: lease, cancellationToken: stop)).Allowed);
                return lease.FencingToken;
            },
            new() { Metadata = new() { ["estimated_cost"] = 40 }, Reason = "refund #42" });

        await using var next = await other.Locks.TryAcquireAsync(_resource);
        Assert.True(next!.FencingToken > token);
        Assert.Equal((LockState.Released, null), (next.Previous!.Ended, next.Previous.Note));
    }

    [Fact]
    public async Task A_denied_action_neither_waits_nor_runs()
    {
        await using var mesh = service.Client("first");
        await using var other = service.Client("other");
        await using var lease = await other.Locks.AcquireAsync(_resource);

        var denied = await Assert.ThrowsAsync<PolicyDeniedException>(() => mesh.Policies.GuardAsync(
            Action, _resource, (_, _) => throw new InvalidOperationException("It ran."), new() { Metadata = new() { ["estimated_cost"] = 500 } }));

        Assert.Equal("spend-limit", Assert.Single(denied.Reasons).Rule);
        Assert.Contains("metadata.estimated_cost <= 100", denied.ToChange);
        Assert.Equal(0, (await mesh.Locks.QueueAsync(_resource)).QueueLength);
    }

    [Fact]
    public async Task A_failure_reaches_the_caller_and_the_next_holder_reads_what_failed()
    {
        await using var mesh = service.Client("first");
        var failure = new InvalidOperationException("the card number is 4711");

        var thrown = await Assert.ThrowsAsync<InvalidOperationException>(() => mesh.Policies.GuardAsync(Action, _resource, (_, _) => throw failure));

        Assert.Same(failure, thrown);
        await using var next = await mesh.Locks.TryAcquireAsync(_resource);
        // Not its message: that is for the caller alone.
        Assert.Equal((LockState.Released, "customer.update failed: InvalidOperationException"), (next!.Previous!.Ended, next.Previous.Note));
    }

    [Fact]
    public async Task A_caller_that_gives_up_while_it_waits_leaves_nothing_behind()
    {
        await using var mesh = service.Client("first");
        await using var lease = await mesh.Locks.AcquireAsync(_resource);
        using var patience = new CancellationTokenSource();

        var guarded = mesh.Policies.GuardAsync(
            Action, _resource, (_, _) => throw new InvalidOperationException("It ran."), cancellationToken: patience.Token);
        await Eventually.HoldsAsync(async () => (await mesh.Locks.QueueAsync(_resource)).QueueLength == 1, "it waits");
        patience.Cancel();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => guarded);

        Assert.Equal(0, (await mesh.Locks.QueueAsync(_resource)).QueueLength);
    }

    [Fact]
    public async Task A_caller_that_gives_up_stops_the_action_and_the_lock_is_free_at_once()
    {
        await using var mesh = service.Client("first");
        using var patience = new CancellationTokenSource();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => mesh.Policies.GuardAsync(
            Action,
            _resource,
            (_, stop) =>
            {
                patience.Cancel();
                return Task.Delay(Timeout.Infinite, stop);
            },
            cancellationToken: patience.Token));

        await using var next = await mesh.Locks.TryAcquireAsync(_resource);
        Assert.Equal("customer.update was cancelled", next!.Previous!.Note);
    }

    [Fact]
    public async Task An_action_whose_lock_is_lost_is_stopped_and_its_caller_is_told()
    {
        await using var mesh = service.Client("first");

        var loss = await Assert.ThrowsAsync<LeaseLostException>(() => mesh.Policies.GuardAsync(
            Action,
            _resource,
            async (lease, stop) =>
            {
                await mesh.Locks.ForceReleaseAsync(_resource, "it was stuck", immediate: true, cancellationToken: stop);
                await Task.Delay(TimeSpan.FromSeconds(30), stop);
            },
            new() { Ttl = TimeSpan.FromSeconds(3) }));

        Assert.Equal(LockState.ForceReleased, loss.Problem.State);
    }

    [Fact]
    public async Task The_result_of_an_action_that_lost_its_lock_unnoticed_is_not_returned()
    {
        await using var mesh = service.Client("first");

        await Assert.ThrowsAsync<LeaseLostException>(() => mesh.Policies.GuardAsync(
            Action, _resource, async (_, stop) => (await mesh.Locks.ForceReleaseAsync(_resource, "it was stuck", immediate: true, cancellationToken: stop)).Released.Count));
    }

    [Fact]
    public async Task An_action_may_release_its_lock_itself_with_a_note()
    {
        await using var mesh = service.Client("first");

        Assert.Equal(7, await mesh.Policies.GuardAsync(Action, _resource, async (lease, stop) =>
        {
            await lease.ReleaseAsync("invoice 7 is half paid", stop);
            return 7;
        }));

        await using var next = await mesh.Locks.TryAcquireAsync(_resource);
        Assert.Equal("invoice 7 is half paid", next!.Previous!.Note);
    }

    [Fact]
    public async Task An_action_without_a_resource_is_only_asked_about()
    {
        await using var mesh = service.Client("first");
        var ran = 0;

        Assert.Equal("starter", await mesh.Policies.GuardAsync("mail.send", (decision, _) => Task.FromResult(decision.Policy.Name)));
        await mesh.Policies.GuardAsync(new PolicyCheck { Action = "mail.send", Metadata = new() { ["estimated_cost"] = 100 } }, Run);
        var denied = await Assert.ThrowsAsync<PolicyDeniedException>(() =>
            mesh.Policies.GuardAsync(new PolicyCheck { Action = "mail.send", Metadata = new() { ["estimated_cost"] = 101 } }, Run));

        Assert.Equal(1, ran);
        Assert.Equal("policy_denied", denied.Code);
        Assert.Contains("metadata.estimated_cost <= 100", denied.ToChange);

        Task Run(ProtoMesh.Contracts.Policies.PolicyDecision decision, CancellationToken stop) => Task.FromResult(ran++);
    }
}
