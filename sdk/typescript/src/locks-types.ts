import type { PolicyDecision, PolicyStamp } from "./policies-types.js";
import type { Problem } from "./problem.js";

/** One holder at a time, any number of shared ones, or as many units as the resource's capacity. */
export type LockMode = "exclusive" | "shared" | "slots";

/** In the store, or also committed in the SQL journal, before a grant is answered. */
export type LockDurability = "fast" | "journaled";

/** The first two are live, the others are how a request ended. */
export type LockState =
  | "queued"
  | "granted"
  | "released"
  | "expired"
  | "abandoned"
  | "force_released"
  | "transferred"
  | "cancelled"
  | "timed_out";

/** One of several resources to lock together: its name alone, or with a mode, a capacity or units of its own. */
export type ResourceRequest =
  | string
  | {
      /** `type/id`. */
      readonly resource: string;
      /** The request's mode unless said here. */
      readonly mode?: LockMode;
      /** Slots that the resource has, 1-10,000. Only with mode `slots`. */
      readonly capacity?: number;
      /** Slots to take, 1 to `capacity`. Only with mode `slots`. */
      readonly units?: number;
    };

/** One of several resources that are locked together. */
export interface LockedResource {
  readonly resource: string;
  readonly mode: LockMode;
  readonly capacity?: number;
  readonly units?: number;
}

/** How the hold before this one ended. After `expired` its work may be half written. */
export interface PreviousHold {
  readonly agentId: string;
  readonly ended: LockState;
  /** What its holder said when it released. */
  readonly note: string | null;
  /** By the store's clock. */
  readonly endedAt: string;
}

/** Who waits for a lease's resources. */
export interface Waiters {
  readonly count: number;
  /** The highest priority among them, 0-9; absent when nobody waits. */
  readonly topPriority?: number;
}

/** A holder that somebody waits for. */
export interface Blocker {
  readonly lockId: string;
  readonly agentId: string;
  readonly mode: LockMode;
  /** What it said the lease is for. */
  readonly reason: string | null;
  /** What it said last while it renewed. */
  readonly progress: string | null;
  readonly heldMs: number;
  /** Until it ends without a renewal. */
  readonly expiresInMs: number;
}

/** A live lease, as only its owner sees it. */
export interface GrantedLock {
  /** `{request_id}.{partition}`. */
  readonly lockId: string;
  readonly requestId: string;
  readonly state: "granted";
  readonly namespace: string;
  /** Null when the request named several. */
  readonly resource: string | null;
  /** Of a request that named several. */
  readonly resources?: readonly LockedResource[];
  /** Absent when the request named several. */
  readonly mode?: LockMode;
  readonly capacity?: number;
  readonly units?: number;
  readonly agentId: string;
  readonly sessionId?: string;
  /** Absent when the request named no action. */
  readonly action?: string;
  /** The decision that allowed it; absent when the request named no action. */
  readonly decision?: PolicyStamp;
  /** 0-9, higher is sooner; absent on a lease that was taken up by its ticket. */
  readonly priority?: number;
  /** Greater than every token granted before in the partition, below 2^53, constant over renewals. */
  readonly fencingToken: number;
  /** By the store's clock; absent on a lease that was taken up by its ticket. */
  readonly grantedAt?: string;
  readonly expiresAt: string;
  readonly expiresInMs: number;
  /** For how long the request was held open before it was granted. */
  readonly servedMs: number;
  /** When the lease ends however often it is renewed, by the store's clock. */
  readonly holdEndsAt: string;
  /** From the request's arrival to its grant; absent on a lease that was taken up by its ticket. */
  readonly waitedMs?: number;
  /** Has anyone else held this since the agent last did? Null when that is not known. */
  readonly changedSinceLastHeld: boolean | null;
  /** Absent when none is remembered. */
  readonly previous?: PreviousHold;
}

/** A waiter, as its owner sees it. */
export interface QueuedLock {
  readonly lockId: string;
  readonly requestId: string;
  readonly state: "queued";
  readonly namespace: string;
  readonly resource: string | null;
  readonly resources?: readonly LockedResource[];
  readonly mode?: LockMode;
  readonly capacity?: number;
  readonly units?: number;
  readonly agentId: string;
  readonly sessionId?: string;
  readonly action?: string;
  readonly decision?: PolicyStamp;
  readonly priority: number;
  /** 1 for the next to be granted. */
  readonly position: number;
  /** How many wait, this one included. */
  readonly queueLength: number;
  readonly enqueuedAt: string;
  readonly waitEndsAt: string;
  /** After this a waiter that has not called again is dropped. */
  readonly callAgainWithinMs?: number;
  /** An estimate from recent holds; absent when there is nothing to estimate from. */
  readonly expectedWaitMs?: number;
  readonly servedMs: number;
  readonly blockedBy: readonly Blocker[];
}

/** A request in any state as anybody may see it, never with its token. What does not belong to the state is absent. */
export interface ObservedLock {
  readonly lockId: string;
  readonly state: LockState;
  readonly namespace: string;
  readonly resource: string | null;
  readonly resources?: readonly LockedResource[];
  readonly mode?: LockMode;
  readonly capacity?: number;
  readonly units?: number;
  readonly agentId?: string;
  readonly action?: string;
  readonly decision?: PolicyStamp;
  readonly priority?: number;
  readonly reason?: string;
  readonly progress?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly enqueuedAt?: string;
  readonly waitedMs?: number;
  readonly waitEndsAt?: string;
  readonly position?: number;
  readonly queueLength?: number;
  readonly blockedBy?: readonly Blocker[];
  readonly grantedAt?: string;
  readonly heldMs?: number;
  readonly expiresAt?: string;
  readonly expiresInMs?: number;
  readonly holdEndsAt?: string;
  readonly endedAt?: string;
  readonly endedBecause?: string;
}

