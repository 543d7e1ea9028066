import { MeshError, toError, UnavailableError } from "../errors.js";
import { fromWire } from "../naming.js";
import type { Settings } from "../options.js";
import { ownProblem } from "../problem.js";
import { VERSION } from "../version.js";
import { checkVersion, isJson, mediaTypeOf, notProtoMesh, origin, readProblem, refuseRedirect, unreachable } from "./answers.js";
import { Backoff } from "./backoff.js";
import { listen } from "./signals.js";
import { now, quietTimer, sleep } from "./time.js";

/** One request, sent as often as it takes. */
export interface Call {
  readonly method: string;
  /** Below the base URL, without a slash at its start. */
  readonly path: string;
  readonly body?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** For how long the service is asked to hold the request open, in ms; absent does not ask. */
  readonly hold?: number;
  /** After this no attempt begins or goes on; `retryFor` from now. */
  readonly until?: number;
  /** The caller's own. */
  readonly signal?: AbortSignal | undefined;
  /** Goes on when the client is closed: it takes something back. */
  readonly shielded?: boolean;
  /** Its pauses do not keep the process alive. */
  readonly quiet?: boolean;
  /** Its effect is not the same twice: sent again only when the first one certainly did not arrive. */
  readonly once?: boolean;
  /** A name that the answer has to have, else it is not the answer of this call. */
  readonly needs?: string;
  /** An answer with this status is one too. */
  readonly accepts?: number;
}

/** A successful answer, and when the attempt that got it was sent. */
export interface Reply<T> {
  readonly value: T;
  readonly sent: number;
  readonly status: number;
}

const SHORTEST_ATTEMPT = 1;
const IN_TIME = Symbol("in time");

/**
 * Sends a call until it has an answer, the answer is final, or its time is up. Calls can be repeated: requests carry
 * their id and the others say the state they want. The one that cannot says so by {@link Call.once}.
 */
export class Sender {
  readonly #settings: Settings;
  readonly #headers: Readonly<Record<string, string>>;
  /** What ends with the client: many calls at once are many, and an AbortSignal would warn of so many listeners. */
  readonly #endings = new Set<() => void>();
  #closed = false;
  #current = 0;

