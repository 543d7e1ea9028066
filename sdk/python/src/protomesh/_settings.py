"""How a client finds the service and who it speaks for."""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What a client was made with, defaults filled in."""

    base_urls: tuple[str, ...]
    api_key: str | None = field(repr=False)
    agent_id: str
    session_id: str | None
    namespace: str | None
    attempt_timeout: float
    retry_for: float
    #: Nobody named the agent.
    is_agent_made_up: bool = False

    def after_fork(self) -> None:
        """In a forked process, which is another agent than its parent unless it was given a name."""
        if self.is_agent_made_up:
            object.__setattr__(self, "agent_id", _agent())

    @classmethod
    def of(
        cls,
        base_urls: str | Sequence[str] | None,
        api_key: str | None,
        agent_id: str | None,
        session_id: str | None,
        namespace: str | None,
        attempt_timeout: float,
        retry_for: float,
    ) -> Settings:
        """From the arguments, and from the environment where they say nothing."""
        agent_id = agent_id or os.environ.get("PROTOMESH_AGENT_ID") or None
        return cls(
            base_urls=_urls(base_urls),
            api_key=_key(api_key or os.environ.get("PROTOMESH_API_KEY") or None),
            agent_id=agent_id or _agent(),
            is_agent_made_up=agent_id is None,
            session_id=session_id,
            namespace=namespace,
            attempt_timeout=attempt_timeout,
            retry_for=retry_for,
        )


def _urls(given: str | Sequence[str] | None) -> tuple[str, ...]:
    if given is None or isinstance(given, str):
        text = given or os.environ.get("PROTOMESH_URL") or "http://localhost:8000"
        given = [part.strip() for part in text.split(",") if part.strip()]
    urls = tuple(url.rstrip("/") for url in given)
    # No message may name what was given: it is a secret.
    if any("@" in _authority(url) for url in urls):
        raise ValueError("A base URL holds a user name or password. Leave it out, and give the key as api_key.")
    if not urls or not all(_is_absolute(url) for url in urls):
        raise ValueError("base_urls needs at least one absolute URL, such as http://localhost:8000.")
    return urls


def _is_absolute(url: str) -> bool:
    try:
        parts = urlsplit(url)
        # Reading a port that cannot be one raises.
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _authority(url: str) -> str:
    return re.split(r"[/?#\\]", url.partition("://")[2], maxsplit=1)[0]


def _key(key: str | None) -> str | None:
    """As a header can hold it: whoever sends it would else put it into an error."""
    if key is not None and not re.fullmatch(r"[!-~]+", key):
        raise ValueError(
            "The api_key has a space, a line break or another character that no key has: only printable ASCII is sent. "
            "Was it read from a file with a newline at its end?"
        )
    return key


def _agent() -> str:
    host = socket.gethostname().encode()[:100].decode(errors="ignore") or "host"
    return f"{host}-{os.getpid()}-{os.urandom(3).hex()}"
