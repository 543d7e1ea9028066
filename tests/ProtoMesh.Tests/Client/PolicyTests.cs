using System.Globalization;
using System.Text.Json.Nodes;
using ProtoMesh.Contracts.Policies;
using ProtoMesh.Tests.Rig;

namespace ProtoMesh.Tests.Client;

/// <summary>Questions to the starter policy of the real service over real HTTP.</summary>
public sealed class PolicyTests(LiveService service) : IClassFixture<LiveService>
{
    private const string Pace = "  - { id: pace, actions: [mail.send], require: { rate: { key: agent.id, limit: 2, window: 1h } } }";
    private const string AllowAll = "  - { id: rest, actions: [\"*\"], effect: allow }";

    private readonly string _resource = $"customer/{Guid.NewGuid():N}";

    [Fact]
    public async Task What_no_rule_speaks_against_is_allowed()
    {
        await using var mesh = service.Client("first");

        var decision = await mesh.Policies.CheckAsync("report.read");

        Assert.True(decision.Allowed);
        Assert.Equal((PolicyVerdict.Allow, "starter"), (decision.Decision, decision.Policy.Name));
        Assert.NotNull(decision.ValidUntil);
        Assert.Empty(decision.Reasons);
    }

    [Fact]
    public async Task A_deny_is_an_answer_and_doing_what_it_says_makes_it_an_allow()
    {
        await using var mesh = service.Client("first");
        JsonObject Costs(decimal amount) => new() { ["agent_role"] = "junior", ["estimated_cost"] = amount };

        var denied = await mesh.Policies.CheckAsync("refund", _resource, Costs(500));

        Assert.False(denied.Allowed);
        Assert.Equal("Cost $500 exceeds limit $100 for role junior", denied.Reason);
        var reason = Assert.Single(denied.Reasons);
        Assert.Equal(("spend-limit", "SPEND_LIMIT"), (reason.Rule, reason.Code));
        var change = Assert.Single(reason.ToChange!, change => change.StartsWith("metadata.estimated_cost <= ", StringComparison.Ordinal));
        var limit = decimal.Parse(change.Split(' ')[^1], CultureInfo.InvariantCulture);
        Assert.False((await mesh.Policies.CheckAsync("refund", _resource, Costs(limit + 0.01m))).Allowed);
        Assert.True((await mesh.Policies.CheckAsync("refund", _resource, Costs(limit))).Allowed);
    }

    [Fact]
    public async Task A_rule_that_requires_the_lock_is_met_by_showing_the_lease()
    {
        await using var mesh = service.Client("first");
        var denied = await mesh.Policies.CheckAsync("customer.update", _resource);
        Assert.Equal("hold-the-lock", Assert.Single(denied.Reasons).Rule);

        // The question is asked by whoever holds the lease and about what it holds, unless it says otherwise.
        await using var lease = await mesh.Locks.AcquireAsync(_resource, new() { AgentId = "worker" });
        var allowed = await mesh.Policies.CheckAsync("customer.update", lease: lease);
        Assert.True(allowed.Allowed, allowed.Reason);
        Assert.Equal(lease.LockId, allowed.Obligations!.Lock!.LockId);

        Assert.False((await mesh.Policies.CheckAsync(new PolicyCheck { Action = "customer.update", Lease = lease, AgentId = "first" })).Allowed);
        Assert.False((await mesh.Policies.CheckAsync(new PolicyCheck { Action = "customer.update", Lease = lease, FencingToken = lease.FencingToken - 1 })).Allowed);
        await lease.ReleaseAsync();
        Assert.False((await mesh.Policies.CheckAsync("customer.update", lease: lease)).Allowed);
    }

    [Fact]
    public async Task Several_questions_are_answered_in_their_order()
    {
        await using var mesh = service.Client("first");

        var results = await mesh.Policies.CheckBatchAsync(
        [
            "report.read",
            new PolicyCheck { Action = "refund", Metadata = new() { ["estimated_cost"] = 101 } },
            new PolicyCheck { Action = "refund", Metadata = new() { ["estimated_cost"] = -1 } },
            new PolicyCheck { Action = "report.read", Resource = _resource, Metadata = new() { ["resource_team"] = "blue" } },
        ]);

        Assert.Equal([PolicyVerdict.Allow, PolicyVerdict.Deny, null, PolicyVerdict.Deny], results.Select(result => result.Decision?.Decision));
        Assert.Equal("metadata.estimated_cost", Assert.Single(results[2].Problem!.Errors!).Field);
        Assert.Equal("OTHER_TEAM", Assert.Single(results[3].Decision!.Reasons).Code);
    }

