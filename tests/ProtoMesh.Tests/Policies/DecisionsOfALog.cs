using System.Text.Json.Nodes;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using ProtoMesh.Contracts.Policies;
using ProtoMesh.Server.Data;
using ProtoMesh.Server.Policies;
using ProtoMesh.Server.Store;
using ProtoMesh.Tests.Data;
using ProtoMesh.Tests.Rig;

namespace ProtoMesh.Tests.Policies;

/// <summary>What is written down, what is not, and what happens when it cannot be.</summary>
public sealed class DecisionsOfALog
{
    private const string AskFirst = """
          - id: ask-first
            actions: [deploy]
            effect: require_approval
            approvers: { group: ops, quorum: 1 }
        """;

    [Theory, ClassData(typeof(Databases))]
    public async Task Denies_approvals_and_what_an_audit_rule_spoke_against_are_kept_and_allows_are_sampled(string database)
    {
        foreach (var (sample, kept) in new[] { ("0", new[] { "deploy", "spend", "watch" }), ("1", ["deploy", "read", "spend", "watch"]) })
        {
            await using var rig = await LifeRig.OpenAsync(database);
            await using var desk = await PolicyDesk.OpenAsync(StoreBackends.Embedded, $"{LifeRig.Document(100)}\n{AskFirst}");
            var replica = await WritingAsync(rig, ("Policies:AllowSample", sample));
            await RecordAsync(replica, desk, desk.Question("spend", metadata: """{"cost":101}"""));
            await RecordAsync(replica, desk, desk.Question("deploy"));
            await RecordAsync(replica, desk, desk.Question("watch"));
            await RecordAsync(replica, desk, desk.Question("read"));
            await replica.StopAsync(); // writes what is left
            var rows = await RowsAsync(replica);
            Assert.Equal(kept, rows.Select(row => row.Action).Order(StringComparer.Ordinal));
            var watched = rows.Single(row => row.Action == "watch");
            Assert.Equal((PolicyVerdict.Allow, PolicyVerdict.Deny), (watched.Decision, watched.Would));
            Assert.Equal(PolicyVerdict.RequireApproval, rows.Single(row => row.Action == "deploy").Decision);
        }
    }

    [Fact]
    public void The_sample_is_a_part_of_all_ids_and_the_same_for_the_same_id()
    {
        var ids = Enumerable.Range(0, 20_000).Select(_ => Guid.CreateVersion7().ToString()).ToList();
        var sampled = ids.Where(id => DecisionLog.IsSampled(id, 0.1)).ToList();
        Assert.InRange(sampled.Count, 1_700, 2_300);
        Assert.Equal(sampled, ids.Where(id => DecisionLog.IsSampled(id, 0.1)));
        Assert.All(sampled, id => Assert.True(DecisionLog.IsSampled(id, 0.2))); // a larger sample has the smaller one
        Assert.DoesNotContain(ids, id => DecisionLog.IsSampled(id, 0));
        Assert.DoesNotContain(ids, id => !DecisionLog.IsSampled(id, 1));
        Assert.True(DecisionLog.IsSampled("01a1fd91-c2cb-703d-8a62-8e8affffffff", 1));
    }

    [Fact]
    public async Task Of_allows_so_many_a_second_are_kept_and_denies_always()
    {
        await using var desk = await PolicyDesk.OpenAsync(StoreBackends.Embedded, LifeRig.Document(100));
        var clock = new FakeClock();
        var log = new DecisionLog(Options.Create(new PolicyOptions { AllowsPerSecond = 5 }), clock);
        var allow = await desk.OutcomeAsync(desk.Question("read"));
        var deny = await desk.OutcomeAsync(desk.Question("spend", metadata: """{"cost":101}"""));
        for (var second = 1; second <= 3; second++)
        {
            for (var count = 0; count < 20; count++)
            {
                log.Record(allow.Builder!, allow.Answer!.Decision, TimeSpan.Zero);
            }

            log.Record(deny.Builder!, deny.Answer!.Decision, TimeSpan.Zero);
            Assert.Equal((6 * second, 0), (log.Pending.Count, log.Dropped));
            clock.Advance(TimeSpan.FromSeconds(1));
        }
    }

