import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import { LockEndedError, LockHeldError, LockTimeoutError, type MeshError, type QueuedLock } from "../src/index.js";
import { granted, problem, queued, released } from "./rig/answers.js";
import { type Answer, FaultServer, never, type Received } from "./rig/fault-server.js";
import { until } from "./rig/poll.js";

const servers: FaultServer[] = [];
afterEach(() => Promise.all(servers.splice(0).map(server => server.stop())));

async function serve(script: (request: Received) => Answer | Promise<Answer>): Promise<FaultServer> {
  const server = await FaultServer.start(script);
  servers.push(server);
  return server;
}

const givenUp = new Error("I changed my mind");
const isGivenUp = (error: unknown) => error === givenUp;

test("A wait is held open in slices of 8 s under one request", async () => {
  const server = await serve(request => {
    switch (request.number) {
      case 1: return queued();
      case 2: return queued();
      default: return granted();
    }
  });

  await server.client().locks.acquire("customer/123", { wait: 60_000 });

  assert.deepEqual(server.requests.map(request => [request.path, request.headers.prefer]), [
    ["/v1/locks", "wait=8"], ["/v1/locks/request-1.0/wait", "wait=8"], ["/v1/locks/request-1.0/wait", "wait=8"],
  ]);
});

test("Whoever wants to know its place is told at once and after each slice", async () => {
  const server = await serve(request => (request.number < 3 ? queued({ position: 3 - request.number }) : granted()));
  const places: number[] = [];

  await server.client().locks.acquire("customer/123", { onQueued: (place: QueuedLock) => places.push(place.position) });

  assert.deepEqual(places, [2, 1]);
  assert.deepEqual(server.requests.map(request => request.headers.prefer), ["wait=0", "wait=8", "wait=8"]);
});

test("A service that answers early is not called in a tight loop", async () => {
  const server = await serve(request => (request.number <= 4 ? queued() : granted()));
  const started = performance.now();

  await server.client().locks.acquire("customer/123");

  assert.ok(performance.now() - started >= 900, "four rounds of a quarter of a second");
});

test("A request that the service has lost is submitted again under the same id", async () => {
  const server = await serve(request => (request.number === 1 ? queued() : request.number === 2 ? problem("lock_unknown") : granted()));

  await server.client().locks.acquire("customer/123");

  const [first, , again] = server.requests;
  assert.deepEqual(server.requests.map(request => request.path), ["/v1/locks", "/v1/locks/request-1.0/wait", "/v1/locks"]);
  assert.equal(first!.body.request_id, again!.body.request_id);
  assert.ok((again!.body.wait_ms as number) <= 30_000);
});

test("A waiter that was dropped for its silence takes a new place under a new id, unless the id was the caller's", async () => {
  const script = (request: Received) =>
    request.number === 1 ? queued() : request.number === 2 ? problem("lock_ended", { state: "abandoned" }) : granted();
  const server = await serve(script);
  const other = await serve(script);

  await server.client().locks.acquire("customer/123");
  await assert.rejects(other.client().locks.acquire("customer/123", { requestId: "my-request" }), LockEndedError);

  assert.notEqual(server.requests[0]!.body.request_id, server.requests[2]!.body.request_id);
});

test("A caller that gives up takes its request back before the call ends, whatever became of it", async () => {
  const server = await serve(request => (request.path === "/v1/locks" ? never : released("cancelled")));
  const stop = new AbortController();
  const waiting = server.client().locks.acquire("customer/123", { signal: stop.signal, namespace: "billing" });
  await until("the request has come", () => server.requests.length === 1);

  stop.abort(givenUp);
  await assert.rejects(waiting, isGivenUp);

  assert.deepEqual(server.requests[1]!.path, "/v1/locks/cancel");
  assert.deepEqual(server.requests[1]!.body, { request_id: server.requests[0]!.body.request_id, namespace: "billing", resource: "customer/123" });
});

test("A caller that gives up while it waits leaves the queue", async () => {
  const server = await serve(request => (request.path === "/v1/locks" ? queued() : request.path.endsWith("/wait") ? never : released("cancelled")));
  const stop = new AbortController();
  const waiting = server.client().locks.acquire("customer/123", { signal: stop.signal });
  await until("it waits", () => server.to("/v1/locks/request-1.0/wait").length === 1);

  stop.abort(givenUp);
  await assert.rejects(waiting, isGivenUp);

  assert.equal(server.to("/v1/locks/request-1.0/cancel").length, 1);
});

