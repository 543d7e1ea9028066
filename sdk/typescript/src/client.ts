import { ApprovalsClient } from "./approvals.js";
import { BudgetsClient } from "./budgets.js";
import { LeaseLostError, MeshError } from "./errors.js";
import { EventsClient } from "./events.js";
import { FencesClient } from "./fences.js";
import { type GuardBody, type GuardOptions, runUnder } from "./guard.js";
import { Guards } from "./guards.js";
import { KeysClient } from "./keys.js";
import { Lease } from "./leases/lease.js";
import { asLoss, meansLoss } from "./leases/loss.js";
import { RenewalLoop } from "./leases/renewal-loop.js";
import { readTicket, type Ticket } from "./leases/ticket.js";
import { LocksClient } from "./locks.js";
import type { GrantedLock, HealthReport, LockedResource, ResourceRequest } from "./locks-types.js";
import { fromWire } from "./naming.js";
import { type AcquireOptions, type CallOptions, type ClientOptions, resolve, type Settings } from "./options.js";
import { PoliciesClient } from "./policies.js";
import { AccessApi } from "./transport/access-api.js";
import { MeshApi } from "./transport/api.js";
import { Sender } from "./transport/sender.js";

/** What is done while a resource is held. */
export type LockBody<T> = (lease: Lease, signal: AbortSignal) => T | PromiseLike<T>;

/**
 * One connection to a ProtoMesh service; a process needs one. One timer renews every lease that was acquired through it,
 * and does not keep the process alive.
 */
export class ProtoMesh {
  /** Who this client speaks for unless a call says otherwise. */
  readonly agentId: string;
  /** Acquire, look at and steer leases. */
  readonly locks: LocksClient;
  /** Ask whether an action may be done, and keep the documents that decide it. */
  readonly policies: PoliciesClient;
  /** Check fencing tokens for a resource that cannot compare them itself. */
  readonly fences: FencesClient;
  /** Reserve what something may cost, and record what it did cost. */
  readonly budgets: BudgetsClient;
  /** Ask people, wait for them, and decide for them. */
  readonly approvals: ApprovalsClient;
  /** Make and end keys; for admins. */
  readonly keys: KeysClient;
  /** Follow what happens. */
  readonly events: EventsClient;

  readonly #settings: Settings;
  readonly #sender: Sender;
  readonly #api: MeshApi;
  readonly #renewals: RenewalLoop;
  readonly #guards: Guards;
  #closed = false;

