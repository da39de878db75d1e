"""Phone numbers: international (ITU-T E.164), the national forms of five countries, and by the word before.

Sources: E.164 (at most 15 digits); national numbering plans: HU (NMHH), DE (BNetzA), RU (order 508 of
2018), CN (MIIT), US (NANP). Groups are the runs of digits as they were written.
"""

import re
from collections.abc import Mapping, Sequence

_DATE = re.compile(
    r"\d{4}([-./ ])[01]?\d\1[0-3]?\d\b|[0-3]?\d([./-])[0-3]?\d\2(?:19|20)\d\d\b|(?:19|20)\d\d[-–](?:19|20)\d\d\Z"
)
_FOUR_BYTES = re.compile(r"\d{1,3}(?:\.\d{1,3}){3}\Z")
_WORD = re.compile(
    r"(?:\b(?:tel|phone|call|mobile|cell|fax|dial|whatsapp|answering|office|desk|telefon\w*|mobil\w*|hívj\w*|hívd|"
    r"hívás\w*|handy\w*|rufnummer|rufen|anrufen|ruf|тел|телефон\w*|моб|мобильн\w*|звон\w*|позвон\w*|набер\w*|факс)\b"
    r"|电话|手机|联系|传真|拨打|致电|號碼|号码)\D{0,25}\Z",
    re.IGNORECASE,
)
_WORD_BEHIND = re.compile(
    r"[ \t–-]{0,3}\(?(?:office|mobile|cell|fax|home|work|mobil|тел|моб|факс|手机|电话)",
    re.IGNORECASE,
)
EXTENSION = re.compile(r" ?(?:x|ext\.? ?)\d{1,6}(?![A-Za-z0-9_])")
BEFORE = 48
"""So many characters before a number may hold the word that says what it is."""

NATIONAL: Mapping[str, re.Pattern[str]] = {
    "hu": re.compile(r"06(?:1\d{7}|(?:20|21|30|31|50|70|90)\d{7}|[2-9]\d{7})\Z"),
    "de": re.compile(r"0(?:1[5-7]\d{8,9}|[2-9]\d{8,11})\Z"),
    "ru": re.compile(r"8[3489]\d{9}\Z"),
    "cn": re.compile(r"(?:1[3-9]\d{9}|0(?:10|2\d)\d{8}|0[3-9]\d{2}\d{7,8}|[48]00\d{7})\Z"),
    "us": re.compile(r"1?[2-9]\d{2}[2-9]\d{6}\Z"),
}
"""Digits of a whole number as it is dialled at home."""
_WHOLE: Mapping[str, re.Pattern[str]] = {
    "cn": re.compile(r"1[3-9]\d{9}\Z"), "hu": re.compile(r"06(?:20|30|31|50|70)\d{7}\Z"),
    "ru": re.compile(r"89\d{9}\Z"), "de": re.compile(r"01[5-7]\d{8,9}\Z"),
}  # fmt: skip
"""Those that people write in one piece, and that are telling even so."""
_SHAPES = {"us": ((3, 3, 4), (3, 7), (1, 3, 3, 4)), "ru": ((1, 3, 3, 2, 2), (1, 3, 3, 4), (1, 10))}


def is_phone(
    said: str, digits: str, groups: Sequence[str], countries: Sequence[str], around: tuple[str, str]
) -> bool:
    """Whether a number is one to be called: `said` as written, `around` what stands before and behind."""
    if not 7 <= len(digits) <= 15 or _FOUR_BYTES.match(said):
        return False
    if said.startswith(("+", "(+")):
        return len(digits) >= 8 and digits[0] != "0"
    if _DATE.match(said):
        return False
    if digits.startswith("00") and len(digits) >= 11 and digits[2] != "0":
        return True
    sizes = tuple(map(len, groups))
    if any(_at_home(country, digits, sizes) for country in countries):
        return True
    if max(sizes) > 12:
        return False
    return bool(_WORD.search(around[0]) or _WORD_BEHIND.match(around[1]))


def _at_home(country: str, digits: str, sizes: tuple[int, ...]) -> bool:
    if not NATIONAL[country].match(digits):
        return False
    if len(sizes) == 1:
        return country in _WHOLE and bool(_WHOLE[country].match(digits))
    shapes = _SHAPES.get(country)
    return sizes in shapes if shapes else max(sizes[1:]) >= 2 and sizes[0] <= 5
