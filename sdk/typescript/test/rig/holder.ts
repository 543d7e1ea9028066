// Another process: `attach URL TICKET` takes a lease up and releases it when told so; `acquire URL RESOURCE` takes one and
// ends without a word.
import { createInterface } from "node:readline";
import { ProtoMesh } from "../../src/index.js";

const [what, url, given] = process.argv.slice(2) as [string, string, string];
const mesh = new ProtoMesh({ baseUrls: url, agentId: "another process" });
if (what === "acquire") {
  const lease = await mesh.locks.acquire(given, { ttl: 60_000 });
  console.log(lease.fencingToken);
} else {
  const lease = await mesh.attach(given);
  console.log(JSON.stringify({ agentId: lease.agentId, fencingToken: lease.fencingToken, resource: lease.resource, isHeld: lease.isHeld }));
  for await (const line of createInterface({ input: process.stdin })) {
    if (line === "release") {
      await lease.release("by the other process");
    }
  }
  await mesh.close();
}