  constructor(settings: Settings) {
    this.#settings = settings;
    this.#headers = {
      "user-agent": `protomesh-typescript/${VERSION}`,
      ...(settings.apiKey !== undefined && { authorization: `Bearer ${settings.apiKey}` }),
    };
  }

  /** Ends every call that is not shielded, and refuses new ones. */
  close(): void {
    this.#closed = true;
    this.#endings.forEach(end => end());
  }

  /** @throws MeshError A final answer, or the last failure when the time was up. */
  async send<T>(call: Call): Promise<Reply<T>> {
    const until = call.until ?? now() + this.#settings.retryFor;
    const backoff = new Backoff();
    for (let attempt = 1; ; attempt++) {
      const at = this.#current;
      let failure: MeshError;
      try {
        // The time for retries does not cut the first attempt: none at all means one attempt.
        return await this.#tryOnce<T>(call, this.#baseUrl(at), attempt === 1 ? call.until ?? Infinity : until);
      } catch (fault) {
        if (!isTransient(fault) || (call.once && !wasRefused(fault))) {
          throw fault;
        }
        failure = fault;
      }
      this.#moveOn(at);
      const delay = attempt < this.#settings.baseUrls.length ? 0 : Math.max(backoff.next(), failure.retryAfterMs ?? 0);
      if (until - now() <= delay) {
        throw failure;
      }
      if (delay > 0) {
        await this.#pause(delay, call);
      }
    }
  }

  /** Opens a stream of events: the answer's body is left to the caller, who also retries. */
  async open(path: string, headers: Readonly<Record<string, string>>, signal: AbortSignal): Promise<Response> {
    const at = this.#current;
    const base = this.#baseUrl(at);
    const stop = new AbortController();
    // The signal goes on to govern the body, the timer only the way to its first byte.
    const timer = quietTimer(() => stop.abort(IN_TIME), this.#settings.attemptTimeout);
    const end = () => stop.abort();
    signal.addEventListener("abort", () => this.#endings.delete(end), { once: true });
    this.#endings.add(end);
    if (this.#closed) {
      end();
    }
    try {
      const response = await this.#settings.fetch(new URL(path, base), {
        headers: { ...this.#headers, accept: "text/event-stream", ...headers },
        redirect: "manual",
        signal: AbortSignal.any([signal, stop.signal]),
      });
      refuseRedirect(response, base);
      checkVersion(response, base);
      if (response.ok && mediaTypeOf(response) === "text/event-stream" && response.body) {
        return response;
      }
      const text = await response.text();
      throw response.ok ? notProtoMesh(response, base) : readProblem(response, text, base);
    } catch (fault) {
      if (!(fault instanceof MeshError)) {
        this.#moveOn(at);
      }
      throw this.#explain(fault, base, signal, stop.signal, false);
    } finally {
      clearTimeout(timer);
    }
  }

  async #tryOnce<T>(call: Call, base: URL, until: number): Promise<Reply<T>> {
    if (call.signal?.aborted) {
      throw call.signal.reason;
    }
    const stop = new AbortController();
    const end = () => stop.abort();
    const limit = Math.min(this.#settings.attemptTimeout + (call.hold ?? 0), until - now());
    const timer = setTimeout(() => stop.abort(IN_TIME), Math.max(limit, SHORTEST_ATTEMPT));
    const unlisten = listen(call.signal, () => stop.abort(call.signal?.reason));
    if (!call.shielded) {
      this.#endings.add(end);
      if (this.#closed) {
        end();
      }
    }
    const sent = now();
    try {
      const response = await this.#settings.fetch(base.href + call.path, {
        method: call.method,
        headers: this.#headersOf(call),
        body: call.body,
        // Wherever it points, it would get what was meant for the service.
        redirect: "manual",
        signal: stop.signal,
      });
      refuseRedirect(response, base);
      const text = await response.text();
      checkVersion(response, base);
      return { value: this.#read<T>(call, response, text, base), sent, status: response.status };
    } catch (fault) {
      throw this.#explain(fault, base, call.signal, stop.signal, call.shielded ?? false);
    } finally {
      clearTimeout(timer);
      unlisten();
      this.#endings.delete(end);
    }
  }

  #headersOf(call: Call): Record<string, string> {
    const headers: Record<string, string> = { ...this.#headers, accept: "application/json" };
    if (call.body !== undefined) {
      headers["content-type"] = "application/json";
    }
    if (call.hold !== undefined) {
      headers.prefer = `wait=${Math.ceil(call.hold / 1_000)}`;
    }
    return Object.assign(headers, call.headers);
  }

  #read<T>(call: Call, response: Response, text: string, base: URL): T {
    if (!response.ok && response.status !== call.accepts) {
      throw readProblem(response, text, base);
    }
    if (!isJson(response)) {
      throw response.ok ? notProtoMesh(response, base) : readProblem(response, text, base);
    }
    let body: unknown;
    try {
      body = JSON.parse(text);
    } catch (fault) {
      throw unreachable(`${origin(base)} answered something else than the JSON of this call: ${(fault as Error).message}`, fault);
    }
    if (typeof body !== "object" || body === null || (call.needs !== undefined && !Object.hasOwn(body, call.needs))) {
      throw response.ok ? notProtoMesh(response, base) : readProblem(response, text, base);
    }
    return fromWire<T>(body);
  }

  /** What went wrong in terms of the caller, who gave up, or closed the client, or could not be served. */
  #explain(fault: unknown, base: URL, signal: AbortSignal | undefined, stop: AbortSignal, shielded: boolean): unknown {
    if (signal?.aborted) {
      return signal.reason;
    }
    if (fault instanceof MeshError) {
      return fault;
    }
    if (!shielded && this.#closed) {
      return toError(ownProblem("unreachable", "This client was closed.", { retryable: false, nextStep: "Make a new client." }));
    }
    if (stop.reason === IN_TIME) {
      return unreachable(`${origin(base)} did not answer in time.`, fault);
    }
    return unreachable(`${origin(base)} could not be reached: ${depth(fault)}`, fault);
  }

  async #pause(delay: number, call: Call): Promise<void> {
    const stop = new AbortController();
    const end = () => stop.abort();
    const unlisten = listen(call.signal, end);
    if (!call.shielded) {
      this.#endings.add(end);
    }
    try {
      // Whoever gave up meanwhile is told so by the next attempt.
      await sleep(delay, stop.signal, call.quiet).catch(() => {});
    } finally {
      unlisten();
      this.#endings.delete(end);
    }
  }

  #baseUrl(at: number): URL {
    const urls = this.#settings.baseUrls;
    return urls[at % urls.length]!;
  }

  /** Whoever failed first moves on; others that failed at the same address must not skip the next one. */
  #moveOn(from: number): void {
    if (this.#current === from) {
      this.#current++;
    }
  }
}

/** A full queue is retryable too, but its caller may have something better to do than to wait here. */
function isTransient(fault: unknown): fault is MeshError {
  return fault instanceof MeshError && fault.retryable && (fault instanceof UnavailableError || fault.status >= 500);
}

/** Nobody listened, so nothing was sent; a name with several addresses is refused by each of them. */
function wasRefused(fault: unknown): boolean {
  if (fault instanceof AggregateError) {
    return fault.errors.length > 0 && fault.errors.every(wasRefused);
  }
  return fault instanceof Error && (("code" in fault && fault.code === "ECONNREFUSED") || wasRefused(fault.cause));
}

/** The platform says "fetch failed" and hides the reason in the cause. */
function depth(fault: unknown): string {
  const cause = fault instanceof Error && fault.cause !== undefined ? fault.cause : fault;
  if (cause instanceof AggregateError && cause.errors.length > 0) {
    return depth(cause.errors[0]);
  }
  return cause instanceof Error ? cause.message || cause.name : String(cause);
}
