using ProtoMesh.Contracts;
using ProtoMesh.Contracts.Approvals;
using ProtoMesh.Server.Access;
using ProtoMesh.Server.Data;
using ProtoMesh.Server.Http;

namespace ProtoMesh.Server.Approvals;

/// <summary>The calls under <c>/v1/approvals</c>.</summary>
internal static class ApprovalEndpoints
{
    private const string ApprovalsList = "approvals";

    public static void MapApprovals(this IEndpointRouteBuilder routes)
    {
        var approvals = routes.MapGroup("/v1/approvals").WithTags("Approvals");
        approvals.MapPost("", RequestAsync).Needs(Scopes.ApprovalsRequest).WithName("requestApproval").Documented(ApprovalDocs.Request).Answers<Approval>(200).Answers<Approval>(201)
            .Fails("validation_failed", "approval_not_needed", "policy_denied", "agent_mismatch", "namespace_unknown", "policies_unavailable", "approvals_unavailable");
        approvals.MapGet("", ListAsync).Needs(Scopes.ApprovalsRead).WithName("listApprovals").Documented(ApprovalDocs.List).Answers<ApprovalPage>(200)
            .Fails("validation_failed", "namespace_unknown", "approvals_unavailable");
        approvals.MapGrants();
        approvals.MapGet("/{approval_id}", FindAsync).Needs(Scopes.ApprovalsRead).WithName("getApproval").Documented(ApprovalDocs.Find).Answers<Approval>(200)
            .Fails("validation_failed", "approval_unknown", "approvals_unavailable");
        approvals.MapPost("/{approval_id}/approve", ApproveAsync).Needs(Scopes.ApprovalsDecide).WithName("approveApproval").Documented(ApprovalDocs.Approve).Answers<Approval>(200)
            .Fails("validation_failed", "approval_unknown", "approval_closed", "not_an_approver", "policy_denied", "policies_unavailable", "approvals_unavailable");
        approvals.MapPost("/{approval_id}/deny", DenyAsync).Needs(Scopes.ApprovalsDecide).WithName("denyApproval").Documented(ApprovalDocs.Deny).Answers<Approval>(200)
            .Fails("validation_failed", "approval_unknown", "approval_closed", "not_an_approver", "policies_unavailable", "approvals_unavailable");
        approvals.MapPost("/{approval_id}/cancel", CancelAsync).Needs(Scopes.ApprovalsRequest).WithName("cancelApproval").Documented(ApprovalDocs.Cancel).Answers<Approval>(200)
            .Fails("validation_failed", "approval_unknown", "approval_closed", "approvals_unavailable");
        approvals.MapPost("/{approval_id}/revoke", RevokeAsync).Needs(Scopes.ApprovalsDecide).WithName("revokeApproval").Documented(ApprovalDocs.Revoke).Answers<Approval>(200)
            .Fails("validation_failed", "approval_unknown", "approval_closed", "not_an_approver", "approvals_unavailable");
    }

    /// <summary>The answer, or a problem when the database does not answer.</summary>
    public static async Task<IResult> OrUnavailableAsync(DatabaseChoice database, Func<Task<IResult>> ask)
    {
        try
        {
            return await ask();
        }
        catch (Exception problem) when (DatabaseProblem.IsOf(problem))
        {
            return Problems.Result(Problems.Of("approvals_unavailable", DatabaseProblem.Sentence(problem, database)) with { RetryAfterMs = 1_000 });
        }
    }

    /// <summary>Where a page begins; a token of another list is an error.</summary>
    public static string? Place(string list, string? token, List<FieldError> errors)
    {
        var isPlace = PageTokens.TryRead(list, token, out var place) && (place is null || Guid.TryParseExact(place, "D", out _));
        if (!isPlace)
        {
            errors.Add(Problems.Field("page_token", PageTokens.Rule, token));
        }

        return isPlace ? place : null;
    }

    private static async Task<IResult> RequestAsync(RequestApproval body, HttpContext context, ApprovalLife life, DatabaseChoice database, CancellationToken cancellationToken)
    {
        var caller = Caller.Of(context);
        if (caller.Admit(body.Namespace, body.AgentId, out var space, out var agentId) is { } foreign)
        {
            return Problems.Result(foreign);
        }

        var (question, problem) = ApprovalValidator.Read(body with { Namespace = space, AgentId = agentId });
        return question is null ? Problems.Result(problem!) : await OrUnavailableAsync(database, async () =>
        {
            var (approval, isNew, refused) = await life.RequestAsync(question with { Facts = caller.Facts }, cancellationToken);
            return approval is null ? Problems.Result(refused!) : isNew ? TypedResults.Created($"/v1/approvals/{approval.ApprovalId}", approval) : TypedResults.Ok(approval);
        });
    }

