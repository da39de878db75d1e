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
MOST_DIGITS = 19

CARD, NATIONAL, PHONE = "card", "national_id", "phone"


def numbers(
    text: str, kinds: Collection[str], countries: Sequence[str]
) -> Iterator[tuple[str, int, int]]:
    """Yield kind, first character and the one behind the last of each number that is one of ours."""
    for run in _RUN.finditer(text):
        groups = [(g.start(), g.group()) for g in _GROUP.finditer(text, run.start(), run.end())]
        first = 0
        while first < len(groups):
            size, kind = _at(text, groups[first : first + MOST_GROUPS], kinds, countries)
            if size:
                last, digits = groups[first + size - 1]
                start = _opened(text, groups[first][0]) if kind == PHONE else groups[first][0]
                yield kind, start, _closed(text, last + len(digits), kind)
            first += size or 1


def _at(
    text: str, groups: list[tuple[int, str]], kinds: Collection[str], countries: Sequence[str]
) -> tuple[int, str]:
    """Return how many groups from here on are a number, and of which kind; the longest that fits."""
    start = groups[0][0]
    if not _begins(text, start):
        return 0, ""
    before = text[max(0, _opened(text, start) - BEFORE) : _opened(text, start)]
    best = (0, "")
    digits, parts = "", []
    for size, (at, group) in enumerate(groups, 1):
        digits += group
        parts.append(group)
        end = at + len(group)
        if len(digits) > MOST_DIGITS:
            break
        said, plain = text[start:end], _plain(digits)
        if size == 1 and len(digits) == 17 and _CHECK_X.match(text, end):
            found = NATIONAL in kinds and is_national(plain + "X", plain + "X", countries, before)
            return (1, NATIONAL) if found else (0, "")
        if len(digits) < 7 or _GOES_ON.match(text, end):
            continue
        if CARD in kinds and is_card(plain, parts, before):
            return size, CARD
        if NATIONAL in kinds and is_national(_plain(said), plain.upper(), countries, before):
            return size, NATIONAL
        if PHONE in kinds:
            opened = text[_opened(text, start) : end]
            around = before, text[end : end + 16]
            if is_phone(_plain(opened), plain, parts, countries, around):
                best = (size, PHONE)
    return best


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
