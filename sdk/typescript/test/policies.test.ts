import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { type MeshError, NotFoundError, ValidationError } from "../src/index.js";
import { all, until } from "./rig/poll.js";
import { newResource, Service } from "./rig/service.js";

let service: Service;
before(async () => (service = await Service.shared()));
after(() => service.stop());

const document = (limit: number) => `apiVersion: protomesh.dev/policy/v1
name: spending
defaults: { effect: allow }
metadata:
  estimated_cost: { type: number, min: 0, default: 0 }
rules:
  - id: limit
    actions: ["spend"]
    when: "metadata.estimated_cost > ${limit}"
    effect: deny
    message: "'Too dear'"
`;

test("A deny is an answer that says what would change it", async () => {
  const decision = await service.client("junior").policies.check("spend", { metadata: { estimated_cost: 500, agent_role: "junior" } });

  assert.deepEqual([decision.decision, decision.allowed, decision.reason], ["deny", false, "Cost $500 exceeds limit $100 for role junior"]);
  assert.deepEqual(decision.reasons[0]?.toChange, ["metadata.estimated_cost <= 100"]);
  assert.equal(decision.reasons[0]?.values?.["metadata.estimated_cost"], 500);
  assert.equal(decision.facts["agent.role"], "claimed");
});

test("Questions are asked together and answered each", async () => {
  const [read, spend, wrong] = await service.client("junior").policies.checkBatch(
    ["read", { action: "spend", metadata: { estimated_cost: 500 } }, { action: "" }]);

  assert.equal(read?.decision?.allowed, true);
  assert.equal(spend?.decision?.allowed, false);
  assert.equal(wrong?.problem?.code, "validation_failed");
});

test("A lease is shown with a question about its resource", async () => {
  const mesh = service.client("holder");
  const resource = newResource();
  const bodies: Record<string, unknown>[] = [];
  const watching = service.client("other", {
    fetch: (input, init) => {
      bodies.push(JSON.parse(String(init?.body)) as Record<string, unknown>);
      return fetch(input, init);
    },
  });

  await mesh.withLock(resource, async lease => assert.equal((await watching.policies.check("read", { lease, dryRun: true })).dryRun, true));

  assert.deepEqual([bodies[0]?.agent_id, bodies[0]?.resource, typeof bodies[0]?.fencing_token], ["holder", resource, "number"]);
});

test("A policy lives: validated, kept, activated, compared and gone back from", async () => {
  const { policies } = service.client("author", { namespace: `life-${process.pid}` });
  const validation = await policies.validate(document(10));
  assert.deepEqual([validation.valid, validation.name, validation.rules], [true, "spending", 1]);

  const one = await policies.put("spending", document(10), { author: "ann", comment: "first" });
  const two = await policies.put("spending", document(20));
  assert.deepEqual([one.version, one.author, two.version, two.active], [1, "ann", 2, false]);
  assert.deepEqual((await all(policies.versions("spending", { limit: 1 }))).map(version => version.version), [2, 1]);
  assert.equal((await policies.get("spending", 1)).document, document(10));

  const { active } = await policies.list();
  const activation = await policies.activate("spending", 1, { ifMatch: active.revision, by: "ann" });
  assert.deepEqual([activation.version, activation.by, activation.revision], [1, "ann", active.revision + 1]);
  await until("the service decides by it", async () => !(await policies.check("spend", { metadata: { estimated_cost: 15 } })).allowed);
  await assert.rejects(policies.activate("spending", 2, { ifMatch: active.revision }), { code: "precondition_failed" });
  await policies.activate("spending", 2, { ifMatch: "*" });
  await until("the service decides by the other", async () => (await policies.check("spend", { metadata: { estimated_cost: 15 } })).allowed);

  const diff = await policies.diff("spending", 1, 2);
  assert.deepEqual(diff.rules, { added: [], removed: [], changed: ["limit"] });
});

test("A policy with errors says where", async () => {
  const { policies } = service.client("author");

  await assert.rejects(policies.validate("rules: 5"), (error: MeshError) =>
    error instanceof ValidationError && error.code === "policy_invalid" && error.errors.length > 0);
  await assert.rejects(policies.get("nobody", 1), NotFoundError);
  await assert.rejects(all(policies.versions("nobody")), { code: "policy_unknown" });
});

test("Decisions are written down and found again", async () => {
  const namespace = `decisions-${process.pid}`;
  const { policies } = service.client("junior", { namespace });
  const asked = [];
  for (let cost = 500; cost < 503; cost++) {
    asked.push((await policies.check("spend", { metadata: { estimated_cost: cost } })).decisionId);
  }

  const listed = await until("they are written down", async () => {
    const decisions = await all(policies.decisions({ decision: "deny", action: "spend", limit: 2 }));
    return decisions.length === 3 ? decisions : undefined;
  });
  const whole = await policies.decision(asked[0]!);

  assert.deepEqual(listed.map(one => one.decisionId), asked.reverse());
  assert.equal((whole.inputs as { metadata: { estimated_cost: number } }).metadata.estimated_cost, 500);
  await assert.rejects(policies.decision("nobody"), { code: "decision_unknown" });
});
