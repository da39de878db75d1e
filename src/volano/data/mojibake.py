"""Mojibake: UTF-8 that somebody read as another encoding (`fÃ¼r`, `РїСЂРёРІРµС‚`), made good by ftfy.

ftfy looks at a text closely and takes its time. A text in which no two
characters could be the bytes of one is not shown to it: that is most of them.
"""

import functools
import re

from volano.data.extra import needed

_LOST = "\ufffd\x1a\x80-\x9f"
"""What stands where a byte was lost on the way, or where nobody read it at all."""


def mended(text: str) -> str:
    """Return the text as it was meant.

    Raises:
        MissingExtraError: ftfy is not installed.
    """
    if text.isascii() or not _suspicion().search(text):
        return text
    return str(needed("ftfy", by="Repairing text").fix_encoding(text))


@functools.cache
def _suspicion() -> re.Pattern[str]:
    """Return what finds a lead byte of UTF-8 and the bytes that must follow it, in any encoding.

    The bytes (RFC 3629, §3): C2-DF and one of 80-BF, E0-EF and two, F0-F4 and three.
    """
    encodings = needed("ftfy.chardata", by="Repairing text").CHARMAP_ENCODINGS
    two, three, four, rest = (
        _characters(encodings, *span) for span in ((0xC2, 0xDF), (0xE0, 0xEF), (0xF0, 0xF4), (0x80, 0xBF))
    )  # fmt: skip
    rest = f"[{rest}{_LOST}]"
    return re.compile(
        rf"[{two}]{rest}|[{three}]{rest}{{2}}|[{four}]{rest}{{3}}|[\x80-\x9f]|\u00c3 "
    )


def _characters(encodings: list[str], first: int, last: int) -> str:
    data = bytes(range(first, last + 1))
    found = {char for name in encodings for char in data.decode(name, "replace") if ord(char) > 127}
    return "".join(map(re.escape, sorted(found)))
