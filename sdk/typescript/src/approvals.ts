import type { Approval, ApprovalState, StandingGrant } from "./approvals-types.js";
import { UnavailableError } from "./errors.js";
import { type CallOptions, checkDuration, type ListOptions, type NamespaceOptions, type Settings } from "./options.js";
import { pages } from "./pages.js";
import type { AccessApi } from "./transport/access-api.js";
import { now, sleep } from "./transport/time.js";

/** What is asked for beside the action. It has to be what the action is then asked with. */
export interface ApprovalOptions extends NamespaceOptions {
  /** The `type/id` that it is to be done to, or several. */
  readonly resource?: string | readonly string[];
  /** What this agent says of the action, for the rules and for those who decide: at most 16 KB of JSON. */
  readonly metadata?: Readonly<Record<string, unknown>>;
  /** The run that the action belongs to, 1-128 bytes. */
  readonly runId?: string;
  /** What it is for, for those who decide. */
  readonly reason?: string;
  /** Who asks; the client's. */
  readonly agentId?: string;
}

/** How long to wait for a decision. */
export interface WaitOptions extends CallOptions {
  /** In ms; 1 h. Zero only looks. */
  readonly timeout?: number;
}

/** Which approvals to list; what is absent lets everything through. */
export interface ApprovalFilter extends ListOptions {
  readonly state?: ApprovalState;
  readonly agentId?: string;
  readonly group?: string;
  readonly action?: string;
}

/** How to decide. */
export interface VoteOptions extends CallOptions {
  /** Why, 1-500 bytes; whoever asked reads it. */
  readonly comment?: string;
  /** Who decides, 1-128 bytes: required while the service is open, and refused with keys, where it is the key's. */
  readonly approver?: string;
}

/** How to approve. */
export interface ApproveOptions extends VoteOptions {
  /** Other metadata than was asked for: what is approved then is the action with these, which the policy decides anew. */
  readonly metadata?: Readonly<Record<string, unknown>>;
  /** The digest of the approval as it was read: required once somebody else has edited it. */
  readonly digest?: string;
  /** For how many ms it can be used, up to 24 h; 1 h. */
  readonly valid?: number;
}

/** What is granted beforehand. */
export interface GrantOptions extends NamespaceOptions {
  /** For how many ms, up to 7 days. */
  readonly expiresIn: number;
  /** How often, 1-10,000. */
  readonly uses: number;
  /** To whom; every agent. */
  readonly agentId?: string;
  /** The `type/id` that it is for; everything. */
  readonly resource?: string;
  /** In CEL, over what the rules see, such as `metadata.estimated_cost <= 100`. */
  readonly condition?: string;
  readonly comment?: string;
  /** Who grants it, 1-128 bytes: required while the service is open, and refused with keys, where it is the key's. */
  readonly approver?: string;
}

/** The service holds a call open for as long while it waits. */
const SLICE = 20_000;
const SHORTEST_ROUND = 250;

/** For the answer to the last call of a wait. */
const GRACE = 2_000;

/** Asks people whether an action may be done, waits for them, and decides for them. Hold no lock meanwhile. */
export class ApprovalsClient {
  readonly #api: AccessApi;
  readonly #settings: Settings;

  /** @internal */
  constructor(api: AccessApi, settings: Settings) {
    this.#api = api;
    this.#settings = settings;
  }

  /**
   * Asks for an action before it is tried. While such a request is pending, asking again gives the same one. A check, a
   * request for a lease and a guard that need an approval ask by themselves.
   * @throws ConflictError Nobody has to approve this (`approval_not_needed`).
   * @throws PolicyDeniedError The policy forbids it; nobody can approve it.
   */
  request(action: string, options: ApprovalOptions = {}): Promise<Approval> {
    const { resource, metadata, runId, reason, signal } = options;
    const body = {
      namespace: this.#namespace(options),
      agent_id: options.agentId ?? this.#settings.agentId,
      action,
      ...(typeof resource === "string" ? { resource } : { resources: resource }),
      metadata,
      run_id: runId,
      reason,
    };
    return this.#api.requestApproval(body, { signal });
  }

  /**
   * An approval in any state.
   * @throws NotFoundError There is none that this caller may see.
   */
  get(approvalId: string, options: CallOptions = {}): Promise<Approval> {
    return this.#api.getApproval(approvalId, undefined, { signal: options.signal });
  }

