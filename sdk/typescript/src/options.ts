import { hostname } from "node:os";
import type { LockDurability, LockMode, QueuedLock } from "./locks-types.js";

/** Where warnings go. */
export interface Logger {
  warn(message: string): void;
}

/** How a client finds the service and who it speaks for. Durations are in milliseconds. */
export interface ClientOptions {
  /**
   * Where replicas of one service listen; the client stays with one and moves on when it fails. By default what
   * `PROTOMESH_URL` lists (separated by commas), else `http://localhost:8000`.
   */
  readonly baseUrls?: string | URL | readonly (string | URL)[];
  /** Sent as `Authorization: Bearer`. By default `PROTOMESH_API_KEY`. */
  readonly apiKey?: string;
  /** Who asks, 1-128 bytes. By default `PROTOMESH_AGENT_ID`, else host, process id and a random part. */
  readonly agentId?: string;
  /** Which run of the agent asks, 1-128 bytes; none. */
  readonly sessionId?: string;
  /** The namespace of every resource that does not say otherwise; the service's `default`. */
  readonly namespace?: string;
  /** Sends the requests, for a proxy, TLS or a test; the platform's. */
  readonly fetch?: typeof globalThis.fetch;
  /** How long one attempt may take beyond the time for which the service was asked to hold it open; 5 s. */
  readonly attemptTimeout?: number;
  /** How long a call that does not wait in a queue is retried while the service cannot be reached; 5 s. Zero tries once. */
  readonly retryFor?: number;
  /** Where warnings go; the console. */
  readonly logger?: Logger;
}

/** What a request for a lease asks for. What is absent is left to the service's default. Durations are in milliseconds. */
export interface AcquireOptions {
  /** 0-9, higher is sooner; 5. */
  readonly priority?: number;
  /** How long to wait in the queue, 0 to 24 h; 30 s. Zero only tries. */
  readonly wait?: number;
  /** How long the lease outlives its last renewal, 1 s to the service's `MaxTtlMs` (5 min); 30 s. */
  readonly ttl?: number;
  /** When the lease ends however often it is renewed, up to 24 h; 1 h. */
  readonly maxHold?: number;
  /** How long the resource rests after this lease expires, up to 10 min; 0. */
  readonly drain?: number;
  /** `exclusive`. */
  readonly mode?: LockMode;
  /** Slots that the resource has, 1-10,000. Only with mode `slots`. */
  readonly capacity?: number;
  /** Slots to take, 1 to `capacity`; 1. Only with mode `slots`. */
  readonly units?: number;
  /** What the lease is for, up to 500 bytes: shown to whoever waits. */
  readonly reason?: string;
  /** Up to 16, names up to 64 bytes, values up to 256. */
  readonly labels?: Readonly<Record<string, string>>;
  /**
   * What the lease is for, such as `customer.update`: the policy decides it before anything is enqueued, and again at
   * the grant if another policy decides then.
   */
  readonly action?: string;
  /** What this agent says of the action, for the policy's rules: at most 16 KB of JSON. Only with `action`. */
  readonly metadata?: Readonly<Record<string, unknown>>;
  /** The run that the action belongs to, for budgets of a run: 1-128 bytes. Only with `action`. */
  readonly runId?: string;
  /** Uses what people have approved, which is good once and for exactly this request. Only with `action`. */
  readonly approvalId?: string;
  /** True joins a live hold of the same agent and session past the queue. */
  readonly reentrant?: boolean;
  /** The namespace's or stronger. */
  readonly durability?: LockDurability;
  /** The resources' namespace; the client's. */
  readonly namespace?: string;
  /** Who asks; the client's. */
  readonly agentId?: string;
  /** Which run of the agent asks; the client's. */
  readonly sessionId?: string;
  /** 8-64 of `[A-Za-z0-9_-]`: the same id is the same request, also from another process. By default a new UUIDv7. */
  readonly requestId?: string;
  /** False leaves renewing to `lease.renew()`; true. */
  readonly autoRenew?: boolean;
  /** Called with the place in the queue after each answer that the request still waits, and awaited. What it throws gives up. */
  readonly onQueued?: (queued: QueuedLock) => unknown;
  /** Gives up waiting; the request is taken back before the call ends. */
  readonly signal?: AbortSignal;
}

/** What every call can be given. */
export interface CallOptions {
  /** Gives up the call. */
  readonly signal?: AbortSignal;
}

/** A call about one namespace. */
export interface NamespaceOptions extends CallOptions {
  /** The client's unless said here. */
  readonly namespace?: string;
}

