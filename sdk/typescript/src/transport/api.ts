import type {
  DryRunVerdict, Explanation, FenceVerdict, ForceReleased, GrantedLock, HealthReport, MeshEvent, ObservedLock, QueuedLock, QueuePage,
  ReleasedLock, RenewedLock, RenewResult, ResourceSummary,
} from "../locks-types.js";
import type {
  PolicyActivation, PolicyDecision, PolicyDiff, PolicyPage, PolicyResult, PolicyValidation, PolicyVersion, RecordedDecision,
} from "../policies-types.js";
import { type Body, escape, get, type Limits, type Paged, type Parameters, post, query, yaml } from "./calls.js";
import type { Call, Reply, Sender } from "./sender.js";

/** All HTTP about leases, policies and events: one method per endpoint, nothing but its method, path, body and answer. */
export class MeshApi {
  readonly #sender: Sender;

  constructor(sender: Sender) {
    this.#sender = sender;
  }

  /** 200 is a grant, 202 a place in the queue. */
  acquire(body: Body, hold: number, limits: Limits): Promise<Reply<GrantedLock | QueuedLock>> {
    return this.#sender.send({ ...post("v1/locks", body), hold, needs: "lock_id", ...limits });
  }

  wait(lockId: string, hold: number, limits: Limits): Promise<Reply<GrantedLock | QueuedLock>> {
    return this.#sender.send({ ...post(`v1/locks/${escape(lockId)}/wait`), hold, needs: "lock_id", ...limits });
  }

  dryRun(body: Body, limits: Limits): Promise<DryRunVerdict> {
    return this.#value({ ...post("v1/locks?dry_run=true", body), ...limits });
  }

  get(lockId: string, limits: Limits): Promise<ObservedLock> {
    return this.#value({ ...get(`v1/locks/${escape(lockId)}`), ...limits });
  }

  explain(lockId: string, limits: Limits): Promise<Explanation> {
    return this.#value({ ...get(`v1/locks/${escape(lockId)}/explain`), ...limits });
  }

  list(parameters: Parameters, limits: Limits): Promise<Paged & { locks: ObservedLock[] }> {
    return this.#value({ ...get("v1/locks", parameters), ...limits });
  }

  renew(lockId: string, body: Body, limits: Limits): Promise<Reply<RenewedLock>> {
    return this.#sender.send({ ...post(`v1/locks/${escape(lockId)}/renew`, body), needs: "expires_in_ms", ...limits });
  }

  renewMany(body: Body, limits: Limits): Promise<Reply<{ results: RenewResult[] }>> {
    return this.#sender.send({ ...post("v1/locks/renew", body), needs: "results", ...limits });
  }

  release(lockId: string, body: Body, limits: Limits): Promise<ReleasedLock> {
    return this.#value({ ...post(`v1/locks/${escape(lockId)}/release`, body), needs: "state", ...limits });
  }

  transfer(lockId: string, body: Body, limits: Limits): Promise<GrantedLock> {
    return this.#value({ ...post(`v1/locks/${escape(lockId)}/transfer`, body), needs: "fencing_token", ...limits });
  }

  cancel(lockId: string, limits: Limits): Promise<ReleasedLock> {
    return this.#value({ ...post(`v1/locks/${escape(lockId)}/cancel`), ...limits });
  }

  cancelRequest(body: Body, limits: Limits): Promise<ReleasedLock> {
    return this.#value({ ...post("v1/locks/cancel", body), ...limits });
  }

  reprioritize(lockId: string, body: Body, limits: Limits): Promise<QueuedLock> {
    return this.#value({ ...post(`v1/locks/${escape(lockId)}/reprioritize`, body), ...limits });
  }

  forceRelease(body: Body, limits: Limits): Promise<ForceReleased> {
    return this.#value({ ...post("v1/resources/force-release", body), once: true, ...limits });
  }

  resources(parameters: Parameters, limits: Limits): Promise<Paged & { resources: ResourceSummary[] }> {
    return this.#value({ ...get("v1/resources", parameters), ...limits });
  }

