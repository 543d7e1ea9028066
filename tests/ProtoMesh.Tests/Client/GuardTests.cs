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

        await using var guard = await mesh.GuardAsync(Action, _resource, new() { Metadata = new() { ["estimated_cost"] = 40 }, Reason = "refund #42" });
        Assert.Equal((true, null, null, false), (guard.Granted, guard.Denial, guard.Text, guard.Unprotected));
        var lease = guard.Lease!;
        var token = await guard.RunAsync(async stop =>
        {
            Assert.NotNull(lease.Decision);
            Assert.False(stop.IsCancellationRequested);
            Assert.Null(await other.Locks.TryAcquireAsync(_resource, cancellationToken: stop));
            // The rule that requires the lock is content with this very lease.
            Assert.True((await mesh.Policies.CheckAsync(Action, lease: lease, cancellationToken: stop)).Allowed);
            return lease.FencingToken;
        });

        await using var next = await other.Locks.TryAcquireAsync(_resource);
        Assert.True(next!.FencingToken > token);
        Assert.Equal((LockState.Released, null), (next.Previous!.Ended, next.Previous.Note));
    }

    [Fact]
    public async Task A_denied_action_does_not_wait_and_its_text_says_what_would_be_allowed()
    {
        await using var mesh = service.Client("first");
        await using var other = service.Client("other");
        await using var lease = await other.Locks.AcquireAsync(_resource);

        await using var guard = await mesh.GuardAsync(Action, _resource, new() { Metadata = new() { ["estimated_cost"] = 500 } });

        Assert.Equal((false, null), (guard.Granted, guard.Lease));
        Assert.Equal(("policy_denied", false, null), (guard.Denial!.Code, guard.Denial.Retryable, guard.Denial.RetryAfter));
        Assert.Equal("spend-limit", Assert.Single(guard.Denial.Decision!.Reasons).Rule);
        Assert.Same(guard.Denial.Decision, guard.Decision);
        Assert.Equal(
            "Not done: customer.update. Cost $500 exceeds limit $100 for role user. It would be allowed with: metadata.estimated_cost <= 100. "
                + "Read the reasons; each says what would change the answer.",
            guard.Text);
        await Assert.ThrowsAsync<InvalidOperationException>(() => guard.RunAsync(_ => Task.CompletedTask));
        Assert.Equal(0, (await mesh.Locks.QueueAsync(_resource)).QueueLength);
    }

    [Fact]
    public async Task A_resource_that_cannot_be_had_in_time_is_a_denial_that_names_its_holder()
    {
        await using var mesh = service.Client("first");
        await using var other = service.Client("other");
        await using var lease = await other.Locks.AcquireAsync(_resource, new() { Reason = "refund #42" });

        await using var tried = await mesh.GuardAsync(Action, _resource, new() { Wait = TimeSpan.Zero });
        await using var waited = await mesh.GuardAsync(Action, [_resource, $"{_resource}-2"], new() { Wait = TimeSpan.FromSeconds(1) });

        Assert.Equal(("lock_held", true), (tried.Denial!.Code, tried.Denial.Retryable));
        Assert.StartsWith($"Not done: {Action}. {_resource} is held by other (refund #42)", tried.Text);
        Assert.Matches(@" Try again in about \d+ s\.$", tried.Text);
        Assert.Equal("lock_timeout", waited.Denial!.Code);
        Assert.EndsWith("do other work.", waited.Text);
        Assert.Equal(0, (await mesh.Locks.QueueAsync(_resource)).QueueLength);
    }

    [Fact]
    public async Task Several_resources_are_guarded_under_one_lease()
    {
        await using var mesh = service.Client("first");

        await using (var guard = await mesh.GuardAsync(Action, [_resource, $"{_resource}-2"]))
        {
            Assert.Equal([_resource, $"{_resource}-2"], guard.Lease!.Resources!.Select(one => one.Resource));
        }

        await using var next = await mesh.Locks.TryAcquireAsync($"{_resource}-2");
        Assert.NotNull(next);
    }

    [Fact]
    public async Task A_failure_reaches_the_caller_and_the_next_holder_reads_what_failed()
    {
        await using var mesh = service.Client("first");
        var failure = new InvalidOperationException("the card number is 4711");
        await using var guard = await mesh.GuardAsync(Action, _resource);

        var thrown = await Assert.ThrowsAsync<InvalidOperationException>(() => guard.RunAsync(_ => throw failure));

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

        var guarded = mesh.GuardAsync(Action, _resource, cancellationToken: patience.Token);
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
        await using var guard = await mesh.GuardAsync(Action, _resource);

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => guard.RunAsync(
            stop =>
            {
                patience.Cancel();
                return Task.Delay(Timeout.Infinite, stop);
            },
            patience.Token));

        await using var next = await mesh.Locks.TryAcquireAsync(_resource);
        Assert.Equal("customer.update was cancelled", next!.Previous!.Note);
    }

    [Fact]
    public async Task An_action_whose_lock_is_lost_is_stopped_and_its_text_says_that_it_may_be_half_done()
    {
        await using var mesh = service.Client("first");
        await using var guard = await mesh.GuardAsync(Action, _resource, new() { Ttl = TimeSpan.FromSeconds(3) });

        var loss = await Assert.ThrowsAsync<LeaseLostException>(() => guard.RunAsync(async stop =>
        {
            await mesh.Locks.ForceReleaseAsync(_resource, "it was stuck", immediate: true, cancellationToken: stop);
            await Task.Delay(TimeSpan.FromSeconds(30), stop);
        }));

        Assert.Equal(LockState.ForceReleased, loss.Problem.State);
        Assert.Equal($"customer.update may be half done: {loss.Message} {loss.NextStep}", guard.Text);
        Assert.True(guard.Lost.IsCancellationRequested);
    }

    [Fact]
    public async Task The_result_of_an_action_that_lost_its_lock_unnoticed_is_not_returned()
    {
        await using var mesh = service.Client("first");
        await using var guard = await mesh.GuardAsync(Action, _resource);
        await using var plain = await mesh.GuardAsync(Action, $"{_resource}-2");

        await Assert.ThrowsAsync<LeaseLostException>(() => guard.RunAsync(async stop =>
            (await mesh.Locks.ForceReleaseAsync(_resource, "it was stuck", immediate: true, cancellationToken: stop)).Released.Count));
        await mesh.Locks.ForceReleaseAsync($"{_resource}-2", "it was stuck", immediate: true);
        await Assert.ThrowsAsync<LeaseLostException>(() => plain.CompleteAsync());
    }

    [Fact]
    public async Task An_action_may_release_its_lock_itself_with_a_note()
    {
        await using var mesh = service.Client("first");
        await using var guard = await mesh.GuardAsync(Action, _resource);

        Assert.Equal(7, await guard.RunAsync(async stop =>
        {
            await guard.Lease!.ReleaseAsync("invoice 7 is half paid", stop);
            return 7;
        }));

        await using var next = await mesh.Locks.TryAcquireAsync(_resource);
        Assert.Equal("invoice 7 is half paid", next!.Previous!.Note);
    }

    [Fact]
    public async Task An_action_without_a_resource_is_only_asked_about()
    {
        await using var mesh = service.Client("first");

        await using var allowed = await mesh.GuardAsync("mail.send", options: new() { Metadata = new() { ["estimated_cost"] = 100 } });
        await using var denied = await mesh.GuardAsync("mail.send", options: new() { Metadata = new() { ["estimated_cost"] = 101 } });

        Assert.Equal((true, "starter", null), (allowed.Granted, allowed.Decision!.Policy.Name, allowed.Lease));
        Assert.Equal(7, await allowed.RunAsync(_ => Task.FromResult(7)));
        Assert.Equal((false, "policy_denied"), (denied.Granted, denied.Denial!.Code));
        Assert.Contains("It would be allowed with: metadata.estimated_cost <= 100.", denied.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_question_that_breaks_a_rule_is_a_denial_too()
    {
        await using var mesh = service.Client("first");

        await using var guard = await mesh.GuardAsync(Action, _resource, new() { Priority = 10 });

        Assert.Equal(("validation_failed", "priority"), (guard.Denial!.Code, Assert.Single(guard.Denial.Problem.Errors!).Field));
    }
}
