import assert from "node:assert/strict";
import { test } from "node:test";
import type { GuardOptions, ProtoMesh } from "../src/index.js";
import { problem, queued, released } from "./rig/answers.js";
import { allowed, grantedWith, reservation, reserved } from "./rig/chain.js";
import { type Answer, FaultServer, never, type Received } from "./rig/fault-server.js";
import { until } from "./rig/poll.js";

/** A service that reserves, and answers the rest as one would. */
async function serve(taken: readonly Record<string, unknown>[], more: (request: Received) => Answer | Promise<Answer> | undefined = () => undefined): Promise<FaultServer> {
  return FaultServer.start(request => more(request) ?? (
    request.path === "/v1/policies/check" ? allowed({ budget: taken })
    : request.path === "/v1/locks" ? grantedWith({ budget: taken })
    : request.path.startsWith("/v1/budgets") ? reservation(request)
    : released()));
}

/** What a service was told of reservations, in the order of their ids. */
function settled(server: FaultServer): unknown[] {
  return server.requests.filter(({ path }) => path.startsWith("/v1/budgets")).map(({ path, body }) => [path.replace("/v1/budgets/reservations/", ""), body]).sort();
}

const refund: GuardOptions = { action: "refund", metadata: { estimated_cost: 500 }, runId: "run-1" };

for (const resource of [undefined, "customer/123"]) {
  const kind = resource === undefined ? "A guard without a resource" : "A guard with a resource";

  test(`${kind} commits what was told`, async () => {
    const server = await serve([reserved("r-1")]);

    const seen = await server.client({ namespace: "payments" }).guard({ ...refund, resource }, guard => {
      guard.spent({ actual: 1, reservationId: "r-1" });
      guard.spent(120);
      return guard.reservations;
    });

    assert.deepEqual(seen.map(({ reservationId, amount, unit, budgets }) => [reservationId, amount, unit, budgets[0]?.name]), [["r-1", 500, "usd", "team-day"]]);
    assert.deepEqual(settled(server), [["r-1/commit", { namespace: "payments", actual: 120 }]]);
    assert.equal(server.requests[0]!.body.run_id, "run-1");
    await server.stop();
  });

  test(`${kind} commits the whole amount of what nobody told, also when its body fails`, async () => {
    for (const body of [() => "done", () => { throw new RangeError("out of paper"); }]) {
      const server = await serve([reserved("r-1"), reserved("r-1-2", 7, "calls")]);

      await server.client().guard({ ...refund, resource }, body).catch((fault: Error) => assert.equal(fault.message, "out of paper"));

      assert.deepEqual(settled(server), [["r-1-2/commit", { actual: 7 }], ["r-1/commit", { actual: 500 }]]);
      await server.stop();
    }
  });

  test(`${kind} releases what it has reserved when its body never begins`, async () => {
    const stop = new AbortController();
    const server = await serve([reserved("r-1")], request => {
      if (request.path === "/v1/policies/check" || request.path === "/v1/locks") {
        // The grant is on its way when the caller changes its mind.
        setTimeout(() => stop.abort(new Error("I changed my mind")), 0);
      }
      return undefined;
    });
    const mesh = server.client({ fetch: async (input, init) => {
      const answer = await fetch(input, { ...init, signal: null });
      return new Promise(resolve => setTimeout(() => resolve(answer), 20));
    } });
    let ran = false;

    await assert.rejects(mesh.guard({ ...refund, resource, signal: stop.signal }, () => (ran = true)), /I changed my mind/);

    assert.equal(ran, false);
    const asked = (server.requests[0]!.body as { request_id: string }).request_id;
    const ids = settled(server).map(one => (one as [string])[0]);
    assert.ok(ids.includes("r-1/release") || ids.includes(`${asked}/release`), ids.join(" "));
    assert.ok(ids.every(id => id.endsWith("/release")), ids.join(" "));
    await server.stop();
  });
}

test("What was reserved under an answer that never came is given back by the request's id, and asked for again", async () => {
  const stop = new AbortController();
  let unknown = 1;
  const server = await serve([], request =>
    request.path === "/v1/policies/check" ? never
    : request.path.endsWith("-3/release") || (request.path.endsWith("/release") && unknown-- > 0) ? problem("reservation_unknown")
    : undefined);
  const guarding = server.client().guard({ ...refund, signal: stop.signal }, () => "done");
  await until("it asks", () => server.requests.length === 1);
  const { request_id: asked } = server.requests[0]!.body as { request_id: string };

  stop.abort(new Error("I changed my mind"));

  await assert.rejects(guarding, /I changed my mind/);
  assert.deepEqual(server.requests.slice(1).map(({ path }) => path), ["", "", "-2", "-3"].map(rule => `/v1/budgets/reservations/${asked}${rule}/release`));
  await server.stop();
});

test("What was reserved for a wait that ends without a grant is released", async () => {
  const taken = { decision_id: "d", policy: { name: "p", version: 1, sha256: "" }, obligations: { budget: [reserved("r-1")] } };
  const server = await serve([], request =>
    request.path === "/v1/locks" ? queued({ decision: taken }) : request.path.endsWith("/wait") ? problem("lock_timeout") : undefined);

  await server.client().guard({ ...refund, resource: "customer/123", wait: 1_000 }, guard => assert.equal(guard.denial?.code, "lock_timeout"));

  assert.deepEqual(settled(server), [["r-1/release", {}]]);
  await server.stop();
});

