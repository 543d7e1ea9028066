import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { MeshEvent } from "../src/index.js";
import { FaultServer, never } from "./rig/fault-server.js";
import { problem } from "./rig/answers.js";
import { all, first, until } from "./rig/poll.js";
import { newResource, Service } from "./rig/service.js";

let service: Service;
before(async () => (service = await Service.shared()));
after(() => service.stop());

test("A stream brings what happens from now on, for one resource", async () => {
  const mesh = service.client("first");
  const resource = newResource();
  await mesh.withLock(resource, () => {});
  await until("it is written down", async () => (await all(mesh.events.list({ resource }))).length === 2);
  let connected = false;
  const reader = service.client("reader", {
    fetch: async (input, init) => {
      const response = await fetch(input, init);
      connected = true;
      return response;
    },
  });
  const reading = first(2, reader.events.stream({ resource }));
  await until("it is connected", () => connected);
  await mesh.withLock(newResource(), () => {});

  await mesh.withLock(resource, () => {});

  const [granted, released] = await reading;
  assert.deepEqual([granted?.type, granted?.resource, released?.type], ["lock.granted", resource, "lock.released"]);
  assert.deepEqual((await all(mesh.events.list({ resource }))).slice(2).map(one => one.id), [granted?.id, released?.id]);
});

test("A stream that breaks goes on after the last event that was read", async () => {
  const mesh = service.client("first");
  const resource = newResource();
  const connections: Headers[] = [];
  let broken = 0;
  const reader = service.client("reader", {
    fetch: async (input, init) => {
      connections.push(new Headers(init?.headers));
      const response = await fetch(input, init);
      // Each of the first connections breaks in the middle of an event.
      return connections.length > 4 ? response : new Response(response.body!.pipeThrough(cutIn("event: lock", () => broken++)), response);
    },
  });
  const seen: MeshEvent[] = [];
  const reading = (async () => {
    for await (const happened of reader.events.stream({ resource })) {
      seen.push(happened);
      if (seen.length === 10) {
        break;
      }
    }
  })();
  await until("it is connected", () => connections.length === 1);

  for (let round = 0; round < 5; round++) {
    await mesh.withLock(resource, () => {});
  }
  // What happened before the first connection stood is not of the stream.
  while (seen.length < 10) {
    await mesh.withLock(resource, () => {});
  }
  await reading;

  const recorded = (await all(mesh.events.list({ resource }))).map(one => one.id);
  const ids = seen.map(one => one.id);
  assert.deepEqual(ids, recorded.slice(recorded.indexOf(ids[0]!), recorded.indexOf(ids[0]!) + 10), "none is missed and none comes twice");
  assert.equal(broken, 4);
  assert.equal(connections[0]!.get("last-event-id"), null);
  assert.ok(connections.slice(1).every(headers => headers.get("last-event-id") !== null));
});

test("A stream of a service that is away waits for it, and one that is refused ends", async () => {
  const server = await FaultServer.start(request =>
    request.number === 1 ? { reset: true } : request.number === 2 ? problem("journal_unavailable") : problem("validation_failed"));

  await assert.rejects(first(1, server.client().events.stream({ type: "x" })), { code: "validation_failed" });

  assert.equal(server.requests.length, 3);
  await server.stop();
});

test("A signal ends a stream with its reason, also while nothing happens", async () => {
  const stop = new AbortController();
  const reason = new Error("enough");
  const reading = first(1, service.client("first").events.stream({ resource: newResource(), signal: stop.signal }));
  setTimeout(() => stop.abort(reason), 200);

  await assert.rejects(reading, (error: unknown) => error === reason);
});

test("Closing the client ends its streams", async () => {
  const server = await FaultServer.start(() => never);
  const mesh = server.client();
  const reading = first(1, mesh.events.stream());
  await until("it is connected", () => server.requests.length === 1);

  await mesh.close();

  await assert.rejects(reading, /This client was closed/);
  await server.stop();
});

test("Leaving the loop closes the connection", async () => {
  const mesh = service.client("first");
  const resource = newResource();
  await mesh.withLock(resource, () => {});
  let signal: AbortSignal | null | undefined;
  const reader = service.client("reader", { fetch: (input, init) => fetch(input, ((signal = init?.signal), init)) });

  await first(1, reader.events.stream({ resource, lastEventId: 0 }));

  assert.equal(signal?.aborted, true);
});

test("Events are listed page by page", async () => {
  const mesh = service.client("first");
  const resource = newResource();
  await mesh.withLock(resource, () => {});
  await mesh.withLock(resource, () => {});

  const events = await until("they are written down", async () => {
    const listed = await all(mesh.events.list({ resource, limit: 1 }));
    return listed.length === 4 ? listed : undefined;
  });

  assert.deepEqual(events.map(one => one.type), ["lock.granted", "lock.released", "lock.granted", "lock.released"]);
  assert.deepEqual((await all(mesh.events.list({ resource, lastEventId: events[1]!.id }))).map(one => one.id), [events[2]!.id, events[3]!.id]);
});

/** Ends the body right after this text was seen, which is in the middle of a block. */
function cutIn(text: string, onCut: () => void): TransformStream<Uint8Array, Uint8Array> {
  const decoder = new TextDecoder();
  return new TransformStream({
    transform(chunk, controller) {
      const at = decoder.decode(chunk).indexOf(text);
      if (at < 0) {
        controller.enqueue(chunk);
        return;
      }
      onCut();
      controller.enqueue(chunk.slice(0, at + text.length));
      controller.terminate();
    },
  });
}
