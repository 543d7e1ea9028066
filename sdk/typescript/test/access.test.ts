import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { BudgetExceededError, ConflictError, type GuardOptions, NotFoundError, type ProtoMesh, ValidationError } from "../src/index.js";
import { all, until } from "./rig/poll.js";
import { newResource, Service } from "./rig/service.js";

let service: Service;
before(async () => (service = await Service.shared()));
after(() => service.stop());

const document = `
apiVersion: protomesh.dev/policy/v1
name: payments
defaults: { effect: allow }
metadata:
  cost: { type: number, default: 0 }
budgets:
  day: { unit: usd, cap: 50, window: { calendar: day } }
  run: { unit: usd, cap: 5, key: run.id, window: lifetime }
rules:
  - id: pay
    actions: [refund]
    require: { budget: { names: [day], amount: metadata.cost } }
  - id: people-first
    actions: [refund]
    when: "metadata.cost > 20"
    effect: require_approval
    approvers: { group: finance }
`;

let spaces = 0;

/** A namespace of its own, with an agent and a person in it. */
async function scene(): Promise<{ agent: ProtoMesh; person: ProtoMesh }> {
  const namespace = `access-${process.pid}-${spaces++}`;
  const [agent, person] = [service.client("agent", { namespace }), service.client("person", { namespace })];
  const { name, version } = await person.policies.put("payments", document);
  await person.policies.activate(name, version, { ifMatch: "*" });
  return { agent, person };
}

const usd = (dollars: number) => dollars * 1_000_000;

/** Approves, or denies, what is pending as soon as it is. */
async function decide(person: ProtoMesh, how: "approve" | "deny"): Promise<string> {
  const [asked] = await until("somebody asks", async () => {
    const pending = await all(person.approvals.list({ state: "pending" }));
    return pending.length > 0 ? pending : undefined;
  });
  await person.approvals[how](asked!.approvalId, { approver: "ann", comment: "I looked" });
  return asked!.approvalId;
}

test("What is reserved is held until it is committed or released, and the ledger has every step", async () => {
  const { agent, person } = await scene();

  const one = await agent.budgets.reserve(["day"], { amount: usd(10), hold: 60_000, runId: "run-1", metadata: { cost: 10 } });
  assert.deepEqual([one.state, one.unit, one.amount, one.agentId, one.runId, one.budgets[0]?.left], ["held", "usd", usd(10), "agent", "run-1", usd(40)]);
  assert.equal((await agent.budgets.reserve("day", { amount: usd(10), hold: 60_000, runId: "run-1", metadata: { cost: 10 }, reservationId: one.reservationId })).reservationId, one.reservationId);
  const committed = await agent.budgets.commit(one.reservationId, usd(12));
  assert.deepEqual([committed.state, committed.actual, committed.overrun], ["committed", usd(12), true]);
  const two = await agent.budgets.reserve("day", { amount: usd(1) });
  assert.equal((await agent.budgets.release(two.reservationId)).state, "released");
  assert.equal((await agent.budgets.get(two.reservationId)).state, "released");

  const { spent, held, left } = await person.budgets.usage("day");
  assert.deepEqual([spent, held, left], [usd(12), 0, usd(38)]);
  const entries = await until("the ledger has it", async () => {
    const found = await all(person.budgets.ledger("day", { limit: 2 }));
    return found.length >= 4 ? found : undefined;
  });
  assert.deepEqual(entries.map(entry => [entry.kind, entry.reservationId]).reverse(), [
    ["reserved", one.reservationId], ["committed", one.reservationId], ["reserved", two.reservationId], ["released", two.reservationId]]);
  assert.deepEqual((await person.budgets.list()).budgets.map(({ name, cap, key }) => [name, cap, key]), [["day", usd(50), undefined], ["run", usd(5), "run.id"]]);
  assert.equal(typeof (await person.budgets.prices()).version, "string");
});

test("What does not fit, is not there, or says something else is refused by class and field", async () => {
  const { agent } = await scene();
  const { reservationId } = await agent.budgets.reserve("run", { amount: usd(3), runId: "run-1" });

  await assert.rejects(agent.budgets.reserve("run", { amount: usd(3), runId: "run-1" }), (refused: unknown) =>
    refused instanceof BudgetExceededError && refused.budgets[0]?.name === "run" && refused.budgets[0].left === usd(2));
  await assert.rejects(agent.budgets.reserve("run", { amount: usd(4), runId: "run-1", reservationId }), (refused: unknown) =>
    refused instanceof ConflictError && refused.code === "reservation_conflict");
  await assert.rejects(agent.budgets.reserve("none", { amount: 1 }), NotFoundError);
  await assert.rejects(agent.budgets.get("reservation-none"), NotFoundError);
  await assert.rejects(agent.budgets.reserve("run", { amount: 0.5, runId: "run-1" }), ValidationError);
  await assert.rejects(agent.budgets.reserve("run", { estimate: { model: "none", inputTokens: 1 }, runId: "run-1" }), (refused: unknown) =>
    refused instanceof ValidationError && refused.code === "model_unpriced");
  await agent.budgets.release(reservationId);
  await assert.rejects(agent.budgets.commit(reservationId, 1), (refused: unknown) => refused instanceof ConflictError && refused.code === "reservation_settled");
});

