/**
 * Amounts are whole numbers in the unit of their budget. The unit `usd` counts micro-dollars: 1 dollar is 1,000,000.
 */
export type Amount = number;

/** Where a budget stands, for one key and the present window. */
export interface BudgetLine {
  readonly name: string;
  /** Whose counter it is, such as a team or a run; absent when the namespace has one for all. */
  readonly key?: string;
  readonly cap: Amount;
  /** Real cost. */
  readonly spent: Amount;
  /** Reserved, and neither committed nor released. */
  readonly held: Amount;
  readonly left: Amount;
  /** Absent for a budget whose window never ends. */
  readonly windowStartedAt?: string;
  readonly windowEndsAt?: string;
}

/** What an allowed action has reserved; its budgets are as they stand after it. */
export interface BudgetObligation {
  /** The id of the rule that required it. */
  readonly rule: string;
  /** Names it in a commit or release; absent when nothing was taken, as in a dry run. */
  readonly reservationId?: string;
  readonly unit: string;
  readonly amount: Amount;
  /** When what was not committed is free again. */
  readonly expiresAt: string;
  readonly expiresInMs: number;
  readonly budgets: readonly BudgetLine[];
}

/** What a model was asked and answered. */
export interface ModelUsage {
  /** As the price table names it. */
  readonly model: string;
  /** Read at the full price. */
  readonly inputTokens?: number;
  /** Read from the provider's cache, and not among `inputTokens`. */
  readonly cachedInputTokens?: number;
  /** Written to the provider's cache, and not among `inputTokens`. */
  readonly cacheWriteTokens?: number;
  /** Written, reasoning included. */
  readonly outputTokens?: number;
  /** True for the provider's batch price. */
  readonly batch?: boolean;
}

/** An amount that is kept for something until it is known what it really cost. */
export interface Reservation {
  readonly reservationId: string;
  readonly namespace: string;
  readonly agentId: string;
  readonly runId?: string;
  readonly state: "held" | "committed" | "released" | "expired";
  readonly unit: string;
  readonly amount: Amount;
  readonly createdAt: string;
  readonly expiresAt: string;
  readonly expiresInMs: number;
  readonly budgets: readonly BudgetLine[];
  /** What was posted as its real cost: what was claimed or recomputed, and the larger when they are disputed. */
  readonly actual?: Amount;
  /** True when it was committed after it had expired; it counts all the same. */
  readonly late?: boolean;
  /** True when it really cost more than was reserved. */
  readonly overrun?: boolean;
  /** How sure the amount is: what the caller said, or what the price table makes of the tokens. */
  readonly verification?: Verification;
  /** What the caller said that it cost. */
  readonly claimed?: Amount;
  /** What the price table makes of its tokens. */
  readonly recomputed?: Amount;
  readonly settledAt?: string;
}

/** How sure an amount is. */
export type Verification = "claimed" | "recomputed" | "disputed" | "unpriced";

/** A budget as the active policy defines it. */
export interface Budget {
  readonly name: string;
  /** `usd`, `tokens`, `calls` or a word of its own. */
  readonly unit: string;
  readonly cap: Amount;
  /** The expression that tells whose counter is used, such as `agent.team`; absent when the namespace has one for all. */
  readonly key?: string;
  readonly window: BudgetWindow;
  /** Percents of the cap that are told as events once they are spent. */
  readonly alert: readonly number[];
}

/** When a budget starts anew: one of `calendar`, `rollingMs` and `lifetime` is there. */
export interface BudgetWindow {
  readonly calendar?: "hour" | "day" | "week" | "month";
  /** The time zone of `calendar`. */
  readonly tz?: string;
  /** The length of a window that always ends now. */
  readonly rollingMs?: number;
  /** True when it never starts anew. */
  readonly lifetime?: boolean;
}

/** The budgets of a namespace, and the policy that defines them. */
export interface BudgetList {
  readonly budgets: readonly Budget[];
  readonly policy: { readonly name: string; readonly version: number; readonly sha256: string };
}

/** How much of a budget is used. */
export interface BudgetUsage extends BudgetLine {
  readonly unit: string;
  /** By how much the cap was raised in this window. */
  readonly toppedUp: Amount;
  /** How many commits claimed a cost that the price table does not confirm. */
  readonly disputed: number;
  /** What the ledger adds up to for this window; absent while the ledger is behind. */
  readonly ledgerSpent?: Amount;
  /** `spent` less `ledgerSpent`: 0 unless a counter was lost. */
  readonly drift?: Amount;
  /** By the store's clock. */
  readonly asOf: string;
  /** What the drift was; only in the answer to a rebuild. */
  readonly driftBefore?: Amount;
}

/** A change of one budget. Entries are added and never changed. */
export interface LedgerEntry {
  /** Rises in the order in which the changes were committed. */
  readonly id: number;
  readonly at: string;
  readonly kind: "reserved" | "committed" | "released" | "expired" | "topped_up" | "rebuilt";
  readonly budget: string;
  /** Whose counter; absent when the budget has one for all. */
  readonly key?: string;
  readonly reservationId?: string;
  readonly agentId?: string;
  readonly runId?: string;
  /** What was held or topped up, or what a rebuild added to what was spent. */
  readonly amount: Amount;
  /** What was posted. */
  readonly actual?: Amount;
  readonly late?: boolean;
  readonly overrun?: boolean;
  readonly verification?: Verification;
  readonly claimed?: Amount;
  readonly recomputed?: Amount;
  readonly model?: string;
  /** The version of the price table that recomputed it. */
  readonly priceTable?: string;
  readonly reason?: string;
  /** Who topped it up or rebuilt it. */
  readonly by?: string;
}

/** The prices that costs are recomputed with. */
export interface PriceTable {
  /** Kept with each cost. */
  readonly version: string;
  /** How far a claimed cost may be from the recomputed one before it is disputed, in percent. */
  readonly tolerancePercent: number;
  readonly models: readonly ModelPrice[];
}

/** What a model costs from a day on, in dollars for a million tokens. */
export interface ModelPrice {
  readonly model: string;
  /** The first day on which it holds, in UTC. */
  readonly from: string;
  readonly input: number;
  /** As `input` when it is absent. */
  readonly cachedInput?: number;
  /** As `input` when it is absent. */
  readonly cacheWrite?: number;
  readonly output: number;
  /** What a batch is multiplied by; 1 when it is absent. */
  readonly batch?: number;
}
