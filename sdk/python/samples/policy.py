"""Ask before something risky, and tell a model why not."""

from protomesh import SyncProtoMesh

POLICY = """
apiVersion: protomesh.dev/policy/v1
name: refunds
defaults: { effect: allow }
metadata:
  amount: { type: number, default: 0 }
rules:
  - id: limit
    actions: ["refund"]
    when: "metadata.amount > 100"
    effect: deny
    message: "'A refund is at most $100'"
tests:
  - name: a small refund
    given: { action: refund, metadata: { amount: 100 } }
    expect: { decision: allow }
"""


def main() -> None:
    with SyncProtoMesh(agent_id="support") as mesh:
        remarks = mesh.policies.validate(POLICY)
        print("rules", remarks.rules, "tests passed", remarks.tests.passed)
        for amount in (20, 500):
            with mesh.guard("refund", "customer/policy", metadata={"estimated_cost": amount}) as guard:
                print(amount, "done" if guard.granted else guard.text)


if __name__ == "__main__":
    main()
