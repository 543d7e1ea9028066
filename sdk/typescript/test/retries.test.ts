import assert from "node:assert/strict";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { afterEach, test } from "node:test";
import { MeshError, NotFoundError, ProtocolError, ProtoMesh, QueueFullError, UnauthorizedError, UnavailableError } from "../src/index.js";
import { granted, problem, problemOf, released } from "./rig/answers.js";
import { type Answer, FaultServer, never, type Received } from "./rig/fault-server.js";

const servers: FaultServer[] = [];
afterEach(() => Promise.all(servers.splice(0).map(server => server.stop())));

async function serve(script: (request: Received) => Answer | Promise<Answer>): Promise<FaultServer> {
  const server = await FaultServer.start(script);
  servers.push(server);
  return server;
}

const well = (request: Received) => (request.path.endsWith("/release") ? released() : granted());
const page = { headers: { "content-type": "text/html; charset=utf-8" }, text: "<html><h1>Bad gateway</h1></html>" };

const faults: Record<string, Answer> = {
  "a store that is away": problem("store_unavailable"),
  "a fault of the service": problem("internal_error"),
  "a broken connection": { reset: true },
  "a body that is cut off": { ...granted(), truncate: 40 },
  "JSON that is broken": { text: '{"lock_id":"request-1.0","reque' },
  "a proxy's error page": { ...page, status: 502 },
  "a proxy's empty 503": { status: 503, headers: { "content-type": "text/plain" }, text: "" },
  "a proxy that gave up": { status: 408, headers: { "content-type": "text/plain" }, text: "" },
  "a proxy that was asked too early": { status: 425, headers: { "content-type": "text/plain" }, text: "" },
  "a proxy that is asked too often": { status: 429, headers: { "content-type": "text/plain" }, text: "slow down" },
};

for (const [name, fault] of Object.entries(faults)) {
  test(`After ${name} the same request is sent again`, async () => {
    const server = await serve(request => (request.path === "/v1/locks" && request.number <= 2 ? fault : well(request)));
    const mesh = server.client();

    const lease = await mesh.locks.acquire("customer/123");

    assert.equal(lease.fencingToken, 100);
    assert.equal(server.requests.length, 3);
    assert.equal(new Set(server.requests.map(request => request.body.request_id)).size, 1);
    await lease.release();
  });
}

test("Retry-After is obeyed", async () => {
  const server = await serve(request =>
    request.number === 1 ? { ...problem("store_recovering"), headers: { "retry-after": "1", "content-type": "application/problem+json" } } : well(request));
  const started = performance.now();

  await (await server.client().locks.acquire("customer/123")).release();

  assert.ok(performance.now() - started >= 950);
});

test("A Retry-After that is longer than the time that is left ends the call at once", async () => {
  const server = await serve(() => ({ status: 503, headers: { "retry-after": "60", "content-type": "text/plain" }, text: "" }));
  const started = performance.now();

  await assert.rejects(server.client().locks.get("x.0"), (error: MeshError) => error instanceof UnavailableError && error.retryAfterMs === 60_000);

  assert.equal(server.requests.length, 1);
  assert.ok(performance.now() - started < 4_000);
});

test("The last failure is thrown when the time is up", async () => {
  const server = await serve(() => problem("store_unavailable"));

  await assert.rejects(server.client({ retryFor: 600 }).locks.get("x.0"), (error: MeshError) => error.code === "store_unavailable");

  assert.ok(server.requests.length >= 2);
});

test("No time for retries is one attempt that may take its time", async () => {
  const slow = (request: Received) => new Promise<Answer>(answer => setTimeout(() => answer(request.path.endsWith("x.0") ? { reset: true } : well(request)), 100));
  const server = await serve(slow);
  const mesh = server.client({ retryFor: 0 });

  const lease = await mesh.locks.tryAcquire("customer/123");
  await lease?.release();
  await assert.rejects(mesh.locks.get("x.0"), /could not be reached/);

  assert.equal(server.requests.length, 3);
  assert.equal(lease?.fencingToken, 100);
});

test("A full queue is told at once", async () => {
  const server = await serve(() => problem("queue_full", { retry_after_ms: 1_000 }));

  await assert.rejects(server.client().locks.acquire("customer/123"), (error: MeshError) => error instanceof QueueFullError && error.retryAfterMs === 1_000);

  assert.equal(server.requests.length, 1);
});

test("A refusal is not repeated", async () => {
  const server = await serve(() => problem("lock_unknown"));

  await assert.rejects(server.client().locks.get("x.0"), NotFoundError);

  assert.equal(server.requests.length, 1);
});

