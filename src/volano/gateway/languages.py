"""In which language is a call? Asked only where a rollout is about some languages.

    the tag `language`     x-volano-tag-language: hu
    accept-language        its first wish, unless that is `*`
    the last user's words  told by py3langid, where it is installed (volano[data])

What tells languages is large: 0.8 s and some 100 MB. It is read in a thread of its own
when the first snapshot wants it, that is while a candidate still warms up. Until it is
there, a call that does not say its language has none that is known.
"""

import logging
import threading
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

import msgspec
from msgspec import Raw

from volano.core.errors import VolanoError
from volano.core.lazy import lazy
from volano.core.ports.language import DetectLanguage
from volano.gateway.door import Door
from volano.gateway.within import primary
from volano.wire import openai
from volano.wire.dialects.all import SERVED
from volano.wire.exchange import Text
from volano.wire.peek import Peek

_steps = lazy("volano.data.steps.language")
MOST_CHARS = 1000
"""So much of the words is looked at."""
MOST_KEPT = 512
"""So many words are remembered with their language: a call is often tried again."""
UNKNOWN = ""

_log = logging.getLogger("volano.gateway")
_decode = msgspec.json.Decoder().decode


class Languages:
    """What tells languages in one worker."""

    def __init__(self, load: Callable[[], DetectLanguage] | None = None):
        self._load = load or _steps_teller
        self._tell: DetectLanguage | None = None
        self._asked = False

    def want(self) -> None:
        """Languages will be asked for: begin to read what tells them, once. Never waits."""
        if not self._asked:
            self._asked = True
            threading.Thread(target=self._read, name="languages", daemon=True).start()

    @property
    def ready(self) -> bool:
        """Whether words can be told."""
        return self._tell is not None

    def of(
        self,
        tags: Mapping[str, str],
        fields: Mapping[bytes, bytes],
        door: Door,
        peek: Peek,
        body: bytes,
    ) -> str:
        """Return the language of a call, such as `hu`; nothing where it cannot be told."""
        said = tags.get("language") or _wished(fields.get(b"accept-language", b""))
        if said:
            return primary(said)
        tell = self._tell
        if tell is None:
            return UNKNOWN
        words = last_words(door, peek, body)[:MOST_CHARS]
        return primary(tell(words)) if words else UNKNOWN

    def _read(self) -> None:
        try:
            self._tell = lru_cache(MOST_KEPT)(self._load())
        except VolanoError as error:
            _log.warning("calls that do not say their language are in none: %s", error)
        except Exception:  # noqa: BLE001 - a worker serves on without it
            _log.exception("calls that do not say their language are in none")


def last_words(door: Door, peek: Peek, body: bytes) -> str:
    """Return what the user said last, or what is to be embedded; nothing where that is no text."""
    try:
        if peek.chat is not None:
            return _of_chat(peek.chat.messages)
        served = SERVED.get(door.dialect)
        if served is not None:
            return _of_turns(served.read_ask(body))
        return _text(_decode(body).get("input"))
    except (
        VolanoError,
        ValueError,
        AttributeError,
        RecursionError,
    ):  # the target says what is wrong with it
        return ""


def _of_chat(messages: Raw) -> str:
    for message in reversed(openai.read_messages(messages)):
        if bytes(message.get("role", b"")) == b'"user"':
            return _text(_decode(message.get("content", b'""')))
    return ""


def _of_turns(ask: Any) -> str:
    for turn in reversed(ask.turns):
        if turn.role == "user":
            found = [part.text for part in turn.parts if isinstance(part, Text)]
            if found:
                return "\n".join(found)
    return ""


def _text(content: Any) -> str:
    """Return the words of a content: a text, or the texts of its parts."""
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else ()
    texts = [part.get("text") if isinstance(part, dict) else part for part in parts]
    return "\n".join(text for text in texts if isinstance(text, str))


def _wished(header: bytes) -> str:
    """Return the first language of an Accept-Language header; `*` is none (RFC 9110, 12.5.4)."""
    first = header[:256].decode("latin-1").partition(",")[0].partition(";")[0].strip()
    return "" if first == "*" else first


def _steps_teller() -> DetectLanguage:
    """Return what the step `language` tells with. Raises: MissingExtraError: it is not installed."""
    found: DetectLanguage = _steps.Language.teller()
    return found
