"""Decontamination: what an evaluation asks must not be learnt by heart."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any, ClassVar

import msgspec

from volano.data.column import check_name, check_number
from volano.data.errors import BadStepError
from volano.data.facts import said, text_of
from volano.data.fold import fold
from volano.data.overlap import Overlap, batches
from volano.data.step import STEPS, Needs, Notes, Record

CONTAMINATED = "in an evaluation"
_LITERAL = re.compile(r"[*?\[]")


@STEPS.register("decontaminate")
@dataclass(frozen=True, slots=True)
class Decontaminate:
    """Rows that hold a text of an evaluation go, and say which.

    A row goes when it holds at least `share` of the runs of `size` words that an evaluation text
    has (0: any one of them). Where a language writes no spaces, characters count as words.

    `against` lists where the evaluation texts are: each is a source as in `sources`, such as
    `dataset: quiz@2`, perhaps with the `text_column` to look at, or the path of a JSONL file. A recipe's
    Run reads them once, before the steps begin; a row of them that cannot be read ends it.
    """

    name: ClassVar[str] = "decontaminate"
    version: ClassVar[int] = 1
    whole: ClassVar[bool] = False

    against: tuple[Any, ...]
    column: str = "text"
    size: int = 13
    share: float = 0.5

    def __post_init__(self) -> None:
        check_name(self.name, "column", self.column)
        check_number(self.name, "size", self.size, least=5, most=100, whole=True)
        check_number(self.name, "share", self.share, least=0, most=1)
        given = self.against
        listed = (given,) if isinstance(given, str | Mapping) else given
        if not isinstance(listed, list | tuple) or not listed:
            self._wrong("it lists at least one file, source or dataset")
        object.__setattr__(self, "against", tuple(self._told(one) for one in listed))

    @classmethod
    def resolve(cls, settings: Mapping[str, Any], needs: Needs) -> dict[str, Any]:
        """Return the settings with each source in `against` read into a JSONL file in the folder.

        The file's name is the digest of its content, so that the step is another
        one exactly when the evaluation is.
        """
        given = settings.get("against", ())
        listed: Any = (given,) if isinstance(given, str | Mapping) else given
        told: list[Any] = []
        for one in listed:
            if isinstance(one, Mapping) and "digest" in one:
                told.append(one)
                continue
            spec = {"path": one} if isinstance(one, str) else dict(one)
            column = str(spec.pop("text_column", settings.get("column", "text")))
            if "path" in spec:
                spec = {"files": _LITERAL.sub(r"[\g<0>]", str(spec["path"])), "format": "jsonl"}
            path, digest = _written(needs.rows_of(spec), column, needs.folder)
            told.append({"path": str(path), "text_column": column, "digest": digest})
        return {**settings, "against": told}

    def known_by(self) -> dict[str, Any]:
        """Return the settings without the paths of files whose digests say it all."""
        against = [
            {name: value for name, value in one.items() if name != "path" or "digest" not in one}
            for one in self.against
        ]
        return {
            "against": against, "column": self.column, "size": self.size, "share": self.share,
        }  # fmt: skip

    def apply(
        self,
        rows: Iterable[Record],
        notes: Notes,
        decided: Any = None,  # noqa: ARG002
    ) -> Iterator[Record]:
        """Yield the rows that hold no evaluation text."""
        if any("path" not in one for one in self.against):
            self._wrong("its sources were not read: only a recipe's Run or preview does so")
        known = tuple((one["path"], one.get("text_column", self.column)) for one in self.against)
        overlap, origins = _overlap(known, tuple(map(_seen, known)), self.size)
        for batch in _grouped(rows, self.column):
            found = overlap.find([text_of(row, self.column) for row in batch])
            for row, one in zip(batch, found, strict=True):
                if one is None or one.share < self.share:
                    yield row
                else:
                    detail = f"{one.share:.0%} of an evaluation text"
                    notes.drop(row, CONTAMINATED, detail, origins[one.row])

    def _told(self, one: Any) -> dict[str, Any]:
        told = (
            {"path": one} if isinstance(one, str) else dict(one) if isinstance(one, Mapping) else {}
        )
        if not told or not isinstance(told.get("path", ""), str):
            self._wrong("each is a source, or the path of a JSONL file")
        return told

    def _wrong(self, why: str) -> None:
        raise BadStepError(step=self.name, setting="against", why=why)


def _grouped(rows: Iterable[Record], column: str) -> Iterator[list[Record]]:
    waiting: list[Record] = []

    def texts() -> Iterator[str]:
        for row in rows:
            waiting.append(row)
            yield text_of(row, column)

    for batch in batches(texts()):
        yield waiting[: len(batch)]
        waiting.clear()


def _seen(known: tuple[str, str]) -> tuple[int, int]:
    """Return what changes when the file does."""
    try:
        state = Path(known[0]).stat()
    except OSError as error:
        why = f"`{known[0]}` cannot be read: {error.strerror}"
        raise BadStepError(step=Decontaminate.name, setting="against", why=why) from None
    return state.st_mtime_ns, state.st_size


@lru_cache(maxsize=2)
def _overlap(
    known: tuple[tuple[str, str], ...], _: tuple[tuple[int, int], ...], size: int
) -> tuple[Overlap, list[Any]]:
    """Return the runs of the evaluation texts in the files, and where each text comes from."""
    texts: dict[str, str] = {}
    origins: list[Any] = []
    for path, column in known:
        with Path(path).open("rb") as file:
            for number, line in enumerate(file, 1):
                if line.strip():
                    row = _row(line, path, number)
                    text = text_of(row, column)
                    if texts.setdefault(fold(text), text) is text:
                        origins.append(row.get("origin") or {"path": path, "line": number})
    if not any(texts):
        why = f"no row of {', '.join(path for path, _ in known)} has a text in its column"
        raise BadStepError(step=Decontaminate.name, setting="against", why=why)
    return Overlap(texts.values(), size), origins


def _row(line: bytes, path: str, number: int) -> Record:
    try:
        return msgspec.json.decode(line, type=dict[str, Any])
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        why = f"line {number} of `{path}` is not a JSON object: {error}"
        raise BadStepError(step=Decontaminate.name, setting="against", why=why) from None


def _written(rows: Iterable[Record], column: str, folder: Path) -> tuple[Path, str]:
    """Write the texts and their origins, and return the file and the digest that it is named by."""
    draft, digest = folder / "evaluation.part", sha256()
    with draft.open("wb") as file:
        for row in rows:
            told = {column: text_of(row, column), "origin": row.get("origin")}
            line = said(told).encode() + b"\n"
            digest.update(line)
            file.write(line)
    path = folder / f"{digest.hexdigest()}.jsonl"
    draft.rename(path)
    return path, digest.hexdigest()
