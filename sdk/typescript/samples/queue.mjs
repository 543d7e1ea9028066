// @ts-check
// Three agents wait for one resource. The most urgent is granted first, and everyone knows its place.
import { ProtoMesh } from "@protomesh/sdk";

const resource = "printer/queue-sample";
const mesh = new ProtoMesh({ agentId: "holder" });
const lease = await mesh.locks.acquire(resource, { reason: "a long report" });

/** @type {string[]} */
const order = [];

/** Waits for its turn, and returns once it stands in the queue. */
async function wait(/** @type {string} */ name, /** @type {number} */ priority) {
  /** @type {Promise<void>} */
  let done = Promise.resolve();
  await new Promise((queued, failed) => {
    const agent = new ProtoMesh({ agentId: name });
    done = agent.withLock(resource, { priority, onQueued: place => queued(place) }, () => void order.push(name)).finally(() => agent.close());
    done.catch(failed);
  });
  return { done };
}

const waiters = [await wait("newsletter", 2), await wait("invoices", 5), await wait("recall notice", 9)];
const { heldBy, waiting } = await mesh.locks.queue(resource);
console.log(`${heldBy[0]?.agentId} prints ${heldBy[0]?.reason}; waiting: ${waiting.map(one => one.agentId).join(", ")}`);
console.log((await mesh.locks.explain(waiting[2]?.lockId ?? "")).sentences.join(" "));

await lease.release("paper tray 2 is empty");
await Promise.all(waiters.map(waiter => waiter.done));
console.log(`printed in this order: ${order.join(", ")}`);
await mesh.close();
