import assert from "node:assert/strict";
import { test } from "node:test";
import * as sdk from "../src/index.js";
import { MeshError, type Problem } from "../src/index.js";
import { toError } from "../src/errors.js";
import { fromWire } from "../src/naming.js";
import { ownProblems } from "../src/problem.js";
import { catalogue, problemOf } from "./rig/answers.js";

const expected: Record<string, string> = {
  lock_held: "LockHeld", lock_timeout: "LockTimeout", lock_ended: "LockEnded", lease_lost: "LeaseLost", lock_unknown: "NotFound",
  token_mismatch: "LockConflict", mode_conflict: "LockConflict", request_id_conflict: "LockConflict", not_waiting: "LockConflict",
  cross_partition: "Validation", queue_full: "QueueFull", policy_denied: "PolicyDenied", policy_invalid: "Validation",
  policy_unknown: "NotFound", decision_unknown: "NotFound", precondition_required: "Validation", precondition_failed: "Validation",
  policies_unavailable: "Unavailable", validation_failed: "Validation", malformed_json: "Validation", payload_too_large: "Validation",
  unsupported_media_type: "Validation", not_found: "NotFound", method_not_allowed: "Validation", store_recovering: "Unavailable",
  store_unavailable: "Unavailable", journal_unavailable: "Unavailable", internal_error: "ServiceFailed",
  unauthorized: "Unauthorized", forbidden: "Unauthorized", agent_mismatch: "Unauthorized", namespace_unknown: "NotFound",
  key_unknown: "NotFound", keys_off: "Validation", keys_unavailable: "Unavailable", budget_exceeded: "BudgetExceeded",
  budget_unknown: "NotFound", reservation_unknown: "NotFound", reservation_conflict: "Conflict", reservation_settled: "Conflict",
  model_unpriced: "Validation", approval_unknown: "NotFound", grant_unknown: "NotFound", approval_closed: "Conflict",
  approval_not_needed: "Conflict", not_an_approver: "Unauthorized", approvals_unavailable: "Unavailable",
  namespaces_unavailable: "Unavailable", rate_limited: "RateLimited", namespace_limit: "RateLimited",
};

for (const { code } of catalogue) {
  test(`${code} of the service's catalogue has a class`, () => {
    const error = toError(fromWire<Problem>(problemOf(code)));

    assert.equal(error.name, `${expected[code]}Error`, `${code} is new: give it a class, here and in the SDK.`);
    assert.ok(error instanceof MeshError && error instanceof Error);
    assert.equal(error.constructor, (sdk as unknown as Record<string, unknown>)[error.name]);
    assert.equal(error.code, code);
    assert.equal(error.message, `It is ${code}.`);
    assert.equal(error.traceId, "0123456789abcdef");
  });
}

test("The problems that a client makes say what the service would have said", () => {
  const shared = catalogue.filter(({ code }) => Object.hasOwn(ownProblems, code));

  assert.deepEqual(shared.map(({ code }) => code), ["lock_timeout", "lease_lost", "policy_denied", "unauthorized", "forbidden"]);
  for (const { code, status, title, retryable, next_step: nextStep } of shared) {
    assert.deepEqual(ownProblems[code as keyof typeof ownProblems], { status, title, retryable, nextStep });
  }
});

test("A denial that a person can lift is an approval that is required", () => {
  const error = toError(fromWire<Problem>(problemOf("policy_denied", {
    decision: {
      decision: "require_approval", reasons: [{ to_change: ["a", "b"] }, { to_change: ["b"] }],
      approval: { approval_id: "ap-1", state: "pending", group: "finance", quorum: 1, expires_in_ms: 60_000 },
    },
  })));

  assert.ok(error instanceof sdk.ApprovalRequiredError && error instanceof sdk.PolicyDeniedError);
  assert.deepEqual(error.toChange, ["a", "b"]);
  assert.deepEqual([error.approval?.approvalId, error.approval?.group], ["ap-1", "finance"]);
});

test("An exceeded budget says how the budgets stand, and a closed approval what it is now", () => {
  const exceeded = toError(fromWire<Problem>(problemOf("budget_exceeded", { budgets: [{ name: "team-day", key: "payments", cap: 50, spent: 40, held: 5, left: 5 }] })));
  const closed = toError(fromWire<Problem>(problemOf("approval_closed", { state: "denied" })));

  assert.ok(exceeded instanceof sdk.BudgetExceededError && closed instanceof sdk.ConflictError);
  assert.deepEqual(exceeded.budgets, [{ name: "team-day", key: "payments", cap: 50, spent: 40, held: 5, left: 5 }]);
  assert.equal(closed.state, "denied");
});

for (const [status, name] of [[401, "UnauthorizedError"], [403, "UnauthorizedError"], [429, "RateLimitedError"], [418, "MeshError"]] as const) {
  test(`A code that is not known yet goes by its status ${status}`, () => {
    const error = toError({ type: "t", title: "New", status, code: "constructor", retryable: false });

    assert.deepEqual([error.name, error.code, error.message], [name, "constructor", "New"]);
  });
}
