using System.Globalization;
using System.Text.Json;
using ProtoMesh.Contracts;
using ProtoMesh.Contracts.Policies;
using ProtoMesh.Server.Cel;
using ProtoMesh.Server.Policies.Documents;
using ProtoMesh.Server.Store;

namespace ProtoMesh.Server.Policies;

/// <summary>
/// Runs a document's own tests with the very evaluation that decides. There is no store here: a lease is held when the test
/// says that it is the agent's, a rate always has a place, and of every budget nothing is used yet.
/// </summary>
internal sealed class PolicyTester
{
    /// <summary>The time of a test that names none: a Wednesday at noon, UTC.</summary>
    private static readonly DateTimeOffset Noon = new(2026, 1, 7, 12, 0, 0, TimeSpan.Zero);
    private readonly PolicySet _set;
    private readonly List<PolicyIssue> _issues;
    private readonly HashSet<string> _held = new(StringComparer.Ordinal);
    private readonly HashSet<string> _silent = new(StringComparer.Ordinal);

    private PolicyTester(PolicySet set, List<PolicyIssue> issues) => (_set, _issues) = (set, issues);

    /// <summary>What came of them; a test that is not written right is added to <paramref name="issues"/>.</summary>
    public static PolicyTestReport Run(PolicySet set, List<PolicyIssue> issues)
    {
        var tester = new PolicyTester(set, issues);
        var failed = new List<PolicyTestFailure>();
        foreach (var test in set.Tests)
        {
            var before = issues.Count;
            var complaint = tester.Run(test);
            if (complaint is not null && issues.Count == before)
            {
                failed.Add(new PolicyTestFailure(test.Name, test.Line, test.Column, complaint));
            }
        }

        var conditional = set.Rules.Where(rule => rule.When is not null).Select(rule => rule.Id).ToList();
        return new PolicyTestReport(
            set.Tests.Count - failed.Count, failed,
            [.. set.Rules.Select(rule => rule.Id).Where(id => !tester._held.Contains(id))], [.. conditional.Where(id => !tester._silent.Contains(id))]);
    }

