"""National numbers of persons and taxpayers, by form and checksum (python-stdnum where it has them).

One check digit lets every tenth number through. Such a number counts when it is written as nobody
writes anything else, or when a word before it says what it is.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from volano.data.extra import needed

BEFORE = 48


@dataclass(frozen=True, slots=True)
class NationalNumber:
    """`written` fits the number as it stands in the text; `telling` the forms that need no word before."""

    country: str
    name: str
    written: re.Pattern[str]
    valid: Callable[[str], bool]
    word: re.Pattern[str]
    telling: re.Pattern[str] | None = None


def _stdnum(module: str) -> Callable[[str], bool]:
    def valid(digits: str) -> bool:
        return bool(needed(f"stdnum.{module}", by="Finding national numbers", package="python-stdnum").is_valid(digits))  # fmt: skip

    return valid


def _hu_tax(digits: str) -> bool:
    """Adóazonosító jel: the first is 8, the tenth the weighted sum mod 11 (1996. évi XX. törvény)."""
    total = sum(at * int(digit) for at, digit in enumerate(digits[:9], 1))
    return digits[0] == "8" and total % 11 == int(digits[9])


def _hu_taj(digits: str) -> bool:
    """TAJ: weights 3 and 7 in turn, mod 10 (the same act)."""
    total = sum((3, 7)[at % 2] * int(digit) for at, digit in enumerate(digits[:8]))
    return digits != "000000000" and total % 10 == int(digits[8])


def _snils(digits: str) -> bool:
    """СНИЛС: weights 9 to 1, mod 101, of which 100 is 0 (Постановление ПФР 192п)."""
    total = sum(int(digit) * (9 - at) for at, digit in enumerate(digits[:9])) % 101 % 100
    return total == int(digits[9:])


def _word(words: str) -> re.Pattern[str]:
    return re.compile(rf"(?:{words})[^\d\n]{{0,25}}\Z", re.IGNORECASE)


_ANY = re.compile("")
NUMBERS: tuple[NationalNumber, ...] = (
    NationalNumber("us", "SSN", re.compile(r"\d{3}[- ]?\d{2}[- ]?\d{4}\Z"), _stdnum("us.ssn"),
                   _word(r"\bssn|social security"), re.compile(r"\d{3}([- ])\d{2}\1\d{4}\Z")),
    NationalNumber("de", "Steuer-IdNr", re.compile(r"\d{2} ?\d{3} ?\d{3} ?\d{3}\Z"), _stdnum("de.idnr"),
                   _word(r"steuer\w*|\bid-?nr\.?|\btin\b|identifikationsnummer"), re.compile(r"\d{2} \d{3} \d{3} \d{3}\Z")),
    NationalNumber("hu", "adóazonosító", re.compile(r"\d{10}\Z"), _hu_tax, _word(r"adóazonosító\w*|adószám\w*")),
    NationalNumber("hu", "TAJ", re.compile(r"\d{3}[- ]?\d{3}[- ]?\d{3}\Z"), _hu_taj, _word(r"\btaj\b\w*|taj[- ]?szám\w*")),
    NationalNumber("hu", "adószám", re.compile(r"\d{8}-?[1-5]-?\d{2}\Z"), lambda digits: _stdnum("hu.anum")(digits[:8]),
                   _word(r"adószám\w*"), re.compile(r"\d{8}-[1-5]-\d{2}\Z")),
    NationalNumber("ru", "СНИЛС", re.compile(r"\d{3}-?\d{3}-?\d{3}[- ]?\d{2}\Z"), _snils,
                   _word("снилс"), re.compile(r"\d{3}-\d{3}-\d{3}[- ]\d{2}\Z")),
    NationalNumber("ru", "ИНН", re.compile(r"(?:\d{10}|\d{12})\Z"), _stdnum("ru.inn"), _word(r"\bинн\b|\binn\b"), re.compile(r"\d{12}\Z")),
    NationalNumber("cn", "身份证", re.compile(r"\d{17}[\dXx]\Z"), _stdnum("cn.ric"), _ANY, _ANY),
)  # fmt: skip


def is_national(said: str, digits: str, countries: Sequence[str], before: str) -> bool:
    """Whether a number is that of a person or taxpayer. `said` is as written, `before` what stands before."""
    for one in NUMBERS:
        if one.country in countries and one.written.match(said):
            telling = one.telling is not None and one.telling.match(said)
            if (telling or one.word.search(before)) and one.valid(digits):
                return True
    return False
