using ProtoMesh.Contracts;
using ProtoMesh.Contracts.Budgets;
using ProtoMesh.Server.Access;
using ProtoMesh.Server.Data;
using ProtoMesh.Server.Http;

namespace ProtoMesh.Server.Budgets;

/// <summary>The calls under <c>/v1/budgets</c>, and the price table.</summary>
internal static class BudgetEndpoints
{
    public static void MapBudgets(this IEndpointRouteBuilder routes)
    {
        var budgets = routes.MapGroup("/v1/budgets").WithTags("Budgets");
        budgets.MapPost("/reservations", ReserveAsync).Needs(Scopes.BudgetsReserve).WithName("reserveBudget").Documented(BudgetDocs.Reserve).Answers<Reservation>(200)
            .Fails("validation_failed", "agent_mismatch", "namespace_unknown", "budget_exceeded", "budget_unknown", "reservation_conflict", "model_unpriced", "policies_unavailable");
        budgets.MapGet("/reservations/{reservation_id}", FindAsync).Needs(Scopes.BudgetsRead).WithName("getReservation").Documented(BudgetDocs.Find).Answers<Reservation>(200)
            .Fails("validation_failed", "namespace_unknown", "reservation_unknown");
        budgets.MapPost("/reservations/{reservation_id}/commit", CommitAsync).Needs(Scopes.BudgetsReserve).WithName("commitReservation").Documented(BudgetDocs.Commit).Answers<Reservation>(200)
            .Fails("validation_failed", "namespace_unknown", "reservation_unknown", "reservation_conflict", "reservation_settled", "model_unpriced");
        budgets.MapPost("/reservations/{reservation_id}/release", ReleaseAsync).Needs(Scopes.BudgetsReserve).WithName("releaseReservation").Documented(BudgetDocs.Release).Answers<Reservation>(200)
            .Fails("validation_failed", "namespace_unknown", "reservation_unknown", "reservation_settled");
        budgets.MapGet("", ListAsync).Needs(Scopes.BudgetsRead).WithName("listBudgets").Documented(BudgetDocs.List).Answers<BudgetList>(200).Fails("validation_failed", "namespace_unknown", "policies_unavailable");
        budgets.MapGet("/{name}/usage", UsageAsync).Needs(Scopes.BudgetsRead).WithName("getBudgetUsage").Documented(BudgetDocs.Usage).Answers<BudgetUsage>(200)
            .Fails("validation_failed", "namespace_unknown", "budget_unknown", "policies_unavailable");
        budgets.MapGet("/{name}/ledger", LedgerAsync).Needs(Scopes.BudgetsRead).WithName("listBudgetLedger").Documented(BudgetDocs.Ledger).Answers<LedgerPage>(200)
            .Fails("validation_failed", "namespace_unknown", "budget_unknown", "policies_unavailable", "journal_unavailable");
        budgets.MapPost("/{name}/top-up", TopUpAsync).Needs(Scopes.BudgetsAdmin).WithName("topUpBudget").Documented(BudgetDocs.TopUp).Answers<BudgetUsage>(200)
            .Fails("validation_failed", "namespace_unknown", "budget_unknown", "reservation_conflict", "policies_unavailable");
        budgets.MapPost("/{name}/rebuild", RebuildAsync).Needs(Scopes.BudgetsAdmin).WithName("rebuildBudget").Documented(BudgetDocs.Rebuild).Answers<BudgetUsage>(200)
            .Fails("validation_failed", "namespace_unknown", "budget_unknown", "policies_unavailable", "journal_unavailable");
        routes.MapGet("/v1/prices", (PriceTable prices) => TypedResults.Ok(prices.Shown)).WithTags("Budgets").Needs(Scopes.BudgetsRead).WithName("listPrices").Documented(BudgetDocs.Prices).Answers<PriceList>(200).Fails();
    }

    private static async Task<IResult> ReserveAsync(ReserveBudget body, HttpContext context, BudgetService service, CancellationToken cancellationToken) =>
        Result(await service.ReserveAsync(body, Caller.Of(context), cancellationToken));

    private static async Task<IResult> FindAsync(string reservation_id, HttpContext context, BudgetService service, CancellationToken cancellationToken, string? @namespace = null) =>
        Result(await service.FindAsync(reservation_id, @namespace, Caller.Of(context), cancellationToken));

    private static async Task<IResult> CommitAsync(string reservation_id, CommitBudget body, HttpContext context, BudgetService service, CancellationToken cancellationToken) =>
        Result(await service.CommitAsync(reservation_id, body, Caller.Of(context), cancellationToken));

    private static async Task<IResult> ReleaseAsync(string reservation_id, ReleaseBudget body, HttpContext context, BudgetService service, CancellationToken cancellationToken) =>
        Result(await service.ReleaseAsync(reservation_id, body, Caller.Of(context), cancellationToken));

    private static IResult ListAsync(BudgetCounters counters, string? @namespace = null)
    {
        var errors = BudgetValidator.Namespace(@namespace);
        return errors.Count > 0 ? Problems.Result(Problems.Invalid(errors)) : TypedResults.Ok(counters.List(@namespace ?? Store.ResourceName.DefaultNamespace));
    }

    private static async Task<IResult> UsageAsync(string name, HttpContext context, BudgetCounters counters, CancellationToken cancellationToken, string? @namespace = null, string? key = null) =>
        Result(await counters.UsageAsync(name, @namespace, key, Caller.Of(context), cancellationToken));

    private static async Task<IResult> LedgerAsync(
        string name, HttpContext context, BudgetCounters counters, DatabaseChoice database, CancellationToken cancellationToken,
        string? @namespace = null, string? key = null, string? reservation_id = null, string? page_token = null, string? limit = null) =>
        await OrUnavailableAsync(database, async () => Result(await counters.LedgerAsync(
            new LedgerQuestion(name, @namespace, key, reservation_id, page_token, limit), Caller.Of(context), cancellationToken)));

    private static async Task<IResult> TopUpAsync(string name, TopUpBudget body, HttpContext context, BudgetCounters counters, CancellationToken cancellationToken) =>
        Result(await counters.TopUpAsync(name, body, Caller.Of(context), cancellationToken));

    private static async Task<IResult> RebuildAsync(string name, RebuildBudget body, HttpContext context, BudgetCounters counters, DatabaseChoice database, CancellationToken cancellationToken) =>
        await OrUnavailableAsync(database, async () => Result(await counters.RebuildAsync(name, body, Caller.Of(context), cancellationToken)));

    private static IResult Result<T>(BudgetAnswer<T> answer)
        where T : class => answer.Problem is { } problem ? Problems.Result(problem) : TypedResults.Ok(answer.Value);

    private static async Task<IResult> OrUnavailableAsync(DatabaseChoice database, Func<Task<IResult>> ask)
    {
        try
        {
            return await ask();
        }
        catch (Exception problem) when (DatabaseProblem.IsOf(problem))
        {
            return Problems.Result(Problems.Of("journal_unavailable", DatabaseProblem.Sentence(problem, database)) with { RetryAfterMs = 1_000 });
        }
    }
}
