using ProtoMesh.Contracts;
using ProtoMesh.Contracts.Approvals;
using ProtoMesh.Server.Access;
using ProtoMesh.Server.Data;
using ProtoMesh.Server.Http;
using ProtoMesh.Server.Policies;
using ProtoMesh.Server.Store;

namespace ProtoMesh.Server.Approvals;

/// <summary>The calls under <c>/v1/approvals/grants</c>.</summary>
internal static class GrantEndpoints
{
    private const string GrantsList = "grants";

    public static void MapGrants(this IEndpointRouteBuilder approvals)
    {
        var grants = approvals.MapGroup("/grants");
        grants.MapPost("", CreateAsync).Needs(Scopes.ApprovalsDecide).WithName("createGrant").Documented(GrantDocs.Create).Answers<StandingGrant>(201)
            .Fails("validation_failed", "not_an_approver", "namespace_unknown", "policies_unavailable", "approvals_unavailable");
        grants.MapGet("", ListAsync).Needs(Scopes.ApprovalsRead).WithName("listGrants").Documented(GrantDocs.List).Answers<StandingGrantPage>(200)
            .Fails("validation_failed", "namespace_unknown", "approvals_unavailable");
        grants.MapPost("/{grant_id}/revoke", RevokeAsync).Needs(Scopes.ApprovalsDecide).WithName("revokeGrant").Documented(GrantDocs.Revoke).Answers<StandingGrant>(200)
            .Fails("validation_failed", "grant_unknown", "not_an_approver", "approvals_unavailable");
    }

    private static async Task<IResult> CreateAsync(
        CreateStandingGrant body, HttpContext context, StandingGrants grants, ApprovalStore store, ApprovalTerms terms, ActivePolicies policies, DatabaseChoice database, TimeProvider time, CancellationToken cancellationToken)
    {
        var (caller, errors) = (Caller.Of(context), new List<FieldError>());
        if (caller.Enter(body.Namespace, out var space) is { } foreign)
        {
            return Problems.Result(foreign);
        }

        if (ApprovalValidator.Check(body, space, policies, caller, errors) is not { } by || errors.Count > 0)
        {
            return Problems.Result(Problems.Invalid(errors));
        }

        if ((by.Id == body.AgentId ? ApprovalProblems.OwnRequest(by.Id) : ApprovalLife.NotOfTheGroup(body.Group!, caller)) is { } refused)
        {
            return Problems.Result(refused);
        }

        return await ApprovalEndpoints.OrUnavailableAsync(database, async () =>
        {
            var row = new StandingGrantRow
            {
                GrantId = Guid.CreateVersion7(time.GetUtcNow()).ToString(), Namespace = space ?? ResourceName.DefaultNamespace, ApproverGroup = body.Group!, AgentId = body.AgentId,
                Action = body.Action!, Resource = body.Resource, Condition = body.Condition, Uses = body.Uses!.Value, Comment = body.Comment, Granter = by.Id, By = by.Name,
                CreatedAt = store.Now, ExpiresAt = await terms.FromNowAsync(body.ExpiresInMs!.Value, cancellationToken),
            };
            await grants.CreateAsync(row, cancellationToken);
            return TypedResults.Created((string?)null, ApprovalViews.Of(row, time.GetUtcNow()));
        });
    }

    private static async Task<IResult> ListAsync(
        HttpContext context, StandingGrants grants, DatabaseChoice database, TimeProvider time, CancellationToken cancellationToken,
        string? @namespace = null, string? page_token = null, string? limit = null)
    {
        var errors = new List<FieldError>();
        ApprovalValidator.Filter(@namespace, null, null, null, null, errors);
        var most = ApprovalValidator.Limit(limit, errors);
        var before = ApprovalEndpoints.Place(GrantsList, page_token, errors);
        return errors.Count > 0 ? Problems.Result(Problems.Invalid(errors)) : await ApprovalEndpoints.OrUnavailableAsync(database, async () =>
        {
            var filter = new ApprovalFilter(@namespace, null, null, null, null, Caller.Of(context));
            var rows = await grants.ListAsync(filter, before, most + 1, cancellationToken);
            return TypedResults.Ok(new StandingGrantPage
            {
                Grants = [.. rows.Take(most).Select(row => ApprovalViews.Of(row, time.GetUtcNow()))],
                NextPageToken = rows.Count > most ? PageTokens.Make(GrantsList, rows[most - 1].GrantId) : null,
            });
        });
    }

    private static async Task<IResult> RevokeAsync(
        string grant_id, DenyApproval body, HttpContext context, StandingGrants grants, GrantScripts scripts, DatabaseChoice database, TimeProvider time, CancellationToken cancellationToken)
    {
        var (caller, errors) = (Caller.Of(context), new List<FieldError>());
        if (ApprovalValidator.Check(body, caller, errors) is not { } by || errors.Count > 0)
        {
            return Problems.Result(Problems.Invalid(errors));
        }

        return await ApprovalEndpoints.OrUnavailableAsync(database, async () =>
        {
            if (!Guid.TryParseExact(grant_id, "D", out _) || await grants.FindAsync(caller.Namespace, grant_id, cancellationToken) is not { } row)
            {
                return Problems.Result(ApprovalProblems.UnknownGrant());
            }

            if (ApprovalLife.NotOfTheGroup(row.ApproverGroup, caller) is { } refused)
            {
                return Problems.Result(refused);
            }

            // First the store, which counts the uses: from here on there is none.
            await scripts.EndAsync(row.Namespace, row.GrantId, true, new DateTimeOffset(row.ExpiresAt) + TimeSpan.FromDays(1), ends: true, cancellationToken);
            return TypedResults.Ok(ApprovalViews.Of(await grants.RevokeAsync(row.Namespace, grant_id, by.Name, cancellationToken), time.GetUtcNow()));
        });
    }
}
