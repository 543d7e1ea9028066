import type { Approval } from "./approvals-types.js";
import type { Amount } from "./budgets-types.js";
import type { Denial } from "./denial.js";
import { LeaseLostError } from "./errors.js";
import type { Lease } from "./leases/lease.js";
import type { ResourceRequest } from "./locks-types.js";
import type { AcquireOptions } from "./options.js";
import type { PolicyDecision, PolicyStamp } from "./policies-types.js";
import type { Spent, TakenReservation } from "./settlement.js";
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
  /**
   * What happens when people have to approve it. `raise` (the default) denies, with the approval in the denial: asked again
   * after their yes, it runs. `wait` waits for them, holding nothing, and goes on with what they say.
   */
  readonly onApproval?: "raise" | "wait";
  /** How long to wait for people, in ms; 1 h. */
  readonly approvalTimeout?: number;
  /** Called with each approval that is waited for, before the wait, and awaited. What it throws gives up. */
  readonly onWaiting?: (approval: Approval) => unknown;
  /**
   * A yes that is there is a denial too, for whoever pauses and resumes on both.
   * @internal
   */
  readonly showsYes?: boolean;
}

/** What a guard has whatever came of it. */
interface GuardShape {
  /** The approval that was used; of a denial the one that is missing, if it is one. */
  readonly approvalId: string | null;
  /** What was reserved for it: settled at the end of the body, and released if that never begins. */
  readonly reservations: readonly TakenReservation[];
  /**
   * Tells what was really spent: an amount in the unit of the budget (of `usd` micro-dollars), or what a model used. The
   * last word on a reservation counts; of one without a word, its whole amount. Zero says that nothing was spent.
   * @throws TypeError It is no amount, or does not say of which reservation, or the guard is over.
   */
  spent(cost: Amount | Spent): void;
}

/** It may be done. */
export interface GrantedGuard extends GuardShape {
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
export interface DeniedGuard extends GuardShape {
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

/**
 * Runs a body under a lease and releases it however that ends: after a failure with a note that names the type of the
 * error. The end of the body is the end of the work only if the lease was held to it, so a loss is thrown.
 * @param settle What else the end of the body ends. It does not throw, and the release does not wait for it: a service
 * that is slow to take the cost must not cost the lease.
 */
export async function runUnder<T>(
  lease: Lease, body: (signal: AbortSignal) => T | PromiseLike<T>, action: string, signal: AbortSignal | undefined,
  settle: () => Promise<void> = () => Promise.resolve(),
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
      const note = isCancellation(fault, stop.signal) ? `${action} was cancelled` : `${action} failed: ${typeOf(fault)}`;
      await Promise.all([settle(), lease.close(note)]);
      const loss = lease.findLoss();
      throw loss !== undefined && !signal?.aborted && isCancellation(fault, stop.signal) ? loss : fault;
    }
    // By this process's own clock it was held to the end of the body, unless the release brings other news. A service
    // that is out of reach now cannot undo what was done: the lease expires.
    await Promise.all([settle(), lease.close()]);
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
