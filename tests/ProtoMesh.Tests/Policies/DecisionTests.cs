using ProtoMesh.Contracts.Policies;
using ProtoMesh.Server.Policies;
using ProtoMesh.Tests.Rig;

namespace ProtoMesh.Tests.Policies;

/// <summary>How rules combine, what errors do, what audit mode does, and what the answer says.</summary>
public sealed class DecisionTests
{
    private const string Deny = "  - { id: no, actions: [a], effect: deny, when: \"'no' in metadata.say\" }\n";
    private const string Approval = "  - { id: ask, actions: [a], effect: require_approval, when: \"'ask' in metadata.say\", approvers: { group: ops, quorum: 2, expires: 30m } }\n";
    private const string Rate = "  - { id: pace, actions: [a], when: \"'pace' in metadata.say\", require: { rate: { key: agent.id, limit: 1, window: 1m } } }\n";
    private const string Allow = "  - { id: yes, actions: [a], effect: allow, when: \"'yes' in metadata.say\" }\n";
    private const string Say = "metadata: { say: { type: list } }";

    [Theory]
    [InlineData("no ask pace yes", "deny", "no ask")]
    [InlineData("ask pace yes", "require_approval", "ask")]
    [InlineData("ask", "require_approval", "ask")]
    [InlineData("pace yes", "allow", "")]
    [InlineData("yes", "allow", "")]
    [InlineData("pace", "deny", "defaults")]
    [InlineData("", "deny", "defaults")]
    public async Task Deny_beats_approval_beats_what_is_required_beats_allow_beats_the_default(string say, string decision, string rules)
    {
        await using var desk = await PolicyDesk.OpenAsync(StoreBackends.Embedded, Documents.With(Allow + Rate + Approval + Deny, Say));
        var answer = (await desk.AskAsync("a", metadata: Said(say))).Decision;
        Assert.Equal((decision, decision == "allow"), (answer.Decision, answer.Allowed));
        Assert.Equal(rules.Split(' ', StringSplitOptions.RemoveEmptyEntries).Order(StringComparer.Ordinal), answer.Reasons.Select(reason => reason.Rule).Order(StringComparer.Ordinal));
        Assert.Equal(decision == "require_approval", answer.Approval is not null);
        Assert.Equal(decision == "allow", answer.ValidUntil is not null);
    }

    [Fact]
    public async Task What_is_required_is_taken_by_an_allow_only()
    {
        await using var desk = await PolicyDesk.OpenAsync(StoreBackends.Embedded, Documents.With(Deny + Rate + Allow, Say));
        Assert.Equal(PolicyVerdict.Deny, (await desk.AskAsync("a", metadata: Said("no pace yes"))).Decision.Decision);
        Assert.Equal(PolicyVerdict.Deny, (await desk.AskAsync("a", metadata: Said("pace"))).Decision.Decision);
        Assert.Equal(PolicyVerdict.Allow, (await desk.AskAsync(desk.Question("a", metadata: Said("pace yes")) with { IsDryRun = true })).Decision.Decision);
        var taken = (await desk.AskAsync("a", metadata: Said("pace yes"))).Decision;
        Assert.Equal(("pace", 0), (taken.Obligations!.Rate![0].Rule, taken.Obligations.Rate[0].Remaining));
        var full = (await desk.AskAsync("a", metadata: Said("pace yes"))).Decision;
        Assert.Equal((PolicyVerdict.Deny, "rate"), (full.Decision, full.Reasons[0].Effect));
        Assert.InRange(full.Reasons[0].RetryAfterMs!.Value, 1, 60_000);
    }

    [Fact]
    public async Task Of_rules_of_one_group_the_largest_quorum_is_asked_for()
    {
        await using var desk = await PolicyDesk.OpenAsync(StoreBackends.Embedded, Documents.With(Approval + "  - { id: more, actions: [\"*\"], effect: require_approval, approvers: { group: ops, quorum: 3 } }", Say));
        var approval = (await desk.AskAsync("a", metadata: Said("ask"))).Decision.Approval!;
        Assert.Equal(("ops", 3, 3_600_000L), (approval.Group, approval.Quorum, approval.ExpiresInMs));
    }

