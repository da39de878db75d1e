"""Detectors that come with volano: addresses, numbers with a checksum, secrets, in any language.

Each regular expression here is written so that it never goes back over more than a few dozen
characters (possessive quantifiers); digits are digits of any script.
"""

import re
from collections.abc import Iterator, Mapping

from volano.core.ports.mask import Detect

Place = tuple[int, int]

_CJK = "\u2e80-\u9fff\uf900-\ufaff\u3040-\u30ff"
_LOCAL = re.compile(rf"[^\W{_CJK}]|[.!#$%&'*+=?^`|~-]")
_LOCAL_CJK = re.compile(r"\w|[.!#$%&'*+=?^`|~-]")
_DOMAIN = re.compile(rf"(?:(?:[^\W{_CJK}]|-){{1,63}}+\.)++(?:[^\W{_CJK}]|-){{2,63}}+")
_DOMAIN_CJK = re.compile(r"[\w-]{1,63}+(?:\.[\w-]{1,63}+)++")
_LONGEST_LOCAL = 64
_PHONE = re.compile(r"\d(?:[ \u00a0./()\u2010-\u2013-]{0,3}+\d){6,17}+(?![A-Za-z0-9_])")
_WORDLY = re.compile(r"[A-Za-z0-9_.]")
_TWO_DIGITS = re.compile(r"\d\d")
_NO_PHONE = re.compile(
    r"\d{4}-\d{1,2}-\d{1,2}|\d{1,2}[./]\d{1,2}[./]\d{2,4}|\d{1,3}(?:\.\d{1,3}){3}$"
)
_IBAN = re.compile(r"(?<![A-Za-z0-9])[A-Za-z]{2}\d{2}(?:[ \u00a0-]?+[A-Za-z0-9]){11,30}+")
_IBAN_CHARS = {
    "AT": 20, "BE": 16, "BG": 22, "CH": 21, "CY": 28, "CZ": 24, "DE": 22, "DK": 18, "EE": 20,
    "ES": 24, "FI": 18, "FR": 27, "GB": 22, "GR": 27, "HR": 21, "HU": 28, "IE": 22, "IT": 27,
    "LT": 20, "LU": 20, "LV": 21, "MT": 31, "NL": 18, "NO": 15, "PL": 28, "PT": 25, "RO": 24,
    "RS": 22, "SE": 24, "SI": 19, "SK": 24, "TR": 26, "UA": 29, "KZ": 20, "AE": 23, "SA": 24,
}  # fmt: skip
"""How long an IBAN is (SWIFT's registry of IBANs); of other countries any length is tried."""
_DIGITS = re.compile(r"\d(?:[ \u00a0-]?+\d){12,}+")
_CARD_LENGTHS = range(13, 20)
_FIRST_LENGTHS = frozenset((4, *_CARD_LENGTHS))
_SECRET = re.compile(
    r"""(?<![A-Za-z0-9_])(?:
      (?:sk|rk|pk|vk|vol)-[A-Za-z0-9_-]{16,}+ | (?:sk|rk|pk|vk|volano)_[A-Za-z0-9_]{16,}+
    | gh[pousr]_[A-Za-z0-9]{20,}+ | github_pat_[A-Za-z0-9_]{20,}+ | glpat-[A-Za-z0-9_-]{16,}+
    | xox[abeoprs]-[A-Za-z0-9-]{10,}+ | (?:AKIA|ASIA)[0-9A-Z]{16}+ | AIza[0-9A-Za-z_-]{30,}+
    | hf_[A-Za-z0-9]{20,}+ | eyJ[A-Za-z0-9_-]{8,}+\.[A-Za-z0-9_-]{8,}+\.[A-Za-z0-9_-]{8,}+
    | (?i:bearer)\ [A-Za-z0-9._~+/=-]{16,}+
    )""",
    re.VERBOSE,
)
_MARKS = (
    *(
        "sk-",
        "rk-",
        "pk-",
        "vk-",
        "vol-",
        "sk_",
        "rk_",
        "pk_",
        "vk_",
        "volano_",
        "ghp_",
        "gho_",
        "ghu_",
        "ghs_",
        "ghr_",
        "github_",
        "glpat-",
    ),
    *("xox", "AKIA", "ASIA", "AIza", "hf_", "eyJ", "earer ", "EARER ", "PRIVATE KEY"),
)
"""One of these is in every secret; that is quicker to see."""
_PRIVATE_KEY = re.compile(r"-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----")


