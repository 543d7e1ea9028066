using ProtoMesh.Server.Policies;

namespace ProtoMesh.Tests.Policies;

/// <summary>What a document may be, and where each complaint about it points.</summary>
public sealed class DocumentTests
{
    private const string Marks = "{}[]:,'\"#&*!|>%@`-? \n\t\0\u00e4";

    [Fact]
    public void The_example_loads_and_its_tests_pass()
    {
        var load = PolicySet.Load(Documents.Example);
        Assert.Empty(load.Errors);
        Assert.Equal((1, 0), (load.Tests!.Passed, load.Tests.Failed.Count));
        Assert.Equal(["spend-limit", "team-access", "hold-the-lock", "pace", "humans-first", "default-allow"], load.Set!.Rules.Select(rule => rule.Id));
        Assert.Equal("prod-guard", load.Set.Name);
        Assert.Equal((9, 12), (load.Set.Rules[0].Line, load.Set.Rules[0].Column));
    }

    [Theory]
    [InlineData("", 1, 1, "empty")]
    [InlineData("a: [", 2, 1, "not YAML")]
    [InlineData("- a", 1, 1, "a policy is a map, not a list")]
    [InlineData("name: &n x", 1, 7, "an anchor")]
    [InlineData("a: 1\nb: *n", 2, 4, "an alias")]
    [InlineData("name: !!str x", 1, 7, "a tag")]
    [InlineData("name: x\nname: y", 2, 1, "twice")]
    [InlineData("name: x\n---\nname: y", 2, 1, "second document")]
    [InlineData("? [a]\n: b", 1, 3, "a key is a text")]
    public void What_is_no_strict_YAML_is_refused_with_its_place(string source, int line, int column, string message)
    {
        var error = PolicySet.Load(source).Errors[0];
        Assert.Contains(message, error.Message, StringComparison.Ordinal);
        Assert.Equal((line, column), (error.Line, error.Column));
    }

