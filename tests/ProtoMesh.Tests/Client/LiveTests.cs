using ProtoMesh.Contracts.Locks;
using ProtoMesh.Tests.Rig;

namespace ProtoMesh.Tests.Client;

/// <summary>The client against the real service over real HTTP.</summary>
public sealed class LiveTests(LiveService service) : IClassFixture<LiveService>
{
    private readonly string _resource = $"customer/{Guid.NewGuid():N}";

    [Fact]
    public async Task A_waiter_with_higher_priority_is_granted_first()
    {
        await using var mesh = service.Client("first");
        await using var other = service.Client("other");
        var order = new List<string>();
        var lease = await mesh.Locks.AcquireAsync(_resource);
        var low = HoldAsync(other, "low", 2, order);
        await QueueLengthAsync(mesh, 1);
        var high = HoldAsync(other, "high", 9, order);
        await QueueLengthAsync(mesh, 2);

        await lease.ReleaseAsync("over to you");
        await Task.WhenAll(low, high);

        Assert.Equal(["high", "low"], order);
    }

    [Fact]
    public async Task The_next_holder_reads_the_note_and_has_a_higher_token()
    {
        await using var mesh = service.Client("first");
        await using var other = service.Client("other");
        var first = await mesh.Locks.AcquireAsync(_resource);
        await first.ReleaseAsync("invoice 7 is half paid");

        await using var second = await other.Locks.AcquireAsync(_resource);

        Assert.True(second.FencingToken > first.FencingToken);
        Assert.Equal(("first", LockState.Released, "invoice 7 is half paid"), (second.Previous!.AgentId, second.Previous.Ended, second.Previous.Note));
    }

    [Fact]
    public async Task A_try_of_something_held_is_null_and_a_zero_wait_says_who_holds_it()
    {
        await using var mesh = service.Client("first");
        await using var other = service.Client("other");
        await using var lease = await mesh.Locks.AcquireAsync(_resource, new() { Reason = "refund #42" });

        Assert.Null(await other.Locks.TryAcquireAsync(_resource));
        var refusal = await Assert.ThrowsAsync<LockHeldException>(() => other.Locks.AcquireAsync(_resource, new() { Wait = TimeSpan.Zero }));

        var holder = Assert.Single(refusal.BlockedBy);
        Assert.Equal(("first", "refund #42"), (holder.AgentId, holder.Reason));
        Assert.Equal(1, refusal.Position);
    }

    [Fact]
    public async Task A_wait_ends_with_a_time_out()
    {
        await using var mesh = service.Client("first");
        await using var lease = await mesh.Locks.AcquireAsync(_resource);

        await Assert.ThrowsAsync<LockTimeoutException>(() => mesh.Locks.AcquireAsync(_resource, new() { Wait = TimeSpan.FromSeconds(1) }));

        Assert.Equal(0, (await mesh.Locks.QueueAsync(_resource)).QueueLength);
    }

    [Fact]
    public async Task A_lease_lives_on_after_its_time_to_live_and_ends_when_its_client_is_gone()
    {
        var mesh = service.Client("first");
        await using var other = service.Client("other");
        var lease = await mesh.Locks.AcquireAsync(_resource, new() { Ttl = TimeSpan.FromSeconds(2) });
        await Task.Delay(TimeSpan.FromSeconds(3));
        Assert.True(lease.IsHeld);
        Assert.Null(await other.Locks.TryAcquireAsync(_resource));

        await mesh.DisposeAsync();
        await using var next = await other.Locks.AcquireAsync(_resource);

        Assert.True(lease.Lost.IsCancellationRequested);
        Assert.Equal(LockState.Expired, next.Previous!.Ended);
        await Assert.ThrowsAsync<LeaseLostException>(() => lease.ReleaseAsync());
    }

    [Fact]
    public async Task Several_resources_are_held_together()
    {
        await using var mesh = service.Client("first");
        var (one, two) = ($"{_resource}-1", $"{_resource}-2");
        await using (var lease = await mesh.Locks.AcquireAsync([one, new ResourceRequest { Resource = two, Mode = LockMode.Shared }]))
        {
            Assert.Equal([one, two], lease.Resources!.Select(resource => resource.Resource));
            Assert.Null(await mesh.Locks.TryAcquireAsync(one));
            await using var shared = await mesh.Locks.TryAcquireAsync(two, new() { Mode = LockMode.Shared });
            Assert.NotNull(shared);
        }
        await using var again = await mesh.Locks.TryAcquireAsync(one);
        Assert.NotNull(again);
    }

    [Fact]
    public async Task A_lost_answer_to_an_acquire_does_not_cost_the_lease()
    {
        var wire = new FaultyWire { LoseAnswersTo = "/v1/locks" };
        await using var mesh = service.Client("first", wire);

        await using var lease = await mesh.Locks.AcquireAsync(_resource);

        Assert.Equal(1, wire.Lost);
        Assert.Single((await mesh.Locks.QueueAsync(_resource)).HeldBy);
    }

    [Fact]
    public async Task A_lost_answer_to_a_release_is_no_error()
    {
        var wire = new FaultyWire { LoseAnswersTo = "/release" };
        await using var mesh = service.Client("first", wire);
        var lease = await mesh.Locks.AcquireAsync(_resource);

        await lease.ReleaseAsync();

        Assert.Equal(1, wire.Lost);
        Assert.Empty((await mesh.Locks.QueueAsync(_resource)).HeldBy);
    }

