"""Lines that many documents have in common: menus, footers, notices."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from volano.data.clusters import begins
from volano.data.column import EMPTY, check_name, check_number, check_one_of, text_in
from volano.data.fold import fold
from volano.data.spill import numbered, repeated
from volano.data.step import STEPS, Notes, Record

COMMON = "common lines"
LINE, PARAGRAPH, SENTENCE = "line", "paragraph", "sentence"
_ENDS = {
    LINE: re.compile(r"(?:\r\n?|[\n\v\f\x85\u2028\u2029])+"),
    PARAGRAPH: re.compile(r"(?:(?<![ \t])[ \t]*+\r?\n){2,}"),
    SENTENCE: re.compile(
        r"(?:(?<![.!?…])[.!?…]++[\"'”’»)\]]*+\s++|[。！？｡]+[”’」』）]*\s*|[\r\n]+)"
    ),
}
"""What ends a piece; it belongs to it. Chinese and Japanese put no space behind a sentence.

A run of spaces or dots that ends nothing is looked at once, not once from each of its characters.
"""
_WIDE = re.compile("[\u2e80-\u9fff\uac00-\ud7a3\uf900-\ufaff\U00020000-\U0003ffff]")


@STEPS.register("line-dedup")
@dataclass(frozen=True, slots=True)
class LineDedup:
    """Lines that stand in more than `most` rows go from all of them; so may paragraphs or sentences.

    A line is the same when it is equal folded (case, width, spaces do not count). Lines shorter
    than `least` characters stay (Han, kana and Hangul count twice): without a minimum, `Yes.`
    would go. A row of which nothing is left is dropped. `unit` is `line`, `paragraph` (parted by empty lines) or `sentence`.
    """

    name: ClassVar[str] = "line-dedup"
    version: ClassVar[int] = 1
    whole: ClassVar[bool] = True

    column: str = "text"
    unit: str = LINE
    most: int = 5
    least: int = 20

    def __post_init__(self) -> None:
        check_name(self.name, "column", self.column)
        check_one_of(self.name, "unit", self.unit, tuple(_ENDS))
        check_number(self.name, "most", self.most, least=1, most=1e12, whole=True)
        check_number(self.name, "least", self.least, least=1, most=1e6, whole=True)

    def survey(self, rows: Iterable[Record], folder: Path) -> None:
        """Write down the hash of each long enough line, once for each row that has it."""
        with (folder / "lines").open("wb") as file:
            for row in rows:
                text = row.get(self.column)
                if isinstance(text, str):
                    found = dict.fromkeys(self._hash(piece) for piece in self._pieces(text))
                    file.write(b"".join(one for one in found if one))

    def decide(self, folders: Sequence[Path], folder: Path) -> list[dict[str, str]]:
        """Return for each shard the one file of the hashes of the lines that go, in order."""
        paths = [one / "lines" for one in folders]
        sizes = [path.stat().st_size // 8 for path in paths]
        starts = np.cumsum([0, *sizes]).tolist()
        common = folder / "common"
        with common.open("wb") as file:
            for pairs in repeated(numbered(paths, starts[:-1]), starts[-1], folder):
                first = np.flatnonzero(begins(pairs["key"]))
                counts = np.diff(np.append(first, pairs.size))
                file.write(pairs["key"][first][counts > self.most].tobytes())
        return [{"common": str(common)} for _ in folders]

    def apply(self, rows: Iterable[Record], notes: Notes, decided: Any = None) -> Iterator[Record]:
        """Yield each row without the lines that many have."""
        common = np.sort(np.fromfile(decided["common"], "<u8"))
        for row in rows:
            if (text := text_in(row, self.column, notes)) is None:
                continue
            left = self._without(text, common) if common.size else text
            if left == text:
                yield row
            elif left.strip():
                row[self.column] = left.strip("\n") if self.unit != SENTENCE else left.strip()
                notes.change(COMMON)
                yield row
            else:
                notes.drop(row, EMPTY, "all its lines stand in many rows")

    def _pieces(self, text: str) -> list[str]:
        ends = [found.end() for found in _ENDS[self.unit].finditer(text)]
        if not ends or ends[-1] < len(text):
            ends.append(len(text))
        return [text[begin:end] for begin, end in zip([0, *ends], ends, strict=False)]

    def _hash(self, piece: str) -> bytes | None:
        folded = fold(piece)
        if len(folded) < self.least and len(folded) + len(_WIDE.findall(folded)) < self.least:
            return None
        return blake2b(folded.encode("utf-8", "surrogatepass"), digest_size=8).digest()

    def _without(self, text: str, common: npt.NDArray[np.uint64]) -> str:
        pieces = self._pieces(text)
        hashes = [self._hash(piece) for piece in pieces]
        told = np.frombuffer(b"".join(one or b"\0" * 8 for one in hashes), "<u8")
        at = np.minimum(np.searchsorted(common, told), common.size - 1)
        gone = (common[at] == told).tolist()
        return "".join(
            piece for piece, own, go in zip(pieces, hashes, gone, strict=True) if not (own and go)
        )