for (const code of ["lock_timeout", "policy_denied"]) {
  test(`What was reserved for a wait within a single call is given back when that ends with ${code}`, async () => {
    const server = await serve([], request =>
      request.path === "/v1/locks" ? problem(code, { lock_id: "request-1.0" }) : request.path.endsWith("-2/release") ? problem("reservation_unknown") : undefined);

    await server.client().guard({ ...refund, resource: "customer/123", wait: 1_000 }, guard => assert.equal(guard.denial?.code, code));

    const { request_id: asked } = server.requests[0]!.body as { request_id: string };
    assert.deepEqual(settled(server), [[`${asked}-2/release`, {}], [`${asked}/release`, {}]]);
    await server.stop();
  });
}

test("A refusal that took nothing gives nothing back", async () => {
  for (const resource of [undefined, "customer/123"]) {
    const server = await serve([], request => (request.path.startsWith("/v1/budgets") ? undefined : problem("validation_failed")));

    await server.client().guard({ ...refund, resource }, guard => assert.equal(guard.denial?.code, "validation_failed"));

    assert.equal(server.requests.length, 1);
    await server.stop();
  }
});

test("Zero, and the usage of a model, say what was spent of every reservation", async () => {
  const server = await serve([reserved("r-1"), reserved("r-2", 9_000, "tokens")]);
  const usage = { model: "m", inputTokens: 10, cachedInputTokens: 2, outputTokens: 3 };

  await server.client().guard(refund, guard => guard.spent(0));
  await server.client().guard(refund, guard => guard.spent({ usage }));

  assert.deepEqual(settled(server), [
    ["r-1/commit", { actual: 0 }], ["r-1/commit", { usage: { model: "m", input_tokens: 10, cached_input_tokens: 2, output_tokens: 3 } }],
    ["r-2/commit", { actual: 0 }], ["r-2/commit", { usage: { model: "m", input_tokens: 10, cached_input_tokens: 2, output_tokens: 3 } }],
  ]);
  await server.stop();
});

test("What is no amount, or not of one reservation, or too late is refused at once and changes nothing", async () => {
  const server = await serve([reserved("r-1"), reserved("r-2", 9_000, "tokens")]);
  let late: (() => void) | undefined;

  await server.client().guard(refund, guard => {
    for (const wrong of [-1, 0.5, Number.NaN, Infinity, 2 ** 53, "5" as never, {}, { reservationId: "r-1" }]) {
      assert.throws(() => guard.spent(wrong), /What was spent is/);
    }
    assert.throws(() => guard.spent(5), /reservations in usd and tokens: name the one/);
    assert.throws(() => guard.spent({ actual: 5, reservationId: "r-3" }), /has no reservation r-3/);
    late = () => guard.spent(1);
  });

  assert.throws(late!, /The guard is over/);
  assert.deepEqual(settled(server), [["r-1/commit", { actual: 500 }], ["r-2/commit", { actual: 9_000 }]]);
  await server.stop();
});

test("Without a reservation, as under a policy that has no budgets, telling what was spent does nothing", async () => {
  const server = await serve([]);

  await server.client().guard(refund, guard => guard.spent(5));

  assert.equal(server.requests.length, 1);
  await server.stop();
});

test("A usage that is not taken counts in full, and a warning says so", async () => {
  const warnings: string[] = [];
  const server = await serve([reserved("r-1")], ({ body, path }) => (path.endsWith("/commit") && body.usage ? problem("model_unpriced") : undefined));

  await server.client({ logger: { warn: text => warnings.push(text) } }).guard(refund, guard => guard.spent({ usage: { model: "m" } }));

  assert.deepEqual(settled(server), [["r-1/commit", { usage: { model: "m" } }], ["r-1/commit", { actual: 500 }]].sort());
  assert.match(warnings[0]!, /reservation r-1 of 500 usd for the rule pay, its usage was not taken, so that it counts in full/);
  await server.stop();
});

test("What cannot be settled is a warning, and neither the result nor the lease is lost by it", async () => {
  const warnings: string[] = [];
  const server = await serve([reserved("r-1")], request =>
    request.path.startsWith("/v1/budgets") ? problem("reservation_settled")
    : request.path === "/v1/locks" ? grantedWith({ budget: [reserved("r-1")] }, { expires_in_ms: 1_000 }) : undefined);
  const mesh: ProtoMesh = server.client({ logger: { warn: text => warnings.push(text) } });

  assert.equal(await mesh.guard({ ...refund, resource: "customer/123" }, () => "refunded"), "refunded");

  assert.match(warnings[0]!, /reservation r-1 .+ could not be told what came of it: It is reservation_settled/);
  assert.equal(mesh.held.length, 0);
  await server.stop();
});

test("A client that is closed in the body still tells what it cost", async () => {
  const server = await serve([reserved("r-1")]);
  const mesh = server.client();

  await mesh.guard(refund, async guard => {
    guard.spent(120);
    await mesh.close();
  });

  assert.deepEqual(settled(server), [["r-1/commit", { actual: 120 }]]);
  await server.stop();
});

test("A commit whose answer is lost is repeated, and goes on after the caller has given up", async () => {
  const stop = new AbortController();
  let resets = 2;
  const server = await serve([reserved("r-1")], request => (request.path.endsWith("/commit") && resets-- > 0 ? { reset: true } : undefined));

  await assert.rejects(server.client({ retryFor: 0 }).guard({ ...refund, signal: stop.signal }, (_guard, signal) => {
    stop.abort(new Error("I changed my mind"));
    signal.throwIfAborted();
  }), /I changed my mind/);

  assert.deepEqual(settled(server), Array.from({ length: 3 }, () => ["r-1/commit", { actual: 500 }]));
  await server.stop();
});
