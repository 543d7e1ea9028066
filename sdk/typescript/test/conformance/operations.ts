import type { AcquireOptions, Approval, Guard, GuardOptions, Lease, PolicyCheck, ProtoMesh, QueuedLock, ResourceRequest, Ticket } from "../../src/index.js";
import { fromWire, toCamelName } from "../../src/naming.js";
import { accessOps } from "./access-operations.js";
import { HeldGuard } from "./held-guard.js";
import { type Json, type JsonObject, ScenarioFailure } from "./json.js";
import type { Names } from "./names.js";
import { ofAnswer, ofGuard, ofLease } from "./wire.js";

/** What an op is given. */
export interface Given {
  readonly mesh: ProtoMesh;
  readonly args: JsonObject;
  /** The lease or guard that it is about. */
  readonly on: unknown;
  readonly names: Names;
  /** The caller gives up. */
  readonly signal: AbortSignal;
}

/** What an op gave: its result in wire form, and the lease or guard itself. */
export interface Result {
  readonly value?: Json;
  readonly thing?: unknown;
}

export type Op = (given: Given) => Promise<Result>;

const acquireArguments =
  "resource resources priority wait_ms ttl_ms max_hold_ms drain_ms mode capacity units reason labels action metadata reentrant durability namespace agent_id session_id request_id run_id approval_id";
const checkArguments = "action resource metadata fencing_token agent_id request_id run_id approval_id dry_run namespace";
const eventArguments = "resource agent_id type namespace n last_event_id";

const ops = new Map<string, { readonly args: ReadonlySet<string>; readonly run: Op }>();

function op(name: string, args: string, run: Op): void {
  ops.set(name, { args: new Set(args.split(" ")), run });
}

/** Runs an op of the scenarios as a call of the SDK. */
export async function run(name: string, given: Given): Promise<Result> {
  const known = ops.get(name);
  if (!known) {
    throw new ScenarioFailure(`this runner does not know the op ${name}`);
  }
  const strange = Object.keys(given.args).find(key => !known.args.has(key));
  if (strange !== undefined) {
    throw new ScenarioFailure(`${name} has no argument ${strange}`);
  }
  return known.run(given);
}

op("acquire", `${acquireArguments} auto_renew on_queued`, async given => leaseResult(await given.mesh.locks.acquire(...wanted(given))));
op("try_acquire", `${acquireArguments} auto_renew`, async given => {
  const lease = await given.mesh.locks.tryAcquire(...wanted(given));
  return lease ? leaseResult(lease) : { value: null };
});
op("dry_run", acquireArguments, async given => answer(await given.mesh.locks.dryRun(...wanted(given))));
op("get", "lock_id", async ({ mesh, args, signal }) => answer(await mesh.locks.get(text(args, "lock_id"), { signal })));
op("explain", "lock_id", async ({ mesh, args, signal }) => answer(await mesh.locks.explain(text(args, "lock_id"), { signal })));
op("cancel", "lock_id", async ({ mesh, args, signal }) => answer(await mesh.locks.cancel(text(args, "lock_id"), { signal })));
op("list", "state agent_id type namespace n", given => listed(given.mesh.locks.list(filterOf(given)), given));
op("queue", "resource namespace", async given => answer(await given.mesh.locks.queue(text(given.args, "resource"), space(given))));
op("resources", "namespace n", given => listed(given.mesh.locks.resources(filterOf(given)), given));
op("history", "resource namespace n", given => listed(given.mesh.locks.history(text(given.args, "resource"), space(given)), given));
op("cancel_request", "request_id resource namespace", async given =>
  answer(await given.mesh.locks.cancelRequest(text(given.args, "request_id"), text(given.args, "resource"), space(given))));
op("reprioritize", "lock_id priority", async ({ mesh, args, signal }) =>
  answer(await mesh.locks.reprioritize(text(args, "lock_id"), args.priority as number, { signal })));
op("force_release", "resource reason immediate namespace", async given => answer(await given.mesh.locks.forceRelease(
  text(given.args, "resource"), { reason: text(given.args, "reason"), immediate: given.args.immediate as boolean | undefined, ...space(given) })));
