"""Scoring: what a scorer is, what it may use, and the registry of all scorers.

A scorer is a frozen dataclass: its fields are its settings, its docstring is its page of the
reference. It is registered under the name that suites say, and made from their YAML:

    scorers:
      - exact_match
      - regex: {pattern: "^[A-Z]{2}[0-9]+$"}

A score is a number or `Unmeasured`, with the reason. Unmeasured is neither 0 nor left
out: it is counted, told, and never averaged.
"""

import dataclasses
import inspect
import math
import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, Protocol, TypeAlias, cast

from volano.core.errors import InvalidError
from volano.core.plugins import Registry
from volano.core.ports.chat import Chat
from volano.evals.answered import Answered
from volano.evals.case import Case

Unit: TypeAlias = Literal["share", "ms", "money", "tokens", "characters", "count"]
"""What a score counts in. A `share` lies in [0, 1]; of the others only `better` is known."""


@dataclass(frozen=True, slots=True)
class Unmeasured:
    """No score could be given, and why: an error, a refusal of a judge, nothing to compare with."""

    why: str


Value: TypeAlias = float | Unmeasured
Scores: TypeAlias = Mapping[str, Value]
Texts: TypeAlias = Sequence[str]


PYTHON = "python"
"""The word for a scorer from a file: `{python: "checks.py:polite"}`; see `own`."""
AS = "as"
"""The setting of every scorer that names its scores: `{regex: {pattern: "^[A-Z]", as: capital}}`."""
_CALLED_MOST = 60


class BadScorerError(InvalidError):
    """The scorer `{name}` cannot be used so: {why}."""

    hint = "See what each scorer takes in docs/reference/scorers.md."


def _names(text: str) -> bool:
    """Whether a text can be a score's name in a gate; marks belong to letters, as in हिन्दी."""
    return 0 < len(text) <= _CALLED_MOST and all(
        one in "_.-" or unicodedata.category(one)[0] in "LMN" for one in text
    )


def _no_chat(model: str) -> Chat:
    raise BadScorerError(name="judge", why=f"no model `{model}` can be asked from here")


def _no_vectors(model: str, _texts: Texts) -> list[list[float]]:
    raise BadScorerError(name="embedding", why=f"no embedder `{model}` can be asked from here")


def _nothing_kept(kind: str, ref: str) -> tuple[str, bytes]:
    raise BadScorerError(name=kind, why=f"`{ref}` cannot be read from here")


@dataclass(frozen=True)
class Tools:
    """What a scorer may use beyond the answer.

    `chat` opens a model, flow or TARGET:MODEL by name; `vectors` embeds texts with a model of a name (empty: the offline embedder).
    `kept` reads an artifact's own file by kind and ref, and says which version it is.
    """

    chat: Callable[[str], Chat] = _no_chat
    vectors: Callable[[str, Texts], list[list[float]]] = _no_vectors
    notes: dict[str, Any] = field(default_factory=dict)
    kept: Callable[[str, str], tuple[str, bytes]] = _nothing_kept


class Scorer(Protocol):
    """Score one answer.

    `unit` and `bigger` (is more better?) hold for all scores that it gives; `version` is raised when the same answer would get another score.
    """

    version: ClassVar[int]
    unit: ClassVar[Unit]
    bigger: ClassVar[bool]

    def score(self, case: Case, answered: Answered, tools: Tools) -> Scores:
        """Return the scores by name; empty when this scorer has nothing to say on such labels."""
        ...


SCORERS: Registry[type[Scorer]] = Registry("scorer")
"""All scorers by name."""


class Plain:
    """What most scorers are: version 1, a share, more is better."""

    version: ClassVar[int] = 1
    unit: ClassVar[Unit] = "share"
    bigger: ClassVar[bool] = True
    quick: ClassVar[bool] = False
    """Whether it takes microseconds and waits for nothing: then it scores while others are asked."""


Function: TypeAlias = Callable[..., Any]
"""A function of (answer, label), or of (answer, label, case)."""


def scorer(name: str) -> Callable[[Function], Function]:
    """Return the decorator that makes a function of (answer, label), or (answer, label, case), a scorer of this name.

    It gives a number in [0, 1], a truth value, None (unmeasured), or a mapping of these by name.
    It is not asked where no answer came; where it breaks, the score is unmeasured, with the reason.
    """

    def put(function: Function) -> Function:
        SCORERS.register(name)(of_function(name, function))
        return function

    return put


