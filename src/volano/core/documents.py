"""Documents: what is kept in YAML files beside the registry. Read with care, written for people.

No tags, no aliases (they make a small file a large value), no keys twice, and never more
than `MAX_CHARS`. A text of several lines is written as a block.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from volano.core.errors import InvalidError
from volano.core.lazy import lazy

yaml = lazy("yaml")
MAX_CHARS = 2_000_000
MOST = 1000
_BRACES = re.compile(r"(^|[:-])\s*\{\{")
_STYLE: Mapping[str, Any] = {"sort_keys": False, "allow_unicode": True, "width": 100}


class BadDocumentError(InvalidError):
    """`{file}` cannot be read: {why}."""

    hint = "It is YAML: documents with `kind`, `name` and what it says; `---` between them."


@dataclass(frozen=True, slots=True)
class Document:
    """One thing of a file: what it says, and where it stands."""

    file: str
    line: int
    content: Mapping[str, Any]

    @property
    def place(self) -> str:
        """Where it stands, in words."""
        return f"{self.file}:{self.line}"


def documents(text: str, file: str) -> Iterator[Document]:
    """Yield the documents of a file; empty ones are passed over.

    Raises:
        BadDocumentError: it is no YAML, or says what is not allowed.
    """
    if len(text) > MAX_CHARS:
        raise BadDocumentError(file=file, why=f"it has more than {MAX_CHARS:,} characters")
    try:
        loader = _loader()(text)
        for _ in range(MOST):
            if not loader.check_node():
                return
            node = loader.get_node()
            content = loader.construct_document(node)
            if content is None:
                continue
            if not isinstance(content, dict):
                raise BadDocumentError(file=file, why="a document is an object")
            yield Document(file, node.start_mark.line + 1, content)
        raise BadDocumentError(file=file, why=f"it holds more than {MOST} documents")
    except yaml.YAMLError as error:
        raise BadDocumentError(file=file, why=_told(error, text)[:300]) from error
    except (RecursionError, ValueError, TypeError, OverflowError) as error:
        raise BadDocumentError(file=file, why=str(error)[:200] or "nested too deeply") from error


def _told(error: Any, text: str) -> str:
    """Say where a file is no YAML and why, in one line; the commonest slip by what it is."""
    mark = getattr(error, "problem_mark", None)
    if mark is None:
        return " ".join(str(error).split())
    lines = text.splitlines()
    line = lines[mark.line] if mark.line < len(lines) else ""
    why = f"line {mark.line + 1}, column {mark.column + 1}: {error.problem}"
    if _BRACES.search(line):
        return f'{why}; a text that begins with `{{{{` stands in quotes: "{{{{ input }}}}"'
    return why


def written(contents: list[Mapping[str, Any]]) -> str:
    """Return documents as YAML, in the order of their keys."""
    plain = [dict(one) for one in contents]
    return str(yaml.dump_all(plain, Dumper=_dumper(), explicit_start=len(plain) > 1, **_STYLE))


def _no_key(key: Any) -> str:
    shown = f"`{key.value}`" if isinstance(key.value, str) else "what stands here"
    return f"{shown} is no text, and a key is one"


@cache
def _loader() -> Any:
    class Loader(yaml.SafeLoader):  # type: ignore[name-defined]
        """SafeLoader without aliases, keys twice, and words that are taken for dates."""

        def compose_node(self, parent: Any, index: Any) -> Any:
            if self.check_event(yaml.events.AliasEvent):
                raise yaml.composer.ComposerError(
                    None, None, "aliases (`*name`) are not read", self.peek_event().start_mark
                )
            return super().compose_node(parent, index)

        def construct_mapping(self, node: Any, deep: bool = False) -> Any:
            seen = set()
            for key, _ in node.value:
                if key.tag != "tag:yaml.org,2002:str":
                    raise yaml.constructor.ConstructorError(
                        None, None, _no_key(key), key.start_mark
                    )
                if key.value in seen:
                    raise yaml.constructor.ConstructorError(
                        None, None, f"`{key.value}` stands twice", key.start_mark
                    )
                seen.add(key.value)
            return super().construct_mapping(node, deep)

    Loader.yaml_implicit_resolvers = {
        first: [
            (tag, pattern) for tag, pattern in known if not tag.endswith((":timestamp", ":merge"))
        ]
        for first, known in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }
    return Loader


@cache
def _dumper() -> Any:
    class Dumper(yaml.SafeDumper):  # type: ignore[name-defined]
        """SafeDumper that names nothing twice, sets lists in, and writes lines as lines."""

        def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - as PyYAML calls it
            return True

        def increase_indent(self, flow: bool = False, indentless: bool = False) -> Any:  # noqa: ARG002 - as PyYAML calls it
            return super().increase_indent(flow, False)

    def text(dumper: Any, data: str) -> Any:
        style = "|" if "\n" in data else None
        return dumper.represent_scalar("tag:yaml.org,2002:str", data, style=style)

    Dumper.add_representer(str, text)
    return Dumper