    [Theory, ClassData(typeof(Databases))]
    public async Task A_row_has_everything_that_the_rules_saw(string database)
    {
        const string Rules = """
              - id: held-by-others
                actions: [write]
                when: "lock.held && !lock.mine && metadata.cost >= 0.5"
                effect: deny
                message: "'held by ' + lock.agent_id"
              - id: all
                actions: ["*"]
                effect: allow
            """;
        await using var rig = await LifeRig.OpenAsync(database);
        await using var desk = await PolicyDesk.OpenAsync(
            StoreBackends.Embedded, Documents.With(Rules, "metadata: { cost: { type: number, default: 0.5 } }"), new KnownResource { Prefix = "page/", Team = "web" });
        var replica = await WritingAsync(rig);
        var answer = await RecordAsync(replica, desk, desk.Question("write", "page/1", """{"agent_role":"junior","note":"\u0000 é 🦊"}""") with
        {
            Requests = [new RequestFacts("exclusive", 1, 7, 30_000, 0, 3_600_000, false)],
        }, allowed: true);
        await replica.StopAsync();
        var row = Assert.Single(await RowsAsync(replica), one => one.DecisionId == answer.DecisionId);
        var inputs = JsonNode.Parse(row.Inputs)!;
        Assert.Equal("junior", (string?)inputs["agent"]!["role"]);
        Assert.Equal("agent-1", (string?)inputs["agent"]!["id"]);
        Assert.Equal(0.5, (double)inputs["metadata"]!["cost"]!);
        Assert.Equal("\0 é 🦊", (string?)inputs["metadata_sent"]!["note"]);
        Assert.Equal("web", (string?)inputs["resources"]![0]!["resource"]!["team"]);
        Assert.False((bool)inputs["resources"]![0]!["lock"]!["held"]!);
        Assert.Equal(7, (int)inputs["resources"]![0]!["request"]!["priority"]!);
        Assert.Equal(row.At, DateTimeOffset.Parse((string)inputs["now"]!, System.Globalization.CultureInfo.InvariantCulture).UtcDateTime, TimeSpan.FromMilliseconds(1));
        Assert.Equal((desk.Set.Sha256, "test", 1), (row.PolicySha256, row.PolicyName, row.PolicyVersion));
        Assert.Equal("page/1", row.Resource);
    }

    [Theory, ClassData(typeof(Databases))]
    public async Task What_does_not_fit_is_dropped_and_counted_and_nobody_waits(string database)
    {
        await using var rig = await LifeRig.OpenAsync(database);
        await using var desk = await PolicyDesk.OpenAsync(StoreBackends.Embedded, LifeRig.Document(100));
        var replica = await rig.PrepareAsync(null);
        var log = replica.Get<DecisionLog>();
        var outcome = await desk.OutcomeAsync(desk.Question("spend", metadata: """{"cost":101}"""));
        for (var count = 0; count < DecisionLog.Capacity + 10; count++)
        {
            log.Record(outcome.Builder!, outcome.Answer!.Decision with { DecisionId = Guid.CreateVersion7().ToString() }, TimeSpan.Zero);
        }

        Assert.Equal(10, log.Dropped);
        await replica.StartAsync<DecisionWriter>();
        await Eventually.HoldsAsync(async () => (await CountAsync(replica)) == DecisionLog.Capacity, "all that fitted is written", TimeSpan.FromSeconds(60));
        Assert.Equal(10, log.Dropped);
    }

    [Theory, ClassData(typeof(Databases))]
    public async Task A_database_that_fails_holds_decisions_up_and_loses_none(string database)
    {
        await using var rig = await LifeRig.OpenAsync(database);
        await using var desk = await PolicyDesk.OpenAsync(StoreBackends.Embedded, LifeRig.Document(100));
        var replica = await WritingAsync(rig);
        await replica.ExecuteAsync("ALTER TABLE decisions RENAME TO away");
        for (var count = 0; count < 20; count++)
        {
            await RecordAsync(replica, desk, desk.Question("spend", metadata: """{"cost":101}"""));
        }

        await Eventually.HoldsAsync(() => Away(replica).Any(), "it is said");
        await replica.ExecuteAsync("ALTER TABLE away RENAME TO decisions");
        await Eventually.HoldsAsync(async () => await CountAsync(replica) == 20, "all of them are written");
        Assert.Single(Away(replica));
        Assert.Equal(0, replica.Get<DecisionLog>().Dropped);
    }

