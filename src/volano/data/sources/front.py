"""Front matter: the YAML between two lines of `---` at the head of a Markdown file."""

import re
from collections.abc import Mapping
from typing import Any

import yaml

_LONGEST = 64 << 10
_LONGEST_NUMBER = 100
_FRONT = re.compile(
    r"---[ \t]*\r?\n(.*?)^(?:---|\.\.\.)[ \t]*(?:\r?\n|\Z)", re.DOTALL | re.MULTILINE
)


class _PlainLoader(yaml.SafeLoader):
    """Plain values only; no alias, with which a few lines can stand for gigabytes."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("aliases are not read")
        return super().compose_node(parent, index)


_PlainLoader.yaml_implicit_resolvers = {
    first: [(tag, rule) for tag, rule in rules if not tag.endswith(":timestamp")]
    for first, rules in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def _number(loader: _PlainLoader, node: yaml.ScalarNode) -> Any:
    """Return a number; `1:30`, which YAML 1.1 takes for 90, and what is very long are texts."""
    text = str(node.value)
    if ":" in text or len(text) > _LONGEST_NUMBER:
        return text
    whole = node.tag.endswith(":int")
    return loader.construct_yaml_int(node) if whole else loader.construct_yaml_float(node)


for _kind in ("int", "float"):
    _PlainLoader.add_constructor(f"tag:yaml.org,2002:{_kind}", _number)


def front_matter(text: str) -> tuple[dict[str, Any], str, str]:
    """Return the front matter, the text after it, and why it could not be read, if so.

    A text without front matter is returned as it is; so is one whose front matter is broken.
    """
    if not text.startswith("---"):
        return {}, text, ""
    found = _FRONT.match(text[: _LONGEST + 8])
    if found is None:
        return {}, text, ""
    try:
        value = plain_yaml(found[1])
    except ValueError as error:
        return {}, text, str(error)
    if value is None:
        return {}, text[found.end() :], ""
    if not isinstance(value, Mapping):  # a text that begins with a rule
        return {}, text, ""
    return {str(key): item for key, item in value.items()}, text[found.end() :], ""


def plain_yaml(text: str) -> Any:
    """Return plain values of YAML. Raises: ValueError: it is none, or holds aliases."""
    try:
        return yaml.load(text, Loader=_PlainLoader)  # noqa: S506 - a SafeLoader
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or str(error) or "nested too deeply"
        where = f" in line {mark.line + 1}" if mark else ""
        raise ValueError(str(problem)[:200] + where) from None
