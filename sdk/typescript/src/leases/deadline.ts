import { now, quietTimer } from "../transport/time.js";

const REACTION = 2;

/** The longest pause that a timer of the platform takes. */
const LONGEST_TIMER = 2_147_483_647;

/** What an answer says of the end of a lease. */
interface Told {
  readonly servedMs?: number;
  readonly expiresInMs: number;
  readonly expiresAt?: string;
  readonly holdEndsAt?: string;
}

/**
 * Until when a holder may believe in its lease. The service ran its script at the earliest `servedMs` after the request
 * was sent, so "sent + served + expires in" on the sender's own monotonic clock is never later than the service's
 * deadline, however long the answer took. The margin covers two clocks that tick at slightly different rates and the
 * time that it takes to stop working.
 */
export function deadlineOf(sent: number, servedMs: number, expiresInMs: number): number {
  const told = servedMs + expiresInMs;
  return sent + told - told / 100 - REACTION;
}

/** The deadline of one lease, which its renewals move, and the alarm for it. */
export class Deadline {
  readonly #onAlarm: () => void;
  #at: number;
  #endsWithHold: boolean;
  #alarm: ReturnType<typeof setTimeout> | undefined;

  /** @param onAlarm Called when it may have passed; it looks, and a later deadline sets the alarm anew. */
  constructor(sent: number, told: Told, onAlarm: () => void) {
    this.#onAlarm = onAlarm;
    this.#at = deadlineOf(sent, told.servedMs ?? 0, told.expiresInMs);
    this.#endsWithHold = endsWithHold(told);
  }

  /** On the clock of {@link now}. */
  get at(): number {
    return this.#at;
  }

  /** It is that of the maximal hold: renewing does not move it. */
  get endsWithHold(): boolean {
    return this.#endsWithHold;
  }

  extend(sent: number, told: Told): void {
    // Both deadlines are certain, so the later one holds: answers may overtake each other.
    this.#at = Math.max(this.#at, deadlineOf(sent, told.servedMs ?? 0, told.expiresInMs));
    this.#endsWithHold = endsWithHold(told);
  }

  /** By a look at the clock; until then an alarm is set. */
  hasPassed(): boolean {
    const remaining = this.#at - now();
    if (remaining <= 0) {
      return true;
    }
    // A renewal does not touch the alarm: it rings at the old deadline, looks, and is set to the new one.
    this.#alarm ??= quietTimer(() => {
      this.#alarm = undefined;
      this.#onAlarm();
    }, Math.min(remaining, LONGEST_TIMER));
    return false;
  }

  /** No alarm any more. */
  stop(): void {
    clearTimeout(this.#alarm);
  }
}

function endsWithHold(told: Told): boolean {
  return Date.parse(told.expiresAt ?? "") >= Date.parse(told.holdEndsAt ?? "");
}