  queue(parameters: Parameters, limits: Limits): Promise<QueuePage> {
    return this.#value({ ...get("v1/resources/queue", parameters), ...limits });
  }

  history(parameters: Parameters, limits: Limits): Promise<Paged & { events: MeshEvent[] }> {
    return this.#value({ ...get("v1/resources/history", parameters), ...limits });
  }

  validateFence(body: Body, limits: Limits): Promise<FenceVerdict> {
    return this.#value({ ...post("v1/fences/validate", body), needs: "valid", ...limits });
  }

  check(body: Body, dryRun: boolean, limits: Limits): Promise<PolicyDecision> {
    return this.#value({ ...post(`v1/policies/check${dryRun ? "?dry_run=true" : ""}`, body), needs: "decision", ...limits });
  }

  async checkBatch(body: Body, dryRun: boolean, limits: Limits): Promise<PolicyResult[]> {
    const path = `v1/policies/check-batch${dryRun ? "?dry_run=true" : ""}`;
    return (await this.#value<{ results: PolicyResult[] }>({ ...post(path, body), needs: "results", ...limits })).results;
  }

  validatePolicy(document: string, limits: Limits): Promise<PolicyValidation> {
    return this.#value({ ...yaml("POST", "v1/policies/validate", document), ...limits });
  }

  putPolicy(name: string, document: string, parameters: Parameters, limits: Limits): Promise<PolicyVersion> {
    return this.#value({ ...yaml("PUT", `v1/policies/${escape(name)}${query(parameters)}`, document), ...limits });
  }

  listPolicies(parameters: Parameters, limits: Limits): Promise<PolicyPage> {
    return this.#value({ ...get("v1/policies", parameters), ...limits });
  }

  listPolicyVersions(name: string, parameters: Parameters, limits: Limits): Promise<Paged & { versions: PolicyVersion[] }> {
    return this.#value({ ...get(`v1/policies/${escape(name)}/versions`, parameters), ...limits });
  }

  getPolicyVersion(name: string, version: number, parameters: Parameters, limits: Limits): Promise<PolicyVersion> {
    return this.#value({ ...get(`v1/policies/${escape(name)}/versions/${version}`, parameters), ...limits });
  }

  activatePolicy(
    name: string, version: number, ifMatch: string | undefined, parameters: Parameters, limits: Limits,
  ): Promise<PolicyActivation> {
    return this.#value({
      ...post(`v1/policies/${escape(name)}/versions/${version}/activate${query(parameters)}`),
      ...(ifMatch !== undefined && { headers: { "if-match": ifMatch } }),
      ...limits,
    });
  }

  diffPolicy(name: string, parameters: Parameters, limits: Limits): Promise<PolicyDiff> {
    return this.#value({ ...get(`v1/policies/${escape(name)}/diff`, parameters), ...limits });
  }

  listDecisions(parameters: Parameters, limits: Limits): Promise<Paged & { decisions: RecordedDecision[] }> {
    return this.#value({ ...get("v1/decisions", parameters), ...limits });
  }

  getDecision(decisionId: string, limits: Limits): Promise<RecordedDecision> {
    return this.#value({ ...get(`v1/decisions/${escape(decisionId)}`), ...limits });
  }

  listEvents(parameters: Parameters, limits: Limits): Promise<Paged & { events: MeshEvent[] }> {
    return this.#value({ ...get("v1/events", parameters), ...limits });
  }

  streamEvents(parameters: Parameters, lastEventId: string | undefined, signal: AbortSignal): Promise<Response> {
    return this.#sender.open(`v1/events${query(parameters)}`, lastEventId === undefined ? {} : { "last-event-id": lastEventId }, signal);
  }

  /** Unhealthy is an answer too. */
  health(limits: Limits): Promise<HealthReport> {
    return this.#value({ ...get("health"), accepts: 503, needs: "store", ...limits });
  }

  async #value<T>(call: Call): Promise<T> {
    return (await this.#sender.send<T>(call)).value;
  }
}
