"""A Subject: what feedback is about. Written `kind:id`, as budgets and limits write theirs.

    trace:4bf92f3577b34da6a3ce929d0e0e4736
    span:4bf92f3577b34da6a3ce929d0e0e4736/00f067aa0ba902b7
    session:chat-77        user:anna        order:4711

Any other word than the first four is an own key: the name of a tag that the
application puts on its traces. What is said of `order:4711` belongs to the
newest trace with the tag `order` = `4711`, whenever that comes.
"""

import re
from dataclasses import dataclass
from typing import Literal

from volano.core.ids import is_trace_id
from volano.core.text import nfc
from volano.feedback.errors import BadSubjectError, BadTraceIdError

Level = Literal["trace", "span", "session", "user", "key"]
LEVELS = ("trace", "span", "session", "user")
_WORD = re.compile(r"[a-z][a-z0-9_.-]{0,63}")
_SPAN = re.compile(r"[0-9a-f]{16}")
_MOST = 256


@dataclass(frozen=True, slots=True)
class Subject:
    """`id` is the id at its level; of an own key it is the whole spelling, `order:4711`."""

    level: Level
    id: str
    trace_id: str = ""

    def __str__(self) -> str:
        if self.level == "span":
            return f"span:{self.trace_id}/{self.id}"
        return self.id if self.level == "key" else f"{self.level}:{self.id}"


def subject(text: str) -> Subject:
    """Read a subject; 32 hexadecimal digits alone are a trace.

    Raises:
        BadSubjectError, BadTraceIdError: as they say.
    """
    if not isinstance(text, str) or len(text) > _MOST or _hides(text):
        raise BadSubjectError(subject=ascii(text)[1:-1][:80])
    if is_trace_id(text):
        return Subject("trace", text, text)
    word, colon, id_ = nfc(text).partition(":")
    id_ = id_.strip()
    if not colon or not id_ or not _WORD.fullmatch(word):
        raise BadSubjectError(subject=ascii(text)[1:-1][:80])
    if word == "trace":
        return Subject("trace", _trace(id_), id_)
    if word == "span":
        trace, _, span = id_.partition("/")
        if not _SPAN.fullmatch(span):
            raise BadSubjectError(subject=ascii(text)[1:-1][:80])
        return Subject("span", span, _trace(trace))
    if word in ("session", "user"):
        return Subject(word, id_)  # type: ignore[arg-type]
    return Subject("key", f"{word}:{id_}")


def _trace(text: str) -> str:
    if not is_trace_id(text):
        raise BadTraceIdError(trace=text[:64])
    return text


def _hides(text: str) -> bool:
    return any(ord(char) < 32 or "\ud800" <= char <= "\udfff" for char in text)
