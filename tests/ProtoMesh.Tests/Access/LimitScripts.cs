using ProtoMesh.Tests.Locks.Model;
using ProtoMesh.Tests.Locks.Scripts;
using Xunit.Abstractions;

namespace ProtoMesh.Tests.Access;

/// <summary>The limits of a namespace and its counts, where the scripts keep them.</summary>
public sealed class LimitScripts(ITestOutputHelper output)
{
    private const string Counts = "return redis.call('HMGET', KEYS[1], 'held ' .. ARGV[2], 'waiting ' .. ARGV[2], 'counted')";

    /// <summary>By the records of the requests, which the scripts do not count by.</summary>
    private const string Truth = """
        local held, waiting, from = {}, {}, '[' .. ARGV[2] .. '/'
        for _, member in ipairs(redis.call('ZRANGEBYLEX', KEYS[4], from, '(' .. ARGV[2] .. '0')) do
          local id = string.match(member, '\1w%d+') and string.sub(string.match(member, '\1w(.*)$'), 28) or string.match(member, '([^\1]*)$')
          local state = string.match(redis.call('HGET', KEYS[3], id), '^[^\1]*')
          if state == 'granted' then held[id] = true elseif state == 'queued' then waiting[id] = true end
        end
        local leases, waiters = 0, 0
        for _ in pairs(held) do leases = leases + 1 end
        for _ in pairs(waiting) do waiters = waiters + 1 end
        return {tostring(leases), tostring(waiters)}
        """;

    [Theory, ClassData(typeof(LeaseBackends))]
    public async Task A_request_beyond_a_limit_is_refused_with_its_name_and_leaves_nothing(string backend)
    {
        await using var desk = await LeaseDesk.OpenAsync(backend);
        desk.Limits = "2 2 1";
        Assert.Equal("granted", (await desk.AcquireAsync("a", LeaseDesk.X("1", "2"))).State);
        Assert.Equal("granted", (await desk.AcquireAsync("b", LeaseDesk.X("3"))).State);
        Assert.Equal("max_held_leases", (await desk.ConsiderAsync(new Submission("c", "c", "", LeaseDesk.X("4")))).Tag);
        Assert.Equal("max_held_leases", (await desk.AcquireAsync("c", LeaseDesk.X("4"))).Tag);
        Assert.Equal("unknown", (await desk.ReadAsync("c")).Tag);
        Assert.Equal("queued", (await desk.AcquireAsync("d", LeaseDesk.X("1"))).State);
        Assert.Equal("max_waiters_per_resource", (await desk.ConsiderAsync(new Submission("e", "e", "", LeaseDesk.X("1")))).Tag);
        Assert.Equal("max_waiters_per_resource", (await desk.AcquireAsync("e", LeaseDesk.X("1"))).Tag);
        Assert.Equal("held", (await desk.AcquireAsync("f", LeaseDesk.X("1"), wait: 0)).Tag);
        Assert.Equal("queued", (await desk.AcquireAsync("g", LeaseDesk.X("3"))).State);
        desk.Limits = "2 2 -";
        Assert.Equal("max_waiters", (await desk.AcquireAsync("h", LeaseDesk.X("2"))).Tag);
        Assert.Equal(("2", "2"), await CountsAsync(desk));

        // A waiter takes the place of the lease that made room, and a repetition is no new request.
        Assert.Equal("released", (await desk.ReleaseAsync("a")).Tag);
        Assert.Equal("granted", (await desk.WaitAsync("d")).State);
        Assert.Equal("granted", (await desk.AcquireAsync("d", LeaseDesk.X("1"))).State);
        Assert.Equal(("2", "1"), await CountsAsync(desk));
        desk.Limits = "3 - -";
        Assert.Equal("granted", (await desk.AcquireAsync("i", LeaseDesk.X("9"), session: "s", agent: "i")).State);
        Assert.Equal("max_held_leases", (await desk.AcquireAsync("j", LeaseDesk.X("9"), session: "s", agent: "i", reentrant: true)).Tag);
        desk.Limits = "4 - -";
        Assert.Equal("granted", (await desk.AcquireAsync("j", LeaseDesk.X("9"), session: "s", agent: "i", reentrant: true)).State);
        Assert.Equal(("4", "1"), await CountsAsync(desk));
    }