    [Theory]
    [InlineData("deny", "deny", "r")]
    [InlineData("require_approval", "deny", "r")]
    [InlineData("allow", "deny", "defaults")]
    public async Task A_rule_against_that_cannot_be_evaluated_denies_and_one_for_is_skipped(string effect, string decision, string rule)
    {
        await using var desk = await PolicyDesk.OpenAsync(StoreBackends.Embedded, Documents.With(
            $"  - {{ id: r, actions: [a], effect: {effect}, when: \"metadata.cost > 5.0\" }}{(effect == "allow" ? "" : "\n  - { id: yes, actions: [a], effect: allow }")}", "metadata: { cost: { type: number } }"));
        var answer = (await desk.AskAsync("a")).Decision;
        Assert.Equal((decision, rule), (answer.Decision, answer.Reasons[0].Rule));
        if (effect != "allow")
        {
            Assert.Contains("could not be evaluated", answer.Reasons[0].Message, StringComparison.Ordinal);
            Assert.Null(answer.Approval);
        }
    }

    [Theory]
    [InlineData("require: { rate: { key: \"metadata.name\", limit: 1, window: 1s } }")]
    [InlineData("require: { lock: { resource: \"metadata.name\" } }")]
    [InlineData("require: { lock: { resource: \"'no resource'\" } }")]
    public async Task A_requirement_that_cannot_be_evaluated_denies(string require)
    {
        await using var desk = await PolicyDesk.OpenAsync(StoreBackends.Embedded, Documents.With($"  - {{ id: r, actions: [a], {require} }}\n  - {{ id: yes, actions: [a], effect: allow }}", "metadata: { name: { type: string } }"));
        var answer = (await desk.AskAsync("a")).Decision;
        Assert.Equal((PolicyVerdict.Deny, "r"), (answer.Decision, answer.Reasons[0].Rule));
    }

