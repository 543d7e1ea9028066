"""Hold a customer while it is changed, and hand the fencing token to what is written."""

import asyncio

from protomesh import LeaseLostError, ProtoMesh


class Accounts:
    """A store that refuses whoever holds an older token than it has seen."""

    def __init__(self) -> None:
        self.balance = 1000
        self._token = 0

    def add(self, amount: int, fencing_token: int) -> None:
        """Raises PermissionError for an agent that slept through its lease."""
        if fencing_token < self._token:
            raise PermissionError("a later holder has written already")
        self._token = fencing_token
        self.balance += amount


async def main() -> None:
    accounts = Accounts()
    async with ProtoMesh(agent_id="billing") as mesh:
        try:
            async with mesh.lock("customer/123", wait=30, reason="refund #42") as lease:
                accounts.add(50, lease.fencing_token)
        except LeaseLostError as lost:
            print("half done:", lost.message, lost.next_step)
        print("balance", accounts.balance)


if __name__ == "__main__":
    asyncio.run(main())
