import { newRequestId } from "./leases/ids.js";
import type { Lease } from "./leases/lease.js";
import type { CallOptions, ListOptions, NamespaceOptions, Settings } from "./options.js";
import { pages } from "./pages.js";
import type {
  PolicyActivation, PolicyDecision, PolicyDiff, PolicyPage, PolicyResult, PolicyValidation, PolicyVersion, RecordedDecision,
} from "./policies-types.js";
import type { MeshApi } from "./transport/api.js";

/** What is asked of the policy beside the action. */
export interface CheckOptions {
  /** The `type/id` that it is to be done to; that of `lease` if it holds one resource. */
  readonly resource?: string;
  /** What this agent says of the action: the rules read the fields that the policy declares. At most 16 KB of JSON. */
  readonly metadata?: Readonly<Record<string, unknown>>;
  /** The agent's lease on the resource, for rules that require one. */
  readonly lease?: Lease;
  /** The lease's token, where the lease itself is in another process. */
  readonly fencingToken?: number;
  /** Who asks; the lease's holder, else the client's. */
  readonly agentId?: string;
  /** 8-64 of `[A-Za-z0-9_-]`: a repetition of the same id takes nothing a second time. By default a new UUIDv7. */
  readonly requestId?: string;
  /** The run that the action belongs to, for budgets of a run: 1-128 bytes. */
  readonly runId?: string;
  /** Uses what people have approved, which is good once and for exactly this question. */
  readonly approvalId?: string;
  /** The client's unless said here. */
  readonly namespace?: string;
}

/** One question of a batch. */
export interface PolicyCheck extends CheckOptions {
  /** What is to be done, such as `refund`. */
  readonly action: string;
}

/** How to ask. */
export interface AskOptions extends CallOptions {
  /** True only looks: nothing is taken, and nobody is asked for an approval. */
  readonly dryRun?: boolean;
}

/** Whose version it is. */
export interface PutOptions extends NamespaceOptions {
  /** Who wrote it, 1-128 bytes. */
  readonly author?: string;
  /** Why, 1-500 bytes. */
  readonly comment?: string;
}

/** How to activate a version. */
export interface ActivateOptions extends NamespaceOptions {
  /** The revision that is to be replaced, as {@link PoliciesClient.list} told it, or `*` to replace whatever is active. */
  readonly ifMatch: number | string;
  /** Who activates it, 1-128 bytes. */
  readonly by?: string;
}

/** Which page to read. */
export interface PageOptions extends ListOptions {
  readonly pageToken?: string;
}

/** Which decisions to list; what is absent lets everything through. */
export interface DecisionFilter extends ListOptions {
  readonly agentId?: string;
  readonly action?: string;
  readonly decision?: "allow" | "deny" | "require_approval";
  /** The policy's name. */
  readonly policy?: string;
}

/** Asks whether an action may be done, and keeps the documents that decide it. */
export class PoliciesClient {
  readonly #api: MeshApi;
  readonly #settings: Settings;

  /** @internal */
  constructor(api: MeshApi, settings: Settings) {
    this.#api = api;
    this.#settings = settings;
  }

  /**
   * May this agent do this now? A deny is an answer: its reasons say what would change it.
   * @param action What is to be done, such as `refund`.
   * @throws ValidationError The question breaks a rule, or a field of the metadata is not what the policy declares.
   * @throws UnavailableError The service could not be reached; nothing is allowed then.
   */
  check(action: string, options: CheckOptions & AskOptions = {}): Promise<PolicyDecision> {
    return this.#api.check(this.#body({ ...options, action }), options.dryRun ?? false, { signal: options.signal });
  }

