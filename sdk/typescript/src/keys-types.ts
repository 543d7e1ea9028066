/** What a key may, in a word; each role is a set of scopes. */
export type KeyRole = "agent" | "viewer" | "approver" | "operator" | "auditor" | "admin";

/** A key without its secret, which is kept nowhere. */
export interface ApiKey {
  /** The part of its text that is no secret. */
  readonly keyId: string;
  readonly state: "active" | "expired" | "revoked";
  readonly name?: string;
  /** What it is for. */
  readonly comment?: string;
  readonly role: KeyRole;
  /** The role in full, such as `locks:acquire`. */
  readonly scopes: readonly string[];
  /** The only namespace that it sees, or `*`. */
  readonly namespace: string;
  /** The agent that it speaks for. */
  readonly agentId?: string;
  /** What the ids of the agents begin with that it may speak for. */
  readonly agentPrefix?: string;
  /** `agent.team` for the policies. */
  readonly team?: string;
  /** `agent.labels` for the policies. */
  readonly labels?: Readonly<Record<string, string>>;
  /** The groups of approvers that it belongs to. */
  readonly groups?: readonly string[];
  /** The highest priority that it may ask for. */
  readonly maxPriority?: number;
  /** The longest ttl that it may ask for. */
  readonly maxTtlMs?: number;
  readonly createdAt: string;
  /** The id of the key that made it, or `bootstrap`. */
  readonly createdBy: string;
  /** When it ends by itself. */
  readonly expiresAt?: string;
  /** When it got its present secret, if that is not its first. */
  readonly rotatedAt?: string;
  /** Until when the secret before is good. */
  readonly previousUntil?: string;
  /** When it was used last; replicas tell each other once a minute. */
  readonly lastUsedAt?: string;
  readonly revokedAt?: string;
  /** The id of the key that revoked it. */
  readonly revokedBy?: string;
}

/** A key that was made or rotated: the only time that its text is shown. */
export interface IssuedKey {
  /** The text that a client is given as `apiKey`. */
  readonly key: string;
  readonly details: ApiKey;
}
