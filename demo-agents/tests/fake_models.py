"""A stand-in for the chat completions APIs of Gemini, Groq and OpenAI, which looks closely at what it is asked.

Every conversation meets a 429 with Retry-After, malformed arguments, two parallel calls of different tools, a 503, and two
parallel calls of the same tool, in this order. What a real provider would refuse is written down in `complaints`.
"""

from __future__ import annotations

import json
import re
import secrets
import threading
import time
from collections import defaultdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

TOOLS = json.loads((Path(__file__).parent.parent / "refunds.json").read_text())["tools"]
DEFAULTS = {entry["name"]: entry for entry in json.loads((Path(__file__).parent.parent / "providers.json").read_text())}
RETRY_AFTER = 1

Message = dict[str, Any]
#: Status, headers and body.
Answer = tuple[int, dict[str, str], Message]


class Conversation:
    """One agent's talk with its model. Its name is in the task, as it would be in any prompt."""

    def __init__(self) -> None:
        self.step = 0
        self.last_at = 0.0
        self.said: list[Message] = []
        self.met: list[str] = []
        self.finished = False


class FakeModels:
    def __init__(self) -> None:
        self.keys = {name: f"{name}-key-{secrets.token_hex(12)}" for name in DEFAULTS}
        self.models = {name: entry["model"] for name, entry in DEFAULTS.items()}
        self.complaints: list[str] = []
        self.conversations: dict[tuple[str, str], Conversation] = defaultdict(Conversation)
        self._gate = threading.Lock()
        handler = type("Handler", (_Handler,), {"fake": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def answer(self, provider: str, headers: Any, body: Message) -> Answer:
        with self._gate:
            (agent,) = re.findall(r"You are (\w+)\.", body["messages"][1]["content"])
            talk = self.conversations[provider, agent]
            now, waited = time.monotonic(), time.monotonic() - talk.last_at
            talk.last_at = now
            for complaint in self._look(provider, headers, body, talk):
                self.complaints.append(f"{provider}/{agent}: {complaint}")
            talk.step += 1
            try:
                return self._play(provider, talk, body["messages"], waited)
            except (AssertionError, IndexError, TypeError) as fault:
                self.complaints.append(f"{provider}/{agent}: at step {talk.step}: {fault!r}")
                return 400, {}, {"error": {"message": "The conversation went astray."}}

    def _look(self, provider: str, headers: Any, body: Message, talk: Conversation) -> list[str]:
        found = []
        if headers["authorization"] != f"Bearer {self.keys[provider]}":
            found.append("another key")
        if not headers["content-type"].startswith("application/json"):
            found.append(f"content type {headers['content-type']}")
        if set(body) != {"model", "messages", "tools"}:
            found.append(f"fields {sorted(body)}")
        if body.get("model") != self.models[provider]:
            found.append(f"model {body.get('model')}")
        if body.get("tools") != TOOLS or any(set(tool) != {"type", "function"} for tool in TOOLS):
            found.append("other tools")
        messages = body["messages"]
        if [message["role"] for message in messages[:2]] != ["system", "user"]:
            found.append("no system and user message at the start")
        if [message for message in messages if message["role"] == "assistant"] != talk.said:
            found.append("what the model said came back changed")
        for place, message in enumerate(messages):
            asked = [call["id"] for call in message.get("tool_calls", [])]
            behind = messages[place + 1 : place + 1 + len(asked)]
            if [result.get("tool_call_id") for result in behind if result["role"] == "tool"] != asked:
                found.append("a call has no result right behind it")
        return found

    def _play(self, provider: str, talk: Conversation, messages: list[Message], waited: float) -> Answer:
        ((customer, wanted),) = re.findall(r"customer (\w+) asks for \$(\d+)", messages[1]["content"])
        results = [message["content"] for message in messages if message["role"] == "tool"]
        if talk.step == 1:
            talk.met.append("429")
            return 429, {"Retry-After": str(RETRY_AFTER)}, {"error": {"message": "Slow down."}}
        if talk.step == 2:
            assert waited >= RETRY_AFTER * 0.95, f"it came back after {waited:.2f} s"
            talk.met.append("malformed arguments")
            look = ("read_customer", json.dumps({"customer_id": customer}))
            return self._calls(provider, talk, look, ("refund", '{"customer_id": "123", "amo'))
        if talk.step == 3:
            assert json.loads(results[-2])["customer"] == customer, "it did not read the record"
            assert results[-1].startswith("Not done: the arguments of refund are not JSON"), results[-1]
            return self._calls(provider, talk, ("refund", json.dumps({"customer_id": customer, "amount": int(wanted)})))
        if talk.step == 4:
            talk.met.append("503")
            return 503, {}, {"error": {"message": "Overloaded."}}
        if talk.step == 5:
            limit = re.search(r"^Not done: refund\. .* limit \$\d+ .*estimated_cost <= (\d+)", results[-1])
            assert limit, results[-1]
            talk.met.append("parallel calls")
            again = ("refund", json.dumps({"customer_id": customer, "amount": int(limit[1])}))
            return self._calls(provider, talk, again, again)
        assert talk.step == 6, "it went on after the end"
        paid = sorted(result.startswith("Paid back $100 for claim") for result in results[-2:])
        assert paid == [False, True], results[-2:]
        assert any("has been paid before" in result for result in results[-2:]), results[-2:]
        talk.finished = True
        return self._says(talk, {"role": "assistant", "content": "Done: $100 was paid back."})

    def _calls(self, provider: str, talk: Conversation, *calls: tuple[str, str]) -> Answer:
        made = []
        for name, arguments in calls:
            function = {"name": name, "arguments": arguments}
            call: Message = {"id": f"call_{secrets.token_hex(6)}", "type": "function", "function": function}
            if provider == "gemini":
                # It refuses the next request unless its signature comes back with the call.
                call["extra_content"] = {"google": {"thought_signature": secrets.token_urlsafe(24)}}
            made.append(call)
        return self._says(talk, {"role": "assistant", "tool_calls": made})

    @staticmethod
    def _says(talk: Conversation, message: Message) -> Answer:
        talk.said.append(message)
        # Fields that one provider or another adds, and that the others refuse in a request.
        whole = {"content": None, "refusal": None, "annotations": [], "reasoning": "Let me think.", **message}
        return (
            200,
            {},
            {"object": "chat.completion", "choices": [{"index": 0, "message": whole, "finish_reason": "stop"}]},
        )


class _Handler(BaseHTTPRequestHandler):
    fake: FakeModels
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        sent = self.rfile.read(int(self.headers["content-length"]))
        place = self.path.split("/")[1]
        if not self.path.endswith("/chat/completions"):
            self.fake.complaints.append(f"path {self.path}")
        if place in self.fake.keys:
            self._send(*self.fake.answer(place, self.headers, json.loads(sent)))
            return
        quoted = {
            "error": {"message": f"This key is not right: {self.headers['authorization']}", "code": "invalid_api_key"}
        }
        if place == "refused":
            self._send(401, {}, quoted)
        elif place == "quoted":
            self._send(400, {}, quoted)
        elif place == "spent":
            self._send(429, {"Retry-After": "3600"}, {"error": {"message": "The quota of this month is spent."}})
        elif place == "moved":
            self._send(307, {"Location": f"{self.fake.url}/elsewhere/chat/completions"}, {})
        elif place == "elsewhere":
            self.fake.complaints.append("a redirect was followed")
            self._send(404, {}, {})
        else:
            self._send(200, {"Content-Type": "text/html"}, None)

    def _send(self, status: int, headers: dict[str, str], body: Message | None) -> None:
        content = b"<html>Sign in</html>" if body is None else json.dumps(body).encode()
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", **headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: Any) -> None:
        """What a test wants to know is in `complaints`."""
