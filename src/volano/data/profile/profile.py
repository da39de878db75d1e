"""A profile: what is in a version, from two passes over its rows or a sample of them.

The first pass counts all but one thing; the second asks how rare each text's
characters are, which only all texts together tell. What is held in memory
grows by some 200 bytes a row that is looked at, never with the texts.
"""

import math
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Any, cast

import numpy as np

from volano.core.ports.access import MASK
from volano.data.corpus import Entry, Near
from volano.data.profile import alike
from volano.data.profile.column import MOST_VALUES, Column, Columns, flattened
from volano.data.profile.errors import NoClassesError, UnknownColumnError
from volano.data.profile.odd import FAR_BITS, FAR_LENGTH, Rarity, outliers
from volano.data.profile.place import Place
from volano.data.profile.sample import Block, blocks
from volano.data.profile.texts import LOOKED_AT, Personal, Tell, Texts, texts_in
from volano.data.shingles import CHARACTERS, WORDS, Shingler
from volano.data.step import Record
from volano.data.version import Version

VERSION = 2
"""Goes up whenever the same rows would give another profile."""
THRESHOLD, RUN = 0.8, 5
SHORT = 200
"""Where half of the texts have fewer characters, runs of characters are compared, not of words."""
PEEKED = 200
LABELS = ("label", "labels", "class", "category", "intent", "topic", "sentiment", "target")
SURE_CLASSES = 50
"""Of so many values a column with such a name has classes; of more where they come again and again."""
_TIMES = 3
_OWN = ("id", "origin", "split")
"""What every row has beside its columns."""
MOST_REJECTED = 100_000

Located = tuple[Place, Record]


@dataclass(frozen=True, slots=True)
class Asked:
    """What a profile is asked for: rows to look at, and the columns of texts and labels, if not found."""

    rows: int
    column: str = ""
    label: str = ""


def profile(
    version: Version, asked: Asked, language: Tell, script: Tell, shut: frozenset[str] = frozenset()
) -> dict[str, Any]:
    """Return what is in a version, as plain JSON values.

    It is the same for all, and `hidden` takes out what somebody may not see; what is `shut`
    is only not named in errors.

    Raises:
        BadRowsFileError, MissingBlobError, CorruptBlobError: its rows cannot be read.
        UnknownColumnError: no row that is looked at has the column that was asked for.
        NoClassesError: the column that was asked for has one value, or too many.
    """
    counts = _counts(version)
    chosen = blocks(counts, asked.rows)
    first = [row for _, row in islice(_located(version, chosen), PEEKED)]
    column = asked.column or text_column(first)
    look = _Look(column, language, script, Columns(asked.label))
    with tempfile.TemporaryDirectory(prefix="volano-profile-") as name:
        folder = Path(name)
        near = Near(THRESHOLD, Shingler(_runs(first, column), RUN))
        near.survey(look.entries(_located(version, chosen)), folder)
        keys = np.array(look.keys, np.uint64)
        similar = alike.similar(folder, keys, THRESHOLD, look.places)
    _check(look, asked, shut)
    bits = np.array([look.bits(row) for _, row in _located(version, chosen)])
    lengths = np.log1p(np.array(look.lengths, np.float64))
    return {
        "profile": VERSION,
        "ref": version.artifact.ref,
        "digest": str(version.artifact.digest),
        "rows": sum(counts.values()),
        "looked_at": sum(block.rows for block in chosen),
        "splits": [
            {"split": split, "rows": rows, "looked_at": sum(b.rows for b in chosen if b.split == split)}
            for split, rows in counts.items()
        ],
        "text": {"column": column, "empty": look.texts.empty.to_dict(), **look.texts.lengths()},
        "languages": look.texts.languages(),
        "columns": [one.to_dict() for one in look.columns.all()],
        "labels": _labels(look.columns, asked.label, column),
        "duplicates": {
            "equal": alike.equal(keys, look.places),
            "similar": {**similar, "threshold": THRESHOLD, "runs": f"{RUN} {near.shingler.kind}"},
        },
        "outliers": {
            "length": outliers(lengths, look.scripts, look.places, far=FAR_LENGTH, both=True),
            "characters": outliers(bits, look.scripts, look.places, far=FAR_BITS, both=False),
        },
        "personal": look.personal.to_list(),
        "rejected": _rejected(version),
    }  # fmt: skip


