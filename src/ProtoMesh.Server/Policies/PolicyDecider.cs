using ProtoMesh.Contracts;
using ProtoMesh.Contracts.Policies;
using ProtoMesh.Server.Cel;
using ProtoMesh.Server.Http;

namespace ProtoMesh.Server.Policies;

/// <summary>What came of a question: an answer with everything that it was made of, or what is wrong with the question.</summary>
internal sealed record PolicyOutcome(PolicyAnswer? Answer, Problem? Problem, DecisionBuilder? Builder);

/// <summary>Answers a question by one version of a policy: reads the facts, asks the rules, and takes what they require.</summary>
internal sealed class PolicyDecider(PolicySubjects subjects, PolicyScripts scripts)
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

        var now = await scripts.NowAsync(cancellationToken);
        var evaluation = new PolicyEvaluation();
        for (var index = 0; index < asked.Length; index++)
        {
            var subject = asked[index];
            var held = plan.NeedsLock && subject.Resource is { } resource
                ? (await scripts.LookAsync(resource, question.AgentId, question.FencingToken, cancellationToken)).Value()
                : Free;
            var slots = SlotsOf(set, question, subject, question.Requests.ElementAtOrDefault(index), held, metadata, now);
            if (plan.NeedsBudgets)
            {
                slots[PolicyVariables.Budget] = await BudgetFacts.ReadAsync(set, question, slots, scripts, now, cancellationToken);
            }

            evaluation.Add(set, plan, slots);
        }

        var id = Guid.CreateVersion7(now).ToString();
        var obligations = BudgetRequirements.Named(PolicyRequirements.Of(evaluation, question), question, id);
        var (decided, would) = (evaluation.Verdict(withAudit: false), evaluation.Verdict(withAudit: true));
        IReadOnlyList<ObligationResult> results = [];
        if (obligations.Count > 0 && (decided == PolicyVerdict.Allow || would == PolicyVerdict.Allow))
        {
            var takes = decided == PolicyVerdict.Allow && !question.IsDryRun;
            (now, results) = takes && question.Step is { } step && scripts.AreIn(step.Partition, question.Namespace, obligations)
                ? await scripts.ObligeAsync(step, StampOf(active, id), question.TakerOf(id), obligations, cancellationToken)
                : await scripts.ObligeAsync(question.Namespace, question.TakerOf(id), takes, obligations, cancellationToken);
        }

        var builder = new DecisionBuilder(active, question, plan, asked, evaluation, obligations, results, now);
        var decision = builder.Build(decided, id, MostValidity);
        var taken = decision.Allowed && !question.IsDryRun
            ? results.Where(result => result is { Verdict: "free", Obligation: Obligation.Rate }).Select(result => (Obligation.Rate)result.Obligation).ToArray()
            : [];
        var reserved = decision.Allowed && !question.IsDryRun
            ? results.Where(result => result is { Verdict: "fits", Obligation: Obligation.Budget, Obligation.Rule.IsAudit: false }).Select(result => ((Obligation.Budget)result.Obligation).Hold.ReservationId).ToArray()
            : [];
        return new PolicyOutcome(new PolicyAnswer(decision, taken, now) { Reserved = reserved }, null, builder);
    }

    private static PolicyStamp StampOf(ActivePolicy active, string id) => new()
    {
        DecisionId = id,
        Policy = new PolicyReference { Name = active.Set.Name, Version = active.Version, Sha256 = active.Set.Sha256 },
    };

    internal static CelValue[] SlotsOf(PolicySet set, PolicyQuestion question, PolicySubject subject, RequestFacts? request, CelValue held, CelValue metadata, DateTimeOffset now)
    {
        var slots = new CelValue[PolicyVariables.Count];
        slots[PolicyVariables.Agent] = subject.AgentValue();
        slots[PolicyVariables.Action] = CelValue.Of(question.Action);
        slots[PolicyVariables.Resource] = subject.ResourceValue();
        slots[PolicyVariables.Request] = request?.Value() ?? RequestFacts.None;
        slots[PolicyVariables.Lock] = held;
        slots[PolicyVariables.Metadata] = metadata;
        slots[PolicyVariables.Params] = set.Params;
        slots[PolicyVariables.Now] = CelValue.Of(now);
        slots[PolicyVariables.Run] = BudgetFacts.RunOf(question.RunId);
        slots[PolicyVariables.Budget] = CelValue.Map(CelMap.Empty);
        return slots;
    }
}
