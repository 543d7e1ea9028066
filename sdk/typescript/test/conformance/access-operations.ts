import type { GrantOptions, KeyRole } from "../../src/index.js";
import { toCamelName } from "../../src/naming.js";
import type { Json } from "./json.js";
import { filterOf, type Given, listed, type Op, type Result } from "./operations.js";
import { ofAnswer } from "./wire.js";

/** The ops about keys, budgets and approvals: the arguments that each takes, and the call of the SDK. */
export const accessOps: Readonly<Record<string, readonly [args: string, run: Op]>> = {
  "keys.create": [
    "role name comment namespace agent_id agent_prefix team labels groups max_priority max_ttl_ms expires_at",
    given => answer(given.mesh.keys.create(text(given, "role") as KeyRole, optionsOf(given, "role")))],
  "keys.list": ["namespace n", given => listed(given.mesh.keys.list(filterOf(given)), given)],
  "keys.get": ["key_id", given => answer(given.mesh.keys.get(text(given, "key_id"), optionsOf(given, "key_id")))],
  "keys.rotate": ["key_id overlap_ms", given => answer(given.mesh.keys.rotate(text(given, "key_id"), optionsOf(given, "key_id")))],
  "keys.revoke": ["key_id", given => answer(given.mesh.keys.revoke(text(given, "key_id"), optionsOf(given, "key_id")))],

  "budgets.reserve": [
    "budgets amount estimate reservation_id hold_ms run_id metadata agent_id namespace",
    given => answer(given.mesh.budgets.reserve(given.args.budgets as string[], optionsOf(given, "budgets")))],
  "budgets.get": [
    "reservation_id namespace", given => answer(given.mesh.budgets.get(text(given, "reservation_id"), optionsOf(given, "reservation_id")))],
  "budgets.commit": ["reservation_id actual usage namespace", given => {
    const { actual, usage, ...options } = optionsOf(given, "reservation_id");
    return answer(given.mesh.budgets.commit(text(given, "reservation_id"), usage === undefined ? actual! : { actual, usage }, options));
  }],
  "budgets.release": [
    "reservation_id namespace", given => answer(given.mesh.budgets.release(text(given, "reservation_id"), optionsOf(given, "reservation_id")))],
  "budgets.list": ["namespace", given => answer(given.mesh.budgets.list(optionsOf(given)))],
  "budgets.usage": ["name key namespace", given => answer(given.mesh.budgets.usage(text(given, "name"), optionsOf(given, "name")))],
  "budgets.ledger": [
    "name key reservation_id namespace n", given => listed(given.mesh.budgets.ledger(text(given, "name"), optionsOf(given, "name", "n")), given)],
  "budgets.top_up": ["name amount reason key top_up_id namespace", given => answer(given.mesh.budgets.topUp(
    text(given, "name"), given.args.amount as number, text(given, "reason"), optionsOf(given, "name", "amount", "reason")))],
  "budgets.rebuild": ["name key namespace", given => answer(given.mesh.budgets.rebuild(text(given, "name"), optionsOf(given, "name")))],
  "budgets.prices": ["", given => answer(given.mesh.budgets.prices(optionsOf(given)))],

  "approvals.request": ["action resource resources metadata run_id reason agent_id namespace", given => {
    const { resources, ...options } = optionsOf(given, "action");
    return answer(given.mesh.approvals.request(text(given, "action"), resources === undefined ? options : { ...options, resource: resources }));
  }],
  "approvals.get": ["approval_id", given => answer(given.mesh.approvals.get(text(given, "approval_id"), optionsOf(given, "approval_id")))],
  "approvals.wait": [
    "approval_id timeout_ms", given => answer(given.mesh.approvals.wait(text(given, "approval_id"), optionsOf(given, "approval_id")))],
  "approvals.list": ["state agent_id group action namespace n", given => listed(given.mesh.approvals.list(filterOf(given)), given)],
  "approvals.approve": [
    "approval_id comment metadata digest valid_ms approver",
    given => answer(given.mesh.approvals.approve(text(given, "approval_id"), optionsOf(given, "approval_id")))],
  "approvals.deny": [
    "approval_id comment approver", given => answer(given.mesh.approvals.deny(text(given, "approval_id"), optionsOf(given, "approval_id")))],
  "approvals.cancel": ["approval_id", given => answer(given.mesh.approvals.cancel(text(given, "approval_id"), optionsOf(given, "approval_id")))],
  "approvals.revoke": [
    "approval_id comment approver", given => answer(given.mesh.approvals.revoke(text(given, "approval_id"), optionsOf(given, "approval_id")))],
  "approvals.grant": [
    "group action resource expires_in_ms uses agent_id condition comment approver namespace",
    given => answer(given.mesh.approvals.grant(text(given, "group"), text(given, "action"), optionsOf(given, "group", "action") as unknown as GrantOptions))],
  "approvals.grants": ["namespace n", given => listed(given.mesh.approvals.grants(filterOf(given)), given)],
  "approvals.revoke_grant": [
    "grant_id comment approver", given => answer(given.mesh.approvals.revokeGrant(text(given, "grant_id"), optionsOf(given, "grant_id")))],
};

async function answer(call: Promise<unknown>): Promise<Result> {
  return { value: ofAnswer(await call) };
}

function text({ args }: Given, name: string): string {
  return args[name] as string;
}

/** What is not given by its place, in the words of the language. Durations lose their unit, which here is ms anyway. */
function optionsOf({ args, signal }: Given, ...places: string[]): Record<string, never> {
  const options: Record<string, unknown> = { signal };
  for (const [name, value] of Object.entries(args)) {
    if (!places.includes(name)) {
      options[toCamelName(name.replace(/_ms$/, ""))] = isUsage(name) ? camel(value) : value;
    }
  }
  return options as Record<string, never>;
}

/** The other objects among the arguments have names of the caller's own. */
function isUsage(name: string): boolean {
  return name === "usage" || name === "estimate";
}

function camel(value: Json): Json {
  return Object.fromEntries(Object.entries(value as Record<string, Json>).map(([name, part]) => [toCamelName(name), part]));
}
