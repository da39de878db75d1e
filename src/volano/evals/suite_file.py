"""A suite's YAML becomes a Suite; what is wrong is told with its line and what was probably meant.

data: tickets@1
scorers: [exact_match, {regex: {pattern: "^[A-Z]+$"}}]
repetitions: 3
gates: [exact_match >= 0.9]
"""

import difflib
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from volano.core.errors import VolanoError
from volano.core.ref import check_name
from volano.data.recipe.errors import RecipeTooLargeError, UnreadableRecipeError
from volano.data.recipe.yaml_text import Lines, read
from volano.evals.errors import BadSuiteError
from volano.evals.gates import parse as gate_of
from volano.evals.margins import never
from volano.evals.money import parse as money_of
from volano.evals.own import digest_of, make_in
from volano.evals.scoring import PYTHON, check_distinct, make
from volano.evals.suite import Limits, Suite
from volano.prompts.prompt import SETTINGS

SUITE_KEYS = tuple(one.name for one in fields(Suite) if one.name != "own")
WRITTEN = ("format", "own")
"""Keys that a suite writes and nobody says."""
LIMIT_KEYS = tuple(one.name for one in fields(Limits))
MOST_AT_ONCE, MOST_REPETITIONS = 1024, 1000

_WHOLE: Mapping[str, tuple[int, int]] = {
    "limit": (1, 10**9), "seed": (-(2**53), 2**53), "repetitions": (1, MOST_REPETITIONS),
    "concurrency": (1, MOST_AT_ONCE), "requests_per_minute": (1, 10**7),
    "rows": (1, 10**9), "tries": (1, 100),
}  # fmt: skip
_WORDS = (
    "data", "split", "text", "label", "cluster", "critical", "context", "expected", "on", "key_env",
)  # fmt: skip


def from_yaml(text: str, *, name: str = "suite.yaml", folder: Path | None = None) -> Suite:
    """Read a suite from its YAML. `name` is the file's; the suite is named by it unless it says.

    From a `folder` that is trusted, files of Python may be scorers.

    Raises:
        BadSuiteError: what is wrong, and in which line.
    """
    try:
        raw, lines = read(text, name)
    except (RecipeTooLargeError, UnreadableRecipeError) as error:
        facts = error.facts
        why = facts.get("why") or f"it has {facts['size']}; the limit is {facts['limit']}"
        raise BadSuiteError(where=facts["where"], why=why) from error
    return _Reader(name, lines, folder).suite(raw)


def from_plain(raw: Any, *, name: str = "the suite") -> Suite:
    """Read a suite from plain values, as a program or JSON gives them.

    Raises:
        BadSuiteError: what is wrong, and where.
    """
    return _Reader(name, {}).suite(raw)