test("A dead replica costs one attempt and no pause, and is not asked again", async () => {
  const server = await serve(well);
  const dead = await freePort();
  const asked: string[] = [];
  const mesh = server.client({
    baseUrls: [dead, server.url],
    fetch: (input, init) => {
      asked.push(new URL(String(input)).origin);
      return fetch(input, init);
    },
  });

  await (await mesh.locks.acquire("customer/123")).release();

  assert.deepEqual(asked, [dead, server.url, server.url]);
});

test("When all replicas are dead the error names one and why", async () => {
  const [one, two] = [await freePort(), await freePort()];
  const mesh = new ProtoMesh({ baseUrls: [one, two], retryFor: 100 });

  await assert.rejects(mesh.health(), (error: MeshError) =>
    error instanceof UnavailableError && error.code === "unreachable" && error.retryable && /ECONNREFUSED/.test(error.message)
    && (error.message.includes(one) || error.message.includes(two)));
});

test("A service that does not answer is given up after the attempt's time", async () => {
  const server = await serve(() => never);

  await assert.rejects(server.client({ attemptTimeout: 100, retryFor: 1_500 }).locks.get("x.0"), /did not answer in time/);

  assert.ok(server.requests.length >= 2);
});

test("A caller's signal ends a call and its pauses with its own reason", async () => {
  const server = await serve(request => (request.path.includes("hang") ? never : problem("store_unavailable")));
  const mesh = server.client({ retryFor: 60_000 });
  const reason = new Error("I changed my mind");
  for (const id of ["hang.0", "pause.0"]) {
    const stop = new AbortController();
    const call = mesh.locks.get(id, { signal: stop.signal });
    setTimeout(() => stop.abort(reason), 50);

    await assert.rejects(call, (error: unknown) => error === reason);
  }
  await assert.rejects(mesh.locks.get("x.0", { signal: AbortSignal.abort(reason) }), (error: unknown) => error === reason);
});

test("One signal serves many calls at once without a warning", async () => {
  const server = await serve(() => granted());
  const warnings: Error[] = [];
  const onWarning = (warning: Error) => void warnings.push(warning);
  process.on("warning", onWarning);
  const { signal } = new AbortController();

  await Promise.all(Array.from({ length: 40 }, () => server.client().locks.get("x.0", { signal })));
  await new Promise(told => setImmediate(told));

  process.off("warning", onWarning);
  assert.deepEqual(warnings, []);
});

test("A page instead of JSON is told so, once", async () => {
  for (const status of [200, 404]) {
    const server = await serve(() => ({ ...page, status }));

    await assert.rejects(server.client().locks.acquire("customer/123"), (error: MeshError) =>
      error instanceof ProtocolError && error.code === "not_protomesh" && !error.retryable
      && error.message === `${server.url} answered text/html instead of JSON: is this a ProtoMesh service? Check the base URL.`);

    assert.equal(server.requests.length, 1);
  }
});

test("JSON of another service is told so", async () => {
  const server = await serve(() => ({ json: { hello: "world" } }));

  await assert.rejects(server.client().locks.acquire("customer/123"), (error: MeshError) => error.code === "not_protomesh");
});

test("A service of another version is told so, whatever it answers", async () => {
  for (const answer of [granted(), problem("lock_held")]) {
    const server = await serve(() => ({ ...answer, headers: { "protomesh-version": "1.4.0" } }));

    await assert.rejects(server.client().locks.acquire("customer/123"), (error: MeshError) =>
      error instanceof ProtocolError && error.code === "version_mismatch" && /ProtoMesh 1\.4\.0/.test(error.message));
  }
});

test("A door that is shut without a word is unauthorized", async () => {
  for (const [status, code] of [[401, "unauthorized"], [403, "forbidden"]] as const) {
    const server = await serve(() => ({ ...page, status }));

    await assert.rejects(server.client().locks.get("x.0"), (error: MeshError) => error instanceof UnauthorizedError && error.code === code);
  }
});

test("A call says who asks, for which namespace and with which key", async () => {
  const server = await serve(well);
  const mesh = server.client({ apiKey: "secret", sessionId: "run-1", namespace: "billing" });

  await (await mesh.locks.acquire("customer/123", { ttl: 2_000, metadata: { my_cost: 5 }, action: "refund" })).release("done");

  const { headers, body } = server.requests[0]!;
  assert.equal(headers.authorization, "Bearer secret");
  assert.match(String(headers["user-agent"]), /^protomesh-typescript\/\d/);
  assert.equal(headers.prefer, "wait=8");
  assert.deepEqual({ ...body, request_id: null }, {
    request_id: null, namespace: "billing", resource: "customer/123", agent_id: "tester", session_id: "run-1", ttl_ms: 2_000, wait_ms: 30_000,
    action: "refund", metadata: { my_cost: 5 },
  });
  assert.deepEqual(server.requests[1]!.body, { fencing_token: 100, note: "done" });
});

