import type { RenewResult } from "../locks-types.js";
import type { MeshApi } from "../transport/api.js";
import { now, quietTimer } from "../transport/time.js";
import type { Lease } from "./lease.js";
import { meansLoss } from "./loss.js";

const LARGEST_BATCH = 1_000;
const SOONEST_RETRY = 100;

/** Leases of a burst whose answers were slow are due as they come: they are gathered for as long. */
const GATHERING = 100;

/**
 * Renews every lease of a client from one timer. What is due at about the same time goes in one call; a call that hangs
 * holds up only its own leases, whose alarms ring without it. Nothing here keeps the process alive.
 */
export class RenewalLoop {
  readonly #api: MeshApi;
  readonly #leases = new Set<Lease>();
  readonly #held = new Set<Lease>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #rings = Infinity;
  #looked = -Infinity;
  #closed = false;

  constructor(api: MeshApi) {
    this.#api = api;
  }

  /** Every lease that is held and was not handed on. */
  get held(): Lease[] {
    return [...this.#held].filter(lease => lease.isHeld);
  }

  hold(lease: Lease): void {
    this.#held.add(lease);
  }

  letGo(lease: Lease): void {
    this.#held.delete(lease);
  }

  add(lease: Lease): void {
    if (!this.#closed) {
      this.#leases.add(lease);
      this.#wakeAt(lease.renewAt);
    }
  }

  remove(lease: Lease): void {
    this.#leases.delete(lease);
  }

  close(): void {
    this.#closed = true;
    this.#leases.clear();
    clearTimeout(this.#timer);
  }

  /** Adding a lease costs the same however many there are: only an earlier time sets the timer anew. */
  #wakeAt(due: number): void {
    const time = Math.max(due, this.#looked + GATHERING);
    if (this.#closed || time >= this.#rings) {
      return;
    }
    clearTimeout(this.#timer);
    this.#rings = time;
    this.#timer = quietTimer(() => this.#look(), time - now());
  }

  #look(): void {
    this.#rings = Infinity;
    this.#looked = now();
    this.#takeDue().forEach(batch => void this.#renew(batch));
    let next = Infinity;
    for (const lease of this.#leases) {
      if (!lease.renewing && lease.wantsRenewal) {
        next = Math.min(next, lease.renewAt);
      }
    }
    this.#wakeAt(next);
  }

  /** The calls to make now, each for leases in the same situation. */
  #takeDue(): Lease[][] {
    const batches: Lease[][] = [];
    const together: Lease[] = [];
    const soon: Lease[] = [];
    const time = now();
    for (const lease of [...this.#leases]) {
      if (lease.renewing || !lease.wantsRenewal) {
        continue;
      }
      if (lease.renewAt > time) {
        if (!lease.hasProgress && lease.renewAt - time < lease.renewEvery / 4) {
          soon.push(lease);
        }
      } else if (lease.hasProgress) {
        // The batch call has no place for a text.
        batches.push([lease]);
      } else {
        together.push(lease);
      }
    }
    if (together.length > 0) {
      // Whoever is due shortly comes along: one call more or less costs more than an early renewal.
      together.push(...soon);
      for (let start = 0; start < together.length; start += LARGEST_BATCH) {
        batches.push(together.slice(start, start + LARGEST_BATCH));
      }
    }
    batches.flat().forEach(lease => (lease.renewing = true));
    return batches;
  }

  async #renew(batch: Lease[]): Promise<void> {
    try {
      const single = batch[0]!;
      if (single.hasProgress) {
        await single.renewOnce({ quiet: true });
        return;
      }
      // Half of what the nearest to its end has left: enough for a second try over another address.
      const nearest = batch.reduce((least, lease) => Math.min(least, lease.deadline), Infinity);
      const time = now();
      const body = { locks: batch.map(lease => lease.renewalBody) };
      const { value, sent } = await this.#api.renewMany(body, { until: time + (nearest - time) / 2, quiet: true });
      batch.forEach((lease, index) => this.#apply(lease, value.results[index], sent));
    } catch {
      // Whatever it was, the leases stay due: without a pause they would be renewed again at once and for ever.
      batch.forEach(retrySoon);
    } finally {
      batch.forEach(lease => (lease.renewing = false));
      this.#wakeAt(batch.reduce((least, lease) => (this.#leases.has(lease) ? Math.min(least, lease.renewAt) : least), Infinity));
    }
  }

  #apply(lease: Lease, result: RenewResult | undefined, sent: number): void {
    if (result?.problem === undefined && result?.expiresInMs !== undefined) {
      lease.extend(sent, { ...result, expiresInMs: result.expiresInMs });
    } else if (result?.problem && meansLoss(result.problem)) {
      // A release or a transfer may have been faster than this renewal; what its own answer says counts.
      if (!lease.ending) {
        lease.lose(result.problem);
      }
    } else {
      retrySoon(lease);
    }
  }
}

/** A tenth of what is left: more often as the end comes nearer, but never in a tight loop. */
function retrySoon(lease: Lease): void {
  lease.planRenewalIn(Math.max(SOONEST_RETRY, (lease.deadline - now()) / 10));
}
