import { LockHeldError } from "./errors.js";
import { type AcquireBody, Acquisition } from "./leases/acquisition.js";
import { newRequestId } from "./leases/ids.js";
import { Lease } from "./leases/lease.js";
import type { RenewalLoop } from "./leases/renewal-loop.js";
import type {
  DryRunVerdict, Explanation, ForceReleased, LockState, MeshEvent, ObservedLock, QueuedLock, QueuePage, ReleasedLock, ResourceRequest,
  ResourceSummary,
} from "./locks-types.js";
import { type AcquireOptions, type CallOptions, checkDurations, type ListOptions, type NamespaceOptions, type Settings } from "./options.js";
import { pages } from "./pages.js";
import type { MeshApi } from "./transport/api.js";

/** Which live requests to list; what is absent lets everything through. */
export interface LockFilter extends ListOptions {
  readonly state?: Extract<LockState, "queued" | "granted">;
  readonly agentId?: string;
  /** The resource's type, such as `customer`. */
  readonly type?: string;
}

/** Which resources to list. */
export interface ResourceFilter extends ListOptions {
  /** Their type, such as `customer`. */
  readonly type?: string;
  /** The most contended first unless said here. */
  readonly orderBy?: "contention" | "name";
}

/** Which page of a queue to read. */
export interface QueueOptions extends ListOptions {
  readonly pageToken?: string;
}

/** How to end somebody else's lease. */
export interface ForceReleaseOptions extends NamespaceOptions {
  /** Why, 1-500 bytes; kept in the journal. */
  readonly reason: string;
  /** True grants it again at once, false after the last deadline that its holder was told. */
  readonly immediate?: boolean;
}

/** Acquires leases, and looks at and steers those of everyone. */
export class LocksClient {
  readonly #api: MeshApi;
  readonly #renewals: RenewalLoop;
  readonly #settings: Settings;

  /** @internal */
  constructor(api: MeshApi, renewals: RenewalLoop, settings: Settings) {
    this.#api = api;
    this.#renewals = renewals;
    this.#settings = settings;
  }

  /**
   * Waits in the queue for a resource and holds it until the lease is released. Several are held under one token: all of
   * them or none, in one step.
   * @param resource `type/id`, such as `customer/123`, or 1-64 of them; a name alone takes the mode of the options.
   * @throws LockTimeoutError It could not be had within `wait`.
   * @throws LockHeldError `wait` was zero and somebody holds it.
   * @throws PolicyDeniedError The policy forbids its `action`.
   * @throws QueueFullError Too many wait already.
   * @throws ValidationError The request breaks a rule.
   * @throws TypeError A duration is negative, infinite or not a number; nothing was sent.
   * @throws UnavailableError The service could not be reached while the wait lasted.
   */
  async acquire(resource: string | readonly ResourceRequest[], options: AcquireOptions = {}): Promise<Lease> {
    return this.take(this.start(resource, options), options);
  }

