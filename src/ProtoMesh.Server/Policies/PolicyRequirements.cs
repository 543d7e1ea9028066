using ProtoMesh.Server.Cel;
using ProtoMesh.Server.Store;

namespace ProtoMesh.Server.Policies;

/// <summary>Turns rules that require something into what the store is asked; an expression that fails makes the rule deny.</summary>
internal static class PolicyRequirements
{
    public static IReadOnlyList<Obligation> Of(PolicyEvaluation evaluation, PolicyQuestion question)
    {
        if (evaluation.Required.Count == 0)
        {
            return [];
        }

        var obligations = new List<Obligation>();
        foreach (var hit in evaluation.Required)
        {
            Obligation? obligation = hit.Rule.Lock is { } held ? LeaseOf(hit, held, question, evaluation)
                : hit.Rule.Budget is { } budget ? BudgetRequirements.Of(hit, budget, question, evaluation) : RateOf(hit, hit.Rule.Rate!, question, evaluation);
            if (obligation is not null && !obligations.Contains(obligation))
            {
                obligations.Add(obligation);
            }
        }

        return obligations;
    }

    private static Obligation.Lease? LeaseOf(RuleHit hit, LockRequirement need, PolicyQuestion question, PolicyEvaluation evaluation)
    {
        if (Text(need.Resource, hit, evaluation) is not { } text)
        {
            return null;
        }

        if (!ResourceName.TryParse(question.Namespace, text, out var resource))
        {
            evaluation.Against.Add(hit with { Fault = new CelFault($"'{(text.Length <= 80 ? text : text[..80])}' is no resource; a lock is required on a type/id", default) });
            return null;
        }

        // The lease that is asked for here is the one that the rule requires: its grant is the proof.
        return Requested(question, resource) is { } request && Covers(request.Mode, need.Mode) && request.LivesAtLeastMs >= need.MinRemainingMs
            ? null
            : new Obligation.Lease(hit.Rule, resource, question.AgentId, question.FencingToken);
    }

    private static RequestFacts? Requested(PolicyQuestion question, ResourceName resource)
    {
        for (var index = 0; index < question.Requests.Count && index < question.Resources.Count; index++)
        {
            if (question.Resources[index] == resource)
            {
                return question.Requests[index];
            }
        }

        return null;
    }

    private static Obligation.Rate? RateOf(RuleHit hit, RateRequirement need, PolicyQuestion question, PolicyEvaluation evaluation) =>
        question.IsRepeated || Text(need.Key, hit, evaluation) is not { } key ? null : new Obligation.Rate(hit.Rule, PolicyScripts.RateKey(question.Namespace, hit.Rule.Id, need.Window, key));

    private static string? Text(CelProgram program, RuleHit hit, PolicyEvaluation evaluation)
    {
        var value = evaluation.Evaluate(program, hit.Slots);
        if (value.Kind == CelKind.String)
        {
            return value.AsString;
        }

        evaluation.Against.Add(hit with { Fault = value.Fault ?? new CelFault("a text is required", default) });
        return null;
    }

    private static bool Covers(string has, string need) => has == need || (has == "exclusive" && need == "shared");
}
