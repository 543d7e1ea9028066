import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import { type Lease, LeaseLostError, type MeshError, type ProtoMesh } from "../src/index.js";
import { granted, problem, problemOf, released, renewed } from "./rig/answers.js";
import { type Answer, FaultServer, never, type Received } from "./rig/fault-server.js";
import { until } from "./rig/poll.js";

const servers: FaultServer[] = [];
const clients: ProtoMesh[] = [];
afterEach(async () => {
  await Promise.all(clients.splice(0).map(mesh => mesh.close()));
  await Promise.all(servers.splice(0).map(server => server.stop()));
});

interface Script {
  readonly grant?: Record<string, unknown>;
  readonly renew?: (request: Received) => Answer | Promise<Answer>;
  readonly release?: () => Answer | Promise<Answer>;
}

/** A service that grants at once, each time another lease. */
async function serve({ grant, renew, release }: Script): Promise<{ server: FaultServer; mesh: ProtoMesh }> {
  let grants = 0;
  const server = await FaultServer.start(request => {
    if (request.path === "/v1/locks") {
      return granted({ resource: request.body.resource, lock_id: `request-${++grants}.0`, fencing_token: 99 + grants, ...grant });
    }
    if (request.path.endsWith("/renew")) {
      return renew?.(request) ?? never;
    }
    return release?.() ?? released();
  });
  const mesh = server.client();
  servers.push(server);
  clients.push(mesh);
  return { server, mesh };
}

/** What the batch call answers when all is well. */
function renewAll(request: Received, more: Record<string, unknown>): Answer {
  const leases = request.body.locks as { lock_id: string }[];
  return { json: { results: leases.map(({ lock_id }) => renewed({ lock_id, ...more })) } };
}

test("A lease that is renewed lives on", async () => {
  const { server, mesh } = await serve({ grant: { expires_in_ms: 600 }, renew: request => renewAll(request, { expires_in_ms: 600, waiters: { count: 2, top_priority: 8 } }) });
  const lease = await mesh.locks.acquire("customer/123");

  await until("six renewals", () => server.to("/v1/locks/renew").length >= 6);

  assert.ok(lease.isHeld && !lease.lost && !lease.signal.aborted);
  assert.deepEqual(lease.waiters, { count: 2, topPriority: 8 });
  assert.deepEqual(server.to("/v1/locks/renew")[0]!.body, { locks: [{ lock_id: "request-1.0", fencing_token: 100 }] });
});

test("When renewals hang, the lease is lost before the service can free it", async () => {
  const { mesh } = await serve({ grant: { expires_in_ms: 400 } });
  const started = performance.now();
  const lease = await mesh.locks.acquire("customer/123");

  await new Promise(lost => lease.signal.addEventListener("abort", lost));

  // The service counted from after the sending, so it frees the resource after this at the earliest.
  assert.ok(performance.now() - started < 400 + 60, "with what a busy machine adds");
  assert.ok(lease.signal.reason instanceof LeaseLostError);
  assert.deepEqual([lease.isHeld, lease.lost, lease.remaining, lease.signal.reason.endedBecause], [false, true, 0, "expired"]);
  assert.match(lease.signal.reason.message, /^The lease of customer\/123 was not renewed before its deadline/);
  assert.throws(() => lease.throwIfLost(), { code: "lease_lost" });
});

test("After the event loop was blocked a look at the clock tells the truth", async () => {
  const { mesh } = await serve({ grant: { expires_in_ms: 300 } });
  const lease = await mesh.locks.acquire("customer/123");
  const signal = lease.signal;
  const blocked = performance.now() + 320;
  while (performance.now() < blocked) {
    // Nothing else runs: no timer and no answer.
  }

  assert.equal(lease.isHeld, false);
  assert.equal(signal.aborted, true);
  assert.deepEqual(mesh.held, []);
});

