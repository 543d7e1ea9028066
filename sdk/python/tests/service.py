"""A ProtoMesh service of the tests' own."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import tempfile
import time
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[3]
_BUILT = REPOSITORY / "src/ProtoMesh.Server/bin/Debug/net10.0/ProtoMesh.Server.dll"
_LISTENING = re.compile(r"Now listening on: (http://[0-9.:]+)")


def dll() -> Path:
    """Where the service was built."""
    found = Path(os.environ.get("PROTOMESH_SERVER_DLL") or _BUILT)
    if not found.is_file():
        raise FileNotFoundError(f"{found} is missing: build src/ProtoMesh.Server, or set PROTOMESH_SERVER_DLL.")
    return found


class Service:
    """The real server on a free port, with a store and a database in a folder of its own."""

    def __init__(self, **settings: str) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="protomesh-")
        self._log = Path(self._folder.name) / "service.log"
        self._command = ["dotnet", str(dll())]
        self._environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("PROTOMESH_")},
            "Store__DataFolder": str(Path(self._folder.name) / "data"),
            "Logging__LogLevel__Microsoft.Hosting.Lifetime": "Information",
            **settings,
        }
        self.url = self._start("http://127.0.0.1:0")

    def _start(self, address: str) -> str:
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                self._command,
                env={**self._environment, "ASPNETCORE_URLS": address},
                cwd=self._folder.name,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        end = time.monotonic() + 60
        while time.monotonic() < end and self._process.poll() is None:
            found = _LISTENING.search(self._log.read_text(errors="replace"))
            if found:
                return found[1]
            time.sleep(0.02)
        raise RuntimeError(f"The service did not start:\n{self._log.read_text(errors='replace')}")

    def kill(self) -> None:
        """Without a word."""
        self._process.kill()
        self._process.wait()

    def start(self) -> None:
        """At the same address with the same data."""
        self._start(self.url)

    def pause(self) -> None:
        """Takes connections and answers nothing."""
        self._process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """After a pause."""
        self._process.send_signal(signal.SIGCONT)

    def close(self) -> None:
        """Ends it and removes its data."""
        if self._process.poll() is None:
            self.kill()
        self._folder.cleanup()
