import type { ProtoMesh } from "@protomesh/sdk";

/** Lets a policy decide in the client's namespace under which people have to approve what the condition holds for. */
export async function activate(mesh: ProtoMesh, name: string, when: string): Promise<void> {
  const { version } = await mesh.policies.put(name, `
apiVersion: protomesh.dev/policy/v1
name: ${name}
defaults: { effect: allow }
metadata:
  cost: { type: number, default: 0 }
budgets:
  day: { unit: usd, cap: 1000, window: { calendar: day } }
rules:
  - id: pay
    actions: ["*"]
    require: { budget: { names: [day], amount: metadata.cost } }
  - id: people-first
    actions: ["*"]
    when: "${when}"
    effect: require_approval
    approvers: { group: finance }
`);
  await mesh.policies.activate(name, version, { ifMatch: "*" });
}
