"""Curating: corrections that people gave on traces become rows of the next version.

The base's rows stay, but for those that a correction contradicts. Every
correction is either in the new version, with the trace and the feedback it
came from, or among the dropped with the reason.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from volano.core.canon import NotCanonicalError, canonical
from volano.data.dedup import EXACT, NEAR, Dropped, near_twins, sift
from volano.data.errors import BadCorrectionError, BadLabelError, BadTextError
from volano.data.fold import fold
from volano.data.row import Label, Row, Schema, key_of, row_of, rows_of
from volano.data.sources import loads_strict

SUPERSEDED = "superseded by a newer correction"
MISFIT = "does not fit the schema"
UNUSABLE = "text cannot be used"
CORRECTED = "corrected"


@dataclass(frozen=True, slots=True)
class Correction:
    """What the answer on a trace should have been. `at_us`: microseconds UTC, 0 when not known."""

    trace_id: str
    text: str
    label: Any
    feedback_id: str
    at_us: int = 0

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any], number: int) -> "Correction":
        """Read a correction; further keys are left alone.

        Raises:
            BadCorrectionError: one of the four keys is missing.
        """
        for key in ("trace_id", "text", "label", "feedback_id"):
            if key not in raw:
                raise BadCorrectionError(row=number, field=key)
        return cls(
            str(raw["trace_id"]), raw["text"], raw["label"], str(raw["feedback_id"]),
            int(raw.get("at_us") or 0),
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Curated:
    """The train rows of the next version, which of them are new, and what was left out."""

    train: list[Row]
    added: list[Row]
    dropped: list[Dropped]

    @property
    def replaced(self) -> int:
        """How many base rows gave way to a correction."""
        return sum(one.reason == CORRECTED for one in self.dropped)


def curate(
    train: Sequence[Row],
    test: Sequence[Row],
    schema: Schema,
    corrections: Iterable[Mapping[str, Any]],
    *,
    threshold: float,
) -> Curated:
    """Return the train rows with the corrections in.

    Of several corrections of one trace the newest counts: by `at_us`, and at
    the same moment the later in the list. Two traces with one text and
    different corrections contradict each other: neither counts. A text of the
    test split is never trained on.

    Raises:
        BadCorrectionError: a correction without trace, text, label or feedback.
    """
    newest, dropped = _newest(corrections)
    rows: list[Row] = []
    for correction in newest:
        row = _row(correction, schema)
        if isinstance(row, Dropped):
            dropped.append(row)
        else:
            rows.append(row)
    sifted = sift(rows, threshold=threshold, test=test)
    added, repeated = _new(sifted.kept, train, threshold)
    kept, replaced = _without(train, added)
    return Curated([*kept, *added], added, [*replaced, *dropped, *sifted.dropped, *repeated])


def _newest(raw: Iterable[Mapping[str, Any]]) -> tuple[list[Correction], list[Dropped]]:
    given = [Correction.from_dict(one, number) for number, one in enumerate(raw, 1)]
    newest: dict[str, Correction] = {}
    dropped = []
    for correction in sorted(given, key=lambda one: one.at_us):
        older = newest.pop(correction.trace_id, None)
        if older is not None:
            dropped.append(Dropped(_as_given(older), SUPERSEDED))
        newest[correction.trace_id] = correction
    return list(newest.values()), dropped


def _row(correction: Correction, schema: Schema) -> Row | Dropped:
    """Return the correction as a row, or why it cannot be one."""
    label, why = _label(correction.label, schema)
    if label is None or why:
        return Dropped(_as_given(correction), MISFIT, detail=why)
    try:
        rows, _ = rows_of([{"text": correction.text, "label": label}], "the corrections")
    except (BadTextError, BadLabelError) as error:
        reason = MISFIT if isinstance(error, BadLabelError) else UNUSABLE
        return Dropped(_as_given(correction), reason, detail=error.facts["reason"])
    ordered = schema.ordered(rows[0].label)
    return replace(rows[0], label=ordered, origin=_origin(correction))


def _label(given: Any, schema: Schema) -> tuple[Label | None, str | None]:
    if isinstance(given, str) and not schema.is_text:
        try:
            given = loads_strict(given)
        except (ValueError, RecursionError):
            return None, "it is not JSON"
    if not isinstance(given, str | dict):
        return None, "it is neither a text nor an object"
    why = schema.misfit(given) or schema.mistyped(given)
    return (None, why) if why else (given, None)


def _new(
    rows: Sequence[Row], base: Sequence[Row], threshold: float
) -> tuple[list[Row], list[Dropped]]:
    """Part the rows that say something new from those that the base says already."""
    known = {fold(row.text): row for row in base}
    same = {
        row.id: known[text].id
        for row in rows
        if (text := fold(row.text)) in known and key_of(known[text].label) == key_of(row.label)
    }
    other = [row for row in rows if row.id not in same]
    near = near_twins(other, threshold, among=base)
    dropped = [Dropped(row, EXACT, same[row.id]) for row in rows if row.id in same]
    dropped += [Dropped(row, NEAR, near[row.id]) for row in other if row.id in near]
    return [row for row in other if row.id not in near], dropped


def _without(base: Sequence[Row], added: Sequence[Row]) -> tuple[list[Row], list[Dropped]]:
    """Take out the base rows whose text bears another label now."""
    corrected = {fold(row.text): row.id for row in added}
    gone = [
        Dropped(row, CORRECTED, corrected[text])
        for row in base
        if (text := fold(row.text)) in corrected
    ]
    ids = {one.row.id for one in gone}
    return [row for row in base if row.id not in ids], gone


def _as_given(correction: Correction) -> Row:
    """Return a row that says what was given, also where that is no good label or text."""
    text = correction.text if isinstance(correction.text, str) else ""
    text = text.encode(errors="replace").decode()
    label = correction.label
    try:
        canonical(label)
    except (NotCanonicalError, RecursionError):
        label = ascii(label)[:1000]
    if not isinstance(label, str | dict):
        label = ascii(label)[:1000]
    return row_of(text, label, _origin(correction))


def _origin(correction: Correction) -> dict[str, str]:
    said = {"feedback": correction.feedback_id} if correction.feedback_id else {}
    return {"trace": correction.trace_id, **said}
