"""The Shelf: prompts that were read, in one file, for a start while the server is away."""

import json
import os
import threading
from pathlib import Path
from typing import Any


class Shelf:
    """Keeps the last good prompt of each ref. A file that cannot be read or written is none."""

    def __init__(self, path: str):
        self._path, self._lock = Path(path), threading.Lock()

    def content(self, ref: str) -> dict[str, Any] | None:
        """Return what is kept of a ref."""
        found = self._all().get(ref)
        return found if isinstance(found, dict) else None

    def put(self, ref: str, content: dict[str, Any] | None) -> None:
        """Keep this one from now on; None: keep none."""
        with self._lock:
            kept = self._all()
            if kept.get(ref) == content:
                return
            kept = (
                {**kept, ref: content} if content else {k: v for k, v in kept.items() if k != ref}
            )
            self._write(kept)

    def _all(self) -> dict[str, Any]:
        try:
            found = json.loads(self._path.read_bytes())
        except (OSError, ValueError, RecursionError):
            return {}
        return found if isinstance(found, dict) else {}

    def _write(self, kept: dict[str, Any]) -> None:
        part = self._path.with_name(f"{self._path.name}.{os.getpid()}.part")
        try:
            with os.fdopen(
                os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w"
            ) as file:
                json.dump(kept, file)
            part.replace(self._path)
        except (OSError, TypeError, ValueError):
            part.unlink(missing_ok=True)
