import type { Answer, Received } from "./fault-server.js";
import { granted, problem } from "./answers.js";

const stamp = { decision_id: "decision-1", policy: { name: "p", version: 1, sha256: "" } };

/** What an allow has reserved. */
export function reserved(reservationId: string, amount = 500, unit = "usd"): Record<string, unknown> {
  return {
    rule: "pay", reservation_id: reservationId, unit, amount, expires_at: new Date(Date.now() + 600_000).toISOString(), expires_in_ms: 600_000,
    budgets: [{ name: "team-day", key: "payments", cap: 1_000, spent: 0, held: amount, left: 1_000 - amount }],
  };
}

export function allowed(obligations: Record<string, unknown> = {}): Answer {
  return { json: { ...stamp, decision: "allow", allowed: true, reason: "Allowed.", reasons: [], facts: {}, audit_only: [], obligations } };
}

/** A grant of a request that named an action. */
export function grantedWith(obligations: Record<string, unknown> = {}, more: Record<string, unknown> = {}): Answer {
  return granted({ action: "refund", decision: { ...stamp, obligations }, ...more });
}

export function denied(code: string, effect = "approval", more: Record<string, unknown> = {}): Answer {
  const message = `It is ${code}.`;
  return {
    json: {
      ...stamp, decision: "deny", allowed: false, reason: message, reasons: [{ rule: "pay", code, effect, message, at: "p:1:1" }], facts: {}, audit_only: [], ...more,
    },
  };
}

function requires(approvalId: string, state: string): Record<string, unknown> {
  return {
    ...stamp, decision: "require_approval", allowed: false, reason: "A person has to see this.",
    reasons: [{ rule: "pay", code: "PAY", effect: "require_approval", message: "A person has to see this.", at: "p:1:1" }], facts: {}, audit_only: [],
    approval: { approval_id: approvalId, state, group: "finance", quorum: 1, expires_in_ms: 60_000, expires_at: new Date(Date.now() + 60_000).toISOString() },
  };
}

/** What a check is told, and a request for a lease. */
export function mustBeApproved(request: Received, approvalId = "ap-1", state = "pending"): Answer {
  const decision = requires(approvalId, state);
  return request.path === "/v1/locks"
    ? problem("policy_denied", { detail: "A person has to see this.", decision, next_step: nextStep(approvalId) })
    : { json: decision };
}

/** As the service says it of a request for a lease. */
export function nextStep(approvalId: string): string {
  return `A person of the group finance has to approve this: ${approvalId}. Wait with GET /v1/approvals/${approvalId} and Prefer: wait=50, or do other work; `
    + "then send the same request with approval_id.";
}

export function approval(state: string, more: Record<string, unknown> = {}): Answer {
  const time = new Date().toISOString();
  return {
    json: {
      approval_id: "ap-1", namespace: "default", state, agent_id: "tester", action: "refund", metadata: { estimated_cost: 500 }, rules: [],
      policy: stamp.policy, group: "finance", quorum: 1, votes: [], digest: "d", requested_at: time, expires_at: time, expires_in_ms: 60_000, ...more,
    },
  };
}

export function reservation(request: Received, state = "committed"): Answer {
  const [, id] = /reservations\/([^/]+)/.exec(request.path) ?? [];
  const time = new Date().toISOString();
  return {
    json: {
      reservation_id: id, namespace: "default", agent_id: "tester", state, unit: "usd", amount: 500, created_at: time, expires_at: time, expires_in_ms: 0, budgets: [],
    },
  };
}