test("An operator raises a cap once for one id, and a rebuild finds no drift", async () => {
  const { person } = await scene();

  await person.budgets.topUp("day", usd(5), "month's end", { topUpId: "top-up-0001" });
  const { cap, toppedUp } = await person.budgets.topUp("day", usd(5), "month's end", { topUpId: "top-up-0001" });

  assert.deepEqual([cap, toppedUp], [usd(55), usd(5)]);
  assert.equal((await until("the ledger is there", async () => {
    const rebuilt = await person.budgets.rebuild("day");
    return rebuilt.driftBefore === undefined ? undefined : rebuilt;
  })).driftBefore, 0);
});

test("An approval is asked for, seen, given once and used once", async () => {
  const { agent, person } = await scene();
  const wanted = { resource: newResource(), metadata: { cost: 24 }, runId: "run-1" };

  const asked = await agent.approvals.request("refund", { ...wanted, reason: "refund #42" });
  assert.deepEqual([asked.state, asked.agentId, asked.resource, asked.metadata, asked.group, asked.reason], ["pending", "agent", wanted.resource, { cost: 24 }, "finance", "refund #42"]);
  assert.equal((await agent.approvals.request("refund", { ...wanted, reason: "refund #42" })).approvalId, asked.approvalId);
  const waiting = agent.approvals.wait(asked.approvalId, { timeout: 20_000 });
  await person.approvals.approve(asked.approvalId, { approver: "ann", comment: "go", valid: 60_000 });
  const { state, votes } = await waiting;
  assert.deepEqual([state, votes.map(({ approver, vote, comment }) => [approver, vote, comment])], ["approved", [["ann", "approve", "go"]]]);

  const shown = { ...wanted, approvalId: asked.approvalId };
  const decision = await agent.policies.check("refund", shown);
  assert.deepEqual([decision.allowed, decision.obligations?.approval?.approvalId, decision.obligations?.approval?.by], [true, asked.approvalId, ["ann"]]);
  const again = await agent.policies.check("refund", shown);
  assert.deepEqual([again.decision, again.reasons[0]?.effect, again.reasons[0]?.code], ["deny", "approval", "APPROVAL_CONSUMED"]);
  const listed = await until("the use is written down", async () => {
    const found = await all(person.approvals.list({ action: "refund", state: "consumed", limit: 1 }));
    return found.length > 0 ? found : undefined;
  });
  assert.deepEqual(listed.map(one => one.approvalId), [asked.approvalId]);
});

test("A request is denied, cancelled and revoked, and says so to whoever decides too late", async () => {
  const { agent, person } = await scene();
  const ask = () => agent.approvals.request("refund", { resource: newResource(), metadata: { cost: 21 } });
  const [one, two, three] = [await ask(), await ask(), await ask()];

  assert.equal((await person.approvals.deny(one.approvalId, { approver: "ann" })).state, "denied");
  assert.equal((await agent.approvals.cancel(two.approvalId)).state, "cancelled");
  await person.approvals.approve(three.approvalId, { approver: "ann" });
  assert.equal((await person.approvals.revoke(three.approvalId, { approver: "ann" })).state, "revoked");

  await assert.rejects(person.approvals.approve(two.approvalId, { approver: "ann" }), (refused: unknown) =>
    refused instanceof ConflictError && refused.code === "approval_closed" && refused.state === "cancelled");
  await assert.rejects(agent.approvals.request("refund", { metadata: { cost: 1 } }), (refused: unknown) =>
    refused instanceof ConflictError && refused.code === "approval_not_needed");
  await assert.rejects(agent.approvals.get("none"), NotFoundError);
});

test("A standing grant says yes beforehand as often as it may, and ends", async () => {
  const { agent, person } = await scene();

  const { grantId } = await person.approvals.grant("finance", "refund", { expiresIn: 60_000, uses: 1, condition: "metadata.cost <= 25", approver: "ann" });
  const allowed = await agent.policies.check("refund", { metadata: { cost: 25 } });
  const other = await agent.policies.check("refund", { metadata: { cost: 25 } });

  assert.deepEqual([allowed.obligations?.approval?.grantId, allowed.obligations?.approval?.usesLeft, other.decision], [grantId, 0, "require_approval"]);
  const next = await person.approvals.grant("finance", "refund", { expiresIn: 60_000, uses: 3, approver: "ann" });
  assert.equal((await person.approvals.revokeGrant(next.grantId, { approver: "ann" })).state, "revoked");
  await until("the use is written down", async () => {
    const states = new Map((await all(person.approvals.grants())).map(grant => [grant.grantId, `${grant.state} ${grant.used}`]));
    return states.get(grantId) === "used_up 1" && states.get(next.grantId) === "revoked 0";
  });
  await assert.rejects(person.approvals.revokeGrant("none", { approver: "ann" }), NotFoundError);
});

