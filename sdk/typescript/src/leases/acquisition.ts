import {
  LockEndedError, MeshError, NotFoundError, ProtocolError, RateLimitedError, ServiceFailedError, toError, UnauthorizedError,
  UnavailableError,
} from "../errors.js";
import type { GrantedLock, QueuedLock } from "../locks-types.js";
import type { AcquireOptions } from "../options.js";
import { ownProblem, type Problem } from "../problem.js";
import type { MeshApi } from "../transport/api.js";
import type { Reply } from "../transport/sender.js";
import { now, sleep } from "../transport/time.js";
import { newRequestId } from "./ids.js";

/** The body of a request for a lease, as the wire names it. */
export interface AcquireBody {
  readonly request_id: string;
  readonly namespace?: string;
  readonly resource?: string;
  readonly resources?: readonly (string | { readonly resource: string })[];
  readonly wait_ms: number;
  readonly [name: string]: unknown;
}

/** Common HTTP resilience handlers and proxies cut at 10 s. */
const SLICE = 8_000;

/** The service ends the wait; this is for one whose clock runs slow. */
const GRACE = 2_000;
const SHORTEST_ROUND = 250;
const TAKE_BACK_LIMIT = 3_000;
const TAKE_BACK_AGAIN = 200;

/**
 * One request for a lease from its first call to its grant: held open in slices, repeated under the same id after every
 * fault, submitted again where the service lost it, and taken back when the caller gives up.
 */
export class Acquisition {
  readonly #api: MeshApi;
  readonly #options: AcquireOptions;
  readonly #wait: number;
  #request: AcquireBody;
  #queued: QueuedLock | undefined;

  constructor(api: MeshApi, request: AcquireBody, options: AcquireOptions) {
    this.#api = api;
    this.#request = request;
    this.#options = options;
    this.#wait = request.wait_ms;
  }

  /** The id of the present submission. */
  get requestId(): string {
    return this.#request.request_id;
  }

  /** The last answer that it waits; absent before the first, and after the service has lost it. */
  get queued(): QueuedLock | undefined {
    return this.#queued;
  }

  /** The grant, and when the call that brought it was sent. */
  async run(): Promise<Reply<GrantedLock>> {
    const signal = this.#options.signal;
    if (signal?.aborted) {
      throw signal.reason;
    }
    const waitEnds = now() + this.#wait;
    // A try does not wait in the queue, but its one call is repeated like any other while nobody answers.
    const until = this.#wait > 0 ? waitEnds + GRACE : undefined;
    try {
      let reply: Reply<GrantedLock | QueuedLock> | undefined;
      while ((reply = await this.#call(waitEnds, until)) !== undefined) {
        if (reply.status !== 202) {
          // The answer and the caller's change of mind may have crossed.
          signal?.throwIfAborted();
          return reply as Reply<GrantedLock>;
        }
        const isNews = this.#queued === undefined && this.#options.onQueued !== undefined;
        this.#queued = reply.value as QueuedLock;
        await this.#options.onQueued?.(this.#queued);
        if (!isNews) {
          await this.#pace(reply.sent, signal);
        }
      }
    } catch (fault) {
      if (this.#mayLeaveSomething(fault)) {
        // Given up from this side. Whatever the service has made of the request meanwhile must not stay behind.
        await this.#takeBack();
      }
      throw fault;
    }
    await this.#takeBack();
    throw toError(this.#timedOut());
  }

  /** Undefined when the wait is over and the service has not said so. */
  async #call(waitEnds: number, until: number | undefined): Promise<Reply<GrantedLock | QueuedLock> | undefined> {
    const { onQueued, requestId, signal } = this.#options;
    while (now() < (until ?? waitEnds + GRACE)) {
      const left = waitEnds - now();
      const hold = Math.max(0, Math.min(left, SLICE));
      try {
        // Whoever wants to know its place wants to know it now and not after a slice.
        return this.#queued === undefined
          ? await this.#api.acquire(this.#request, onQueued === undefined ? hold : 0, { until, signal })
          : await this.#api.wait(this.#queued.lockId, hold, { until, signal });
      } catch (fault) {
        if (fault instanceof NotFoundError && fault.code === "lock_unknown" && left > 0) {
          // The store was lost and rebuilt without its waiters: the same request takes a place in the new queue.
          await this.#submitAgain(this.#request.request_id, left);
        } else if (fault instanceof LockEndedError && fault.state === "abandoned" && requestId === undefined && left > 0) {
          // This process was out for longer than a waiter may be silent. What has ended stays ended, so a new one.
          await this.#submitAgain(newRequestId(), left);
        } else {
          throw fault;
        }
      }
    }
    return undefined;
  }

  async #submitAgain(requestId: string, left: number): Promise<void> {
    if (this.#queued === undefined) {
      // A service that does not know the request that it is being given would otherwise be called in a tight loop.
      await sleep(SHORTEST_ROUND, this.#options.signal);
    }
    this.#queued = undefined;
    this.#request = { ...this.#request, request_id: requestId, wait_ms: Math.ceil(left) };
  }

  /**
   * A service that held the call open is called again at once: its Retry-After is meant for callers who do not wait on
   * the line. One that answers early, as when it shuts down, would otherwise be called in a tight loop.
   */
  async #pace(sent: number, signal: AbortSignal | undefined): Promise<void> {
    const took = now() - sent;
    if (took < SHORTEST_ROUND) {
      await sleep(SHORTEST_ROUND - took, signal);
    }
  }

  #mayLeaveSomething(fault: unknown): boolean {
    if (!(fault instanceof MeshError) || fault instanceof UnavailableError || fault instanceof ServiceFailedError) {
      return true;
    }
    // A refusal of whoever stands before the service says nothing about what waits behind it.
    const isFromOutside = fault instanceof ProtocolError || fault instanceof UnauthorizedError || fault instanceof RateLimitedError;
    return this.#queued !== undefined && isFromOutside;
  }

  /**
   * Shielded from the caller's signal, and bounded. A call that was cut off may still be on its way, so "unknown" is
   * asked again before it is believed.
   */
  async #takeBack(): Promise<void> {
    const limits = { until: now() + TAKE_BACK_LIMIT, shielded: true };
    const first = this.#request.resources?.[0];
    const byRequest = {
      request_id: this.#request.request_id,
      namespace: this.#request.namespace,
      resource: this.#request.resource ?? (typeof first === "string" ? first : first?.resource),
    };
    for (let attempt = 1; attempt <= 3; attempt++) {
      try {
        await (this.#queued === undefined ? this.#api.cancelRequest(byRequest, limits) : this.#api.cancel(this.#queued.lockId, limits));
        return;
      } catch (fault) {
        if (!(fault instanceof NotFoundError)) {
          // Out of reach, or ended already. A waiter that stays silent is dropped, and an unclaimed grant too.
          return;
        }
        await sleep(TAKE_BACK_AGAIN);
      }
    }
  }

  #timedOut(): Problem {
    const queued = this.#queued;
    return ownProblem(
      "lock_timeout", `${this.#request.resource ?? "The resources"} could not be had within ${this.#wait / 1_000} s.`,
      queued && { lockId: queued.lockId, position: queued.position, blockedBy: queued.blockedBy });
  }
}

