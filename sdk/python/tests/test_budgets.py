"""Budgets, against the service: reserved, spent, and written down."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable
from typing import Any

import pytest

from helpers import new_name, until_async
from people import new_space
from protomesh import (
    BudgetExceededError,
    ConflictError,
    NotFoundError,
    ProtoMesh,
    SyncProtoMesh,
    ValidationError,
)

Connect = Callable[..., ProtoMesh]

DOCUMENT = """
apiVersion: protomesh.dev/policy/v1
name: ours
defaults: { effect: allow }
metadata:
  cost: { type: number, default: 0 }
  words: { type: int, default: 0 }
budgets:
  team-day: { unit: usd, cap: 10, window: { calendar: day, tz: UTC }, alert: [50, 100] }
  run: { unit: usd, cap: 5, key: run.id, window: lifetime }
  words: { unit: words, cap: 1000, window: { rolling: 1h } }
rules:
  - id: pay
    actions: [llm.call, llm.write]
    require: { budget: { names: [team-day, run], amount: metadata.cost, hold: 10m } }
  - id: write
    actions: [llm.write]
    require: { budget: { names: [words], amount: metadata.words } }
"""
# A dollar.
USD = 1_000_000


@pytest.fixture
async def space(connect: Connect) -> str:
    """A namespace whose policy has budgets."""
    return await new_space(connect, DOCUMENT)


def new_id() -> str:
    return "id-" + uuid.uuid4().hex[:12]


async def test_an_amount_is_held_and_then_spent_or_let_go(connect: Connect, space: str) -> None:
    mesh, run = connect(namespace=space), new_id()
    held = await mesh.budgets.reserve(["team-day", "run"], 2 * USD, run_id=run, hold=60)
    assert (held.state, held.amount, held.unit, held.run_id) == ("held", 2 * USD, "usd", run)
    assert [(line.name, line.key, line.held, line.left) for line in held.budgets] == [
        ("team-day", None, 2 * USD, 8 * USD),
        ("run", run, 2 * USD, 3 * USD),
    ]
    spent = await mesh.budgets.commit(held.reservation_id, 1_500_000)
    assert (spent.state, spent.actual, spent.verification) == ("committed", 1_500_000, "claimed")
    assert (await mesh.budgets.commit(held.reservation_id, 1_500_000)).state == "committed"
    with pytest.raises(ConflictError) as other:
        await mesh.budgets.commit(held.reservation_id, 7)
    assert other.value.code == "reservation_conflict"
    with pytest.raises(ConflictError) as late:
        await mesh.budgets.release(held.reservation_id)
    assert late.value.code == "reservation_settled"
    assert (await mesh.budgets.get(held.reservation_id)).actual == 1_500_000
    free = await mesh.budgets.reserve("team-day", 3 * USD)
    assert (await mesh.budgets.release(free.reservation_id)).state == "released"
    usage = await mesh.budgets.usage("team-day")
    assert (usage.cap, usage.spent, usage.held, usage.left) == (10 * USD, 1_500_000, 0, 8_500_000)
    assert (await mesh.budgets.usage("run", key=run)).spent == 1_500_000


async def test_one_id_is_one_reservation(connect: Connect, space: str) -> None:
    mesh, name = connect(namespace=space), new_id()
    first = await mesh.budgets.reserve("team-day", USD, reservation_id=name)
    again = await mesh.budgets.reserve("team-day", USD, reservation_id=name)
    assert first.reservation_id == again.reservation_id == name
    assert (await mesh.budgets.usage("team-day")).held == USD
    with pytest.raises(ConflictError):
        await mesh.budgets.reserve("team-day", 2 * USD, reservation_id=name)


async def test_what_does_not_fit_is_an_error_with_the_counters(connect: Connect, space: str) -> None:
    mesh = connect(namespace=space)
    with pytest.raises(BudgetExceededError) as over:
        await mesh.budgets.reserve(["team-day", "run"], 6 * USD, run_id=new_id())
    assert over.value.retryable
    assert over.value.problem.budgets is not None
    assert {line.name: line.left for line in over.value.problem.budgets}["run"] == 5 * USD
    assert (await mesh.budgets.usage("team-day")).held == 0
    many = [mesh.budgets.reserve("team-day", USD) for _ in range(14)]
    results = await asyncio.gather(*many, return_exceptions=True)
    assert sum(isinstance(one, BudgetExceededError) for one in results) == 4
    with pytest.raises(NotFoundError) as unknown:
        await mesh.budgets.reserve("nobody", 1)
    assert unknown.value.code == "budget_unknown"
    with pytest.raises(NotFoundError) as none:
        await mesh.budgets.commit(new_id(), 1)
    assert none.value.code == "reservation_unknown"
    with pytest.raises(ValidationError):
        await mesh.budgets.reserve("team-day", -1)


async def test_what_was_spent_is_in_the_ledger(connect: Connect, space: str) -> None:
    mesh, key = connect(namespace=space), new_id()
    held = await mesh.budgets.reserve("run", 2 * USD, run_id=key)
    await mesh.budgets.commit(held.reservation_id, 3 * USD)
    topped = await mesh.budgets.top_up("run", 4 * USD, "it went well", key=key, top_up_id=key)
    assert (topped.cap, topped.topped_up) == (9 * USD, 4 * USD)
    assert (await mesh.budgets.top_up("run", 4 * USD, "it went well", key=key, top_up_id=key)).cap == 9 * USD

    async def entries() -> list[Any]:
        found = [one async for one in mesh.budgets.ledger("run", key=key, limit=1)]
        return found if len(found) == 3 else []

    newest, spent, first = await until_async("all is written", entries)
    assert (newest.kind, newest.amount, newest.reason) == ("topped_up", 4 * USD, "it went well")
    assert (spent.kind, spent.actual, spent.overrun, spent.reservation_id) == (
        "committed",
        3 * USD,
        True,
        held.reservation_id,
    )
    assert (first.kind, first.amount, first.run_id) == ("reserved", 2 * USD, key)
    rebuilt = await mesh.budgets.rebuild("run", key=key)
    assert (rebuilt.spent, rebuilt.ledger_spent, rebuilt.drift_before) == (3 * USD, 3 * USD, 0)


async def test_a_policys_budgets_and_prices_can_be_read(connect: Connect, space: str) -> None:
    mesh = connect(namespace=space)
    page = await mesh.budgets.list()
    assert (page.policy.name, page.policy.version) == ("ours", 1)
    by_name = {one.name: one for one in page.budgets}
    assert (by_name["team-day"].cap, by_name["team-day"].window.calendar, by_name["team-day"].alert) == (
        10 * USD,
        "day",
        (50, 100),
    )
    assert (by_name["run"].key, by_name["run"].window.lifetime) == ("run.id", True)
    assert by_name["words"].window.rolling_ms == 3_600_000
    prices = await mesh.budgets.prices()
    assert prices.models
    model = prices.models[0]
    usage: Any = {"model": model.model, "input_tokens": 1_000_000, "output_tokens": 0}
    if model.input <= 10:
        held = await mesh.budgets.reserve("team-day", estimate=usage)
        assert held.amount == round(model.input * USD)
        spent = await mesh.budgets.commit(held.reservation_id, usage={**usage, "input_tokens": 500_000})
        assert (spent.actual, spent.verification) == (round(model.input * USD / 2), "recomputed")
    with pytest.raises(ValidationError) as unheard:
        await mesh.budgets.reserve("team-day", estimate={"model": "unheard-of", "output_tokens": 1})
    assert unheard.value.code == "model_unpriced"


@pytest.mark.parametrize("is_locked", [True, False])
async def test_a_guard_reserves_and_settles(is_locked: bool, connect: Connect, space: str) -> None:
    mesh, run = connect(namespace=space), new_id()
    name = new_name() if is_locked else None

    async def spend(**more: Any) -> int:
        async with mesh.guard("llm.call", name, metadata={"cost": 0.5}, run_id=run) as guard:
            assert guard.granted, guard.text
            (held,) = guard.reservations
            assert (held.rule, held.unit, held.amount) == ("pay", "usd", 500_000)
            assert (await mesh.budgets.usage("team-day")).held == 500_000
            if more:
                guard.spent(**more)
        return (await mesh.budgets.usage("run", key=run)).spent

    assert await spend(actual=120_000) == 120_000
    assert await spend(actual=0) == 120_000
    assert await spend() == 620_000
    usage = await mesh.budgets.usage("team-day")
    assert (usage.spent, usage.held) == (620_000, 0)
    async with mesh.guard("llm.call", name, metadata={"cost": 5}, run_id=run) as guard:
        assert not guard.granted
    assert guard.text is not None
    assert guard.text.startswith("Not done: llm.call. run")
    assert guard.reservations == ()
    assert (await mesh.budgets.usage("team-day")).held == 0


async def test_a_guard_with_several_budgets_settles_each(connect: Connect, space: str) -> None:
    mesh = connect(namespace=space)
    metadata = {"cost": 1, "words": 300}
    async with mesh.guard("llm.write", metadata=metadata, run_id=new_id(), request_id=new_id()) as guard:
        assert guard.granted, guard.text
        by_rule = {one.rule: one for one in guard.reservations}
        assert by_rule["write"].reservation_id == f"{by_rule['pay'].reservation_id}-2"
        guard.spent(250, reservation_id=by_rule["write"].reservation_id)
    assert (await mesh.budgets.usage("words")).spent == 250
    assert (await mesh.budgets.usage("team-day")).spent == USD


async def test_whoever_waits_in_vain_holds_no_money(connect: Connect, space: str) -> None:
    mesh, name, run = connect(namespace=space), new_name(), new_id()
    async with connect("b", namespace=space).lock(name):
        async with mesh.guard("llm.call", name, metadata={"cost": 1}, run_id=run, wait=0.3) as guard:
            assert not guard.granted
        waiting = asyncio.create_task(mesh.locks.acquire(name, action="llm.call", metadata={"cost": 1}, run_id=run))
        await asyncio.sleep(0.3)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting

        async def is_free() -> bool:
            return (await mesh.budgets.usage("team-day")).held == 0

        await until_async("nothing is held", is_free, 5)


def test_a_thread_reserves_and_settles_too(connect_sync: Callable[..., SyncProtoMesh], space: str) -> None:
    mesh = connect_sync(namespace=space)
    with mesh.guard("llm.call", metadata={"cost": 1}, run_id=new_id()) as guard:
        assert guard.granted, guard.text
        guard.spent(700_000)
    assert mesh.budgets.usage("team-day").spent == 700_000
    held = mesh.budgets.reserve("team-day", USD)
    assert mesh.budgets.release(held.reservation_id).state == "released"
    with pytest.raises(ZeroDivisionError), mesh.guard("llm.call", metadata={"cost": 1}, run_id=new_id()):
        raise ZeroDivisionError
    assert mesh.budgets.usage("team-day").spent == 1_700_000
