import type { ApprovalState } from "./approvals-types.js";
import type { BudgetObligation } from "./budgets-types.js";
import type { Problem } from "./problem.js";

/** A version of a policy document. */
export interface PolicyReference {
  readonly name: string;
  readonly version: number;
  /** Of the document's bytes, in lower-case hex. */
  readonly sha256: string;
}

/** The decision that a lease was asked for with. */
export interface PolicyStamp {
  readonly decisionId: string;
  readonly policy: PolicyReference;
  /** What was checked and taken with an allow; absent when nothing was required. */
  readonly obligations?: PolicyObligations;
}

/** What the policy says to an action. A deny is an answer, not an error. */
export interface PolicyDecision extends PolicyStamp {
  readonly decision: "allow" | "deny" | "require_approval";
  /** True only for `allow`. */
  readonly allowed: boolean;
  /** The first reason in a sentence. */
  readonly reason: string;
  /** Every rule that spoke against it, in the order of the document. */
  readonly reasons: readonly PolicyReason[];
  /** Where each input came from, by its path: `claimed` (the caller said so), `default` or `configured`. */
  readonly facts: Readonly<Record<string, string>>;
  /** Rules in audit mode that would have spoken against it. */
  readonly auditOnly: readonly PolicyReason[];
  /** Who may approve, and how far that is; only with `require_approval`. */
  readonly approval?: PolicyApproval;
  /** Until when an allow may be acted on. */
  readonly validUntil?: string;
  /** True when nothing was taken because the caller only wanted to know. */
  readonly dryRun?: boolean;
}

/** Why a rule spoke against an action. */
export interface PolicyReason {
  /** The rule's id; `defaults` when no rule allowed it. */
  readonly rule: string;
  /** Stable for programs, such as `SPEND_LIMIT`. */
  readonly code: string;
  readonly effect: "deny" | "require_approval" | "lock" | "rate" | "budget" | "approval";
  readonly message: string;
  /** Where the rule's condition stands: `name.yaml:line:column`. */
  readonly at: string;
  /** The inputs that the condition read, by path. */
  readonly values?: Readonly<Record<string, unknown>>;
  /** What would make the rule silent, such as `metadata.estimated_cost <= 100`: each of them has to hold. */
  readonly toChange?: readonly string[];
  /** After this the same check may succeed; only for a rate, and for a budget whose window ends. */
  readonly retryAfterMs?: number;
}

/** What an allow stands on. */
export interface PolicyObligations {
  readonly lock?: { readonly lockId?: string; readonly expiresInMs?: number };
  readonly rate?: readonly { readonly rule: string; readonly remaining: number; readonly resetsInMs: number }[];
  /** What was reserved, one for each rule: commit what it really cost, or release it. */
  readonly budget?: readonly BudgetObligation[];
  /** The yes that was used. */
  readonly approval?: ApprovalObligation;
}

/** A yes that was used: an approval, or one use of a standing grant. */
export interface ApprovalObligation {
  readonly approvalId?: string;
  readonly grantId?: string;
  /** Who said it. */
  readonly by: readonly string[];
  /** Of the standing grant. */
  readonly usesLeft?: number;
}

/** Who has to say yes. */
export interface PolicyApproval {
  /** What was opened, or waits for the same already; absent when the caller only wanted to know. */
  readonly approvalId?: string;
  /** `pending`, or `approved`: then ask again with its id. */
  readonly state?: ApprovalState;
  readonly group: string;
  readonly quorum: number;
  /** How long it can be decided; once approved, how long it can be used. */
  readonly expiresInMs: number;
  readonly expiresAt?: string;
}

/** One answer of a batch: one of the two is there. */
export interface PolicyResult {
  readonly decision?: PolicyDecision;
  readonly problem?: Problem;
}

/** A document that can be used. */
export interface PolicyValidation {
  /** Always true: what is not valid is an error with the code `policy_invalid`. */
  readonly valid: boolean;
  readonly name: string;
  readonly sha256: string;
  readonly rules: number;
  /** What is allowed and probably not meant. */
  readonly warnings: readonly { readonly line: number; readonly column: number; readonly message: string }[];
  /** How the document's own tests went. */
  readonly tests: { readonly passed: number; readonly neverHeld: readonly string[]; readonly alwaysHeld: readonly string[] };
}

/** A version of a policy. It never changes. */
export interface PolicyVersion extends PolicyReference {
  readonly namespace: string;
  readonly author?: string;
  readonly comment?: string;
  readonly createdAt?: string;
  /** Whether it decides in the namespace. */
  readonly active: boolean;
  /** The text as it was sent; absent in lists. */
  readonly document?: string;
}

/** That a version decides in a namespace. */
export interface PolicyActivation extends PolicyReference {
  readonly namespace: string;
  /** Grows by 1 with each activation in the namespace; what `ifMatch` takes. */
  readonly revision: number;
  readonly by?: string;
  readonly at?: string;
}

/** The policies of a namespace and which of them decides. */
export interface PolicyPage {
  readonly namespace: string;
  readonly active: PolicyActivation;
  /** What the replica that answers decides by. */
  readonly loaded: { readonly name: string; readonly version: number; readonly revision: number; readonly problem?: string };
  readonly policies: readonly { readonly name: string; readonly newestVersion: number }[];
  readonly nextPageToken?: string;
}

/** What changed between two versions. */
export interface PolicyDiff {
  readonly namespace: string;
  readonly name: string;
  readonly from: number;
  readonly to: number;
  /** Rules by their ids. */
  readonly rules: { readonly added: readonly string[]; readonly removed: readonly string[]; readonly changed: readonly string[] };
  /** The texts as a unified diff. */
  readonly text: string;
}

/** A decision as it was written down. Inputs, facts, reasons and obligations are absent in lists. */
export interface RecordedDecision extends PolicyStamp {
  readonly at: string;
  readonly namespace: string;
  readonly agentId: string;
  readonly action: string;
  readonly resource?: string;
  readonly decision: "allow" | "deny" | "require_approval";
  /** What would have been decided if rules in audit mode were enforced. */
  readonly would: "allow" | "deny" | "require_approval";
  readonly dryRun: boolean;
  /** The ids of the rules that spoke against it. */
  readonly rules: readonly string[];
  readonly latencyUs: number;
  /** Everything that the rules could see, with the wire's own names. */
  readonly inputs?: unknown;
  readonly facts?: Readonly<Record<string, string>>;
  readonly reasons?: readonly PolicyReason[];
  readonly auditOnly?: readonly PolicyReason[];
  readonly obligations?: PolicyObligations;
}
