using ProtoMesh.Contracts.Policies;
using ProtoMesh.Server.Cel;

namespace ProtoMesh.Server.Policies;

/// <summary>The approval whose id came with a question.</summary>
/// <param name="Id">As it was sent.</param>
/// <param name="Approval">Null when it is none of this agent.</param>
/// <param name="Code">Why it is worth nothing; null when it waits, or may be used.</param>
internal sealed record ShownApproval(string Id, KnownApproval? Approval, string? Code)
{
    public bool IsPending => Code is null && Approval!.State == ApprovalState.Pending;

    /// <summary>Whether its use is free or was taken is the store's to say.</summary>
    public bool IsGiven => Code is null && !IsPending;

    public CelValue Facts => IsGiven ? ApprovalFacts.Of(Approval!) : default;
}

/// <summary>What approvals change of a decision: which rules fall silent, what is used for it, and what is asked of people.</summary>
internal sealed class PolicyApprovals(IApprovalBook book)
{
    /// <summary>How many standing grants are tried; others of the same action only matter when these are used up at this moment.</summary>
    private const int MostTried = 8;

    /// <summary>Longer than any request is repeated: until then the same request is known to have used it.</summary>
    private static readonly TimeSpan Kept = TimeSpan.FromDays(1);

    /// <summary>The approval that the caller shows; null when it shows none.</summary>
    public async ValueTask<ShownApproval?> ReadAsync(ActivePolicy active, PolicyQuestion question, CancellationToken cancellationToken)
    {
        if (question.ApprovalId is not { } id || question.IsRepeated)
        {
            return null;
        }

        var known = await book.FindAsync(question.Namespace, id, cancellationToken);
        var code = known is null || known.AgentId != question.AgentId ? "APPROVAL_UNKNOWN"
            : known.Digest != ApprovalDigest.Of(question, active.Set.Sha256) ? "APPROVAL_MISMATCH"
            : known.State is ApprovalState.Pending or ApprovalState.Approved or ApprovalState.Consumed ? null
            : $"APPROVAL_{known.State.ToUpperInvariant()}";
        return new ShownApproval(id, code == "APPROVAL_UNKNOWN" ? null : known, code);
    }

    /// <summary>
    /// The same, once it is known which rules ask now: a yes stands for the rules that asked for it, and for no others. A rule may read what the
    /// digest does not have, such as the lease that is asked for, or the time.
    /// </summary>
    public static ShownApproval? Judged(PolicyQuestion question, PolicyEvaluation evaluation, ShownApproval? shown) =>
        shown is not { Code: null, Approval: { } known } ? shown
        : question.Facts?.KeyId is { } key && known.Voters.Contains(key, StringComparer.Ordinal) ? shown with { Code = "APPROVAL_OWN" }
        : Asking(evaluation).All(hit => known.Rules.Contains(hit.Rule.Id, StringComparer.Ordinal) && OrDefault(hit.Rule) is var asked && asked.Group == known.Group && asked.Quorum <= known.Quorum)
            ? shown : shown with { Code = "APPROVAL_MISMATCH" };

    /// <summary>Why nobody can be asked: one yes is of one group, so rules of several cannot ask for the same thing.</summary>
    public static PolicyReason? Conflict(PolicySet set, PolicyEvaluation evaluation)
    {
        var groups = Asking(evaluation).Select(hit => OrDefault(hit.Rule).Group).Distinct(StringComparer.Ordinal).ToList();
        var rules = Asking(evaluation).Select(hit => hit.Rule).ToList();
        return groups.Count < 2 ? null : new PolicyReason
        {
            Rule = rules[0].Id, Code = "APPROVAL_GROUPS", Effect = "approval", At = PolicyReasons.At(set, rules[0]),
            ToChange = ["let the rules that ask name one group"],
            Message = $"The rules {string.Join(", ", rules.Select(rule => rule.Id).Distinct(StringComparer.Ordinal))} ask the groups {string.Join(" and ", groups)}; one approval is of one group, so nobody can approve this.",
        };
    }

    /// <summary>The use of the approval that was shown instead of asking; none when it may not be used.</summary>
    public static IReadOnlyList<Obligation.Grant> Usable(PolicyQuestion question, PolicyEvaluation evaluation, ShownApproval shown) => shown is not { IsGiven: true, Approval: { } given } ? []
        : [new Obligation.Grant(Asking(evaluation).First().Rule, question, given.Id, false, 1, given.ValidUntil!.Value, given.ValidUntil.Value + Kept, given.By)];