test("A slow answer shortens the lease by the time that it took", async () => {
  const server = await FaultServer.start(async request => {
    await until("a while", () => performance.now() > started + 300);
    return request.path === "/v1/locks" ? granted({ expires_in_ms: 1_000 }) : never;
  });
  servers.push(server);
  const mesh = server.client();
  clients.push(mesh);
  const started = performance.now();

  const lease = await mesh.locks.acquire("customer/123");

  assert.ok(lease.remaining < 700, `${lease.remaining} ms`);
});

test("An answer that comes when nothing is left is a lease that is lost", async () => {
  const { mesh } = await serve({ grant: { expires_in_ms: 0 } });

  const lease = await mesh.locks.acquire("customer/123");

  assert.ok(lease.lost && lease.signal.aborted && !lease.isHeld);
});

for (const code of ["lease_lost", "lock_unknown", "lock_ended", "token_mismatch"]) {
  test(`A renewal that says ${code} ends the lease at once`, async () => {
    const { mesh } = await serve({
      grant: { expires_in_ms: 1_500 },
      renew: request => ({ json: { results: (request.body.locks as unknown[]).map(() => ({ lock_id: "request-1.0", problem: problemOf(code, { ended_because: "force_released" }) })) } }),
    });
    const lease = await mesh.locks.acquire("customer/123");

    await new Promise(lost => lease.signal.addEventListener("abort", lost));

    assert.deepEqual([lease.signal.reason.code, lease.signal.reason.endedBecause], ["lease_lost", "force_released"]);
    assert.deepEqual(mesh.held, []);
  });
}

test("A renewal that fails is tried again until the deadline", async () => {
  let tries = 0;
  const { mesh } = await serve({
    grant: { expires_in_ms: 1_200 },
    renew: request => (++tries < 3 ? { reset: true } : renewAll(request, {})),
  });
  const lease = await mesh.locks.acquire("customer/123");

  await until("it is renewed for 30 s", () => lease.remaining > 2_000);

  assert.ok(lease.isHeld);
});

test("A result that is no answer at all is tried again and ends nothing", async () => {
  let tries = 0;
  const { mesh } = await serve({
    grant: { expires_in_ms: 1_200 },
    renew: request => (++tries === 1 ? { json: { results: [] } } : renewAll(request, {})),
  });
  const lease = await mesh.locks.acquire("customer/123");

  await until("it is renewed for 30 s", () => lease.remaining > 2_000);

  assert.equal(tries, 2);
});

test("A renewal that a release overtakes is no loss", async () => {
  let answerRenewal: () => void = () => {};
  const { server, mesh } = await serve({
    grant: { expires_in_ms: 900 },
    renew: async request => {
      await new Promise<void>(resolve => (answerRenewal = resolve));
      const leases = request.body.locks as { lock_id: string }[];
      return { json: { results: leases.map(({ lock_id }) => ({ lock_id, problem: problemOf("lease_lost", { state: "released" }) })) } };
    },
    release: async () => {
      // The renewal's answer is here first.
      answerRenewal();
      await new Promise(resolve => setTimeout(resolve, 100));
      return released();
    },
  });
  const lease = await mesh.locks.acquire("customer/123");
  await until("a renewal is on its way", () => server.to("/v1/locks/renew").length === 1);

  await lease.release();

  assert.ok(!lease.lost && !lease.signal.aborted);
});

test("A call that hangs holds up only its own leases", async () => {
  const { server, mesh } = await serve({
    grant: { expires_in_ms: 900 },
    renew: request => (JSON.stringify(request.body).includes("request-1.0") ? never : renewAll(request, { expires_in_ms: 900 })),
  });
  const first = await mesh.locks.acquire("customer/1");
  await until("the first renewal hangs", () => server.to("/v1/locks/renew").length === 1);
  const second = await mesh.locks.acquire("customer/2");

  await until("the first is lost", () => first.lost);

  await until("the second was renewed alone", () => server.to("/v1/locks/renew").some(request => !JSON.stringify(request.body).includes("request-1.0")));
  assert.ok(second.isHeld);
});

