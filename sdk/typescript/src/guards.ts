import type { ApprovalsClient } from "./approvals.js";
import type { BudgetsClient } from "./budgets.js";
import { denialOf, lostText } from "./denial.js";
import { ApprovalRequiredError, MeshError, PolicyDeniedError, ServiceFailedError, toError, UnavailableError } from "./errors.js";
import { type DeniedGuard, type GrantedGuard, type Guard, type GuardBody, type GuardOptions, runUnder } from "./guard.js";
import { newRequestId } from "./leases/ids.js";
import type { Lease } from "./leases/lease.js";
import type { LocksClient } from "./locks.js";
import { checkDuration, type Settings } from "./options.js";
import type { PoliciesClient } from "./policies.js";
import type { PolicyDecision, PolicyStamp } from "./policies-types.js";
import { denied } from "./problem.js";
import { giveBack, Settlement } from "./settlement.js";
import { now } from "./transport/time.js";

/** What is asked of a service that answers strangely. */
const MOST_ROUNDS = 10;

/** What is no longer good without anybody having said no: the same may be asked again. */
const ended: ReadonlySet<string> = new Set(["superseded", "lapsed"]);
const outdated: ReadonlySet<string> = new Set([...ended].map(state => `APPROVAL_${state.toUpperCase()}`));

/** A guard, and what it has reserved. */
interface Asked {
  readonly guard: Guard;
  readonly settlement: Settlement;
}

/**
 * The whole chain of a guard: asks the policy, waits for people and holds nothing meanwhile, takes lock, rate and budget
 * in one step, runs a body, settles, releases.
 */
export class Guards {
  readonly #locks: LocksClient;
  readonly #policies: PoliciesClient;
  readonly #approvals: ApprovalsClient;
  readonly #budgets: BudgetsClient;
  readonly #settings: Settings;

  constructor(locks: LocksClient, policies: PoliciesClient, approvals: ApprovalsClient, budgets: BudgetsClient, settings: Settings) {
    this.#locks = locks;
    this.#policies = policies;
    this.#approvals = approvals;
    this.#budgets = budgets;
    this.#settings = settings;
  }

  async run<T>(options: GuardOptions, body: GuardBody<T>): Promise<T> {
    const { action, signal } = options;
    checkDuration("approvalTimeout", options.approvalTimeout);
    const { guard, settlement } = await this.#ask(options);
    const work = (stop: AbortSignal) => {
      settlement.begin();
      return body(guard, stop);
    };
    if (guard.lease !== null) {
      return runUnder(guard.lease, work, action, signal, () => settlement.close());
    }
    try {
      signal?.throwIfAborted();
      return await work(signal ?? new AbortController().signal);
    } finally {
      await settlement.close();
    }
  }

