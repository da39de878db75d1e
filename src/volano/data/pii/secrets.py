"""Secrets: marked keys (`sk-…`, `ghp_…`, JWT), blocks of keys, and values that somebody calls a secret.

A value counts when the name before it says so (`password`, `api_key`, `пароль`, `jelszó`, `密码`) and it looks drawn,
not written: letters of several kinds, and enough entropy (Shannon 1948) in its characters.
"""

import math
import re
from collections import Counter
from collections.abc import Iterator

from volano.traces.mask import DETECTORS as MARKED

_MORE = re.compile(
    r"""(?<![A-Za-z0-9_])(?:
      \d{8,10}:AA[A-Za-z0-9_-]{33}                                    # Telegram
    | SG\.[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43}                        # SendGrid
    | npm_[A-Za-z0-9]{36} | pypi-[A-Za-z0-9_-]{50,200}+ | dop_v1_[a-f0-9]{64} | shp(?:at|ca|pa|ss)_[a-fA-F0-9]{32}
    | AGE-SECRET-KEY-1[A-Z0-9]{58} | GOCSPX-[A-Za-z0-9_-]{28} | ya29\.[A-Za-z0-9_-]{20,300}+
    )(?![A-Za-z0-9])""",
    re.VERBOSE,
)
_MORE_MARKS = (":AA", "SG.", "npm_", "pypi-", "dop_v1_", "shpat_", "shpca_", "shppa_", "shpss_",
               "AGE-SECRET", "GOCSPX-", "ya29.")  # fmt: skip
_IN_ADDRESS = re.compile(r"://[^\s/:@]{1,64}+:([^\s/@]{1,256}+)@")
_GIVEN = re.compile(r"(?:[:=：]|=>)[ \t]{0,4}+[\"'`“„«]?+([^\s\"'`“”„«»<>,;，。；]{8,256}+)")
_NAMED = re.compile(
    r"(?:password|passwd|passphrase|pwd|pass|secret|token|api[_ -]?key|access[_ -]?key|account[_ -]?key|private[_ -]?key|"
    r"credentials?|auth|passwort|kennwort|geheimnis|schlüssel|jelszó|jelszava[dm]?|titkos kulcs|kulcs|пароль|секрет|токен|"
    r"ключ|密码|口令|密钥|令牌)[\w-]{0,24}[\"'`”»]?[ \t]{0,4}\Z",
    re.IGNORECASE,
)
_BEFORE = 60
_NOT_DRAWN = re.compile(
    r"\*{3}|\.{3}|x{4}|\$\{|\{\{|%\(|https?:|os\.|process\.|none\b|null\b|example|your[_-]|change-?me|\(",
    re.IGNORECASE,
)
"""How a value begins that only holds the place of one."""
LEAST_BITS = 2.75
"""Bits a character of a drawn value, from 8 characters on; words repeat their letters more."""


def secrets(text: str) -> Iterator[tuple[int, int]]:
    """Yield the places of secrets: first character and the one behind the last; they may overlap."""
    yield from MARKED["secret"](text)
    if any(mark in text for mark in _MORE_MARKS):
        for found in _MORE.finditer(text):
            yield found.span()
    if "://" in text and "@" in text:
        for found in _IN_ADDRESS.finditer(text):
            yield found.span(1)
    for found in _GIVEN.finditer(text):
        if _drawn(found[1]) and _NAMED.search(
            text[max(0, found.start() - _BEFORE) : found.start()]
        ):
            yield found.span(1)


def entropy(value: str) -> float:
    """Return the bits a character, as often as each occurs in the value."""
    size = len(value)
    return -sum(n / size * math.log2(n / size) for n in Counter(value).values())


def _drawn(value: str) -> bool:
    kinds = sum(
        any(map(test, value))
        for test in (str.islower, str.isupper, str.isdigit, lambda c: not c.isalnum())
    )
    mixed = kinds >= 2 and (kinds >= 3 or any(map(str.isdigit, value)) or len(value) >= 24)
    return mixed and not _NOT_DRAWN.match(value) and entropy(value) >= LEAST_BITS
