import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { after, before, test } from "node:test";
import { NotFoundError, type ProtoMesh, UnauthorizedError, UnavailableError, ValidationError } from "../src/index.js";
import { FaultServer } from "./rig/fault-server.js";
import { all } from "./rig/poll.js";
import { newResource, program, Service } from "./rig/service.js";

let service: Service;
let admin: ProtoMesh;
before(async () => {
  const apiKey = execFileSync("dotnet", [program(), "keys", "generate"], { encoding: "utf8" }).trim();
  service = await Service.start({ Auth__BootstrapKey: apiKey });
  admin = service.client("admin", { apiKey });
});
after(() => service.stop());

test("A key is made, speaks for its agent alone, is listed without its text, and ends", async () => {
  const { key, details } = await admin.keys.create("agent", {
    name: "billing", comment: "in production", agentPrefix: "billing-", team: "payments", labels: { role: "senior", camelCase: "kept" }, maxPriority: 7, maxTtl: 60_000,
    expiresAt: new Date(Date.now() + 3_600_000),
  });
  assert.match(key, /^pm_[0-9a-f]{16}_/);
  assert.deepEqual(
    [details.state, details.role, details.namespace, details.agentPrefix, details.team, details.labels, details.maxPriority, details.maxTtlMs],
    ["active", "agent", "default", "billing-", "payments", { role: "senior", camelCase: "kept" }, 7, 60_000]);
  assert.ok(details.scopes.includes("locks:acquire"));

  const agent = service.client("billing-1", { apiKey: key });
  await agent.withLock(newResource(), lease => assert.equal(lease.agentId, "billing-1"));
  await assert.rejects(service.client("other", { apiKey: key }).locks.acquire(newResource()), UnauthorizedError);
  await assert.rejects(agent.keys.get(details.keyId), UnauthorizedError);

  const listed = await all(admin.keys.list({ limit: 1 }));
  const found = listed.find(one => one.keyId === details.keyId);
  assert.equal(found?.name, "billing");
  assert.ok(!JSON.stringify(listed).includes(key));
  assert.equal((await admin.keys.revoke(details.keyId)).state, "revoked");
  assert.equal((await admin.keys.get(details.keyId)).state, "revoked");
  await assert.rejects(agent.locks.acquire(newResource()), (refused: unknown) => refused instanceof UnauthorizedError && refused.code === "unauthorized");
});

test("A rotated key has another text, and the one before ends when it is told to", async () => {
  const { key, details } = await admin.keys.create("viewer", { name: "dashboard" });

  const rotated = await admin.keys.rotate(details.keyId, { overlap: 0 });

  assert.equal(rotated.details.keyId, details.keyId);
  assert.notEqual(rotated.key, key);
  await service.client("viewer", { apiKey: rotated.key }).policies.list();
  await assert.rejects(service.client("viewer", { apiKey: key }).policies.list(), UnauthorizedError);
});

test("What cannot be made or found is said by field and code", async () => {
  await assert.rejects(admin.keys.create("king" as never), (refused: unknown) => refused instanceof ValidationError && refused.errors[0]?.field === "role");
  await assert.rejects(admin.keys.get("0123456789abcdef"), NotFoundError);
  await assert.rejects(admin.keys.rotate("0123456789abcdef"), NotFoundError);
});

test("A key is made once, also when nobody knows whether it was", async () => {
  const server = await FaultServer.start(() => ({ reset: true }));
  const { keys } = server.client();

  await assert.rejects(keys.create("viewer"), UnavailableError);
  await assert.rejects(keys.rotate("0123456789abcdef"), UnavailableError);

  assert.equal(server.requests.length, 2);
  await server.stop();
});
