import { type Denial, denialOf, lostText } from "./denial.js";
import { LeaseLostError, MeshError, toError, UnavailableError } from "./errors.js";
import type { Lease } from "./leases/lease.js";
import type { LocksClient } from "./locks.js";
import type { ResourceRequest } from "./locks-types.js";
import type { AcquireOptions, Settings } from "./options.js";
import type { PoliciesClient } from "./policies.js";
import type { PolicyDecision, PolicyStamp } from "./policies-types.js";
import { denied } from "./problem.js";
import { listen } from "./transport/signals.js";

/** What is to be guarded: an action, the resources that it is done to, and how to wait for them. */
export interface GuardOptions extends AcquireOptions {
  /** What is to be done, such as `refund`: the policy decides it. */
  readonly action: string;
  /** What has to be held meanwhile: `type/id`, or several. Without one only the policy is asked. */
  readonly resource?: string | readonly ResourceRequest[];
  /**
   * What happens when the service cannot be reached. `closed` (the default) denies; `open` lets the body run without a
   * lease and without a decision, and logs a warning.
   */
  readonly onUnavailable?: "closed" | "open";
}

/** It may be done. */
export interface GrantedGuard {
  readonly granted: true;
  /** What is held; null without a resource, and when unprotected. */
  readonly lease: Lease | null;
  /** The decision that allowed it; null when unprotected. */
  readonly decision: PolicyDecision | PolicyStamp | null;
  readonly denial: null;
  /** Null, until the lease is lost: then for the model, that it may be half done. */
  readonly text: string | null;
  /** True when the service could not be reached and the caller chose to go on without it. */
  readonly unprotected: boolean;
}

/** It must not be done, and nothing is held. */
export interface DeniedGuard {
  readonly granted: false;
  readonly lease: null;
  /** The decision that denied it; null when it was not the policy. */
  readonly decision: PolicyDecision | null;
  readonly denial: Denial;
  /** For the model: what was not done, why, and what it can do now. */
  readonly text: string;
  readonly unprotected: false;
}

/** What came of it: a go, or a denial with a text that a model can read. */
export type Guard = GrantedGuard | DeniedGuard;

/** What is done with it. */
export type GuardBody<T> = (guard: Guard, signal: AbortSignal) => T | PromiseLike<T>;

/** Asks the policy, waits for the lock, runs a body, releases. */
export class Guards {
  readonly #locks: LocksClient;
  readonly #policies: PoliciesClient;
  readonly #settings: Settings;

  constructor(locks: LocksClient, policies: PoliciesClient, settings: Settings) {
    this.#locks = locks;
    this.#policies = policies;
    this.#settings = settings;
  }

  async run<T>(options: GuardOptions, body: GuardBody<T>): Promise<T> {
    const { action, signal } = options;
    const guard = await this.#ask(options);
    if (guard.lease !== null) {
      return runUnder(guard.lease, stop => body(guard, stop), action, signal);
    }
    signal?.throwIfAborted();
    return body(guard, signal ?? new AbortController().signal);
  }

  /** Every error of the service or of the way to it becomes a denial; only the caller's own change of mind is thrown. */
  async #ask(options: GuardOptions): Promise<Guard> {
    const { action, resource, onUnavailable, signal, ...rest } = options;
    try {
      if (resource !== undefined) {
        const lease = await this.#locks.acquire(resource, { ...rest, action, signal });
        return granted(action, { lease, decision: lease.decision ?? null });
      }
      const { metadata, agentId, requestId, namespace } = rest;
      const decision = await this.#policies.check(action, { metadata, agentId, requestId, namespace, signal });
      return decision.allowed ? granted(action, { decision }) : refused(action, toError(denied(decision)));
    } catch (fault) {
      signal?.throwIfAborted();
      if (!(fault instanceof MeshError)) {
        throw fault;
      }
      // A client that was closed is not a service that is away.
      if (onUnavailable === "open" && fault instanceof UnavailableError && fault.retryable) {
        this.#settings.logger.warn(`ProtoMesh: ${action} goes on without a lock and without a decision: ${fault.message}`);
        return granted(action, { unprotected: true });
      }
      return refused(action, fault);
    }
  }
}

function granted(action: string, given: Partial<Pick<GrantedGuard, "lease" | "decision" | "unprotected">>): GrantedGuard {
  const { lease = null, decision = null, unprotected = false } = given;
  return {
    granted: true, lease, decision, denial: null, unprotected,
    get text() {
      const loss = lease?.findLoss();
      return loss ? lostText(action, loss) : null;
    },
  };
}

function refused(action: string, fault: MeshError): DeniedGuard {
  const denial = denialOf(action, fault);
  return { granted: false, lease: null, decision: denial.decision ?? null, denial, text: denial.text, unprotected: false };
}

/**
 * Runs a body under a lease and releases it however that ends: after a failure with a note that names the type of the
 * error. The end of the body is the end of the work only if the lease was held to it, so a loss is thrown.
 */
export async function runUnder<T>(
  lease: Lease, body: (signal: AbortSignal) => T | PromiseLike<T>, action: string, signal: AbortSignal | undefined,
): Promise<T> {
  const stop = new AbortController();
  const sources = signal ? [signal, lease.signal] : [lease.signal];
  const links = sources.map(source => listen(source, () => stop.abort(source.reason)));
  try {
    let result: T;
    try {
      // The answer may have been long on its way.
      signal?.throwIfAborted();
      lease.throwIfLost();
      result = await body(stop.signal);
    } catch (fault) {
      await lease.close(isCancellation(fault, stop.signal) ? `${action} was cancelled` : `${action} failed: ${typeOf(fault)}`);
      const loss = lease.findLoss();
      throw loss !== undefined && !signal?.aborted && isCancellation(fault, stop.signal) ? loss : fault;
    }
    // By this process's own clock it was held to the end of the body, unless the release brings other news. A service
    // that is out of reach now cannot undo what was done: the lease expires.
    await lease.close();
    const loss = lease.findLoss();
    if (loss !== undefined) {
      throw loss;
    }
    return result;
  } finally {
    links.forEach(unlisten => unlisten());
  }
}

/** What the platform, a library or the lease throws when a signal aborts. */
function isCancellation(fault: unknown, signal: AbortSignal): boolean {
  return fault instanceof LeaseLostError || (signal.aborted && fault === signal.reason) || (fault instanceof Error && fault.name === "AbortError");
}

function typeOf(fault: unknown): string {
  return fault instanceof Error ? fault.name : typeof fault;
}
