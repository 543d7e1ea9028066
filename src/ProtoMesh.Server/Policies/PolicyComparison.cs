using ProtoMesh.Contracts.Policies;
using ProtoMesh.Server.Policies.Documents;

namespace ProtoMesh.Server.Policies;

/// <summary>What changed between two versions: in the rules, and in the text.</summary>
internal static class PolicyComparison
{
    public static PolicyDiff Of(PolicyVersionRow from, PolicyVersionRow to)
    {
        var (before, after) = (RulesOf(from), RulesOf(to));
        return new PolicyDiff
        {
            Namespace = from.Namespace,
            Name = from.Name,
            From = from.Version,
            To = to.Version,
            Rules = new PolicyRuleChanges
            {
                Added = [.. after.Select(rule => rule.Id).Where(id => !before.Exists(rule => rule.Id == id))],
                Removed = [.. before.Select(rule => rule.Id).Where(id => !after.Exists(rule => rule.Id == id))],
                Changed = [.. after.Where(rule => before.Find(other => other.Id == rule.Id) is { } other && Meaning(other) != Meaning(rule)).Select(rule => rule.Id)],
            },
            Text = LineDiff.Unified(from.Document, to.Document, FormattableString.Invariant($"{from.Name} version {from.Version}"), FormattableString.Invariant($"{to.Name} version {to.Version}")),
        };
    }

    private static List<RuleSource> RulesOf(PolicyVersionRow row) => [.. DocumentReader.Read(row.Document, [])?.Rules ?? []];

    /// <summary>All of a rule but where it stands: a rule that only moved has not changed.</summary>
    private static string Meaning(RuleSource rule) => string.Join('\u0001',
        string.Join('\u0002', rule.Actions.Select(action => action.Text)), rule.When?.Text, rule.Effect, rule.Code, rule.Message?.Text, rule.IsAudit,
        rule.Lock?.Resource.Text, rule.Lock?.Mode, rule.Lock?.MinRemainingMs, rule.Rate?.Key.Text, rule.Rate?.Limit, rule.Rate?.Window, rule.Approvers);
}
