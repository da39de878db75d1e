"""Profiles: the verbs. What is in a version, and which of its rows say something."""

import hashlib
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

from volano.core.principal import Principal
from volano.core.ref import Ref
from volano.data.errors import MissingExtraError
from volano.data.keeper import Datasets
from volano.data.profile.profile import (
    VERSION,
    Asked,
    check_open,
    hidden,
    profile,
    text_column,
)
from volano.data.profile.sieve import Sieve
from volano.data.profile.texts import Tell, texts_in
from volano.data.step import Record
from volano.data.steps.language import Language
from volano.data.version import Version
from volano.store.errors import DroppedError

ROWS = 20_000
MOST_LOOKED_AT = 20_000
"""Rows that one search looks at; a further one goes on where it stopped."""
MOST_CHARACTERS = 20_000_000


class Profiles:
    """The profiles of one workspace's datasets, and the search in their rows."""

    def __init__(self, datasets: Datasets, cache: Path, script: Tell):
        """`script` tells what a text is written in; where no model tells languages, it stands in."""
        self._datasets, self._cache, self._script = datasets, cache, script

    def show(
        self, ref: str | Ref, *, rows: int = ROWS, column: str = "", label: str = "", by: Principal
    ) -> dict[str, Any]:
        """Return what is in a version; of more than `rows` rows a sample is looked at.

        It is made once and kept in the cache folder. `column` and `label` name
        the columns of texts and of classes, where they are not found by
        themselves. Nothing is told of columns that `by` may not see.

        Raises:
            UnknownArtifactError: there is no such dataset.
            DroppedError: its rows were dropped.
            ForbiddenError: they are not for this principal.
            UnknownColumnError: no row looked at has what `column` or `label` names, or it is
                hidden for `by`.
            NoClassesError: what `label` names has one value, or too many.
        """
        version, shut = self._open(ref, by)
        asked = Asked(rows, column, label)
        check_open(version, asked, shut)
        tell, teller_name = self._teller()
        path = self._path(version, asked, teller_name)
        found = _read(path)
        if found is None:
            found = profile(version, asked, tell, self._script, shut)
            found["languages_by"] = teller_name
            _keep(path, found)
        return {**hidden(found, shut), "ref": version.artifact.ref}

    def kept(
        self, ref: str | Ref, *, rows: int = ROWS, column: str = "", label: str = "", by: Principal
    ) -> dict[str, Any] | None:
        """Return the profile if it was made already; None where it was not.

        Raises:
            As in `show`.
        """
        version, shut = self._open(ref, by)
        asked = Asked(rows, column, label)
        check_open(version, asked, shut)
        _, teller_name = self._teller()
        found = _read(self._path(version, asked, teller_name))
        return None if found is None else {**hidden(found, shut), "ref": version.artifact.ref}

    def search(
        self,
        ref: str | Ref,
        words: str = "",
        *,
        split: str | None = None,
        where: Sequence[str] = (),
        least: int = 0,
        most: int | None = None,
        language: str = "",
        personal: str = "",
        start: int = 0,
        limit: int = 20,
        by: Principal,
    ) -> dict[str, Any]:
        """Return rows that fit, and how many were looked at for them.

        Words are found in any language, whatever the case; `where` are
        conditions `column=value`. At most 20,000 rows are looked at, from row
        `start` on; `next` says where to go on, and is None at the end.

        Raises:
            BadConditionError, UnknownKindError: a condition that is none.
            UnknownSplitError: the version has no such split.
            As in `show`.
        """
        version = self._datasets.version(ref)
        splits = version.splits if split is None else [split]
        sizes = {name: version.rows(name) for name in splits}
        column = text_column(list(version.records(splits[0], 0, 50)) if splits else [])
        tell = self._teller()[0] if language else self._script
        sieve = Sieve(column, words, tuple(where), least, most, language, personal, tell)
        stream = self._datasets.stream(ref, split, start=start, by=by)
        rows, seen = _sifted(stream, sieve, limit)
        placed = [{**row, "at": start + at - _before(sizes, str(row["split"]))} for at, row in rows]
        end = start + seen
        total = sum(sizes.values())
        return {
            "ref": version.artifact.ref, "rows": placed, "looked_at": seen, "of": total,
            "column": column, "next": end if end < total else None,
        }  # fmt: skip

    def pick(self, ref: str | Ref, places: Sequence[str], *, by: Principal) -> list[Record]:
        """Return the rows at some places (`train:17`), each with its `at`; others are passed over.

        Raises:
            As in `show`.
        """
        return self._datasets.picked(ref, places, by=by)

    def _open(self, ref: str | Ref, by: Principal) -> tuple[Version, frozenset[str]]:
        try:
            version = self._datasets.version(ref)
        except DroppedError:
            self._forget(ref)
            raise
        return version, self._datasets.hidden(version, by=by)

    def _forget(self, ref: str | Ref) -> None:
        """Delete what was kept of a version whose rows were dropped."""
        digest = self._datasets.get(ref).digest
        for path in self._cache.glob(f"{digest.hex}-*.json"):
            path.unlink(missing_ok=True)

    def _teller(self) -> tuple[Tell, str]:
        try:
            return Language.teller(), "py3langid"
        except MissingExtraError:
            return self._script, "script"

    def _path(self, version: Version, asked: Asked, teller_name: str) -> Path:
        said = json.dumps([VERSION, asked.rows, asked.column, asked.label, teller_name])
        key = hashlib.sha256(said.encode()).hexdigest()[:16]
        return self._cache / f"{version.artifact.digest.hex}-{key}.json"


def _sifted(
    rows: Iterator[Record], sieve: Sieve, limit: int
) -> tuple[list[tuple[int, Record]], int]:
    """Return (number, row) of the first rows that fit, and how many rows were looked at."""
    found: list[tuple[int, Record]] = []
    seen = characters = 0
    for at, row in enumerate(rows):
        if len(found) == limit or seen >= MOST_LOOKED_AT or characters >= MOST_CHARACTERS:
            break
        seen += 1
        if not sieve.narrows or sieve.lets(row):
            found.append((at, row))
        characters += len(texts_in(row.get(sieve.column)))
    if isinstance(rows, Iterator) and hasattr(rows, "close"):
        rows.close()
    return found, seen


def _before(sizes: dict[str, int], split: str) -> int:
    """Return how many rows stand in the splits before this one."""
    before = 0
    for name, rows in sizes.items():
        if name == split:
            return before
        before += rows
    return before


def _read(path: Path) -> dict[str, Any] | None:
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def _keep(path: Path, found: dict[str, Any]) -> None:
    """Write a whole file or none."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with NamedTemporaryFile(dir=path.parent, delete=False) as file:
        file.write(json.dumps(found).encode())
    Path(file.name).replace(path)