    [Fact]
    public void Thirty_two_levels_are_read_and_one_more_is_refused()
    {
        static string Nested(int lists) => Documents.With("  - { id: r, actions: [\"*\"], effect: allow }", $"params: {{ deep: {new string('[', lists)}1{new string(']', lists)} }}");
        Assert.Empty(PolicySet.Load(Nested(29)).Errors);
        Assert.Contains("deeper than 32 levels", Assert.Single(PolicySet.Load(Nested(30)).Errors).Message, StringComparison.Ordinal);
        Assert.Contains("deeper than 32 levels", Assert.Single(PolicySet.Load($"a: {new string('[', 100_000)}").Errors).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_document_of_more_than_256_KB_is_refused()
    {
        static string Padded(int bytes) => Documents.With("  - { id: r, actions: [\"*\"], effect: allow }") is var text ? $"{text}\n#{new string('x', bytes - text.Length - 2)}" : "";
        Assert.Empty(PolicySet.Load(Padded(256 * 1024)).Errors);
        Assert.Contains("larger than 256 KB", Assert.Single(PolicySet.Load(Padded((256 * 1024) + 1)).Errors).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Five_hundred_rules_are_read_and_one_more_is_refused()
    {
        static string Many(int count) => Documents.With(string.Join('\n', Enumerable.Range(0, count).Select(index => $"  - {{ id: r{index}, actions: [a], effect: allow }}")));
        Assert.Equal(500, PolicySet.Load(Many(500)).Set!.Rules.Count);
        Assert.Contains("1 to 500 entries, not 501", PolicySet.Load(Many(501)).Errors[0].Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("{ id: r, actions: [a], effect: allow, wen: \"true\" }", "a rule has no 'wen'")]
    [InlineData("{ actions: [a], effect: allow }", "a rule needs 'id'")]
    [InlineData("{ id: R!, actions: [a], effect: allow }", "'id' is 1 to 64 of a-z, 0-9 and -")]
    [InlineData("{ id: r, effect: allow }", "a rule needs 'actions'")]
    [InlineData("{ id: r, actions: [], effect: allow }", "'actions' has 1 to 100 entries, not 0")]
    [InlineData("{ id: r, actions: [\"a b\"], effect: allow }", "an action is 1 to 128 of letters")]
    [InlineData("{ id: r, actions: a, effect: allow }", "'actions' is a list, not a text")]
    [InlineData("{ id: r, actions: [a] }", "either an 'effect' or a 'require'")]
    [InlineData("{ id: r, actions: [a], effect: permit }", "'effect' is deny or require_approval or allow, not 'permit'")]
    [InlineData("{ id: r, actions: [a], effect: deny, require: { rate: { key: agent.id, limit: 1, window: 1s } } }", "either an 'effect' or a 'require'")]
    [InlineData("{ id: r, actions: [a], require: { rate: { key: agent.id, limit: 1, window: 1s }, lock: { resource: resource.name } } }", "one of a lock, a rate and a budget")]
    [InlineData("{ id: r, actions: [a], require: { rate: { key: agent.id, limit: 0, window: 1s } } }", "'limit' is a whole number, 1 to 10000")]
    [InlineData("{ id: r, actions: [a], require: { rate: { key: agent.id, limit: 1, window: 500ms } } }", "'window' is a number with its unit (ms, s, m, h or d), 1s to 1d")]
    [InlineData("{ id: r, actions: [a], require: { rate: { key: agent.id, limit: 1, window: 60 } } }", "'window' is a number with its unit")]
    [InlineData("{ id: r, actions: [a], require: { moon: 1 } }", "'require' has no 'moon'")]
    [InlineData("{ id: r, actions: [a], effect: allow, approvers: { group: ops } }", "belong to the effect require_approval")]
    [InlineData("{ id: r, actions: [a], effect: require_approval, approvers: { group: ops, quorum: 0 } }", "'quorum' is a whole number, 1 to 20")]
    [InlineData("{ id: r, actions: [a], effect: deny, mode: log }", "'mode' is enforce or audit")]
    [InlineData("{ id: r, actions: [a], effect: deny, when: \"\" }", "'when' is a text that is not empty")]
    [InlineData("{ id: r, actions: [a], effect: deny, when: [x] }", "'when' is a text that is not empty")]
    public void A_rule_of_the_wrong_shape_is_refused(string rule, string message) =>
        Assert.Contains(PolicySet.Load(Documents.With($"  - {rule}")).Errors, error => error.Message.Contains(message, StringComparison.Ordinal) && error.Line == 5);

    [Theory]
    [InlineData("x: 1", "a policy has no 'x'")]
    [InlineData("defaults: { effect: maybe }", "'effect' is deny or allow")]
    [InlineData("defaults: { on_error: allow }", "'on_error' is deny")]
    [InlineData("metadata: { cost: { type: money } }", "'type' is number or int")]
    [InlineData("metadata: { cost: { min: 0 } }", "needs 'type'")]
    [InlineData("metadata: { 1st: { type: int } }", "named by a letter")]
    [InlineData("metadata: { t: { type: string, min: 0 } }", "'min' is for number and int")]
    [InlineData("metadata: { cost: { type: number, min: 0, default: -1 } }", "'default' is not a number, at least 0")]
    [InlineData("metadata: { cost: { type: number, default: .nan } }", "'default' is not a number")]
    [InlineData("params: { limit: .inf }", "not a number that a policy can have")]
    public void A_head_of_the_wrong_shape_is_refused(string head, string message) =>
        Assert.Contains(message, PolicySet.Load(Documents.With("  - { id: r, actions: [a], effect: allow }", head)).Errors[0].Message, StringComparison.Ordinal);

    [Fact]
    public void Everything_that_is_wrong_is_said_at_once_and_in_order()
    {
        var errors = PolicySet.Load(Documents.With("""
              - { id: one, actions: [a], effect: deny, when: "agent.rol == 'x'" }
              - { id: one, actions: [a], effect: deny, when: "metadata.cost > 1" }
              - { id: two, actions: [a], effect: dny }
            """)).Errors;
        Assert.Equal([5, 6, 6, 7], errors.Select(error => error.Line));
        Assert.All(["rol", "second rule", "cost", "'effect' is"], word => Assert.Contains(errors, error => error.Message.Contains(word, StringComparison.Ordinal)));
    }

    [Theory]
    [InlineData("    when: agent.rol == 'x'", 8, 11)]
    [InlineData("    when: \"agent.rol == 'x'\"", 8, 12)]
    [InlineData("    when: |\n      agent.id == 'y' ||\n        agent.rol == 'x'", 10, 14)]
    [InlineData("    when: >\n      agent.id == 'y' ||\n      agent.rol == 'x'", 8, 11)]
    public void An_expression_s_error_points_into_the_file(string when, int line, int column)
    {
        var error = Assert.Single(PolicySet.Load(Documents.With($"  - id: r\n    actions: [a]\n    effect: deny\n{when}")).Errors);
        Assert.Contains("rol", error.Message, StringComparison.Ordinal);
        Assert.Equal(line, error.Line);
        Assert.InRange(error.Column, column, column + 6);
    }

    [Theory]
    [InlineData("agent.id", "bool")]
    [InlineData("metadata.cost > 'x'", "no matching overload")]
    [InlineData("params.limt > 1", "limt")]
    [InlineData("resource.nam == 'x'", "nam")]
    [InlineData("unknown == 'x'", "unknown")]
    [InlineData("agent.id.matchs('x')", "matchs")]
    [InlineData("agent.id ==", "")]
    public void A_condition_that_does_not_type_check_never_loads(string when, string message) => Assert.Contains(
        message,
        Assert.Single(PolicySet.Load(Documents.With($"  - {{ id: r, actions: [a], effect: deny, when: \"{when}\" }}", "params: { limit: 1 }\nmetadata: { cost: { type: number } }")).Errors).Message,
        StringComparison.Ordinal);

    [Fact]
    public void A_test_that_fails_keeps_the_document_out()
    {
        var load = PolicySet.Load(Documents.With(
            "  - { id: r, actions: [a], effect: allow }",
            tests: "tests:\n  - { name: wrong, given: { action: a }, expect: { decision: deny } }\n  - { name: right, given: { action: b }, expect: { decision: deny, rules: [] } }"));
        Assert.Null(load.Set);
        Assert.Equal(("wrong", 7, "decides allow with no rule, not deny"), (load.Tests!.Failed[0].Name, load.Tests.Failed[0].Line, load.Tests.Failed[0].Message));
        Assert.Equal(1, load.Tests.Passed);
    }

    [Fact]
    public void Tests_tell_which_rules_they_never_saw_hold_and_which_always()
    {
        var load = PolicySet.Load(Documents.With(
            """
              - { id: always, actions: [a], effect: allow, when: "agent.id == 'test-agent'" }
              - { id: never, actions: [a], effect: deny, when: "agent.id == 'x'" }
              - { id: both, actions: [a], effect: deny, when: "agent.team == 'x'" }
            """,
            tests: """
            tests:
              - { name: one, given: { action: a }, expect: { decision: allow } }
              - { name: two, given: { action: a, agent: { team: x } }, expect: { decision: deny, rules: [both] } }
            """));
        Assert.Equal(["never"], load.Tests!.NeverHeld);
        Assert.Equal(["always"], load.Tests.AlwaysHeld);
    }

    [Theory]
    [InlineData("{ id: r, actions: [a], effect: deny, when: \"false\" }", "can never hold")]
    [InlineData("{ id: no, actions: [\"a*\"], effect: deny }\n  - { id: r, actions: [ab], effect: allow }", "allows nothing: no always denies")]
    [InlineData("{ id: all, actions: [\"*\"], effect: allow }\n  - { id: r, actions: [ab], effect: allow }", "never needed: all before it")]
    [InlineData("{ id: r, actions: [a], effect: deny, when: \"request.priority > 5\" }", "reads request.priority, which may be absent")]
    [InlineData("{ id: r, actions: [\"ab*\"], effect: deny }", "matches ab*")]
    public void What_is_probably_not_meant_is_remarked(string rules, string message) =>
        Assert.Contains(PolicySet.Load(Documents.With($"  - {rules}")).Warnings, warning => warning.Message.Contains(message, StringComparison.Ordinal));

    [Theory]
    [InlineData("{ id: r, actions: [a], effect: deny, when: \"has(request.priority) && request.priority > 5\" }")]
    [InlineData("{ id: no, actions: [a], effect: deny, when: \"agent.team == 'x'\" }\n  - { id: r, actions: [a], effect: allow }")]
    [InlineData("{ id: no, actions: [a], effect: deny, mode: audit }\n  - { id: r, actions: [a], effect: allow }")]
    [InlineData("{ id: r, actions: [\"ab*\"], effect: deny }\n  - { id: s, actions: [abc], effect: allow }")]
    public void What_may_well_be_meant_is_not_remarked(string rules) =>
        Assert.DoesNotContain(PolicySet.Load(Documents.With($"  - {rules}")).Warnings, warning => warning.Message.StartsWith("rule r", StringComparison.Ordinal));

    [Fact]
    public void No_mutation_of_the_example_breaks_the_reader()
    {
        var random = new Random(20261121);
        for (var round = 0; round < 3_000; round++)
        {
            var text = Documents.Example.ToCharArray().ToList();
            for (var edit = random.Next(1, 6); edit > 0; edit--)
            {
                var at = random.Next(text.Count);
                switch (random.Next(3))
                {
                    case 0:
                        text.RemoveRange(at, Math.Min(random.Next(1, 20), text.Count - at));
                        break;
                    case 1:
                        text.Insert(at, Marks[random.Next(Marks.Length)]);
                        break;
                    default:
                        text.InsertRange(at, text.GetRange(at, Math.Min(random.Next(1, 60), text.Count - at)));
                        break;
                }
            }

            var source = new string([.. text]);
            var load = Record.Exception(() => PolicySet.Load(source));
            Assert.True(load is null, $"Seed 20261121, round {round}: {load}\n{source}");
        }
    }
}
