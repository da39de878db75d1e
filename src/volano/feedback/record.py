"""A Feedback: one judgement on one subject, and the rules it must keep.

Nothing said is ever changed. Who thinks better of it says it again, and the new
record `supersedes` the old one; who takes it back leaves a record that says so
(`retracted`). All of them together are a thread, named by its first record;
the newest one is what holds now.
"""

import re
import uuid
from dataclasses import asdict, dataclass, replace
from typing import Any

from volano.core.ids import is_trace_id
from volano.core.money import Money
from volano.core.text import nfc
from volano.feedback.errors import (
    BadConfidenceError,
    BadFeedbackIdError,
    BadNameError,
    BadProbabilityError,
    BadSourceError,
    BadTextError,
    BadTraceIdError,
    BadValueError,
    EmptyFeedbackError,
    TextTooLongError,
)

MAX_TEXT_BYTES = 64 << 10
SOURCES = ("person", "program", "judge")
_HUGE = 10**20
_LONGEST_NAME = 120
_NAME = re.compile(r"[a-z][a-z0-9_.-]{0,63}")


@dataclass(frozen=True, slots=True)
class Feedback:
    """What was said. `value` runs from 0 (bad) to 1 (good); `correction` is the right answer.

    `seq` is the order of recording, 0 while it is still on its way. `level` and `subject`
    say what it is about (`trace_id` is empty where that is no trace). `metric` is the version
    it was given by, empty for a free name; `number`, `category` and money (`nano` billionths
    of `currency`) are what was given itself. `source` is person, program or judge; a judge's
    explanation is its `comment`. `current`: nothing newer in its thread says otherwise.
    `probability`: with which the call was drawn, where only a sample was judged.
    """

    id: str
    trace_id: str
    at_us: int
    by: str
    group: str
    name: str
    value: float | None = None
    comment: str | None = None
    correction: str | None = None
    seq: int = 0
    level: str = "trace"
    subject: str = ""
    metric: str = ""
    number: float | None = None
    category: str | None = None
    nano: int | None = None
    currency: str | None = None
    source: str = "person"
    source_name: str = ""
    confidence: float | None = None
    supersedes: str | None = None
    retracted: bool = False
    thread: str = ""
    current: bool = True
    probability: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values, with what it is about and what was given as people write them."""
        return {**asdict(self), "about": self.about, "given": self.given}

    @property
    def about(self) -> str:
        """How its subject is written: `trace:4bf9…`, `order:4711`."""
        if self.level == "span":
            return f"span:{self.trace_id}/{self.subject}"
        if self.level == "key":
            return self.subject
        return f"{self.level}:{self.subject or self.trace_id}"

    @property
    def given(self) -> str | float | None:
        """The verdict as it was given: an amount, a category, a number; None for words alone."""
        if self.nano is not None:
            return str(Money(self.nano, self.currency or ""))
        if self.category is not None:
            return self.category
        return self.number if self.number is not None else self.value


def checked(feedback: Feedback) -> Feedback:
    """Return it in canonical form (NFC, blank texts dropped, value as float).

    Raises:
        InvalidError, TooLargeError: a rule is broken; the message says which.
    """
    has_trace = feedback.level in ("trace", "span")
    if has_trace and not (isinstance(feedback.trace_id, str) and is_trace_id(feedback.trace_id)):
        raise BadTraceIdError(trace=str(feedback.trace_id)[:64])
    if not isinstance(feedback.name, str) or not _NAME.fullmatch(feedback.name):
        raise BadNameError(name=str(feedback.name)[:64])
    comment = _text("comment", feedback.comment)
    correction = _text("correction", feedback.correction)
    value = _value(feedback.value)
    said = (value, comment, correction, feedback.number, feedback.category, feedback.nano)
    if all(part is None for part in said) and not feedback.retracted:
        raise EmptyFeedbackError
    _check_source(feedback)
    id_ = _uuid(feedback.id)
    return replace(
        feedback,
        id=id_,
        value=value,
        comment=comment,
        correction=correction,
        subject=feedback.subject or feedback.trace_id,
        source_name=nfc(feedback.source_name),
        thread=feedback.thread or id_,
    )


def _check_source(feedback: Feedback) -> None:
    name, confidence = feedback.source_name, feedback.confidence
    if feedback.source not in SOURCES or len(name) > _LONGEST_NAME or not name.isprintable():
        raise BadSourceError(source=ascii(f"{feedback.source} {name}")[1:-1][:80])
    if confidence is not None and not 0 <= confidence <= 1:
        raise BadConfidenceError(value=confidence)
    if feedback.probability is not None and not 0 < feedback.probability <= 1:
        raise BadProbabilityError(value=feedback.probability)


def _uuid(text: str) -> str:
    try:
        return str(uuid.UUID(text))
    except (ValueError, TypeError, AttributeError) as error:
        raise BadFeedbackIdError(id=str(text)[:64]) from error


def _value(value: object) -> float | None:
    if value is None:
        return None
    if not isinstance(value, int | float):
        raise BadValueError(value=repr(value)[:40])
    if not 0 <= value <= 1:  # not true of NaN either
        raise BadValueError(value="one so large" if abs(value) > _HUGE else value)
    return float(value)


def _text(what: str, text: object) -> str | None:
    if text is None:
        return None
    if not isinstance(text, str) or "\0" in text:
        raise BadTextError(what=what)
    try:
        text = nfc(text)
        size = len(text.encode())
    except UnicodeEncodeError as error:
        raise BadTextError(what=what) from error
    if size > MAX_TEXT_BYTES:
        raise TextTooLongError(what=what, size=size, limit=MAX_TEXT_BYTES)
    return text if text.strip() else None
