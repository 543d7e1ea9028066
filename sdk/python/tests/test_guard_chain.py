"""A guard from the question to the settlement: people, budgets, and what becomes of both when something goes wrong."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

import pytest

from chain import approval, asking, decision, refused, reservation, reserved
from faults import Do, FaultServer, Request, problem
from helpers import GRANT, QUEUED, until_async
from protomesh import Approval, Guard, LockTimeoutError, ProtoMesh, SyncProtoMesh

Faulty = Callable[..., FaultServer]
Connect = Callable[..., ProtoMesh]

RELEASED = {"lock_id": GRANT["lock_id"], "state": "released"}
ENDED = {"lock_id": GRANT["lock_id"], "state": "cancelled"}


class People:
    """A service whose policy wants people to approve, and reserves when they did."""

    def __init__(self, *states: str, obligations: dict[str, Any] | None = None) -> None:
        self.states = list(states)
        self.obligations = obligations
        self.answers: dict[str, Do] = {}

    def __call__(self, request: Request) -> Do:
        what = f"{request.method} {request.path.partition('?')[0]}"
        for prefix, answer in self.answers.items():
            if what.startswith(prefix):
                return answer
        if what.startswith("GET /v1/approvals/"):
            return Do(200, approval(self.states.pop(0) if len(self.states) > 1 else self.states[0]))
        if what == "POST /v1/policies/check":
            allowed = request.json.get("approval_id") == "ap-1"
            return Do(200, decision(obligations=self.obligations) if allowed else asking())
        if what == "POST /v1/locks":
            if request.json.get("approval_id") != "ap-1":
                return refused(asking())
            stamp = {name: decision()[name] for name in ("decision_id", "policy")}
            return Do(200, {**GRANT, "decision": {**stamp, "obligations": self.obligations}})
        if what.endswith("/release") and what.startswith("POST /v1/locks"):
            return Do(200, RELEASED)
        return Do(200, reservation("released" if what.endswith("/release") else "committed"))


def brief(server: FaultServer) -> list[str]:
    """What was asked, without ids and queries."""
    return [path.partition("?")[0].replace(GRANT["lock_id"], "L") for path in server.paths()]


@pytest.mark.parametrize("resource", [None, "customer/123"])
async def test_a_guard_waits_for_people_and_goes_on(resource: str | None, faulty: Faulty, connect: Connect) -> None:
    server = faulty(People("pending", "pending", "approved"))
    seen: list[Approval] = []
    async with connect(url=server.url).guard("refund", resource, on_approval="wait", on_waiting=seen.append) as guard:
        assert guard.granted
        assert guard.approval_id == "ap-1"
    ask = "POST /v1/policies/check" if resource is None else "POST /v1/locks"
    asked = [ask, *["GET /v1/approvals/ap-1"] * 3, ask]
    assert brief(server)[:5] == asked
    # Nothing was held meanwhile: the only lock is the one that was granted in the end.
    assert brief(server)[5:] == ([] if resource is None else ["POST /v1/locks/L/release"])
    assert [one.approval_id for one in seen] == ["ap-1"]
    assert server.requests[3].headers["prefer"] == "wait=20"
    assert server.requests[0].json["request_id"] != server.requests[4].json["request_id"]


@pytest.mark.parametrize("resource", [None, "customer/123"])
async def test_a_guard_that_does_not_wait_says_who_decides(
    resource: str | None, faulty: Faulty, connect: Connect
) -> None:
    server = faulty(People("pending"))
    async with connect(url=server.url).guard("refund", resource) as guard:
        assert not guard.granted
    assert len(server.requests) == 1
    assert guard.denial is not None
    assert guard.denial.approval is not None
    assert (guard.denial.approval.approval_id, guard.denial.approval.group) == ("ap-1", "ops")
    assert guard.approval_id == "ap-1"
    assert guard.text is not None
    assert guard.text.startswith("Not done: refund. people first.")


async def test_what_people_have_approved_meanwhile_is_used(faulty: Faulty, connect: Connect) -> None:
    people = People("approved")
    people.answers = {}

    def script(request: Request) -> Do:
        if request.json.get("approval_id") is None:
            return Do(200, asking("approved"))
        return people(request)

    server = faulty(script)
    async with connect(url=server.url).guard("refund") as guard:
        assert guard.granted
    assert [request.json.get("approval_id") for request in server.requests] == [None, "ap-1"]


async def test_an_approval_that_nobody_needs_any_more_is_left_out(faulty: Faulty, connect: Connect) -> None:
    def script(request: Request) -> Do:
        given = request.json.get("approval_id")
        return Do(200, decision()) if given is None else problem("approval_not_needed", 409)

    server = faulty(script)
    async with connect(url=server.url).guard("refund", approval_id="ap-1") as guard:
        assert guard.granted
    assert guard.approval_id is None


async def test_a_service_that_contradicts_itself_is_not_asked_for_ever(faulty: Faulty, connect: Connect) -> None:
    def script(request: Request) -> Do:
        given = request.json.get("approval_id")
        return Do(200, asking("approved")) if given is None else problem("approval_not_needed", 409)

    server = faulty(script)
    async with connect(url=server.url).guard("refund") as guard:
        assert not guard.granted
    assert len(server.requests) == 10


async def test_what_people_refused_is_told_in_the_words_of_the_service(faulty: Faulty, connect: Connect) -> None:
    people = People("pending", "denied")

    def script(request: Request) -> Do:
        if request.method == "POST" and request.json.get("approval_id") == "ap-1":
            return Do(200, decision("deny", reason="The approval ap-1 was denied."))
        return people(request)

    server = faulty(script)
    async with connect(url=server.url).guard("refund", on_approval="wait") as guard:
        assert not guard.granted
    assert guard.text is not None
    assert "The approval ap-1 was denied." in guard.text
    assert guard.denial is not None
    assert guard.denial.approval is None


async def test_when_nobody_decides_in_time_it_is_a_denial(faulty: Faulty, connect: Connect) -> None:
    server = faulty(People("pending"))
    mesh = connect(url=server.url)
    async with mesh.guard("refund", "customer/123", on_approval="wait", approval_timeout=0.4) as guard:
        assert not guard.granted
    assert guard.denial is not None
    assert guard.denial.approval is not None
    assert [path for path in brief(server) if path.startswith("POST")] == ["POST /v1/locks"]


async def test_a_service_that_goes_away_while_people_think_lets_nothing_run(faulty: Faulty, connect: Connect) -> None:
    people = People("approved")
    people.answers = {"GET /v1/approvals": Do(503, b"")}
    server = faulty(people)
    mesh = connect(url=server.url)
    options: Any = {"on_approval": "wait", "approval_timeout": 0.3, "on_unavailable": "open"}
    async with mesh.guard("refund", **options) as guard:
        assert not guard.granted
        assert not guard.unprotected
    assert guard.denial is not None
    assert guard.denial.code == "unreachable"


async def test_whoever_is_cancelled_while_people_think_leaves_nothing(faulty: Faulty, connect: Connect) -> None:
    people = People("pending")
    people.answers = {"GET /v1/approvals": Do(200, approval(), hang=True)}
    server = faulty(people)

    async def work() -> None:
        async with connect(url=server.url).guard("refund", "customer/123", on_approval="wait"):
            pytest.fail("it must not run")

    task = asyncio.create_task(work())
    await until_async("it waits", lambda: len(server.requests) == 2)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert brief(server) == ["POST /v1/locks", "GET /v1/approvals/ap-1"]


class Costs:
    """A service whose policy reserves for what it allows."""

    def __init__(self, *held: dict[str, Any]) -> None:
        self.obligations = {"budget": list(held or [reserved()])}
        self.settle: Callable[[Request], Do] = lambda request: Do(200, reservation())

    def __call__(self, request: Request) -> Do:
        if request.path == "/v1/policies/check":
            return Do(200, decision(obligations=self.obligations))
        if request.path == "/v1/locks":
            stamp = {name: decision()[name] for name in ("decision_id", "policy")}
            return Do(200, {**GRANT, "decision": {**stamp, "obligations": self.obligations}})
        return Do(200, RELEASED) if request.path.startswith("/v1/locks") else self.settle(request)


def settled(server: FaultServer) -> list[tuple[str, Any]]:
    """Reservation and end, and what was told."""
    return [
        (request.path.removeprefix("/v1/budgets/reservations/"), request.json)
        for request in server.requests
        if request.path.startswith("/v1/budgets")
    ]


@pytest.mark.parametrize("resource", [None, "customer/123"])
async def test_what_nobody_says_anything_of_counts_in_full(
    resource: str | None, faulty: Faulty, connect: Connect
) -> None:
    server = faulty(Costs())
    async with connect(url=server.url).guard("refund", resource) as guard:
        assert [one.reservation_id for one in guard.reservations] == ["reservation-1"]
        assert guard.reservations[0].budgets[0].left == 500
        assert settled(server) == []
    expected: dict[str, Any] = {"actual": 500} if resource is None else {"namespace": "default", "actual": 500}
    assert settled(server) == [("reservation-1/commit", expected)]
    if resource is not None:
        # Settled first: whoever gets the resource next finds a budget that is right.
        assert brief(server)[-1] == "POST /v1/locks/L/release"


def twice(guard: Guard) -> None:
    guard.spent(7)
    guard.spent(120)


async def test_what_was_spent_is_recorded_with_the_last_word(faulty: Faulty, connect: Connect) -> None:
    usage = {"model": "m-1", "input_tokens": 10, "output_tokens": 5}
    words: list[tuple[Callable[[Guard], Any], dict[str, Any]]] = [
        (twice, {"actual": 120}),
        (lambda guard: guard.spent(0), {"actual": 0}),
        (lambda guard: guard.spent(usage=usage), {"usage": usage}),
        (lambda guard: guard.spent(120, usage=usage, reservation_id="reservation-1"), {"actual": 120, "usage": usage}),
    ]
    for say, expected in words:
        server = faulty(Costs())
        async with connect(url=server.url).guard("refund") as guard:
            say(guard)
        assert settled(server) == [("reservation-1/commit", expected)]


async def test_a_body_that_fails_has_spent_what_it_reserved(faulty: Faulty, connect: Connect) -> None:
    server = faulty(Costs())
    with pytest.raises(ZeroDivisionError):
        async with connect(url=server.url).guard("refund", "customer/123"):
            raise ZeroDivisionError
    assert [path for path, _ in settled(server)] == ["reservation-1/commit"]
    assert server.requests[-1].json["note"] == "refund failed: ZeroDivisionError"


async def test_a_body_that_is_cancelled_settles_and_releases(faulty: Faulty, connect: Connect) -> None:
    server = faulty(Costs())
    inside = asyncio.Event()

    async def work() -> None:
        async with connect(url=server.url).guard("refund", "customer/123") as guard:
            guard.spent(3)
            inside.set()
            await asyncio.sleep(60)

    task = asyncio.create_task(work())
    await inside.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert settled(server) == [("reservation-1/commit", {"namespace": "default", "actual": 3})]
    assert brief(server)[-1] == "POST /v1/locks/L/release"


async def test_two_reservations_are_told_apart(faulty: Faulty, connect: Connect) -> None:
    server = faulty(Costs(reserved(), reserved("reservation-1-2", 40, "tokens")))
    async with connect(url=server.url).guard("refund") as guard:
        with pytest.raises(ValueError, match="tokens and usd"):
            guard.spent(5)
        guard.spent(5, reservation_id="reservation-1-2")
    assert settled(server) == [("reservation-1/commit", {"actual": 500}), ("reservation-1-2/commit", {"actual": 5})]


@pytest.mark.parametrize("wrong", [-1, 1.5, True, "5", None])
async def test_a_cost_that_could_not_be_recorded_is_refused_at_once(
    wrong: Any, faulty: Faulty, connect: Connect
) -> None:
    async with connect(url=faulty(Costs()).url).guard("refund") as guard:
        with pytest.raises(ValueError):
            guard.spent(wrong)
        with pytest.raises(ValueError, match="no reservation"):
            guard.spent(1, reservation_id="another")


async def test_a_usage_that_the_service_cannot_price_counts_in_full(
    faulty: Faulty, connect: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    costs = Costs()
    costs.settle = lambda request: problem("model_unpriced", 409) if "usage" in request.json else Do(200, reservation())
    server = faulty(costs)
    with caplog.at_level(logging.WARNING, "protomesh"):
        async with connect(url=server.url).guard("refund") as guard:
            guard.spent(usage={"model": "unheard of"})
    assert settled(server)[-1] == ("reservation-1/commit", {"actual": 500})
    assert "unheard of" in caplog.text


async def test_a_cost_that_was_not_recorded_is_in_the_log(
    faulty: Faulty, connect: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    costs = Costs()
    costs.settle = lambda request: problem("forbidden", 403)
    mesh = connect(url=faulty(costs).url)
    with caplog.at_level(logging.WARNING, "protomesh"):
        async with mesh.guard("refund") as guard:
            guard.spent(120)
    assert (
        "refund: the reservation reservation-1 of 500 usd could not be settled (commit {'actual': 120})" in caplog.text
    )


async def test_a_body_may_settle_by_itself(faulty: Faulty, connect: Connect, caplog: pytest.LogCaptureFixture) -> None:
    costs = Costs()
    costs.settle = lambda request: (
        Do(200, reservation()) if request.json == {"actual": 7} else problem("reservation_conflict", 409)
    )
    mesh = connect(url=faulty(costs).url)
    async with mesh.guard("refund") as guard:
        await mesh.budgets.commit(guard.reservations[0].reservation_id or "", 7)
    assert caplog.text == ""


async def test_what_was_reserved_for_whoever_left_meanwhile_is_given_back(faulty: Faulty, connect: Connect) -> None:
    costs = Costs()

    def script(request: Request) -> Do:
        answer = costs(request)
        answer.hang = request.path == "/v1/policies/check"
        return answer

    server = faulty(script)

    async def work() -> None:
        async with connect(url=server.url).guard("refund"):
            pytest.fail("it must not run")

    task = asyncio.create_task(work())
    await until_async("it asks", lambda: server.requests)
    task.cancel()
    await asyncio.sleep(0.05)
    server.let_go()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert settled(server) == [("reservation-1/release", {})]


async def test_no_moment_of_cancellation_keeps_a_reservation(faulty: Faulty, connect: Connect) -> None:
    """Cancels after 0, 1, 2 … turns of the event loop, up to and beyond the grant."""
    server = faulty(Costs())
    mesh = connect(url=server.url)
    for turns in range(60):
        before = len(server.requests)

        async def work() -> None:
            async with mesh.guard("refund"):
                await asyncio.sleep(60)

        task = asyncio.create_task(work())
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        asked = [request.path for request in server.requests[before:]]
        if "/v1/policies/check" in asked:
            ends = [path for path in asked if path.startswith("/v1/budgets/reservations/reservation-1/")]
            assert len(ends) == 1, f"after {turns} turns"


async def test_what_was_reserved_for_a_lease_that_never_came_is_given_back(faulty: Faulty, connect: Connect) -> None:
    stamp = {name: decision()[name] for name in ("decision_id", "policy")}
    queued = {**QUEUED, "decision": {**stamp, "obligations": {"budget": [reserved()]}}}

    def script(request: Request) -> Do:
        if request.path == "/v1/locks/cancel" or request.path.endswith("/cancel"):
            return Do(200, ENDED)
        if request.path.startswith("/v1/budgets"):
            return Do(200, reservation("released"))
        return problem("lock_timeout", 409) if request.path.endswith("/wait") else Do(202, queued)

    server = faulty(script)
    mesh = connect(url=server.url)
    async with mesh.guard("refund", "customer/123", wait=5) as guard:
        assert not guard.granted
    assert [path for path, _ in settled(server)] == ["reservation-1/release"]
    with pytest.raises(LockTimeoutError):
        await mesh.locks.acquire("customer/123", action="refund", wait=5)
    assert len(settled(server)) == 2


async def test_a_wait_that_ends_in_its_first_call_gives_back_what_it_may_hold(faulty: Faulty, connect: Connect) -> None:
    def script(request: Request) -> Do:
        if request.path.startswith("/v1/budgets"):
            return Do(200, reservation("released"))
        return problem("lock_timeout", 409)

    server = faulty(script)
    mesh = connect(url=server.url)
    with pytest.raises(LockTimeoutError):
        await mesh.locks.acquire("customer/123", action="refund", wait=5)
    sent = server.requests[0].json["request_id"]
    assert settled(server) == [(f"{sent}/release", {})]
    with pytest.raises(LockTimeoutError):
        await mesh.locks.acquire("customer/123", wait=5)
    assert len(server.requests) == 3


async def test_what_the_queue_told_of_is_settled_when_the_grant_tells_nothing(faulty: Faulty, connect: Connect) -> None:
    stamp = {name: decision()[name] for name in ("decision_id", "policy")}
    queued = {**QUEUED, "decision": {**stamp, "obligations": {"budget": [reserved()]}}}
    answers = [Do(202, queued), Do(202, {**QUEUED, "decision": stamp}), Do(200, {**GRANT, "decision": stamp})]

    def script(request: Request) -> Do:
        if request.path.startswith("/v1/budgets"):
            return Do(200, reservation())
        return Do(200, RELEASED) if request.path.endswith("/release") else answers.pop(0)

    server = faulty(script)
    async with connect(url=server.url).guard("refund", "customer/123") as guard:
        assert [one.reservation_id for one in guard.reservations] == ["reservation-1"]
    assert [path for path, _ in settled(server)] == ["reservation-1/commit"]


async def test_a_request_that_is_cancelled_before_its_first_answer_gives_back_what_it_may_hold(
    faulty: Faulty, connect: Connect
) -> None:
    def script(request: Request) -> Do:
        if request.path.startswith("/v1/budgets"):
            return problem("reservation_unknown", 404)
        return Do(200, ENDED) if request.path.endswith("/cancel") else Do(200, GRANT, hang=True)

    server = faulty(script)
    mesh = connect(url=server.url)
    for action in ("refund", None):
        server.requests.clear()
        task = asyncio.create_task(mesh.locks.acquire("customer/123", action=action))
        await until_async("it asks", lambda: server.requests)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        sent = server.requests[0].json["request_id"]
        ends = [request.path for request in server.requests[2:]]
        assert ends == ([f"/v1/budgets/reservations/{sent}/release"] if action else [])


def test_the_synchronous_guard_goes_the_same_way(faulty: Faulty, connect_sync: Callable[..., SyncProtoMesh]) -> None:
    server = faulty(People("pending", "approved", obligations={"budget": [reserved()]}))
    mesh = connect_sync(url=server.url)
    with mesh.guard("refund", "customer/123", on_approval="wait") as guard:
        assert guard.granted
        guard.spent(7)
    assert settled(server) == [("reservation-1/commit", {"namespace": "default", "actual": 7})]
    with pytest.raises(ZeroDivisionError), mesh.guard("refund", approval_id="ap-1"):
        raise ZeroDivisionError
    assert len(settled(server)) == 2


async def test_the_synchronous_guard_does_not_wait_for_people_on_an_event_loop(
    faulty: Faulty, connect_sync: Callable[..., SyncProtoMesh]
) -> None:
    server = faulty(People("pending"))
    mesh = connect_sync(url=server.url)
    with pytest.raises(RuntimeError, match="event loop"):
        mesh.guard("refund", on_approval="wait").__enter__()
    with pytest.raises(RuntimeError, match="event loop"):
        mesh.approvals.wait("ap-1")
    assert server.requests == []


def test_an_option_that_there_is_not_is_refused() -> None:
    with pytest.raises(ValueError, match="on_approval"):
        ProtoMesh().guard("refund", on_approval="pause")  # type: ignore[arg-type]