op("attach", "ticket", async ({ mesh, args, signal }) => leaseResult(await mesh.attach(args.ticket as unknown as Ticket, { signal })));

op("lease.renew", "", async ({ on, signal }) => {
  await leaseOf(on).renew({ signal });
  return leaseResult(leaseOf(on));
});
op("lease.release", "note", async ({ on, args, signal }) => nothing(await leaseOf(on).release(args.note as string | undefined, { signal })));
op("lease.transfer", "to_agent_id to_session_id", async ({ on, args, signal }) =>
  answer(await leaseOf(on).transfer(text(args, "to_agent_id"), args.to_session_id as string | undefined, { signal })));
op("lease.report_progress", "text", async ({ on, args }) => nothing(leaseOf(on).reportProgress(text(args, "text"))));
op("lease.ticket", "", async ({ on }) => ({ value: JSON.parse(JSON.stringify(leaseOf(on).ticket())) as Json }));
op("lease.state", "", async ({ on }) => leaseResult(leaseOf(on)));
op("lease.wait_lost", "", async ({ on, signal }) => {
  const lease = leaseOf(on);
  await new Promise<void>((resolve, reject) => {
    lease.signal.addEventListener("abort", () => resolve());
    signal.addEventListener("abort", () => reject(signal.reason as Error));
    if (lease.signal.aborted) {
      resolve();
    }
  });
  return leaseResult(lease);
});
op("lease.check", "", async ({ on }) => nothing(leaseOf(on).throwIfLost()));
op("lease.close", "", async ({ on }) => nothing(await leaseOf(on)[Symbol.asyncDispose]()));

op("guard.enter", `${acquireArguments} auto_renew on_unavailable on_approval approval_timeout_ms on_waiting`, async given => {
  const { on_unavailable: onUnavailable, ...args } = given.args;
  const resource = (args.resources ?? args.resource) as GuardOptions["resource"];
  const options = { ...optionsOf({ ...given, args }), action: text(args, "action"), resource, onUnavailable } as GuardOptions;
  const held = await HeldGuard.enter(given.mesh, options);
  return { value: ofGuard(held.guard), thing: held };
});
op("guard.state", "", async ({ on }) => ({ value: ofGuard(guardOf(on).guard) }));
op("guard.spent", "actual usage reservation_id", async ({ on, args }) => nothing(guardOf(on).guard.spent(camel(args))));
op("guard.exit", "failed", async ({ on, args }) => nothing(await guardOf(on).exit(args.failed === true)));

op("policies.check", checkArguments, async ({ mesh, args, on, signal }) => {
  const { dry_run: dryRun, ...check } = args;
  const { action, ...options } = checkOf(check);
  return answer(await mesh.policies.check(action, { ...options, ...(on !== undefined && { lease: leaseOf(on) }), dryRun: dryRun === true, signal }));
});
op("policies.check_batch", "checks dry_run", async ({ mesh, args, signal }) =>
  answer(await mesh.policies.checkBatch((args.checks as JsonObject[]).map(checkOf), { dryRun: args.dry_run === true, signal })));
op("policies.validate", "document", async ({ mesh, args, signal }) => answer(await mesh.policies.validate(documentOf(args), { signal })));
op("policies.put", "name document author comment namespace", async given => answer(await given.mesh.policies.put(
  text(given.args, "name"), documentOf(given.args),
  { author: given.args.author as string | undefined, comment: given.args.comment as string | undefined, ...space(given) })));
op("policies.list", "namespace", async given => answer(await given.mesh.policies.list(space(given))));
op("policies.versions", "name namespace n", given => listed(given.mesh.policies.versions(text(given.args, "name"), space(given)), given));
op("policies.get", "name version namespace", async given =>
  answer(await given.mesh.policies.get(text(given.args, "name"), given.args.version as number, space(given))));
op("policies.activate", "name version if_match by namespace", async given => answer(await given.mesh.policies.activate(
  text(given.args, "name"), given.args.version as number,
  { ifMatch: given.args.if_match as number | "*", by: given.args.by as string | undefined, ...space(given) })));
