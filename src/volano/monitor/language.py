"""Languages: which language a question is in, for KPIs and evaluators.

Told by py3langid, as the step `language` of recipes does, where it is installed (`volano[data]`):
`hu`, `zh`. Else, and of a text too short to tell, it is the script: `latin`, `cyrillic`, `han`.
Drift keeps to scripts: what was pinned by one way of telling cannot be held against another.
"""

import logging
from collections.abc import Callable
from hashlib import blake2b
from threading import Lock

from volano.core.lazy import lazy
from volano.core.ports.language import DetectLanguage
from volano.data.errors import MissingExtraError
from volano.monitor.drift.script import script

_steps = lazy("volano.data.steps.language")
MOST_KEPT = 1 << 15
"""Of so many questions it is remembered, by digest: pages ask for the same ones again and again."""
_UNKNOWN = ("", "und")

log = logging.getLogger(__name__)


class Languages:
    """Tells languages. The first text takes about a second and 100 MB: the model is read then."""

    def __init__(self, load: Callable[[], DetectLanguage] | None = None):
        self._load = load or _steps_teller
        self._tell: DetectLanguage | None = None
        self._lock = Lock()
        self._told: dict[bytes, str] = {}

    def __call__(self, text: str) -> str:
        """Return a BCP 47 tag, or the script of the text."""
        digest = blake2b(text.encode("utf-8", "replace"), digest_size=12).digest()
        found = self._told.get(digest)
        if found is None:
            if len(self._told) >= MOST_KEPT:
                self._told.clear()
            found = self._told[digest] = self._tell_of(text)
        return found

    def _tell_of(self, text: str) -> str:
        with self._lock:
            if self._tell is None:
                self._tell = self._loaded()
        found = self._tell(text)
        return script(text) if found in _UNKNOWN else found

    def _loaded(self) -> DetectLanguage:
        try:
            return self._load()
        except MissingExtraError as error:
            log.info("languages are told by script: %s", error)
            return script


def _steps_teller() -> DetectLanguage:
    found: DetectLanguage = _steps.Language.teller()
    return found
