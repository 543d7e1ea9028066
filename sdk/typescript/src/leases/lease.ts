/// <reference lib="esnext.disposable" preserve="true" />
import { LeaseLostError, MeshError } from "../errors.js";
import type { GrantedLock, LockedResource, PreviousHold, RenewedLock, RenewResult, Waiters } from "../locks-types.js";
import { toWire } from "../naming.js";
import type { CallOptions } from "../options.js";
import type { PolicyStamp } from "../policies-types.js";
import type { Problem } from "../problem.js";
import type { MeshApi } from "../transport/api.js";
import { now } from "../transport/time.js";
import { Deadline } from "./deadline.js";
import { asLoss, lossBecause, lossByDeadline, meansLoss } from "./loss.js";
import type { RenewalLoop } from "./renewal-loop.js";
import type { Ticket } from "./ticket.js";

/** Releasing may happen while the process is ending; the lease expires by itself if the service cannot be told. */
const CLOSE_LIMIT = 5_000;

interface Keeping {
  readonly ttl?: number;
  readonly autoRenew?: boolean;
}

/**
 * A lock that is held. It renews itself until it is released or its maximal hold ends. Give {@link Lease.fencingToken}
 * to whatever is written and {@link Lease.signal} to whatever is awaited meanwhile.
 */
export class Lease {
  /** The service's whole answer to the request. */
  readonly grant: GrantedLock;

  readonly #api: MeshApi;
  readonly #renewals: RenewalLoop;
  readonly #ttl: number | undefined;
  readonly #autoRenew: boolean;
  readonly #lost = new AbortController();

  #standing: "held" | "lost" | "released" = "held";
  #handedOn = false;
  /** A release or a transfer is on its way: its own answer says what has become of the lease. */
  #ending = false;
  #loss: Problem | undefined;
  #progress: string | undefined;
  #waiters: Waiters | undefined;
  readonly #deadline: Deadline;
  #renewAt = 0;

  /** @internal A renewal is on its way. */
  renewing = false;
  /** @internal */
  readonly renewEvery: number;

  /** @internal */
  constructor(api: MeshApi, renewals: RenewalLoop, grant: GrantedLock, sent: number, keeping: Keeping) {
    this.grant = grant;
    this.#api = api;
    this.#renewals = renewals;
    this.#ttl = keeping.ttl;
    this.#autoRenew = keeping.autoRenew ?? true;
    this.renewEvery = (keeping.ttl ?? grant.expiresInMs) / 3;
    this.#deadline = new Deadline(sent, grant, () => this.#checkDeadline());
    this.planRenewal(sent);
    this.#renewals.hold(this);
    this.#checkDeadline();
  }

  /** `{request_id}.{partition}`: what others may ask about. */
  get lockId(): string {
    return this.grant.lockId;
  }

  /** The id that the request was sent with. */
  get requestId(): string {
    return this.grant.requestId;
  }

  /** `type/id`; null when several are held. */
  get resource(): string | null {
    return this.grant.resource;
  }

  /** All that is held, also when it is one. */
  get resources(): readonly string[] {
    return this.grant.resource !== null ? [this.grant.resource] : (this.grant.resources ?? []).map(one => one.resource);
  }

  /** Who holds it. */
  get agentId(): string {
    return this.grant.agentId;
  }

  /**
   * Greater than every token granted before. A resource that refuses tokens lower than the highest it saw is safe even
   * from a holder that does not know yet that it lost.
   */
  get fencingToken(): number {
    return this.grant.fencingToken;
  }

  /** How the last hold ended, if that is remembered: after `expired` its work may be half written. */
  get previous(): PreviousHold | undefined {
    return this.grant.previous;
  }

  /** Has anyone else held this since this agent last did? Null when that is not known. */
  get changedSinceLastHeld(): boolean | null {
    return this.grant.changedSinceLastHeld;
  }

  /** The decision that allowed its action, for whoever asks later why this was done; absent without an action. */
  get decision(): PolicyStamp | undefined {
    return this.grant.decision;
  }

  /** Who waited at the last renewal, so that a polite holder can yield; absent before the first. */
  get waiters(): Waiters | undefined {
    return this.#waiters;
  }

  /**
   * Aborts with a {@link LeaseLostError} when the lease is lost or may be: when the service says so, and otherwise at
   * this process's own deadline, which is before the service can give the resource to anyone else. It does not abort on
   * release.
   */
  get signal(): AbortSignal {
    this.#checkDeadline();
    return this.#lost.signal;
  }

