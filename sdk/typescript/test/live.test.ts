import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { LockHeldError, LockTimeoutError, LeaseLostError, type MeshError, NotFoundError, ValidationError } from "../src/index.js";
import { all, first, until } from "./rig/poll.js";
import { newResource, Service } from "./rig/service.js";

let service: Service;
before(async () => (service = await Service.shared()));
after(() => service.stop());

test("A waiter with higher priority is granted first", async () => {
  const [mesh, other] = [service.client("first"), service.client("other")];
  const resource = newResource();
  const order: string[] = [];
  const lease = await mesh.locks.acquire(resource);
  const hold = (name: string, priority: number) => other.withLock(resource, { agentId: name, priority }, () => order.push(name));
  const low = hold("low", 2);
  await until("low waits", async () => (await mesh.locks.queue(resource)).queueLength === 1);
  const high = hold("high", 9);
  await until("high waits", async () => (await mesh.locks.queue(resource)).queueLength === 2);

  await lease.release("over to you");
  await Promise.all([low, high]);

  assert.deepEqual(order, ["high", "low"]);
});

test("The next holder reads the note and has a higher token", async () => {
  const resource = newResource();
  const one = await service.client("first").locks.acquire(resource);
  await one.release("invoice 7 is half paid");

  const two = await service.client("other").locks.acquire(resource);

  assert.ok(two.fencingToken > one.fencingToken);
  assert.deepEqual({ ...two.previous, endedAt: null }, { agentId: "first", ended: "released", note: "invoice 7 is half paid", endedAt: null });
  await two.release();
});

test("A try of something held is null, and a zero wait says who holds it", async () => {
  const [mesh, other] = [service.client("first"), service.client("other")];
  const resource = newResource();
  const lease = await mesh.locks.acquire(resource, { reason: "refund #42", labels: { my_label: "x" } });

  assert.equal(await other.locks.tryAcquire(resource), null);
  await assert.rejects(other.locks.acquire(resource, { wait: 0 }), (refusal: MeshError) =>
    refusal instanceof LockHeldError && refusal.position === 1 && refusal.blockedBy.length === 1
    && refusal.blockedBy[0]?.agentId === "first" && refusal.blockedBy[0].reason === "refund #42");
  assert.deepEqual((await mesh.locks.get(lease.lockId)).labels, { my_label: "x" });
  await lease.release();
});

test("A wait ends with a time-out", async () => {
  const mesh = service.client("first");
  const resource = newResource();
  const lease = await mesh.locks.acquire(resource);

  await assert.rejects(mesh.locks.acquire(resource, { wait: 300 }), LockTimeoutError);

  assert.equal((await mesh.locks.queue(resource)).queueLength, 0);
  await lease.release();
});

test("A lease lives on after its time to live, and ends when its client is gone", async () => {
  const [mesh, other] = [service.client("first"), service.client("other")];
  const resource = newResource();
  const lease = await mesh.locks.acquire(resource, { ttl: 1_000 });
  const next = other.locks.acquire(resource);
  await until("the lease has outlived its time to live twice", async () => ((await mesh.locks.get(lease.lockId)).heldMs ?? 0) > 2_500);
  assert.ok(lease.isHeld);
  assert.deepEqual(lease.waiters, { count: 1, topPriority: 5 });

  await mesh.close();
  const taken = await next;

  assert.ok(lease.signal.aborted);
  assert.equal(taken.previous?.ended, "expired");
  await taken.release();
});

test("Several resources are held together", async () => {
  const mesh = service.client("first");
  const [one, two] = [newResource(), newResource()];
  const lease = await mesh.locks.acquire([one, { resource: two, mode: "shared" }]);

  assert.deepEqual(lease.resources, [one, two]);
  assert.equal(lease.resource, null);
  assert.equal(await mesh.locks.tryAcquire(one), null);
  const shared = await mesh.locks.tryAcquire(two, { mode: "shared" });
  assert.ok(shared);
  await Promise.all([lease.release(), shared.release()]);
  assert.deepEqual(mesh.held, []);
});

test("Slots are taken until they are all taken", async () => {
  const mesh = service.client("first");
  const resource = newResource("pool");
  const slots = { mode: "slots", capacity: 3 } as const;
  const leases = [await mesh.locks.acquire(resource, { ...slots, units: 2 }), await mesh.locks.acquire(resource, slots)];

  assert.equal(await mesh.locks.tryAcquire(resource, slots), null);
  await Promise.all(leases.map(lease => lease.release()));
});

for (const lost of ["/v1/locks", "/release"]) {
  test(`A lost answer to ${lost} does not cost the lease nor is it an error`, async () => {
    let losses = 0;
    const mesh = service.client("first", {
      fetch: async (input, init) => {
        const response = await fetch(input, init);
        if (losses === 0 && new URL(String(input)).pathname.endsWith(lost)) {
          losses++;
          throw new TypeError("fetch failed");
        }
        return response;
      },
    });
    const resource = newResource();

    await mesh.withLock(resource, async () => assert.equal((await mesh.locks.queue(resource)).heldBy.length, 1));

    assert.equal(losses, 1);
    assert.equal((await mesh.locks.queue(resource)).heldBy.length, 0);
  });
}

