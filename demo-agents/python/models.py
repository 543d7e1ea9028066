"""The two models that an agent can think with: a provider's chat model, and a script that plays its part offline."""

from __future__ import annotations

import asyncio
import json
import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import httpx

Message = dict[str, Any]

PROVIDERS = Path(__file__).parent.parent / "providers.json"
ATTEMPTS = 5
LONGEST_PAUSE = 30.0


class Model(Protocol):
    async def answer(self, messages: list[Message], tools: list[Message]) -> Message: ...


class ModelError(Exception):
    """The model did not answer. Its text never contains the key."""


@dataclass(frozen=True)
class Provider:
    name: str
    base_url: str
    model: str
    key: str = field(repr=False)

    @staticmethod
    def from_environment() -> Provider | None:
        """The first one that has a key, in the order of providers.json."""
        for entry in json.loads(PROVIDERS.read_text()):
            prefix = entry["name"].upper()
            key = os.environ.get(f"{prefix}_API_KEY", "").strip()
            if not key:
                continue
            if not re.fullmatch(r"[!-~]+", key):
                # The HTTP client would refuse the header too, and quote it.
                raise ModelError(f"{prefix}_API_KEY is no key: it has a line break, a space or another odd character.")
            base_url = os.environ.get(f"{prefix}_BASE_URL") or entry["base_url"]
            model = os.environ.get(f"{prefix}_MODEL") or entry["model"]
            return Provider(entry["name"], base_url.rstrip("/"), model, key)
        return None


class ChatModel:
    """A model behind the chat completions API, which Gemini, Groq and OpenAI share."""

    def __init__(self, provider: Provider, http: httpx.AsyncClient) -> None:
        self._provider = provider
        self._http = http

    async def answer(self, messages: list[Message], tools: list[Message]) -> Message:
        for attempt in range(ATTEMPTS):
            response = await self._post({"model": self._provider.model, "messages": messages, "tools": tools})
            if response is not None and response.is_success:
                return self._message(response)
            if response is not None and response.status_code != 429 and response.status_code < 500:
                break
            pause = _retry_after(response) or 2.0**attempt
            if pause > LONGEST_PAUSE or attempt == ATTEMPTS - 1:
                break
            await asyncio.sleep(pause)
        raise ModelError(self._why(response))

    async def _post(self, body: Message) -> httpx.Response | None:
        try:
            return await self._http.post(
                f"{self._provider.base_url}/chat/completions",
                json=body,
                headers={"Authorization": f"Bearer {self._provider.key}"},
                timeout=60,
            )
        except httpx.TransportError:
            return None

    def _message(self, response: httpx.Response) -> Message:
        try:
            message = response.json()["choices"][0]["message"]
            # Sent back with the next request: the calls word by word, since a provider may have signed them, and no
            # field that another provider would not know.
            return {name: message[name] for name in ("role", "content", "tool_calls") if message.get(name) is not None}
        except (ValueError, LookupError, TypeError, AttributeError):
            raise ModelError(f"{self._provider.name} answered without a message.") from None

    def _why(self, response: httpx.Response | None) -> str:
        provider = self._provider
        if response is None:
            return f"{provider.name} cannot be reached at {provider.base_url}."
        if response.status_code in (401, 403):
            # Its own words may quote the key.
            return f"{provider.name} does not accept {provider.name.upper()}_API_KEY ({response.status_code})."
        words = response.text.replace(provider.key, "***")[:500]
        return f"{provider.name} answered {response.status_code}: {' '.join(words.split())}"


class ScriptedModel:
    """What a sensible model would do, without one: it reads the record, asks for all, and takes what it is told it may."""

    def __init__(self, customer: str, wanted: float) -> None:
        self._customer = customer
        self._wanted = wanted

    async def answer(self, messages: list[Message], tools: list[Message]) -> Message:
        last = messages[-1]
        if last["role"] == "user":
            return self._call("read_customer", customer_id=self._customer)
        if last["content"].startswith("{"):
            return self._call("refund", customer_id=self._customer, amount=self._wanted)
        limit = re.search(r"estimated_cost <= (\d+)", last["content"])
        if limit:
            return self._call("refund", customer_id=self._customer, amount=int(limit[1]))
        return {"role": "assistant", "content": last["content"]}

    @staticmethod
    def _call(name: str, **arguments: Any) -> Message:
        function = {"name": name, "arguments": json.dumps(arguments)}
        return {"role": "assistant", "tool_calls": [{"id": f"call_{name}", "type": "function", "function": function}]}


def _retry_after(response: httpx.Response | None) -> float | None:
    try:
        return float(response.headers["retry-after"]) if response is not None else None
    except (KeyError, ValueError):
        return None
