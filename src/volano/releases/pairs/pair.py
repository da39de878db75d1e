"""A Pair: a call that users saw answered, and its copy, answered unseen by the candidate."""

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field

from volano.core.text import nfc
from volano.evals.scorers.refusal import refuses
from volano.releases.pairs.form import Form, keeps, looks_formed
from volano.traces.trace import FAILED, Trace

COMPARED = frozenset({"ok", *FAILED})
"""Outcomes that say something of a release; a client that left or was refused says nothing."""
LOOKED_AT = 4_000
"""Characters of two answers that are held beside each other."""


@dataclass(frozen=True, slots=True)
class Side:
    """One answer. `failed`: no answer, or one that broke the form that was asked for (`formless`)."""

    trace: Trace
    failed: bool
    formless: bool = False
    refused: bool = False

    @property
    def text(self) -> str | None:
        """What was answered; None where that was not kept."""
        return self.trace.output_text


@dataclass(frozen=True, slots=True)
class Pair:
    """Both answers to one call. `scores` are (of the original, of the copy), by name."""

    original: Side
    copy: Side
    scores: Mapping[str, tuple[float, float]] = field(default_factory=dict)

    @property
    def unit(self) -> str:
        """Who asked: one unit counts once, however often it asks."""
        return self.original.trace.unit or self.original.trace.id

    @property
    def answered(self) -> bool:
        """Whether both answered, so that the answers can be compared."""
        return self.original.trace.outcome == "ok" and self.copy.trace.outcome == "ok"

    @property
    def equal(self) -> bool | None:
        """Whether both say the same, but for spaces; None where one was not kept or did not come."""
        one, other = self.original.text, self.copy.text
        if not self.answered or one is None or other is None:
            return None
        return one == other or plain(one) == plain(other)

    @property
    def likeness(self) -> float | None:
        """How much of both answers is the same, 0 to 1; None where `equal` is."""
        if self.equal is None:
            return None
        one, other = plain(self.original.text or ""), plain(self.copy.text or "")
        if one == other:
            return 1.0
        found = difflib.SequenceMatcher(None, one[:LOOKED_AT], other[:LOOKED_AT], autojunk=True)
        return found.quick_ratio()

    @property
    def costs(self) -> tuple[int, int] | None:
        """What both cost in nano-units of one currency; None where that cannot be compared."""
        one, other = self.original.trace, self.copy.trace
        if one.cost_nano is None or other.cost_nano is None or one.repeated or other.repeated:
            return None
        same = one.cost_currency == other.cost_currency
        return (one.cost_nano, other.cost_nano) if same and self.answered else None

    @property
    def latencies_us(self) -> tuple[int, int] | None:
        """How long both took; None where one did not answer, or was answered from memory."""
        one, other = self.original.trace, self.copy.trace
        if not self.answered or one.repeated or other.repeated:
            return None
        return one.latency_us, other.latency_us


def paired(copy: Trace, original: Trace | None, form: Form | None) -> Pair | None:
    """Return the pair of a copy and its original; None where they say nothing of the releases.

    That is so where the original is gone, or was answered by the candidate itself, or one of both was broken off by us or by the client. `form` is what the request asks for.
    Where it asks for none, but one of both answers is JSON, then the other breaks the form that
    is not: which of both that is hangs on nothing but the answers, so that it favours neither.
    """
    if original is None or original.arm == "candidate":
        return None
    if any(one.outcome not in COMPARED or one.stopped or one.replayed for one in (copy, original)):
        return None
    sides = [_side(one, form) for one in (original, copy)]
    if form is None and not any(one.failed for one in sides):
        formed = [looks_formed(one.text or "") for one in sides]
        if formed[0] != formed[1] and all(one.text is not None for one in sides):
            sides = [
                Side(one.trace, failed=not well, formless=not well, refused=one.refused)
                for one, well in zip(sides, formed, strict=True)
            ]
    return Pair(sides[0], sides[1])


def plain(text: str) -> str:
    """Return a text in NFC with its spaces evened out."""
    return " ".join(nfc(text).split())


def _side(one: Trace, form: Form | None) -> Side:
    if one.failed:
        return Side(one, failed=True)
    text = one.output_text
    formless = form is not None and text is not None and keeps(form, text) is False
    refused = text is not None and refuses(text, one.finish or "stop")
    return Side(one, failed=formless, formless=formless, refused=refused)
