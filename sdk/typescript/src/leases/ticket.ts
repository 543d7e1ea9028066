import type { LockMode } from "../locks-types.js";

/**
 * A lease that is handed on: plain JSON with the wire's names, so that one that was made in one language can be taken up
 * in another. Whoever has it can act as the holder; keep it as you would keep a key.
 */
export interface Ticket {
  readonly version: 1;
  readonly lock_id: string;
  readonly request_id: string;
  readonly namespace: string;
  /** Either this or `resources`. */
  readonly resource?: string;
  readonly resources?: readonly { readonly resource: string; readonly mode: LockMode; readonly capacity?: number; readonly units?: number }[];
  readonly mode?: LockMode;
  readonly agent_id: string;
  readonly session_id?: string;
  readonly fencing_token: number;
  /** How long the lease outlives a renewal; absent leaves it as long as before. */
  readonly ttl_ms?: number;
}

const texts = ["lock_id", "request_id", "namespace", "agent_id"] as const;

/** @throws TypeError It is no ticket of this version. */
export function readTicket(given: Ticket | string): Ticket {
  const ticket = (typeof given === "string" ? parse(given) : given) as Partial<Ticket> | null;
  if (typeof ticket !== "object" || ticket === null) {
    throw new TypeError("A ticket is the object that lease.ticket() made, or its JSON.");
  }
  if (ticket.version !== 1) {
    throw new TypeError(`This SDK takes tickets of version 1, not ${String(ticket.version)}.`);
  }
  const missing = [
    ...texts.filter(name => typeof ticket[name] !== "string"),
    ...(Number.isSafeInteger(ticket.fencing_token) ? [] : ["fencing_token"]),
    ...((ticket.ttl_ms ?? undefined) === undefined || Number.isSafeInteger(ticket.ttl_ms) ? [] : ["a whole ttl_ms"]),
    ...(typeof ticket.resource === "string" || Array.isArray(ticket.resources) ? [] : ["resource"]),
  ];
  if (missing.length > 0) {
    throw new TypeError(`The ticket lacks ${missing.join(", ")}.`);
  }
  return ticket as Ticket;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new TypeError("The ticket is not JSON.", { cause });
  }
}
