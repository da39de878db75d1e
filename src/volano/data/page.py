"""A page: a small text file that a person wrote, read whole or not at all."""

from pathlib import Path

MOST_BYTES = 1_000_000


def page(path: Path) -> str:
    """Return a file's text, without the mark of its byte order.

    Raises:
        OSError: it cannot be read.
        ValueError: it is larger than a million bytes, or no UTF-8.
    """
    with path.open("rb") as file:
        raw = file.read(MOST_BYTES + 1)
    if len(raw) > MOST_BYTES:
        raise ValueError(f"it has more than {MOST_BYTES} bytes")
    return raw.decode("utf-8-sig")
