"""Which engines should run: control writes the wish, the supervisor fulfils it.

The wish is one small file (`run/engines.json`), replaced as a whole, so that
either side may die and come back and still agree with the other.
"""

import json
import logging
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

from volano.serving.spec import EngineSpec

log = logging.getLogger(__name__)


class Wanted:
    """The file of wanted engines."""

    def __init__(self, path: Path):
        self.path = path
        self._seen: tuple[int, int] | None = None

    def write(self, specs: Iterable[EngineSpec]) -> None:
        """Replace the wish."""
        unique = {spec.name: spec for spec in specs}
        text = json.dumps([asdict(unique[name]) for name in sorted(unique)], default=str)
        if self.path.exists() and self.path.read_bytes() == text.encode():
            return
        partial = self.path.with_suffix(".partial")
        partial.write_text(text, encoding="utf-8")
        partial.replace(self.path)

    def changed(self) -> list[EngineSpec] | None:
        """Return the wish when it changed since the last call, else None.

        A file that holds no wish (a power cut, another version) counts as
        unchanged: control writes it anew when it starts.
        """
        try:
            stat = self.path.stat()
        except FileNotFoundError:
            return None
        mark = (stat.st_ino, stat.st_mtime_ns)
        if mark == self._seen:
            return None
        self._seen = mark
        return self.read()

    def read(self) -> list[EngineSpec] | None:
        """Return the wish as it stands; None where there is none."""
        try:
            return [EngineSpec.from_dict(raw) for raw in json.loads(self.path.read_bytes())]
        except FileNotFoundError:
            return None
        except (ValueError, TypeError, AttributeError):
            log.warning("%s holds no wish for engines", self.path)
            return None