/** A list that is read page by page. */
export interface ListOptions extends NamespaceOptions {
  /** How many a page has, 1-1,000; 100. */
  readonly limit?: number;
}

/** The options with their defaults filled in. */
export interface Settings {
  readonly baseUrls: readonly URL[];
  readonly apiKey: string | undefined;
  readonly agentId: string;
  readonly sessionId: string | undefined;
  readonly namespace: string | undefined;
  readonly fetch: typeof globalThis.fetch;
  readonly attemptTimeout: number;
  readonly retryFor: number;
  readonly logger: Logger;
}

export function resolve(options: ClientOptions): Settings {
  return {
    baseUrls: urls(options.baseUrls),
    apiKey: key(options.apiKey ?? fromEnvironment("PROTOMESH_API_KEY")),
    agentId: options.agentId ?? fromEnvironment("PROTOMESH_AGENT_ID") ?? madeUpAgent(),
    sessionId: options.sessionId,
    namespace: options.namespace,
    // Looked up at each call, so that a fetch that is replaced later (tracing does that) is used.
    fetch: options.fetch ?? ((input, init) => globalThis.fetch(input, init)),
    attemptTimeout: duration("attemptTimeout", options.attemptTimeout, 5_000),
    retryFor: duration("retryFor", options.retryFor, 5_000),
    logger: options.logger ?? console,
  };
}

function urls(given: ClientOptions["baseUrls"]): URL[] {
  const listed = given === undefined
    ? (fromEnvironment("PROTOMESH_URL") ?? "http://localhost:8000").split(",").map(url => url.trim()).filter(url => url !== "")
    : typeof given === "string" || given instanceof URL ? [given] : [...given];
  if (listed.length === 0) {
    throw new TypeError("baseUrls needs at least one absolute URL, such as http://localhost:8000.");
  }
  return listed.map(toBase);
}

/** With a slash at the end, so that a path below it is kept. */
function toBase(given: string | URL): URL {
  let url: URL;
  try {
    url = new URL(given);
  } catch {
    throw new TypeError(`${shown(given)} is not an absolute URL, such as http://localhost:8000.`);
  }
  if (url.protocol !== "http:" && url.protocol !== "https:") {
    throw new TypeError(`${shown(given)} is not an http or https URL, such as http://localhost:8000.`);
  }
  if (url.username !== "" || url.password !== "") {
    throw new TypeError("A base URL must not have a user name or password in it; it is not repeated here. The key goes into apiKey.");
  }
  url.search = "";
  url.hash = "";
  if (!url.pathname.endsWith("/")) {
    url.pathname += "/";
  }
  return url;
}

/** What may hold a password, which an error would carry into logs and to models, is not repeated. */
function shown(given: string | URL): string {
  const text = String(given);
  return text.includes("@") ? "A base URL" : text;
}

/** Says now, and without the key, what the platform would say at the first call by repeating it. */
function key(given: string | undefined): string | undefined {
  if (given !== undefined && !/^[\x21-\x7e]+$/.test(given)) {
    throw new TypeError("apiKey is printable ASCII without spaces and line breaks, and what was given is not; it is not repeated here.");
  }
  return given;
}

function duration(name: string, given: number | undefined, otherwise: number): number {
  checkDuration(name, given);
  return given ?? otherwise;
}

/** @throws TypeError It is not a duration. */
export function checkDuration(name: string, given: number | undefined): void {
  // JSON makes null of the others, which then means the default.
  if (given !== undefined && !(Number.isFinite(given) && given >= 0)) {
    throw new TypeError(`${name} is a number of milliseconds, 0 or more, and not ${given}.`);
  }
}

/** @throws TypeError One of them is not a duration. */
export function checkDurations(options: AcquireOptions): void {
  for (const name of ["wait", "ttl", "maxHold", "drain"] as const) {
    checkDuration(name, options[name]);
  }
}

function fromEnvironment(name: string): string | undefined {
  const text = globalThis.process?.env?.[name]?.trim();
  return text === "" ? undefined : text;
}

function madeUpAgent(): string {
  const random = Array.from(crypto.getRandomValues(new Uint8Array(3)), byte => byte.toString(16).padStart(2, "0")).join("");
  let host = hostname();
  // An agent's id has at most 128 bytes.
  while (new TextEncoder().encode(host).length > 100) {
    host = host.slice(0, -1);
  }
  return `${host}-${process.pid}-${random}`;
}
