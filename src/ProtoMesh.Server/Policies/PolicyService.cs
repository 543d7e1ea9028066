using ProtoMesh.Contracts;
using ProtoMesh.Server.Store;

namespace ProtoMesh.Server.Policies;

/// <summary>Decides by the policy that is active in the question's namespace, and writes down what came of it.</summary>
internal sealed class PolicyService(ActivePolicies policies, PolicyDecider decider, PolicyScripts scripts, GrantScripts grants, DecisionLog log, TimeProvider time)
{
    /// <summary>The digest of the document that decides in a namespace now.</summary>
    public string DigestOf(string space) => policies.Of(space).Set.Sha256;

    /// <summary>Whether an allow of the action may take something that a repetition must not take again.</summary>
    public bool TakesFor(string space, string action) => policies.Of(space).Set.PlanFor(action).Requiring.Any(rule => rule.Rate is not null || rule.Budget is not null);

    /// <summary>The decision, or what is wrong with the question.</summary>
    public async ValueTask<(PolicyAnswer? Answer, Problem? Problem)> DecideAsync(PolicyQuestion question, CancellationToken cancellationToken)
    {
        var started = time.GetTimestamp();
        var outcome = await decider.DecideAsync(policies.Of(question.Namespace), question, cancellationToken);
        if (outcome is { Answer: { } answer, Builder: { } builder })
        {
            if (answer.Used is not null)
            {
                await grants.UsedAsync(question.Namespace, cancellationToken);
            }

            log.Record(builder, answer.Decision, time.GetElapsedTime(started));
        }

        return (outcome.Answer, outcome.Problem);
    }

    /// <summary>Whether the budgets of a namespace are counted in a partition.</summary>
    public bool IsHome(string space, int partition) => scripts.HomeOf(space) == partition;

    /// <summary>Ends what a rule reserved for an agent that will not spend it, if it has not settled it itself.</summary>
    public async Task ReleaseAsync(string space, string agentId, string reservation)
    {
        try
        {
            await scripts.ReleaseAsync(space, agentId, reservation);
        }
        catch (StoreException)
        {
            // The amount stays held until its hold is over: too little is allowed then, never too much.
        }
    }

    /// <summary>Gives back what an allow took, because its action did not come about. What cannot be given back ends with its window.</summary>
    public async Task GiveBackAsync(PolicyQuestion question, PolicyAnswer answer)
    {
        try
        {
            if (answer.Used is { } used)
            {
                await grants.ReturnAsync(used, question.TakerOf(answer.Decision.DecisionId), CancellationToken.None);
            }

            await scripts.GiveBackAsync(question.Namespace, answer.Reserved);
            if (answer.Taken.Count == 0)
            {
                return;
            }

            await scripts.GiveBackAsync(question.Namespace, question.TakerOf(answer.Decision.DecisionId), answer.At, answer.Taken, CancellationToken.None);
        }
        catch (StoreException)
        {
            // The place stays taken until its window is over, and the amount until its hold is: too little is allowed then, never too much.
        }
    }
}
