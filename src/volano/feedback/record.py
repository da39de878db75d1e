"""A Feedback: one judgement on one trace, and the rules it must keep."""

import re
import uuid
from dataclasses import dataclass

from volano.core.ids import is_trace_id
from volano.core.text import nfc
from volano.feedback.errors import (
    BadFeedbackIdError,
    BadNameError,
    BadTextError,
    BadTraceIdError,
    BadValueError,
    EmptyFeedbackError,
    TextTooLongError,
)

MAX_TEXT_BYTES = 64 << 10
_HUGE = 10**20
_NAME = re.compile(r"[a-z][a-z0-9_.-]{0,63}")


@dataclass(frozen=True, slots=True)
class Feedback:
    """What was said. `value` runs from 0 (bad) to 1 (good); `correction` is the right answer.

    `seq` is the order of recording, 0 while it is still on its way.
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


def checked(feedback: Feedback) -> Feedback:
    """Return it in canonical form (NFC, blank texts dropped, value as float).

    Raises:
        InvalidError, TooLargeError: a rule is broken; the message says which.
    """
    if not isinstance(feedback.trace_id, str) or not is_trace_id(feedback.trace_id):
        raise BadTraceIdError(trace=str(feedback.trace_id)[:64])
    if not isinstance(feedback.name, str) or not _NAME.fullmatch(feedback.name):
        raise BadNameError(name=str(feedback.name)[:64])
    value = _value(feedback.value)
    comment = _text("comment", feedback.comment)
    correction = _text("correction", feedback.correction)
    if value is None and comment is None and correction is None:
        raise EmptyFeedbackError
    return Feedback(
        id=_uuid(feedback.id),
        trace_id=feedback.trace_id,
        at_us=feedback.at_us,
        by=feedback.by,
        group=feedback.group,
        name=feedback.name,
        value=value,
        comment=comment,
        correction=correction,
    )


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
