import assert from "node:assert/strict";
import { test } from "node:test";
import { deadlineOf } from "../src/leases/deadline.js";
import { newRequestId } from "../src/leases/ids.js";
import { readTicket } from "../src/leases/ticket.js";

test("A deadline is counted from the sending, less a margin", () => {
  assert.equal(deadlineOf(1_000, 0, 30_000), 1_000 + 30_000 - 300 - 2);
  assert.equal(deadlineOf(1_000, 8_000, 30_000), 1_000 + 38_000 - 380 - 2);
});

test("A deadline is at or before the sending when nothing is left", () => assert.ok(deadlineOf(1_000, 0, 0) <= 1_000));

test("Request ids are UUIDs of version 7 that nobody makes twice", () => {
  const before = Date.now();
  const ids = Array.from({ length: 5_000 }, newRequestId);

  assert.equal(new Set(ids).size, ids.length);
  assert.ok(ids.every(id => /^[0-9a-f]{12}7[0-9a-f]{3}[89ab][0-9a-f]{15}$/.test(id)));
  assert.ok(ids.every(id => parseInt(id.slice(0, 12), 16) >= before && parseInt(id.slice(0, 12), 16) <= Date.now()));
});

const ticket = { version: 1, lock_id: "a.0", request_id: "a", namespace: "default", resource: "x/1", agent_id: "b", fencing_token: 5, ttl_ms: 9 } as const;

test("A ticket is taken as an object and as JSON", () => {
  assert.deepEqual(readTicket(ticket), ticket);
  assert.deepEqual(readTicket(JSON.stringify(ticket)), ticket);
});

test("What is no ticket is told what it lacks", () => {
  const wrong = { ...ticket, fencing_token: "5", resource: undefined } as never;

  assert.throws(() => readTicket(wrong), { name: "TypeError", message: "The ticket lacks fencing_token, resource." });
  assert.throws(() => readTicket({ ...ticket, version: 2 } as never), /version 1, not 2/);
  assert.throws(() => readTicket("hello"), /not JSON/);
  assert.throws(() => readTicket("null"), /ticket/);
});