    [Fact]
    public async Task A_rule_that_works_too_hard_denies()
    {
        await using var desk = await PolicyDesk.OpenAsync(StoreBackends.Embedded, Documents.With(
            "  - { id: r, actions: [a], effect: deny, when: \"metadata.l.exists(x, metadata.l.exists(y, x == y && x == 'no'))\" }\n  - { id: yes, actions: [a], effect: allow }", "metadata: { l: { type: list } }"));
        Assert.Equal(PolicyVerdict.Allow, (await desk.AskAsync("a", metadata: """{"l":[1,2]}""")).Decision.Decision);
        var answer = (await desk.AskAsync("a", metadata: $$"""{"l":[{{string.Join(',', Enumerable.Range(0, 1_000))}}]}""")).Decision;
        Assert.Equal(PolicyVerdict.Deny, answer.Decision);
        Assert.Contains("cost limit exceeded", answer.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_rule_in_audit_mode_is_evaluated_and_told_and_never_enforced()
    {
        await using var desk = await PolicyDesk.OpenAsync(StoreBackends.Embedded, Documents.With("""
              - { id: no, actions: [a], effect: deny, mode: audit }
              - { id: pace, actions: [a], mode: audit, require: { rate: { key: agent.id, limit: 1, window: 1m } } }
              - { id: held, actions: [a], mode: audit, require: { lock: { resource: "'file/x'" } } }
              - { id: yes, actions: [a], effect: allow }
            """));
        for (var round = 0; round < 3; round++)
        {
            var outcome = await desk.OutcomeAsync(desk.Question("a"));
            Assert.Equal((PolicyVerdict.Allow, PolicyVerdict.Deny), (outcome.Answer!.Decision.Decision, outcome.Builder!.Would));
            Assert.Empty(outcome.Answer.Decision.Reasons);
            Assert.Equal(round == 0 ? ["no", "held"] : ["no", "pace", "held"], outcome.Answer.Decision.AuditOnly.Select(reason => reason.Rule));
        }
    }

    [Fact]
    public async Task A_document_in_audit_mode_allows_everything_but_what_a_rule_of_its_own_enforces()
    {
        await using var desk = await PolicyDesk.OpenAsync(StoreBackends.Embedded, Documents.With("""
              - { id: no, actions: [a], effect: deny }
              - { id: never, actions: [b], effect: deny, mode: enforce }
            """, "defaults: { mode: audit }"));
        var tried = await desk.OutcomeAsync(desk.Question("a"));
        Assert.Equal((PolicyVerdict.Allow, PolicyVerdict.Deny), (tried.Answer!.Decision.Decision, tried.Builder!.Would));
        Assert.Equal("no", Assert.Single(tried.Answer.Decision.AuditOnly).Rule);
        Assert.Equal(PolicyVerdict.Deny, (await desk.AskAsync("b")).Decision.Decision);
        var unknown = await desk.OutcomeAsync(desk.Question("c"));
        Assert.Equal((PolicyVerdict.Allow, PolicyVerdict.Deny), (unknown.Answer!.Decision.Decision, unknown.Builder!.Would));
    }

    [Fact]
    public async Task A_reason_has_place_values_and_what_would_change_it()
    {
        await using var desk = await PolicyDesk.OpenAsync(StoreBackends.Embedded, Documents.Example);
        var answer = (await desk.AskAsync("spend", metadata: """{"estimated_cost":500,"agent_role":"junior"}""")).Decision;
        var reason = Assert.Single(answer.Reasons);
        Assert.Equal(("spend-limit", "SPEND_LIMIT", "deny", "cost $500 is over the limit of role junior", "prod-guard.yaml:9:12"), (reason.Rule, reason.Code, reason.Effect, reason.Message, reason.At));
        Assert.Equal("500", reason.Values!["metadata.estimated_cost"].GetRawText());
        Assert.Contains("metadata.estimated_cost <= 100", reason.ToChange!);
        Assert.Equal("claimed", answer.Facts["agent.role"]);

        // Doing as it says makes it an allow.
        Assert.True((await desk.AskAsync("spend", metadata: """{"estimated_cost":100,"agent_role":"junior"}""")).Decision.Allowed);
    }

    [Fact]
    public async Task Role_and_team_are_marked_as_claimed_and_what_is_configured_cannot_be_claimed()
    {
        await using var desk = await PolicyDesk.OpenAsync(StoreBackends.Embedded, Documents.Example, new KnownResource { Prefix = "ledger/", Team = "finance" });
        var own = (await desk.AskAsync("read", "ledger/1", """{"agent_team":"finance"}""")).Decision;
        Assert.Equal((true, "claimed", "configured"), (own.Allowed, own.Facts["agent.team"], own.Facts["resource.team"]));
        var foreign = (await desk.AskAsync("read", "ledger/1", """{"agent_team":"red","resource_team":"red"}""")).Decision;
        Assert.Equal((false, "configured"), (foreign.Allowed, foreign.Facts["resource.team"]));
        Assert.Equal("default", (await desk.AskAsync("read", "note/1")).Decision.Facts["resource.team"]);
    }

    [Fact]
    public async Task Several_resources_have_to_be_allowed_each()
    {
        await using var desk = await PolicyDesk.OpenAsync(StoreBackends.Embedded, Documents.Example, new KnownResource { Prefix = "ledger/", Team = "finance" });
        var both = desk.Question("read", "note/1") with { Resources = [new("default", "note", "1"), new("default", "ledger", "1")] };
        Assert.Equal("team-access", Assert.Single((await desk.AskAsync(both)).Decision.Reasons).Rule);
        Assert.True((await desk.AskAsync(both with { Resources = [new("default", "note", "1"), new("default", "note", "2")] })).Decision.Allowed);
    }

    [Theory]
    [InlineData("now.getHours('Europe/Berlin') >= 18", "2026-01-07T16:59:59Z", false)]
    [InlineData("now.getHours('Europe/Berlin') >= 18", "2026-01-07T17:00:00Z", true)]
    [InlineData("now.getHours('Europe/Berlin') >= 18", "2026-07-07T16:00:00Z", true)]
    public void Time_is_an_input(string when, string now, bool holds)
    {
        var load = PolicySet.Load(Documents.With(
            $"  - {{ id: r, actions: [a], effect: deny, when: \"{when}\" }}\n  - {{ id: yes, actions: [a], effect: allow }}",
            tests: $"tests:\n  - {{ name: t, given: {{ action: a, now: \"{now}\" }}, expect: {{ decision: {(holds ? "deny" : "allow")} }} }}"));
        Assert.Empty(load.Tests!.Failed);
    }

    private static string Said(string words) => $$"""{"say":[{{string.Join(',', words.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(word => $"\"{word}\""))}}]}""";
}
