import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { LeaseLostError, lostText } from "../src/index.js";
import { granted, problem, problemOf, released } from "./rig/answers.js";
import { FaultServer } from "./rig/fault-server.js";
import { until } from "./rig/poll.js";
import { newResource, Service } from "./rig/service.js";

let service: Service;
before(async () => (service = await Service.shared()));
after(() => service.stop());

test("A guard of an allowed action holds the resource while the body runs", async () => {
  const mesh = service.client("agent");
  const resource = newResource();

  const result = await mesh.guard({ action: "refund", resource, metadata: { estimated_cost: 20 } }, async guard => {
    assert.ok(guard.granted && guard.lease);
    assert.equal((await mesh.locks.get(guard.lease.lockId)).action, "refund");
    assert.equal(guard.decision?.policy.name, "starter");
    assert.deepEqual([guard.denial, guard.text, guard.unprotected, mesh.held.length], [null, null, false, 1]);
    return "refunded";
  });

  assert.equal(result, "refunded");
  assert.deepEqual((await mesh.locks.queue(resource)).heldBy, []);
});

test("A guard of a denied action is a denial with a text for the model", async () => {
  const mesh = service.client("agent");
  const text = "Not done: spend. Cost $500 exceeds limit $100 for role user. It would be allowed with: metadata.estimated_cost <= 100. "
    + "Read the reasons; each says what would change the answer.";
  for (const resource of [newResource(), undefined]) {
    await mesh.guard({ action: "spend", resource, metadata: { estimated_cost: 500 } }, guard => {
      assert.ok(!guard.granted);
      assert.equal(guard.text, text);
      assert.deepEqual([guard.denial.code, guard.denial.retryable, guard.denial.problem.status, guard.lease], ["policy_denied", false, 403, null]);
      assert.equal(guard.decision?.reasons[0]?.rule, "spend-limit");
    });
  }
});

