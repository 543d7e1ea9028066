using ProtoMesh.Contracts;
using ProtoMesh.Contracts.Policies;
using ProtoMesh.Server.Access;
using ProtoMesh.Server.Data;
using ProtoMesh.Server.Http;

namespace ProtoMesh.Server.Policies;

/// <summary>What was decided and why: <c>/v1/decisions</c>.</summary>
internal static class DecisionEndpoints
{
    private static readonly string[] Verdicts = [PolicyVerdict.Allow, PolicyVerdict.Deny, PolicyVerdict.RequireApproval];

    public static void MapDecisions(this IEndpointRouteBuilder routes)
    {
        var decisions = routes.MapGroup("/v1/decisions").WithTags("Policies");
        decisions.MapGet("", ListAsync).Needs(Scopes.DecisionsRead).WithName("listDecisions").Documented(DecisionDocs.List).Answers<DecisionPage>(200).Fails("validation_failed", "policies_unavailable", "namespace_unknown");
        decisions.MapGet("/{decision_id}", FindAsync).Needs(Scopes.DecisionsRead).WithName("getDecision").Documented(DecisionDocs.Find).Answers<RecordedDecision>(200).Fails("decision_unknown", "policies_unavailable");
    }

    private static async Task<IResult> ListAsync(
        DecisionReader reader, DecisionLog log, DatabaseChoice database, CancellationToken cancellationToken, string? @namespace = null, string? agent_id = null,
        string? action = null, string? decision = null, string? policy = null, string? page_token = null, string? limit = null)
    {
        var errors = new List<FieldError>();
        PolicyRequests.Namespace(@namespace, errors);
        PolicyRequests.Require(errors, "agent_id", agent_id is null || PolicyRequests.IsText(agent_id, 128), CheckValidator.TextRule, agent_id);
        PolicyRequests.Require(errors, "action", action is null || PolicyRequests.IsText(action, 128), CheckValidator.TextRule, action);
        PolicyRequests.Require(errors, "decision", decision is null || Verdicts.Contains(decision, StringComparer.Ordinal), string.Join(", ", Verdicts), decision);
        PolicyRequests.Require(errors, "policy", policy is null || PolicyRequests.IsName(policy), "a policy's name: 1 to 64 of a-z, 0-9 and -, not - at its start", policy);
        var filter = new DecisionFilter(@namespace, agent_id, action, decision, policy);
        PolicyRequests.Require(errors, "page_token", filter.TryReadToken(page_token, out var before), PageTokens.Rule, page_token);
        var most = PolicyRequests.Limit(limit, errors);
        return errors.Count > 0 ? Problems.Result(Problems.Invalid(errors)) : await PolicyRequests.OrUnavailableAsync(database, async () =>
        {
            var rows = await reader.ListAsync(filter, before, most + 1, cancellationToken);
            return TypedResults.Ok(new DecisionPage
            {
                Decisions = [.. rows.Take(most).Select(row => DecisionRecord.Shown(row, isWhole: false))],
                Dropped = log.Dropped,
                NextPageToken = rows.Count > most ? filter.TokenFor(rows[most - 1].DecisionId) : null,
            });
        });
    }

    private static Task<IResult> FindAsync(string decision_id, HttpContext context, DecisionReader reader, DatabaseChoice database, CancellationToken cancellationToken) =>
        PolicyRequests.OrUnavailableAsync(database, async () => Guid.TryParseExact(decision_id, "D", out var id) && await reader.FindAsync(Caller.Of(context).Namespace, id.ToString(), cancellationToken) is { } row && Caller.Of(context).IsIn(row.Namespace)
            ? TypedResults.Ok(DecisionRecord.Shown(row, isWhole: true))
            : Problems.Result(Problems.Of("decision_unknown", "No decision with this id was written down.")));
}
