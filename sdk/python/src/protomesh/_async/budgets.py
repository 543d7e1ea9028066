"""Reserves what something may cost, and records what it did cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .._answers.ledger import BudgetPage, BudgetUsage, LedgerEntry, LedgerPage, PriceList, Reservation
from .._requests import TokenUsage, drop_none, new_request_id, to_ms
from .locks import pages
from .runtime import Stream
from .transport import Sender, escape, get, post


class Budgets:
    """``mesh.budgets``. Amounts are whole numbers of the budget's unit; that of ``usd`` is a millionth of a dollar."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    async def reserve(
        self,
        budgets: str | Sequence[str],
        amount: int | None = None,
        *,
        estimate: TokenUsage | Mapping[str, Any] | None = None,
        reservation_id: str | None = None,
        hold: float | None = None,
        run_id: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        agent_id: str | None = None,
        namespace: str | None = None,
    ) -> Reservation:
        """Holds an amount in all these budgets or in none: ``amount``, or what an ``estimate`` costs by the price table.
        It is held for ``hold`` seconds (10 minutes) unless it is committed or released before. The same
        ``reservation_id`` (8-64 of [A-Za-z0-9_-]) is the same reservation, also from another process.

        Raises BudgetExceededError when it does not fit, NotFoundError and ConflictError.
        """
        body = self._body(
            namespace,
            reservation_id=reservation_id or new_request_id(),
            agent_id=agent_id or self._sender.settings.agent_id,
            budgets=[budgets] if isinstance(budgets, str) else list(budgets),
            amount=amount,
            estimate=None if estimate is None else dict(estimate),
            hold_ms=to_ms(hold),
            run_id=run_id,
            metadata=None if metadata is None else dict(metadata),
        )
        return await self._sender.ask(Reservation, post("/v1/budgets/reservations", body))

    async def get(self, reservation_id: str, *, namespace: str | None = None) -> Reservation:
        """A reservation in any state. Raises NotFoundError."""
        return await self._sender.ask(Reservation, get(_path(reservation_id), self._body(namespace)))

    async def commit(
        self,
        reservation_id: str,
        actual: int | None = None,
        *,
        usage: TokenUsage | Mapping[str, Any] | None = None,
        namespace: str | None = None,
    ) -> Reservation:
        """Records what it did cost: ``actual``, or what the ``usage`` of a model costs by the price table; of both, the
        one checks the other. More than was reserved is recorded too, and also after the reservation has expired.

        Raises ConflictError when it was committed with another amount or released.
        """
        body = self._body(namespace, actual=actual, usage=None if usage is None else dict(usage))
        return await self._sender.ask(Reservation, post(f"{_path(reservation_id)}/commit", body))

    async def release(self, reservation_id: str, *, namespace: str | None = None) -> Reservation:
        """Lets go of what is held, since nothing was spent. Raises ConflictError when it was committed."""
        return await self._sender.ask(Reservation, post(f"{_path(reservation_id)}/release", self._body(namespace)))

    async def list(self, *, namespace: str | None = None) -> BudgetPage:
        """The budgets that the namespace's policy names."""
        return await self._sender.ask(BudgetPage, get("/v1/budgets", self._body(namespace)))

    async def usage(self, name: str, *, key: str | None = None, namespace: str | None = None) -> BudgetUsage:
        """What a budget has spent and holds in its present window. ``key`` says whose counter where it has several."""
        return await self._sender.ask(
            BudgetUsage, get(f"/v1/budgets/{escape(name)}/usage", self._body(namespace, key=key))
        )

    async def ledger(
        self,
        name: str,
        *,
        key: str | None = None,
        reservation_id: str | None = None,
        namespace: str | None = None,
        limit: int | None = None,
    ) -> Stream[LedgerEntry]:
        """What happened to a budget, page by page as it is read."""
        query = self._body(namespace, key=key, reservation_id=reservation_id, limit=limit)
        async for page in pages(self._sender, LedgerPage, f"/v1/budgets/{escape(name)}/ledger", query):
            for one in page.entries:
                yield one

    async def top_up(
        self,
        name: str,
        amount: int,
        reason: str,
        *,
        key: str | None = None,
        top_up_id: str | None = None,
        namespace: str | None = None,
    ) -> BudgetUsage:
        """Raises the cap of the present window. ``reason`` is kept in the ledger; the same ``top_up_id`` is the same
        top-up."""
        body = self._body(namespace, key=key, amount=amount, reason=reason, top_up_id=top_up_id or new_request_id())
        return await self._sender.ask(BudgetUsage, post(f"/v1/budgets/{escape(name)}/top-up", body))

    async def rebuild(self, name: str, *, key: str | None = None, namespace: str | None = None) -> BudgetUsage:
        """Makes the counter of what the ledger says; ``drift_before`` tells by how much it was wrong."""
        return await self._sender.ask(
            BudgetUsage, post(f"/v1/budgets/{escape(name)}/rebuild", self._body(namespace, key=key))
        )

    async def prices(self) -> PriceList:
        """What tokens cost, by which claims are checked."""
        return await self._sender.ask(PriceList, get("/v1/prices"))

    # What follows is for the client itself.

    async def _end(
        self, how: str, reservation_id: str, namespace: str | None, body: Mapping[str, Any], until: float
    ) -> None:
        """Commits or releases within a time."""
        call = post(f"{_path(reservation_id)}/{how}", self._body(namespace, **body), until=until)
        await self._sender.ask(Reservation, call)

    def _body(self, namespace: str | None, **fields: Any) -> dict[str, Any]:
        return drop_none(namespace=namespace or self._sender.settings.namespace, **fields)


def _path(reservation_id: str) -> str:
    return f"/v1/budgets/reservations/{escape(reservation_id)}"
