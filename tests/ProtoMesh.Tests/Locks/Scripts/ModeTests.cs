using ProtoMesh.Tests.Locks.Model;
using static ProtoMesh.Tests.Locks.Scripts.LeaseDesk;

namespace ProtoMesh.Tests.Locks.Scripts;

public sealed class ModeTests
{
    [Theory, ClassData(typeof(LeaseBackends))]
    public async Task Shared_requests_hold_together_and_none_passes_an_exclusive_one_ahead(string backend)
    {
        await using var desk = await OpenAsync(backend);
        Assert.Equal("granted", (await desk.AcquireAsync("reader1", S("file"))).State);
        Assert.Equal("granted", (await desk.AcquireAsync("reader2", S("file"))).State);
        Assert.Equal("queued", (await desk.AcquireAsync("writer", X("file"))).State);
        Assert.Equal("queued", (await desk.AcquireAsync("reader3", S("file"))).State);
        Assert.Equal("queued", (await desk.AcquireAsync("reader4", S("file"))).State);

        await desk.ReleaseAsync("reader1");
        await desk.ReleaseAsync("reader2");
        Assert.Equal("granted", (await desk.WaitAsync("writer")).State);
        Assert.Equal("queued", (await desk.ReadAsync("reader3")).State);
        await desk.ReleaseAsync("writer");
        Assert.Equal(("granted", "granted"), ((await desk.ReadAsync("reader3")).State, (await desk.ReadAsync("reader4")).State));
    }

    [Theory, ClassData(typeof(LeaseBackends))]
    public async Task The_head_of_the_slots_blocks_smaller_requests_behind_it(string backend)
    {
        await using var desk = await OpenAsync(backend);
        await desk.AcquireAsync("two", L("gpu", 2, 3));
        await desk.AcquireAsync("all", L("gpu", 3, 3));

        Assert.Equal("queued", (await desk.AcquireAsync("one", L("gpu", 1, 3))).State);
        await desk.CancelAsync("all");
        Assert.Equal("granted", (await desk.ReadAsync("one")).State);
    }

    [Theory, ClassData(typeof(LeaseBackends))]
    public async Task The_first_live_request_fixes_the_family_and_the_capacity_until_the_resource_is_free_and_unwanted(string backend)
    {
        await using var desk = await OpenAsync(backend);
        await desk.AcquireAsync("slots", L("gpu", 3, 3));
        await desk.AcquireAsync("more", L("gpu", 3, 3));

        Assert.Equal("mode_conflict", (await desk.AcquireAsync("x", X("gpu"))).Tag);
        Assert.Equal("mode_conflict", (await desk.AcquireAsync("s", S("gpu"))).Tag);
        Assert.Equal("mode_conflict", (await desk.AcquireAsync("four", L("gpu", 1, 4))).Tag);
        await desk.ReleaseAsync("slots");
        Assert.Equal("mode_conflict", (await desk.AcquireAsync("x", X("gpu"))).Tag);
        await desk.CancelAsync("more");
        Assert.Equal("granted", (await desk.AcquireAsync("x", X("gpu"))).State);
    }

    [Theory, ClassData(typeof(LeaseBackends))]
    public async Task Several_resources_are_granted_all_or_nothing_with_one_token(string backend)
    {
        await using var desk = await OpenAsync(backend);
        await desk.AcquireAsync("holder", X("b"));
        await desk.AcquireAsync("both", X("a", "b"));
        Assert.Equal("not_held", await desk.FenceAsync("a", "both"));

        await desk.ReleaseAsync("holder");
        await desk.WaitAsync("both");

        Assert.Equal(("held", "held"), (await desk.FenceAsync("a", "both"), await desk.FenceAsync("b", "both")));
    }

    [Theory, ClassData(typeof(LeaseBackends))]
    public async Task Requests_for_the_same_resources_in_opposite_orders_never_block_each_other(string backend)
    {
        await using var desk = await OpenAsync(backend);
        var waiting = new Queue<string>();
        for (var index = 0; index < 40; index++)
        {
            string[] names = [$"n{index % 3}", $"n{(index + 1) % 3}"];
            await desk.AcquireAsync($"r{index}", X(index % 2 == 0 ? names : [names[1], names[0]]), priority: index % 10, detached: true);
            waiting.Enqueue($"r{index}");
        }

        for (var passes = 0; waiting.Count > 0; passes++)
        {
            var before = waiting.Count;
            for (var index = 0; index < before; index++)
            {
                var id = waiting.Dequeue();
                if ((await desk.WaitAsync(id)).State == "granted")
                {
                    await desk.ReleaseAsync(id);
                }
                else
                {
                    waiting.Enqueue(id);
                }
            }

            Assert.True(waiting.Count < before, "nobody got on");
        }
    }

    [Theory, ClassData(typeof(LeaseBackends))]
    public async Task Two_parallel_requests_of_one_agent_queue_like_strangers(string backend)
    {
        await using var desk = await OpenAsync(backend);
        await desk.AcquireAsync("one", X("file"), agent: "ann", session: "s");

        Assert.Equal("queued", (await desk.AcquireAsync("two", X("file"), agent: "ann", session: "s")).State);
    }

    [Theory, ClassData(typeof(LeaseBackends))]
    public async Task A_reentrant_request_joins_the_hold_of_its_session_past_the_queue_and_the_last_to_leave_frees_it(string backend)
    {
        await using var desk = await OpenAsync(backend);
        var first = await desk.AcquireAsync("one", X("file"), agent: "ann", session: "s", maxHold: 50_000);
        await desk.AcquireAsync("stranger", X("file"), detached: true);
        desk.Advance(1_000);
        var again = await desk.AcquireAsync("two", S("file"), agent: "ann", session: "s", reentrant: true);

        Assert.Equal((first.Token, first.Lease!.HoldEnds), (again.Token, again.Lease!.HoldEnds));
        Assert.Equal("queued", (await desk.AcquireAsync("three", X("file"), agent: "ann", session: "other", reentrant: true)).State);
        await desk.ReleaseAsync("one");
        Assert.Equal("queued", (await desk.ReadAsync("stranger")).State);
        await desk.ReleaseAsync("two");
        Assert.Equal("granted", (await desk.ReadAsync("stranger")).State);
    }

    [Theory, ClassData(typeof(LeaseBackends))]
    public async Task A_reentrant_request_never_upgrades_a_shared_hold(string backend)
    {
        await using var desk = await OpenAsync(backend);
        await desk.AcquireAsync("one", S("file"), agent: "ann");

        Assert.Equal("queued", (await desk.AcquireAsync("two", X("file"), agent: "ann", reentrant: true)).State);
    }
}
