import { type Denial, denialOf } from "./denial.js";
import { LeaseLostError, MeshError, toError, UnavailableError } from "./errors.js";
import type { Lease } from "./leases/lease.js";
import type { LocksClient } from "./locks.js";
import type { ResourceRequest } from "./locks-types.js";
import type { AcquireOptions, Settings } from "./options.js";
import type { PoliciesClient } from "./policies.js";
import type { PolicyDecision, PolicyStamp } from "./policies-types.js";
import { denied } from "./problem.js";

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

/** What came of it: a go, or a denial with a text that a model can read. */
export interface Guard {
  readonly action: string;
  readonly granted: boolean;
  /** What is held; null when denied, without a resource, and when unprotected. */
  readonly lease: Lease | null;
  /** The decision that allowed or denied it, if the policy was asked. */
  readonly decision: PolicyDecision | PolicyStamp | null;
  /** Null when granted. */
  readonly denial: Denial | null;
  /** For the model: why it was not done; empty when granted. */
  readonly text: string;
  /** True when the service could not be reached and the caller chose to go on without it. */
  readonly unprotected: boolean;
  /** Aborts when the lease is lost and when the caller gives up. */
  readonly signal: AbortSignal;
}

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

  async run<T>(options: GuardOptions, body: (guard: Guard) => T | PromiseLike<T>): Promise<T> {
    const { action, signal } = options;
    const guard = await this.#ask(options);
    const lease = guard.lease;
    if (lease === null) {
      signal?.throwIfAborted();
      return body(guard);
    }
    return runUnder(lease, () => body(guard), { action, signal });
  }

  /** Every error of the service or of the way to it becomes a denial; only the caller's own change of mind is thrown. */
  async #ask(options: GuardOptions): Promise<Guard> {
    const { action, resource, onUnavailable, signal, ...rest } = options;
    try {
      if (resource === undefined) {
        const { metadata, agentId, requestId, namespace } = rest;
        const decision = await this.#policies.check(action, { metadata, agentId, requestId, namespace, signal });
        if (!decision.allowed) {
          throw toError(denied(decision));
        }
        return granted(action, null, decision, signal);
      }
      const lease = await this.#locks.acquire(resource, { ...rest, action, signal });
      return granted(action, lease, lease.decision ?? null, signal);
    } catch (fault) {
      if (!(fault instanceof MeshError) || signal?.aborted) {
        throw fault;
      }
      if (onUnavailable === "open" && fault instanceof UnavailableError) {
        this.#settings.logger.warn(`ProtoMesh: ${action} goes on without a lock and without a decision: ${fault.message}`);
        return { ...granted(action, null, null, signal), unprotected: true };
      }
      return {
        action, granted: false, lease: null, decision: fault.problem.decision ?? null, denial: denialOf(action, fault),
        text: denialOf(action, fault).text, unprotected: false, signal: signal ?? new AbortController().signal,
      };
    }
  }
}

function granted(action: string, lease: Lease | null, decision: PolicyDecision | PolicyStamp | null, signal: AbortSignal | undefined): Guard {
  const signals = [...(signal ? [signal] : []), ...(lease ? [lease.signal] : [])];
  return {
    action, granted: true, lease, decision, denial: null, text: "", unprotected: false,
    signal: signals.length === 1 ? signals[0]! : AbortSignal.any(signals),
  };
}

/**
 * Runs a body under a lease and releases it however that ends: after a failure with a note that names the type of the
 * error. The end of the body is the end of the work only if the lease was held to it, so a loss is thrown.
 */
export async function runUnder<T>(
  lease: Lease, body: () => T | PromiseLike<T>, { action, signal }: { readonly action: string; readonly signal?: AbortSignal | undefined },
): Promise<T> {
  let result: T;
  try {
    // The answer may have been long on its way.
    signal?.throwIfAborted();
    lease.throwIfLost();
    result = await body();
  } catch (fault) {
    await lease.close(isCancellation(fault, signal) ? `${action} was cancelled` : `${action} failed: ${typeOf(fault)}`);
    const loss = lease.findLoss();
    throw loss !== undefined && !signal?.aborted && isOfLoss(fault, lease) ? loss : fault;
  }
  // By this process's own clock it was held to the end of the body, unless the release brings other news. A service that
  // is out of reach now cannot undo what was done: the lease expires.
  await lease.close();
  const loss = lease.findLoss();
  if (loss !== undefined) {
    throw loss;
  }
  return result;
}

/** Whatever the platform or a library throws when a signal aborts. */
function isCancellation(fault: unknown, signal: AbortSignal | undefined): boolean {
  return (signal?.aborted === true && fault === signal.reason) || (fault instanceof Error && fault.name === "AbortError");
}

function isOfLoss(fault: unknown, lease: Lease): boolean {
  return fault instanceof LeaseLostError || fault === lease.signal.reason || isCancellation(fault, undefined);
}

function typeOf(fault: unknown): string {
  return fault instanceof Error ? fault.name : typeof fault;
}