  /**
   * Connects nowhere yet: the first call does.
   * @throws TypeError No base URL, or one that is not absolute.
   */
  constructor(options: ClientOptions = {}) {
    this.#settings = resolve(options);
    this.#sender = new Sender(this.#settings);
    this.#api = new MeshApi(this.#sender);
    this.#renewals = new RenewalLoop(this.#api);
    this.agentId = this.#settings.agentId;
    this.locks = new LocksClient(this.#api, this.#renewals, this.#settings);
    this.policies = new PoliciesClient(this.#api, this.#settings);
    this.fences = new FencesClient(this.#api, this.#settings);
    this.events = new EventsClient(this.#api, this.#settings);
    const access = new AccessApi(this.#sender);
    this.budgets = new BudgetsClient(access, this.#settings);
    this.approvals = new ApprovalsClient(access, this.#settings);
    this.keys = new KeysClient(access, this.#settings);
    this.#guards = new Guards(this.locks, this.policies, this.approvals, this.budgets, this.#settings);
  }

  /** The leases that this client still holds. */
  get held(): readonly Lease[] {
    return this.#renewals.held;
  }

  /**
   * Holds a resource while a body runs, and releases it however that ends.
   * @param resource `type/id`, such as `customer/123`, or several.
   * @param options Priority, waiting time and so on; may be left out.
   * @param body Gets the lease, and a signal that aborts when the lease is lost or the caller gives up.
   * @throws LeaseLostError It was lost while the body ran: what was written since may have been refused.
   */
  withLock<T>(resource: string | readonly ResourceRequest[], body: LockBody<T>): Promise<T>;
  withLock<T>(resource: string | readonly ResourceRequest[], options: AcquireOptions, body: LockBody<T>): Promise<T>;
  async withLock<T>(
    resource: string | readonly ResourceRequest[], options: AcquireOptions | LockBody<T>, body?: LockBody<T>,
  ): Promise<T> {
    const [settings, work] = typeof options === "function" ? [{}, options] : [options, body!];
    const lease = await this.locks.acquire(resource, settings);
    return runUnder(lease, signal => work(lease, signal), settings.action ?? "The work", settings.signal);
  }

  /**
   * Asks the policy, waits for people if it says so, waits for the lock, runs the body, settles what it has reserved and
   * releases: what a tool call is wrapped in. A refusal is not thrown: the body gets it as `guard.denial`, with
   * `guard.text` for the model, and decides what to return. Nothing is held while people think.
   * @param body Gets the guard, and a signal that aborts when the lease is lost or the caller gives up.
   * @throws LeaseLostError The lease was lost while the body ran: what it did may be half done.
   */
  guard<T>(options: GuardOptions, body: GuardBody<T>): Promise<T> {
    return this.#guards.run(options, body);
  }

  /**
   * Takes up a lease by its ticket, and renews it from now on.
   * @param ticket What `lease.ticket()` made, here or in another process or language; its JSON will do.
   * @throws LeaseLostError It ended, or somebody else has it now.
   */
  async attach(ticket: Ticket | string, options: CallOptions & Pick<AcquireOptions, "autoRenew"> = {}): Promise<Lease> {
    const given = readTicket(ticket);
    const ttl = given.ttl_ms ?? undefined;
    const body = { fencing_token: given.fencing_token, ttl_ms: ttl };
    try {
      const { value, sent } = await this.#api.renew(given.lock_id, body, { signal: options.signal });
      const grant: GrantedLock = {
        lockId: given.lock_id,
        requestId: given.request_id,
        state: "granted",
        namespace: given.namespace,
        resource: given.resource ?? null,
        ...(given.resources && { resources: fromWire<LockedResource[]>(given.resources) }),
        ...(given.mode !== undefined && { mode: given.mode }),
        agentId: given.agent_id,
        ...(given.session_id !== undefined && { sessionId: given.session_id }),
        fencingToken: given.fencing_token,
        expiresAt: value.expiresAt,
        expiresInMs: value.expiresInMs,
        servedMs: value.servedMs,
        holdEndsAt: value.holdEndsAt,
        changedSinceLastHeld: null,
      };
      const lease = new Lease(this.#api, this.#renewals, grant, sent, { ttl, autoRenew: options.autoRenew });
      if (lease.renewsItself) {
        this.#renewals.add(lease);
      }
      return lease;
    } catch (fault) {
      throw fault instanceof MeshError && meansLoss(fault.problem) ? new LeaseLostError(asLoss(fault.problem), { cause: fault }) : fault;
    }
  }

  /** What the service is and how it does; `unhealthy` is an answer too. */
  health(options: CallOptions = {}): Promise<HealthReport> {
    return this.#api.health({ signal: options.signal });
  }

  /**
   * Ends the renewals and every call. Leases that are still held are not released, since their work may be half done:
   * a warning names them, their `signal` aborts at their deadline and the next holder reads `expired`.
   */
  close(): Promise<void> {
    const held = this.#closed ? [] : this.held;
    this.#closed = true;
    this.#renewals.close();
    this.#sender.close();
    if (held.length > 0) {
      const names = held.slice(0, 10).flatMap(lease => lease.resources).join(", ");
      const more = held.length > 10 ? ` and ${held.length - 10} more` : "";
      this.#settings.logger.warn(
        `ProtoMesh: a client of ${this.agentId} was closed while it held ${names}${more}. Nobody renews that now: it ends at its deadline.`);
    }
    return Promise.resolve();
  }
}

/** `await using` closes it. */
export interface ProtoMesh extends AsyncDisposable {}

Object.defineProperty(ProtoMesh.prototype, Symbol.asyncDispose ?? Symbol.for("Symbol.asyncDispose"), {
  value: function (this: ProtoMesh) {
    return this.close();
  },
  configurable: true,
  writable: true,
});
