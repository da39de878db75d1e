"""What steps need of the workspace before they are built: names become versions, then files.

A step's class that has `resolve` is asked: see `volano.data.step.Needs`. In its
settings a `dataset` or a `model` names an artifact, at any depth.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from volano.data.recipe.errors import UnreadableRecipeError
from volano.data.sources.source import Source
from volano.data.step import STEPS, Needs, Record, Rejected
from volano.store import Artifact

Told = Mapping[str, Mapping[str, Any]]
"""A step as a recipe's `to_dict` says it: its name to its settings."""
KINDS = ("dataset", "model")


def pinned(
    steps: Sequence[Told], find: Callable[[str, str], Artifact]
) -> tuple[list[dict[str, Any]], list[Artifact]]:
    """Return the steps with their artifacts by number, and these artifacts.

    Args:
        steps: as a recipe says them.
        find: returns an artifact by its kind and ref.

    Raises:
        UnknownArtifactError: one is not there.
    """
    used: list[Artifact] = []

    def pin(value: Any) -> Any:
        if isinstance(value, list | tuple):
            return [pin(item) for item in value]
        if not isinstance(value, Mapping):
            return value
        found = {name: pin(item) for name, item in value.items()}
        for kind in KINDS:
            if isinstance(ref := found.get(kind), str) and ref:
                used.append(find(kind, ref))
                found[kind] = used[-1].ref
        return found

    told = [
        {name: pin(settings) if _asks(name) else dict(settings) for name, settings in one.items()}
        for one in steps
    ]
    return told, used


def resolved(steps: Sequence[Told], needs: Needs) -> list[dict[str, Any]]:
    """Return the steps as they can be built anywhere: what they need lies in files.

    Raises:
        The errors of sources and steps.
    """
    return [
        {name: STEPS.get(name).resolve(settings, needs) if _asks(name) else dict(settings)
         for name, settings in one.items()}
        for one in steps
    ]  # fmt: skip


def asks(steps: Sequence[Any]) -> bool:
    """Whether any of these steps needs something of the workspace."""
    return any(_asks(str(step.name)) for step in steps)


def read_whole(source: Source) -> Iterator[Record]:
    """Yield all rows of a source that a step needs.

    Raises:
        UnreadableRecipeError: one of them cannot be read; here none may be missing.
    """
    aside: list[Rejected] = []
    for row in source.rows(aside.append):
        if aside:
            break
        yield row
    if aside:
        one = aside[0]
        where = ", ".join(f"{name} {value}" for name, value in one.row.get("origin", {}).items())
        why = f"a row that a step needs cannot be read ({where}): {one.reason}"
        raise UnreadableRecipeError(where="the recipe", why=why)


def _asks(name: str) -> bool:
    return callable(getattr(STEPS.get(name), "resolve", None))
