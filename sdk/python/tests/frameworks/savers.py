"""A checkpointer of LangGraph whose memory can be kept in a file, for runs that go on in another process."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

from langgraph.checkpoint.memory import InMemorySaver


class FileSaver(InMemorySaver):
    """Keeps all it was given when it is told to."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path
        if path.exists():
            storage, writes, blobs = pickle.loads(path.read_bytes())
            for thread, spaces in storage.items():
                self.storage[thread].update(spaces)
            self.writes.update(writes)
            self.blobs.update(blobs)

    def keep(self) -> None:
        """Into the file."""
        storage: dict[str, Any] = {thread: dict(spaces) for thread, spaces in self.storage.items()}
        self._path.write_bytes(pickle.dumps((storage, dict(self.writes), dict(self.blobs))))