    [Theory, ClassData(typeof(LeaseBackends))]
    public async Task Another_namespace_has_its_own_count_and_one_without_a_limit_has_none(string backend)
    {
        await using var desk = await LeaseDesk.OpenAsync(backend);
        await desk.AcquireAsync("a", "x,1,1,d-2/t/1");
        await desk.AcquireAsync("b", LeaseDesk.X("1"));
        Assert.True((await desk.RunOwnAsync(Counts, "d"))[2].IsNull);
        desk.Limits = "2 - -";
        Assert.Equal("granted", (await desk.AcquireAsync("c", LeaseDesk.X("2"))).State);
        Assert.Equal("max_held_leases", (await desk.AcquireAsync("e", LeaseDesk.X("3"))).Tag);
        Assert.Equal("granted", (await desk.AcquireAsync("e", "x,1,1,d-2/t/2")).State);
        Assert.Equal(("2", "0"), await CountsAsync(desk));
        Assert.Equal(("2", "0"), await CountsAsync(desk, "d-2"));
    }

    [Theory, ClassData(typeof(LeaseBackends))]
    public async Task The_counts_are_what_the_requests_are_after_whatever_happens(string backend)
    {
        var seed = (int)(RandomRuns.Seed(output) % int.MaxValue);
        for (var run = 0; run < 12; run++)
        {
            var random = new Random(seed + run);
            await using var desk = await LeaseDesk.OpenAsync(backend);
            var ids = new List<string>();
            string Any() => ids.Count == 0 ? "none" : ids[Math.Max(0, ids.Count - 1 - random.Next(12))];
            string Wants() => random.Next(6) switch
            {
                0 => LeaseDesk.X("1", "2"), 1 => LeaseDesk.S("3"), 2 => LeaseDesk.L("4", 1, 3), 3 => "x,1,1,d-/t/1", _ => LeaseDesk.X($"{random.Next(4)}"),
            };
            var starts = random.Next(60);
            for (var step = 0; step < 160; step++)
            {
                desk.Advance(random.Next(8) == 0 ? random.Next(20_000) : random.Next(300));
                desk.Limits = step < starts ? null : random.Next(4) == 0 ? "" : $"{random.Next(2, 9)} {random.Next(2, 9)} {(random.Next(2) == 0 ? "-" : "3")}";
                switch (random.Next(14))
                {
                    case < 6:
                        ids.Add($"r{run}-{step}");
                        await desk.AcquireAsync(new Submission(
                            ids[^1], $"a{random.Next(3)}", random.Next(2) == 0 ? "s" : "", Wants(), random.Next(10), random.Next(1_000, 20_000), random.Next(3) == 0 ? 0 : random.Next(30_000),
                            Drain: random.Next(3) == 0 ? 2_000 : 0, Detached: random.Next(2) == 0, Reentrant: random.Next(2) == 0));
                        break;
                    case 6:
                        await desk.WaitAsync(Any());
                        break;
                    case 7:
                        await desk.ReleaseAsync(Any());
                        break;
                    case 8:
                        await desk.CancelAsync(Any());
                        break;
                    case 9:
                        ids.Add($"h{run}-{step}");
                        await desk.TransferAsync(ids.Count > 1 ? ids[^2] : "none", ids[^1], $"a{random.Next(3)}");
                        break;
                    case 10:
                        await desk.ForceReleaseAsync($"{random.Next(4)}", random.Next(2) == 0);
                        break;
                    case 11:
                        await desk.RenewAsync(Any());
                        break;
                    case 12:
                        await desk.ConsiderAsync(new Submission("considered", "a0", "", Wants()));
                        break;
                    default:
                        await desk.TickAsync();
                        break;
                }

                foreach (var space in new[] { "d", "d-" })
                {
                    var reply = await desk.RunOwnAsync(Counts, space);
                    var truth = await desk.RunOwnAsync(Truth, space);
                    if (!reply[0].IsNull)
                    {
                        Assert.True((reply[0].Text, reply[1].Text) == (truth[0].Text, truth[1].Text),
                            $"seed {seed}, run {run}, step {step}, {space}: counted {reply[0].Text} and {reply[1].Text}, there are {truth[0].Text} and {truth[1].Text}");
                    }
                }
            }

            Assert.False((await desk.RunOwnAsync(Counts, "d"))[0].IsNull);
        }
    }

    private static async Task<(string Held, string Waiting)> CountsAsync(LeaseDesk desk, string space = "d")
    {
        var (reply, truth) = (await desk.RunOwnAsync(Counts, space), await desk.RunOwnAsync(Truth, space));
        Assert.Equal((truth[0].Text, truth[1].Text), (reply[0].Text, reply[1].Text));
        return (reply[0].Text, reply[1].Text);
    }
}
