import type { PolicyReference } from "./policies-types.js";

/** `pending` waits for people, `approved` waits to be used once, the others are ends. */
export type ApprovalState =
  | "pending"
  | "approved"
  | "denied"
  | "expired"
  | "cancelled"
  | "superseded"
  | "consumed"
  | "lapsed"
  | "revoked";

/** What an agent asks people for: one action, once, exactly as it stands here. */
export interface Approval {
  readonly approvalId: string;
  readonly namespace: string;
  readonly state: ApprovalState;
  readonly agentId: string;
  readonly runId?: string;
  readonly action: string;
  readonly resource?: string;
  /** When it is for several. */
  readonly resources?: readonly string[];
  /** What the agent says of the action; what the approver made of it, when it was edited. */
  readonly metadata?: Readonly<Record<string, unknown>>;
  /** What the agent says it is for. */
  readonly reason?: string;
  /** The rules that ask for it. */
  readonly rules: readonly { readonly rule: string; readonly at: string; readonly message: string }[];
  readonly policy: PolicyReference;
  /** Who may decide. */
  readonly group: string;
  /** How many of them have to say yes. */
  readonly quorum: number;
  readonly votes: readonly ApprovalVote[];
  /** Of all that it is bound to: what differs in any of it is another request. */
  readonly digest: string;
  /** An approver has changed the metadata; it is good for the changed one alone. */
  readonly edited?: boolean;
  readonly requestedAt: string;
  readonly expiresAt: string;
  readonly expiresInMs: number;
  readonly decidedAt?: string;
  /** Until when an approved one can be used. */
  readonly validUntil?: string;
  readonly consumedAt?: string;
  /** The decision that used it. */
  readonly consumedBy?: string;
  /** How many wait for the resource that it is about. */
  readonly waitsBehind?: number;
}

/** What one approver said. */
export interface ApprovalVote {
  readonly approver: string;
  readonly vote: "approve" | "deny";
  readonly comment?: string;
  readonly at: string;
}

/** A yes beforehand: some uses of an action, for some time. */
export interface StandingGrant {
  readonly grantId: string;
  readonly namespace: string;
  readonly state: "active" | "lapsed" | "revoked" | "used_up";
  readonly group: string;
  /** Absent when it is for every agent. */
  readonly agentId?: string;
  readonly action: string;
  readonly resource?: string;
  /** In CEL, over what the rules see; absent when it holds always. */
  readonly condition?: string;
  readonly uses: number;
  readonly used: number;
  /** Who granted it. */
  readonly by: string;
  readonly comment?: string;
  readonly createdAt?: string;
  readonly expiresAt?: string;
  readonly expiresInMs?: number;
}
