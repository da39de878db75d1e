"""Boilerplate: what the frame of a page says, and not the page: lines that come on page after page, menus, notices.

The survey counts on how many texts of a source each line stands; a line on many of them is part of the frame. A
text that would be nothing else is left as it is when it is one line: an answer "OK" is no frame.
"""

import hashlib
import heapq
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import urlsplit

from volano.data.column import check_name, check_number, text_in
from volano.data.fold import fold
from volano.data.notices import is_cookie_notice, is_navigation
from volano.data.step import STEPS, Notes, Record

LINES, SOURCES, FOUND = "lines.tsv", "sources.json", "frames.txt"
MOST_LINES_HELD = 500_000
"""So many lines of one shard are counted in memory; then they go into a sorted file."""
REPEATED, COOKIES, NAVIGATION = "repeated line", "cookie notice", "navigation"


@STEPS.register("boilerplate")
@dataclass(frozen=True, slots=True)
class Boilerplate:
    """Takes out lines that stand on many texts of one source, menus, and notices about cookies (en, de, hu, ru, zh).

    A line is repeated when it stands on at least `least` texts of its source and on at least `share` of them. A source is
    the host of the row's `origin`, or the folder of its file; or what the column `by` says. `notices`: also take
    out menus and notices that are known by their words. Of a text of one line nothing is taken.
    """

    name: ClassVar[str] = "boilerplate"
    version: ClassVar[int] = 1
    whole: ClassVar[bool] = True

    column: str = "text"
    by: str = ""
    least: int = 5
    share: float = 0.2
    notices: bool = True

    def __post_init__(self) -> None:
        check_name(self.name, "column", self.column)
        check_number(self.name, "least", self.least, least=2, most=10**9, whole=True)
        check_number(self.name, "share", self.share, least=0, most=1)

    def survey(self, rows: Iterable[Record], folder: Path) -> None:
        """Write how many texts of each source have each line, in the order of the lines' hashes."""
        counts: Counter[str] = Counter()
        sources: Counter[str] = Counter()
        runs: list[Path] = []
        for row in rows:
            text = row.get(self.column)
            if isinstance(text, str):
                source = source_of(row, self.by)
                sources[source] += 1
                counts.update({_key(source, line) for line in text.split("\n") if line.strip()})
            if len(counts) > MOST_LINES_HELD:
                runs.append(_write(counts, folder / f"run{len(runs)}"))
                counts.clear()
        runs.append(_write(counts, folder / f"run{len(runs)}"))
        with (folder / LINES).open("w", encoding="ascii") as file:
            file.writelines(f"{key}\t{count}\n" for key, count in _merged(runs))
        for run in runs:
            run.unlink()
        (folder / SOURCES).write_text(json.dumps(sources), encoding="utf-8")

    def decide(self, folders: Sequence[Path], folder: Path) -> list[str]:
        """Write the lines that are frames, once for all shards, and return the file."""
        sources: Counter[str] = Counter()
        for one in folders:
            sources.update(json.loads((one / SOURCES).read_text(encoding="utf-8")))
        needed = {
            _digest(source): max(self.least, self.share * count)
            for source, count in sources.items()
        }
        found = folder / FOUND
        with found.open("w", encoding="ascii") as file:
            for key, count in _merged([one / LINES for one in folders]):
                if count >= needed[key[:16]]:
                    file.write(f"{key}\n")
        return [str(found)] * len(folders)

    def apply(self, rows: Iterable[Record], notes: Notes, decided: Any = None) -> Iterator[Record]:
        """Yield the rows without their frames; those that were nothing else are dropped."""
        frames = frozenset(Path(decided).read_text(encoding="ascii").split())
        for row in rows:
            if (text := text_in(row, self.column, notes)) is None:
                continue
            kept, reasons = self._kept(text, source_of(row, self.by), frames)
            if not kept.strip() and text.strip():
                notes.drop(row, "nothing but boilerplate", ", ".join(reasons))
                continue
            for reason in reasons:
                notes.change(reason)
            row[self.column] = kept
            yield row

    def _kept(self, text: str, source: str, frames: frozenset[str]) -> tuple[str, list[str]]:
        lines = text.split("\n")
        if sum(1 for line in lines if line.strip()) < 2:
            return text, []
        reasons: dict[str, None] = {}
        kept: list[str] = []
        for line in lines:
            why = self._why(line, source, frames) if line.strip() else ""
            if why:
                reasons[why] = None
            elif line.strip() or not reasons or (kept and kept[-1].strip()):
                kept.append(line)
        return ("\n".join(kept).strip("\n"), list(reasons)) if reasons else (text, [])

    def _why(self, line: str, source: str, frames: frozenset[str]) -> str:
        if frames and _key(source, line) in frames:
            return REPEATED
        if self.notices and is_cookie_notice(line):
            return COOKIES
        return NAVIGATION if self.notices and is_navigation(line) else ""


def source_of(row: Record, by: str = "") -> str:
    """Return what the row's text shares its frame with: a host, a source, a folder."""
    if by:
        return str(row.get(by))
    origin = row.get("origin")
    if not isinstance(origin, Mapping):
        return ""
    given = (origin.get(name) for name in ("url", "source", "path", "file"))
    place = next((one for one in given if isinstance(one, str) and one), "")
    if "://" not in place:
        folder = place.rpartition("/")[0]
        return folder if folder or "." in place else place
    try:
        return urlsplit(place).hostname or place
    except ValueError:
        return place


def _digest(text: str) -> str:
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


def _key(source: str, line: str) -> str:
    return _digest(source) + _digest(fold(line))


def _write(counts: Mapping[str, int], path: Path) -> Path:
    with path.open("w", encoding="ascii") as file:
        file.writelines(f"{key}\t{counts[key]}\n" for key in sorted(counts))
    return path


def _merged(paths: Sequence[Path]) -> Iterator[tuple[str, int]]:
    """Yield each key with the sum of its counts; memory holds a line of each file."""
    for key, same in groupby(heapq.merge(*map(_lines, paths)), key=lambda pair: pair[0]):
        yield key, sum(count for _, count in same)


def _lines(path: Path) -> Iterator[tuple[str, int]]:
    with path.open(encoding="ascii") as file:
        for line in file:
            key, _, count = line.rstrip("\n").partition("\t")
            yield key, int(count)
