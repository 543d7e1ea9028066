// @ts-check
// Two agents add to one number. Each reads, thinks and writes; the lock keeps them from overwriting each other.
//
//   node basic.mjs        with a service at PROTOMESH_URL, or http://localhost:8000
import { ProtoMesh } from "@protomesh/sdk";

const account = { balance: 0, highestToken: 0 };

/** What a store does that knows fencing tokens: a writer that is too late is refused. */
function write(/** @type {number} */ balance, /** @type {number} */ fencingToken) {
  if (fencingToken < account.highestToken) {
    throw new Error("A newer holder has written already.");
  }
  account.balance = balance;
  account.highestToken = fencingToken;
}

/** @param {string} name */
async function agent(name) {
  const mesh = new ProtoMesh({ agentId: name });
  for (let round = 0; round < 5; round++) {
    await mesh.withLock("account/basic-sample", { reason: `${name} adds 1` }, async lease => {
      const seen = account.balance;
      await new Promise(thought => setTimeout(thought, 20));
      write(seen + 1, lease.fencingToken);
    });
  }
  await mesh.close();
}

await Promise.all([agent("billing"), agent("support")]);
console.log(`10 additions of two agents: ${account.balance}`);
