import type { BudgetLine } from "./budgets-types.js";
import type { Blocker } from "./locks-types.js";
import type { PolicyApproval, PolicyDecision, PolicyReason } from "./policies-types.js";
import type { FieldError, Problem } from "./problem.js";

/** The service said no, or could not be reached. {@link MeshError.code} says which; decide by it or by the class. */
export class MeshError extends Error {
  /** Everything that the service said. */
  readonly problem: Problem;

  constructor(problem: Problem, options?: ErrorOptions) {
    super(problem.detail ?? problem.title, options);
    this.problem = problem;
  }

  /** The stable code, such as `lock_held`. */
  get code(): string {
    return this.problem.code;
  }

  /** The same short sentence for every problem with this code. */
  get title(): string {
    return this.problem.title;
  }

  /** The HTTP status. */
  get status(): number {
    return this.problem.status;
  }

  /** What the caller can do now. */
  get nextStep(): string | undefined {
    return this.problem.nextStep;
  }

  /** True when the same request may succeed later. */
  get retryable(): boolean {
    return this.problem.retryable;
  }

  /** When a retry makes sense, if the service said so. */
  get retryAfterMs(): number | undefined {
    return this.problem.retryAfterMs;
  }

  /** Finds the request in the service's log. */
  get traceId(): string | undefined {
    return this.problem.traceId;
  }
}

/** A try found the resource held; nothing was enqueued. (`lock_held`) */
export class LockHeldError extends MeshError {
  /** Who holds it. */
  get blockedBy(): readonly Blocker[] {
    return this.problem.blockedBy ?? [];
  }

  /** The place in the queue that waiting would have begun at. */
  get position(): number | undefined {
    return this.problem.position;
  }
}

/** The wait ended without a grant. (`lock_timeout`) */
export class LockTimeoutError extends MeshError {
  /** Who holds it. */
  get blockedBy(): readonly Blocker[] {
    return this.problem.blockedBy ?? [];
  }

  /** The last known place in the queue. */
  get position(): number | undefined {
    return this.problem.position;
  }
}

/** The request has ended; a new one needs a new id. (`lock_ended`) */
export class LockEndedError extends MeshError {
  /** How: `released`, `expired`, `abandoned`, `cancelled` and so on. */
  get state(): string | undefined {
    return this.problem.state;
  }
}

/** The lease is gone: stop writing. (`lease_lost`) */
export class LeaseLostError extends MeshError {
  /** When, by the store's clock; absent when this client's own deadline passed first. */
  get lostAt(): string | undefined {
    return this.problem.lostAt;
  }

  /** Why. */
  get endedBecause(): string | undefined {
    return this.problem.endedBecause;
  }
}

/**
 * The request contradicts the present state. (`token_mismatch`, `mode_conflict`, `request_id_conflict`, `not_waiting`)
 */
export class LockConflictError extends MeshError {}

/**
 * A reservation or an approval is not what the call takes it for. (`reservation_conflict`, `reservation_settled`,
 * `approval_closed`, `approval_not_needed`)
 */
export class ConflictError extends MeshError {
  /** What the approval is now; of `approval_closed`. */
  get state(): string | undefined {
    return this.problem.state;
  }
}

/** A budget does not have that much left; nothing was reserved on any. (`budget_exceeded`) */
export class BudgetExceededError extends MeshError {
  /** The budgets as they stand. */
  get budgets(): readonly BudgetLine[] {
    return this.problem.budgets ?? [];
  }
}

/**
 * There is no such request, policy, decision, key, namespace, budget, reservation, approval, grant or call.
 * (`lock_unknown`, `policy_unknown`, `decision_unknown`, `key_unknown`, `namespace_unknown`, `budget_unknown`,
 * `reservation_unknown`, `approval_unknown`, `grant_unknown`, `not_found`)
 */
export class NotFoundError extends MeshError {}

/** As many wait as may wait. (`queue_full`) */
export class QueueFullError extends MeshError {}

/**
 * A policy forbids the action; nothing was done. {@link PolicyDeniedError.toChange} says what would change the answer.
 * (`policy_denied`)
 */
export class PolicyDeniedError extends MeshError {
  /** The whole decision. */
  get decision(): PolicyDecision | undefined {
    return this.problem.decision;
  }

  /** Every rule that spoke against it, in the order of the policy. */
  get reasons(): readonly PolicyReason[] {
    return this.decision?.reasons ?? [];
  }

  /** What would change the answer, such as `metadata.estimated_cost <= 100`: each of them has to hold. */
  get toChange(): readonly string[] {
    return [...new Set(this.reasons.flatMap(reason => reason.toChange ?? []))];
  }
}

/** A person has to say yes first. (`policy_denied`) */
export class ApprovalRequiredError extends PolicyDeniedError {
  /** What was asked of people, and of whom; with its id the same request can be made once it is approved. */
  get approval(): PolicyApproval | undefined {
    return this.decision?.approval;
  }
}

/**
 * The request breaks a rule; {@link ValidationError.errors} names the fields. (`validation_failed`, `malformed_json`,
 * `cross_partition`, `payload_too_large`, `unsupported_media_type`, `method_not_allowed`, `policy_invalid`,
 * `precondition_required`, `precondition_failed`, `keys_off`, `model_unpriced`)
 */
