import type { Amount, BudgetList, BudgetUsage, LedgerEntry, ModelUsage, PriceTable, Reservation } from "./budgets-types.js";
import { newRequestId } from "./leases/ids.js";
import { toWire } from "./naming.js";
import { type CallOptions, checkDuration, type ListOptions, type NamespaceOptions, type Settings } from "./options.js";
import { pages } from "./pages.js";
import type { AccessApi } from "./transport/access-api.js";
import type { Limits } from "./transport/calls.js";

/** What to reserve: an amount, or what a call of a model will use at most. */
export interface ReserveOptions extends NamespaceOptions {
  /** A whole number in the unit of the budgets; for `usd` micro-dollars. Either this or `estimate`. */
  readonly amount?: Amount;
  /** The price table makes an amount of it. */
  readonly estimate?: ModelUsage;
  /** 8-64 of `[A-Za-z0-9_-]`: the same id with the same content is the same reservation. By default a new UUIDv7. */
  readonly reservationId?: string;
  /** For how many ms the amount is held, 1 s to 24 h; 10 min. */
  readonly hold?: number;
  /** `run.id` for the keys of the budgets, 1-128 bytes. */
  readonly runId?: string;
  /** What the keys of the budgets may read: at most 16 KB of JSON. */
  readonly metadata?: Readonly<Record<string, unknown>>;
  /** Who spends; the client's. */
  readonly agentId?: string;
}

/** What something really cost. Of both, the price table checks the one by the other. */
export interface Cost {
  /** A whole number in the unit of the reservation; for `usd` micro-dollars. */
  readonly actual?: Amount;
  /** What a model was asked and answered: the price table makes the cost of it. */
  readonly usage?: ModelUsage;
}

/** Whose counter of a budget. */
export interface CounterOptions extends NamespaceOptions {
  /** Which of them, where the budget has a key; an agent sees its own alone. */
  readonly key?: string;
}

/** Which entries of a ledger; what is absent lets everything through. */
export interface LedgerFilter extends ListOptions {
  readonly key?: string;
  readonly reservationId?: string;
}

/** How to raise a cap. */
export interface TopUpOptions extends CounterOptions {
  /** 8-64 of `[A-Za-z0-9_-]`: the same id tops up once. By default a new UUIDv7. */
  readonly topUpId?: string;
}

/** Reserves what something may cost, and records what it really cost. */
export class BudgetsClient {
  readonly #api: AccessApi;
  readonly #settings: Settings;

  /** @internal */
  constructor(api: AccessApi, settings: Settings) {
    this.#api = api;
    this.#settings = settings;
  }

  /**
   * Holds an amount on all of these budgets or on none, until it is committed, released or expires.
   * @param budgets 1-8 names of one unit, as the active policy has them.
   * @throws BudgetExceededError One of them does not have that much left.
   * @throws NotFoundError There is no such budget.
   * @throws ConflictError The id was used for something else (`reservation_conflict`).
   * @throws ValidationError The price table does not have the model (`model_unpriced`), or a field breaks a rule.
   */
  reserve(budgets: string | readonly string[], options: ReserveOptions): Promise<Reservation> {
    checkDuration("hold", options.hold);
    const body = {
      reservation_id: options.reservationId ?? newRequestId(),
      namespace: this.#namespace(options),
      agent_id: options.agentId ?? this.#settings.agentId,
      budgets: typeof budgets === "string" ? [budgets] : budgets,
      amount: options.amount,
      estimate: toWire(options.estimate),
      hold_ms: options.hold,
      run_id: options.runId,
      metadata: options.metadata,
    };
    return this.#api.reserve(body, { signal: options.signal });
  }

  /**
   * A reservation in any state.
   * @throws NotFoundError There is none, or it was forgotten.
   */
  get(reservationId: string, options: NamespaceOptions = {}): Promise<Reservation> {
    return this.#api.getReservation(reservationId, { namespace: this.#namespace(options) }, { signal: options.signal });
  }

  /**
   * Records what it really cost. After its expiry, and when it is more than was reserved, it counts all the same.
   * @param cost An amount, or what a model used, or both.
   * @throws ConflictError It was committed with another amount (`reservation_conflict`) or released (`reservation_settled`).
   */
  commit(reservationId: string, cost: Amount | Cost, options: NamespaceOptions = {}): Promise<Reservation> {
    return this.settle(reservationId, typeof cost === "number" ? { actual: cost } : cost, options, { signal: options.signal });
  }

  /**
   * Gives back what was reserved: nothing was spent.
   * @throws ConflictError It was committed (`reservation_settled`).
   */
  release(reservationId: string, options: NamespaceOptions = {}): Promise<Reservation> {
    return this.settle(reservationId, undefined, options, { signal: options.signal });
  }

  /** The budgets of a namespace, as its policy defines them. */
  list(options: NamespaceOptions = {}): Promise<BudgetList> {
    return this.#api.listBudgets({ namespace: this.#namespace(options) }, { signal: options.signal });
  }

  /**
   * How much of a budget is used in the present window, by the counter and by the ledger.
   * @throws NotFoundError There is no such budget, or its counter is not the caller's.
   */
  usage(name: string, options: CounterOptions = {}): Promise<BudgetUsage> {
    return this.#api.budgetUsage(name, { namespace: this.#namespace(options), key: options.key }, { signal: options.signal });
  }

  /** What happened to a budget, the newest first, page by page as it is read. */
  ledger(name: string, filter: LedgerFilter = {}): AsyncIterable<LedgerEntry> {
    const { key, reservationId, limit, signal } = filter;
    const parameters = { namespace: this.#namespace(filter), key, reservation_id: reservationId, limit };
    return pages(pageToken => this.#api.budgetLedger(name, { ...parameters, page_token: pageToken }, { signal }), page => page.entries);
  }

  /**
   * Raises the cap of the present window.
   * @param reason Why, 1-500 bytes; kept in the ledger.
   */
  topUp(name: string, amount: Amount, reason: string, options: TopUpOptions = {}): Promise<BudgetUsage> {
    const { key, topUpId, signal } = options;
    const body = { namespace: this.#namespace(options), key, amount, reason, top_up_id: topUpId ?? newRequestId() };
    return this.#api.topUp(name, body, { signal });
  }

  /** Sets a counter to what the ledger says; the answer has the drift that there was. */
  rebuild(name: string, options: CounterOptions = {}): Promise<BudgetUsage> {
    return this.#api.rebuildBudget(name, { namespace: this.#namespace(options), key: options.key }, { signal: options.signal });
  }

  /** What models cost, by which usage is recomputed. */
  prices(options: CallOptions = {}): Promise<PriceTable> {
    return this.#api.prices({ signal: options.signal });
  }

  /**
   * A commit, or a release where there is no cost.
   * @internal
   */
  settle(reservationId: string, cost: Cost | undefined, options: NamespaceOptions, limits: Limits): Promise<Reservation> {
    const namespace = this.#namespace(options);
    return cost === undefined
      ? this.#api.releaseReservation(reservationId, { namespace }, limits)
      : this.#api.commitReservation(reservationId, { namespace, actual: cost.actual, usage: toWire(cost.usage) }, limits);
  }

  #namespace(options: NamespaceOptions): string | undefined {
    return options.namespace ?? this.#settings.namespace;
  }
}
