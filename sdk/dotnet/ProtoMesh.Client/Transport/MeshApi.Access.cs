using ProtoMesh.Contracts.Access;
using ProtoMesh.Contracts.Approvals;
using ProtoMesh.Contracts.Budgets;

namespace ProtoMesh.Transport;

/// <summary>Keys, budgets and approvals.</summary>
internal sealed partial class MeshApi
{
    public async Task<IssuedKey> CreateKeyAsync(CreateKey body, CancellationToken cancellationToken) =>
        (await SendAsync(Post("v1/keys", body, AccessJson.Default.CreateKey) with { Once = true }, AccessJson.Default.IssuedKey, cancellationToken)).Value;

    public async Task<ApiKeyPage> ListKeysAsync(Query query, CancellationToken cancellationToken) =>
        (await SendAsync(Get("v1/keys" + query), AccessJson.Default.ApiKeyPage, cancellationToken)).Value;

    public async Task<ApiKey> GetKeyAsync(string keyId, CancellationToken cancellationToken) =>
        (await SendAsync(Get($"v1/keys/{Escape(keyId)}"), AccessJson.Default.ApiKey, cancellationToken)).Value;

    public async Task<IssuedKey> RotateKeyAsync(string keyId, RotateKey body, CancellationToken cancellationToken) =>
        (await SendAsync(Post($"v1/keys/{Escape(keyId)}/rotate", body, AccessJson.Default.RotateKey) with { Once = true }, AccessJson.Default.IssuedKey, cancellationToken)).Value;

    public async Task<ApiKey> RevokeKeyAsync(string keyId, CancellationToken cancellationToken) =>
        (await SendAsync(new Call(HttpMethod.Delete, $"v1/keys/{Escape(keyId)}"), AccessJson.Default.ApiKey, cancellationToken)).Value;

    public async Task<Reservation> ReserveBudgetAsync(ReserveBudget body, CancellationToken cancellationToken) =>
        (await SendAsync(Post("v1/budgets/reservations", body, BudgetsJson.Default.ReserveBudget), BudgetsJson.Default.Reservation, cancellationToken)).Value;

    public async Task<Reservation> GetReservationAsync(string reservationId, Query query, CancellationToken cancellationToken) =>
        (await SendAsync(Get($"v1/budgets/reservations/{Escape(reservationId)}{query}"), BudgetsJson.Default.Reservation, cancellationToken)).Value;

    public async Task<Reservation> CommitReservationAsync(string reservationId, CommitBudget body, CancellationToken cancellationToken) =>
        (await SendAsync(
            Post($"v1/budgets/reservations/{Escape(reservationId)}/commit", body, BudgetsJson.Default.CommitBudget), BudgetsJson.Default.Reservation, cancellationToken)).Value;

    public async Task<Reservation> ReleaseReservationAsync(string reservationId, ReleaseBudget body, CancellationToken cancellationToken) =>
        (await SendAsync(
            Post($"v1/budgets/reservations/{Escape(reservationId)}/release", body, BudgetsJson.Default.ReleaseBudget), BudgetsJson.Default.Reservation, cancellationToken)).Value;

    public async Task<BudgetList> ListBudgetsAsync(Query query, CancellationToken cancellationToken) =>
        (await SendAsync(Get("v1/budgets" + query), BudgetsJson.Default.BudgetList, cancellationToken)).Value;

    public async Task<BudgetUsage> GetBudgetUsageAsync(string name, Query query, CancellationToken cancellationToken) =>
        (await SendAsync(Get($"v1/budgets/{Escape(name)}/usage{query}"), BudgetsJson.Default.BudgetUsage, cancellationToken)).Value;

    public async Task<LedgerPage> ListLedgerAsync(string name, Query query, CancellationToken cancellationToken) =>
        (await SendAsync(Get($"v1/budgets/{Escape(name)}/ledger{query}"), BudgetsJson.Default.LedgerPage, cancellationToken)).Value;

