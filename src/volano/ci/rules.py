"""The rules of a repository, `ci.yaml`: which checks there are, whom they ask, what must hold.

files: [prompts, suites]
data: {tickets: data/tickets.jsonl}
checks:
  - suite: routing
    prompt: router
    model: https://api.example.com/v1#small
    key_env: API_KEY
    tolerance: 2 points with 95 %
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import urlsplit

from volano.ci.errors import BadRulesError
from volano.core.documents import documents
from volano.core.errors import InvalidError
from volano.core.ref import check_name
from volano.core.text import nfc

KINDS = ("quality", "integration", "performance")
MEASURES = ("latency", "p95", "cost", "tokens")
FILES, RECORDINGS = ("prompts", "flows", "suites"), "recordings"
MOST_CHECKS, USUAL = 200, 95.0
_NUMBER = r"([0-9]{1,6}(?:\.[0-9]{1,6})?)"
_SAID = re.compile(
    rf"{_NUMBER}\s*(points?|%|)(?:\s+with\s+{_NUMBER}\s*%(?:\s+confidence)?)?", re.ASCII
)
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,99}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Tolerance:
    """How much worse something may be, and how sure that must be: 0.02 with 0.95."""

    margin: float
    confidence: float

    def __str__(self) -> str:
        return f"{self.margin:g} with {self.confidence * 100:g} %"


@dataclass(frozen=True, slots=True)
class Check:
    """One suite, asked of one target. `against` is the target of the base where Git does not hold it.

    `tolerance` is by score; the empty name means the first. `envelope` says by how large a share
    of the base's something may grow.
    """

    name: str
    suite: str
    kind: str = "quality"
    prompt: str = ""
    model: str = ""
    flow: str = ""
    against: str = ""
    key_env: str = ""
    tolerance: Mapping[str, Tolerance] = field(default_factory=dict)
    envelope: Mapping[str, Tolerance] = field(default_factory=dict)

    @property
    def target(self) -> str:
        """What is asked, in words."""
        asked = self.flow or self.model
        return f"{self.prompt} on {asked}" if self.prompt else asked

    @property
    def aims(self) -> tuple[str, ...]:
        """All that says whom it asks."""
        return self.prompt, self.model, self.flow, self.against, self.key_env


@dataclass(frozen=True, slots=True)
class Rules:
    """All that `ci.yaml` says. `data` is name -> file of rows.

    `recipes` is name -> recipe of a dataset of the workspace: it makes checks run, and is not
    cooked here, for it may read what a stranger says. `training` is name -> recipe by which a model
    of the workspace is trained: it is read and looked at, and nothing is trained.
    """

    checks: tuple[Check, ...]
    files: tuple[str, ...] = FILES
    data: Mapping[str, str] = field(default_factory=dict)
    recipes: Mapping[str, str] = field(default_factory=dict)
    training: Mapping[str, str] = field(default_factory=dict)
    recordings: str = RECORDINGS

    def check(self, name: str) -> Check | None:
        """Return the check of a name."""
        return next((one for one in self.checks if one.name == name), None)

    def origins(self) -> set[tuple[str, str]]:
        """Return who is asked by URL, with the variables of the keys."""
        named = ((one, check.key_env) for check in self.checks for one in urls(check))
        return {(origin(url), key) for url, key in named}


def read(text: str, place: str) -> Rules:
    """Read the rules.

    Raises:
        BadDocumentError, BadRulesError: what is wrong, and where.
    """
    found = list(documents(text, place))
    if len(found) != 1:
        raise BadRulesError(place=place, why="it holds one document, with `checks`")
    raw = dict(found[0].content)
    _known(raw, (one.name for one in fields(Rules)), place)
    files = _list(raw.get("files", list(FILES)), place, "files")
    data, recipes = (_paths(raw, key, place, "dataset") for key in ("data", "recipes"))
    if both := sorted({*data} & {*recipes}):
        why = f"the rows of `{both[0]}` are in a file or of a recipe, not both"
        raise BadRulesError(place=place, why=why)
    checks = _list(raw.get("checks") or [], place, "checks")
    if not 1 <= len(checks) <= MOST_CHECKS:
        raise BadRulesError(place=place, why=f"it has 1 to {MOST_CHECKS} checks")
    made = tuple(_check(one, f"{place}, check {at}") for at, one in enumerate(checks, 1))
    names = [one.name for one in made]
    for name in names:
        if names.count(name) > 1:
            why = f"two checks are called `{name}`: give one a `name`"
            raise BadRulesError(place=place, why=why)
    return Rules(
        made, tuple(inside(one, place) for one in files),
        data, recipes, _training(raw, place), inside(raw.get("recordings", RECORDINGS), place),
    )  # fmt: skip


def inside(path: Any, place: str) -> str:
    """Return a path that stays in the repository, and out of `.git`.

    Raises:
        BadRulesError: it does not.
    """
    parts = PurePosixPath(path).parts if isinstance(path, str) else ()
    bad = any(part in ("..", "/") or part.casefold() == ".git" for part in parts)
    if not parts or bad or "\\" in str(path) or "\0" in str(path):
        raise BadRulesError(place=place, why=f"`{str(path)[:80]}` is no path in the repository")
    return nfc(PurePosixPath(path).as_posix())


def tolerance(said: Any, place: str, *, points: bool) -> Tolerance:
    """Read how much worse something may be: `2 points with 95 %`, or of ratios `10 % with 90 %`.

    Raises:
        BadRulesError: it cannot be meant.
    """
    found = _SAID.fullmatch(" ".join(str(said).split()))
    words = "2 points with 95 %" if points else "20 % with 95 %"
    units = ("", "point", "points") if points else ("", "%")
    if not found or isinstance(said, bool) or found[2] not in units:
        raise BadRulesError(place=place, why=f"`{str(said)[:60]}` does not read like `{words}`")
    margin = float(found[1]) / (100 if found[2] else 1)
    if points and found[2] and margin >= 1:
        raise BadRulesError(place=place, why=never(str(said)))
    confidence = float(found[3] or USUAL) / 100
    if not 0.5 < confidence < 1:
        raise BadRulesError(place=place, why="confidence lies between 50 % and 100 %")
    return Tolerance(margin, confidence)


def never(said: str) -> str:
    """Say that a tolerance of a share is too wide."""
    return f"a tolerance of `{said[:60]}` can never say no: 0.02 are two points, as `2 points`"


def urls(check: Check) -> list[str]:
    """Return what a check asks by URL."""
    return [one for one in (check.model, check.against) if "://" in one]


def origin(url: str) -> str:
    """Return scheme and host of a URL."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}".lower()


