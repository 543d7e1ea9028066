using ProtoMesh.Tests.Locks.Model;
using static ProtoMesh.Tests.Locks.Scripts.LeaseDesk;

namespace ProtoMesh.Tests.Locks.Scripts;

public sealed class LossTests
{
    [Theory, ClassData(typeof(LeaseBackends))]
    public async Task Tokens_rise_over_release_expiry_transfer_and_a_clock_stepped_back_and_stay_over_renewal_and_reentry(string backend)
    {
        await using var desk = await OpenAsync(backend);
        var tokens = new List<long> { (await desk.AcquireAsync("one", X("a"))).Token, (await desk.AcquireAsync("other", X("b"))).Token };
        await desk.ReleaseAsync("one");
        desk.Advance(-60_000);
        tokens.Add((await desk.AcquireAsync("two", X("a"), ttl: 1_000, session: "s")).Token);
        Assert.Equal(tokens[^1], (await desk.AcquireAsync("again", X("a"), ttl: 1_000, agent: "two", session: "s", reentrant: true)).Token);
        Assert.Equal(tokens[^1], (await desk.RenewAsync("two", 1_500)).Token);
        desk.Advance(1_500);
        tokens.Add((await desk.AcquireAsync("three", X("a"))).Token);
        tokens.Add((await desk.TransferAsync("three", "heir", "bob")).Token);

        Assert.Equal(tokens.Distinct().Order(), tokens);
        Assert.True(tokens[0] >= 1_767_225_600_000_000, "a token is at least the store's time in microseconds");
    }

    [Theory, ClassData(typeof(LeaseBackends))]
    public async Task Renewing_never_shortens_never_revives_and_never_passes_the_longest_hold(string backend)
    {
        await using var desk = await OpenAsync(backend);
        await desk.AcquireAsync("one", X("file"), ttl: 30_000, maxHold: 50_000);

        Assert.Equal(30_000, (await desk.RenewAsync("one", 1_000)).EndsIn);
        desk.Advance(25_000);
        Assert.Equal(25_000, (await desk.RenewAsync("one", 30_000)).EndsIn);
        desk.Advance(25_000);
        var lost = await desk.RenewAsync("one");
        Assert.Equal(("lost", "expired", "max_hold"), (lost.Tag, lost.State, lost.Lease!.Cause));
        Assert.Equal("lost", (await desk.RenewAsync("one")).Tag);
    }

    [Theory, ClassData(typeof(LeaseBackends))]
    public async Task Releasing_an_expired_lease_is_told_as_lost_with_when_and_why(string backend)
    {
        await using var desk = await OpenAsync(backend);
        var granted = await desk.AcquireAsync("one", X("file"));
        desk.Advance(40_000);

        var told = await desk.ReleaseAsync("one");

        Assert.Equal(("lost", "expired", "time", granted.Lease!.Ends), (told.Tag, told.State, told.Lease!.Cause, told.Lease.EndedAt));
    }

    [Theory, ClassData(typeof(LeaseBackends))]
    public async Task A_repeated_release_is_released_and_a_wrong_token_releases_nothing(string backend)
    {
        await using var desk = await OpenAsync(backend);
        await desk.AcquireAsync("one", X("file"));

        Assert.Equal("lost", (await desk.ReleaseAsync("one", tokenOff: -1)).Tag);
        Assert.Equal("mismatch", (await desk.ReleaseAsync("one", tokenOff: 1)).Tag);
        Assert.Equal("unknown", (await desk.ReleaseAsync("nobody")).Tag);
        Assert.Equal("released", (await desk.ReleaseAsync("one")).Tag);
        Assert.Equal("released", (await desk.ReleaseAsync("one")).Tag);
    }

    [Theory, ClassData(typeof(LeaseBackends))]
    public async Task A_forced_release_ends_the_lease_now_and_rests_until_the_end_its_holder_was_told(string backend)
    {
        await using var desk = await OpenAsync(backend);
        await desk.AcquireAsync("holder", X("file", "other"));
        await desk.AcquireAsync("next", X("other"), detached: true);
        await desk.ForceReleaseAsync("file");

        Assert.Equal("lost", (await desk.RenewAsync("holder")).Tag);
        desk.Advance(29_999);
        await desk.TickAsync();
        Assert.Equal("queued", (await desk.ReadAsync("next")).State);
        desk.Advance(1);
        await desk.TickAsync();
        Assert.Equal("granted", (await desk.ReadAsync("next")).State);
    }

    [Theory, ClassData(typeof(LeaseBackends))]
    public async Task An_immediate_forced_release_grants_the_next_at_once(string backend)
    {
        await using var desk = await OpenAsync(backend);
        await desk.AcquireAsync("holder", X("file"));
        await desk.AcquireAsync("next", X("file"));
        await desk.ForceReleaseAsync("file", immediate: true);

        Assert.Equal("granted", (await desk.WaitAsync("next")).State);
    }

    [Theory, ClassData(typeof(LeaseBackends))]
    public async Task After_an_expiry_the_resource_rests_for_the_leases_drain_and_after_a_release_not_at_all(string backend)
    {
        await using var desk = await OpenAsync(backend);
        await desk.AcquireAsync("one", X("file"), ttl: 1_000, drain: 5_000);
        desk.Advance(5_999);
        Assert.Equal("held", (await desk.AcquireAsync("try", X("file"), wait: 0)).Tag);
        desk.Advance(1);
        Assert.Equal("granted", (await desk.AcquireAsync("two", X("file"), drain: 5_000)).State);
        await desk.ReleaseAsync("two");
        Assert.Equal("granted", (await desk.AcquireAsync("three", X("file"))).State);
    }

    [Theory, ClassData(typeof(LeaseBackends))]
    public async Task A_transfer_gives_a_new_token_keeps_the_end_of_the_hold_and_its_repetition_reads_the_same(string backend)
    {
        await using var desk = await OpenAsync(backend);
        var given = await desk.AcquireAsync("giver", X("file"), maxHold: 60_000);
        desk.Advance(1_000);
        var heir = await desk.TransferAsync("giver", "heir", "bob");

        Assert.True(heir.Token > given.Token);
        Assert.Equal(given.Lease!.HoldEnds, heir.Lease!.HoldEnds);
        Assert.Equal(heir.Lease, (await desk.TransferAsync("giver", "second-heir", "bob")).Lease);
        Assert.Equal("lost", (await desk.TransferAsync("giver", "third-heir", "cy")).Tag);
        Assert.Equal("lost", (await desk.RenewAsync("giver")).Tag);
    }

    [Theory, ClassData(typeof(LeaseBackends))]
    public async Task A_grant_tells_how_the_last_hold_ended_and_whether_another_agent_has_held_it_since(string backend)
    {
        await using var desk = await OpenAsync(backend);
        Assert.Equal(("", ""), await LearnAsync("one", "ann"));
        await desk.ReleaseAsync("one", "half done");
        Assert.Equal(("f", "ann released half done"), await LearnAsync("two", "ann"));
        desk.Advance(30_000);
        Assert.Equal(("", "ann expired"), await LearnAsync("three", "bob"));
        await desk.ForceReleaseAsync("file", immediate: true);
        Assert.Equal(("t", "bob force_released stuck"), await LearnAsync("four", "ann"));

        async Task<(string Changed, string Previous)> LearnAsync(string id, string agent)
        {
            var lease = (await desk.AcquireAsync(id, X("file"), agent: agent)).Lease!;
            var parts = lease.Previous.Split(' ');
            return (lease.Changed, string.Join(' ', parts.Where((_, index) => index != 2)).Trim());
        }
    }
}
