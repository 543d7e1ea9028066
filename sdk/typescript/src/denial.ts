import type { LeaseLostError, MeshError } from "./errors.js";
import type { PolicyApproval, PolicyDecision } from "./policies-types.js";
import type { Problem } from "./problem.js";

/** Why a guard did not let its body do the thing, as a value: most frameworks hide, retry or crash on what is thrown. */
export interface Denial {
  /** The stable code, such as `policy_denied`, `lock_timeout` or `unreachable`. */
  readonly code: string;
  /** For the model: what was not done, why, and what it can do now. */
  readonly text: string;
  /** True when the same may succeed later. */
  readonly retryable: boolean;
  /** When that makes sense, if it is known. */
  readonly retryAfterMs: number | undefined;
  /** What the policy said; absent when it was not the policy. */
  readonly decision: PolicyDecision | undefined;
  /** What people have to approve first: its id, of whom it was asked, and until when. Absent when it is not that. */
  readonly approval: PolicyApproval | undefined;
  /** Everything that the service said. */
  readonly problem: Problem;
}

export function denialOf(action: string, { problem }: MeshError): Denial {
  return {
    code: problem.code,
    text: textOf(action, problem),
    retryable: problem.retryable,
    retryAfterMs: problem.retryAfterMs,
    decision: problem.decision,
    approval: problem.decision?.decision === "require_approval" ? problem.decision.approval : undefined,
    problem,
  };
}

/** For the model, the same in every language's SDK. */
function textOf(action: string, problem: Problem): string {
  const toChange = new Set((problem.decision?.reasons ?? []).flatMap(reason => reason.toChange ?? []));
  return [
    `Not done: ${action}.`,
    sentence(problem.detail ?? problem.title),
    ...(toChange.size > 0 ? [`It would be allowed with: ${[...toChange].join("; ")}.`] : []),
    ...(problem.nextStep ? [problem.nextStep] : []),
    ...(problem.retryAfterMs !== undefined ? [`Try again in about ${Math.ceil(problem.retryAfterMs / 1_000)} s.`] : []),
  ].join(" ");
}

/**
 * For the model, when a lease was lost while something was being done under it.
 * @param action What was being done.
 */
export function lostText(action: string, { problem }: LeaseLostError): string {
  return [`${action} may be half done:`, problem.detail ?? problem.title, ...(problem.nextStep ? [problem.nextStep] : [])].join(" ");
}

function sentence(text: string): string {
  return /[.!?]$/.test(text) ? text : `${text}.`;
}