    /// <summary>Null when the document decides as the test says.</summary>
    private string? Run(TestSource test)
    {
        var (question, slots, lease) = Read(test);
        var plan = _set.PlanFor(question.Action);
        Cover(plan, slots);
        var evaluation = new PolicyEvaluation();
        evaluation.Add(_set, plan, slots);
        var unmet = PolicyRequirements.Of(evaluation, question).OfType<Obligation.Lease>()
            .Where(need => !need.Rule.IsAudit && !(lease is { } held && held >= need.Rule.Lock!.MinRemainingMs)).Select(need => need.Rule.Id).ToList();
        var decided = evaluation.Verdict(withAudit: false);
        var spoke = evaluation.Against.Where(hit => !hit.Rule.IsAudit).Select(hit => hit.Rule.Id);
        if (decided == PolicyVerdict.Allow && unmet.Count > 0)
        {
            decided = PolicyVerdict.Deny;
            spoke = spoke.Concat(unmet);
        }

        var rules = spoke.Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal).ToList();
        return decided != test.Decision ? $"decides {decided}{Because(rules, evaluation)}, not {test.Decision}"
            : test.Rules is { } expected && !expected.Order(StringComparer.Ordinal).SequenceEqual(rules, StringComparer.Ordinal)
                ? $"decides {decided}{Because(rules, evaluation)}, not because of {(expected.Count == 0 ? "no rule" : string.Join(", ", expected))}"
                : null;
    }

    private static string Because(List<string> rules, PolicyEvaluation evaluation)
    {
        var fault = evaluation.Against.FirstOrDefault(hit => hit.Fault is not null);
        return (rules.Count == 0 ? " with no rule" : $" because of {string.Join(", ", rules)}") + (fault is null ? "" : $" ({fault.Rule.Id}: {fault.Fault!.Message})");
    }

    private void Cover(PolicyPlan plan, CelValue[] slots)
    {
        var budget = CelBudget.ForDecision();
        foreach (var rule in plan.Against.Concat(plan.Requiring).Concat(plan.Allowing))
        {
            var holds = rule.When is null || rule.When.Evaluate(slots, ref budget).IsTrue;
            (holds ? _held : _silent).Add(rule.Id);
        }
    }

    private (PolicyQuestion Question, CelValue[] Slots, long? LeaseMs) Read(TestSource test)
    {
        var given = Fields.Of(test.Given, "'given'", _issues, "agent", "action", "resource", "request", "lock", "metadata", "run_id", "now")!;
        var agent = Fields.Of(given.Node("agent"), "'agent'", _issues, "id", "role", "roles", "team", "labels");
        var role = agent?.Text("role")?.Text ?? "user";
        var roles = agent?.List("roles", 0, 64).OfType<YamlText>().Select(item => item.Text).ToList() ?? [];
        var (resource, team, labels) = Resource(given);
        var (held, lease) = Lock(given);
        var request = Request(given);
        var question = new PolicyQuestion
        {
            Namespace = "default", AgentId = agent?.Text("id")?.Text ?? "test-agent", Action = given.Text("action", required: true)?.Text ?? "",
            Resources = resource is { } name ? [name] : [], RequestId = "test", RunId = given.Text("run_id")?.Text, Requests = request is null ? [] : [request],
        };
        var subject = new PolicySubject
        {
            AgentId = new(question.AgentId, FactSource.Claimed), Role = new(role, FactSource.Claimed), Team = new(agent?.Text("team")?.Text ?? "default", FactSource.Claimed),
            Roles = new(roles.Contains(role, StringComparer.Ordinal) ? roles : [role, .. roles], FactSource.Claimed),
            Labels = new(agent is null ? null : LabelsOf(agent), FactSource.Claimed), Resource = resource, ResourceTeam = new(team, FactSource.Claimed), ResourceLabels = new(labels, FactSource.Configured),
        };
        var slots = PolicyDecider.SlotsOf(_set, question, subject, request, held.Value(), Metadata(given), Now(given));
        slots[PolicyVariables.Budget] = BudgetFacts.Untouched(_set.Budgets);
        return (question, slots, lease);
    }

    private static Dictionary<string, string> LabelsOf(Fields fields) => fields.Entries("labels", 64).Where(entry => entry.Value is YamlText)
        .ToDictionary(entry => entry.Key.Text, entry => ((YamlText)entry.Value).Text, StringComparer.Ordinal);

    private (ResourceName? Name, string Team, IReadOnlyDictionary<string, string>? Labels) Resource(Fields given)
    {
        if (given.Node("resource") is YamlText text)
        {
            return (Name(text), "default", null);
        }

        if (Fields.Of(given.Node("resource"), "'resource'", _issues, "name", "team", "labels") is not { } fields)
        {
            return (null, "default", null);
        }

        return (fields.Text("name") is { } name ? Name(name) : null, fields.Text("team")?.Text ?? "default", LabelsOf(fields));
    }

    private ResourceName? Name(YamlText text)
    {
        if (ResourceName.TryParse("default", text.Text, out var name))
        {
            return name;
        }

        _issues.Add(new PolicyIssue(text.Line, text.Column, "a resource is type/id, such as customer/123"));
        return null;
    }

    private (LockFacts Facts, long? LeaseMs) Lock(Fields given)
    {
        if (Fields.Of(given.Node("lock"), "'lock'", _issues, "held", "mine", "agent_id", "mode", "expires_in_ms", "waiters") is not { } fields)
        {
            return (LockFacts.Free, null);
        }

        var mine = fields.Flag("mine") == true;
        var left = fields.Integer("expires_in_ms", 0, 86_400_000);
        var mode = fields.OneOf("mode", "exclusive", "shared", "slots") ?? "exclusive";
        var holder = fields.Text("agent_id")?.Text ?? (mine ? "test-agent" : "another-agent");
        var isHeld = fields.Flag("held") ?? mine;
        return isHeld || mine
            ? (new LockFacts(mine ? new HeldLease("test.0", mode, left ?? 30_000) : null, holder, mode, left ?? 30_000, fields.Integer("waiters", 0, 100_000) ?? 0), mine ? left ?? 30_000 : null)
            : (LockFacts.Free, null);
    }

    private RequestFacts? Request(Fields given)
    {
        if (Fields.Of(given.Node("request"), "'request'", _issues, "mode", "priority", "ttl_ms", "wait_ms", "max_hold_ms", "units", "detached") is not { } fields)
        {
            return null;
        }

        return new RequestFacts(
            fields.OneOf("mode", "exclusive", "shared", "slots") ?? "exclusive", (int)(fields.Integer("units", 1, 10_000) ?? 1), (int)(fields.Integer("priority", 0, 9) ?? 5),
            fields.Integer("ttl_ms", 1_000, 3_600_000) ?? 30_000, fields.Integer("wait_ms", 0, 86_400_000) ?? 30_000, fields.Integer("max_hold_ms", 1_000, 86_400_000) ?? 3_600_000,
            fields.Flag("detached") == true);
    }

    private CelValue Metadata(Fields given)
    {
        if (given.Node("metadata") is not { } node)
        {
            return _set.Metadata.Defaults;
        }

        if (node is not YamlMap)
        {
            _issues.Add(new PolicyIssue(node.Line, node.Column, $"'metadata' is a map, not {node.Kind}"));
            return _set.Metadata.Defaults;
        }

        var errors = new List<FieldError>();
        JsonElement json = CelJson.ElementOf(PolicyParams.Of(node, _issues).Value);
        var metadata = _set.Metadata.Read(json, errors);
        _issues.AddRange(errors.Select(error => new PolicyIssue(node.Line, node.Column, $"{error.Field} is {error.Rule}")));
        return metadata;
    }

    private DateTimeOffset Now(Fields given)
    {
        if (given.Text("now") is not { } text)
        {
            return Noon;
        }

        if (DateTimeOffset.TryParse(text.Text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var now))
        {
            return now;
        }

        _issues.Add(new PolicyIssue(text.Line, text.Column, "'now' is a time such as 2026-01-07T12:00:00Z"));
        return Noon;
    }
}
