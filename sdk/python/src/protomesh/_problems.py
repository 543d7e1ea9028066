"""From answers to problems: the service's own, and those that only a client can see."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from time import time
from typing import Any, Final
from urllib.parse import urlsplit

from ._answers.base import WrongShapeError
from ._answers.policies import PolicyApproval, PolicyDecision
from ._answers.problems import Problem
from ._errors import MeshError, UnavailableError, to_error

#: The service's major version that this client speaks with.
MAJOR: Final = "0"
_PASSING: Final = frozenset({408, 425, 429})


def origin(url: str) -> str:
    """Scheme, host and port: a path may hold a resource's name, which does not belong in every log."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


def check_version(headers: Mapping[str, str], url: str) -> None:
    """Raises ProtocolError when the service's major version is another than this client's."""
    version = headers.get("ProtoMesh-Version")
    if version is not None and version.partition(".")[0] != MAJOR:
        raise to_error(
            _ours(
                "version_mismatch",
                "The service has another major version",
                f"{origin(url)} is ProtoMesh {version}; this client speaks with version {MAJOR}.",
                next_step="Install the client of the service's version.",
            )
        )


def is_plain_json(headers: Mapping[str, str]) -> bool:
    """JSON that is not a problem document."""
    return headers.get("content-type", "").startswith("application/json")


def read_json(status: int, headers: Mapping[str, str], body: bytes, url: str) -> Any:
    """The JSON of a good answer.

    Raises UnavailableError when it arrived damaged and ProtocolError when it is something else.
    """
    kind = headers.get("content-type", "")
    if "json" not in kind:
        raise not_protomesh(url, status, kind)
    try:
        return json.loads(body)
    except ValueError as fault:
        raise unreachable(f"{origin(url)} answered with damaged JSON: {fault}.") from None


def refusal(status: int, headers: Mapping[str, str], body: bytes, url: str) -> MeshError:
    """The error of an answer that is not 2xx."""
    retry_after = _retry_after_ms(headers)
    try:
        document = json.loads(body)
        if isinstance(document, dict) and document.get("retry_after_ms") is None and retry_after is not None:
            document = {**document, "retry_after_ms": retry_after}
        return to_error(Problem.from_dict(document))
    except (ValueError, RecursionError):
        pass
    if status >= 500 or status in _PASSING:
        return unreachable(
            f"{origin(url)} answered {status} without a problem document; a proxy may have answered for it.",
            status=status,
            retry_after_ms=retry_after,
        )
    if status in (401, 403):
        return to_error(
            _ours(
                "unauthorized" if status == 401 else "forbidden",
                "The key is not accepted",
                f"{origin(url)} answered {status} without a problem document.",
                status=status,
                next_step="Check the api_key.",
            )
        )
    return not_protomesh(url, status, headers.get("content-type", ""))


def not_protomesh(url: str, status: int, kind: str) -> MeshError:
    """Whatever answered is not the service."""
    what = kind.partition(";")[0].strip() or "nothing readable"
    instead = "other JSON" if "json" in what else f"{what} instead of JSON"
    return to_error(
        _ours(
            "not_protomesh",
            "The answer is not a ProtoMesh service's",
            f"{origin(url)} answered {instead}: is this a ProtoMesh service? Check the base URL.",
            status=status,
            next_step="Check the base URL.",
        )
    )


def wrong_shape(url: str, status: int, fault: WrongShapeError) -> MeshError:
    """It is JSON, but not of this call."""
    return to_error(
        _ours(
            "not_protomesh",
            "The answer is not a ProtoMesh service's",
            f"{origin(url)} answered other JSON than this call's ({fault}): "
            "is this a ProtoMesh service? Check the base URL.",
            status=status,
            next_step="Check the base URL.",
        )
    )


def unreachable(
    detail: str, *, status: int = 503, retryable: bool = True, retry_after_ms: int | None = None
) -> UnavailableError:
    """The service gave no usable answer."""
    return UnavailableError(
        _ours(
            "unreachable",
            "The service gave no usable answer",
            detail,
            status=status,
            retryable=retryable,
            retry_after_ms=retry_after_ms,
            next_step="Check the base URL and the network, then send the same request again.",
        )
    )


def lease_lost(detail: str, lock_id: str, because: str | None = None) -> Problem:
    """What the service says of a lease that is over, said by this process's own clock."""
    return _ours(
        "lease_lost",
        "The lease is no longer yours",
        detail,
        status=410,
        next_step="Stop writing, send a new request, and look at the resource before you go on.",
        lock_id=lock_id,
        ended_because=because,
    )


def as_loss(problem: Problem, lock_id: str) -> Problem:
    """Several answers mean that a lease is gone; to its holder they are one."""
    if problem.code == "lease_lost":
        return problem
    loss = lease_lost(problem.detail or problem.title, problem.lock_id or lock_id, problem.ended_because)
    return replace(loss, state=problem.state, lost_at=problem.lost_at, trace_id=problem.trace_id)


def invalid(detail: str) -> MeshError:
    """What the service would say, if it could be asked."""
    return to_error(
        _ours(
            "validation_failed",
            "The request breaks a rule",
            detail,
            status=400,
            next_step="Correct the fields listed in errors and send the request again.",
        )
    )


def timed_out(detail: str, more: Mapping[str, Any]) -> MeshError:
    """The wait is over, and the service has not said so itself."""
    return to_error(
        _ours(
            "lock_timeout",
            "The wait ended without a grant",
            detail,
            status=409,
            retryable=True,
            next_step="Send a new request with a longer wait_ms, or do other work.",
            **more,
        )
    )


def denied(decision: PolicyDecision) -> MeshError:
    """What the service answers when a request for a lease names an action that it denies."""
    waits = [reason.retry_after_ms for reason in decision.reasons if reason.retry_after_ms is not None]
    approval = decision.approval
    return to_error(
        _ours(
            "policy_denied",
            "A policy forbids it",
            decision.reason,
            status=403,
            retryable=bool(waits),
            retry_after_ms=max(waits, default=None),
            next_step="Read the reasons; each says what would change the answer."
            if approval is None
            else _approval_step(approval),
            decision=decision,
        )
    )


def _approval_step(approval: PolicyApproval) -> str:
    people = f"A person of the group {approval.group} has to approve this"
    if approval.approval_id is None:
        return f"{people}; do other work until then."
    if approval.state == "approved":
        return f"It is approved: send the same request again with approval_id {approval.approval_id}."
    return (
        f"{people}: {approval.approval_id}. Wait with GET /v1/approvals/{approval.approval_id} and Prefer: wait=50, "
        "or do other work; then send the same request with approval_id."
    )


def _ours(code: str, title: str, detail: str, *, status: int = 200, **more: Any) -> Problem:
    return Problem(
        type=f"https://protomesh.dev/problems/{code}", code=code, title=title, detail=detail, status=status, **more
    )


def _retry_after_ms(headers: Mapping[str, str]) -> int | None:
    text = headers.get("retry-after")
    if text is None:
        return None
    try:
        return max(0, int(float(text) * 1000))
    except (ValueError, OverflowError):
        pass
    # Imported here, since it is seldom needed and an import should cost little.
    from email.utils import parsedate_to_datetime

    try:
        return max(0, int((parsedate_to_datetime(text).timestamp() - time()) * 1000))
    except (ValueError, TypeError, OverflowError):
        return None