test("What is due at about the same time goes in one call of at most 1,000", async () => {
  const { server, mesh } = await serve({ grant: { expires_in_ms: 6_000 }, renew: request => renewAll(request, {}) });
  const leases: Lease[] = [];
  const started = performance.now();
  while (leases.length < 1_300) {
    leases.push(...await Promise.all(Array.from({ length: 50 }, (_, index) => mesh.locks.acquire(`customer/${leases.length + index}`))));
  }

  await until("all were renewed", () => leases.every(lease => lease.remaining > 7_000));

  // A third of 6 s is an interval; a busy machine may need several until all are there.
  const intervals = 1 + (performance.now() - started) / 2_000;
  const sizes = server.to("/v1/locks/renew").map(request => (request.body.locks as unknown[]).length);
  assert.ok(sizes.length <= 5 * intervals, `${sizes.length} calls in ${intervals} intervals`);
  assert.ok(Math.max(...sizes) <= 1_000);
});

test("A burst whose answers were slow, so that each is due as it comes, is gathered", async () => {
  const { server, mesh } = await serve({ renew: request => renewAll(request, {}) });
  const slow = server.client({
    fetch: async (input, init) => {
      const response = await fetch(input, init);
      if (String(input).endsWith("/v1/locks")) {
        await new Promise(arrived => setTimeout(arrived, 1_100 + Math.random() * 300));
      }
      return response;
    },
  });
  clients.push(slow);
  await mesh.close();

  const leases = await Promise.all(Array.from({ length: 100 }, (_, index) => slow.locks.acquire(`customer/${index}`, { ttl: 3_000 })));
  await until("all were renewed", () => server.to("/v1/locks/renew").flatMap(request => request.body.locks as unknown[]).length >= leases.length);

  assert.ok(server.to("/v1/locks/renew").length <= 20, `${server.to("/v1/locks/renew").length} calls`);
});

test("What the service does not take for now is sent again after a pause", async () => {
  const { server, mesh } = await serve({ renew: () => problem("mode_conflict") });
  const lease = await mesh.locks.acquire("customer/123", { autoRenew: false });

  lease.reportProgress("1 of 3");
  await until("it was sent", () => server.to("/v1/locks/request-1.0/renew").length === 1);
  await new Promise(passed => setTimeout(passed, 800));

  // A tenth of the 30 s that are left.
  assert.equal(server.to("/v1/locks/request-1.0/renew").length, 1);
});

test("A lease whose maximal hold is near is not renewed past it and says why it ended", async () => {
  const end = new Date(Date.now() + 400).toISOString();
  const { server, mesh } = await serve({ grant: { expires_in_ms: 400, expires_at: end, hold_ends_at: end } });
  const lease = await mesh.locks.acquire("customer/123");

  await until("it is over", () => lease.lost);

  assert.equal(server.to("/v1/locks/renew").length, 0);
  assert.equal(lease.signal.reason.endedBecause, "max_hold");
});

test("With autoRenew off only the caller renews", async () => {
  const { server, mesh } = await serve({ grant: { expires_in_ms: 600 }, renew: () => ({ json: renewed({ expires_in_ms: 900 }) }) });
  const lease = await mesh.locks.acquire("customer/123", { autoRenew: false, ttl: 600 });

  await lease.renew();
  await until("it is over", () => lease.lost);

  assert.deepEqual(server.requests.map(request => request.path), ["/v1/locks", "/v1/locks/request-1.0/renew"]);
  assert.deepEqual(server.requests[1]!.body, { fencing_token: 100, ttl_ms: 600 });
  await assert.rejects(lease.renew(), LeaseLostError);
});

test("Progress is sent in the background, and only the last text counts", async () => {
  const { server, mesh } = await serve({ renew: () => ({ json: renewed() }) });
  const lease = await mesh.locks.acquire("customer/123", { autoRenew: false });

  lease.reportProgress("1 of 3");
  lease.reportProgress("2 of 3");
  await until("it was sent", () => server.requests.length === 2);

  assert.equal(server.requests[1]!.body.progress, "2 of 3");
});

