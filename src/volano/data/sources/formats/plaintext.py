"""Text and Markdown: a row a file, a paragraph or a line. Front matter becomes columns."""

import re
from collections.abc import Iterator
from typing import Any

from volano.data.sources import reasons
from volano.data.sources.front import front_matter
from volano.data.sources.lined import Line, decode, lines
from volano.data.sources.piece import Piece
from volano.data.sources.reading import FORMATS, Format, Reading
from volano.data.sources.source import Reject, set_aside
from volano.data.sources.unpack import BrokenFileError
from volano.data.step import Record

_TAKEN = ("id", "text", "origin", "split")
_HEADING = re.compile(r"^#[ \t]++(.++)$", re.MULTILINE)
"""Possessive: a line of a million `#` is looked at once."""


def read(piece: Piece, reading: Reading, reject: Reject) -> Iterator[Record]:
    """Yield texts: the whole file, or its lines or paragraphs, one at a time."""
    if reading.rows == "line":
        yield from _lines(piece, reading, reject)
    elif reading.rows == "paragraph":
        yield from _paragraphs(piece, reading, reject)
    else:
        text, origin = _whole(piece, reading)
        if text.strip():
            yield {"text": text, "origin": origin}
        else:
            set_aside(reject, origin, reasons.EMPTY)


def read_markdown(piece: Piece, reading: Reading, reject: Reject) -> Iterator[Record]:
    """Yield Markdown as it is written, with the columns of its front matter and its title."""
    if reading.rows == "line":
        yield from _lines(piece, reading, reject)
        return
    text, origin = _whole(piece, reading)
    matter, body, why = front_matter(text)
    if why:
        set_aside(reject, {**origin, "line": 1}, "broken front matter", why)
    columns: dict[str, Any] = {
        (f"front_{name}" if name in _TAKEN else name): value for name, value in matter.items()
    }
    if "title" not in columns and (heading := _HEADING.search(body)):
        columns["title"] = heading[1].rstrip(" \t#") or heading[1][:1]
    began = text.count("\n", 0, len(text) - len(body)) + 1
    if not body.strip():
        set_aside(reject, origin, reasons.EMPTY)
    elif reading.rows == "paragraph":
        for line, part in _parted(body):
            yield {**columns, "text": part, "origin": {**origin, "line": began + line}}
    else:
        yield {**columns, "text": body, "origin": origin}


def _whole(piece: Piece, reading: Reading) -> tuple[str, Record]:
    """Return a file's text and origin.

    Raises:
        BrokenFileError: it is too large, or not text in a known encoding.
    """
    raw = piece.whole(reading.limits)
    stated = (*reading.encoding, piece.charset) if piece.charset else reading.encoding
    try:
        text, encoding = decode(raw, stated)
    except UnicodeDecodeError as error:
        why = f"byte {error.start} is 0x{raw[error.start]:02x}; tried UTF-8"
        raise BrokenFileError(reasons.NOT_ENCODED, ", ".join([why, *stated])) from None
    if (at := text.find("\0")) >= 0:
        raise BrokenFileError(reasons.NUL, f"character {at}")
    return text, {**piece.origin, "encoding": encoding} if encoding else dict(piece.origin)


def _parted(text: str) -> Iterator[tuple[int, str]]:
    """Yield each paragraph with the number of lines above it."""
    above = 0
    for part in re.split(r"(\n[ \t\r]*\n\s*)", text):
        if part.strip():
            yield above, part.strip("\r\n")
        above += part.count("\n")


def _told(piece: Piece, line: Line) -> Record:
    encoding = {"encoding": line.encoding} if line.encoding else {}
    return {**piece.origin, "line": line.number, **encoding}


def _lines(piece: Piece, reading: Reading, reject: Reject) -> Iterator[Record]:
    with piece.open(reading.limits) as stream:
        for line in lines(stream, limit=reading.limits.line, encodings=reading.encoding):
            if line.text is None:
                where = {**_told(piece, line), "byte": line.byte}
                set_aside(reject, where, line.reason, line.detail, excerpt=line.raw)
            elif line.text.strip():
                yield {"text": line.text.rstrip("\r\n"), "origin": _told(piece, line)}


def _paragraphs(piece: Piece, reading: Reading, reject: Reject) -> Iterator[Record]:
    """Yield paragraphs; one with a line that cannot be read is set aside by that line."""
    held: list[Line] = []
    size = 0
    with piece.open(reading.limits) as stream:
        for line in lines(stream, limit=reading.limits.line, encodings=reading.encoding):
            blank = line.text is not None and not line.text.strip()
            size += len(line.raw)
            if blank:
                yield from _paragraph(piece, held, reject)
                held, size = [], 0
            elif size > reading.limits.line:
                why = f"a paragraph of more than {reading.limits.line} bytes"
                where = {**_told(piece, (held or [line])[0]), "byte": (held or [line])[0].byte}
                set_aside(reject, where, reasons.TOO_LONG, why, excerpt=(held or [line])[0].raw)
                held, size = [], 0
            else:
                held.append(line)
    yield from _paragraph(piece, held, reject)


def _paragraph(piece: Piece, held: list[Line], reject: Reject) -> Iterator[Record]:
    bad = next((line for line in held if line.text is None), None)
    if bad is not None:
        where = {**_told(piece, bad), "byte": bad.byte}
        set_aside(reject, where, bad.reason, bad.detail, excerpt=b"".join(x.raw for x in held[:20]))
    elif held:
        text = "".join(line.text or "" for line in held).rstrip("\r\n")
        yield {"text": text, "origin": _told(piece, held[0])}


FORMATS.register("text")(Format(read, (".txt", ".text", ".log"), ("text/plain",)))
FORMATS.register("markdown")(
    Format(read_markdown, (".md", ".markdown", ".mdx"), ("text/markdown", "text/x-markdown"))
)
