import type { ApiKey, IssuedKey, KeyRole } from "./keys-types.js";
import type { CallOptions, ListOptions, NamespaceOptions, Settings } from "./options.js";
import { pages } from "./pages.js";
import type { AccessApi } from "./transport/access-api.js";

/** What a new key is and may. */
export interface KeyOptions extends NamespaceOptions {
  /** What it is called, 1-128 bytes. */
  readonly name?: string;
  /** What it is for, 1-500 bytes. */
  readonly comment?: string;
  /** The only namespace that it sees, the client's unless said here; `*`, all of them, for an admin alone. */
  readonly namespace?: string;
  /** The agent that it speaks for, 1-128 bytes. The role `agent` needs this or a prefix. */
  readonly agentId?: string;
  /** What the ids of the agents begin with that it may speak for, 1-128 bytes. */
  readonly agentPrefix?: string;
  /** `agent.team` for the policies, 1-128 bytes. */
  readonly team?: string;
  /** `agent.labels` for the policies: up to 16. The label `role` is their `agent.role`. */
  readonly labels?: Readonly<Record<string, string>>;
  /** The groups of approvers that it belongs to, up to 16. */
  readonly groups?: readonly string[];
  /** The highest priority that it may ask for, 0-9; 9. */
  readonly maxPriority?: number;
  /** The longest ttl that it may ask for in ms, 1 s to 1 h; what the service allows. */
  readonly maxTtl?: number;
  /** When it ends by itself; never. */
  readonly expiresAt?: Date | string;
}

/** How to rotate a key. */
export interface RotateOptions extends CallOptions {
  /** For how many ms the old text stays good, up to a day; 1 h. */
  readonly overlap?: number;
}

/**
 * Makes and ends the keys that others come with; for admins. The first key of a service is not made by a call but by its
 * setting `Auth__BootstrapKey`, or by its command `keys bootstrap`.
 */
export class KeysClient {
  readonly #api: AccessApi;
  readonly #settings: Settings;

  /** @internal */
  constructor(api: AccessApi, settings: Settings) {
    this.#api = api;
    this.#settings = settings;
  }

  /**
   * Makes a key; its text is in this answer and nowhere else. Sent once, unless the service was certainly not reached:
   * after a lost answer, look at the list and revoke what nobody knows the text of.
   * @param role What it may: each role is a set of scopes. `agent` needs an agent's id or a prefix too.
   * @throws ValidationError A field breaks a rule, or the service is open and has no keys (`keys_off`).
   */
  create(role: KeyRole, options: KeyOptions = {}): Promise<IssuedKey> {
    const { expiresAt, namespace, signal } = options;
    const body = {
      role,
      name: options.name,
      comment: options.comment,
      namespace: namespace ?? this.#settings.namespace,
      agent_id: options.agentId,
      agent_prefix: options.agentPrefix,
      team: options.team,
      labels: options.labels,
      groups: options.groups,
      max_priority: options.maxPriority,
      max_ttl_ms: options.maxTtl,
      expires_at: expiresAt instanceof Date ? expiresAt.toISOString() : expiresAt,
    };
    return this.#api.createKey(body, { signal });
  }

  /** The keys that the caller may see, also those that are revoked or have expired, page by page as they are read. */
  list(options: ListOptions = {}): AsyncIterable<ApiKey> {
    const { limit, signal } = options;
    const namespace = options.namespace ?? this.#settings.namespace;
    return pages(pageToken => this.#api.listKeys({ namespace, page_token: pageToken, limit }, { signal }), page => page.keys);
  }

  /**
   * What a key is, and when it was used last.
   * @throws NotFoundError There is none with this id.
   */
  get(keyId: string, options: CallOptions = {}): Promise<ApiKey> {
    return this.#api.getKey(keyId, { signal: options.signal });
  }

  /**
   * Gives a key another text, shown in this answer alone; its id and all that it may stay. Sent once, as {@link create}.
   * @throws NotFoundError There is none with this id.
   */
  rotate(keyId: string, options: RotateOptions = {}): Promise<IssuedKey> {
    return this.#api.rotateKey(keyId, { overlap_ms: options.overlap }, { signal: options.signal });
  }

  /**
   * Ends a key for good; every replica refuses it within a second.
   * @throws NotFoundError There is none with this id.
   */
  revoke(keyId: string, options: CallOptions = {}): Promise<ApiKey> {
    return this.#api.revokeKey(keyId, { signal: options.signal });
  }
}
