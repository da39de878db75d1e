"""Tables, facts and single values as text: aligned on a terminal, tab-separated when piped."""

import json
import os
import shutil
import sys
import time
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any, TextIO

import click

from volano.core.money import Money

DURATIONS = ("latency_us", "ttft_us", "took_us")


def talk(text: str = "", *, dim: bool = True) -> None:
    """Say something to the person, on stderr."""
    click.echo(styled(text, sys.stderr, dim=True) if dim else text, err=True)


def colours(stream: TextIO | None = None) -> bool:
    """Whether this stream (stderr when not given) is a terminal that wants colours."""
    return (stream or sys.stderr).isatty() and not os.environ.get("NO_COLOR")


def styled(text: str, stream: TextIO, **style: Any) -> str:
    """Return the text in this style where the stream wants colours."""
    return click.style(text, **style) if colours(stream) else text


def table(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> None:
    """Print rows: aligned on a terminal, tab-separated otherwise."""
    if not rows:
        talk("nothing yet")
        return
    names = list(columns) or list(rows[0])
    heads = [heading(name) for name in names]
    cells = [[cell(name, row.get(name)) for name in names] for row in rows]
    if not sys.stdout.isatty():
        for line in (heads, *cells):
            click.echo("\t".join(text.replace("\t", " ") for text in line))
        return
    room = max(12, shutil.get_terminal_size().columns // len(names) + 10)
    cut = [[_cut(text, room) for text in line] for line in cells]
    widths = [max(map(_width, column)) for column in zip(heads, *cut, strict=True)]
    click.echo(styled(_line(heads, widths), sys.stdout, dim=True))
    for line in cut:
        click.echo(_line(line, widths))


def facts(value: Mapping[str, Any], indent: str = "") -> None:
    """Print an object as aligned lines, nested objects below.

    The names of nested objects may be anybody's own (settings, scores): of
    those only the unit is dropped, which the cell no longer has.
    """
    shown_as = {
        name: visible(name.removesuffix("_us")) if indent else heading(name) for name in value
    }
    width = max(map(_width, shown_as.values()), default=0)
    for name, item in value.items():
        shown = shown_as[name]
        if isinstance(item, Mapping) and item:
            click.echo(f"{indent}{shown}")
            facts(item, indent + "  ")
        else:
            pad = " " * (width - _width(shown))
            click.echo(f"{indent}{shown}{pad}  {cell(name, item)}")


def heading(name: str) -> str:
    """Return a field's name for people: cells say their unit, so the heading does not."""
    return visible(name.removesuffix("_us").replace("_", " "))


def cell(name: str, value: Any) -> str:
    """Return one value as short text: times as times, shares as percent."""
    if value is None:
        return "-"
    if name in DURATIONS and isinstance(value, int | float):
        return f"{value / 1000:.1f} ms"
    if name == "share" and isinstance(value, int):
        return f"{value / 10_000:g} %"
    if name.endswith("_us") and isinstance(value, int):
        return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(value / 1e6)) if value else "-"
    if isinstance(value, str):
        return visible(value)
    if isinstance(value, dict) and value.keys() == {"nano", "currency"}:
        return str(Money(**value))
    return visible(json.dumps(value, ensure_ascii=False))


def visible(text: str) -> str:
    """Return text as one line that cannot drive the terminal: control and direction marks as �."""
    return " ".join(lines(text).split())


def lines(text: str) -> str:
    """Return text that cannot drive the terminal, in its own lines."""
    return "".join(c if _harmless(c) else "\ufffd" for c in text)


def _harmless(char: str) -> bool:
    return char in "\n\t" or unicodedata.category(char) not in {"Cc", "Cf", "Cs"}


def jsoned(value: Any) -> str:
    """Return JSON for programs, its unseen characters written as escapes: the same value."""
    text = json.dumps(value, ensure_ascii=False, indent=2)
    return "".join(c if _harmless(c) else json.dumps(c)[1:-1] for c in text)


def _width(text: str) -> int:
    """Columns on a terminal: East Asian wide characters take two."""
    return sum(map(_columns, text))


def _columns(char: str) -> int:
    if unicodedata.category(char) in {"Mn", "Me"}:
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def _cut(text: str, room: int) -> str:
    """Cut text so that it takes at most `room` columns; what was cut off shows as …."""
    used = at = 0
    for n, char in enumerate(text):
        used += _columns(char)
        if used < room:
            at = n + 1
        if used > room:
            return text[:at] + "…"
    return text


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    padded = [
        text + " " * (width - _width(text)) for text, width in zip(cells, widths, strict=True)
    ]
    return "  ".join(padded).rstrip()
