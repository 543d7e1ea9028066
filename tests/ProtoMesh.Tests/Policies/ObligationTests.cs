using ProtoMesh.Contracts.Policies;
using ProtoMesh.Server.Access;
using ProtoMesh.Server.Locks;
using ProtoMesh.Tests.Rig;
using Microsoft.Extensions.Options;

namespace ProtoMesh.Tests.Policies;

/// <summary>What rules require of the store, on every backend: the live lease, and places in rates, all or nothing.</summary>
public sealed class ObligationTests
{
    private const string Both = """
          - { id: held, actions: [a], require: { lock: { resource: resource.name, mode: exclusive, min_remaining_ms: 2000 } } }
          - { id: pace, actions: [a, b], require: { rate: { key: agent.id, limit: 3, window: 10s } } }
          - { id: team, actions: [a], require: { rate: { key: "'all'", limit: 2, window: 60s } } }
          - { id: yes, actions: ["*"], effect: allow }
        """;

    [Theory]
    [ClassData(typeof(StoreBackends))]
    public async Task A_rate_admits_exactly_its_limit_in_any_window(string backend)
    {
        await using var desk = await PolicyDesk.OpenAsync(backend, Documents.With(Both));
        for (var left = 2; left >= 0; left--)
        {
            Assert.Equal(left, (await desk.AskAsync("b")).Decision.Obligations!.Rate![0].Remaining);
            await desk.Store.AdvanceAsync(TimeSpan.FromSeconds(1));
        }

        var full = (await desk.AskAsync("b")).Decision;
        Assert.Equal((false, "rate", "pace"), (full.Allowed, full.Reasons[0].Effect, full.Reasons[0].Rule));
        Assert.InRange(full.Reasons[0].RetryAfterMs!.Value, 6_000, 7_000);
        Assert.True((await desk.AskAsync("b", agent: "agent-2")).Decision.Allowed);

        // The first place is free again, and only that one.
        await desk.Store.AdvanceAsync(TimeSpan.FromMilliseconds(full.Reasons[0].RetryAfterMs!.Value));
        Assert.True((await desk.AskAsync("b")).Decision.Allowed);
        Assert.False((await desk.AskAsync("b")).Decision.Allowed);
    }

    [Theory]
    [ClassData(typeof(StoreBackends))]
    public async Task Of_many_at_once_exactly_the_limit_is_admitted(string backend)
    {
        await using var desk = await PolicyDesk.OpenAsync(backend, Documents.With("  - { id: pace, actions: [a], require: { rate: { key: agent.id, limit: 50, window: 1m } } }\n  - { id: yes, actions: [a], effect: allow }"));
        var answers = await Task.WhenAll(Enumerable.Range(0, 400).Select(_ => Task.Run(() => desk.AskAsync("a"))));
        Assert.Equal(50, answers.Count(answer => answer.Decision.Allowed));
    }

    [Theory]
    [ClassData(typeof(StoreBackends))]
    public async Task The_same_id_takes_one_place_and_a_place_given_back_is_free(string backend)
    {
        await using var desk = await PolicyDesk.OpenAsync(backend, Documents.With(Both));
        for (var repeat = 0; repeat < 5; repeat++)
        {
            Assert.Equal(2, (await desk.AskAsync("b", id: "same-question")).Decision.Obligations!.Rate![0].Remaining);
        }

        var second = desk.Question("b");
        var answer = await desk.AskAsync(second);
        Assert.Equal(1, answer.Decision.Obligations!.Rate![0].Remaining);
        await desk.Scripts.GiveBackAsync("default", second.TakerOf(answer.Decision.DecisionId), answer.At, answer.Taken, CancellationToken.None);
        Assert.Equal(1, (await desk.AskAsync("b")).Decision.Obligations!.Rate![0].Remaining);
    }

    [Theory]
    [ClassData(typeof(StoreBackends))]
    public async Task What_is_required_is_taken_all_or_nothing(string backend)
    {
        await using var desk = await PolicyDesk.OpenAsync(backend, Documents.With(Both));
        var resource = "customer/1";
        Assert.Equal(["held"], (await desk.AskAsync("a", resource)).Decision.Reasons.Select(reason => reason.Rule));
        var (lockId, token) = await GrantAsync(desk, resource, 30_000);
        var taken = (await desk.AskAsync("a", resource, token: token)).Decision;
        Assert.Equal((true, lockId), (taken.Allowed, taken.Obligations!.Lock!.LockId));
        Assert.Equal([2, 1], taken.Obligations.Rate!.Select(rate => rate.Remaining));
        Assert.InRange((taken.ValidUntil!.Value - desk.Store.Clock.GetUtcNow()).TotalSeconds, 0, backend == StoreBackends.Embedded ? 30 : double.MaxValue);

        Assert.True((await desk.AskAsync("a", resource, token: token)).Decision.Allowed);
        var full = (await desk.AskAsync("a", resource, token: token)).Decision;
        Assert.Equal(["team"], full.Reasons.Select(reason => reason.Rule));

        // Neither the refusal above nor those for want of the lease took a place of the other rate.
        Assert.Equal(0, (await desk.AskAsync("b")).Decision.Obligations!.Rate![0].Remaining);
    }

