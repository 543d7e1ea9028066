"""Sends a call until it has an answer, the answer is final, or its time is up."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeVar
from urllib.parse import quote, urlencode

from .._answers.base import Answer, WrongShapeError
from .._clock import Backoff, monotonic
from .._errors import MeshError, ServiceFailedError, UnavailableError
from .._problems import (
    check_version,
    is_plain_json,
    not_protomesh,
    origin,
    read_json,
    refusal,
    unreachable,
    wrong_shape,
)
from .._requests import drop_none, to_json
from .._settings import Settings
from .._version import VERSION
from .runtime import Http, pause

if TYPE_CHECKING:
    import httpx

_A = TypeVar("_A", bound=Answer)

_AGENT: Final = f"protomesh-python/{VERSION} (Python {sys.version_info.major}.{sys.version_info.minor})"


class Call(NamedTuple):
    """One request, sent as often as it takes. It can be repeated, since it carries an id or says the state it wants;
    ``once`` is for the one that cannot."""

    method: str
    path: str
    query: Mapping[str, Any] | None = None
    #: The body, encoded once for all attempts.
    body: bytes | None = None
    headers: Mapping[str, str] | None = None
    #: For how many seconds the service is asked to hold the request open; None does not ask.
    hold: float | None = None
    #: The time after which no attempt begins or goes on; None is ``retry_for`` from now.
    until: float | None = None
    #: A status beyond 2xx whose body is an answer too.
    also: int | None = None
    #: Repeated only when it has surely had no effect.
    once: bool = False


class Reply(NamedTuple):
    """A good answer, and when the request that brought it was sent."""

    status: int
    data: Any
    sent: float
    url: str


class Sender:
    """All HTTP of a client."""

    def __init__(self, settings: Settings, http: Http) -> None:
        self.settings = settings
        self.http = http
        self._current = 0

    async def ask(self, answer: type[_A], call: Call) -> _A:
        """Sends a call and reads its answer."""
        return self.read(answer, await self.send(call))

    def read(self, answer: type[_A], reply: Reply) -> _A:
        """Raises ProtocolError when it is another answer."""
        try:
            return answer.from_dict(reply.data)
        except WrongShapeError as fault:
            raise wrong_shape(reply.url, reply.status, fault) from None

    async def send(self, call: Call) -> Reply:
        """Raises MeshError: a final answer, or the last failure when the time was up."""
        until = monotonic() + self.settings.retry_for if call.until is None else call.until
        # Zero tries once, and such a try has its whole time.
        limit = math.inf if call.until is None and self.settings.retry_for == 0 else until
        backoff = Backoff()
        urls = self.settings.base_urls
        attempt = 0
        while True:
            attempt += 1
            at = self._current
            try:
                return await self._try_once(call, urls[at % len(urls)], limit)
            except (UnavailableError, ServiceFailedError) as fault:
                if not fault.retryable or (call.once and not self._was_without_effect(fault)):
                    raise
                failure = fault
            self._move_on(at)
            asked = (failure.retry_after_ms or 0) / 1000
            delay = 0.0 if attempt < len(urls) else max(backoff.next(), asked)
            if until - monotonic() <= delay:
                raise failure
            if delay > 0:
                await pause(delay)

    async def open_events(self, query: Mapping[str, Any], last_event_id: str | None, silence: float) -> httpx.Response:
        """Opens the stream of events. Its body is left to the caller, who also retries."""
        at = self._current
        url = self.settings.base_urls[at % len(self.settings.base_urls)]
        headers = drop_none(
            **{"Accept": "text/event-stream", "Cache-Control": "no-store", "Last-Event-ID": last_event_id}
        )
        response: httpx.Response | None = None
        try:
            limit = self.settings.attempt_timeout
            request = self._request("GET", url, "/v1/events", query, None, headers)
            request.extensions["timeout"] = {"connect": limit, "write": limit, "pool": limit, "read": silence}
            response = await self.http.open(request, limit)
            check_version(response.headers, url)
            if response.status_code == 200 and "text/event-stream" in response.headers.get("content-type", ""):
                opened, response = response, None
                return opened
            body = await response.aread()
            if response.is_success:
                raise not_protomesh(url, response.status_code, response.headers.get("content-type", ""))
            raise refusal(response.status_code, response.headers, body, url)
        except UnavailableError:
            self._move_on(at)
            raise
        except self.http.faults as fault:
            if isinstance(fault, MeshError):
                raise
            self._move_on(at)
            raise _no_answer(url, fault) from fault
        except RuntimeError as fault:
            raise _closed(fault) from fault
        finally:
            if response is not None:
                await response.aclose()

    async def _try_once(self, call: Call, base_url: str, until: float) -> Reply:
        headers: dict[str, str] = {"Accept": "application/json"}
        if call.headers is not None:
            headers.update(call.headers)
        elif call.body is not None:
            headers["Content-Type"] = "application/json"
        limit = self.settings.attempt_timeout
        if call.hold is not None:
            headers["Prefer"] = f"wait={math.ceil(call.hold)}"
            limit += call.hold
        sent = monotonic()
        limit = min(limit, max(until - sent, 0.001))
        try:
            request = self._request(call.method, base_url, call.path, call.query, call.body, headers)
            status, answered, body = await self.http.send(request, limit)
        except self.http.faults as fault:
            raise _no_answer(base_url, fault) from fault
        except RuntimeError as fault:
            raise _closed(fault) from fault
        check_version(answered, base_url)
        if 200 <= status < 300 or (status == call.also and is_plain_json(answered)):
            return Reply(status, read_json(status, answered, body, base_url), sent, base_url)
        raise refusal(status, answered, body, base_url)

    def _request(
        self,
        method: str,
        base_url: str,
        path: str,
        query: Mapping[str, Any] | None,
        body: bytes | None,
        headers: dict[str, str],
    ) -> httpx.Request:
        url = base_url + path
        if query:
            url += "?" + urlencode({name: value for name, value in query.items() if value is not None}, quote_via=quote)
        headers["User-Agent"] = _AGENT
        if self.settings.api_key is not None:
            headers["Authorization"] = f"Bearer {self.settings.api_key}"
        return self.http.client().build_request(method, url, content=body, headers=headers, timeout=None)

    def _was_without_effect(self, fault: MeshError) -> bool:
        """It was never sent, or the service says that it has not begun."""
        return isinstance(fault.__cause__, self.http.never_sent) or fault.code == "store_recovering"

    def _move_on(self, at: int) -> None:
        """Whoever failed first moves on; others that failed at the same address must not skip the next one."""
        if self._current == at:
            self._current = at + 1


def post(
    path: str,
    body: Mapping[str, Any] | None = None,
    *,
    hold: float | None = None,
    until: float | None = None,
    once: bool = False,
) -> Call:
    """A POST with a JSON body."""
    return Call("POST", path, body=None if body is None else to_json(body), hold=hold, until=until, once=once)


def get(path: str, query: Mapping[str, Any] | None = None) -> Call:
    """A GET."""
    return Call("GET", path, query=query)


def escape(segment: str) -> str:
    """As one segment of a path."""
    return quote(segment, safe="")


def _closed(fault: RuntimeError) -> Exception:
    """What httpx raises when its client is closed has no class of its own."""
    return unreachable("This client was closed.", retryable=False) if "closed" in str(fault) else fault


def _no_answer(url: str, fault: BaseException) -> MeshError:
    if isinstance(fault, TimeoutError) or "Timeout" in type(fault).__name__:
        return unreachable(f"{origin(url)} did not answer in time.")
    return unreachable(f"{origin(url)} could not be reached: {str(fault) or type(fault).__name__}.")