  /** @internal */
  start(resource: string | readonly ResourceRequest[], options: AcquireOptions): Acquisition {
    return new Acquisition(this.#api, this.#request(resource, options), options);
  }

  /** @internal */
  async take(acquisition: Acquisition, options: AcquireOptions): Promise<Lease> {
    const { value, sent } = await acquisition.run();
    const lease = new Lease(this.#api, this.#renewals, value, sent, options);
    if (lease.renewsItself) {
      this.#renewals.add(lease);
    }
    return lease;
  }

  /** The lease if all of it is free now and nobody waits for it, else null. */
  async tryAcquire(resource: string | readonly ResourceRequest[], options: Omit<AcquireOptions, "wait"> = {}): Promise<Lease | null> {
    try {
      return await this.acquire(resource, { ...options, wait: 0 });
    } catch (refusal) {
      if (refusal instanceof LockHeldError) {
        return null;
      }
      throw refusal;
    }
  }

  /** What would become of the request now, without the effect. */
  async dryRun(resource: string | readonly ResourceRequest[], options: AcquireOptions = {}): Promise<DryRunVerdict> {
    return this.#api.dryRun(this.#request(resource, options), { signal: options.signal });
  }

  /**
   * A request in any state, without effect on it.
   * @throws NotFoundError There is none, or its end was forgotten.
   */
  get(lockId: string, options: CallOptions = {}): Promise<ObservedLock> {
    return this.#api.get(lockId, { signal: options.signal });
  }

  /**
   * Why does it wait, and what would help?
   * @throws NotFoundError There is none, or its end was forgotten.
   */
  explain(lockId: string, options: CallOptions = {}): Promise<Explanation> {
    return this.#api.explain(lockId, { signal: options.signal });
  }

  /** Live requests, page by page as they are read. */
  list(filter: LockFilter = {}): AsyncIterable<ObservedLock> {
    return pages(
      pageToken => this.#api.list(
        { ...this.#paging(filter, pageToken), state: filter.state, agent_id: filter.agentId, type: filter.type }, { signal: filter.signal }),
      page => page.locks);
  }

  /** Who holds a resource and who waits for it, the next one first. */
  queue(resource: string, options: QueueOptions = {}): Promise<QueuePage> {
    return this.#api.queue({ ...this.#paging(options, options.pageToken), resource }, { signal: options.signal });
  }

  /** Resources that are held or waited for, page by page as they are read. */
  resources(filter: ResourceFilter = {}): AsyncIterable<ResourceSummary> {
    return pages(
      pageToken => this.#api.resources(
        { ...this.#paging(filter, pageToken), order_by: filter.orderBy ?? "contention", type: filter.type }, { signal: filter.signal }),
      page => page.resources);
  }

  /** What happened to a resource, the newest first, page by page as it is read. */
  history(resource: string, options: ListOptions = {}): AsyncIterable<MeshEvent> {
    return pages(
      pageToken => this.#api.history({ ...this.#paging(options, pageToken), resource }, { signal: options.signal }),
      page => page.events);
  }

  /** Takes a request out of the queue, or releases it if it was granted in the meantime. */
  cancel(lockId: string, options: CallOptions = {}): Promise<ReleasedLock> {
    return this.#api.cancel(lockId, { signal: options.signal });
  }

  /**
   * The same for a request of which only the caller's own id is known, because the answer was lost.
   * @param resource Any one of its resources.
   */
  cancelRequest(requestId: string, resource: string, options: NamespaceOptions = {}): Promise<ReleasedLock> {
    const body = { request_id: requestId, namespace: options.namespace ?? this.#settings.namespace, resource };
    return this.#api.cancelRequest(body, { signal: options.signal });
  }

  /**
   * Gives a waiter another priority, 0-9.
   * @throws LockConflictError It does not wait.
   */
  reprioritize(lockId: string, priority: number, options: CallOptions = {}): Promise<QueuedLock> {
    return this.#api.reprioritize(lockId, { priority }, { signal: options.signal });
  }

  /**
   * Ends the lease of whoever holds a resource. Sent once, unless the service was certainly not reached: a second one
   * would end the lease of the next holder. After a lost answer, look at the resource before you call it again.
   */
  forceRelease(resource: string, options: ForceReleaseOptions): Promise<ForceReleased> {
    const { reason, immediate, namespace, signal } = options;
    return this.#api.forceRelease({ namespace: namespace ?? this.#settings.namespace, resource, reason, immediate }, { signal });
  }

  #request(resource: string | readonly ResourceRequest[], options: AcquireOptions): AcquireBody {
    checkDurations(options);
    return {
      request_id: options.requestId ?? newRequestId(),
      namespace: options.namespace ?? this.#settings.namespace,
      ...(typeof resource === "string" ? { resource } : { resources: resource }),
      mode: options.mode,
      capacity: options.capacity,
      units: options.units,
      agent_id: options.agentId ?? this.#settings.agentId,
      session_id: options.sessionId ?? this.#settings.sessionId,
      reentrant: options.reentrant,
      priority: options.priority,
      ttl_ms: options.ttl,
      wait_ms: options.wait ?? 30_000,
      max_hold_ms: options.maxHold,
      drain_ms: options.drain,
      durability: options.durability,
      reason: options.reason,
      labels: options.labels,
      action: options.action,
      metadata: options.metadata,
      run_id: options.runId,
      approval_id: options.approvalId,
    };
  }

  #paging(options: ListOptions, pageToken: string | undefined) {
    return { namespace: options.namespace ?? this.#settings.namespace, page_token: pageToken, limit: options.limit };
  }
}