test("A base URL below a path keeps it", async () => {
  const server = await serve(() => granted());

  await new ProtoMesh({ baseUrls: `${server.url}/mesh` }).locks.get("x.0");

  assert.equal(server.requests[0]!.path, "/mesh/v1/locks/x.0");
});

test("After closing, a call says that the client was closed", async () => {
  const server = await serve(() => never);
  const mesh = server.client();
  const running = mesh.locks.get("x.0");

  await mesh.close();

  for (const call of [running, mesh.locks.get("x.0")]) {
    await assert.rejects(call, (error: MeshError) => error.message === "This client was closed." && !error.retryable);
  }
});

test("An unhealthy service is an answer", async () => {
  const report = { status: "unhealthy", version: "0.1.0", store: { kind: "redis", state: "away" }, database: {}, policy: {}, access: "open" };
  const server = await serve(() => ({ status: 503, json: report, headers: { "content-type": "application/json" } }));

  assert.equal((await server.client().health()).status, "unhealthy");
  assert.equal(server.requests.length, 1);
});

test("A proxy's 503 is no health report", async () => {
  const server = await serve(() => ({ status: 503, json: problemOf("store_unavailable") }));

  await assert.rejects(server.client({ retryFor: 0 }).health(), UnavailableError);
});

async function freePort(): Promise<string> {
  const server = createServer();
  await new Promise<void>(ready => server.listen(0, "127.0.0.1", ready));
  const { port } = server.address() as AddressInfo;
  await new Promise(done => server.close(done));
  return `http://127.0.0.1:${port}`;
}

test("Ending somebody's lease is sent once, since a second one would end the next holder's", async () => {
  for (const fault of [{ reset: true }, { status: 503, headers: { "content-type": "text/plain" }, text: "" }]) {
    const server = await serve(request => (request.number === 1 ? fault : { json: { ended: [] } }));

    await assert.rejects(server.client().locks.forceRelease("customer/123", { reason: "stuck" }), UnavailableError);

    assert.equal(server.requests.length, 1);
  }
});

test("Ending somebody's lease is sent again where nobody listened", async () => {
  const server = await serve(() => ({ json: { lock_id: "request-1.0" } }));
  const mesh = server.client({ baseUrls: [await nobody(), server.url] });

  await mesh.locks.forceRelease("customer/123", { reason: "stuck" });

  assert.equal(server.to("/v1/resources/force-release").length, 1);
});

test("A redirect is not followed, and its target is named without its path", async () => {
  const elsewhere = await serve(well);
  const server = await serve(() => ({ status: 307, headers: { location: `${elsewhere.url}/v1/locks?secret=1`, "content-type": "text/html" }, text: "" }));
  const told = (error: MeshError) => error instanceof ProtocolError && error.code === "not_protomesh"
    && error.message.includes(`${server.url} answered with a redirect to ${elsewhere.url}, which`);

  await assert.rejects(server.client().locks.acquire("customer/123", { action: "refund", metadata: { iban: "DE00" } }), told);
  await assert.rejects(server.client().events.stream()[Symbol.asyncIterator]().next(), told);

  assert.deepEqual([elsewhere.requests.length, server.to("/v1/locks").length], [0, 1]);
});

test("A duration that is none is refused before anything is sent", async () => {
  const server = await serve(well);
  const mesh = server.client();

  for (const given of [Number.NaN, -1, Infinity]) {
    for (const name of ["wait", "ttl", "maxHold", "drain"]) {
      const refusal = { name: "TypeError", message: `${name} is a number of milliseconds, 0 or more, and not ${given}.` };
      await assert.rejects(mesh.locks.acquire("customer/123", { [name]: given }), refusal);
      await assert.rejects(mesh.locks.dryRun("customer/123", { [name]: given }), refusal);
    }
  }
  await assert.rejects(mesh.guard({ action: "refund", resource: "customer/123", ttl: Number.NaN }, () => {}), TypeError);

  assert.equal(server.requests.length, 0);
});

/** An address that refuses connections. */
async function nobody(): Promise<string> {
  const server = createServer();
  await new Promise<void>(ready => server.listen(0, "127.0.0.1", ready));
  const { port } = server.address() as AddressInfo;
  await new Promise(done => server.close(done));
  return `http://127.0.0.1:${port}`;
}
