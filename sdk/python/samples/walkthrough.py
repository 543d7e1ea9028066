"""Everything once, in the order in which one meets it."""

import asyncio

from protomesh import LockHeldError, LockTimeoutError, ProtoMesh


async def main() -> None:
    async with ProtoMesh(agent_id="billing") as billing, ProtoMesh(agent_id="support") as support:
        print("service", (await billing.health()).status)

        print("1. hold, and let others see why")
        lease = await billing.locks.acquire("customer/walk", ttl=20, reason="refund #42")
        try:
            await support.locks.acquire("customer/walk", wait=0)
        except LockHeldError as held:
            print("  ", held.problem.blocked_by and held.problem.blocked_by[0].reason)
        print("   would wait:", (await support.locks.dry_run("customer/walk")).position)

        print("2. wait, and give up")
        try:
            await support.locks.acquire("customer/walk", wait=0.2)
        except LockTimeoutError as late:
            print("  ", late.message)

        print("3. leave a note")
        await lease.release("row 70 of 100")
        async with support.lock("customer/walk") as after:
            print("  ", after.previous and after.previous.note, after.fencing_token > lease.fencing_token)

        print("4. give a lease on")
        ticket = (await billing.locks.acquire("customer/walk")).ticket().to_json()
        taken = await support.attach(ticket)
        print("   taken up by another client:", taken.is_held)
        await taken.release()

        print("5. ask the policy")
        decision = await billing.policies.check("spend", metadata={"estimated_cost": 500})
        print("  ", decision.reason)

        print("6. read what happened")
        events = []
        async for event in billing.events.stream(resource="customer/walk", last_event_id=0):
            events.append(event.type)
            if len(events) == 2:
                break
        print("  ", " ".join(events))


if __name__ == "__main__":
    asyncio.run(main())