  /**
   * The approval once it is no longer pending, or as it is, `pending`, at the end of the time. The service may be away
   * meanwhile.
   * @throws NotFoundError There is none that this caller may see.
   * @throws UnavailableError The service could not be reached once in all the time.
   */
  async wait(approvalId: string, options: WaitOptions = {}): Promise<Approval> {
    const { signal, timeout = 3_600_000 } = options;
    checkDuration("timeout", timeout);
    if (timeout === 0) {
      return this.get(approvalId, { signal });
    }
    const ends = now() + timeout;
    let seen: Approval | undefined;
    do {
      const sent = now();
      const left = ends - sent;
      try {
        // Whole seconds are what can be asked for: the rest is waited for here.
        const hold = left < 1_000 ? 0 : Math.min(Math.floor(left / 1_000) * 1_000, SLICE);
        seen = await this.#api.getApproval(approvalId, hold, { until: ends + GRACE, signal });
      } catch (fault) {
        if (seen === undefined || !(fault instanceof UnavailableError && fault.retryable)) {
          throw fault;
        }
        return seen;
      }
      if (seen.state !== "pending") {
        return seen;
      }
      // A service that answers early, as when it shuts down, would otherwise be called in a tight loop.
      const pause = Math.min(SHORTEST_ROUND - (now() - sent), ends - now());
      if (pause > 0) {
        await sleep(pause, signal);
      }
    } while (now() < ends);
    return seen;
  }

  /** Approvals, the newest first, page by page as they are read; an agent's key sees its own alone. */
  list(filter: ApprovalFilter = {}): AsyncIterable<Approval> {
    const { state, agentId, group, action, limit, signal } = filter;
    const parameters = { namespace: this.#namespace(filter), state, agent_id: agentId, group, action, limit };
    return pages(pageToken => this.#api.listApprovals({ ...parameters, page_token: pageToken }, { signal }), page => page.approvals);
  }

  /**
   * Says yes. With the last yes that it needs it can be used once.
   * @throws UnauthorizedError The caller is not of its group, or asked for it (`not_an_approver`).
   * @throws ConflictError It is no longer pending (`approval_closed`); the problem's `state` says what it is.
   */
  approve(approvalId: string, options: ApproveOptions = {}): Promise<Approval> {
    const { comment, approver, metadata, digest, valid, signal } = options;
    checkDuration("valid", valid);
    return this.#api.decideApproval(approvalId, "approve", { comment, metadata, digest, valid_ms: valid, approver }, { signal });
  }

  /**
   * Says no, which ends it.
   * @throws UnauthorizedError The caller is not of its group, or asked for it (`not_an_approver`).
   * @throws ConflictError It is no longer pending (`approval_closed`); the problem's `state` says what it is.
   */
  deny(approvalId: string, options: VoteOptions = {}): Promise<Approval> {
    const { comment, approver, signal } = options;
    return this.#api.decideApproval(approvalId, "deny", { comment, approver }, { signal });
  }

  /**
   * Takes a request back; for whoever asked.
   * @throws ConflictError It is no longer pending (`approval_closed`).
   */
  cancel(approvalId: string, options: CallOptions = {}): Promise<Approval> {
    return this.#api.decideApproval(approvalId, "cancel", {}, { signal: options.signal });
  }

  /**
   * Takes a yes back that was not used yet.
   * @throws ConflictError It was used, or never given (`approval_closed`).
   */
  revoke(approvalId: string, options: VoteOptions = {}): Promise<Approval> {
    const { comment, approver, signal } = options;
    return this.#api.decideApproval(approvalId, "revoke", { comment, approver }, { signal });
  }

  /**
   * Says yes beforehand, for rules that one person decides. Sent once, unless the service was certainly not reached: a
   * second one would be a second grant. After a lost answer, look at {@link grants}.
   * @param group The group of the rules that it answers.
   * @throws UnauthorizedError The caller is not of the group (`not_an_approver`).
   */
  grant(group: string, action: string, options: GrantOptions): Promise<StandingGrant> {
    const { agentId, resource, condition, expiresIn, uses, comment, approver, signal } = options;
    checkDuration("expiresIn", expiresIn);
    const body = {
      namespace: this.#namespace(options), group, agent_id: agentId, action, resource, condition, expires_in_ms: expiresIn, uses, comment, approver,
    };
    return this.#api.grant(body, { signal });
  }

  /** Standing grants, page by page as they are read. */
  grants(options: ListOptions = {}): AsyncIterable<StandingGrant> {
    const { limit, signal } = options;
    const namespace = this.#namespace(options);
    return pages(pageToken => this.#api.listGrants({ namespace, page_token: pageToken, limit }, { signal }), page => page.grants);
  }

  /**
   * Ends a standing grant.
   * @throws NotFoundError There is none.
   */
  revokeGrant(grantId: string, options: VoteOptions = {}): Promise<StandingGrant> {
    const { comment, approver, signal } = options;
    return this.#api.revokeGrant(grantId, { comment, approver }, { signal });
  }

  #namespace(options: NamespaceOptions): string | undefined {
    return options.namespace ?? this.#settings.namespace;
  }
}