    [Fact]
    public async Task Wrong_metadata_is_named_by_its_path()
    {
        await using var mesh = service.Client("first");

        var refusal = await Assert.ThrowsAsync<ValidationException>(() =>
            mesh.Policies.CheckAsync("refund", metadata: new() { ["estimated_cost"] = "a lot" }));

        Assert.Equal("metadata.estimated_cost", Assert.Single(refusal.Errors).Field);
    }

    [Theory]
    [InlineData(12)]
    [InlineData(59)]
    public async Task Metadata_deeper_than_the_service_takes_is_refused_by_the_service(int depth)
    {
        await using var mesh = service.Client("first");
        var check = new PolicyCheck { Action = "report.read", Metadata = new() { ["deep"] = Nested(depth) } };

        var refusal = await Assert.ThrowsAsync<ValidationException>(() => mesh.Policies.CheckAsync(check));

        Assert.Equal("metadata", Assert.Single(refusal.Errors).Field);
        Assert.NotNull((await mesh.Policies.CheckBatchAsync([check]))[0].Problem);
    }

    [Theory]
    [InlineData(60)]
    [InlineData(2_000)]
    public async Task Metadata_deeper_than_can_be_sent_is_refused_before_it_is(int depth)
    {
        await using var mesh = service.Client("first");

        await Assert.ThrowsAsync<ArgumentException>(() => mesh.Policies.CheckAsync("refund", metadata: new() { ["deep"] = Nested(depth) }));
    }

    [Fact]
    public async Task A_dry_run_says_that_it_is_one()
    {
        await using var mesh = service.Client("first");

        Assert.True((await mesh.Policies.CheckAsync("report.read", dryRun: true)).DryRun);
        Assert.True((await mesh.Policies.CheckBatchAsync(["report.read"], dryRun: true))[0].Decision!.DryRun);
        Assert.Null((await mesh.Policies.CheckAsync("report.read")).DryRun);
    }

    [Fact]
    public async Task A_lost_answer_to_a_check_costs_nothing()
    {
        var wire = new FaultyWire { LoseAnswersTo = "/v1/policies/check" };
        await using var mesh = service.Client("first", wire);

        Assert.True((await mesh.Policies.CheckAsync("report.read")).Allowed);

        Assert.Equal(1, wire.Lost);
    }

    [Fact]
    public async Task A_check_whose_answer_was_lost_takes_one_place_in_a_rate()
    {
        var space = NewNamespace();
        await service.ActivateAsync(space, $"{Pace}\n{AllowAll}");
        var wire = new FaultyWire { LoseAnswersTo = "/v1/policies/check" };
        await using var mesh = service.Client("first", wire);
        var send = new PolicyCheck { Action = "mail.send", Namespace = space };

        Assert.True((await mesh.Policies.CheckAsync(send)).Allowed);
        var second = await mesh.Policies.CheckAsync(send);
        var third = await mesh.Policies.CheckAsync(send);

        Assert.Equal(1, wire.Lost);
        Assert.Equal((true, 0), (second.Allowed, second.Obligations!.Rate![0].Remaining));
        Assert.False(third.Allowed);
        Assert.InRange(Assert.Single(third.Reasons).RetryAfterMs!.Value, 3_000_000, 3_600_000);
    }

    [Fact]
    public async Task A_guard_whose_answer_was_lost_takes_one_place_in_a_rate()
    {
        var space = NewNamespace();
        await service.ActivateAsync(space, $"{Pace}\n{AllowAll}");
        var wire = new FaultyWire { LoseAnswersTo = "/v1/locks" };
        await using var mesh = service.Client("first", wire);
        async Task<Denial?> SendAsync()
        {
            await using var guard = await mesh.GuardAsync("mail.send", _resource, new() { Namespace = space });
            return guard.Denial;
        }

        Assert.Null(await SendAsync());
        Assert.Null(await SendAsync());
        var full = await SendAsync();

        Assert.Equal(1, wire.Lost);
        Assert.Equal(("pace", true), (Assert.Single(full!.Decision!.Reasons).Rule, full.Retryable));
        Assert.InRange(full.RetryAfter!.Value, TimeSpan.FromMinutes(50), TimeSpan.FromHours(1));
        Assert.Matches(@" Try again in about 3[0-6]\d\d s\.$", full.Text);
    }

