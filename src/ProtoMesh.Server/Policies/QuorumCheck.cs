using ProtoMesh.Server.Access;

namespace ProtoMesh.Server.Policies;

/// <summary>Finds rules whose approval nobody could give: with keys on, more people are asked for than there are.</summary>
internal static class QuorumCheck
{
    public static IReadOnlyList<PolicyIssue> Look(PolicySet set, string space, KeyRing ring, DateTimeOffset now)
    {
        if (ring.Mode != AccessMode.Keys)
        {
            return [];
        }

        var approvers = ring.Keys.Values.Where(key => key.IsGood(now) && key.May.HasFlag(Scopes.ApprovalsDecide) && (key.Namespace is null || key.Namespace == space)).ToList();
        var issues = new List<PolicyIssue>();
        foreach (var rule in set.Rules.Where(rule => rule is { Effect: RuleEffect.RequireApproval, IsAudit: false }))
        {
            var need = rule.Approvers ?? Approvers.Default;
            var there = approvers.Count(key => key.Groups.Contains(need.Group, StringComparer.Ordinal));
            if (there < need.Quorum)
            {
                issues.Add(new PolicyIssue(rule.Line, rule.Column, FormattableString.Invariant(
                    $"the rule {rule.Id} asks {need.Quorum} of the group {need.Group}, and {there} keys that may decide are of it in the namespace {space}")));
            }
        }

        return issues;
    }
}