class _Reader:
    """Checks plain values, and knows where each stands."""

    def __init__(self, name: str, lines: Lines, folder: Path | None = None):
        self._folder = folder
        self._name = name
        self._lines = lines

    def suite(self, raw: Any) -> Suite:
        if not isinstance(raw, Mapping):
            raise self._no((), "a suite is an object with `data` and `scorers`")
        self._known(raw, (), [*SUITE_KEYS, *WRITTEN])
        for key in ("data", "scorers"):
            if not raw.get(key):
                raise self._no((), f"a suite needs `{key}`")
        given: dict[str, Any] = {"name": self._named(raw.get("name"))}
        for key in (key for key in raw if key not in ("name", *WRITTEN)):
            given[key] = self._value(key, raw[key], (key,))
        self._can_say_no(given.get("gates", ()), given["scorers"])
        return Suite(**given, own=self._own(given["scorers"]))

    def _can_say_no(self, gates: Sequence[str], scorers: Sequence[Any]) -> None:
        found = never([gate_of(text) for text in gates], [self._make(spec) for spec in scorers])
        if found is not None:
            why = f"the gate `{gates[found]}` can never say no: 0.02 are two points, as are 2 %"
            raise self._no(("gates", found), why)

    def _own(self, scorers: Iterable[Any]) -> dict[str, str]:
        files = [one for one in scorers if isinstance(one, Mapping) and PYTHON in one]
        return {str(one[PYTHON]): digest_of(self._folder, one) for one in files if self._folder}

    def _value(self, key: str, value: Any, at: tuple[str | int, ...]) -> Any:
        if key in _WHOLE:
            return self._whole(key, value, at)
        if key in _WORDS:
            if not isinstance(value, str):
                raise self._no(at, f"`{key}` is a text")
            return value
        return getattr(self, f"_{key}")(value, at)

    def _scorers(self, value: Any, at: tuple[str | int, ...]) -> tuple[Any, ...]:
        for number, spec in enumerate(self._list(value, at)):
            self._told((*at, number), self._make, spec)
            self._told((*at, number), check_distinct, value[: number + 1])
        return tuple(value)

    def _make(self, spec: Any) -> Any:
        return make(spec) if self._folder is None else make_in(self._folder, spec)

    def _gates(self, value: Any, at: tuple[str | int, ...]) -> tuple[str, ...]:
        return tuple(
            str(self._told((*at, number), gate_of, text))
            for number, text in enumerate(self._list(value, at))
        )

    def _slices(self, value: Any, at: tuple[str | int, ...]) -> tuple[str, ...]:
        value = [value] if isinstance(value, str) else self._list(value, at)
        if not all(isinstance(name, str) for name in value):
            raise self._no(at, "`slices` are names of columns")
        return tuple(value)

    def _filter(self, value: Any, at: tuple[str | int, ...]) -> dict[str, Any]:
        return dict(self._mapping(value, at))

    def _settings(self, value: Any, at: tuple[str | int, ...]) -> dict[str, Any]:
        self._known(self._mapping(value, at), at, SETTINGS)
        for name, given in value.items():
            words, good = SETTINGS[name]
            if not good(given):
                raise self._no((*at, name), f"`{name}` is {words}")
        return dict(value)

    def _limits(self, value: Any, at: tuple[str | int, ...]) -> Limits:
        self._known(self._mapping(value, at), at, LIMIT_KEYS)
        found: dict[str, Any] = {}
        for name, given in value.items():
            here = (*at, name)
            if name == "money":
                found[name] = str(self._told(here, money_of, str(given))) if given else ""
            elif name == "timeout_s":
                found[name] = self._number(name, given, here, 0.001, 86_400)
            else:
                found[name] = self._whole(name, given, here)
        return Limits(**found)

    def _unmeasured(self, value: Any, at: tuple[str | int, ...]) -> float:
        if isinstance(value, str) and value.rstrip().endswith("%"):
            try:
                value = float(value.rstrip()[:-1]) / 100
            except ValueError as error:
                raise self._no(at, "`unmeasured` is a share, such as 0.05 or 5 %") from error
        return self._number("unmeasured", value, at, 0, 1)

    def _named(self, value: Any) -> str:
        stem = Path(self._name).stem if self._name.endswith((".yaml", ".yml")) else "suite"
        given = value if value is not None else _plain(stem)
        return str(self._told(("name",), check_name, str(given)))

    def _list(self, value: Any, at: tuple[str | int, ...]) -> list[Any]:
        if not isinstance(value, list | tuple):
            raise self._no(at, f"`{at[-1]}` is a list")
        return list(value)

    def _mapping(self, value: Any, at: tuple[str | int, ...]) -> Mapping[str, Any]:
        if not isinstance(value, Mapping):
            raise self._no(at, f"`{at[-1]}` is an object: names with values")
        return value

    def _whole(self, key: str, value: Any, at: tuple[str | int, ...]) -> int | None:
        if value is None and key in ("limit", "requests_per_minute"):
            return None
        low, high = _WHOLE[key]
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            raise self._no(at, f"`{key}` is a whole number from {low} to {high}")
        return value

    def _number(
        self, key: str, value: Any, at: tuple[str | int, ...], low: float, high: float
    ) -> float:
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if not number or not math.isfinite(value) or not low <= value <= high:
            raise self._no(at, f"`{key}` is a number from {low:g} to {high:g}")
        return float(value)

    def _known(
        self, raw: Mapping[str, Any], at: tuple[str | int, ...], known: Iterable[str]
    ) -> None:
        names = list(known)
        for key in raw:
            if key not in names:
                near = difflib.get_close_matches(str(key), names, 1)
                meant = f" (did you mean `{near[0]}`?)" if near else f" (known: {', '.join(names)})"
                raise self._no((*at, key), f"there is no `{key}` here{meant}")

    def _told(self, at: tuple[str | int, ...], read_it: Any, value: Any) -> Any:
        """Return what a reader makes of a value; what it says of it is told with the line."""
        try:
            return read_it(value)
        except VolanoError as error:
            why = error.message.rstrip(".")
            known = str(error.facts.get("known", "")).split(", ")
            name = str(error.facts.get("name", ""))
            near = difflib.get_close_matches(name, known, 1) or [
                one for one in known if name in one.split("_")
            ]
            if near and near[0] not in ("", name):
                why += f" (did you mean `{near[0]}`?)"
            raise self._no(at, why) from error

    def _no(self, at: tuple[str | int, ...], why: str) -> BadSuiteError:
        return BadSuiteError(where=self._at(*at), why=why)

    def _at(self, *at: str | int) -> str:
        for end in range(len(at), 0, -1):
            if at[:end] in self._lines:
                return f"{self._name}, line {self._lines[at[:end]]}"
        return f"{self._name}, `{at[0]}`" if at and not self._lines else self._name


def _plain(stem: str) -> str:
    """Return a name that an artifact can have."""
    kept = "".join(char if char.isascii() and char.isalnum() else "-" for char in stem.lower())
    return "-".join(filter(None, kept.split("-")))[:60] or "suite"