    [Fact]
    public async Task A_caller_that_gives_up_leaves_no_waiter_behind()
    {
        await using var mesh = service.Client("first");
        await using var lease = await mesh.Locks.AcquireAsync(_resource);
        using var patience = new CancellationTokenSource();
        var waiting = mesh.Locks.AcquireAsync(_resource, cancellationToken: patience.Token);
        await QueueLengthAsync(mesh, 1);

        patience.Cancel();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting);

        Assert.Equal(0, (await mesh.Locks.QueueAsync(_resource)).QueueLength);
    }

    [Fact]
    public async Task A_transferred_lease_is_the_receivers()
    {
        await using var mesh = service.Client("first");
        await using var lease = await mesh.Locks.AcquireAsync(_resource);

        var given = await lease.TransferAsync("second");

        Assert.Equal("second", given.AgentId);
        Assert.True(given.FencingToken > lease.FencingToken);
        Assert.False(lease.IsHeld);
        Assert.Equal("second", Assert.Single((await mesh.Locks.QueueAsync(_resource)).HeldBy).AgentId);
        await mesh.Locks.CancelAsync(given.LockId);
    }

    [Fact]
    public async Task A_force_released_lease_is_lost_at_its_next_renewal()
    {
        await using var mesh = service.Client("first");
        await using var lease = await mesh.Locks.AcquireAsync(_resource, new() { Ttl = TimeSpan.FromSeconds(3) });

        var cut = await mesh.Locks.ForceReleaseAsync(_resource, "it was stuck", immediate: true);

        Assert.Equal(lease.LockId, Assert.Single(cut.Released).LockId);
        await Eventually.HoldsAsync(() => lease.Lost.IsCancellationRequested, "the loss is told");
        var loss = await Assert.ThrowsAsync<LeaseLostException>(() => lease.ReleaseAsync());
        Assert.Equal(LockState.ForceReleased, loss.Problem.State);
    }

    [Fact]
    public async Task Everything_about_a_waiter_can_be_read_and_changed()
    {
        await using var mesh = service.Client("first");
        await using var other = service.Client("other");
        await using var lease = await mesh.Locks.AcquireAsync(_resource, new() { Reason = "refund #42" });
        QueuedLock? queued = null;
        var waiting = other.Locks.AcquireAsync(_resource, new() { Priority = 3, OnQueued = told => queued = told });
        await Eventually.HoldsAsync(() => queued is not null, "the waiter knows its place");

        var dry = await other.Locks.DryRunAsync(_resource);
        Assert.False(dry.GrantedNow);
        Assert.Equal(LockState.Queued, (await mesh.Locks.GetAsync(queued!.LockId)).State);
        Assert.NotEmpty((await mesh.Locks.ExplainAsync(queued.LockId)).Sentences);
        Assert.Equal(8, (await mesh.Locks.ReprioritizeAsync(queued.LockId, 8)).Priority);
        Assert.Contains(lease.LockId, await ToListAsync(mesh.Locks.ListAsync(agentId: "first", state: LockState.Granted)));
        Assert.True((await mesh.Fences.ValidateAsync(_resource, lease.FencingToken)).Valid);

        lease.ReportProgress("3 of 7");
        await Eventually.HoldsAsync(
            async () => (await mesh.Locks.QueueAsync(_resource)).HeldBy.Single().Progress == "3 of 7", "the progress is shown");
        await Eventually.HoldsAsync(() => lease.Waiters?.Count == 1, "the answer to it has told who waits");

        await lease.ReleaseAsync();
        await using var next = await waiting;
        Assert.False((await mesh.Fences.ValidateAsync(_resource, lease.FencingToken)).Valid);
        await Assert.ThrowsAsync<LockConflictException>(() => mesh.Locks.ReprioritizeAsync(next.LockId, 1));
    }

    [Fact]
    public async Task A_wrong_field_is_named()
    {
        await using var mesh = service.Client("first");

        var refusal = await Assert.ThrowsAsync<ValidationException>(() => mesh.Locks.AcquireAsync(_resource, new() { Priority = 10 }));

        Assert.Equal("priority", Assert.Single(refusal.Errors).Field);
        Assert.NotNull(refusal.TraceId);
    }

    [Fact]
    public async Task No_two_of_many_agents_hold_it_at_once_and_tokens_only_rise()
    {
        var holders = 0;
        var tokens = new List<long>();
        await Parallel.ForAsync(0, 40, async (number, stop) =>
        {
            await using var mesh = service.Client($"agent-{number}");
            await using var lease = await mesh.Locks.AcquireAsync(_resource, new() { Priority = number % 10 }, stop);
            Assert.Equal(1, Interlocked.Increment(ref holders));
            tokens.Add(lease.FencingToken);
            await Task.Yield();
            Interlocked.Decrement(ref holders);
        });

        Assert.Equal(40, tokens.Count);
        Assert.Equal(tokens.Order(), tokens);
    }

    private async Task HoldAsync(MeshClient mesh, string agent, int priority, List<string> order)
    {
        await using var lease = await mesh.Locks.AcquireAsync(_resource, new() { AgentId = agent, Priority = priority });
        order.Add(agent);
    }

    private Task QueueLengthAsync(MeshClient mesh, int length) => Eventually.HoldsAsync(
        async () => (await mesh.Locks.QueueAsync(_resource)).QueueLength == length, $"{length} wait");

    private static async Task<List<string>> ToListAsync(IAsyncEnumerable<ObservedLock> locks)
    {
        var ids = new List<string>();
        await foreach (var one in locks)
        {
            ids.Add(one.LockId);
        }
        return ids;
    }
}
