"""Which processes should be renewed: control asks, the supervisor does it.

To renew a process is to start its successor first and to end it when the
successor serves, so that there is always somebody at the door. What is asked is
one small file (`run/renew.json`): how often each process was asked to be renewed
while the platform is up. So either side may miss or repeat a look and still
agree with the other.
"""

import json
import logging
from collections.abc import Iterable
from pathlib import Path

log = logging.getLogger(__name__)


class Renewals:
    """The file of what was asked."""

    def __init__(self, path: Path):
        self.path = path
        self._seen: dict[str, int] = {}

    def ask(self, names: Iterable[str]) -> None:
        """Ask for these to be renewed, one after the other. Control only."""
        asked = self._read()
        for name in names:
            asked[name] = asked.get(name, 0) + 1
        partial = self.path.with_suffix(".partial")
        partial.write_text(json.dumps(asked), encoding="utf-8")
        partial.replace(self.path)

    def forget(self) -> None:
        """Begin anew: what was asked of an earlier platform is over. Supervisor only."""
        self.path.unlink(missing_ok=True)
        self._seen = {}

    def news(self) -> list[str]:
        """Return what was asked since the last call. Supervisor only."""
        asked = self._read()
        found = [name for name, times in asked.items() if times > self._seen.get(name, 0)]
        self._seen = asked
        return found

    def _read(self) -> dict[str, int]:
        """Return what was asked so far; nothing where the file holds no such thing."""
        try:
            asked = json.loads(self.path.read_bytes())
            return {str(name): int(times) for name, times in asked.items()}
        except FileNotFoundError:
            return {}
        except (ValueError, TypeError, AttributeError):
            log.warning("%s does not say what to renew", self.path)
            return {}
