using ProtoMesh.Contracts.Policies;

namespace ProtoMesh.Server.Policies;

/// <summary>Puts a decision together from what the rules and the store said.</summary>
internal sealed class DecisionBuilder(
    ActivePolicy active, PolicyQuestion question, PolicyPlan plan, IReadOnlyList<PolicySubject> subjects, PolicyEvaluation evaluation,
    IReadOnlyList<Obligation> obligations, IReadOnlyList<ObligationResult> results, DateTimeOffset now)
{
    private static readonly Dictionary<string, string> NoFacts = [];

    public PolicyQuestion Question => question;

    public PolicyEvaluation Evaluation => evaluation;

    public DateTimeOffset Now => now;

    /// <summary>What people were asked.</summary>
    public KnownApproval? Asked { get; init; }

    /// <summary>Why the approval that was shown is worth nothing.</summary>
    public PolicyReason? Refusal { get; init; }

    /// <summary>An approval is used, so the rules that ask for one are silent.</summary>
    private bool IsApproved => obligations.Any(obligation => obligation is Obligation.Grant);

    public PolicyDecision Build(string verdict, string id, TimeSpan mostValidity)
    {
        var set = active.Set;
        var reasons = Against(audit: false);
        reasons.InsertRange(0, Refusal is null ? [] : [Refusal]);
        var unmet = Unmet(audit: false);
        if (verdict == PolicyVerdict.Allow && unmet.Count > 0)
        {
            verdict = PolicyVerdict.Deny;
            reasons.AddRange(unmet);
        }
        else if (verdict == PolicyVerdict.Deny && reasons.All(reason => reason.Effect == PolicyVerdict.RequireApproval))
        {
            reasons.Add(PolicyReasons.Nothing(set, question.Action));
        }

        var allowed = verdict == PolicyVerdict.Allow;
        var met = allowed ? Met() : null;
        var first = reasons.FirstOrDefault(reason => verdict != PolicyVerdict.Deny || reason.Effect != PolicyVerdict.RequireApproval);
        return new PolicyDecision
        {
            DecisionId = id,
            Decision = verdict,
            Allowed = allowed,
            Reason = first?.Message ?? "All policies passed",
            Policy = new PolicyReference { Name = set.Name, Version = active.Version, Sha256 = set.Sha256 },
            Reasons = reasons,
            Facts = Facts(),
            AuditOnly = [.. Against(audit: true), .. Unmet(audit: true)],
            Obligations = met,
            Approval = verdict == PolicyVerdict.RequireApproval ? Approval() : null,
            ValidUntil = allowed ? ValidUntil(mostValidity) : null,
            DryRun = question.IsDryRun ? true : null,
        };
    }

    /// <summary>What would have been decided if the rules in audit mode were enforced.</summary>
    public string Would
    {
        get
        {
            var byRules = evaluation.Verdict(withAudit: true, IsApproved);
            return byRules == PolicyVerdict.Allow && results.Any(result => !result.IsMet) ? PolicyVerdict.Deny : byRules;
        }
    }

    /// <summary>The ids of the rules that spoke, for a list.</summary>
    public IEnumerable<string> RulesOf(PolicyDecision decision) => decision.Reasons.Select(reason => reason.Rule).Distinct(StringComparer.Ordinal);

    private List<PolicyReason> Against(bool audit) =>
        [.. evaluation.Against.Where(hit => hit.Rule.IsAudit == audit && !(IsApproved && PolicyEvaluation.Asks(hit))).Select(hit => PolicyReasons.Of(active.Set, hit, evaluation)).DistinctBy(reason => (reason.Rule, reason.Message))];

    private List<PolicyReason> Unmet(bool audit) =>
        [.. results.Where(result => !result.IsMet && result.Obligation.Rule.IsAudit == audit)
            .Select(result => result.Obligation is Obligation.Grant grant
                ? PolicyApprovals.Refusal(active.Set, grant, result.Verdict)
                : PolicyReasons.Of(active.Set, result, SlotsOf(result.Obligation.Rule), question, evaluation))];

    private Cel.CelValue[] SlotsOf(PolicyRule rule) => evaluation.Required.First(hit => hit.Rule == rule).Slots;

    private PolicyObligations? Met()
    {
        var enforced = results.Where(result => !result.Obligation.Rule.IsAudit).ToList();
        var shown = enforced.FirstOrDefault(result => result.Obligation is Obligation.Lease);
        var requested = question.Requests.Count > 0 && evaluation.Required.Any(hit => hit.Rule is { Lock: not null, IsAudit: false }) && !obligations.Any(obligation => obligation is Obligation.Lease);
        var rates = enforced.Where(result => result.Obligation is Obligation.Rate)
            .Select(result => new RateObligation { Rule = result.Obligation.Rule.Id, Remaining = result.Left, ResetsInMs = result.InMs }).ToList();
        var budgets = enforced.Where(result => result.Obligation is Obligation.Budget).Select(result => BudgetReasons.Met(result, question.IsDryRun, now)).ToList();
        var used = enforced.FirstOrDefault(result => result.Obligation is Obligation.Grant);
        return shown is null && !requested && rates.Count == 0 && budgets.Count == 0 && used is null ? null : new PolicyObligations
        {
            Lock = shown is not null ? new LockObligation { LockId = shown.LockId, ExpiresInMs = shown.InMs } : requested ? new LockObligation() : null,
            Rate = rates.Count > 0 ? rates : null,
            Budget = budgets.Count > 0 ? budgets : null,
            Approval = used?.Obligation is Obligation.Grant grant ? ShownOf(grant, used.Left) : null,
        };
    }

    private DateTimeOffset ValidUntil(TimeSpan most)
    {
        var left = results.Where(result => result is { Obligation: Obligation.Lease, IsMet: true }).Select(result => TimeSpan.FromMilliseconds(result.InMs)).Append(most).Min();
        return now + left;
    }

    private PolicyApproval Approval()
    {
        if (Asked is { } asked)
        {
            return new PolicyApproval
            {
                ApprovalId = asked.Id, State = asked.State, Group = asked.Group, Quorum = asked.Quorum, ExpiresAt = asked.EndsAt, ExpiresInMs = asked.EndsInMs,
            };
        }

        var approvers = PolicyApprovals.ApproversOf(evaluation);
        return new PolicyApproval { Group = approvers.Group, Quorum = approvers.Quorum, ExpiresInMs = (long)approvers.Expires.TotalMilliseconds };
    }

    internal static ApprovalObligation ShownOf(Obligation.Grant grant, int? left) => grant.IsStanding
        ? new ApprovalObligation { GrantId = grant.Id, By = grant.By, UsesLeft = left } : new ApprovalObligation { ApprovalId = grant.Id, By = grant.By };

    private Dictionary<string, string> Facts()
    {
        if (plan.Reads.Length == 0)
        {
            return NoFacts;
        }

        var facts = new Dictionary<string, string>(plan.Reads.Length, StringComparer.Ordinal);
        foreach (var path in plan.Reads)
        {
            // Of several resources the one whose word is worth least.
            facts[path] = subjects.Any(subject => subject.SourceOf(path) == FactSource.Claimed) ? "claimed"
                : subjects.Any(subject => subject.SourceOf(path) == FactSource.Default) ? "default"
                : subjects.Any(subject => subject.SourceOf(path) == FactSource.Configured) ? "configured" : "key";
        }

        return facts;
    }
}
