import type { BudgetsClient, Cost } from "./budgets.js";
import type { Amount, BudgetObligation } from "./budgets-types.js";
import { MeshError, NotFoundError, ValidationError } from "./errors.js";
import type { Logger } from "./options.js";
import { now, sleep } from "./transport/time.js";

/** What of a reservation was really spent. */
export interface Spent extends Cost {
  /** Of which one; of all, when several are of one unit. */
  readonly reservationId?: string;
}

/** A reservation that was taken. */
export type TakenReservation = BudgetObligation & { readonly reservationId: string };

/** Settling may happen while the process is ending; what is held ends by itself if the service cannot be told. */
const LIMIT = 5_000;

/** Of what may have been taken by a call whose answer is not known. */
const GIVE_BACK_LIMIT = 1_000;
const GIVE_BACK_AGAIN = 200;

/** The rules of a decision are few, and each has one reservation. */
const MOST_RULES = 64;

/**
 * What a guard has reserved until it is known what it cost: committed once its body has begun, and released when it never
 * did. Of what is not reported the whole counts, since a budget has to hold also where nobody reports.
 */
export class Settlement {
  readonly reservations: readonly TakenReservation[];

  readonly #budgets: BudgetsClient;
  readonly #logger: Logger;
  readonly #namespace: string | undefined;
  readonly #costs = new Map<string, Cost>();
  #standing: "open" | "begun" | "over" = "open";

  constructor(budgets: BudgetsClient, logger: Logger, namespace: string | undefined, taken: readonly BudgetObligation[] = []) {
    this.#budgets = budgets;
    this.#logger = logger;
    this.#namespace = namespace;
    this.reservations = taken.filter(one => one.reservationId !== undefined) as TakenReservation[];
  }

  /** From now on what is not reported has been spent. */
  begin(): void {
    this.#standing = "begun";
  }

  /** Keeps what was spent until the end; the last word on a reservation counts. */
  spent(given: Amount | Spent): void {
    const { reservationId, ...cost } = typeof given === "number" ? { actual: given } as Spent : given;
    checkCost(cost);
    if (this.#standing === "over") {
      throw new TypeError("The guard is over and its reservations are settled: tell what was spent before its body ends.");
    }
    for (const { reservationId: id } of this.#meant(reservationId, cost)) {
      this.#costs.set(id, cost);
    }
  }

  /** Commits or releases all of it. It never throws: what the body did is done. */
  async close(): Promise<void> {
    const begun = this.#standing === "begun";
    this.#standing = "over";
    await Promise.all(this.reservations.map(one => this.#settle(one, begun ? this.#costs.get(one.reservationId) ?? { actual: one.amount } : undefined)));
  }

  #meant(reservationId: string | undefined, cost: Cost): readonly TakenReservation[] {
    if (reservationId !== undefined) {
      const named = this.reservations.filter(one => one.reservationId === reservationId);
      if (named.length === 0) {
        throw new TypeError(`The guard has no reservation ${reservationId}.`);
      }
      return named;
    }
    const units = new Set(this.reservations.map(one => one.unit));
    if (units.size > 1 && cost.actual !== undefined && cost.actual !== 0) {
      throw new TypeError(`The guard has reservations in ${[...units].join(" and ")}: name the one that was spent of by its reservationId.`);
    }
    return this.reservations;
  }

  async #settle(reservation: TakenReservation, cost: Cost | undefined): Promise<void> {
    try {
      await this.#send(reservation.reservationId, cost);
    } catch (fault) {
      if (!(fault instanceof MeshError)) {
        throw fault;
      }
      // A cost that the service does not take, such as that of a model without a price, is not reported.
      if (fault instanceof ValidationError && cost !== undefined && cost.usage !== undefined) {
        this.#warn(reservation, `its usage was not taken, so that it counts in full: ${fault.message}`);
        await this.#settle(reservation, { actual: cost.actual ?? reservation.amount });
        return;
      }
      this.#warn(reservation, `the service could not be told what came of it: ${fault.message}`);
    }
  }

  #send(id: string, cost: Cost | undefined): Promise<unknown> {
    // Whoever has given up wants it all the more.
    return this.#budgets.settle(id, cost, { namespace: this.#namespace }, { until: now() + LIMIT, shielded: true });
  }

  #warn({ reservationId, amount, unit, rule }: TakenReservation, what: string): void {
    this.#logger.warn(`ProtoMesh: of the reservation ${reservationId} of ${amount} ${unit} for the rule ${rule}, ${what}`);
  }
}

/**
 * Gives back what a call may have reserved whose answer never came: a reservation has the id of the request, and that of
 * each further rule a number after it. A call that was cut off may still be on its way, so "unknown" is asked again.
 */
export async function giveBack(budgets: BudgetsClient, namespace: string | undefined, requestId: string, tries: number): Promise<void> {
  const release = (id: string) => budgets.settle(id, undefined, { namespace }, { until: now() + GIVE_BACK_LIMIT, shielded: true });
  try {
    for (let attempt = 1; !(await isThere(release(requestId))); attempt++) {
      if (attempt === tries) {
        return;
      }
      await sleep(GIVE_BACK_AGAIN);
    }
    for (let rule = 2; rule <= MOST_RULES && (await isThere(release(`${requestId}-${rule}`)));) {
      rule++;
    }
  } catch (fault) {
    if (!(fault instanceof MeshError)) {
      throw fault;
    }
    // Nobody can be told, or there are no budgets: what is held ends by itself.
  }
}

async function isThere(released: Promise<unknown>): Promise<boolean> {
  try {
    await released;
    return true;
  } catch (fault) {
    if (fault instanceof NotFoundError && fault.code === "reservation_unknown") {
      return false;
    }
    throw fault;
  }
}

function checkCost({ actual, usage }: Cost): void {
  if (actual === undefined && usage === undefined) {
    throw new TypeError("What was spent is an amount, or the usage of a model, or both.");
  }
  if (actual !== undefined && !(Number.isSafeInteger(actual) && actual >= 0)) {
    throw new TypeError(`What was spent is a whole number in the unit of the budget, 0 or more (of usd micro-dollars), and not ${actual}.`);
  }
}