for (const resource of [true, false]) {
  const kind = resource ? "with a resource" : "without a resource";
  const options = (cost: number): GuardOptions => ({ action: "refund", metadata: { cost }, ...(resource && { resource: newResource() }) });

  test(`A guard ${kind} goes through the whole chain, and holds nothing while people think`, async () => {
    const { agent, person } = await scene();
    const wanted = options(30);
    let seen: unknown;

    const running = agent.guard({
      ...wanted, onApproval: "wait",
      onWaiting: async () => (seen = [agent.held.length, (await person.budgets.usage("day")).held]),
    }, async guard => {
      assert.ok(guard.granted, guard.text ?? "");
      assert.deepEqual([guard.reservations.length, guard.reservations[0]?.amount, agent.held.length], [1, usd(30), resource ? 1 : 0]);
      assert.equal((await person.budgets.usage("day")).held, usd(30));
      guard.spent(usd(29.5));
      return guard.approvalId;
    });
    await until("it says that it waits", async () => seen);
    const approvalId = await decide(person, "approve");

    assert.equal(await running, approvalId);
    assert.deepEqual(seen, [0, 0]);
    const { spent, held } = await person.budgets.usage("day");
    assert.deepEqual([spent, held, agent.held.length], [usd(29.5), 0, 0]);
    await until("the use is written down", async () => (await person.approvals.get(approvalId)).state === "consumed");
  });

  test(`A guard ${kind} that people say no to is a denial, and takes nothing`, async () => {
    const { agent, person } = await scene();
    const running = agent.guard({ ...options(30), onApproval: "wait" }, guard => [guard.granted, guard.text]);
    await decide(person, "deny");

    const [isGranted, text] = await running;

    assert.equal(isGranted, false);
    assert.match(String(text), /^Not done: refund\. The approval \S+ was denied\./);
    const { spent, held } = await person.budgets.usage("day");
    assert.deepEqual([spent, held], [0, 0]);
  });

  test(`A guard ${kind} denies, and the same one runs after the yes`, async () => {
    const { agent, person } = await scene();
    const wanted = options(30);
    const missing = await agent.guard(wanted, guard => guard.denial?.approval?.approvalId);
    assert.equal(await agent.guard(wanted, guard => guard.approvalId), missing);
    await person.approvals.approve(missing!, { approver: "ann" });

    assert.deepEqual(await agent.guard(wanted, guard => [guard.granted, guard.approvalId]), [true, missing]);
    assert.equal(await agent.guard(wanted, guard => guard.granted), false);
  });

  test(`A guard ${kind} whose budget is used up says what is left`, async () => {
    const { agent, person } = await scene();
    await agent.budgets.commit((await agent.budgets.reserve("day", { amount: usd(40) })).reservationId, usd(40));

    await agent.guard(options(15), guard => {
      assert.ok(!guard.granted);
      assert.deepEqual([guard.denial.code, guard.denial.retryable, guard.decision?.reasons[0]?.effect], ["policy_denied", true, "budget"]);
      assert.match(guard.text, /^Not done: refund\. day .*10.*50.*15.* Try again in about \d+ s\.$/);
    });

    assert.equal((await person.budgets.usage("day")).held, 0);
  });

  test(`A guard ${kind} counts in full what its failed body did not report`, async () => {
    const { agent, person } = await scene();

    await assert.rejects(agent.guard(options(7), () => { throw new RangeError("out of paper"); }), RangeError);

    const { spent, held } = await person.budgets.usage("day");
    assert.deepEqual([spent, held], [usd(7), 0]);
  });
}

test("What was reserved for a lease that never came is free again", async () => {
  const { agent, person } = await scene();
  const resource = newResource();
  const lease = await person.locks.acquire(resource);
  const stop = new AbortController();

  await agent.guard({ action: "refund", resource, metadata: { cost: 7 }, wait: 500 }, guard => assert.equal(guard.denial?.code, "lock_timeout"));
  assert.equal((await person.budgets.usage("day")).held, 0);
  await agent.guard({ action: "refund", resource, metadata: { cost: 7 }, wait: 0 }, guard => assert.equal(guard.denial?.code, "lock_held"));
  assert.equal((await person.budgets.usage("day")).held, 0);
  const waiting = agent.guard({ action: "refund", resource, metadata: { cost: 7 }, signal: stop.signal }, () => assert.fail("It was given up."));
  await until("it waits", async () => (await person.locks.queue(resource)).queueLength === 1);
  stop.abort(new Error("I changed my mind"));
  await assert.rejects(waiting, /I changed my mind/);

  assert.equal((await person.budgets.usage("day")).held, 0);
  await lease.release();
});