    [Fact]
    public async Task A_policy_that_changes_while_an_action_waits_for_its_lock_is_asked_again()
    {
        var space = NewNamespace();
        await service.ActivateAsync(space, AllowAll);
        await using var mesh = service.Client("first");
        await using var lease = await mesh.Locks.AcquireAsync(_resource, new() { Namespace = space });
        var guarded = mesh.GuardAsync("mail.send", _resource, new() { Namespace = space });
        await Eventually.HoldsAsync(async () => (await mesh.Locks.QueueAsync(_resource, space)).QueueLength == 1, "it waits");

        await service.ActivateAsync(space, "  - { id: freeze, actions: [\"*\"], effect: deny, message: \"'not today'\" }");
        await lease.ReleaseAsync();

        await using var denied = await guarded;
        Assert.Equal(("not today", "freeze"), (denied.Denial!.Problem.Detail, Assert.Single(denied.Decision!.Reasons).Rule));
        await using var next = await mesh.Locks.TryAcquireAsync(_resource, new() { Namespace = space });
        Assert.NotNull(next);
    }

    [Fact]
    public async Task An_action_that_a_person_has_to_approve_does_not_run_and_says_whom_to_ask()
    {
        var space = NewNamespace();
        await service.ActivateAsync(space, $"  - {{ id: humans, actions: [prod.deploy], effect: require_approval, approvers: {{ group: ops }} }}\n{AllowAll}");
        await using var mesh = service.Client("first");

        await using var asked = await mesh.GuardAsync("prod.deploy", options: new() { Namespace = space });
        await using var locked = await mesh.GuardAsync("prod.deploy", _resource, new() { Namespace = space });
        var thrown = await Assert.ThrowsAsync<ApprovalRequiredException>(() =>
            mesh.Locks.AcquireAsync(_resource, new() { Action = "prod.deploy", Namespace = space }));

        Assert.Equal(("ops", "ops"), (asked.Decision!.Approval!.Group, thrown.Approval!.Group));
        Assert.Contains($"A person of the group ops has to approve this: {asked.ApprovalId}. ", asked.Text, StringComparison.Ordinal);
        // The client and the service say the same of the same decision.
        var (mine, theirs) = (asked.Denial!.Problem, locked.Denial!.Problem);
        Assert.Equal(locked.Text, asked.Text!.Replace(asked.ApprovalId!, locked.ApprovalId, StringComparison.Ordinal));
        Assert.Equal((theirs.Code, theirs.Detail, theirs.Retryable, theirs.Title, theirs.Status), (mine.Code, mine.Detail, mine.Retryable, mine.Title, mine.Status));
    }

    [Fact]
    public async Task A_lease_that_names_its_action_carries_the_decision()
    {
        await using var mesh = service.Client("first");

        await using var lease = await mesh.Locks.AcquireAsync(_resource, new() { Action = "customer.update", Metadata = new() { ["estimated_cost"] = 40 } });
        await using var plain = await mesh.Locks.AcquireAsync($"{_resource}-plain");

        Assert.Equal("starter", lease.Decision!.Policy.Name);
        Assert.Null(plain.Decision);
    }

    [Fact]
    public async Task A_request_for_a_lease_that_the_policy_forbids_throws_its_reasons_and_enqueues_nothing()
    {
        await using var mesh = service.Client("first");
        await using var lease = await mesh.Locks.AcquireAsync(_resource);
        var options = new LeaseOptions { Action = "refund", Metadata = new() { ["estimated_cost"] = 500 } };

        var refusal = await Assert.ThrowsAsync<PolicyDeniedException>(() => mesh.Locks.AcquireAsync(_resource, options));
        await Assert.ThrowsAsync<PolicyDeniedException>(() => mesh.Locks.TryAcquireAsync(_resource, options));

        Assert.Equal("spend-limit", Assert.Single(refusal.Reasons).Rule);
        Assert.Contains("metadata.estimated_cost <= 100", refusal.ToChange);
        Assert.Equal(refusal.Message, refusal.Decision!.Reason);
        Assert.Equal(0, (await mesh.Locks.QueueAsync(_resource)).QueueLength);
    }

    private static string NewNamespace() => $"t-{Guid.NewGuid():N}"[..20];

    private static JsonArray Nested(int depth)
    {
        var nested = new JsonArray();
        for (var level = 1; level < depth; level++)
        {
            nested = new JsonArray(nested);
        }
        return nested;
    }
}
