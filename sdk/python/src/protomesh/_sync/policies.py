# Made by scripts/generate_sync.py from _async/policies.py: change that file.
"""Asks whether an action may be done, and keeps the documents that decide it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from .._answers.policies import (
    DecisionPage,
    PolicyActivation,
    PolicyDecision,
    PolicyDiff,
    PolicyPage,
    PolicyValidation,
    PolicyVersion,
    PolicyVersionPage,
    RecordedDecision,
)
from .._answers.results import PolicyResult, PolicyResults
from .._checks import PolicyCheck, check_body
from .._requests import drop_none
from .lease import SyncLease
from .locks import pages
from .runtime import Stream
from .transport import Call, Sender, escape, get, post

_YAML = {"Content-Type": "application/yaml"}


class Policies:
    """``mesh.policies``."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    def check(
        self,
        action: str,
        resource: str | None = None,
        *,
        metadata: Mapping[str, Any] | None = None,
        lease: SyncLease | None = None,
        fencing_token: int | None = None,
        agent_id: str | None = None,
        request_id: str | None = None,
        namespace: str | None = None,
        run_id: str | None = None,
        approval_id: str | None = None,
        dry_run: bool = False,
    ) -> PolicyDecision:
        """May this agent do this now? A deny is an answer: its reasons say what would change it. ``lease`` or its
        ``fencing_token`` is for rules that require one, ``run_id`` for budgets of a run, and ``approval_id`` uses what
        people have approved. ``dry_run`` takes no place in a rate, reserves nothing and asks nobody."""
        check = PolicyCheck(
            action=action,
            resource=resource,
            metadata=metadata,
            lease=lease,
            fencing_token=fencing_token,
            agent_id=agent_id,
            request_id=request_id,
            namespace=namespace,
            run_id=run_id,
            approval_id=approval_id,
        )
        body = check_body(check, self._sender.settings)
        return self._sender.ask(PolicyDecision, post(f"/v1/policies/check{_dry(dry_run)}", body))

    def check_batch(
        self, checks: Sequence[PolicyCheck | Mapping[str, Any] | str], *, dry_run: bool = False
    ) -> tuple[PolicyResult, ...]:
        """1-100 questions in one call, each decided alone; the answers come in their order, a decision or a problem each.
        A question is a PolicyCheck, a mapping with its fields, or an action alone."""
        body = {"checks": [check_body(PolicyCheck.of(check), self._sender.settings) for check in checks]}
        answer = self._sender.ask(PolicyResults, post(f"/v1/policies/check-batch{_dry(dry_run)}", body))
        return answer.results

    def validate(self, document: str) -> PolicyValidation:
        """Could this YAML document be used? Raises ValidationError that lists what is wrong, each at its line."""
        call = Call("POST", "/v1/policies/validate", body=document.encode(), headers=_YAML)
        return self._sender.ask(PolicyValidation, call)

    def put(
        self,
        name: str,
        document: str,
        *,
        author: str | None = None,
        comment: str | None = None,
        namespace: str | None = None,
    ) -> PolicyVersion:
        """Keeps a document as the policy's next version; the newest again if it is the same. It decides nothing yet."""
        query = self._query(namespace, author=author, comment=comment)
        call = Call("PUT", f"/v1/policies/{escape(name)}", query=query, body=document.encode(), headers=_YAML)
        return self._sender.ask(PolicyVersion, call)

    def list(self, *, namespace: str | None = None) -> PolicyPage:
        """The policies of a namespace, all pages in one, and which of them decides."""
        whole: PolicyPage | None = None
        for page in pages(self._sender, PolicyPage, "/v1/policies", self._query(namespace)):
            policies = page.policies if whole is None else whole.policies + page.policies
            whole = replace(page, policies=policies)
        assert whole is not None
        return whole

    def versions(self, name: str, *, namespace: str | None = None) -> Stream[PolicyVersion]:
        """A policy's versions, the newest first, page by page as they are read."""
        path = f"/v1/policies/{escape(name)}/versions"
        for page in pages(self._sender, PolicyVersionPage, path, self._query(namespace)):
            for one in page.versions:
                yield one

    def get(self, name: str, version: int, *, namespace: str | None = None) -> PolicyVersion:
        """A version with its document. Raises NotFoundError."""
        path = f"/v1/policies/{escape(name)}/versions/{version}"
        return self._sender.ask(PolicyVersion, get(path, self._query(namespace)))

    def activate(
        self,
        name: str,
        version: int,
        *,
        if_match: int | str,
        by: str | None = None,
        namespace: str | None = None,
    ) -> PolicyActivation:
        """Lets a version decide. ``if_match`` is the revision that it replaces (``active.revision`` of ``list``), or ``*``
        for whatever is there. Raises ValidationError with the code ``precondition_failed`` when somebody else was first."""
        etag = f'"{if_match}"' if isinstance(if_match, int) else if_match
        call = Call(
            "POST",
            f"/v1/policies/{escape(name)}/versions/{version}/activate",
            query=self._query(namespace, by=by),
            headers={"If-Match": etag},
        )
        return self._sender.ask(PolicyActivation, call)

    def diff(self, name: str, from_version: int, to_version: int, *, namespace: str | None = None) -> PolicyDiff:
        """What changed between two versions, by rule and as text."""
        query = self._query(namespace, **{"from": from_version, "to": to_version})
        return self._sender.ask(PolicyDiff, get(f"/v1/policies/{escape(name)}/diff", query))

    def decisions(
        self,
        *,
        agent_id: str | None = None,
        action: str | None = None,
        decision: str | None = None,
        policy: str | None = None,
        namespace: str | None = None,
        limit: int | None = None,
    ) -> Stream[RecordedDecision]:
        """What was decided, the newest first, page by page as it is read; of allows only a sample is kept."""
        query = self._query(namespace, agent_id=agent_id, action=action, decision=decision, policy=policy, limit=limit)
        for page in pages(self._sender, DecisionPage, "/v1/decisions", query):
            for one in page.decisions:
                yield one

    def decision(self, decision_id: str) -> RecordedDecision:
        """A decision with everything that its rules could see. Raises NotFoundError."""
        return self._sender.ask(RecordedDecision, get(f"/v1/decisions/{escape(decision_id)}"))

    def _query(self, namespace: str | None, **fields: Any) -> dict[str, Any]:
        return drop_none(namespace=namespace or self._sender.settings.namespace, **fields)


def _dry(only: bool) -> str:
    return "?dry_run=true" if only else ""
