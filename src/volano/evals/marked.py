"""Marked: what others wrote, as text in Markdown and nothing else."""

import re

CLIP = 160


def clip(said: str) -> str:
    """Return text as one line, not longer than `CLIP` characters."""
    one_line = " ".join(said.split())
    return one_line if len(one_line) <= CLIP else one_line[: CLIP - 1] + "…"


def cell(said: str) -> str:
    """Return text that is text in a table of Markdown, whatever a model wrote; long text is clipped."""
    return escaped(clip(str(said)))


def escaped(said: str) -> str:
    """Return text that is text in a line of Markdown, whole."""
    marked = re.sub(r"([\\`*_{}\[\]<>|#!@~])", r"\\\1", " ".join(said.split()))
    return (
        marked.replace("\\<", "&lt;")
        .replace("\\>", "&gt;")
        .replace("\\@", "@&#8203;")
        .replace("://", "&#58;//")
        or " "
    )
