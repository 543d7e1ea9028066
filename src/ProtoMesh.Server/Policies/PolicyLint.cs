using ProtoMesh.Server.Policies.Documents;

namespace ProtoMesh.Server.Policies;

/// <summary>What is allowed in a document and probably not meant. Each remark is certain; what cannot be seen is not guessed.</summary>
internal static class PolicyLint
{
    public static IReadOnlyList<PolicyIssue> Look(PolicySet set)
    {
        var remarks = new List<PolicyIssue>();
        var known = set.Rules.SelectMany(rule => rule.Actions).Where(action => !action.Contains('*', StringComparison.Ordinal))
            .Concat(set.Tests.Select(test => (test.Given.Find("action") as YamlText)?.Text ?? "")).ToHashSet(StringComparer.Ordinal);
        for (var index = 0; index < set.Rules.Count; index++)
        {
            var rule = set.Rules[index];
            Unreachable(set, index, remarks);
            // A required lock names its resource: without one the rule cannot be met, which is what it says.
            foreach (var unguarded in rule.Programs.Where(program => program != rule.Lock?.Resource).SelectMany(program => program.Unguarded))
            {
                remarks.Add(new PolicyIssue(rule.Line, rule.Column, $"rule {rule.Id} reads {unguarded.Path}, which may be absent, without has({unguarded.Path}); when it is, the rule {(rule.Effect == RuleEffect.Allow ? "is skipped" : "denies")}"));
            }

            foreach (var glob in rule.Actions.Where(action => action != "*" && action.Contains('*', StringComparison.Ordinal) && !known.Any(name => ActionGlob.Matches(action, name))))
            {
                remarks.Add(new PolicyIssue(rule.Line, rule.Column, $"rule {rule.Id}: no action that this document names, in a rule or a test, matches {glob}"));
            }
        }

        return [.. remarks.DistinctBy(remark => remark.Message).OrderBy(remark => (remark.Line, remark.Column))];
    }

    private static void Unreachable(PolicySet set, int index, List<PolicyIssue> remarks)
    {
        var rule = set.Rules[index];
        if (IsNever(rule))
        {
            remarks.Add(new PolicyIssue(rule.Line, rule.Column, $"rule {rule.Id} can never hold"));
            return;
        }

        if (rule.Effect != RuleEffect.Allow)
        {
            return;
        }

        var shadow = set.Rules.FirstOrDefault(other => other.Effect == RuleEffect.Deny && !other.IsAudit && IsAlways(other) && Covers(other, rule));
        if (shadow is not null)
        {
            remarks.Add(new PolicyIssue(rule.Line, rule.Column, $"rule {rule.Id} allows nothing: {shadow.Id} always denies the same actions, and a deny wins"));
            return;
        }

        var earlier = set.Rules.Take(index).FirstOrDefault(other => other.Effect == RuleEffect.Allow && !other.IsAudit && IsAlways(other) && Covers(other, rule));
        if (earlier is not null)
        {
            remarks.Add(new PolicyIssue(rule.Line, rule.Column, $"rule {rule.Id} is never needed: {earlier.Id} before it always allows the same actions"));
        }
    }

    private static bool IsAlways(PolicyRule rule) => rule.When is null || rule.When.Source.Trim() == "true";

    private static bool IsNever(PolicyRule rule) => rule.When?.Source.Trim() == "false";

    private static bool Covers(PolicyRule wide, PolicyRule narrow) => narrow.Actions.All(action => wide.Actions.Any(pattern => ActionGlob.Covers(pattern, action)));
}
