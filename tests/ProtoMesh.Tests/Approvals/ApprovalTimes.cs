using ProtoMesh.Server.Access;
using ProtoMesh.Server.Approvals;
using ProtoMesh.Server.Journal;
using ProtoMesh.Server.Policies;
using ProtoMesh.Tests.Data;
using ProtoMesh.Tests.Rig;

namespace ProtoMesh.Tests.Approvals;

/// <summary>What time does to approvals, on every store and database.</summary>
public sealed class ApprovalTimes
{
    private static readonly TimeSpan Hour = TimeSpan.FromHours(1);

    [Theory, ClassData(typeof(StoresAndDatabases))]
    public async Task Silence_is_a_no_whether_anybody_reads_or_not(string store, string database)
    {
        await using var rig = await ApprovalRig.OpenAsync(store, database);
        var (read, unread, shown) = (await rig.AskAsync("reader"), await rig.AskAsync("nobody"), await rig.AskAsync("agent-1"));
        await rig.Store.AdvanceAsync(Hour - TimeSpan.FromMilliseconds(2));
        await rig.Get<ApprovalSweeper>().SweepAsync(CancellationToken.None);
        Assert.Equal("pending", (await rig.RowAsync(unread)).State);

        await rig.Store.AdvanceAsync(TimeSpan.FromMilliseconds(3));
        Assert.Equal("expired", (await rig.Get<ApprovalLife>().FindAsync(read, Caller.Anybody, CancellationToken.None))!.Row.State);
        Assert.Equal("APPROVAL_EXPIRED", (await rig.CheckAsync(shown)).Reasons[0].Code);
        Assert.Equal("pending", (await rig.RowAsync(unread)).State);
        await rig.Get<ApprovalSweeper>().SweepAsync(CancellationToken.None);
        await rig.Get<ApprovalSweeper>().SweepAsync(CancellationToken.None);
        Assert.Equal("expired", (await rig.RowAsync(unread)).State);
        Assert.Equal(3, (await rig.EventsAsync()).Count(each => each.Type == "approval.expired"));
    }

    [Theory, ClassData(typeof(StoresAndDatabases))]
    public async Task A_vote_that_comes_too_late_does_not_count(string store, string database)
    {
        await using var rig = await ApprovalRig.OpenAsync(store, database);
        var id = await rig.AskAsync();
        await rig.Store.AdvanceAsync(Hour);
        var policy = rig.Get<ActivePolicies>().Of("default").Set.Sha256;
        var (record, counts) = await rig.Get<ApprovalStore>().VoteAsync("default", id, policy, new Approver("ada", "ada"), "approve", null, null, null, rig.Get<ApprovalStore>().Now + Hour, CancellationToken.None);
        Assert.Equal((false, "expired"), (counts, record.Row.State));
    }

    [Theory, ClassData(typeof(StoresAndDatabases))]
    public async Task A_yes_that_is_not_used_in_time_lapses_and_one_that_was_used_before_does_not(string store, string database)
    {
        await using var rig = await ApprovalRig.OpenAsync(store, database);
        var used = await rig.ApprovedAsync(60_000);
        await rig.Store.AdvanceAsync(TimeSpan.FromMilliseconds(20_000));
        Assert.Equal("allow", (await rig.CheckAsync(used, "request-1")).Decision);
        Assert.Equal("allow", (await rig.CheckAsync(used, "request-1")).Decision); // the same request is still the same
        var unused = await rig.ApprovedAsync(60_000);
        await rig.Store.AdvanceAsync(TimeSpan.FromMinutes(2));

        // The journal is late: SQL does not know yet that the first was used, and must not call it lapsed.
        await rig.Get<ApprovalSweeper>().SweepAsync(CancellationToken.None);
        Assert.Equal(("approved", "lapsed"), ((await rig.RowAsync(used)).State, (await rig.RowAsync(unused)).State));
        await rig.JournalAsync();
        Assert.Equal(("consumed", "request-1"), ((await rig.RowAsync(used)).State, (await rig.RowAsync(used)).ConsumedBy));
        Assert.Equal("APPROVAL_LAPSED", (await rig.CheckAsync(unused)).Reasons[0].Code);

        // A minute later it is no repetition any more: a request for a lease that has ended would get another one.
        Assert.Equal("APPROVAL_CONSUMED", (await rig.CheckAsync(used, "request-1")).Reasons[0].Code);
        Assert.Equal("APPROVAL_CONSUMED", (await rig.CheckAsync(used, "request-2")).Reasons[0].Code);
    }

    [Theory, ClassData(typeof(StoresAndDatabases))]
    public async Task The_store_refuses_a_lapsed_one_although_nobody_has_marked_it(string store, string database)
    {
        await using var rig = await ApprovalRig.OpenAsync(store, database);
        var id = await rig.ApprovedAsync(60_000);
        await rig.Store.AdvanceAsync(TimeSpan.FromMilliseconds(60_000));
        Assert.Equal("APPROVAL_LAPSED", (await rig.CheckAsync(id)).Reasons[0].Code);
        Assert.Equal("approved", (await rig.RowAsync(id)).State);
        Assert.NotEqual(id, await rig.AskAsync());
    }

