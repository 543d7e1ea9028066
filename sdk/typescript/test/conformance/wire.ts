import { type Guard, type Lease, MeshError } from "../../src/index.js";
import { toWire } from "../../src/naming.js";
import type { Json, JsonObject } from "./json.js";

/** The caller of an op gave it up. */
export class GivenUp extends Error {}

export function ofAnswer(answer: unknown): Json {
  return toWire<Json>(answer);
}

export function ofLease(lease: Lease): JsonObject {
  return {
    ...toWire<JsonObject>(lease.grant),
    lock_id: lease.lockId,
    request_id: lease.requestId,
    resource: lease.resource,
    agent_id: lease.agentId,
    fencing_token: lease.fencingToken,
    previous: ofAnswer(lease.previous),
    changed_since_last_held: lease.changedSinceLastHeld,
    decision: ofAnswer(lease.decision),
    is_held: lease.isHeld,
    remaining_ms: lease.remaining,
    lost: lease.signal.aborted,
    waiters: ofAnswer(lease.waiters),
  };
}

export function ofGuard(guard: Guard): JsonObject {
  const { granted, unprotected, lease, decision, denial, text, approvalId, reservations } = guard;
  return {
    granted, unprotected, lease: lease && ofLease(lease), decision: ofAnswer(decision), text, denial: ofAnswer(denial),
    approval_id: approvalId, reservations: ofAnswer(reservations),
  };
}

/** An error as scenarios expect it; anything that is not the SDK's own shows its type. */
export function ofError(fault: unknown): JsonObject {
  if (fault instanceof MeshError) {
    const { code, retryable, retryAfterMs, message, nextStep, status, title, traceId, problem } = fault;
    return {
      code, class: fault.name.replace(/Error$/, ""), retryable, retry_after_ms: retryAfterMs, message, next_step: nextStep, status, title,
      trace_id: traceId, problem: ofAnswer(problem),
    };
  }
  return fault instanceof GivenUp
    ? { code: "given_up", class: "GivenUp" }
    : { code: "not_ours", class: fault instanceof Error ? fault.name : typeof fault, message: fault instanceof Error ? fault.message : String(fault) };
}