  /**
   * False from the deadline on, by a look at the clock: true to the moment even where timers are late, such as just
   * after the event loop was blocked.
   */
  get isHeld(): boolean {
    this.#checkDeadline();
    return this.#standing === "held";
  }

  /** True once it was lost, which a release is not. */
  get lost(): boolean {
    this.#checkDeadline();
    return this.#standing === "lost";
  }

  /** How long the lease lives without a further renewal, in ms; zero when it is over. */
  get remaining(): number {
    return this.isHeld ? Math.max(0, this.#deadline.at - now()) : 0;
  }

  /** @throws LeaseLostError The lease is lost, or its deadline has passed. */
  throwIfLost(): void {
    if (!this.isHeld) {
      throw new LeaseLostError(this.#loss ?? lossBecause(this, `${this.name} was released by this process.`));
    }
  }

  /**
   * Renews now; needed only with `autoRenew` off.
   * @throws LeaseLostError The lease is lost.
   */
  async renew(options: CallOptions = {}): Promise<void> {
    this.throwIfLost();
    await this.renewOnce({ signal: options.signal });
  }

  /**
   * Lets the resource go. Harmless when repeated, and without effect once the lease was handed on: it is the taker's.
   * @param note What the next holder should know, up to 500 bytes.
   * @throws LeaseLostError It was lost before: what was written since may have been refused.
   */
  async release(note?: string, options: CallOptions = {}): Promise<void> {
    if (this.#standing === "released" || this.#handedOn) {
      return;
    }
    this.#renewals.remove(this);
    await this.#release(note, options);
  }

  /**
   * Hands the lease to another agent. This one is over; the answer has the new holder's token.
   * @throws LeaseLostError It was lost before.
   */
  async transfer(toAgentId: string, toSessionId?: string, options: CallOptions = {}): Promise<GrantedLock> {
    this.#renewals.remove(this);
    this.#ending = true;
    try {
      const body = { fencing_token: this.fencingToken, to_agent_id: toAgentId, to_session_id: toSessionId };
      const given = await this.#api.transfer(this.lockId, body, { signal: options.signal });
      this.#end();
      return given;
    } catch (fault) {
      this.#loseIfSaid(fault);
      this.#renewals.add(this);
      throw fault;
    } finally {
      this.#ending = false;
    }
  }

  /** Shows a text of up to 500 bytes to whoever waits; sent in the background, and only the last one counts. */
  reportProgress(text: string): void {
    if (this.#standing === "held" && !this.#handedOn) {
      this.#progress = text;
      this.planRenewalIn(0);
      this.#renewals.add(this);
    }
  }

  /**
   * Hands the keeping of the lease on to whoever attaches the ticket, in this process or another one, today or after a
   * human has answered. From now on this object neither renews the lease nor releases it when it is closed, and it counts
   * as held until its deadline.
   */
  ticket(): Ticket {
    this.throwIfLost();
    this.#handedOn = true;
    this.#renewals.remove(this);
    this.#renewals.letGo(this);
    const { grant } = this;
    return {
      version: 1,
      lock_id: grant.lockId,
      request_id: grant.requestId,
      namespace: grant.namespace,
      ...(grant.resource !== null ? { resource: grant.resource } : { resources: toWire<LockedResource[]>(grant.resources ?? []) }),
      ...(grant.mode !== undefined && { mode: grant.mode }),
      agent_id: grant.agentId,
      ...(grant.sessionId !== undefined && { session_id: grant.sessionId }),
      fencing_token: grant.fencingToken,
      ttl_ms: this.#ttl ?? grant.expiresInMs,
    };
  }

  /**
   * Releases, for at most 5 s. It never throws: a body that must know whether it kept its lease to the end calls
   * {@link Lease.release}.
   * @internal
   */
  async close(note?: string): Promise<void> {
    if (this.#handedOn || this.#standing !== "held") {
      return;
    }
    this.#renewals.remove(this);
    try {
      await this.#release(note, {}, now() + CLOSE_LIMIT);
    } catch (fault) {
      if (!(fault instanceof MeshError)) {
        throw fault;
      }
      // Lost, or out of reach: either way nobody renews it any more and it ends by itself.
    }
  }

  /**
   * Why it is lost, by a look at the clock; undefined while it is held, after a release and after it was handed on.
   * @internal
   */
  findLoss(): LeaseLostError | undefined {
    this.#checkDeadline();
    return this.#standing === "lost" && !this.#handedOn ? new LeaseLostError(this.#loss!) : undefined;
  }

  /** @internal */
  get name(): string {
    return this.resources.join(", ");
  }

  /** @internal */
  get ending(): boolean {
    return this.#ending;
  }

  /** @internal */
  get renewAt(): number {
    return this.#renewAt;
  }

  /** @internal */
  get deadline(): number {
    return this.#deadline.at;
  }

  /** @internal */
  get hasProgress(): boolean {
    return this.#progress !== undefined;
  }

  /** @internal */
  get wantsRenewal(): boolean {
    return this.isHeld && !this.#handedOn && ((this.#autoRenew && !this.#deadline.endsWithHold) || this.hasProgress);
  }

  /** @internal */
  get renewsItself(): boolean {
    return this.#autoRenew;
  }

  /** @internal */
  get renewalBody(): { lock_id: string; fencing_token: number; ttl_ms?: number } {
    return { lock_id: this.lockId, fencing_token: this.fencingToken, ttl_ms: this.#ttl };
  }

  /**
   * A third of the time to live from then on, up to a tenth earlier so that leases of one moment spread.
   * @internal
   */
  planRenewal(from: number): void {
    this.#renewAt = from + this.renewEvery * (1 - Math.random() / 10);
  }

  /** @internal */
  planRenewalIn(delay: number): void {
    this.#renewAt = now() + delay;
  }

  /** @internal */
  async renewOnce(limits: CallOptions & { readonly quiet?: boolean }): Promise<void> {
    const progress = this.#progress;
    try {
      const body = { fencing_token: this.fencingToken, ttl_ms: this.#ttl, progress };
      const { value, sent } = await this.#api.renew(this.lockId, body, { ...limits, until: this.#deadline.at });
      this.#dropProgress(progress);
      this.extend(sent, value);
    } catch (fault) {
      if (!this.#ending) {
        this.#loseIfSaid(fault);
      }
      if (fault instanceof MeshError && !fault.retryable) {
        // A text that the service does not take must not be in the way of the next renewal.
        this.#dropProgress(progress);
      }
      throw fault;
    }
  }

  /** @internal */
  extend(sent: number, renewed: RenewedLock | (RenewResult & { readonly expiresInMs: number })): void {
    this.#deadline.extend(sent, renewed);
    this.#waiters = renewed.waiters ?? this.#waiters;
    this.planRenewal(sent);
    this.#checkDeadline();
  }

  /** @internal */
  lose(problem: Problem): void {
    if (this.#standing === "held") {
      this.#standing = "lost";
      this.#loss = asLoss(problem);
      this.#over();
      this.#lost.abort(new LeaseLostError(this.#loss));
    }
  }

  async #release(note: string | undefined, options: CallOptions, until?: number): Promise<void> {
    this.#ending = true;
    try {
      // Also when this side has given it up: the service may still count it as held, and its word is final.
      const limits = { signal: options.signal, until };
      await this.#api.release(this.lockId, { fencing_token: this.fencingToken, note }, limits);
    } catch (fault) {
      this.#loseIfSaid(fault);
      if (this.#loss && fault instanceof MeshError) {
        throw new LeaseLostError(this.#loss, { cause: fault });
      }
      throw fault;
    } finally {
      this.#ending = false;
    }
    this.#end();
    if (this.#loss) {
      throw new LeaseLostError(this.#loss);
    }
  }

  /** @throws LeaseLostError The service said that it is lost. */
  #loseIfSaid(fault: unknown): void {
    if (fault instanceof MeshError && meansLoss(fault.problem)) {
      this.lose(fault.problem);
      throw new LeaseLostError(asLoss(fault.problem), { cause: fault });
    }
  }

  #end(): void {
    if (this.#standing === "held") {
      this.#standing = "released";
      this.#over();
    }
  }

  #over(): void {
    this.#deadline.stop();
    this.#renewals.remove(this);
    this.#renewals.letGo(this);
  }

  /** Runs when the alarm rings, after each change and at each look; ends the lease or leaves the alarm set. */
  #checkDeadline(): void {
    if (this.#standing === "held" && this.#deadline.hasPassed()) {
      this.lose(lossByDeadline(this, this.#handedOn, this.#deadline.endsWithHold));
    }
  }

  /** Unless a newer one has taken its place. */
  #dropProgress(sent: string | undefined): void {
    if (this.#progress === sent) {
      this.#progress = undefined;
    }
  }
}

/** `await using` releases it and never throws, whatever has become of the lease. */
export interface Lease extends AsyncDisposable {}

// Where the runtime does not have the symbol, this is the one that compilers' helpers look for.
Object.defineProperty(Lease.prototype, Symbol.asyncDispose ?? Symbol.for("Symbol.asyncDispose"), {
  value: function (this: Lease) {
    return this.close();
  },
  configurable: true,
  writable: true,
});
