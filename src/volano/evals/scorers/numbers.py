"""Numbers in texts: found, and read as the writers of several languages meant them.

`1.234,56` and `1,234.56` are the same number. `1.234` may be two: each *reading* is kept
unless the decimal sign is given.
"""

import re
import unicodedata
from collections.abc import Iterator

from volano.evals.scorers.number_words import NUMERALS, PERCENT, TIMES, chinese

LOOK = 20_000
"""Characters of an answer that are searched for numbers, at its end or its beginning."""

_UP = dict(zip("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻", "0123456789+-", strict=True))
_POWER = re.compile(r"\s?[×x·*]\s?10(?:\^([-+]?\d{1,4})|([⁻⁺]?[⁰¹²³⁴⁵⁶⁷⁸⁹]{1,4}))")
_VULGAR = re.compile(r"(\d{0,15})\s?([¼½¾⅐-⅞])")
_FOUND = re.compile(
    r"(?P<sign>(?<![\w.,])[-+]\s?)?(?:"
    r"(?P<grouped>\d{1,3}(?:[ _'’]\d{3})+(?![\d'’]))(?P<rest>[.,]\d+)?"
    r"|(?P<plain>\d+(?:[.,]\d+)*|(?<!\d)[.,]\d+))"
    r"(?P<power>e[-+]?\d{1,4}(?!\w))?"
    r"(?P<times>(?:\s?(?:" + "|".join(sorted(map(re.escape, TIMES), key=len, reverse=True)) + r"))(?![a-zа-яáéíóúöüőű])\.?)?"
    r"(?P<percent>\s?(?:" + "|".join(sorted(map(re.escape, PERCENT), key=len, reverse=True)) + r"))?"
    rf"|(?P<hundredths>百分之)?(?P<minus>负|負)?(?P<han>[{NUMERALS}]+(?:点[{NUMERALS}]+)?)"
)  # fmt: skip


def numbers(text: str, *, decimal: str = "auto") -> Iterator[tuple[float, ...]]:
    """Yield the readings of each number of a text, in order. `decimal` is `.`, `,` or `auto`."""
    for found in _FOUND.finditer(_plain(text)):
        if readings := _readings(found, decimal):
            yield readings


def _plain(text: str) -> str:
    """Return the text with ASCII digits, powers as `e6`, and hard spaces as `_`."""
    text = re.sub("[\u00a0\u2007\u2009\u202f]", "_", text)
    text = _POWER.sub(lambda m: "e" + (m[1] or "".join(_UP[char] for char in m[2])), text)
    text = _VULGAR.sub(lambda m: f"{int(m[1] or 0) + unicodedata.numeric(m[2]):g}", text)
    text = unicodedata.normalize("NFKC", text).replace("\u2212", "-").casefold()
    if text.isascii():
        return text
    text = re.sub("百分之([-\\d.,]+)", r"\1%", text)
    return "".join(
        str(unicodedata.decimal(char)) if not char.isascii() and char.isdecimal() else char
        for char in text
    )


def _readings(found: re.Match[str], decimal: str) -> tuple[float, ...]:
    if found["han"]:
        value = chinese(found["han"])
        if value is None:
            return ()
        value = -value if found["minus"] else value
        return (value / 100, value) if found["hundredths"] else (value,)
    if found["grouped"]:
        whole = re.sub(r"\D", "", found["grouped"])
        texts = [whole + (found["rest"] or "").replace(",", ".")]
    else:
        texts = _spelt(found["plain"], decimal)
    factor = TIMES[found["times"].strip().rstrip(".")] if found["times"] else 1.0
    sign = -1.0 if (found["sign"] or "").startswith("-") else 1.0
    values = [sign * float(one + (found["power"] or "")) * factor for one in texts]
    if found["percent"]:
        values = [reading for value in values for reading in (value / 100, value)]
    return tuple(values)


def _spelt(text: str, decimal: str) -> list[str]:
    """Return how digits with points and commas may be read, as Python writes numbers."""
    marks = [char for char in text if char in ".,"]
    if len(text) > 400 or not marks:
        return [text] if len(text) <= 400 else []
    last = marks[-1]
    signs = (".", ",") if decimal == "auto" else (decimal,)
    readings = []
    for sign in signs:
        other = "," if sign == "." else "."
        whole, _, part = text.partition(sign)
        if sign in part or other in part:
            continue
        groups = whole.split(other)
        grouped = len(groups) == 1 or (
            1 <= len(groups[0]) <= 3
            and all(len(group) == 3 for group in groups[1:])
            and groups[0] != "0"
        )
        if grouped and (sign in text or last == other):
            readings.append("".join(groups) + (f".{part}" if part else ""))
    return readings