op("policies.diff", "name from to namespace", async given => answer(await given.mesh.policies.diff(
  text(given.args, "name"), given.args.from as number, given.args.to as number, space(given))));
op("policies.decisions", "agent_id action decision policy namespace n", given => listed(given.mesh.policies.decisions(filterOf(given)), given));
op("policies.decision", "decision_id", async ({ mesh, args, signal }) =>
  answer(await mesh.policies.decision(text(args, "decision_id"), { signal })));

op("fences.validate", "resource fencing_token namespace", async given =>
  answer(await given.mesh.fences.validate(text(given.args, "resource"), given.args.fencing_token as number, space(given))));
op("events.list", eventArguments, given => listed(given.mesh.events.list(filterOf(given)), given));
op("events.stream", eventArguments, given => listed(given.mesh.events.stream(filterOf(given)), given));
op("health", "", async ({ mesh, signal }) => answer(await mesh.health({ signal })));
op("held", "", async ({ mesh }) => ({ value: [...mesh.held].sort((a, b) => a.fencingToken - b.fencingToken).map(ofLease) }));

for (const [name, [args, run]] of Object.entries(accessOps)) {
  op(name, args, run);
}

function answer(value: unknown): Result {
  return { value: ofAnswer(value) };
}

function nothing(_done: void): Result {
  return { value: null };
}

function leaseResult(lease: Lease): Result {
  return { value: ofLease(lease), thing: lease };
}

export async function listed(items: AsyncIterable<unknown>, { args }: Given): Promise<Result> {
  const list: Json[] = [];
  const most = (args.n as number | undefined) ?? Infinity;
  for await (const item of items) {
    list.push(ofAnswer(item));
    if (list.length >= most) {
      break;
    }
  }
  return { value: list };
}

function wanted(given: Given): [string | ResourceRequest[], AcquireOptions] {
  return [(given.args.resources ?? given.args.resource) as string | ResourceRequest[], optionsOf(given)];
}

/** The words of the wire as those of the language: durations lose their unit, which here is ms anyway. */
function optionsOf({ args, names, signal }: Given): AcquireOptions {
  const options: Record<string, unknown> = { signal };
  for (const [name, value] of Object.entries(args)) {
    if (name === "on_queued") {
      options.onQueued = (queued: QueuedLock) => names.append(String(value), ofAnswer(queued));
    } else if (name === "on_waiting") {
      options.onWaiting = (approval: Approval) => names.append(String(value), ofAnswer(approval));
    } else if (name !== "resource" && name !== "resources") {
      options[toCamelName(name.replace(/_ms$/, ""))] = value;
    }
  }
  return options;
}

export function filterOf({ args, signal }: Given): Record<string, never> {
  const filter: Record<string, unknown> = { signal };
  for (const [name, value] of Object.entries(args)) {
    if (name !== "n") {
      filter[toCamelName(name)] = value;
    }
  }
  return filter as Record<string, never>;
}

function checkOf(args: JsonObject): PolicyCheck {
  return camel(args) as unknown as PolicyCheck;
}

function camel(args: JsonObject): Record<string, never> {
  return fromWire(args);
}

function space({ args, signal }: Given): { namespace?: string; signal: AbortSignal } {
  return { namespace: args.namespace as string | undefined, signal };
}

function text(args: JsonObject, name: string): string {
  return args[name] as string;
}

/** A text, or its lines. */
function documentOf({ document }: JsonObject): string {
  return Array.isArray(document) ? document.map(line => `${String(line)}\n`).join("") : String(document);
}

function guardOf(on: unknown): HeldGuard {
  if (on instanceof HeldGuard) {
    return on;
  }
  throw new ScenarioFailure("the step is about no guard");
}

function leaseOf(on: unknown): Lease {
  const lease = on instanceof HeldGuard ? (on.guard as Guard).lease : (on as Lease | undefined);
  if (!lease) {
    throw new ScenarioFailure("the step is about no lease");
  }
  return lease;
}
