using System.Text.Json;
using ProtoMesh.Contracts;
using ProtoMesh.Contracts.Policies;
using ProtoMesh.Server.Cel;
using ProtoMesh.Server.Http;
using ProtoMesh.Server.Store;

namespace ProtoMesh.Server.Policies;

/// <summary>Decides: reads the facts, asks the rules, takes what they require, and writes down what came of it.</summary>
internal sealed class PolicyService(ActivePolicies policies, PolicySubjects subjects, PolicyScripts scripts, DecisionLog log, TimeProvider time)
{
    /// <summary>How long an allow may be acted on at most.</summary>
    private static readonly TimeSpan MostValidity = TimeSpan.FromSeconds(60);
    private static readonly CelValue Free = LockFacts.Free.Value();

    /// <summary>The digest of the document that decides in a namespace now.</summary>
    public string DigestOf(string space) => policies.Of(space).Set.Sha256;

    /// <summary>Whether an allow of the action may take something that a repetition must not take again.</summary>
    public bool TakesFor(string space, string action) => policies.Of(space).Set.PlanFor(action).Requiring.Any(rule => rule.Rate is not null);

    /// <summary>The decision, or what is wrong with the question.</summary>
    public async ValueTask<(PolicyAnswer? Answer, Problem? Problem)> DecideAsync(PolicyQuestion question, CancellationToken cancellationToken)
    {
        var started = time.GetTimestamp();
        var active = policies.Of(question.Namespace);
        var (set, plan) = (active.Set, active.Set.PlanFor(question.Action));
        var errors = new List<FieldError>();
        var metadata = set.Metadata.Read(question.Metadata, errors);
        var asked = question.Resources.Count == 0
            ? [subjects.Read(question.Namespace, question.AgentId, null, question.Metadata, errors)]
            : question.Resources.Select(resource => subjects.Read(question.Namespace, question.AgentId, resource, question.Metadata, errors)).ToArray();
        if (errors.Count > 0)
        {
            return (null, Problems.Invalid([.. errors.DistinctBy(error => error.Field)]));
        }

        var now = await scripts.NowAsync(cancellationToken);
        var evaluation = new PolicyEvaluation();
        foreach (var subject in asked)
        {
            var held = plan.NeedsLock && subject.Resource is { } resource
                ? (await scripts.LookAsync(resource, question.AgentId, question.FencingToken, cancellationToken)).Value()
                : Free;
            evaluation.Add(set, plan, SlotsOf(set, question, subject, held, metadata, now));
        }

        var obligations = PolicyRequirements.Of(evaluation, question);
        var (decided, would) = (evaluation.Verdict(withAudit: false), evaluation.Verdict(withAudit: true));
        IReadOnlyList<ObligationResult> results = [];
        if (obligations.Count > 0 && (decided == PolicyVerdict.Allow || would == PolicyVerdict.Allow))
        {
            var takes = decided == PolicyVerdict.Allow && !question.IsDryRun;
            (now, results) = await scripts.ObligeAsync(question.Namespace, question.RequestId, takes, obligations, cancellationToken);
        }

        var builder = new DecisionBuilder(active, question, plan, asked[0], evaluation, obligations, results, now);
        var decision = builder.Build(decided, Guid.CreateVersion7(now), MostValidity);
        log.Record(builder, decision, would, time.GetElapsedTime(started));
        var taken = decision.Allowed && !question.IsDryRun
            ? results.Where(result => result is { Verdict: "free", Obligation: Obligation.Rate { Rule.IsAudit: false } }).Select(result => (Obligation.Rate)result.Obligation).ToArray()
            : [];
        return (new PolicyAnswer(decision, taken, now), null);
    }

    /// <summary>Gives back what an allow took, because its action did not come about. What cannot be given back ends with its window.</summary>
    public async Task GiveBackAsync(PolicyQuestion question, PolicyAnswer answer)
    {
        if (answer.Taken.Count == 0)
        {
            return;
        }

        try
        {
            await scripts.GiveBackAsync(question.Namespace, question.RequestId, answer.At, answer.Taken, CancellationToken.None);
        }
        catch (StoreException)
        {
            // The place stays taken until its window is over: too little is allowed then, never too much.
        }
    }

    internal static CelValue[] SlotsOf(PolicySet set, PolicyQuestion question, PolicySubject subject, CelValue held, CelValue metadata, DateTimeOffset now)
    {
        var slots = new CelValue[PolicyVariables.Count];
        slots[PolicyVariables.Agent] = subject.AgentValue();
        slots[PolicyVariables.Action] = CelValue.Of(question.Action);
        slots[PolicyVariables.Resource] = subject.ResourceValue();
        slots[PolicyVariables.Request] = question.Request?.Value() ?? RequestFacts.None;
        slots[PolicyVariables.Lock] = held;
        slots[PolicyVariables.Metadata] = metadata;
        slots[PolicyVariables.Params] = set.Params;
        slots[PolicyVariables.Now] = CelValue.Of(now);
        return slots;
    }
}