test("A caller that gives up leaves no waiter behind", async () => {
  const mesh = service.client("first");
  const resource = newResource();
  const lease = await mesh.locks.acquire(resource);
  const stop = new AbortController();
  const waiting = mesh.locks.acquire(resource, { signal: stop.signal });
  await until("it waits", async () => (await mesh.locks.queue(resource)).queueLength === 1);

  stop.abort();
  await assert.rejects(waiting, { name: "AbortError" });

  assert.equal((await mesh.locks.queue(resource)).queueLength, 0);
  await lease.release();
});

test("Abort races with grant: no lease is leaked whoever wins", async () => {
  const mesh = service.client("first");
  const resource = newResource();
  for (let round = 0; round < 30; round++) {
    const lease = await mesh.locks.acquire(resource);
    const stop = new AbortController();
    const waiting = mesh.locks.acquire(resource, { signal: stop.signal, wait: 5_000 }).then(won => won.release(), () => {});
    await until("it waits", async () => (await mesh.locks.queue(resource)).queueLength === 1);
    const released = lease.release();
    setTimeout(() => stop.abort(), Math.random() * 6);

    await Promise.all([released, waiting]);

    const { heldBy, queueLength } = await mesh.locks.queue(resource);
    assert.deepEqual([heldBy, queueLength, mesh.held], [[], 0, []], `round ${round}`);
  }
});

test("A transferred lease is the receiver's", async () => {
  const mesh = service.client("first");
  const resource = newResource();
  const lease = await mesh.locks.acquire(resource);

  const given = await lease.transfer("second", "run-2");

  assert.deepEqual([given.agentId, given.sessionId, lease.isHeld, lease.lost], ["second", "run-2", false, false]);
  assert.deepEqual(await mesh.fences.validate(resource, given.fencingToken), { valid: true, reason: "held" });
  assert.deepEqual(await mesh.fences.validate(resource, lease.fencingToken), { valid: false, reason: "superseded" });
  assert.equal((await mesh.locks.cancel(given.lockId)).state, "released");
});

test("An operator's force release ends a lease and says why", async () => {
  const [mesh, operator] = [service.client("first"), service.client("operator")];
  const resource = newResource();
  const lease = await mesh.locks.acquire(resource, { ttl: 1_500 });

  const { released } = await operator.locks.forceRelease(resource, { reason: "it hangs", immediate: true });
  await until("the holder learns of it", () => lease.lost);

  assert.equal(released[0]?.agentId, "first");
  assert.equal((lease.signal.reason as LeaseLostError).endedBecause, "force_released");
  await assert.rejects(lease.release(), LeaseLostError);
});

test("A waiter is seen, explained, moved up and cancelled", async () => {
  const [mesh, other] = [service.client("first"), service.client("other")];
  const resource = newResource();
  const lease = await mesh.locks.acquire(resource, { reason: "refund #42" });
  const queued = withResolvers<string>();
  const waiting = other.locks.acquire(resource, { onQueued: place => queued.resolve(place.lockId), requestId: `request-${Date.now()}` });
  const lockId = await queued.promise;

  assert.equal((await mesh.locks.explain(lockId)).blockedBy[0]?.reason, "refund #42");
  assert.equal((await mesh.locks.reprioritize(lockId, 9)).priority, 9);
  assert.deepEqual((await all(mesh.locks.list({ state: "queued", agentId: "other" }))).map(one => one.lockId), [lockId]);
  assert.ok((await all(mesh.locks.resources({ type: "customer" }))).some(one => one.resource === resource && one.queueLength === 1));
  assert.equal((await mesh.locks.dryRun(resource)).grantedNow, false);
  assert.equal((await mesh.locks.cancelRequest((await mesh.locks.get(lockId)).lockId.split(".")[0]!, resource)).state, "cancelled");
  await assert.rejects(waiting, { code: "lock_ended" });
  await lease.release();
});

test("Lists are read page by page", async () => {
  const mesh = service.client("first", { namespace: `pages-${process.pid}` });
  const leases = await Promise.all(Array.from({ length: 7 }, () => mesh.locks.acquire(newResource())));

  assert.equal((await all(mesh.locks.list({ limit: 3 }))).length, 7);
  assert.equal((await first(2, mesh.locks.list({ limit: 1 }))).length, 2);
  assert.equal((await all(mesh.locks.resources({ limit: 2 }))).length, 7);
  await Promise.all(leases.map(lease => lease.release()));
});

test("What happened to a resource is told, newest first", async () => {
  const mesh = service.client("first");
  const resource = newResource();
  await mesh.withLock(resource, () => {});

  const types = await until("it is written down", async () => {
    const events = await all(mesh.locks.history(resource));
    return events.length === 2 ? events.map(one => one.type) : undefined;
  });

  assert.deepEqual(types, ["lock.released", "lock.granted"]);
});

test("A request that breaks a rule says which", async () => {
  await assert.rejects(service.client("first").locks.acquire("no type", { priority: 12 }), (error: MeshError) =>
    error instanceof ValidationError && error.errors.map(one => one.field).sort().join() === "priority,resource"
    && error.errors.some(one => one.value === 12));
  await assert.rejects(service.client("first").locks.get("nobody-knows.0"), NotFoundError);
});

test("Health says what the service is", async () => {
  const report = await service.client("first").health();

  assert.equal(report.status, "healthy");
  assert.equal(report.store.state, "ok");
});

function withResolvers<T>() {
  let resolve!: (value: T) => void;
  const promise = new Promise<T>(done => (resolve = done));
  return { promise, resolve };
}
