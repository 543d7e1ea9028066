"""Three agents want one customer: the most urgent goes first, and each hears what it waits for."""

import asyncio

from protomesh import ProtoMesh, QueuedLock


async def agent(mesh: ProtoMesh, name: str, priority: int, order: list[str]) -> None:
    def tell(queued: QueuedLock) -> None:
        holder = queued.blocked_by[0] if queued.blocked_by else None
        if holder is not None:
            print(f"{name} is number {queued.position}, behind {holder.agent_id} ({holder.reason})")

    async with mesh.lock("customer/queue", agent_id=name, priority=priority, on_queued=tell):
        order.append(name)


async def main() -> None:
    order: list[str] = []
    async with ProtoMesh() as mesh:
        async with mesh.lock("customer/queue", agent_id="holder", reason="monthly report") as held:
            waiting = [
                asyncio.create_task(agent(mesh, name, priority, order))
                for name, priority in (("low", 1), ("high", 9), ("middle", 5))
            ]
            while (await mesh.locks.queue("customer/queue")).queue_length < 3:
                await asyncio.sleep(0.05)
            first = (await mesh.locks.queue("customer/queue")).waiting[0]
            print("next:", first.agent_id)
            held.report_progress("the last page")
        await asyncio.gather(*waiting)
    print("order", " ".join(order))


if __name__ == "__main__":
    asyncio.run(main())