export class ValidationError extends MeshError {
  /** Each field that broke a rule. */
  get errors(): readonly FieldError[] {
    return this.problem.errors ?? [];
  }
}

/**
 * The service, its store, its journal or its policies cannot answer now. The request may have taken effect; the same
 * request id makes a retry harmless. (`store_recovering`, `store_unavailable`, `journal_unavailable`,
 * `policies_unavailable`, `keys_unavailable`, `approvals_unavailable`, `namespaces_unavailable`, and `unreachable` when no answer came at all)
 */
export class UnavailableError extends MeshError {}

/** The service failed; its log has the {@link MeshError.traceId}. (`internal_error`) */
export class ServiceFailedError extends MeshError {}

/**
 * The service does not know or does not let in who asks. (`unauthorized`, `forbidden`, `agent_mismatch`,
 * `not_an_approver`, and any other 401 or 403 that is no policy's)
 */
export class UnauthorizedError extends MeshError {}

/** Too many calls, or as much as the namespace may have. (`rate_limited`, `namespace_limit`, and any other 429 that is not `queue_full`) */
export class RateLimitedError extends MeshError {}

/**
 * Whatever listens at the base URL is no ProtoMesh service, or one that this SDK does not speak to. (`not_protomesh`,
 * `version_mismatch`)
 */
export class ProtocolError extends MeshError {}

type MeshErrorClass = new (problem: Problem, options?: ErrorOptions) => MeshError;

const classes: Record<string, MeshErrorClass> = {
  MeshError, LockHeldError, LockTimeoutError, LockEndedError, LeaseLostError, LockConflictError, ConflictError, BudgetExceededError,
  NotFoundError, QueueFullError, PolicyDeniedError, ApprovalRequiredError, ValidationError, UnavailableError, ServiceFailedError, UnauthorizedError,
  RateLimitedError, ProtocolError,
};

// Names of their own, so that a minified bundle still tells them apart in a log.
for (const [name, type] of Object.entries(classes)) {
  Object.defineProperty(type.prototype, "name", { value: name, configurable: true, writable: true });
}

const byCode: Readonly<Record<string, MeshErrorClass>> = {
  lock_held: LockHeldError,
  lock_timeout: LockTimeoutError,
  lock_ended: LockEndedError,
  lease_lost: LeaseLostError,
  token_mismatch: LockConflictError,
  mode_conflict: LockConflictError,
  request_id_conflict: LockConflictError,
  not_waiting: LockConflictError,
  reservation_conflict: ConflictError,
  reservation_settled: ConflictError,
  approval_closed: ConflictError,
  approval_not_needed: ConflictError,
  budget_exceeded: BudgetExceededError,
  lock_unknown: NotFoundError,
  policy_unknown: NotFoundError,
  key_unknown: NotFoundError,
  namespace_unknown: NotFoundError,
  decision_unknown: NotFoundError,
  budget_unknown: NotFoundError,
  reservation_unknown: NotFoundError,
  approval_unknown: NotFoundError,
  grant_unknown: NotFoundError,
  not_found: NotFoundError,
  queue_full: QueueFullError,
  namespace_limit: RateLimitedError,
  rate_limited: RateLimitedError,
  policy_denied: PolicyDeniedError,
  validation_failed: ValidationError,
  malformed_json: ValidationError,
  cross_partition: ValidationError,
  payload_too_large: ValidationError,
  unsupported_media_type: ValidationError,
  method_not_allowed: ValidationError,
  policy_invalid: ValidationError,
  precondition_required: ValidationError,
  precondition_failed: ValidationError,
  keys_off: ValidationError,
  model_unpriced: ValidationError,
  store_recovering: UnavailableError,
  store_unavailable: UnavailableError,
  journal_unavailable: UnavailableError,
  policies_unavailable: UnavailableError,
  approvals_unavailable: UnavailableError,
  keys_unavailable: UnavailableError,
  namespaces_unavailable: UnavailableError,
  unreachable: UnavailableError,
  internal_error: ServiceFailedError,
  unauthorized: UnauthorizedError,
  forbidden: UnauthorizedError,
  agent_mismatch: UnauthorizedError,
  not_an_approver: UnauthorizedError,
  not_protomesh: ProtocolError,
  version_mismatch: ProtocolError,
};

/** The error of a problem, of the class that its code or else its status belongs to. */
export function toError(problem: Problem, cause?: unknown): MeshError {
  return new (classOf(problem))(problem, cause === undefined ? undefined : { cause });
}

function classOf(problem: Problem): MeshErrorClass {
  if (problem.code === "policy_denied" && problem.decision?.decision === "require_approval") {
    return ApprovalRequiredError;
  }
  if (Object.hasOwn(byCode, problem.code)) {
    return byCode[problem.code] ?? MeshError;
  }
  switch (problem.status) {
    case 401:
    case 403:
      return UnauthorizedError;
    case 429:
      return RateLimitedError;
    default:
      return MeshError;
  }
}
