import { AsyncLocalStorage } from "node:async_hooks";
import type { ProtoMesh } from "./client.js";
import { lostText } from "./denial.js";
import type { LeaseLostError } from "./errors.js";
import type { GrantedGuard, GuardOptions } from "./guard.js";
import type { Lease } from "./leases/lease.js";
import { checkDuration, checkDurations } from "./options.js";
import type { PolicyApproval } from "./policies-types.js";

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
  /**
   * Pauses the run until people have decided, by what it throws. What it returns, when the run goes on, is the approval
   * to use. Without it the model reads that people have to approve.
   */
  pause?(missing: MissingApproval): string | PromiseLike<string>;
}

/** What people have to approve before a call can run. */
export interface MissingApproval extends PolicyApproval {
  readonly approvalId: string;
  readonly action: string;
  readonly resource: Protection["resource"];
  readonly metadata: Protection["metadata"];
  /** What the model would read. */
  readonly text: string;
}

const running = new AsyncLocalStorage<GrantedGuard>();

/** A run that is resumed again and again before people have decided is not asked for ever. */
const MOST_ROUNDS = 100;

/**
 * The lease under which the calling tool runs, for its fencing token and `changedSinceLastHeld`; null outside of a
 * protected tool and where nothing is held.
 */
export function currentLease(): Lease | null {
  return running.getStore()?.lease ?? null;
}

/**
 * The guard under which the calling tool runs, for `spent` and its reservations; null outside of a protected tool and
 * where the rule asks for nothing.
 */
export function currentGuard(): GrantedGuard | null {
  return running.getStore() ?? null;
}

/**
 * Runs one call of a tool under what its rule asks for. Each call is a request of its own, so two calls of one agent
 * wait for each other like two agents do. A refusal and a loss are answers: frameworks hide, retry or end the run on
 * what is thrown. Only the framework's own cancellation and the tool's own errors pass.
 */
export async function runProtected<T>(protectedCall: ProtectedCall<T>): Promise<T> {
  const { rule, call, signal, run, answer } = protectedCall;
  let protection: Protection | undefined;
  try {
    protection = await protectionOf(rule, call);
  } catch (fault) {
    return answer(`Not done: ${call.name || "this call"}. What it needs could not be told from its arguments: ${String(fault)}`);
  }
  if (protection === undefined) {
    return run(signal);
  }
  const action = protection.action ?? call.name;
  try {
    return await runGuarded(protectedCall, action, protection);
  } catch (fault) {
    if (isLoss(fault)) {
      return answer(lostText(action, fault));
    }
    throw fault;
  }
}

/** The names alone, without modes. */
export function namesOf(resource: Protection["resource"]): readonly string[] {
  return resource === undefined ? [] : typeof resource === "string" ? [resource] : resource.map(one => (typeof one === "string" ? one : one.resource));
}

/** @throws what the rule throws, and a TypeError for what is no protection. */
export async function protectionOf(rule: Rule, call: ToolCall): Promise<Protection | undefined> {
  const protection = await rule(call);
  check(protection);
  return protection;
}

async function runGuarded<T>({ mesh, call, signal, run, answer, pause }: ProtectedCall<T>, action: string, protection: Protection): Promise<T> {
  const labels = { ...labelsOf(call.name || action, call.id), ...protection.labels };
  let approvalId = protection.approvalId;
  for (let round = 1; ; round++) {
    let missing: MissingApproval | undefined;
    const paused = pause && { onApproval: "raise", showsYes: true } as const;
    const result = await mesh.guard<T | undefined>({ ...protection, ...paused, approvalId, action, labels, signal }, (guard, stop) => {
      if (guard.granted) {
        return running.run(guard, () => run(stop));
      }
      const { approval } = guard.denial;
      if (!pause || approval?.approvalId === undefined || round === MOST_ROUNDS) {
        return answer(guard.text);
      }
      missing = { ...approval, approvalId: approval.approvalId, action, resource: protection.resource, metadata: protection.metadata, text: guard.text };
      return undefined;
    });
    if (missing === undefined) {
      return result as T;
    }
    // Outside of the guard: nothing is held while a person thinks.
    approvalId = await pause!(missing);
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
  checkDuration("approvalTimeout", protection.approvalTimeout);
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