    [Theory, ClassData(typeof(Databases))]
    public async Task Decisions_are_deleted_when_their_time_is_over(string database)
    {
        await using var rig = await LifeRig.OpenAsync(database);
        var clock = new FakeClock();
        var replica = await rig.PrepareAsync(clock, ("Policies:DecisionRetentionDays", "30"));
        foreach (var age in new[] { 40, 31, 29, 0 })
        {
            await InsertAsync(replica, clock.GetUtcNow().AddDays(-age), $"age-{age}");
        }

        Assert.Equal(2, await replica.Get<DecisionRetention>().SweepAsync(CancellationToken.None));
        Assert.Equal(["age-0", "age-29"], (await RowsAsync(replica)).Select(row => row.Action).Order(StringComparer.Ordinal));
    }

    [Theory, ClassData(typeof(Databases))]
    public async Task A_list_is_newest_first_and_goes_on_where_its_last_page_ended(string database)
    {
        await using var rig = await LifeRig.OpenAsync(database);
        var replica = await rig.PrepareAsync(null);
        var start = new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);
        for (var minute = 0; minute < 25; minute++)
        {
            await InsertAsync(replica, start.AddMinutes(minute), minute % 2 == 0 ? "even" : "odd");
        }

        var reader = replica.Get<DecisionReader>();
        var seen = new List<DateTime>();
        for (string? before = null; ;)
        {
            var page = await reader.ListAsync(new DecisionFilter("default", null, "even", null, null), before, 4, CancellationToken.None);
            seen.AddRange(page.Select(row => row.At));
            if (page.Count < 4)
            {
                break;
            }

            before = page[^1].DecisionId;
        }

        Assert.Equal(Enumerable.Range(0, 13).Select(index => start.AddMinutes(24 - (2 * index)).UtcDateTime), seen);
        Assert.Empty(await reader.ListAsync(new DecisionFilter("other", null, null, null, null), null, 4, CancellationToken.None));
        Assert.Empty(await reader.ListAsync(new DecisionFilter(null, "nobody", null, null, null), null, 4, CancellationToken.None));
        Assert.Empty(await reader.ListAsync(new DecisionFilter(null, null, null, "allow", null), null, 4, CancellationToken.None));
        Assert.Equal(4, (await reader.ListAsync(new DecisionFilter(null, "agent-1", null, "deny", "cap"), null, 4, CancellationToken.None)).Count);
    }

    private static async Task<LifeRig.Replica> WritingAsync(LifeRig rig, params (string Key, string Value)[] settings)
    {
        var replica = await rig.PrepareAsync(null, settings.Length > 0 ? settings : [("Policies:AllowsPerSecond", "1000000")]);
        await replica.StartAsync<DecisionWriter>();
        return replica;
    }

    private static async Task<PolicyDecision> RecordAsync(LifeRig.Replica replica, PolicyDesk desk, PolicyQuestion question, bool? allowed = null)
    {
        var outcome = await desk.OutcomeAsync(question);
        Assert.True(allowed is null || outcome.Answer!.Decision.Allowed == allowed);
        replica.Get<DecisionLog>().Record(outcome.Builder!, outcome.Answer!.Decision, TimeSpan.FromMicroseconds(42));
        return outcome.Answer.Decision;
    }

    private static async Task<List<DecisionRow>> RowsAsync(LifeRig.Replica replica)
    {
        await using var db = await replica.Get<IDbContextFactory<MeshDb>>().CreateDbContextAsync();
        return await db.Set<DecisionRow>().AsNoTracking().ToListAsync();
    }

    private static async Task<int> CountAsync(LifeRig.Replica replica)
    {
        await using var db = await replica.Get<IDbContextFactory<MeshDb>>().CreateDbContextAsync();
        return await db.Set<DecisionRow>().CountAsync();
    }

    private static async Task InsertAsync(LifeRig.Replica replica, DateTimeOffset at, string action)
    {
        await using var db = await replica.Get<IDbContextFactory<MeshDb>>().CreateDbContextAsync();
        db.Add(new DecisionRow
        {
            DecisionId = Guid.CreateVersion7(at).ToString(), At = at.UtcDateTime, Namespace = "default", AgentId = "agent-1", Action = action, PolicyName = "cap", PolicyVersion = 1,
            PolicySha256 = "0", Decision = "deny", Would = "deny", Rules = "[]", Inputs = "{}", Facts = "{}", Reasons = "{}",
        });
        await db.SaveChangesAsync();
    }

    private static IEnumerable<string> Away(LifeRig.Replica replica) =>
        replica.Log.Of(LogLevel.Warning).Where(line => line.StartsWith("Decisions cannot be written down now", StringComparison.Ordinal));
}