    public async Task<BudgetUsage> TopUpBudgetAsync(string name, TopUpBudget body, CancellationToken cancellationToken) =>
        (await SendAsync(Post($"v1/budgets/{Escape(name)}/top-up", body, BudgetsJson.Default.TopUpBudget), BudgetsJson.Default.BudgetUsage, cancellationToken)).Value;

    public async Task<BudgetUsage> RebuildBudgetAsync(string name, RebuildBudget body, CancellationToken cancellationToken) =>
        (await SendAsync(Post($"v1/budgets/{Escape(name)}/rebuild", body, BudgetsJson.Default.RebuildBudget), BudgetsJson.Default.BudgetUsage, cancellationToken)).Value;

    public async Task<PriceList> GetPricesAsync(CancellationToken cancellationToken) =>
        (await SendAsync(Get("v1/prices"), BudgetsJson.Default.PriceList, cancellationToken)).Value;

    /// <summary>200 and 201 alike: the one that is pending for this.</summary>
    public async Task<Approval> RequestApprovalAsync(RequestApproval body, CancellationToken cancellationToken) =>
        (await SendAsync(Post("v1/approvals", body, ApprovalsJson.Default.RequestApproval), ApprovalsJson.Default.Approval, cancellationToken)).Value;

    public async Task<Approval> GetApprovalAsync(string approvalId, TimeSpan? hold, long? until, CancellationToken cancellationToken) =>
        (await SendAsync(
            Get($"v1/approvals/{Escape(approvalId)}") with { Hold = hold, Until = until }, ApprovalsJson.Default.Approval, cancellationToken)).Value;

    public async Task<ApprovalPage> ListApprovalsAsync(Query query, CancellationToken cancellationToken) =>
        (await SendAsync(Get("v1/approvals" + query), ApprovalsJson.Default.ApprovalPage, cancellationToken)).Value;

    public async Task<Approval> ApproveAsync(string approvalId, ApproveApproval body, CancellationToken cancellationToken) =>
        (await SendAsync(Post($"v1/approvals/{Escape(approvalId)}/approve", body, ApprovalsJson.Default.ApproveApproval), ApprovalsJson.Default.Approval, cancellationToken)).Value;

    public async Task<Approval> DenyAsync(string approvalId, DenyApproval body, CancellationToken cancellationToken) =>
        (await SendAsync(Post($"v1/approvals/{Escape(approvalId)}/deny", body, ApprovalsJson.Default.DenyApproval), ApprovalsJson.Default.Approval, cancellationToken)).Value;

    public async Task<Approval> CancelApprovalAsync(string approvalId, CancellationToken cancellationToken) =>
        (await SendAsync(
            Post($"v1/approvals/{Escape(approvalId)}/cancel", new CancelApproval(), ApprovalsJson.Default.CancelApproval), ApprovalsJson.Default.Approval, cancellationToken)).Value;

    public async Task<Approval> RevokeApprovalAsync(string approvalId, DenyApproval body, CancellationToken cancellationToken) =>
        (await SendAsync(Post($"v1/approvals/{Escape(approvalId)}/revoke", body, ApprovalsJson.Default.DenyApproval), ApprovalsJson.Default.Approval, cancellationToken)).Value;

    public async Task<StandingGrant> CreateGrantAsync(CreateStandingGrant body, CancellationToken cancellationToken) =>
        (await SendAsync(Post("v1/approvals/grants", body, ApprovalsJson.Default.CreateStandingGrant) with { Once = true }, ApprovalsJson.Default.StandingGrant, cancellationToken)).Value;

    public async Task<StandingGrantPage> ListGrantsAsync(Query query, CancellationToken cancellationToken) =>
        (await SendAsync(Get("v1/approvals/grants" + query), ApprovalsJson.Default.StandingGrantPage, cancellationToken)).Value;

    public async Task<StandingGrant> RevokeGrantAsync(string grantId, DenyApproval body, CancellationToken cancellationToken) =>
        (await SendAsync(Post($"v1/approvals/grants/{Escape(grantId)}/revoke", body, ApprovalsJson.Default.DenyApproval), ApprovalsJson.Default.StandingGrant, cancellationToken)).Value;
}
