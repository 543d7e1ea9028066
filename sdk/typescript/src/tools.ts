import { AsyncLocalStorage } from "node:async_hooks";
import type { ProtoMesh } from "./client.js";
import { lostText } from "./denial.js";
import type { LeaseLostError } from "./errors.js";
import type { GuardOptions } from "./guard.js";
import type { Lease } from "./leases/lease.js";
import { checkDurations } from "./options.js";

/** A call that a model asked for and whose tool has not run yet. */
export interface ToolCall<TArgs = any> {
  /** The tool's; empty where the framework does not tell it. */
  readonly name: string;
  /** What the model wrote. */
  readonly args: TArgs;
  /** The framework's id of the call. */
  readonly id: string | undefined;
}

/** What has to be allowed and held while a tool runs. */
export interface Protection extends Omit<GuardOptions, "action" | "signal" | "requestId"> {
  /** What the policy decides; the tool's name. */
  readonly action?: string;
}

/**
 * Says by a call's name and arguments what it needs; undefined lets the tool run as it is. A rule that throws keeps the
 * tool from running, and the model reads why.
 */
export type Rule<TArgs = any> = (call: ToolCall<TArgs>) => Protection | undefined | PromiseLike<Protection | undefined>;

/** What a protected call consists of. */
export interface ProtectedCall<T> {
  readonly mesh: ProtoMesh;
  readonly rule: Rule;
  readonly call: ToolCall;
  /** The framework's: gives up waiting, and reaches the tool through {@link ProtectedCall.run}. */
  readonly signal: AbortSignal | undefined;
  /** Runs the tool. Its signal also aborts when the lease is lost. */
  run(signal: AbortSignal | undefined): T | PromiseLike<T>;
  /** Makes a text for the model into what the framework takes for the result of a tool. */
  answer(text: string): T | PromiseLike<T>;
}

const running = new AsyncLocalStorage<Lease | null>();

/**
 * The lease under which the calling tool runs, for its fencing token and `changedSinceLastHeld`; null outside of a
 * protected tool and where nothing is held.
 */
export function currentLease(): Lease | null {
  return running.getStore() ?? null;
}

/**
 * Runs one call of a tool under what its rule asks for. Each call is a request of its own, so two calls of one agent
 * wait for each other like two agents do. A refusal and a loss are answers: frameworks hide, retry or end the run on
 * what is thrown. Only the framework's own cancellation and the tool's own errors pass.
 */
export async function runProtected<T>({ mesh, rule, call, signal, run, answer }: ProtectedCall<T>): Promise<T> {
  let protection: Protection | undefined;
  try {
    protection = await rule(call);
    check(protection);
  } catch (fault) {
    return answer(`Not done: ${call.name || "this call"}. What it needs could not be told from its arguments: ${String(fault)}`);
  }
  if (protection === undefined) {
    return run(signal);
  }
  const action = protection.action ?? call.name;
  const labels = { ...labelsOf(call.name || action, call.id), ...protection.labels };
  try {
    return await mesh.guard({ ...protection, action, labels, signal }, (guard, stop) =>
      guard.granted ? running.run(guard.lease, () => run(stop)) : answer(guard.text));
  } catch (fault) {
    if (isLoss(fault)) {
      return answer(lostText(action, fault));
    }
    throw fault;
  }
}

/** What the compiler does not see in a rule that is written in JavaScript, and in arguments of the type `any`. */
function check(protection: Protection | undefined): void {
  if (protection === undefined) {
    return;
  }
  if (typeof protection !== "object" || protection === null || Array.isArray(protection)) {
    throw new TypeError("A rule gives an object such as { resource: \"customer/1\" }, or undefined to let the tool run as it is.");
  }
  if ("requestId" in protection && protection.requestId !== undefined) {
    throw new TypeError("A rule cannot set requestId: calls with one id share one lease, and each call needs its own.");
  }
  checkDurations(protection);
  const { resource } = protection;
  for (const one of resource === undefined || typeof resource === "string" ? [resource] : resource) {
    const name = typeof one === "object" ? one.resource : one;
    // Of a missing argument a template makes a name that every such call would share.
    if (name !== undefined && /(^|[/:])(undefined|null|NaN|\[object \w+\])([/:]|$)/.test(name)) {
      throw new TypeError(`${name} names nothing: an argument that the rule reads is missing.`);
    }
  }
}

/** Whoever looks at the queue sees which call of an agent holds or waits. */
function labelsOf(tool: string, id: string | undefined): Record<string, string> {
  // A label has up to 256 bytes, and a character up to 3 of them.
  return { tool: tool.slice(0, 85), ...(id ? { tool_call: id.slice(0, 85) } : {}) };
}

/** By its shape: the client may come from the other one of the two module formats. */
function isLoss(fault: unknown): fault is LeaseLostError {
  return fault instanceof Error && "problem" in fault && "code" in fault && fault.code === "lease_lost";
}
