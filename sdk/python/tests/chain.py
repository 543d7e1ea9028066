"""Answers of the service to the steps of a guard, for tests whose server is no service."""

from __future__ import annotations

from typing import Any

from faults import Do, problem

LATER = "2026-11-21T07:51:37.301Z"
POLICY = {"name": "ours", "version": 1, "sha256": "00"}


def approval(state: str = "pending", **more: Any) -> dict[str, Any]:
    """An approval."""
    return {
        "approval_id": "ap-1",
        "namespace": "default",
        "state": state,
        "agent_id": "a",
        "action": "refund",
        "metadata": {},
        "rules": [{"rule": "ask", "at": "ours.yaml:3:5", "message": "people first"}],
        "policy": POLICY,
        "group": "ops",
        "quorum": 1,
        "votes": [],
        "digest": "00",
        "requested_at": LATER,
        "expires_at": LATER,
        "expires_in_ms": 3600000,
        **more,
    }


def decision(verdict: str = "allow", **more: Any) -> dict[str, Any]:
    """A decision."""
    return {
        "decision_id": "01a1fdc6-072c-7163-b397-2ad114aaa101",
        "decision": verdict,
        "allowed": verdict == "allow",
        "reason": "people first" if verdict == "require_approval" else "allowed",
        "policy": POLICY,
        "reasons": [],
        "facts": {},
        "audit_only": [],
        **more,
    }


def asking(state: str = "pending", approval_id: str = "ap-1") -> dict[str, Any]:
    """A decision that people have to make."""
    asked = {"approval_id": approval_id, "state": state, "group": "ops", "quorum": 1, "expires_in_ms": 3600000}
    return decision("require_approval", approval={**asked, "expires_at": LATER})


def reserved(reservation_id: str = "reservation-1", amount: int = 500, unit: str = "usd") -> dict[str, Any]:
    """One of the obligations."""
    line = {"name": "team-day", "key": "blue", "cap": 1000, "spent": 0, "held": amount, "left": 1000 - amount}
    return {
        "rule": "pay",
        "reservation_id": reservation_id,
        "unit": unit,
        "amount": amount,
        "expires_at": LATER,
        "expires_in_ms": 600000,
        "budgets": [line],
    }


def reservation(state: str = "committed", **more: Any) -> dict[str, Any]:
    """What a reservation became."""
    return {
        "reservation_id": "reservation-1",
        "namespace": "default",
        "agent_id": "a",
        "state": state,
        "unit": "usd",
        "amount": 500,
        "created_at": LATER,
        "expires_at": LATER,
        "expires_in_ms": 0,
        "budgets": [],
        **more,
    }


def refused(verdict: dict[str, Any]) -> Do:
    """A request for a lease that the policy does not allow."""
    return problem("policy_denied", 403, detail=verdict["reason"], decision=verdict)