def email(text: str) -> Iterator[Place]:
    """Addresses of mail, also those with letters beyond ASCII."""
    for at in re.finditer("[@\uff20]", text):
        start = _local(text, at.start())
        domain = _DOMAIN.match(text, at.end()) or _DOMAIN_CJK.match(text, at.end())
        if start < at.start() and domain:
            yield start, domain.end()


def phone(text: str) -> Iterator[Place]:
    """What looks like a telephone number: with a country's code, or in groups, or a long-distance 0."""
    for found in _PHONE.finditer(text):
        start = _opened(text, found.start())
        if start and _WORDLY.match(text, start - 1):
            continue
        said = text[start : found.end()]
        digits = sum(map(str.isdecimal, said))
        groups = len(re.findall(r"\d+", said))
        if _NO_PHONE.match(said) or not 8 <= digits <= 15:
            continue
        abroad = said.startswith(("+", "00"))
        national = said[0] in "0(8" and digits >= 9 and (groups > 1 or digits <= 11)
        chinese = digits == 11 and said[0] == "1" and said[1] in "3456789"
        if abroad or national or chinese or (groups >= 3 and 9 <= digits <= 12):
            yield start, found.end()


def iban(text: str) -> Iterator[Place]:
    """International bank account numbers whose checksum is right (ISO 13616, ISO 7064)."""
    for digits in _TWO_DIGITS.finditer(text):
        found = _IBAN.match(text, max(0, digits.start() - 2))
        if found is None:
            continue
        kept = [n for n, char in enumerate(found.group()) if char.isalnum()]
        said = "".join(found.group()[n] for n in kept).upper()
        own = _IBAN_CHARS.get(said[:2])
        for size in [own] if own else range(len(said), 14, -1):
            if size <= len(said) and _iban_sums(said[:size]):
                yield found.start(), found.start() + kept[size - 1] + 1
                break


def card(text: str) -> Iterator[Place]:
    """Numbers of payment cards whose checksum is right (ISO/IEC 7812, Luhn), in one piece or in groups."""
    for found in _DIGITS.finditer(text):
        groups = [
            (g.start() + found.start(), g.group()) for g in re.finditer(r"\d+", found.group())
        ]
        first = 0
        while first < len(groups):
            if len(groups[first][1]) not in _FIRST_LENGTHS:
                first += 1
                continue
            size = next((n for n in range(6, 0, -1) if _is_card(groups[first : first + n], n)), 0)
            if size:
                last, digits = groups[first + size - 1]
                yield groups[first][0], last + len(digits)
            first += size or 1


def secret(text: str) -> Iterator[Place]:
    """Keys of APIs, tokens and private keys, by the marks that their makers give them."""
    if not any(mark in text for mark in _MARKS):
        return
    for found in _SECRET.finditer(text):
        yield found.span()
    last = 0
    for found in _PRIVATE_KEY.finditer(text):
        if found.start() < last:
            continue
        end = text.find("-----END", found.end())
        line = text.find("-----", end + 8) if end >= 0 else -1
        last = line + 5 if line >= 0 else len(text)
        yield found.start(), last


def _opened(text: str, at: int) -> int:
    """Return where a number begins that has its first digit here: brackets and a plus come before."""
    for sign in "(+":
        at -= at > 0 and text[at - 1] == sign
    return at


def _local(text: str, at: int) -> int:
    """Return where the part before the @ begins. A word of a text without spaces is no part of it."""
    if at == 0:
        return at
    plain = _LOCAL.match(text, at - 1)
    fits = (_LOCAL if plain else _LOCAL_CJK).match
    start = at
    while start > max(0, at - _LONGEST_LOCAL) and fits(text, start - 1):
        start -= 1
    return start


def _iban_sums(said: str) -> bool:
    moved = said[4:] + said[:4]
    return int("".join(str(int(char, 36)) for char in moved)) % 97 == 1


def _is_card(groups: list[tuple[int, str]], size: int) -> bool:
    sizes = [len(group) for _, group in groups]
    fours = set(sizes[:-1]) == {4} and sizes[-1] <= 4
    if len(groups) != size or not (size == 1 or fours or sizes in ([4, 6, 5], [4, 6, 4])):
        return False
    digits = [int(char) for _, group in groups for char in group]
    if len(digits) not in _CARD_LENGTHS or not 2 <= digits[0] <= 6 or len(set(digits)) == 1:
        return False
    doubled = [2 * n - 9 * (n > 4) for n in digits[-2::-2]]
    return (sum(doubled) + sum(digits[-1::-2])) % 10 == 0


DETECTORS: Mapping[str, Detect] = {
    "email": email,
    "phone": phone,
    "iban": iban,
    "card": card,
    "secret": secret,
}
"""By the names under which they are switched on."""
