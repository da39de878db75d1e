"""Repair: what broke on a text's way to us is made good; what a language needs stays.

In order: mojibake, halves of characters, line ends, control characters, characters that nobody
sees, spaces, blank lines, NFC. Again until nothing changes, so that a second run changes nothing.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

from volano.core.text import nfc
from volano.data.column import EMPTY, check_name, text_in
from volano.data.mojibake import mended
from volano.data.step import STEPS, Notes, Record

ROUNDS = 5
MOJIBAKE, FORM = "mojibake", "unicode form"
_JOINED_BEFORE = "\u0000-\u0530\u1e00-\u1fff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff"
"""Latin, Greek, Cyrillic, kana, Han: nothing joins behind them; in Persian or an emoji it does."""

_HALF = re.compile("[\ud800-\udfff]")
LINES: tuple[tuple[str, re.Pattern[str], str], ...] = (
    ("broken characters", _HALF, ""),
    ("line ends", re.compile("\r\n?|[\v\f\x1c-\x1e\x85\u2028\u2029]"), "\n"),
    ("control characters", re.compile("[\0-\x08\x0e-\x1b\x1f\x7f-\x84\x86-\x9f\ufffe\uffff]+"), ""),
    (
        "invisible characters",
        re.compile(
            "[\u00ad\u180e\u200b\u2060-\u2064\u202d\u202e\ufeff\ufff9-\ufffb]+"
            "|(?<!\U0001f3f4)(?<![\U000e0020-\U000e007e])[\U000e0000-\U000e007f]+"
            f"|(?:^|(?<=[{_JOINED_BEFORE}]))[\u200c\u200d]+"
        ),
        "",
    ),
)
"""Reason, what is found, and what comes in its place (halves of characters are special)."""

SPACES: tuple[tuple[str, re.Pattern[str], str], ...] = (
    ("spaces", re.compile("[\u00a0\u1680\u2000-\u200a\u202f\u205f]"), " "),
    ("spaces", re.compile("(?<![ \t])[ \t]++(?=\n|\\Z)"), ""),
    ("blank lines", re.compile("\n{3,}"), "\n\n"),
    ("blank lines", re.compile("\\A\n++|\n++\\Z"), ""),
)
_RUNS = re.compile("(?<=[^ \n])  +")
_ODD = re.compile(
    "[\0-\x08\x0b-\x1f\x7f-\xa0\u00ad\u1680\u180e\u2000-\u200d\u2028\u2029\u202d-\u202f\u205f-\u2064"
    "\ud800-\udfff\ufeff\ufff9-\ufffb\ufffe\uffff\U000e0000-\U000e007f]"
)
"""Every character that a rule above looks for."""
_ODD_ASCII = re.compile("[\0-\x08\x0b-\x1f\x7f]")


@STEPS.register("repair")
@dataclass(frozen=True, slots=True)
class Repair:
    """Makes text good that broke on its way: encodings, line ends, invisible characters, spaces.

    `mojibake`: UTF-8 read as another encoding is put right (ftfy). `spaces`: odd spaces, spaces
    at the ends of lines and more than one blank line. `runs`: also runs of spaces inside a line,
    which code and tables need. Full-width forms, Chinese spaces and joiners that a script needs stay.
    """

    name: ClassVar[str] = "repair"
    version: ClassVar[int] = 1
    whole: ClassVar[bool] = False

    column: str = "text"
    mojibake: bool = True
    spaces: bool = True
    runs: bool = False

    def __post_init__(self) -> None:
        check_name(self.name, "column", self.column)

    def apply(self, rows: Iterable[Record], notes: Notes, _: Any = None) -> Iterator[Record]:
        """Yield each row with its text repaired; one of which nothing is left is dropped."""
        for row in rows:
            if (text := text_in(row, self.column, notes)) is None:
                continue
            fixed, reasons = self.repaired(text)
            if not fixed.strip():
                notes.drop(row, EMPTY)
                continue
            for reason in reasons:
                notes.change(reason)
            row[self.column] = fixed
            yield row

    def repaired(self, text: str) -> tuple[str, list[str]]:
        """Return the text made good, and what was done to it."""
        reasons: dict[str, None] = {}
        for _ in range(ROUNDS):
            before = text
            text = self._once(text, reasons)
            if text == before:
                break
        return text, list(reasons)

    def _once(self, text: str, reasons: dict[str, None]) -> str:
        if text.isascii():
            odd = _ODD_ASCII.search(text)
        else:
            if self.mojibake:
                text = _noted(text, mended(text), MOJIBAKE, reasons)
            odd = _ODD.search(text)
        if odd:
            text = _noted(text, _whole(text), LINES[0][0], reasons)
            for reason, pattern, instead in LINES[1:]:
                text = _noted(text, pattern.sub(instead, text), reason, reasons)
        if self.spaces and (odd or _loose(text)):
            for reason, pattern, instead in SPACES:
                text = _noted(text, pattern.sub(instead, text), reason, reasons)
        text = self._alone(text, reasons)
        return text if text.isascii() else _noted(text, nfc(text), FORM, reasons)

    def _alone(self, text: str, reasons: dict[str, None]) -> str:
        if not self.runs or "  " not in text:
            return text
        return _noted(text, _RUNS.sub(" ", text), "spaces", reasons)


def _loose(text: str) -> bool:
    """Whether there are spaces at the end of a line, or lines too many."""
    ends = text[:1] + text[-1:]
    return (
        " \n" in text
        or "\t\n" in text
        or "\n\n\n" in text
        or "\n" in ends
        or ends[1:] in (" ", "\t")
    )


def _noted(before: str, after: str, reason: str, reasons: dict[str, None]) -> str:
    if before != after:
        reasons[reason] = None
    return after


def _whole(text: str) -> str:
    """Return the text with the halves of characters joined, and U+FFFD for a half alone."""
    if not _HALF.search(text):
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
