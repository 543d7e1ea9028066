import { MeshError } from "./errors.js";
import type { MeshEvent } from "./locks-types.js";
import { fromWire } from "./naming.js";
import type { ListOptions, Settings } from "./options.js";
import { pages } from "./pages.js";
import type { MeshApi } from "./transport/api.js";
import { Backoff } from "./transport/backoff.js";
import { type EventBlock, EventReader } from "./transport/event-reader.js";
import { listen } from "./transport/signals.js";
import { sleep } from "./transport/time.js";

/** Which events; what is absent lets everything through. */
export interface EventFilter extends ListOptions {
  /** `type/id` of a resource. */
  readonly resource?: string;
  readonly agentId?: string;
  /** A type of event, such as `lock.granted`. */
  readonly type?: string;
  /** Begins after this id. By default a stream begins with what happens from now on, and a list with the oldest. */
  readonly lastEventId?: number | string;
}

/** The service sends a sign of life every 15 s; a peer that vanished without a word is noticed by its silence. */
const SILENCE = 45_000;

/** Follows what happens. */
export class EventsClient {
  readonly #api: MeshApi;
  readonly #settings: Settings;

  /** @internal */
  constructor(api: MeshApi, settings: Settings) {
    this.#api = api;
    this.#settings = settings;
  }

  /**
   * Events in the order of their ids, for as long as the caller reads or until `signal` aborts, which throws its reason.
   * A broken connection is taken up again after the last event that was read, so none is missed and none comes twice.
   * @throws MeshError The service refuses the stream for good.
   */
  async *stream(filter: EventFilter = {}): AsyncGenerator<MeshEvent, void, undefined> {
    let resume = filter.lastEventId === undefined ? undefined : String(filter.lastEventId);
    let backoff = new Backoff();
    while (true) {
      let pause = 0;
      try {
        for await (const block of this.#blocks(filter, resume)) {
          backoff = new Backoff();
          resume = block.id ?? resume;
          const happened = eventOf(block);
          if (happened) {
            yield happened;
          }
        }
      } catch (failure) {
        if (!(failure instanceof MeshError && failure.retryable)) {
          throw failure;
        }
        pause = failure.retryAfterMs ?? 0;
      }
      await sleep(Math.max(backoff.next(), pause), filter.signal);
    }
  }

  /** Events that are in the journal already, the oldest first, page by page as they are read. */
  list(filter: EventFilter = {}): AsyncIterable<MeshEvent> {
    return pages(
      pageToken => this.#api.listEvents(
        {
          ...this.#parameters(filter),
          last_event_id: filter.lastEventId === undefined ? undefined : String(filter.lastEventId),
          page_token: pageToken,
          limit: filter.limit,
        },
        { signal: filter.signal }),
      page => page.events);
  }

  /** One connection, until it breaks or says nothing for too long, which is no fault but the end of the connection. */
  async *#blocks(filter: EventFilter, resume: string | undefined): AsyncGenerator<EventBlock, void, undefined> {
    filter.signal?.throwIfAborted();
    const connection = new AbortController();
    const unlisten = listen(filter.signal, () => connection.abort(filter.signal?.reason));
    try {
      const response = await this.#api.streamEvents(this.#parameters(filter), resume, connection.signal);
      const bytes = response.body!.getReader();
      const reader = new EventReader();
      while (true) {
        const chunk = await inTime(bytes.read()).catch(() => undefined);
        if (chunk === undefined || chunk.done) {
          filter.signal?.throwIfAborted();
          return;
        }
        yield* reader.read(chunk.value);
      }
    } finally {
      // Whoever leaves the loop leaves the connection.
      connection.abort();
      unlisten();
    }
  }

  #parameters(filter: EventFilter) {
    return {
      namespace: filter.namespace ?? this.#settings.namespace,
      resource: filter.resource,
      agent_id: filter.agentId,
      type: filter.type,
    };
  }
}

/** Ours are named room and past tense; others, such as a sign of life, carry nothing to read. */
function eventOf(block: EventBlock): MeshEvent | undefined {
  return block.data !== "" && (block.type === "message" || block.type.includes("."))
    ? fromWire<MeshEvent>(JSON.parse(block.data))
    : undefined;
}

async function inTime<T>(work: Promise<T>): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const silence = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error("Nothing came for too long.")), SILENCE);
  });
  try {
    return await Promise.race([work, silence]);
  } finally {
    clearTimeout(timer);
  }
}