  /** 1-100 questions in one call, each decided alone; the answers come in their order. An action alone is a question. */
  checkBatch(checks: readonly (string | PolicyCheck)[], options: AskOptions = {}): Promise<PolicyResult[]> {
    const body = { checks: checks.map(check => this.#body(typeof check === "string" ? { action: check } : check)) };
    return this.#api.checkBatch(body, options.dryRun ?? false, { signal: options.signal });
  }

  /**
   * Reads a document (YAML), runs its own tests and keeps nothing.
   * @throws ValidationError The document has errors; each names its place.
   */
  validate(document: string, options: CallOptions = {}): Promise<PolicyValidation> {
    return this.#api.validatePolicy(document, { signal: options.signal });
  }

  /**
   * Keeps a document as the next version of its policy; the same text again is the same version.
   * @throws ValidationError The document has errors, or another name.
   */
  put(name: string, document: string, options: PutOptions = {}): Promise<PolicyVersion> {
    const parameters = { namespace: this.#namespace(options), author: options.author, comment: options.comment };
    return this.#api.putPolicy(name, document, parameters, { signal: options.signal });
  }

  /** The policies of a namespace, and which version decides there. */
  list(options: PageOptions = {}): Promise<PolicyPage> {
    return this.#api.listPolicies(this.#paging(options, options.pageToken), { signal: options.signal });
  }

  /**
   * The versions of a policy, newest first, without their documents, page by page as they are read.
   * @throws NotFoundError There is no such policy.
   */
  versions(name: string, options: ListOptions = {}): AsyncIterable<PolicyVersion> {
    return pages(
      pageToken => this.#api.listPolicyVersions(name, this.#paging(options, pageToken), { signal: options.signal }),
      page => page.versions);
  }

  /**
   * A version with its document.
   * @throws NotFoundError There is no such policy or version.
   */
  get(name: string, version: number, options: NamespaceOptions = {}): Promise<PolicyVersion> {
    return this.#api.getPolicyVersion(name, version, { namespace: this.#namespace(options) }, { signal: options.signal });
  }

  /**
   * Lets a version decide from now on.
   * @throws ValidationError Somebody else activated another version first (`precondition_failed`).
   */
  activate(name: string, version: number, options: ActivateOptions): Promise<PolicyActivation> {
    const { ifMatch, by, signal } = options;
    const parameters = { namespace: this.#namespace(options), by };
    return this.#api.activatePolicy(name, version, typeof ifMatch === "number" ? `"${ifMatch}"` : ifMatch, parameters, { signal });
  }

  /** What changed between two versions. */
  diff(name: string, from: number, to: number, options: NamespaceOptions = {}): Promise<PolicyDiff> {
    return this.#api.diffPolicy(name, { from, to, namespace: this.#namespace(options) }, { signal: options.signal });
  }

  /** What was decided, the newest first, page by page as it is read. Of allows only a sample is kept. */
  decisions(filter: DecisionFilter = {}): AsyncIterable<RecordedDecision> {
    const { agentId, action, decision, policy, signal } = filter;
    return pages(
      pageToken => this.#api.listDecisions({ ...this.#paging(filter, pageToken), agent_id: agentId, action, decision, policy }, { signal }),
      page => page.decisions);
  }

  /**
   * One decision with everything that the rules could see.
   * @throws NotFoundError It was not kept, or is not written down yet.
   */
  decision(decisionId: string, options: CallOptions = {}): Promise<RecordedDecision> {
    return this.#api.getDecision(decisionId, { signal: options.signal });
  }

  #body(check: PolicyCheck) {
    const lease = check.lease;
    const resource = check.resource ?? lease?.resource ?? undefined;
    return {
      agent_id: check.agentId ?? lease?.agentId ?? this.#settings.agentId,
      action: check.action,
      namespace: check.namespace ?? lease?.grant.namespace ?? this.#settings.namespace,
      resource,
      fencing_token: check.fencingToken ?? (resource === undefined ? undefined : lease?.fencingToken),
      request_id: check.requestId ?? newRequestId(),
      metadata: check.metadata,
      run_id: check.runId,
      approval_id: check.approvalId,
    };
  }

  #namespace(options: NamespaceOptions): string | undefined {
    return options.namespace ?? this.#settings.namespace;
  }

  #paging(options: ListOptions, pageToken: string | undefined) {
    return { namespace: this.#namespace(options), page_token: pageToken, limit: options.limit };
  }
}