    [Theory]
    [ClassData(typeof(StoreBackends))]
    public async Task The_lease_has_to_be_live_the_callers_own_in_its_mode_and_long_enough(string backend)
    {
        await using var desk = await PolicyDesk.OpenAsync(backend, Documents.With(Both));
        var (_, token) = await GrantAsync(desk, "customer/1", 5_000);
        var (_, shared) = await GrantAsync(desk, "customer/2", 30_000, mode: "shared");
        Assert.Contains("not that of a live lease", await WhyAsync("customer/1", token + 1), StringComparison.Ordinal);
        Assert.Contains("not that of a live lease", await WhyAsync("customer/1", token, "agent-2"), StringComparison.Ordinal);
        Assert.Contains("not that of a live lease", await WhyAsync("customer/3", token), StringComparison.Ordinal);
        Assert.Contains("is not exclusive", await WhyAsync("customer/2", shared), StringComparison.Ordinal);
        Assert.Contains("send its fencing_token", await WhyAsync("customer/1", null), StringComparison.Ordinal);
        await desk.Store.AdvanceAsync(TimeSpan.FromMilliseconds(3_500));
        Assert.Contains("2000 are required", await WhyAsync("customer/1", token), StringComparison.Ordinal);
        await desk.Store.AdvanceAsync(TimeSpan.FromMilliseconds(2_000));
        Assert.Contains("not that of a live lease", await WhyAsync("customer/1", token), StringComparison.Ordinal);

        async Task<string> WhyAsync(string resource, long? shown, string agent = "agent-1")
        {
            var decision = (await desk.AskAsync("a", resource, token: shown, agent: agent)).Decision;
            Assert.Equal((PolicyVerdict.Deny, "lock"), (decision.Decision, decision.Reasons[0].Effect));
            return decision.Reason;
        }
    }

    [Theory]
    [ClassData(typeof(StoreBackends))]
    public async Task A_rule_may_read_how_the_resource_is_held(string backend)
    {
        await using var desk = await PolicyDesk.OpenAsync(backend, Documents.With("""
              - { id: busy, actions: [a], effect: deny, when: "lock.held && !lock.mine", message: "'held by ' + lock.agent_id + ' ' + lock.mode" }
              - { id: yes, actions: [a], effect: allow }
            """));
        Assert.True((await desk.AskAsync("a", "customer/1")).Decision.Allowed);
        var (_, token) = await GrantAsync(desk, "customer/1", 5_000);
        Assert.Equal("held by agent-1 exclusive", (await desk.AskAsync("a", "customer/1", agent: "agent-2")).Decision.Reason);
        Assert.True((await desk.AskAsync("a", "customer/1", token: token)).Decision.Allowed);
        await desk.Store.AdvanceAsync(TimeSpan.FromMilliseconds(5_001));
        Assert.True((await desk.AskAsync("a", "customer/1", agent: "agent-2")).Decision.Allowed);
    }

    [Theory]
    [ClassData(typeof(StoreBackends))]
    public async Task A_rate_in_audit_mode_counts_and_refuses_nobody(string backend)
    {
        await using var desk = await PolicyDesk.OpenAsync(backend, Documents.With("  - { id: pace, actions: [a], mode: audit, require: { rate: { key: agent.id, limit: 2, window: 1m } } }\n  - { id: yes, actions: [a], effect: allow }"));
        for (var round = 0; round < 4; round++)
        {
            var decision = (await desk.AskAsync("a")).Decision;
            Assert.Equal((true, round >= 2 ? 1 : 0), (decision.Allowed, decision.AuditOnly.Count));
        }
    }

    [Theory]
    [ClassData(typeof(StoreBackends))]
    public async Task What_is_over_is_forgotten(string backend)
    {
        await using var desk = await PolicyDesk.OpenAsync(backend, Documents.With("  - { id: pace, actions: [a], require: { rate: { key: metadata.k, limit: 9, window: 1s } } }\n  - { id: yes, actions: [a], effect: allow }", "metadata: { k: { type: string } }"));
        for (var round = 0; round < 300; round++)
        {
            Assert.True((await desk.AskAsync("a", metadata: $$"""{"k":"key {{round}}\u0001"}""")).Decision.Allowed);
            await desk.Store.AdvanceAsync(TimeSpan.FromMilliseconds(100));
        }

        // The last second's ten, three entries each, what the calls have not come to yet, and the one that is always there.
        Assert.InRange(await CountAsync(desk), 4, 64);
    }

    private static async Task<long> CountAsync(PolicyDesk desk)
    {
        const string Count = "local n = redis.call('ZCARD', KEYS[7]) return n";
        var partition = new Server.Store.ResourceName("default", "", "").Partition(desk.Store.Scripts.Partitions, "namespace");
        await desk.Store.Scripts.Engine.LoadAsync(partition, [Count], CancellationToken.None);
        return (await desk.Store.Scripts.Engine.RunAsync(Server.Store.Script.Sha(Count), desk.Store.Scripts.Keys[partition], [""], CancellationToken.None)).Number;
    }

    private static async Task<(string LockId, long Token)> GrantAsync(PolicyDesk desk, string resource, long ttl, string agent = "agent-1", string mode = "exclusive")
    {
        Assert.True(Server.Store.ResourceName.TryParse("default", resource, out var name));
        var locks = new LockScripts(desk.Store.Scripts, Options.Create(new LockOptions()), new NamespaceBook());
        var request = new LockRequest
        {
            RequestId = Guid.NewGuid().ToString(), Wants = [new Want(mode, 0, 0, name)], AgentId = agent, Priority = 5, TtlMs = ttl, WaitMs = 0, MaxHoldMs = 3_600_000,
        };
        var reply = await locks.AcquireAsync(name.Partition(desk.Store.Scripts.Partitions, "resource"), request, CancellationToken.None);
        Assert.Equal("granted", reply.Record!.State);
        return (reply.Id.ToString(), reply.Record.Token);
    }
}
