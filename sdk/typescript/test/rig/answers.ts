import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Answer } from "./fault-server.js";
import { repository } from "./paths.js";

export interface CataloguedProblem {
  readonly code: string;
  readonly status: number;
  readonly title: string;
  readonly retryable: boolean;
  readonly next_step: string;
}

/** What the service's own catalogue says. */
export const catalogue = JSON.parse(
  readFileSync(join(repository, "src/ProtoMesh.Contracts/problems.json"), "utf8")) as readonly CataloguedProblem[];

export function granted(more: Record<string, unknown> = {}): Answer {
  const now = Date.now();
  return {
    json: {
      lock_id: "request-1.0", request_id: "request-1", state: "granted", namespace: "default", resource: "customer/123", mode: "exclusive",
      agent_id: "tester", priority: 5, fencing_token: 100, granted_at: new Date(now).toISOString(),
      expires_at: new Date(now + 30_000).toISOString(), expires_in_ms: 30_000, served_ms: 0,
      hold_ends_at: new Date(now + 3_600_000).toISOString(), waited_ms: 0, changed_since_last_held: null, ...more,
    },
  };
}

export function queued(more: Record<string, unknown> = {}): Answer {
  return {
    status: 202,
    json: {
      lock_id: "request-1.0", request_id: "request-1", state: "queued", namespace: "default", resource: "customer/123", mode: "exclusive",
      agent_id: "tester", priority: 5, position: 1, queue_length: 1, enqueued_at: new Date().toISOString(),
      wait_ends_at: new Date(Date.now() + 30_000).toISOString(), call_again_within_ms: 15_000, served_ms: 0, blocked_by: [], ...more,
    },
  };
}

export function renewed(more: Record<string, unknown> = {}): Record<string, unknown> {
  const now = Date.now();
  return {
    lock_id: "request-1.0", state: "granted", expires_at: new Date(now + 30_000).toISOString(), expires_in_ms: 30_000, served_ms: 0,
    hold_ends_at: new Date(now + 3_600_000).toISOString(), waiters: { count: 0 }, ...more,
  };
}

export function released(state = "released"): Answer {
  return { json: { lock_id: "request-1.0", state } };
}

export function problemOf(code: string, more: Record<string, unknown> = {}): Record<string, unknown> {
  const { status, title, retryable, next_step } = catalogue.find(one => one.code === code)!;
  return {
    type: `https://protomesh.dev/problems/${code}`, title, status, detail: `It is ${code}.`, code, retryable, next_step,
    trace_id: "0123456789abcdef", ...more,
  };
}

export function problem(code: string, more: Record<string, unknown> = {}): Answer {
  const document = problemOf(code, more);
  return { status: document.status as number, json: document };
}