def of_function(name: str, function: Function) -> type[Scorer]:
    """Return the scorer that asks a function."""
    whole = len(inspect.signature(function).parameters) > 2

    def score(_self: Any, case: Case, answered: Answered, _tools: Tools) -> Scores:
        if answered.error is not None:
            return {name: Unmeasured(f"no answer came: {answered.error[:200]}")}
        given = (answered.answer, case.label, case) if whole else (answered.answer, case.label)
        try:
            found = function(*given)
            named = found if isinstance(found, Mapping) else {name: found}
            return {str(key): _value(value) for key, value in named.items()}
        except Exception as error:  # noqa: BLE001  a stranger's code: what it raises is the reason
            return {name: Unmeasured(f"the scorer broke: {type(error).__name__}: {error}"[:300])}

    doc = inspect.getdoc(function) or f"The scorer `{name}` of a package."
    body = {"__doc__": doc, "__module__": function.__module__, "score": score}
    made = type(name, (Plain,), body)
    return cast("type[Scorer]", dataclass(frozen=True)(made))


class _Called(Plain):
    """A scorer whose scores bear the name that a suite gave it: `regex` as `polite`, `rouge/1` as `words/1`."""

    def __init__(self, name: str, own: str, scorer: Scorer):
        self._name, self._own, self._scorer = name, own, scorer
        self.version, self.unit, self.bigger = scorer.version, scorer.unit, scorer.bigger  # type: ignore[misc]
        self.quick = getattr(scorer, "quick", False)  # type: ignore[misc]
        self.judge = getattr(scorer, "judge", "")

    def score(self, case: Case, answered: Answered, tools: Tools) -> Scores:
        """Return the scorer's own scores, renamed."""
        found = self._scorer.score(case, answered, tools)
        return {self._renamed(key): value for key, value in found.items()}

    def _renamed(self, key: str) -> str:
        if key == self._own:
            return self._name
        return f"{self._name}/{key.removeprefix(f'{self._own}/')}"


def make(spec: str | Mapping[str, Any]) -> tuple[str, Scorer]:
    """Return a scorer's name and the scorer, from what a suite says: a name, or `{name: settings}`.

    The setting `as`, which every scorer has, is the name that its scores bear instead of its own.

    Raises:
        UnknownPluginError: no scorer has this name.
        BadScorerError: settings that it does not have or cannot take.
    """
    if isinstance(spec, str):
        spec = {spec: {}}
    if not isinstance(spec, Mapping) or len(spec) != 1:
        raise BadScorerError(name=str(spec)[:60], why="a scorer is a name, or a name with settings")
    ((name, settings),) = spec.items()
    if name == PYTHON:
        why = "a file's code runs only where the owner of this machine asks for it"
        raise BadScorerError(name=name, why=why)
    kind = SCORERS.get(str(name))
    if settings is not None and not isinstance(settings, Mapping):
        raise BadScorerError(name=name, why="its settings are names with values")
    settings = dict(settings or {})
    called = settings.pop(AS, None)
    if called is not None and not (isinstance(called, str) and _names(called)):
        why = f"`{AS}` is a name of at most {_CALLED_MOST} letters, digits, `_`, `.` and `-`"
        raise BadScorerError(name=name, why=why)
    known = [one.name for one in dataclasses.fields(cast("Any", kind))]
    if strange := [key for key in settings if key not in known]:
        told = ", ".join(known) or "none"
        raise BadScorerError(name=name, why=f"it has no setting `{strange[0]}` (it has: {told})")
    try:
        made = kind(**settings)
    except TypeError as error:
        lacking = [key for key in known if key not in settings]
        raise BadScorerError(name=name, why=f"it needs {', '.join(lacking)}") from error
    if called is None:
        return str(name), made
    return called, _Called(called, _given({name: settings}), made)


def check_distinct(specs: Iterable[str | Mapping[str, Any]]) -> None:
    """Make sure that no two scorers of a suite give scores of one name: the last would be all that is kept.

    Raises:
        BadScorerError: two do.
    """
    seen = set[str]()
    for spec in specs:
        name = _given(spec)
        if name in seen:
            why = f"two scorers give a score of this name; give one another: `{AS}: NAME`"
            raise BadScorerError(name=name, why=why)
        seen.add(name)


def _given(spec: str | Mapping[str, Any]) -> str:
    """Return the name of a scorer's scores: what it is called, of a judge and of a function theirs."""
    if isinstance(spec, str):
        return spec
    ((kind, said),) = spec.items()
    settings = said if isinstance(said, Mapping) else {}
    if kind == PYTHON:
        return str(said).partition(":")[2]
    if called := settings.get(AS):
        return str(called)
    if kind == "judge":
        return re.split("[@:]", str(settings.get("judge")))[0]
    return str(kind)


def _value(value: Any) -> Value:
    if isinstance(value, Unmeasured):
        return value
    if value is None or math.isnan(number := float(value)):
        return Unmeasured("the scorer gave none")
    return number