    private static async Task<IResult> ListAsync(
        HttpContext context, ApprovalStore store, ApprovalTerms terms, DatabaseChoice database, TimeProvider time, CancellationToken cancellationToken,
        string? state = null, string? agent_id = null, string? group = null, string? action = null, string? @namespace = null, string? page_token = null, string? limit = null)
    {
        var errors = new List<FieldError>();
        ApprovalValidator.Filter(@namespace, state, agent_id, group, action, errors);
        var most = ApprovalValidator.Limit(limit, errors);
        var before = Place(ApprovalsList, page_token, errors);
        return errors.Count > 0 ? Problems.Result(Problems.Invalid(errors)) : await OrUnavailableAsync(database, async () =>
        {
            var filter = new ApprovalFilter(@namespace, state, agent_id, group, action, Caller.Of(context));
            var rows = await store.ListAsync(filter, before, most + 1, cancellationToken);
            var shown = new List<Approval>();
            foreach (var row in rows.Take(most))
            {
                // What has ended by its time since the sweeper looked is not listed as something else.
                var settled = await terms.TrySettleAsync(row, cancellationToken);
                if (state is null || settled.Row.State == state)
                {
                    shown.Add(ApprovalViews.Of(settled, time.GetUtcNow()));
                }
            }

            return TypedResults.Ok(new ApprovalPage { Approvals = shown, NextPageToken = rows.Count > most ? PageTokens.Make(ApprovalsList, rows[most - 1].Row.ApprovalId) : null });
        });
    }

    private static async Task<IResult> FindAsync(string approval_id, HttpContext context, ApprovalLife life, DatabaseChoice database, CancellationToken cancellationToken)
    {
        if (!HoldOpen.TryRead(context, 0, out var hold))
        {
            return Problems.Validation("Prefer", HoldOpen.Rule, context.Request.Headers["Prefer"].ToString());
        }

        return await OrUnavailableAsync(database, async () => await life.WaitAsync(approval_id, Caller.Of(context), hold, cancellationToken) is { } record
            ? TypedResults.Ok(await life.ShownAsync(record, cancellationToken)) : Problems.Result(ApprovalProblems.Unknown()));
    }

    private static Task<IResult> ApproveAsync(string approval_id, ApproveApproval body, HttpContext context, ApprovalLife life, DatabaseChoice database, CancellationToken cancellationToken) =>
        DecideAsync(approval_id, context, life, database, (caller, errors) => ApprovalValidator.Check(body, caller, errors),
            (record, by, caller) => life.ApproveAsync(record, body, by!, caller, cancellationToken), cancellationToken);

    private static Task<IResult> DenyAsync(string approval_id, DenyApproval body, HttpContext context, ApprovalLife life, DatabaseChoice database, CancellationToken cancellationToken) =>
        DecideAsync(approval_id, context, life, database, (caller, errors) => ApprovalValidator.Check(body, caller, errors),
            (record, by, caller) => life.DenyAsync(record, body.Comment, by!, caller, cancellationToken), cancellationToken);

    private static Task<IResult> CancelAsync(string approval_id, CancelApproval body, HttpContext context, ApprovalLife life, DatabaseChoice database, CancellationToken cancellationToken) =>
        DecideAsync(approval_id, context, life, database, (_, _) => null, (record, _, caller) => life.CancelAsync(record, caller, cancellationToken), cancellationToken);

    private static Task<IResult> RevokeAsync(string approval_id, DenyApproval body, HttpContext context, ApprovalLife life, DatabaseChoice database, CancellationToken cancellationToken) =>
        DecideAsync(approval_id, context, life, database, (caller, errors) => ApprovalValidator.Check(body, caller, errors),
            (record, by, caller) => life.RevokeAsync(record, body.Comment, by!, caller, cancellationToken), cancellationToken);

    private static async Task<IResult> DecideAsync(
        string id, HttpContext context, ApprovalLife life, DatabaseChoice database, Func<Caller, List<FieldError>, Approver?> check,
        Func<ApprovalRecord, Approver?, Caller, Task<(Approval? Approval, Problem? Problem)>> decide, CancellationToken cancellationToken)
    {
        var (caller, errors) = (Caller.Of(context), new List<FieldError>());
        var by = check(caller, errors);
        return errors.Count > 0 ? Problems.Result(Problems.Invalid(errors)) : await OrUnavailableAsync(database, async () =>
        {
            if (await life.FindAsync(id, caller, cancellationToken) is not { } record)
            {
                return Problems.Result(ApprovalProblems.Unknown());
            }

            var (approval, problem) = await decide(record, by, caller);
            return problem is null ? TypedResults.Ok(approval) : Problems.Result(problem);
        });
    }
}
