// @ts-check
// The whole way of a piece of work: a lock, a second agent that waits, a hand-over to another process by ticket, an operator
// who steps in, and what the journal tells afterwards.
import { LeaseLostError, ProtoMesh } from "@protomesh/sdk";

const resource = `case/walkthrough-${process.pid}`;
const ann = new ProtoMesh({ agentId: "ann" });
const bob = new ProtoMesh({ agentId: "bob" });

console.log("1. ann takes the case");
const lease = await ann.locks.acquire(resource, { reason: "first look", ttl: 5_000 });

console.log("2. bob tries, and is told who has it");
console.log(`   free for bob: ${(await bob.locks.tryAcquire(resource)) !== null}`);
const verdict = await bob.locks.dryRun(resource);
console.log(`   bob would be number ${verdict.position}, behind ${verdict.blockedBy[0]?.agentId} (${verdict.blockedBy[0]?.reason})`);

console.log("3. a person has to answer, so ann's lease becomes a ticket");
const ticket = JSON.stringify(lease.ticket());

console.log("4. another process takes it up and goes on under the same token");
const worker = new ProtoMesh({ agentId: "ann's worker" });
const attached = await worker.attach(ticket);
console.log(`   the same token: ${attached.fencingToken === lease.fencingToken}, held: ${attached.isHeld}`);
console.log(`   a write under it is valid: ${(await worker.fences.validate(resource, attached.fencingToken)).valid}`);

console.log("5. bob waits, and an operator ends the hold");
const waiting = bob.locks.acquire(resource, { wait: 20_000 });
await new ProtoMesh({ agentId: "operator" }).locks.forceRelease(resource, { reason: "the customer called", immediate: true });
while (!attached.signal.aborted) {
  await new Promise(worked => setTimeout(worked, 50)); // a small piece of work, then a look
}
console.log(`   the worker stops: ${attached.signal.reason instanceof LeaseLostError}`);

const next = await waiting;
console.log(`6. bob has it; the last hold ended as ${next.previous?.ended}`);
await next.release("done");

console.log("7. the journal knows it all");
/** @type {string[]} */
const types = [];
while (types.at(-1) !== "lock.released") {
  types.length = 0;
  for await (const happened of ann.events.list({ resource })) {
    types.push(happened.type);
  }
}
console.log(`   ${types.join(", ")}`);
await Promise.all([ann.close(), bob.close(), worker.close()]);
