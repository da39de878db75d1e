"""Prose: what cards of all kinds share. People write it; the facts between two marks are ours.

A card is Markdown with a front matter as the Hugging Face Hub reads it. What
stands outside of the marks is kept from version to version.
"""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from volano.core.manifest import Parent
from volano.core.principal import Principal
from volano.data.exchange.errors import BadFrontMatterError
from volano.data.exchange.hub import parted
from volano.data.page import page
from volano.store.artifact import Artifact, LineageNode
from volano.store.catalog import Catalog

BEGIN = "<!-- volano:facts, written anew for each version -->"
END = "<!-- volano:facts end -->"
LICENCES = ("license", "licence", "licenses", "licences")
GENERATED = ("dataset_info", "configs")
FILE = "README.md"


def written(said: Mapping[str, Any], body: str, facts: str) -> str:
    """Return a card: the front matter, the prose, and the facts between their marks."""
    text = yaml.safe_dump(dict(said), sort_keys=False, allow_unicode=True, width=100)
    return f"---\n{text}---\n\n{joined(body, facts)}\n"


def read_text(path: Path) -> str:
    """Return the text of a card that somebody edited.

    Raises:
        BadFrontMatterError: it is no text, or too long.
    """
    try:
        return page(path)
    except (OSError, ValueError) as error:
        raise BadFrontMatterError(path=path.name, why=str(error)) from error


def prose_of(
    text: str, said: Mapping[str, Any], generated: Collection[str] = GENERATED, *, file: str = FILE
) -> str:
    """Return what people wrote of a card: all but the facts, and what the facts `said` on top. `file` is told in errors.

    Raises:
        BadFrontMatterError: what stands on top is no mapping in YAML.
    """
    own, body = parted(text, file)
    own = {k: v for k, v in own.items() if k not in generated and (k not in said or said[k] != v)}
    body = re.sub(
        f"{re.escape(BEGIN)}.*?{re.escape(END)}", f"{BEGIN}\n{END}", body, flags=re.DOTALL
    )
    head = yaml.safe_dump(own, sort_keys=False, allow_unicode=True) if own else ""
    return f"---\n{head}---\n\n{body.strip()}\n" if own else f"{body.strip()}\n"


def kept(catalog: Catalog, kind: str, name: str, prose: str, *, by: Principal) -> Artifact:
    """Keep prose as the newest card of its name, also where an older one said the same."""
    newest = next(iter(catalog.list(kind, name, limit=1)), None)
    raw = prose.encode()
    if newest is not None and catalog.read(newest, FILE) == raw:
        return newest
    before = [Parent("before", newest.digest)] if newest is not None else []
    return catalog.record(kind, name, files={FILE: raw}, parents=before, by=by)


def joined(body: str, facts: str) -> str:
    """Put the facts between their marks, or after the body where it has none."""
    block = f"{BEGIN}\n\n{facts}\n\n{END}"
    before, mark, rest = body.partition(BEGIN)
    _, end, after = rest.partition(END)
    return f"{before}{block}{after}".strip() if mark and end else f"{body.strip()}\n\n{block}"


def told_licences(meta: Any, depth: int = 0) -> Iterator[str]:
    """Yield the licences that meta names, wherever its sources say them."""
    if isinstance(meta, dict):
        for name, value in meta.items():
            if name in LICENCES:
                yield from (
                    line(one)
                    for one in (value if isinstance(value, list) else [value])
                    if isinstance(one, str)
                )
            elif depth < 4 and name in ("source", "test_source", "sources", "recipe"):
                yield from told_licences(value, depth + 1)
    elif isinstance(meta, list):
        for one in meta:
            yield from told_licences(one, depth + 1)


def nodes(node: LineageNode) -> Iterator[LineageNode]:
    """Yield a node and all its ancestors; some twice."""
    yield node
    for parent in node.parents:
        yield from nodes(parent)


def inline(value: Any) -> str:
    """Return a value of any depth on one line."""
    if isinstance(value, dict):
        return ", ".join(f"{line(name)} {inline(one)}" for name, one in value.items())
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(map(inline, value))
    return line(value)


def line(value: Any) -> str:
    """Return a value on one line, without what Markdown or HTML would take for its own."""
    text = " ".join(str(value).split())[:500]
    return text.replace("<", "&lt;").replace("`", "'")


def cell(value: str) -> str:
    """Return a value for a cell of a table."""
    return line(value).replace("|", "\\|")
