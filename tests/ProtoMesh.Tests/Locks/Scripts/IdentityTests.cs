using ProtoMesh.Server.Locks;
using ProtoMesh.Tests.Locks.Model;
using static ProtoMesh.Tests.Locks.Scripts.LeaseDesk;

namespace ProtoMesh.Tests.Locks.Scripts;

public sealed class IdentityTests
{
    [Theory, ClassData(typeof(LeaseBackends))]
    public async Task A_try_on_a_held_resource_leaves_no_record(string backend)
    {
        await using var desk = await OpenAsync(backend);
        await desk.AcquireAsync("holder", X("file"));

        var tried = await desk.AcquireAsync("try", X("file"), wait: 0);

        Assert.Equal(("held", 1), (tried.Tag, tried.Position));
        Assert.Equal("unknown", (await desk.ReadAsync("try")).Tag);
        Assert.Empty((await desk.ReleaseAsync("holder")).Reply[4].Items);
    }

    [Theory, ClassData(typeof(LeaseBackends))]
    public async Task The_same_request_again_is_the_same_request_and_its_first_values_win(string backend)
    {
        await using var desk = await OpenAsync(backend);
        var first = await desk.AcquireAsync("one", X("file"), ttl: 30_000);
        desk.Advance(5_000);

        var again = await desk.AcquireAsync("one", X("file"), priority: 9, ttl: 60_000);

        Assert.Equal(first.Lease, again.Lease);
    }

    [Theory, ClassData(typeof(LeaseBackends))]
    public async Task The_same_id_for_something_else_is_a_conflict_and_changes_nothing(string backend)
    {
        await using var desk = await OpenAsync(backend);
        var first = await desk.AcquireAsync("one", X("file"));

        Assert.Equal("conflict", (await desk.AcquireAsync("one", X("other"))).Tag);
        Assert.Equal("conflict", (await desk.AcquireAsync("one", S("file"))).Tag);
        Assert.Equal("conflict", (await desk.AcquireAsync("one", X("file"), agent: "bob")).Tag);
        Assert.Equal(first.Lease, (await desk.ReadAsync("one")).Lease);
    }

    [Theory, ClassData(typeof(LeaseBackends))]
    public async Task An_ended_request_stays_readable_for_its_retention_and_is_then_forgotten(string backend)
    {
        await using var desk = await OpenAsync(backend);
        await desk.AcquireAsync("one", X("file"));
        await desk.ReleaseAsync("one");
        desk.Advance(119_999);
        await desk.TickAsync();
        Assert.Equal("released", (await desk.AcquireAsync("one", X("file"))).State);

        desk.Advance(1);
        await desk.TickAsync();
        Assert.Equal("unknown", (await desk.ReadAsync("one")).Tag);
        Assert.Equal("granted", (await desk.AcquireAsync("one", X("file"))).State);
    }

    [Theory, ClassData(typeof(LeaseBackends))]
    public async Task Cancelling_dequeues_a_waiter_and_releases_what_was_granted_in_the_meantime(string backend)
    {
        await using var desk = await OpenAsync(backend);
        await desk.AcquireAsync("holder", X("file"));
        await desk.AcquireAsync("waiter", X("file"));
        await desk.AcquireAsync("next", X("file"), detached: true);

        Assert.Equal("cancelled", (await desk.CancelAsync("waiter")).State);
        Assert.Equal("released", (await desk.CancelAsync("holder")).State);
        Assert.Equal("granted", (await desk.ReadAsync("next")).State);
        Assert.Equal("released", (await desk.CancelAsync("holder")).State);
        Assert.Equal("unknown", (await desk.CancelAsync("nobody")).Tag);
    }

    [Theory, ClassData(typeof(LeaseBackends))]
    public async Task A_denial_at_the_claim_ends_a_grant_but_no_lease_that_was_claimed_meanwhile(string backend)
    {
        await using var desk = await OpenAsync(backend);
        foreach (var (waiter, claims) in new[] { ("unclaimed", false), ("claimed", true) })
        {
            await desk.AcquireAsync($"before-{waiter}", X("file"));
            await desk.AcquireAsync(waiter, X("file"));
            await desk.ReleaseAsync($"before-{waiter}");
            if (claims)
            {
                Assert.Equal("granted", (await desk.WaitAsync(waiter)).State);
            }

            await desk.RunAsync(new LeaseCommand.Cancel(waiter, LockGate.Cause));
            Assert.Equal(claims ? "granted" : "released", (await desk.ReadAsync(waiter)).State);
        }
    }

    [Theory, ClassData(typeof(LeaseBackends))]
    public async Task A_full_queue_refuses_without_a_record(string backend)
    {
        await using var desk = await OpenAsync(backend, LeaseSettings.Default with { MaxQueue = 1 });
        await desk.AcquireAsync("holder", X("file"));
        await desk.AcquireAsync("waiter", X("file"));

        Assert.Equal("queue_full", (await desk.AcquireAsync("more", X("file"), priority: 9)).Tag);
        Assert.Equal("unknown", (await desk.ReadAsync("more")).Tag);
    }

    [Theory, ClassData(typeof(LeaseBackends))]
    public async Task A_dry_run_says_the_place_and_the_blockers_and_leaves_no_record(string backend)
    {
        await using var desk = await OpenAsync(backend);
        await desk.AcquireAsync("holder", X("file"));
        await desk.AcquireAsync("waiter", X("file"));
        var asked = new Submission("asked", "bob", "", X("file"));

        var dry = await desk.ConsiderAsync(asked);
        Assert.Equal("unknown", (await desk.ReadAsync("asked")).Tag);
        var real = await desk.AcquireAsync(asked);

        Assert.Equal((2, "queued"), (dry.Position, dry.Tag));
        Assert.Equal(dry.Position, real.Position);
        Assert.Equal(dry.Blockers, real.Blockers);
    }
}
