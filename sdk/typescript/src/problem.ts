import type { BudgetLine } from "./budgets-types.js";
import type { Blocker } from "./locks-types.js";
import type { PolicyApproval, PolicyDecision } from "./policies-types.js";

/**
 * What went wrong, as RFC 9457 has it, with a stable {@link Problem.code} and the next step. The members after
 * `traceId` belong to single codes and are absent for all others.
 */
export interface Problem {
  /** `https://protomesh.dev/problems/{code}`. */
  readonly type: string;
  /** The same short sentence for every problem with this code. */
  readonly title: string;
  /** The HTTP status. */
  readonly status: number;
  /** What happened here, for a person or a model. */
  readonly detail?: string;
  /** A code of the catalogue; decide by it. */
  readonly code: string;
  /** True when the same request may succeed later. */
  readonly retryable: boolean;
  /** Milliseconds after which a retry makes sense. */
  readonly retryAfterMs?: number;
  /** What the caller can do now. */
  readonly nextStep?: string;
  /** Finds the request in the service's log. */
  readonly traceId?: string;
  /** The resource that the problem is about. */
  readonly resource?: string;
  /** The place in the queue that the request had or would have had. */
  readonly position?: number;
  /** Who holds what the request needs. */
  readonly blockedBy?: readonly Blocker[];
  /** The request that the problem is about. */
  readonly lockId?: string;
  /** The state of that request, or of the approval that is closed. */
  readonly state?: string;
  /** When the lease was lost, by the store's clock. */
  readonly lostAt?: string;
  /** Why the request ended: a state, or `max_hold`. */
  readonly endedBecause?: string;
  /** What the policy said; with `policy_denied`. */
  readonly decision?: PolicyDecision;
  /** The budgets as they stand; with `budget_exceeded`. */
  readonly budgets?: readonly BudgetLine[];
  /** Each field that broke a rule. */
  readonly errors?: readonly FieldError[];
}

/** A field of a request that broke a rule, or a place in a policy that has an error. */
export interface FieldError {
  /** Its path, such as `resources[2].mode`. */
  readonly field: string;
  /** The rule, such as `0 to 9, higher is sooner`. */
  readonly rule: string;
  /** What was sent; absent when nothing was, or when it is too long to repeat. */
  readonly value?: unknown;
}

interface Kind {
  readonly status: number;
  readonly title: string;
  readonly retryable: boolean;
  readonly nextStep: string;
}

/** The problems that a client makes itself. Those that the service has too say the same as the service's catalogue. */
export const ownProblems = {
  lock_timeout: {
    status: 409,
    title: "The wait ended without a grant",
    retryable: true,
    nextStep: "Send a new request with a longer wait_ms, or do other work.",
  },
  lease_lost: {
    status: 410,
    title: "The lease is no longer yours",
    retryable: false,
    nextStep: "Stop writing, send a new request, and look at the resource before you go on.",
  },
  policy_denied: {
    status: 403,
    title: "A policy forbids it",
    retryable: false,
    nextStep: "Read the reasons; each says what would change the answer.",
  },
  unreachable: {
    status: 503,
    title: "The service gave no usable answer",
    retryable: true,
    nextStep: "Check the base URL and the network, then send the same request again.",
  },
  unauthorized: {
    status: 401,
    title: "The call needs a key",
    retryable: false,
    nextStep: "Send a key that is good as Authorization: Bearer pm_…, or ask an admin for one.",
  },
  forbidden: {
    status: 403,
    title: "The key may not do this",
    retryable: false,
    nextStep: "Use a key of a role that has the scope, or ask somebody who has one.",
  },
  not_protomesh: {
    status: 502,
    title: "The answer is not from a ProtoMesh service",
    retryable: false,
    nextStep: "Check the base URL: it has to be that of a ProtoMesh service.",
  },
  version_mismatch: {
    status: 502,
    title: "The service has another version",
    retryable: false,
    nextStep: "Install the SDK of the service's version, or update the service.",
  },
} as const satisfies Record<string, Kind>;

export function ownProblem(code: keyof typeof ownProblems, detail: string, more: Partial<Problem> = {}): Problem {
  return { type: `https://protomesh.dev/problems/${code}`, code, ...ownProblems[code], detail, ...more };
}

/** What the service answers when a request for a lease names an action that it denies. */
export function denied(decision: PolicyDecision): Problem {
  const waits = decision.reasons.flatMap(reason => reason.retryAfterMs ?? []);
  return ownProblem("policy_denied", decision.reason, {
    decision,
    retryable: waits.length > 0,
    ...(waits.length > 0 && { retryAfterMs: Math.max(...waits) }),
    ...(decision.approval && { nextStep: nextStep(decision.approval) }),
  });
}

function nextStep({ approvalId, group, state }: PolicyApproval): string {
  if (approvalId === undefined) {
    return `A person of the group ${group} has to approve this; do other work until then.`;
  }
  return state === "approved"
    ? `It is approved: send the same request again with approval_id ${approvalId}.`
    : `A person of the group ${group} has to approve this: ${approvalId}. Wait with GET /v1/approvals/${approvalId} and Prefer: wait=50, or do other work; `
      + "then send the same request with approval_id.";
}