def check_open(version: Version, asked: Asked, shut: frozenset[str]) -> None:
    """Refuse a column that is hidden like one that is not there, before its values are counted.

    Raises:
        UnknownColumnError: the column of texts or of classes that was asked for.
    """
    for what, name in (("texts", asked.column), ("classes", asked.label)):
        if name and _is_shut(name, shut):
            first = (row for _, row in _located(version, blocks(_counts(version), PEEKED)))
            names = [one for row in first for one in (row if what == "texts" else flattened(row))]
            raise _unknown(what, name, names, shut)


def text_column(rows: Sequence[Record]) -> str:
    """Return which column holds the texts: `text`, else the one with the most characters."""
    sizes: dict[str, int] = {}
    for row in rows:
        for name, value in row.items():
            if name not in _OWN:
                sizes[name] = sizes.get(name, 0) + len(texts_in(value))
    if sizes.get("text"):
        return "text"
    return max(sizes, key=lambda name: sizes[name], default="text")


class _Look:
    """The first pass: takes all rows into account, and gives on what is compared."""

    def __init__(self, column: str, language: Tell, script: Tell, columns: Columns):
        self.columns, self.personal = columns, Personal()
        self.names: dict[str, None] = {}
        """What the rows have, objects whole; the first `Columns.MOST`, and the texts if there."""
        self.texts = Texts(column, language)
        self.places: list[Place] = []
        self.keys: list[int] = []
        self.lengths: list[int] = []
        self.scripts: list[str] = []
        self._column, self._script, self._rarity = column, script, Rarity()
        self._again = 0

    def entries(self, rows: Iterable[Located]) -> Iterator[Entry]:
        """Yield the text of each row for comparing, when all else of it is counted."""
        for place, row in rows:
            text = texts_in(row.get(self._column))
            seen = text[:LOOKED_AT]
            self.columns.see(row, place)
            self.names.update(dict.fromkeys(islice(row, max(0, Columns.MOST - len(self.names)))))
            if self._column in row:
                self.names[self._column] = None
            self.personal.see(row, place)
            self.texts.see(text, place)
            self.places.append(place)
            self.keys.append(alike.key_of(text))
            self.lengths.append(len(text))
            self.scripts.append(self._script(seen))
            self._rarity.learn(self.scripts[-1], seen)
            yield Entry(seen)

    def bits(self, row: Record) -> float:
        """Return how rare the characters of a row are; rows come in the same order again."""
        script = self.scripts[self._again]
        self._again += 1
        return self._rarity.bits(script, texts_in(row.get(self._column))[:LOOKED_AT])


def _counts(version: Version) -> dict[str, int]:
    return {split: version.rows(split) for split in version.splits}


def _located(version: Version, chosen: Iterable[Block]) -> Iterator[Located]:
    for split, start, rows in chosen:
        for at, row in enumerate(version.records(split, start, rows), start):
            yield Place(split, at, str(row["id"])), row


def _runs(rows: Sequence[Record], column: str) -> str:
    lengths = [len(texts_in(row.get(column))) for row in rows]
    return CHARACTERS if median(lengths or [0]) < SHORT else WORDS


