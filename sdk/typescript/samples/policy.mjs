// @ts-check
// An agent asks before it spends. A no says what would change it, in data for the program and in a text for the model.
import { ProtoMesh } from "@protomesh/sdk";

const mesh = new ProtoMesh({ agentId: "policy-sample" });

const decision = await mesh.policies.check("spend", { metadata: { estimated_cost: 500, agent_role: "junior" } });
console.log(`${decision.decision}: ${decision.reason}`);
console.log(`It would take: ${decision.reasons.flatMap(reason => reason.toChange ?? []).join(" and ")}`);

/** What a tool of an agent looks like: it always returns a text for the model. */
async function refund(/** @type {number} */ amount) {
  return mesh.guard({ action: "refund", resource: "customer/policy-sample", metadata: { estimated_cost: amount } }, guard =>
    guard.granted ? `Refunded $${amount} under the token ${typeof guard.lease?.fencingToken}.` : guard.text);
}

console.log(await refund(120));
console.log(await refund(40));
await mesh.close();