test("A guard of something held says who holds it and when to come again", async () => {
  const [mesh, other] = [service.client("agent"), service.client("holder")];
  const resource = newResource();
  const lease = await other.locks.acquire(resource, { reason: "refund #42", ttl: 20_000 });

  await mesh.guard({ action: "refund", resource, wait: 0 }, guard => {
    assert.equal(guard.denial?.code, "lock_held");
    assert.match(guard.text!, /^Not done: refund\. .+ is held by holder \(refund #42\) for .+; you would be 1st\. Wait by sending wait_ms, or do other work\. Try again in about \d+ s\.$/);
  });
  await mesh.guard({ action: "refund", resource, wait: 200 }, guard => assert.equal(guard.denial?.code, "lock_timeout"));
  await lease.release();
});

test("A guard without a resource only asks the policy", async () => {
  await service.client("agent").guard({ action: "read" }, guard =>
    assert.deepEqual([guard.granted, guard.lease, (guard.decision as { allowed: boolean }).allowed], [true, null, true]));
});

for (const code of ["queue_full", "validation_failed", "store_unavailable", "internal_error", "request_id_conflict"]) {
  test(`A guard turns ${code} into a denial`, async () => {
    const server = await FaultServer.start(request => (request.path.endsWith("cancel") ? problem("lock_unknown") : problem(code)));

    const seen = await server.client({ retryFor: 300 }).guard({ action: "refund", resource: "customer/1", wait: 0 }, guard => guard.denial);

    assert.deepEqual([seen?.code, seen?.problem.detail], [code, `It is ${code}.`]);
    assert.match(seen!.text, new RegExp(`^Not done: refund\\. It is ${code}\\. `));
    await server.stop();
  });
}

test("A guard is closed when the service is away, unless the call says that it is open", async () => {
  const warnings: string[] = [];
  const server = await FaultServer.start(() => ({ reset: true }));
  const mesh = server.client({ retryFor: 50, logger: { warn: text => warnings.push(text) } });
  const options = { action: "refund", resource: "customer/1", wait: 0 };

  await mesh.guard(options, guard => assert.deepEqual([guard.granted, guard.denial?.code, guard.denial?.retryable], [false, "unreachable", true]));
  assert.deepEqual(warnings, []);
  await mesh.guard({ ...options, onUnavailable: "open" }, guard =>
    assert.deepEqual([guard.granted, guard.unprotected, guard.lease, guard.decision], [true, true, null, null]));

  assert.match(warnings[0]!, /refund goes on without a lock and without a decision/);
  await server.stop();
});

test("An open guard still obeys a service that answers", async () => {
  await service.client("agent").guard({ action: "spend", metadata: { estimated_cost: 500 }, onUnavailable: "open" }, guard => assert.equal(guard.granted, false));
});

test("Only the caller's own change of mind is thrown", async () => {
  const mesh = service.client("agent");
  const resource = newResource();
  const lease = await mesh.locks.acquire(resource);
  const stop = new AbortController();
  const reason = new Error("I changed my mind");
  let ran = false;
  const waiting = mesh.guard({ action: "refund", resource, signal: stop.signal }, () => (ran = true));
  await until("it waits", async () => (await mesh.locks.queue(resource)).queueLength === 1);

  stop.abort(reason);

  await assert.rejects(waiting, (error: unknown) => error === reason);
  await assert.rejects(mesh.guard({ action: "read", signal: stop.signal }, () => (ran = true)), (error: unknown) => error === reason);
  assert.equal(ran, false);
  assert.equal((await mesh.locks.queue(resource)).queueLength, 0);
  await lease.release();
});

test("A failed body releases with a note that names the action and the type of the error", async () => {
  const mesh = service.client("agent");
  const resource = newResource();
  const failure = new RangeError("secret detail");

  await assert.rejects(mesh.guard({ action: "refund", resource }, () => { throw failure; }), (error: unknown) => error === failure);

  await mesh.withLock(resource, lease => assert.equal(lease.previous?.note, "refund failed: RangeError"));
});

test("A loss while the body runs aborts its signal, gives the text for the model, and is thrown at the end", async () => {
  const server = await FaultServer.start(request => (request.path === "/v1/locks" ? granted({ expires_in_ms: 1_000 })
    : request.path === "/v1/locks/renew" ? { json: { results: [{ lock_id: "request-1.0", problem: problemOf("lease_lost", { detail: "An operator ended it." }) }] } }
    : released()));
  const mesh = server.client();
  let text: string | null = null;

  const guarded = mesh.guard({ action: "refund", resource: "customer/123" }, async (guard, signal) => {
    assert.equal(guard.text, null);
    await new Promise(lost => signal.addEventListener("abort", lost));
    text = guard.text;
    assert.ok(signal.reason instanceof LeaseLostError);
    return "done";
  });

  await assert.rejects(guarded, (error: unknown) => error instanceof LeaseLostError && lostText("refund", error) === text);
  assert.equal(text, "refund may be half done: An operator ended it. Stop writing, send a new request, and look at the resource before you go on.");
  await server.stop();
});

test("An approval that is required names the group", async () => {
  const decision = {
    decision_id: "d", decision: "require_approval", allowed: false, reason: "A person has to see this.",
    policy: { name: "p", version: 1, sha256: "" }, reasons: [{ rule: "r", code: "R", effect: "require_approval", message: "m", at: "p:1:1", retry_after_ms: 1_500 }],
    facts: {}, audit_only: [], approval: { group: "finance", quorum: 1, expires_in_ms: 60_000 },
  };
  const server = await FaultServer.start(() => ({ json: decision }));

  await server.client().guard({ action: "refund" }, guard => {
    assert.equal(guard.text, "Not done: refund. A person has to see this. A person of the group finance has to approve this; do other work until then. Try again in about 2 s.");
    assert.deepEqual([guard.denial?.retryable, guard.denial?.retryAfterMs], [true, 1_500]);
  });
  await server.stop();
});

test("A closed client is not a service that is away: also a guard that is open denies", async () => {
  const mesh = service.client("agent");
  await mesh.close();

  for (const resource of [newResource(), undefined]) {
    await mesh.guard({ action: "refund", resource, onUnavailable: "open" }, guard =>
      assert.deepEqual([guard.granted, guard.unprotected, guard.denial?.retryable], [false, false, false]));
  }
});
