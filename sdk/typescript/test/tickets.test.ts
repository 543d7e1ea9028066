import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { after, before, test } from "node:test";
import { LeaseLostError } from "../src/index.js";
import { until } from "./rig/poll.js";
import { newResource, Service } from "./rig/service.js";

let service: Service;
before(async () => (service = await Service.shared()));
after(() => service.stop());

const holder = fileURLToPath(new URL("./rig/holder.js", import.meta.url));

test("A lease goes to another process by its ticket, which keeps it and releases it", async () => {
  const mesh = service.client("giver");
  const resource = newResource();
  // Long enough for another process to start on a busy machine.
  const lease = await mesh.locks.acquire(resource, { ttl: 6_000 });
  const ticket = JSON.stringify(lease.ticket());
  assert.deepEqual([mesh.held, lease.isHeld], [[], true]);
  const child = spawn(process.execPath, [holder, "attach", service.url, ticket], { stdio: ["pipe", "pipe", "inherit"] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();

  const attached = JSON.parse((await lines.next()).value as string) as Record<string, unknown>;
  await lease[Symbol.asyncDispose]();
  await until("the giver's own time is over", () => !lease.isHeld);
  const held = await mesh.fences.validate(resource, lease.fencingToken);
  child.stdin.end("release\n");
  await once(child, "exit");

  assert.deepEqual(attached, { agentId: "giver", fencingToken: lease.fencingToken, resource, isHeld: true });
  assert.deepEqual(held, { valid: true, reason: "held" }, "closing the giver's released nothing, and the other process renewed it");
  assert.deepEqual((await mesh.locks.queue(resource)).heldBy, []);
  assert.match((lease.signal.reason as Error).message, /handed on by a ticket/);
});

test("A ticket of a lease that ended or moved on is lost", async () => {
  const [mesh, other] = [service.client("giver"), service.client("taker")];
  const [one, two] = [await mesh.locks.acquire(newResource()), await mesh.locks.acquire(newResource())];
  const [ended, moved] = [one.ticket(), two.ticket()];
  await mesh.locks.cancel(one.lockId);
  await two.transfer("somebody");

  for (const ticket of [ended, moved, { ...ended, lock_id: "nobody-knows.0" }]) {
    await assert.rejects(other.attach(ticket), (error: unknown) => error instanceof LeaseLostError && error.code === "lease_lost");
  }
  assert.deepEqual(other.held, []);
});

test("A ticket of several resources brings them all", async () => {
  const [mesh, other] = [service.client("giver"), service.client("taker")];
  const resources = [newResource(), newResource()];
  const lease = await mesh.locks.acquire([resources[0]!, { resource: resources[1]!, mode: "slots", capacity: 4, units: 2 }], { sessionId: "run-1" });

  const attached = await other.attach(lease.ticket());

  assert.deepEqual(attached.resources, resources);
  assert.deepEqual(attached.grant.resources?.[1], { resource: resources[1], mode: "slots", capacity: 4, units: 2 });
  assert.deepEqual([attached.agentId, attached.grant.sessionId, other.held.length], ["giver", "run-1", 1]);
  await attached.release();
});

test("A guard's body may hand its lease on", async () => {
  const mesh = service.client("giver");
  const resource = newResource();

  const ticket = await mesh.guard({ action: "refund", resource }, guard => guard.lease!.ticket());

  const attached = await mesh.attach(ticket);
  assert.ok(attached.isHeld);
  await attached.release();
});

test("A process ends although it still holds a lease", async () => {
  const resource = newResource();
  const child = spawn(process.execPath, [holder, "acquire", service.url, resource], { stdio: ["ignore", "pipe", "inherit"] });
  const started = performance.now();
  child.stdout.resume();

  const [code] = (await once(child, "exit")) as [number];

  assert.equal(code, 0);
  assert.ok(performance.now() - started < 20_000, "before the lease's 60 s");
  assert.equal((await service.client("other").locks.queue(resource)).heldBy.length, 1);
});

test("A ticket without a time to live leaves the lease the one that it has", async () => {
  const mesh = service.client("giver");
  const lease = await mesh.locks.acquire(newResource(), { ttl: 20_000 });
  const { ttl_ms: ttl, ...ticket } = lease.ticket();
  assert.equal(ttl, 20_000);

  for (const given of [JSON.stringify(ticket), JSON.stringify({ ...ticket, ttl_ms: null })]) {
    const attached = await mesh.attach(given);
    assert.ok(attached.isHeld && attached.remaining > 15_000 && attached.remaining <= 20_000);
    attached.ticket();
  }
  await assert.rejects(mesh.attach(JSON.stringify({ ...ticket, ttl_ms: "20" })), /a whole ttl_ms/);
  await mesh.locks.cancel(lease.lockId);
});

test("Whoever handed a lease on cannot release it any more", async () => {
  const [mesh, other] = [service.client("giver"), service.client("taker")];
  const resource = newResource();
  const lease = await mesh.locks.acquire(resource);
  const attached = await other.attach(lease.ticket());

  await lease.release("too late");

  assert.equal((await mesh.locks.queue(resource)).heldBy.length, 1);
  await attached.release("by the taker");
});