/** What a renewal brought. */
export interface RenewedLock {
  readonly lockId: string;
  readonly state: "granted";
  readonly expiresAt: string;
  readonly expiresInMs: number;
  readonly servedMs: number;
  readonly holdEndsAt: string;
  readonly waiters: Waiters;
}

/** What became of one renewal in a batch: a renewal, or a problem. */
export interface RenewResult extends Partial<RenewedLock> {
  readonly lockId: string;
  readonly problem?: Problem;
}

/** What became of a request that was released or cancelled. */
export interface ReleasedLock {
  readonly lockId: string;
  /** `released`, or `cancelled` when it was still waiting; how it had ended before, when it had. */
  readonly state: LockState;
}

/** What would happen to a request now. */
export interface DryRunVerdict {
  readonly grantedNow: boolean;
  /** The place it would take; absent when granted at once. */
  readonly position?: number;
  readonly queueLength: number;
  readonly expectedWaitMs?: number;
  readonly blockedBy: readonly Blocker[];
  /** What the policy says to the action that the request named. */
  readonly decision?: PolicyDecision;
}

/** Why does a request wait, and what would help? */
export interface Explanation {
  readonly lockId: string;
  readonly state: LockState;
  readonly position?: number;
  /** The answer for a person or a model. */
  readonly sentences: readonly string[];
  readonly blockedBy: readonly Blocker[];
  /** Who will be granted sooner, the next one first. */
  readonly ahead: readonly (ExplainedSelf & { readonly lockId: string; readonly agentId: string })[];
  readonly self?: ExplainedSelf;
  readonly expectedWaitMs?: number;
  readonly wouldHelp: readonly { readonly action: string; readonly sentence: string }[];
}

/** A waiter's part in the order. */
export interface ExplainedSelf {
  readonly priority: number;
  readonly waitedMs: number;
  /** What its priority is worth. */
  readonly headStartMs: number;
  /** Arrival less head start, in ms since 1970: the lowest is granted first. */
  readonly score: number;
}

/** A resource that is held or waited for. */
export interface ResourceSummary {
  readonly resource: string;
  readonly heldBy: readonly Blocker[];
  readonly queueLength: number;
  readonly longestWaitMs?: number;
  readonly topPriority?: number;
  readonly namespace: string;
  readonly mode?: LockMode;
  readonly capacity?: number;
  readonly unitsInUse?: number;
  /** For how long it rests before it can be granted again; absent when it does not. */
  readonly grantableInMs?: number;
}

/** Who holds a resource and who waits, the next one first. */
export interface QueuePage {
  readonly namespace: string;
  readonly resource: string;
  readonly heldBy: readonly Blocker[];
  readonly queueLength: number;
  readonly grantableInMs?: number;
  /** The waiters of this page. */
  readonly waiting: readonly ObservedLock[];
  /** Asks for the next page; absent on the last. */
  readonly nextPageToken?: string;
}

/** What a forced release did. */
export interface ForceReleased {
  readonly namespace: string;
  readonly resource: string;
  /** Who was cut off; empty when nobody held it. */
  readonly released: readonly { readonly lockId: string; readonly agentId: string; readonly heldMs: number }[];
  readonly grantableAt: string;
  readonly grantableInMs: number;
  readonly queueLength: number;
}

/** Whether a token is a live lease's. */
export interface FenceVerdict {
  readonly valid: boolean;
  /** `superseded`: a newer token holds it. `unknown`: nobody was given this token. */
  readonly reason: "held" | "superseded" | "not_held" | "unknown";
}

/** Something that happened, in the order in which the journal committed it. */
export interface MeshEvent {
  /** Rises in commit order. */
  readonly id: number;
  /** Room and past tense, such as `lock.granted`. */
  readonly type: string;
  readonly at: string;
  readonly namespace: string;
  readonly resource?: string;
  readonly lockId?: string;
  readonly agentId?: string;
  /** What led to it, such as `release` or `expiry`. */
  readonly cause?: string;
  /** What else the type tells, with the wire's own names. Never a fencing token. */
  readonly data?: Readonly<Record<string, unknown>>;
}

/** What the service is and how it does. */
export interface HealthReport {
  readonly status: "healthy" | "unhealthy" | "stopping";
  readonly version: string;
  readonly store: HealthPart;
  readonly database: HealthPart;
  readonly policy: { readonly state: string; readonly name?: string; readonly version?: number; readonly revision?: number };
  /** Who may call: `open`, `keys`, or `unknown` until the service could read them. */
  readonly auth: "open" | "keys" | "unknown";
  /** The same in a sentence. */
  readonly access: string;
  /** Absent while the service is open: how many keys there are, for whoever sees all namespaces, and how many calls came without a good one. */
  readonly keys?: { readonly known?: number; readonly refusedCalls: number };
}

/** One thing that the service stands on: `ok`, or a sentence that says what is wrong. */
export interface HealthPart {
  readonly kind: string;
  readonly state: string;
  readonly partitions?: number;
  readonly journalLagEvents?: number;
  readonly journalLagMs?: number;
}
