using ProtoMesh.Server.Store;
using ProtoMesh.Tests.Locks.Model;
using Xunit.Abstractions;

namespace ProtoMesh.Tests.Locks.Scripts;

/// <summary>Breaks the scripts on purpose: the comparison with the model must notice each time.</summary>
public sealed class MutationTests(ITestOutputHelper output)
{
    public static TheoryData<string, string, string> Mutations => new()
    {
        { "priority counts the wrong way", "enqueued - priority * (", "enqueued + priority * (" },
        { "nothing rests", "if ends > now and ends > resource.rest_ends then", "if false then" },
        { "tokens repeat", "math.max(last_token + 1, now_us)", "math.max(last_token, now_us)" },
        { "dead waiters wait on", "flagged(request, 'd') and wait_ends or math.min(wait_ends, now + liveness_ms)", "wait_ends" },
        { "grants need no claim", "claimed = claimed or flagged(request, 'd')", "claimed = true" },
        { "shared requests pass", "if first and first <", "if want.mode ~= 's' and first and first <" },
        { "a release grants nobody", "settle('release')", "pumped = #dirty settle('release')" },
        { "any payload is the same request", "local same = known.digest == ARGV[4]", "local same = true" },
        { "a renewal shortens", "int(math.max(ends, tonumber(request.ends)))", "int(ends)" },
        { "any token will do", "request.state == 'granted' and request.token == token then", "request.state == 'granted' then" },
        { "ends are not told", "journal(state, id, request, cause, extras)", "" },
        { "the clock goes back", "offset_us = offset_us + last_us - now_us", "" },
        { "a claim has no end of its hold", "request.claimed, request.hold_ends = '1', int(now", "request.claimed, request.hold_ends = '1', int(2 * now" },
        { "re-entry upgrades", "s = {s = true}", "s = {s = true, x = true}" },
        { "ended requests are never forgotten", "forget_at(now + retention_ms, 'q', id)", "" },
        { "one of the shared holders frees it", "if #siblings_on(want.name, id, request) == 0 then", "if true then" },
        { "slots do not count", "resource.used + want.units <= want.capacity", "true" },
        { "a transfer keeps the token's old owner", "finish(sibling, load_request(sibling), 'transferred', now, 'transfer', '', 0)", "" },
    };

    [Theory, MemberData(nameof(Mutations))]
    public async Task The_comparison_notices_that(string mutation, string good, string bad)
    {
        Assert.Contains(Script.All.Values, script => script.Text(1).Contains(good, StringComparison.Ordinal));
        await using var store = await LeaseStore.OpenAsync(LeaseBackends.Embedded);

        // The seeds are fixed, as the question is whether the comparison can notice; the rarest case takes more than one.
        Exception? noticed = null;
        for (var seed = 1UL; noticed is null && seed <= 8; seed++)
        {
            output.WriteLine($"PROTOMESH_SEED={seed}");
            noticed = await Record.ExceptionAsync(() => RandomRuns.CompareAsync(
                store.Engine, seed, scenarios: 150, moves: 120, alter: text => text.Replace(good, bad, StringComparison.Ordinal), shrink: false));
        }

        Assert.True(noticed is not null && noticed.ToString().Contains("After move", StringComparison.Ordinal), $"It was not noticed that {mutation}: {noticed}");
    }
}
