using ProtoMesh.Contracts;
using ProtoMesh.Contracts.Budgets;
using ProtoMesh.Contracts.Locks;
using ProtoMesh.Contracts.Policies;

namespace ProtoMesh;

/// <summary>A try found the resource held; nothing was enqueued. (<c>lock_held</c>)</summary>
public sealed class LockHeldException(Problem problem) : MeshException(problem)
{
    /// <summary>Who holds it.</summary>
    public IReadOnlyList<Blocker> BlockedBy => Problem.BlockedBy ?? [];

    /// <summary>The place in the queue that waiting would have begun at.</summary>
    public int? Position => Problem.Position;
}

/// <summary>The wait ended without a grant. (<c>lock_timeout</c>)</summary>
public sealed class LockTimeoutException(Problem problem) : MeshException(problem)
{
    /// <summary>Who holds it.</summary>
    public IReadOnlyList<Blocker> BlockedBy => Problem.BlockedBy ?? [];

    /// <summary>The last known place in the queue.</summary>
    public int? Position => Problem.Position;
}

/// <summary>The request has ended; a new one needs a new id. (<c>lock_ended</c>)</summary>
public sealed class LockEndedException(Problem problem) : MeshException(problem)
{
    /// <summary>How: one of <see cref="LockState"/>.</summary>
    public string? State => Problem.State;
}

/// <summary>The lease is gone: stop writing. (<c>lease_lost</c>)</summary>
public sealed class LeaseLostException(Problem problem) : MeshException(problem)
{
    /// <summary>When, by the store's clock; null when this client's own deadline passed first.</summary>
    public DateTimeOffset? LostAt => Problem.LostAt;

    /// <summary>Why.</summary>
    public string? EndedBecause => Problem.EndedBecause;
}

/// <summary>
/// The request contradicts the present state. (<c>token_mismatch</c>, <c>mode_conflict</c>, <c>request_id_conflict</c>,
/// <c>not_waiting</c>)
/// </summary>
public sealed class LockConflictException(Problem problem) : MeshException(problem);

/// <summary>
/// There is no such request, policy, decision, budget, reservation or call. (<c>lock_unknown</c>, <c>policy_unknown</c>,
/// <c>decision_unknown</c>, <c>budget_unknown</c>, <c>reservation_unknown</c>, <c>not_found</c>)
/// </summary>
public sealed class NotFoundException(Problem problem) : MeshException(problem);

/// <summary>A budget does not have that much left; nothing was held on any. (<c>budget_exceeded</c>)</summary>
public sealed class BudgetExceededException(Problem problem) : MeshException(problem)
{
    /// <summary>Each named budget as it stands.</summary>
    public IReadOnlyList<BudgetLine> Budgets => Problem.Budgets ?? [];
}

/// <summary>What is there already says something else, or is over. (<c>reservation_conflict</c>, <c>reservation_settled</c>)</summary>
public sealed class ConflictException(Problem problem) : MeshException(problem)
{
    /// <summary>The state of what is over.</summary>
    public string? State => Problem.State;
}

/// <summary>As many wait as may wait. (<c>queue_full</c>)</summary>
public sealed class QueueFullException(Problem problem) : MeshException(problem);

/// <summary>
/// A policy forbids the action; nothing was done. <see cref="ToChange"/> says what would change the answer.
/// (<c>policy_denied</c>)
/// </summary>
public class PolicyDeniedException(Problem problem) : MeshException(problem)
{
    /// <summary>The whole decision.</summary>
    public PolicyDecision? Decision => Problem.Decision;

    /// <summary>Every rule that spoke against it, in the order of the policy.</summary>
    public IReadOnlyList<PolicyReason> Reasons => Decision?.Reasons ?? [];

    /// <summary>What would change the answer, such as <c>metadata.estimated_cost &lt;= 100</c>: each of them has to hold.</summary>
    public IReadOnlyList<string> ToChange => [.. Reasons.SelectMany(reason => reason.ToChange ?? []).Distinct()];
}

/// <summary>A policy wants people to approve the action first; nothing was done. (<c>policy_denied</c>)</summary>
public sealed class ApprovalRequiredException(Problem problem) : PolicyDeniedException(problem)
{
    /// <summary>Who may approve, and how many of them have to.</summary>
    public PolicyApproval? Approval => Decision?.Approval;
}

/// <summary>
/// The request breaks a rule; <see cref="Errors"/> names the fields. (<c>validation_failed</c>, <c>malformed_json</c>,
/// <c>cross_partition</c>, <c>payload_too_large</c>, <c>unsupported_media_type</c>, <c>method_not_allowed</c>,
/// <c>policy_invalid</c>, <c>precondition_required</c>, <c>precondition_failed</c>, <c>keys_off</c>, <c>model_unpriced</c>)
/// </summary>
public sealed class ValidationException(Problem problem) : MeshException(problem)
{
    /// <summary>Each field that broke a rule.</summary>
    public IReadOnlyList<FieldError> Errors => Problem.Errors ?? [];
}

/// <summary>
/// The service, its store, its journal or its policies cannot answer now. The request may have taken effect; the same request id
/// makes a retry harmless. (<c>store_recovering</c>, <c>store_unavailable</c>, <c>journal_unavailable</c>,
/// <c>policies_unavailable</c>, <c>keys_unavailable</c>, and <c>unreachable</c> when no answer came at all)
/// </summary>
public sealed class UnavailableException(Problem problem, Exception? inner = null) : MeshException(problem, inner);

/// <summary>The service failed; its log has the <see cref="MeshException.TraceId"/>. (<c>internal_error</c>)</summary>
public sealed class ServiceFailedException(Problem problem) : MeshException(problem);

/// <summary>The service, or a proxy before it, does not let this caller in: check the API key. (<c>unauthorized</c>, <c>forbidden</c>, <c>agent_mismatch</c>, and any other 401 or 403)</summary>
public sealed class UnauthorizedException(Problem problem) : MeshException(problem);

/// <summary>This caller asks too often; <see cref="MeshException.RetryAfter"/> says when to go on. (status 429)</summary>
public sealed class RateLimitedException(Problem problem) : MeshException(problem);

/// <summary>
/// Whatever answers at the base URL is no ProtoMesh service that this client can talk to. (<c>not_protomesh</c>, and
/// <c>version_mismatch</c> for a service of another major version)
/// </summary>
public sealed class ProtocolException(Problem problem, Exception? inner = null) : MeshException(problem, inner);
