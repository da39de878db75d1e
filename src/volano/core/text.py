"""Text comes in many spellings; inside volano it has one: NFC."""

import unicodedata


def nfc(text: str) -> str:
    """Return the canonical composed form, so that `é` equals `é` however it was typed."""
    return text if text.isascii() else unicodedata.normalize("NFC", text)
