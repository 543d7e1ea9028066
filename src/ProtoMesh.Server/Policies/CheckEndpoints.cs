using ProtoMesh.Contracts.Policies;
using ProtoMesh.Server.Access;
using ProtoMesh.Server.Http;

namespace ProtoMesh.Server.Policies;

/// <summary>The questions: <c>POST /v1/policies/check</c> and <c>/check-batch</c>. A deny is an answer, so it is 200.</summary>
internal static class CheckEndpoints
{
    public static void MapPolicyChecks(this IEndpointRouteBuilder routes)
    {
        var policies = routes.MapGroup("/v1/policies").WithTags("Policies");
        policies.MapPost("/check", CheckAsync).Needs(Scopes.PoliciesCheck).WithName("checkPolicy").Documented(CheckDocs.Check).Answers<PolicyDecision>(200).Fails("validation_failed", "agent_mismatch", "namespace_unknown", "approval_not_needed", "approvals_unavailable");
        policies.MapPost("/check-batch", CheckBatchAsync).Needs(Scopes.PoliciesCheck).WithName("checkPolicies").Documented(CheckDocs.CheckBatch).Answers<PolicyDecisions>(200).Fails("validation_failed");
    }

    private static async Task<IResult> CheckAsync(CheckPolicy body, HttpContext context, PolicyService service, CancellationToken cancellationToken, bool dry_run = false)
    {
        var result = await DecideAsync(body, Caller.Of(context), service, dry_run, cancellationToken);
        return result.Problem is { } problem ? Problems.Result(problem) : TypedResults.Ok(result.Decision);
    }

    private static async Task<IResult> CheckBatchAsync(CheckPolicies body, HttpContext context, PolicyService service, CancellationToken cancellationToken, bool dry_run = false)
    {
        if (body.Checks is not { Count: >= 1 and <= CheckValidator.MostChecks } checks)
        {
            return Problems.Validation("checks", $"1 to {CheckValidator.MostChecks} checks", body.Checks?.Count);
        }

        var results = new List<PolicyResult>(checks.Count);
        foreach (var check in checks)
        {
            results.Add(check is null
                ? new PolicyResult { Problem = Problems.Invalid([Problems.Field($"checks[{results.Count}]", "an object with agent_id and action", null)]) }
                : await DecideAsync(check, Caller.Of(context), service, dry_run, cancellationToken));
        }

        return TypedResults.Ok(new PolicyDecisions { Results = results });
    }

    private static async ValueTask<PolicyResult> DecideAsync(CheckPolicy check, Caller caller, PolicyService service, bool isDryRun, CancellationToken cancellationToken)
    {
        if (caller.Admit(check.Namespace, check.AgentId, out var space, out var agentId) is { } foreign)
        {
            return new PolicyResult { Problem = foreign };
        }

        var (question, problem) = CheckValidator.Read(check with { Namespace = space, AgentId = agentId }, isDryRun);
        if (question is null)
        {
            return new PolicyResult { Problem = problem };
        }

        var (answer, refused) = await service.DecideAsync(question with { Facts = caller.Facts }, cancellationToken);
        return new PolicyResult { Decision = answer?.Decision, Problem = refused };
    }
}
