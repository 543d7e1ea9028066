import assert from "node:assert/strict";
import { test } from "node:test";
import { fromWire, toWire } from "../src/naming.js";

test("Names are those of the language and back again", () => {
  const wire = { lock_id: "x", expires_in_ms: 1, blocked_by: [{ agent_id: "b", progress: null }], policy: { sha256: "ab" } };

  const here = fromWire(wire);

  assert.deepEqual(here, { lockId: "x", expiresInMs: 1, blockedBy: [{ agentId: "b", progress: null }], policy: { sha256: "ab" } });
  assert.deepEqual(toWire(here), wire);
});

test("What a caller named itself keeps its name", () => {
  const wire = {
    labels: { my_label: "x" }, values: { "metadata.estimated_cost": 5 }, facts: { "agent.my_role": "claimed" }, data: { queue_length: 1 },
    errors: [{ field: "a", rule: "b", value: { my_value: 1 } }],
  };

  assert.deepEqual(fromWire(wire), wire);
  assert.deepEqual(toWire(wire), wire);
});