  /** Every error of the service or of the way to it becomes a denial; only the caller's own change of mind is thrown. */
  async #ask(options: GuardOptions): Promise<Asked> {
    const { action, onUnavailable, signal } = options;
    let approvalId = options.approvalId;
    let peopleWereAsked = false;
    const waitEnds = now() + (options.approvalTimeout ?? 3_600_000);
    for (let round = 1; ; round++) {
      try {
        return await this.#try({ ...options, approvalId });
      } catch (fault) {
        signal?.throwIfAborted();
        if (!(fault instanceof MeshError)) {
          throw fault;
        }
        if (round < MOST_ROUNDS && approvalId !== undefined && (fault.code === "approval_not_needed" || (peopleWereAsked && isOutdated(fault)))) {
          approvalId = undefined;
          continue;
        }
        if (fault instanceof ApprovalRequiredError) {
          peopleWereAsked = true;
          const next = round < MOST_ROUNDS ? await this.#decided(fault, approvalId, waitEnds, options) : fault;
          if (next instanceof MeshError) {
            return this.#refused(action, next);
          }
          ({ approvalId } = next);
          continue;
        }
        // A client that was closed is not a service that is away, and what people have to approve is not done without them.
        if (onUnavailable === "open" && !peopleWereAsked && fault instanceof UnavailableError && fault.retryable) {
          this.#settings.logger.warn(`ProtoMesh: ${action} goes on without a lock and without a decision: ${fault.message}`);
          return this.#granted(options, { unprotected: true });
        }
        return this.#refused(action, fault);
      }
    }
  }

  /** What to ask with next, or why not to: what people have said, the service tells. Nothing is held meanwhile. */
  async #decided(
    fault: ApprovalRequiredError, shown: string | undefined, ends: number, { onApproval, onWaiting, showsYes, signal }: GuardOptions,
  ): Promise<{ readonly approvalId: string | undefined } | MeshError> {
    const { approvalId, state } = fault.approval ?? {};
    if (approvalId === undefined || (state === "approved" && (showsYes || approvalId === shown))) {
      return fault;
    }
    if (state === "approved") {
      return { approvalId };
    }
    if (onApproval !== "wait") {
      return fault;
    }
    try {
      if (onWaiting !== undefined && approvalId !== shown) {
        const asked = await this.#approvals.get(approvalId, { signal });
        if (asked.state === "pending") {
          await onWaiting(asked);
        }
      }
      const decided = await this.#approvals.wait(approvalId, { timeout: Math.max(0, ends - now()), signal });
      return decided.state === "pending" ? fault : { approvalId: ended.has(decided.state) ? undefined : approvalId };
    } catch (failure) {
      signal?.throwIfAborted();
      if (!(failure instanceof MeshError)) {
        throw failure;
      }
      return failure;
    }
  }

  /** One request for all that it takes. */
  async #try(options: GuardOptions): Promise<Asked> {
    const { action, resource, signal } = options;
    if (resource !== undefined) {
      return this.#granted(options, await this.#lock(resource, options));
    }
    const { metadata, agentId, namespace, runId, approvalId } = options;
    const requestId = options.requestId ?? newRequestId();
    let decision: PolicyDecision;
    try {
      decision = await this.#policies.check(action, { metadata, agentId, requestId, namespace, runId, approvalId, signal });
    } catch (fault) {
      if (mayHaveTaken(fault)) {
        await giveBack(this.#budgets, namespace, requestId, 3);
      }
      throw fault;
    }
    if (!decision.allowed) {
      throw toError(denied(decision));
    }
    return this.#granted(options, { decision });
  }

  async #lock(resource: NonNullable<GuardOptions["resource"]>, options: GuardOptions): Promise<{ lease: Lease; decision: PolicyStamp | null }> {
    const { action, namespace, signal } = options;
    const acquisition = this.#locks.start(resource, { ...options, action, signal });
    try {
      const lease = await this.#locks.take(acquisition, options);
      return { lease, decision: lease.decision ?? null };
    } catch (fault) {
      const { queued } = acquisition;
      if (queued !== undefined) {
        await new Settlement(this.#budgets, this.#settings.logger, namespace, queued.decision?.obligations?.budget).close();
      } else if (mayHaveTaken(fault) || hadPlace(fault)) {
        await giveBack(this.#budgets, namespace, acquisition.requestId, 1);
      }
      throw fault;
    }
  }

  #granted(
    { action, namespace, approvalId }: GuardOptions, given: { readonly lease?: Lease; readonly decision?: PolicyDecision | PolicyStamp | null; readonly unprotected?: boolean },
  ): Asked {
    const { lease = null, decision = null, unprotected = false } = given;
    const settlement = new Settlement(this.#budgets, this.#settings.logger, namespace, decision?.obligations?.budget);
    const guard: GrantedGuard = {
      granted: true, lease, decision, denial: null, unprotected,
      approvalId: decision?.obligations?.approval?.approvalId ?? (unprotected ? null : approvalId ?? null),
      reservations: settlement.reservations,
      spent: cost => settlement.spent(cost),
      get text() {
        const loss = lease?.findLoss();
        return loss ? lostText(action, loss) : null;
      },
    };
    return { guard, settlement };
  }

  #refused(action: string, fault: MeshError): Asked {
    const denial = denialOf(action, fault);
    const settlement = new Settlement(this.#budgets, this.#settings.logger, undefined);
    const guard: DeniedGuard = {
      granted: false, lease: null, decision: denial.decision ?? null, denial, text: denial.text, unprotected: false,
      approvalId: denial.approval?.approvalId ?? null,
      reservations: [],
      spent: cost => settlement.spent(cost),
    };
    return { guard, settlement };
  }
}

/** Nobody knows whether the service has done it. */
function mayHaveTaken(fault: unknown): boolean {
  return !(fault instanceof MeshError) || fault instanceof UnavailableError || fault instanceof ServiceFailedError;
}

/** It has waited in the queue, within the one call that says that the wait is over. */
function hadPlace(fault: unknown): boolean {
  return fault instanceof MeshError && fault.problem.lockId !== undefined;
}

function isOutdated(fault: MeshError): boolean {
  return fault instanceof PolicyDeniedError && fault.reasons.some(reason => reason.effect === "approval" && outdated.has(reason.code));
}