    [Theory, ClassData(typeof(StoresAndDatabases))]
    public async Task A_revocation_that_was_cut_off_between_the_store_and_the_database_is_completed(string store, string database)
    {
        await using var rig = await ApprovalRig.OpenAsync(store, database);
        var id = await rig.ApprovedAsync(60_000);
        await rig.Get<GrantScripts>().EndAsync("default", id, false, rig.Store.Clock.GetUtcNow() + TimeSpan.FromDays(2), ends: true, CancellationToken.None);
        Assert.Equal("APPROVAL_REVOKED", (await rig.CheckAsync(id)).Reasons[0].Code);
        var record = (await rig.Get<ApprovalLife>().FindAsync(id, Caller.Anybody, CancellationToken.None))!;
        Assert.Equal("approved", record.Row.State);
        await rig.Store.AdvanceAsync(TimeSpan.FromMinutes(2));
        await rig.Get<ApprovalSweeper>().SweepAsync(CancellationToken.None);
        Assert.Equal("revoked", (await rig.RowAsync(id)).State);
    }

    [Theory, ClassData(typeof(StoresAndDatabases))]
    public async Task A_standing_grant_lapses(string store, string database)
    {
        await using var rig = await ApprovalRig.OpenAsync(store, database);
        await rig.Get<StandingGrants>().CreateAsync(new StandingGrantRow
        {
            GrantId = Guid.CreateVersion7().ToString(), Namespace = "default", ApproverGroup = "ops", Action = "deploy", Resource = "service/1", Uses = 3, Granter = "ada", By = "ada",
            CreatedAt = rig.Get<ApprovalStore>().Now, ExpiresAt = rig.Get<ApprovalStore>().Now.AddMinutes(1),
        }, CancellationToken.None);
        Assert.Equal("allow", (await rig.CheckAsync(request: "request-1")).Decision);
        await rig.Store.AdvanceAsync(TimeSpan.FromMinutes(1));
        Assert.Equal("require_approval", (await rig.CheckAsync(request: "request-2")).Decision);
    }

    [Theory, ClassData(typeof(Databases))]
    public async Task The_example_of_the_format_asks_people_in_the_evening_only(string database)
    {
        await using var rig = await ApprovalRig.OpenAsync(StoreBackends.Embedded, database);
        rig.Get<ActivePolicies>().Apply("default", new ActivePolicy(PolicySet.Load(Policies.Documents.Example).Set!, 1, 2));
        async Task<PolicyAnswer> DeployAsync(string? approval = null) => (await rig.Get<PolicyService>().DecideAsync(
            new PolicyQuestion { Namespace = "default", AgentId = "agent-1", Action = "prod.deploy", Resources = [], ApprovalId = approval }, CancellationToken.None)).Answer!;
        var midnight = rig.Store.Clock.GetUtcNow().UtcDateTime.Date.AddDays(1);
        await rig.Store.AdvanceAsync(midnight.AddHours(12) - rig.Store.Clock.GetUtcNow().UtcDateTime);
        Assert.Equal("allow", (await DeployAsync()).Decision.Decision);
        await rig.Store.AdvanceAsync(TimeSpan.FromHours(7));
        var asked = (await DeployAsync()).Decision;
        Assert.Equal(("require_approval", "ops", "humans-first"), (asked.Decision, asked.Approval!.Group, asked.Reasons[0].Rule));
        var record = (await rig.Get<ApprovalLife>().FindAsync(asked.Approval.ApprovalId!, Caller.Anybody, CancellationToken.None))!;
        await rig.Get<ApprovalLife>().ApproveAsync(record, new(), new Approver("ada", "ada"), Caller.Anybody, CancellationToken.None);
        Assert.Equal("allow", (await DeployAsync(asked.Approval.ApprovalId)).Decision.Decision);
        Assert.Equal("APPROVAL_CONSUMED", (await DeployAsync(asked.Approval.ApprovalId)).Decision.Reasons[0].Code);
    }

    [Theory, ClassData(typeof(StoresAndDatabases))]
    public async Task Events_of_the_database_and_of_the_store_share_one_order_and_one_set_of_ids(string store, string database)
    {
        await using var rig = await ApprovalRig.OpenAsync(store, database);
        var id = await rig.ApprovedAsync();
        await rig.CheckAsync(id, "request-1");
        await rig.JournalAsync();
        await rig.ApprovedAsync();
        await rig.JournalAsync();
        var events = await rig.EventsAsync();
        Assert.Equal(Enumerable.Range(1, events.Count).Select(number => (long)number), events.Select(each => each.Id));
        Assert.Equal(["approval.requested", "approval.approved", "approval.consumed", "approval.requested", "approval.approved"], events.Select(each => each.Type));
        Assert.Equal([-1, -1, 0, -1, -1], events.Select(each => Math.Min(each.Partition, 0)));

        // No cursor follows what is no outbox, and each store partition's recovery sees its own.
        foreach (var partition in Enumerable.Range(0, rig.Store.Scripts.Partitions))
        {
            Assert.True((await rig.Get<JournalWriter>().CommittedAsync(partition, CancellationToken.None)).Counter <= 1);
        }

        Assert.Equal(Server.Store.EventId.None, await rig.Get<JournalWriter>().CommittedAsync(JournalAppend.Partition, CancellationToken.None));
        Assert.Equal(events[^1].Id, await rig.Get<JournalReader>().NewestAsync(CancellationToken.None));
    }
}