def _check(raw: Any, place: str) -> Check:
    if not isinstance(raw, Mapping):
        raise BadRulesError(place=place, why="a check is an object with `suite` and whom it asks")
    known = [one.name for one in fields(Check) if one.name != "envelope"]
    _known(raw, [*known, *MEASURES], place)
    said = {k: v for k, v in raw.items() if k not in ("tolerance", *MEASURES)}
    for key, value in said.items():
        if not isinstance(value, str) or not value or len(value) > 500:
            raise BadRulesError(place=place, why=f"`{key}` is a text")
    if not said.get("suite"):
        raise BadRulesError(place=place, why="a check needs a `suite`")
    if said.get("kind", KINDS[0]) not in KINDS:
        raise BadRulesError(place=place, why=f"`kind` is one of {', '.join(KINDS)}")
    if bool(said.get("flow")) == bool(said.get("model")):
        why = "say whom it asks: a `model`, with a `prompt` or without, or a `flow`"
        raise BadRulesError(place=place, why=why)
    if said.get("flow") and said.get("prompt"):
        raise BadRulesError(place=place, why="a `flow` has its own prompt")
    if said.get("flow") and any("://" in said.get(key, "") for key in ("flow", "against")):
        raise BadRulesError(place=place, why="a server is a `model`, no `flow`")
    if "key_env" in said and not _VARIABLE.fullmatch(said["key_env"]):
        raise BadRulesError(place=place, why="`key_env` is the name of a variable")
    try:
        name = check_name(said.pop("name", said["suite"].partition("@")[0]))
    except InvalidError as error:
        raise BadRulesError(place=place, why=error.message) from error
    check = Check(name, **said, tolerance=_tolerances(raw.get("tolerance"), place),
                  envelope=_envelope(raw, place))  # fmt: skip
    for url in urls(check):
        _url(url, place)
    return check


def _training(raw: Mapping[str, Any], place: str) -> dict[str, str]:
    found = _paths(raw, "training", place, "model")
    for name in found:
        try:
            check_name(name)
        except InvalidError as error:
            raise BadRulesError(place=place, why=error.message) from error
    return found


def _paths(raw: Mapping[str, Any], key: str, place: str, noun: str) -> dict[str, str]:
    said = raw.get(key) or {}
    if not isinstance(said, Mapping):
        raise BadRulesError(place=place, why=f"`{key}` is an object: a {noun}'s name, and a file")
    return {str(name): inside(path, place) for name, path in said.items()}


def _tolerances(raw: Any, place: str) -> dict[str, Tolerance]:
    if raw is None:
        return {}
    named = raw if isinstance(raw, Mapping) else {"": raw}
    if any(len(str(name).split()) > 1 for name in named):
        raise BadRulesError(place=place, why="a score's name is one word")
    return {str(name): tolerance(one, place, points=True) for name, one in named.items()}


def _envelope(raw: Mapping[str, Any], place: str) -> dict[str, Tolerance]:
    found = {
        one: tolerance(raw[one], f"{place}, {one}", points=False) for one in MEASURES if one in raw
    }
    if raw.get("kind") == "performance" and not found:
        return {"latency": Tolerance(0.2, 0.95)}
    return found


def _url(said: str, place: str) -> None:
    url, mark, model = said.partition("#")
    try:
        parts = urlsplit(url)
        good = bool(parts.hostname) and "@" not in parts.netloc and not parts.query
        good = good and parts.scheme in ("http", "https") and (parts.port or 1) > 0
    except ValueError:
        good = False
    if not (good and mark and model and "#" not in model) or not said.isprintable():
        why = "a server is named `https://HOST/v1#MODEL`, without a key in it"
        raise BadRulesError(place=place, why=why)


def _known(raw: Mapping[str, Any], known: Any, place: str) -> None:
    names = list(known)
    for key in raw:
        if key not in names:
            why = f"there is no `{str(key)[:40]}` here (known: {', '.join(names)})"
            raise BadRulesError(place=place, why=why)


def _list(raw: Any, place: str, name: str) -> Sequence[Any]:
    if not isinstance(raw, list):
        raise BadRulesError(place=place, why=f"`{name}` is a list")
    return raw