def _labels(columns: Columns, asked: str, text: str) -> list[dict[str, Any]]:
    """Return how rows are spread over classes, for each column that names some."""

    def is_label(column: Column) -> bool:
        if column.name in (text, asked):
            return column.name == asked
        return not asked and column.name.partition(".")[0].lower() in LABELS

    found = []
    for column in filter(is_label, columns.all()):
        classes = column.values(MOST_VALUES)
        rows = sum(one["rows"] for one in classes)
        if not asked and len(classes) > SURE_CLASSES and rows < len(classes) * _TIMES:
            continue
        if len(classes) >= 2:
            shares = [one["rows"] / rows for one in classes]
            evenness = -sum(share * math.log(share) for share in shares) / math.log(len(shares))
            found.append(
                {"column": column.name, "evenness": round(evenness, 4), "classes": classes}
            )
        elif asked:
            raise NoClassesError(column=asked, values=column.distinct, most=MOST_VALUES)
    return found


def _check(look: "_Look", asked: Asked, shut: frozenset[str]) -> None:
    """Refuse a column that no row has.

    Raises:
        UnknownColumnError: the column of texts or of classes that was asked for.
    """
    if asked.column and asked.column not in look.names:
        raise _unknown("texts", asked.column, look.names, shut)
    if asked.label and look.columns.get(asked.label) is None:
        names = (one.name for one in look.columns.all())
        raise _unknown("classes", asked.label, names, shut)


def _unknown(
    what: str, column: str, names: Iterable[str], shut: frozenset[str]
) -> UnknownColumnError:
    known = [name for name in dict.fromkeys(names) if not _is_shut(name, shut)]
    told = ", ".join(name for name in known if name not in _OWN) or "none"
    return UnknownColumnError(what=what, column=column, columns=told)


def _is_shut(name: str, columns: frozenset[str]) -> bool:
    """Whether a column is hidden; where any is, ids are too: a guess could be tried by them."""
    if name == "id":
        return bool(columns)
    return name in columns or name.partition(".")[0] in columns


def _rejected(version: Version) -> dict[str, Any]:
    """Return how many rows were left out for which reason."""
    counts: dict[tuple[str, str], int] = {}
    looked_at = 0
    for one in version.rejected(0, MOST_REJECTED):
        why = (str(one.get("step") or ""), str(one.get("reason") or ""))
        counts[why] = counts.get(why, 0) + 1
        looked_at += 1
    ranked = sorted(counts.items(), key=lambda one: (-one[1], one[0]))
    reasons = [{"step": step, "reason": reason, "rows": rows} for (step, reason), rows in ranked]
    return {"looked_at": looked_at, "more": looked_at == MOST_REJECTED, "reasons": reasons}


def hidden(found: Mapping[str, Any], columns: frozenset[str]) -> dict[str, Any]:
    """Return a profile for somebody who may not see some columns: nothing that they say is told."""
    if not columns:
        return dict(found)

    def shut(name: str) -> bool:
        return _is_shut(name, columns)

    shown = dict(found)
    shown["hidden"] = sorted(columns)
    shown["columns"] = [
        {"name": one["name"], "hidden": True} if shut(one["name"]) else one
        for one in found["columns"]
    ]
    shown["labels"] = [one for one in found["labels"] if not shut(one["column"])]
    shown["personal"] = [one for one in found["personal"] if not shut(one["column"])]
    if shut(found["text"]["column"]):
        none: dict[str, Any] = {"groups": 0, "rows": 0, "repeats": 0, "found": []}
        shown["text"] = {"column": found["text"]["column"], "hidden": True, "bins": []}
        shown["languages"] = []
        shown["duplicates"] = {"equal": none, "similar": none}
        shown["outliers"] = {
            "length": {"rows": 0, "found": []}, "characters": {"rows": 0, "found": []},
        }  # fmt: skip
    return cast("dict[str, Any]", _nameless(shown))


def _nameless(value: Any) -> Any:
    """Return a profile whose places name no ids: an id is a digest, by which a guess could be tried."""
    if isinstance(value, dict):
        is_place = value.keys() >= {"split", "at", "id"}
        return {k: MASK if is_place and k == "id" else _nameless(v) for k, v in value.items()}
    return [_nameless(one) for one in value] if isinstance(value, list) else value
