"""Reading: how the rows of a file are found, as a spec says it; and the formats by name."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from pathlib import PurePosixPath
from typing import Any

from volano.core.plugins import Registry
from volano.data.sources.limits import Limits, limits_of
from volano.data.sources.lined import known_encoding
from volano.data.sources.piece import Piece
from volano.data.sources.source import Reject
from volano.data.sources.spec import bad, flag, text, texts
from volano.data.step import Record

AUTO = "auto"
_PACKED = (".gz", ".gzip", ".zst", ".zstd")


@dataclass(frozen=True, slots=True)
class Reading:
    """Settings of the formats. Each format reads those that it knows."""

    format: str = AUTO
    encoding: tuple[str, ...] = ()
    rows: str = AUTO
    delimiter: str = AUTO
    quote: str = '"'
    escape: str = ""
    header: bool | tuple[str, ...] = True
    links: bool = False
    label_names: bool = True
    limits: Limits = field(default_factory=Limits)

    def __post_init__(self) -> None:
        for name in self.encoding:
            if not known_encoding(name):
                raise bad(f"there is no encoding `{name}`")
        if self.rows not in ROWS:
            raise bad(f"`rows` is one of {', '.join(ROWS)}")
        for name in ("quote", "escape"):
            if len(getattr(self, name)) > 1:
                raise bad(f"`{name}` is one character")
        if self.delimiter != AUTO and len(self.delimiter) != 1:
            raise bad("`delimiter` is one character, or `auto`")
        if self.format != AUTO and self.format not in FORMATS:
            raise bad(f"there is no format `{self.format}`", FORMATS)


ROWS = (AUTO, "file", "page", "paragraph", "line")
READING_KEYS = tuple(one.name for one in fields(Reading))


@dataclass(frozen=True, slots=True)
class Format:
    """How files of one kind are read. `read` raises `BrokenFileError` where it cannot go on."""

    read: Callable[[Piece, Reading, Reject], Iterator[Record]]
    suffixes: tuple[str, ...] = ()
    media_types: tuple[str, ...] = ()


FORMATS: Registry[Format] = Registry("format")
"""All formats by name; packages bring more by the entry point `volano.plugins`."""


def reading_of(given: Mapping[str, Any]) -> Reading:
    """Return the settings of the formats that a spec holds; other keys are not looked at.

    Raises:
        BadSourceError: a setting that cannot be.
    """
    found: dict[str, Any] = {}
    for name in READING_KEYS:
        if name not in given:
            continue
        value = given[name]
        if name == "encoding":
            value = texts(value, name)
        elif name in ("links", "label_names"):
            value = flag(value, name)
        elif name == "header" and not isinstance(value, bool):
            value = texts(value, name)
        elif name == "limits":
            if not isinstance(value, Mapping):
                raise bad("`limits` is a mapping")
            value = limits_of(value)
        elif name != "header":
            value = text(value, name)
        found[name] = value
    return Reading(**found)


def format_of(name: str) -> str | None:
    """Return the format that a file's name tells, None when it tells none."""
    path = PurePosixPath(name.lower())
    suffix = PurePosixPath(path.stem).suffix if path.suffix in _PACKED else path.suffix
    return next((n for n in FORMATS if suffix in FORMATS.get(n).suffixes), None)


def format_of_media(media_type: str) -> str | None:
    """Return the format of a media type such as `text/html`, None for one that says nothing."""
    return next((n for n in FORMATS if media_type in FORMATS.get(n).media_types), None)
