"""Sources: the verbs. A spec is opened as what it names; `peek` tries one by hand."""

import difflib
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

from volano.core.principal import Principal
from volano.data.errors import BadSourceError, SourceNotFoundError
from volano.data.sources import formats, places
from volano.data.sources.front import plain_yaml
from volano.data.sources.source import SOURCES, Around, Source, Versions
from volano.data.sources.spec import shown
from volano.data.step import Rejected

_ = (formats, places)  # imported because they register themselves
_LONGEST_SPEC = 1 << 20
_MOST_TOLD = 20
_MEANT = {
    "path": "files", "file": "files", "glob": "files", "dir": "folder", "directory": "folder",
    "http": "url", "web": "url", "table": "sql", "query": "sql", "postgres": "sql",
    "database": "sql", "huggingface": "hf",
}  # fmt: skip
"""What other tools say, and what it is here."""


APPEND = "append"
"""In a recipe: what was read stays, and the next run reads only what is new. Whoever collects heeds it."""


class Sources:
    """Opens sources within one workspace."""

    def __init__(self, around: Around):
        self._around = around

    def open(
        self, spec: Mapping[str, Any], *, root: Path | None = None,
        state: Mapping[str, Any] | None = None, versions: Versions | None = None,
    ) -> Source:  # fmt: skip
        """Return the source that a spec names. `root` is the recipe's folder.

        With the `state` of an earlier run it gives only what is new or changed;
        `versions` gives the datasets as whoever asks may see them.

        Raises:
            BadSourceError: no kind of source, or a setting that cannot be.
        """
        around = replace(
            self._around, root=root or self._around.root, since=state,
            versions=versions or self._around.versions,
        )  # fmt: skip
        told = {name: value for name, value in spec.items() if name != APPEND}
        return SOURCES.get(kind_of(spec))(told, around)

    def peek(
        self, source: Mapping[str, str], *, limit: int = 5, by: Principal | None = None
    ) -> dict[str, Any]:
        """Return the first rows that a source gives, and what was set aside until then.

        `source` is what somebody `said` and the `folder` they are in: a path or pattern, a
        URL, a spec as YAML or JSON, or the path of a YAML file that holds one. Rows of a
        dataset come as `by` may see them.

        Raises:
            BadSourceError: it cannot be read as a source; and what the source itself raises.
        """
        spec, root = said(source["said"], Path(source["folder"]))
        aside: list[Rejected] = []
        reasons: Counter[str] = Counter()

        def reject(one: Rejected) -> None:
            reasons[one.reason] += 1
            if len(aside) < _MOST_TOLD:
                aside.append(one)

        kept = self._around.versions
        versions = kept.seen_by(by) if kept and by else None
        rows = self.open(spec, root=root, versions=versions).rows(reject)
        try:
            found = list(islice(rows, limit))
        finally:
            rows.close()  # type: ignore[attr-defined]
        told = [{**one.row, "reason": one.reason, "detail": one.detail or ""} for one in aside]
        return {"source": kind_of(spec), "rows": found, "aside": told, "reasons": dict(reasons)}


def open_source(
    spec: Mapping[str, Any], *, state: Mapping[str, Any] | None = None, root: Path | None = None
) -> Source:
    """Return a source outside of any workspace: of files, the web or SQL.

    Raises:
        BadSourceError: no kind of source, or a setting that cannot be.
    """
    return Sources(Around()).open(spec, root=root, state=state)


def kind_of(spec: Mapping[str, Any]) -> str:
    """Return which kind of source a spec is.

    Raises:
        BadSourceError: none, or several at once.
    """
    kinds = ", ".join(SOURCES)
    if not isinstance(spec, Mapping):
        raise BadSourceError(why="it is no mapping", kinds=kinds)
    found = [kind for kind in SOURCES if kind in spec]
    if "rows" in found and len(found) > 1 and not isinstance(spec["rows"], list):
        found.remove("rows")  # of a file, that says what is a row
    if len(found) == 1:
        return found[0]
    if found:
        raise BadSourceError(why=f"it names several at once: {', '.join(found)}", kinds=kinds)
    near = [(n, _MEANT[n]) for n in spec if n in _MEANT]
    near += [(n, k) for n in spec for k in difflib.get_close_matches(str(n), list(SOURCES), n=1)]
    meant = f"; did you mean `{near[0][1]}` where it says `{shown(near[0][0])}`" if near else ""
    raise BadSourceError(why=f"it names no place{meant}", kinds=kinds)


def said(text: str, folder: Path) -> tuple[Mapping[str, Any], Path]:
    """Return the spec that somebody means on a command line, and its folder."""
    if text.startswith(("http://", "https://")):
        return {"url": text}, folder
    if text.lstrip().startswith("{"):
        return _spec(text), folder
    path = folder / text
    if path.is_dir():
        return {"folder": str(path)}, folder
    if path.suffix in (".yaml", ".yml") and path.is_file():
        if path.stat().st_size > _LONGEST_SPEC:
            raise BadSourceError(why="the file is too long for a spec", kinds=", ".join(SOURCES))
        return _spec(path.read_text(encoding="utf-8", errors="replace")), path.parent
    if path.is_file():
        plain = path.name.replace("[", "[[]").replace("*", "[*]").replace("?", "[?]")
        return {"files": plain}, path.parent
    if not any(mark in text for mark in "*?["):
        raise SourceNotFoundError(path=text)
    return {"files": text}, folder


def _spec(text: str) -> Mapping[str, Any]:
    try:
        found = plain_yaml(text)
    except ValueError as error:
        raise BadSourceError(why=f"it is no YAML: {error}", kinds=", ".join(SOURCES)) from None
    if not isinstance(found, Mapping):
        raise BadSourceError(why="it is no mapping", kinds=", ".join(SOURCES))
    return found
