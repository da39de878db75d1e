"""Runs of digits: each is looked at once, and told what it is by form, checksum and the words before it."""

import re
from collections.abc import Collection, Iterator, Sequence

from volano.data.pii.cards import is_card
from volano.data.pii.national import is_national
from volano.data.pii.phones import BEFORE, EXTENSION, is_phone

_RUN = re.compile(r"\d(?:[ \u00a0./()\u2010-\u2013-]{0,3}+\d){6,}+")
_GROUP = re.compile(r"\d+")
_WORDLY = re.compile(r"[A-Za-z0-9_]")
_GOES_ON = re.compile(r"(?![xX]\d)[A-Za-z0-9_]")
"""Behind a number: a word. An extension (x123) is none."""
_CHECK_X = re.compile(r"[xX](?![A-Za-z0-9_])")
"""The eleventh check digit of a Chinese identity number."""
MOST_GROUPS = 8
"""No number is written in more groups."""
LEAST_DIGITS, MOST_DIGITS = 7, 19
BEHIND = 16
"""So many characters behind a number may hold the word that says what it is."""

CARD, NATIONAL, PHONE = "card", "national_id", "phone"


class Numbers:
    """Finds the numbers of some kinds, as some countries write them."""

    def __init__(self, kinds: Collection[str], countries: Sequence[str]):
        self._kinds, self._countries = kinds, countries

    def __call__(self, text: str) -> Iterator[tuple[str, int, int]]:
        """Yield kind, first character and the one behind the last of each number that is one of ours."""
        for run in _RUN.finditer(text):
            groups = list(_GROUP.finditer(text, run.start(), run.end()))
            first = 0
            while first < len(groups):
                start = _opened(text, groups[first].start())
                since = groups[first - 1].end() if first else 0
                before = text[max(since, start - BEFORE) : start]
                size, kind = self._at(text, groups[first : first + MOST_GROUPS], before)
                if size:
                    begins = start if kind == PHONE else groups[first].start()
                    yield kind, begins, _closed(text, groups[first + size - 1].end(), kind)
                first += size or 1

    def _at(self, text: str, groups: Sequence[re.Match[str]], before: str) -> tuple[int, str]:
        """Return how many groups from here on are a number, and of which kind; of phones the longest."""
        start = groups[0].start()
        if not _begins(text, start):
            return 0, ""
        best, digits, parts = (0, ""), "", []
        for size, group in enumerate(groups, 1):
            parts.append(group.group())
            digits += parts[-1]
            if len(digits) > MOST_DIGITS:
                break
            if len(digits) < LEAST_DIGITS:
                continue
            kind = self._kind(text, start, group.end(), parts, _plain(digits), before)
            if kind and kind != PHONE:
                return size, kind
            best = (size, kind) if kind else best
        return best

    def _kind(
        self, text: str, start: int, end: int, parts: Sequence[str], digits: str, before: str
    ) -> str:
        """Return what the number from start to end is, if it is one."""
        if len(parts) == 1 and len(digits) == 17 and _CHECK_X.match(text, end):
            end += 1
            digits += "X"
        elif _GOES_ON.match(text, end):
            return ""
        if CARD in self._kinds and is_card(digits, parts, before):
            return CARD
        said = _plain(text[start:end])
        if NATIONAL in self._kinds and is_national(said, digits, self._countries, before):
            return NATIONAL
        if PHONE in self._kinds:
            said = _plain(text[_opened(text, start) : end])
            if is_phone(said, digits, parts, self._countries, (before, text[end : end + BEHIND])):
                return PHONE
        return ""


def _begins(text: str, at: int) -> bool:
    """Whether a number may begin here: not inside a word, and not behind a decimal point."""
    if at == 0:
        return True
    if _WORDLY.match(text, at - 1):
        return False
    return not (text[at - 1] in ".," and at > 1 and text[at - 2].isdigit())


def _opened(text: str, at: int) -> int:
    """Return where a number begins that has its first digit here: a plus and a bracket come before."""
    for sign in "(+(":
        at -= at > 0 and text[at - 1] == sign
    return at


def _closed(text: str, end: int, kind: str) -> int:
    """Return where a number ends with what belongs to it: an extension, a check digit X."""
    behind = {PHONE: EXTENSION, NATIONAL: _CHECK_X}.get(kind)
    found = behind.match(text, end) if behind else None
    return found.end() if found else end


def _plain(said: str) -> str:
    """Return digits of any script as those of ASCII."""
    return said if said.isascii() else "".join(str(int(c)) if c.isdecimal() else c for c in said)
