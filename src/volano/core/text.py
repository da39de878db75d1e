"""Text comes in many spellings; inside volano it has one: NFC."""

import re
import unicodedata


def nfc(text: str) -> str:
    """Return the canonical composed form, so that `é` equals `é` however it was typed."""
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def shown_address(url: str) -> str:
    """Return an address for an error message: without what may be a secret (credentials, query)."""
    scheme, mark, rest = url.partition("://")
    place = re.split(r"[?#]", rest if mark else scheme)[0].rpartition("@")[2]
    return ascii(f"{scheme}{mark}{place}" if mark else place)[1:-1][:120]
