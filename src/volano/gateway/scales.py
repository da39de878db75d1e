"""How many replicas of each base were wanted last, in a small file: the next control goes on there.

Which engines run does not tell it: while one release takes another's place, both have fewer.
"""

import json
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path


class Scales:
    """The file of these numbers (`run/scales.json`), by the digest of the base."""

    def __init__(self, path: Path):
        self.path = path

    def read(self) -> dict[str, int]:
        """Return the numbers; none where the file holds none."""
        with suppress(OSError, ValueError, TypeError, AttributeError):
            found = json.loads(self.path.read_bytes())
            return {str(key): int(value) for key, value in found.items()}
        return {}

    def write(self, wanted: Mapping[str, int]) -> None:
        """Replace the numbers, as a whole."""
        if wanted == self.read():
            return
        partial = self.path.with_suffix(".partial")
        with suppress(OSError):  # a full disk: then the next control starts with the least
            partial.write_text(json.dumps(dict(wanted), sort_keys=True), encoding="utf-8")
            partial.replace(self.path)
