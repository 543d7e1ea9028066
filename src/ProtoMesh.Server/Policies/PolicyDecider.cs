using ProtoMesh.Contracts;
using ProtoMesh.Contracts.Policies;
using ProtoMesh.Server.Cel;
using ProtoMesh.Server.Http;

namespace ProtoMesh.Server.Policies;

/// <summary>What came of a question: an answer with everything that it was made of, or what is wrong with the question.</summary>
internal sealed record PolicyOutcome(PolicyAnswer? Answer, Problem? Problem, DecisionBuilder? Builder);

/// <summary>Answers a question by one version of a policy: reads the facts, asks the rules, and takes what they require.</summary>
internal sealed class PolicyDecider(PolicySubjects subjects, PolicyScripts scripts, PolicyApprovals approvals)
{
    /// <summary>How long an allow may be acted on at most.</summary>
    private static readonly TimeSpan MostValidity = TimeSpan.FromSeconds(60);
    private static readonly CelValue Free = LockFacts.Free.Value();

    public async ValueTask<PolicyOutcome> DecideAsync(ActivePolicy active, PolicyQuestion question, CancellationToken cancellationToken)
    {
        var (set, plan) = (active.Set, active.Set.PlanFor(question.Action));
        var errors = new List<FieldError>();
        var metadata = set.Metadata.Read(question.Metadata, errors);
        var asked = question.Resources.Count == 0
            ? [subjects.Read(question, null, errors)]
            : question.Resources.Select(resource => subjects.Read(question, resource, errors)).ToArray();
        if (errors.Count > 0)
        {
            return new PolicyOutcome(null, Problems.Invalid([.. errors.DistinctBy(error => error.Field)]), null);
        }

        var shown = await approvals.ReadAsync(active, question, cancellationToken);
        var now = await scripts.NowAsync(cancellationToken);
        var evaluation = new PolicyEvaluation();
        for (var index = 0; index < asked.Length; index++)
        {
            var subject = asked[index];
            var held = plan.NeedsLock ? await HeldAsync(question, subject, cancellationToken) : Free;
            var slots = SlotsOf(set, question, subject, question.Requests.ElementAtOrDefault(index), held, metadata, now, shown?.Facts ?? default);
            if (plan.NeedsBudgets)
            {
                slots[PolicyVariables.Budget] = await BudgetFacts.ReadAsync(set, question, slots, scripts, now, cancellationToken);
            }

            evaluation.Add(set, plan, slots);
        }

        var id = Guid.CreateVersion7(now).ToString();
        var obligations = BudgetRequirements.Named(PolicyRequirements.Of(evaluation, question), question, id);
        var (decided, would) = (evaluation.Verdict(withAudit: false), evaluation.Verdict(withAudit: true));
        if (decided == PolicyVerdict.Allow && (shown is not null || question.OnlyOpens))
        {
            return new PolicyOutcome(null, Problems.Of("approval_not_needed", $"{question.Action} is allowed without an approval."), null);
        }

        shown = PolicyApprovals.Judged(question, evaluation, shown);
        var conflict = decided == PolicyVerdict.RequireApproval ? PolicyApprovals.Conflict(set, evaluation) : null;
        IReadOnlyList<ObligationResult> results = [];
        IReadOnlyList<Obligation.Grant> usable = decided == PolicyVerdict.RequireApproval && conflict is null
            ? shown is not null ? PolicyApprovals.Usable(question, evaluation, shown) : await StandingAsync(set, plan, question, asked, evaluation, now, cancellationToken) : [];
        var required = obligations;
        foreach (var grant in usable)
        {
            obligations = [.. required, grant];
            (now, results) = await ObligeAsync(active, question, id, !question.IsDryRun, obligations, now, cancellationToken);
            if (shown is not null || results.Any(result => result is { IsMet: true, Obligation: Obligation.Grant }))
            {
                (decided, would) = (PolicyVerdict.Allow, evaluation.Verdict(withAudit: true, isApproved: true));
                break;
            }

            // A standing grant that was used up or revoked since it was found.
            (obligations, results) = (required, []);
        }

        if (usable.Count == 0 && obligations.Count > 0 && !question.OnlyOpens && (decided == PolicyVerdict.Allow || would == PolicyVerdict.Allow))
        {
            (now, results) = await ObligeAsync(active, question, id, decided == PolicyVerdict.Allow && !question.IsDryRun, obligations, now, cancellationToken);
        }

        var refusal = conflict ?? (shown is { Code: not null } && decided == PolicyVerdict.RequireApproval ? PolicyApprovals.Refusal(set, evaluation, shown) : null);
        decided = refusal is null ? decided : PolicyVerdict.Deny;
        var approval = decided == PolicyVerdict.RequireApproval ? await approvals.OpenAsync(active, question, evaluation, shown, cancellationToken) : null;
        var builder = new DecisionBuilder(active, question, plan, asked, evaluation, obligations, results, now) { Asked = approval, Refusal = refusal };
        var decision = builder.Build(decided, id, MostValidity);
        var isTaken = decision.Allowed && !question.IsDryRun;
        return new PolicyOutcome(new PolicyAnswer(decision, isTaken ? [.. Taken(results)] : [], now)
        {
            Reserved = isTaken ? [.. Reserved(results)] : [],
            Used = isTaken ? results.Where(result => result is { Verdict: "free", Obligation: Obligation.Grant }).Select(result => (Obligation.Grant)result.Obligation).SingleOrDefault() : null,
            Asked = approval,
        }, null, builder);
    }