test("A grant that crosses the caller's change of mind is not leaked", async () => {
  const stop = new AbortController();
  const server = await serve(request => (request.path === "/v1/locks" ? granted() : released()));
  const mesh = server.client({
    fetch: async (input, init) => {
      const response = await fetch(input, init);
      const text = await response.text();
      // The last moment before the SDK sees the answer.
      stop.abort(givenUp);
      return new Response(text, response);
    },
  });

  await assert.rejects(mesh.locks.acquire("customer/123", { signal: stop.signal }), isGivenUp);

  assert.equal(server.to("/v1/locks/cancel").length, 1);
  assert.deepEqual(mesh.held, []);
});

test("Taking back asks again before it believes that nothing is there", async () => {
  let cancels = 0;
  const server = await serve(request => (request.path === "/v1/locks" ? never : ++cancels < 3 ? problem("lock_unknown") : released()));
  const stop = new AbortController();
  const waiting = server.client().locks.acquire("customer/123", { signal: stop.signal });
  await until("the request has come", () => server.requests.length === 1);

  stop.abort(givenUp);
  await assert.rejects(waiting, isGivenUp);

  assert.equal(cancels, 3);
});

test("Taking back is bounded when nobody answers", async () => {
  const server = await serve(() => never);
  const stop = new AbortController();
  const waiting = server.client({ attemptTimeout: 60_000 }).locks.acquire("customer/123", { signal: stop.signal });
  await until("the request has come", () => server.requests.length === 1);
  const started = performance.now();

  stop.abort(givenUp);
  await assert.rejects(waiting, isGivenUp);

  assert.ok(performance.now() - started < 6_000);
});

test("A signal that has fired before the call sends nothing", async () => {
  const server = await serve(() => granted());

  await assert.rejects(server.client().locks.acquire("customer/123", { signal: AbortSignal.abort(givenUp) }), isGivenUp);

  assert.equal(server.requests.length, 0);
});

test("A callback that fails takes the request back", async () => {
  const server = await serve(request => (request.path === "/v1/locks" ? queued() : released("cancelled")));

  await assert.rejects(server.client().locks.acquire("customer/123", { onQueued: () => { throw givenUp; } }), isGivenUp);

  assert.equal(server.to("/v1/locks/request-1.0/cancel").length, 1);
});

test("A service whose clock runs slow does not make the caller wait for ever", async () => {
  const server = await serve(request => (request.path.endsWith("/cancel") ? released("cancelled") : queued({ position: 4 })));

  await assert.rejects(server.client().locks.acquire("customer/123", { wait: 200 }), (error: MeshError) =>
    error instanceof LockTimeoutError && error.position === 4 && error.message === "customer/123 could not be had within 0.2 s.");

  assert.equal(server.to("/v1/locks/request-1.0/cancel").length, 1);
});

test("A try that is refused is null, and any other refusal is thrown", async () => {
  const held = await serve(() => problem("lock_held"));
  const denied = await serve(() => problem("policy_denied"));

  assert.equal(await held.client().locks.tryAcquire("customer/123"), null);
  await assert.rejects(held.client().locks.acquire("customer/123", { wait: 0 }), LockHeldError);
  await assert.rejects(denied.client().locks.tryAcquire("customer/123"), { code: "policy_denied" });
  assert.deepEqual([held.requests[0]!.headers.prefer, held.requests[0]!.body.wait_ms], ["wait=0", 0]);
});

test("A client that is closed while it waits takes its request back", async () => {
  const server = await serve(request => (request.path === "/v1/locks" ? never : released("cancelled")));
  const mesh = server.client();
  const waiting = mesh.locks.acquire("customer/123");
  await until("the request has come", () => server.requests.length === 1);

  await mesh.close();
  await assert.rejects(waiting, /This client was closed/);

  assert.equal(server.to("/v1/locks/cancel").length, 1);
});

test("A callback that rejects later gives up as one that throws, and nothing stays behind", async () => {
  const server = await serve(request => (request.path === "/v1/locks" ? queued() : released("cancelled")));

  await assert.rejects(server.client().locks.acquire("customer/123", { onQueued: () => Promise.reject(givenUp) }), isGivenUp);

  assert.equal(server.to("/v1/locks/request-1.0/cancel").length, 1);
});