    /// <summary>The standing grants that may be used instead of asking, if their conditions hold.</summary>
    public async ValueTask<IReadOnlyList<UsableGrant>> StandingAsync(PolicyQuestion question, PolicyEvaluation evaluation, CancellationToken cancellationToken)
    {
        // One yes in advance stands for one yes, not for a quorum.
        var approvers = Asking(evaluation).Select(hit => OrDefault(hit.Rule)).ToList();
        if (question.IsRepeated || question.OnlyOpens || approvers.Any(each => each.Quorum != 1))
        {
            return [];
        }

        return await book.GrantsAsync(question, approvers[0].Group, cancellationToken);
    }

    /// <summary>Those whose condition holds.</summary>
    public static IReadOnlyList<Obligation.Grant> Usable(PolicySet set, PolicyQuestion question, PolicyEvaluation evaluation, IReadOnlyList<UsableGrant> grants) =>
        [.. grants.Where(grant => Holds(set, grant, evaluation)).Take(MostTried)
            .Select(grant => new Obligation.Grant(Asking(evaluation).First().Rule, question, grant.Id, true, grant.Uses, grant.ExpiresAt, grant.ExpiresAt + Kept, [grant.By]))];

    /// <summary>Asks people, unless the question only wants to know.</summary>
    public async ValueTask<KnownApproval?> OpenAsync(ActivePolicy active, PolicyQuestion question, PolicyEvaluation evaluation, ShownApproval? shown, CancellationToken cancellationToken)
    {
        if (shown is { IsPending: true })
        {
            return shown.Approval;
        }

        if (question.IsDryRun || question.IsRepeated)
        {
            return null;
        }

        var rules = Asking(evaluation).Select(hit => PolicyReasons.Of(active.Set, hit, evaluation)).Select(reason => new AskingRule(reason.Rule, reason.At, reason.Message))
            .DistinctBy(rule => (rule.Rule, rule.Message)).ToList();
        return await book.OpenAsync(
            new ApprovalDraft(question, active, ApprovalDigest.Of(question, active.Set.Sha256), ApproversOf(evaluation), rules), cancellationToken);
    }

    /// <summary>Of several approval rules of one group the one that asks for most.</summary>
    public static Approvers ApproversOf(PolicyEvaluation evaluation) => Asking(evaluation).Select(hit => OrDefault(hit.Rule)).MaxBy(approvers => approvers.Quorum)!;

    /// <summary>Why what was shown is worth nothing.</summary>
    public static PolicyReason Refusal(PolicySet set, PolicyEvaluation evaluation, ShownApproval shown)
    {
        var rule = Asking(evaluation).First().Rule;
        return Reason(set, rule, shown.Code!, shown.Id);
    }

    public static PolicyReason Refusal(PolicySet set, Obligation.Grant grant, string verdict) => Reason(
        set, grant.Rule, verdict switch { "late" => "APPROVAL_LAPSED", "revoked" => "APPROVAL_REVOKED", _ => "APPROVAL_CONSUMED" }, grant.Id);

    private static PolicyReason Reason(PolicySet set, PolicyRule rule, string code, string id) => new()
    {
        Rule = rule.Id, Code = code, Effect = "approval", At = PolicyReasons.At(set, rule), ToChange = ["ask again without approval_id"],
        Message = $"{Sentence(code, id)} Ask again without approval_id.",
    };

    private static string Sentence(string code, string id) => code switch
    {
        "APPROVAL_UNKNOWN" => "There is no such approval of this agent.",
        "APPROVAL_MISMATCH" => $"The approval {id} is of something else: agent, action, resources, metadata, the policy or the rules that ask are not those that were approved.",
        "APPROVAL_OWN" => $"The approval {id} was decided by the key that would use it.",
        "APPROVAL_CONSUMED" => $"The approval {id} was used already; it is good for one request.",
        "APPROVAL_DENIED" => $"The approval {id} was denied.",
        "APPROVAL_EXPIRED" => $"Nobody decided on the approval {id} in time.",
        "APPROVAL_CANCELLED" => $"The request for the approval {id} was cancelled.",
        "APPROVAL_SUPERSEDED" => $"The request for the approval {id} was replaced by a newer one, or the policy has changed.",
        "APPROVAL_LAPSED" => $"The approval {id} was not used in time.",
        _ => $"The approval {id} was revoked.",
    };

    private static IEnumerable<RuleHit> Asking(PolicyEvaluation evaluation) => evaluation.Against.Where(PolicyEvaluation.Asks);

    private static Approvers OrDefault(PolicyRule rule) => rule.Approvers ?? Approvers.Default;

    /// <summary>For every resource. A condition that another version of the policy does not know, or that fails, does not hold.</summary>
    private static bool Holds(PolicySet set, UsableGrant grant, PolicyEvaluation evaluation) => grant.Condition is not { } condition
        || (set.ConditionOf(condition) is { } program && evaluation.Inputs.All(slots => evaluation.Evaluate(program, slots).IsTrue));
}
