using ProtoMesh.Contracts.Policies;
using ProtoMesh.Tests.Policies;
using ProtoMesh.Tests.Rig;

namespace ProtoMesh.Tests.Client;

/// <summary>Policies that are kept, activated and looked back on through the client, against the real service.</summary>
public sealed class PolicyLifeTests(LiveService service) : IClassFixture<LiveService>
{
    private const string AllowAll = "  - { id: all, actions: [\"*\"], effect: allow }";
    private const string Freeze = "  - { id: freeze, actions: [\"*\"], effect: deny, message: \"'not today'\" }";

    private readonly string _space = $"t-{Guid.NewGuid():N}"[..20];

    [Fact]
    public async Task A_policy_is_kept_activated_compared_and_gone_back_from()
    {
        await using var mesh = service.Client("first");
        var (first, second) = (Documents.With(AllowAll), Documents.With(Freeze));

        Assert.Equal(("test", 1), ((await mesh.Policies.ValidateAsync(first)) is var valid ? valid.Name : "", valid.Rules));
        var one = await mesh.Policies.PutAsync("test", first, author: "anna", comment: "the first", @namespace: _space);
        var two = await mesh.Policies.PutAsync("test", second, @namespace: _space);
        Assert.Equal((1, 2, "anna"), (one.Version, two.Version, one.Author));
        Assert.Equal(2, (await mesh.Policies.PutAsync("test", second, @namespace: _space)).Version);

        var before = await mesh.Policies.ListAsync(_space);
        Assert.Equal((0L, "starter"), (before.Active.Revision, before.Active.Name));
        Assert.Equal([("starter", 1), ("deny-all", 1), ("test", 2)], before.Policies.Select(policy => (policy.Name, policy.NewestVersion)));
        var active = await mesh.Policies.ActivateAsync("test", 2, ifMatch: 0, by: "bert", @namespace: _space);
        Assert.Equal((2, 1L, "bert"), (active.Version, active.Revision, active.By));
        await Eventually.HoldsAsync(
            async () => !(await mesh.Policies.CheckAsync(new PolicyCheck { Action = "read", Namespace = _space })).Allowed, "the freeze decides");

        var late = await Assert.ThrowsAsync<ValidationException>(() => mesh.Policies.ActivateAsync("test", 1, ifMatch: 0, @namespace: _space));
        Assert.Equal("precondition_failed", late.Code);
        Assert.Equal(2L, (await mesh.Policies.ActivateAsync("test", 1, ifMatch: null, @namespace: _space)).Revision);

        Assert.Equal([2, 1], (await ToListAsync(mesh.Policies.VersionsAsync("test", _space))).Select(version => version.Version));
        Assert.Equal((first, true), ((await mesh.Policies.GetAsync("test", 1, _space)) is var got ? got.Document : null, got.Active));
        var diff = await mesh.Policies.DiffAsync("test", 1, 2, _space);
        Assert.Equal("+freeze -all", $"+{Assert.Single(diff.Rules.Added)} -{Assert.Single(diff.Rules.Removed)}");
    }

    [Fact]
    public async Task A_document_with_an_error_is_refused_with_its_place()
    {
        await using var mesh = service.Client("first");
        var document = Documents.With("  - { id: broken, actions: [\"*\"], effect: perhaps }");

        var refusal = await Assert.ThrowsAsync<ValidationException>(() => mesh.Policies.ValidateAsync(document));
        await Assert.ThrowsAsync<ValidationException>(() => mesh.Policies.PutAsync("test", document, @namespace: _space));

        Assert.Equal("policy_invalid", refusal.Code);
        Assert.NotEmpty(refusal.Errors);
        Assert.DoesNotContain((await mesh.Policies.ListAsync(_space)).Policies, policy => policy.Name == "test");
    }

    [Fact]
    public async Task What_is_not_there_is_not_found()
    {
        await using var mesh = service.Client("first");

        Assert.Equal("policy_unknown", (await Assert.ThrowsAsync<NotFoundException>(() => mesh.Policies.GetAsync("nothing", 1, _space))).Code);
        Assert.Equal("policy_unknown", (await Assert.ThrowsAsync<NotFoundException>(() => mesh.Policies.ActivateAsync("nothing", 1, null, @namespace: _space))).Code);
        Assert.Equal("decision_unknown", (await Assert.ThrowsAsync<NotFoundException>(() => mesh.Policies.DecisionAsync($"{Guid.NewGuid()}"))).Code);
    }

    [Fact]
    public async Task A_denial_can_be_looked_up_with_all_that_its_rules_saw()
    {
        var agent = $"agent-{Guid.NewGuid():N}";
        await using var mesh = service.Client(agent);
        var denied = await mesh.Policies.CheckAsync("refund", metadata: new() { ["estimated_cost"] = 500 });

        RecordedDecision? listed = null;
        await Eventually.HoldsAsync(
            async () => (listed = (await ToListAsync(mesh.Policies.DecisionsAsync(agent, decision: PolicyVerdict.Deny))).SingleOrDefault()) is not null, "it is written down");

        Assert.Equal((denied.DecisionId, "refund"), (listed!.DecisionId, listed.Action));
        var whole = await mesh.Policies.DecisionAsync(denied.DecisionId);
        Assert.Equal("spend-limit", Assert.Single(whole.Reasons!).Rule);
        Assert.Empty(await ToListAsync(mesh.Policies.DecisionsAsync(agent, action: "read")));
    }

    [Fact]
    public async Task Events_that_have_happened_are_read_page_by_page_and_end()
    {
        var agent = $"agent-{Guid.NewGuid():N}";
        await using var mesh = service.Client(agent);
        var resource = $"customer/{Guid.NewGuid():N}";
        for (var round = 0; round < 60; round++)
        {
            await using var lease = await mesh.Locks.AcquireAsync(resource);
        }

        var filter = new EventFilter { Resource = resource, AgentId = agent };
        await Eventually.HoldsAsync(async () => (await ToListAsync(mesh.Events.ListAsync(filter))).Count == 120, "all are in the journal");

        var all = await ToListAsync(mesh.Events.ListAsync(filter));
        Assert.Equal(all.Select(each => each.Id).Order(), all.Select(each => each.Id));
        Assert.Equal(20, (await ToListAsync(mesh.Events.ListAsync(filter, all[99].Id))).Count);
        Assert.Equal(60, (await ToListAsync(mesh.Events.ListAsync(filter with { Type = "lock.granted" }))).Count);
    }

    [Fact]
    public async Task A_request_whose_answer_never_came_is_cancelled_by_its_id()
    {
        await using var mesh = service.Client("first");
        var (resource, id) = ($"customer/{Guid.NewGuid():N}", $"{Guid.NewGuid():N}");
        var lease = await mesh.Locks.AcquireAsync(resource, new() { RequestId = id });

        Assert.Equal(lease.LockId, (await mesh.Locks.CancelRequestAsync(id, resource)).LockId);

        await using var next = await mesh.Locks.TryAcquireAsync(resource);
        Assert.NotNull(next);
        Assert.Equal("healthy", (await mesh.HealthAsync()).Status);
        await Assert.ThrowsAsync<NotFoundException>(() => mesh.Locks.CancelRequestAsync($"{Guid.NewGuid():N}", resource));
    }

    private static async Task<List<T>> ToListAsync<T>(IAsyncEnumerable<T> items)
    {
        var list = new List<T>();
        await foreach (var item in items)
        {
            list.Add(item);
        }
        return list;
    }
}