test("A text that the service does not take is not in the way of the next renewal", async () => {
  const { server, mesh } = await serve({
    grant: { expires_in_ms: 1_200 },
    renew: request => (request.path === "/v1/locks/renew" ? renewAll(request, {}) : problem("validation_failed")),
  });
  const lease = await mesh.locks.acquire("customer/123");

  lease.reportProgress("x".repeat(1_000));

  await until("it is renewed for 30 s", () => lease.remaining > 2_000);
  assert.equal(server.to("/v1/locks/request-1.0/renew").length, 1);
});

test("A release is told once, and a loss that it brings is thrown", async () => {
  const { server, mesh } = await serve({});
  const other = await serve({ release: () => problem("lease_lost", { ended_because: "expired" }) });
  const lease = await mesh.locks.acquire("customer/123");
  const lost = await other.mesh.locks.acquire("customer/123");

  await lease.release("done");
  await lease.release();

  assert.equal(server.requests.length, 2);
  assert.deepEqual([lease.isHeld, lease.lost, lease.signal.aborted, mesh.held.length], [false, false, false, 0]);
  assert.throws(() => lease.throwIfLost(), { code: "lease_lost", message: /released by this process/ });
  await assert.rejects(lost.release(), (error: MeshError) => error instanceof LeaseLostError && error.endedBecause === "expired");
  assert.ok(lost.signal.aborted);
});

test("await using releases and never throws", async () => {
  const { server, mesh } = await serve({ release: () => problem("lease_lost") });
  {
    await using lease = await mesh.locks.acquire("customer/123");
    assert.ok(lease.isHeld);
  }

  assert.equal(server.to("/v1/locks/request-1.0/release").length, 1);
});

test("withLock returns what the body returns and releases", async () => {
  const { server, mesh } = await serve({});

  const token = await mesh.withLock("customer/123", lease => lease.fencingToken);

  assert.equal(token, 100);
  assert.deepEqual(server.requests.map(request => request.path), ["/v1/locks", "/v1/locks/request-1.0/release"]);
  assert.equal(server.requests[1]!.body.note, undefined);
});

test("withLock releases after a failed body with a note of its type", async () => {
  const { server, mesh } = await serve({});
  const failure = new RangeError("secret detail");

  await assert.rejects(mesh.withLock("customer/123", { action: "refund" }, () => { throw failure; }), (error: unknown) => error === failure);

  assert.equal(server.requests[1]!.body.note, "refund failed: RangeError");
});

test("A loss while the body of withLock runs aborts its signal and is thrown", async () => {
  const { mesh } = await serve({ grant: { expires_in_ms: 300 } });

  await assert.rejects(
    mesh.withLock("customer/123", (_, signal) => new Promise((_resolve, reject) => signal.addEventListener("abort", () => reject(signal.reason as Error)))),
    LeaseLostError);
  // Also when the body did not listen.
  await assert.rejects(mesh.withLock("customer/123", lease => until("lost", () => lease.lost)), LeaseLostError);
});

test("A caller that gives up during the body of withLock gets its own reason", async () => {
  const { server, mesh } = await serve({});
  const stop = new AbortController();
  const reason = new Error("I changed my mind");

  await assert.rejects(
    mesh.withLock("customer/123", { signal: stop.signal }, (_, signal) => {
      stop.abort(reason);
      signal.throwIfAborted();
    }),
    (error: unknown) => error === reason);

  assert.equal(server.requests[1]!.body.note, "The work was cancelled");
});

test("Closing a client tells what it still holds and releases nothing", async () => {
  const warnings: string[] = [];
  const { server } = await serve({});
  const mesh = server.client({ logger: { warn: text => warnings.push(text) } });
  const [lease] = [await mesh.locks.acquire("customer/1"), await mesh.locks.acquire("customer/2")];
  await (await mesh.locks.acquire("customer/3")).release();
  const before = server.requests.length;

  await mesh.close();
  await mesh.close();

  assert.equal(warnings.length, 1);
  assert.match(warnings[0]!, /tester was closed while it held customer\/1, customer\/2\./);
  assert.equal(server.requests.length, before);
  assert.ok(lease.isHeld);
});