    private async ValueTask<CelValue> HeldAsync(PolicyQuestion question, PolicySubject subject, CancellationToken cancellationToken) =>
        subject.Resource is { } resource ? (await scripts.LookAsync(resource, question.AgentId, question.FencingToken, cancellationToken)).Value() : Free;

    /// <summary>The standing grants whose condition holds. A condition may read what no rule about the action does, and that was not asked of the store yet.</summary>
    private async ValueTask<IReadOnlyList<Obligation.Grant>> StandingAsync(
        PolicySet set, PolicyPlan plan, PolicyQuestion question, PolicySubject[] asked, PolicyEvaluation evaluation, DateTimeOffset now, CancellationToken cancellationToken)
    {
        var grants = await approvals.StandingAsync(question, evaluation, cancellationToken);
        var paths = grants.SelectMany(grant => grant.Condition is { } condition ? set.ConditionOf(condition)?.Paths ?? [] : []).ToHashSet(StringComparer.Ordinal);
        var (readsLock, readsBudgets) = (!plan.NeedsLock && PolicyPlan.HasPath(paths, "lock"), !plan.NeedsBudgets && PolicyPlan.HasPath(paths, "budget"));
        for (var index = 0; (readsLock || readsBudgets) && index < asked.Length; index++)
        {
            var slots = evaluation.Inputs[index];
            slots[PolicyVariables.Lock] = readsLock ? await HeldAsync(question, asked[index], cancellationToken) : slots[PolicyVariables.Lock];
            slots[PolicyVariables.Budget] = readsBudgets ? await BudgetFacts.ReadAsync(set, question, slots, scripts, now, cancellationToken) : slots[PolicyVariables.Budget];
        }

        return PolicyApprovals.Usable(set, question, evaluation, grants);
    }

    /// <summary>Together with what the action is for the store, where that is possible.</summary>
    private Task<(DateTimeOffset Now, IReadOnlyList<ObligationResult> Results)> ObligeAsync(
        ActivePolicy active, PolicyQuestion question, string id, bool takes, IReadOnlyList<Obligation> obligations, DateTimeOffset now, CancellationToken cancellationToken) =>
        takes && question.Step is { } step && scripts.AreIn(step.Partition, question.Namespace, obligations)
            ? scripts.ObligeAsync(step, StampOf(active, id, obligations, now), question.TakerOf(id), obligations, cancellationToken)
            : scripts.ObligeAsync(question.Namespace, question.TakerOf(id), takes, obligations, cancellationToken);

    private static IEnumerable<Obligation.Rate> Taken(IEnumerable<ObligationResult> results) =>
        results.Where(result => result is { Verdict: "free", Obligation: Obligation.Rate }).Select(result => (Obligation.Rate)result.Obligation);

    private static IEnumerable<string> Reserved(IEnumerable<ObligationResult> results) =>
        results.Where(result => result is { Verdict: "fits", Obligation: Obligation.Budget, Obligation.Rule.IsAudit: false }).Select(result => ((Obligation.Budget)result.Obligation).Hold.ReservationId);

    /// <summary>What a request carries along of a decision that the store has yet to confirm.</summary>
    private static PolicyStamp StampOf(ActivePolicy active, string id, IReadOnlyList<Obligation> obligations, DateTimeOffset now)
    {
        var budgets = obligations.OfType<Obligation.Budget>().Where(budget => !budget.Rule.IsAudit).Select(budget => BudgetReasons.Wanted(budget, now)).ToList();
        var grant = obligations.OfType<Obligation.Grant>().SingleOrDefault();
        return new PolicyStamp
        {
            DecisionId = id,
            Policy = new PolicyReference { Name = active.Set.Name, Version = active.Version, Sha256 = active.Set.Sha256 },
            Obligations = budgets.Count == 0 && grant is null ? null : new PolicyObligations
            {
                Budget = budgets.Count > 0 ? budgets : null,
                Approval = grant is null ? null : DecisionBuilder.ShownOf(grant, grant.IsStanding ? null : 0),
            },
        };
    }

    internal static CelValue[] SlotsOf(PolicySet set, PolicyQuestion question, PolicySubject subject, RequestFacts? request, CelValue held, CelValue metadata, DateTimeOffset now, CelValue approval = default)
    {
        var slots = new CelValue[PolicyVariables.Count];
        slots[PolicyVariables.Agent] = subject.AgentValue();
        slots[PolicyVariables.Action] = CelValue.Of(question.Action);
        slots[PolicyVariables.Resource] = subject.ResourceValue();
        slots[PolicyVariables.Request] = RequestFacts.ValueOf(request, approval);
        slots[PolicyVariables.Lock] = held;
        slots[PolicyVariables.Metadata] = metadata;
        slots[PolicyVariables.Params] = set.Params;
        slots[PolicyVariables.Now] = CelValue.Of(now);
        slots[PolicyVariables.Run] = BudgetFacts.RunOf(question.RunId);
        slots[PolicyVariables.Budget] = CelValue.Map(CelMap.Empty);
        return slots;
    }
}
