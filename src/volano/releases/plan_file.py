"""Plans that files say: alone, for `release promote --plan-file`, or within `kind: Rollout`.

    scope: {languages: [hu]}
    steps: [5% cohort, 25%, 100%]
    gates: {errors: {margin: 0.02}, quality: {margin: 0.05, require: true}}
    guard: 20 of 25

What is not said is as it is without a file.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from volano.access.errors import BadDurationError
from volano.access.moment import duration_us
from volano.core.documents import BadDocumentError, documents
from volano.releases.channel import UNITS
from volano.releases.errors import BadPlanFileError, InvalidPlanError
from volano.releases.experiment.measure import Measure
from volano.releases.plan import Plan

Meanings = Callable[[Mapping[str, Any]], Mapping[str, Measure]]
"""What names of feedback among gates measure, as they are defined now."""

STEPS = "5%,25%,100%"
"""The steps of a plan that says none."""
MARGIN = 0.05

_GUARD = re.compile(r"([0-9]{1,5}) of ([0-9]{1,5})")
_FIELDS = (
    "unit", "scope", "steps", "gates", "guard", "min_units", "max_wait", "alpha_harm",
    "alpha_promote", "bad_below",
)  # fmt: skip


def read(
    said: Mapping[str, Any] | str, meanings: Meanings, beside: Mapping[str, Any]
) -> tuple[Plan, str | None]:
    """Return the plan of a file (`file` and `text`), or of what it says, and what sticks to a release.

    `beside` is what is said of the plan elsewhere: nothing may be, as all stands in the file.

    Raises:
        BadPlanFileError: it is no YAML, no one plan, or a plan that cannot be used.
        BadMeasureError: a name of feedback cannot be measured so.
    """
    if isinstance(said, str):
        raise BadPlanFileError(file=said[:200], why="there is no such file")
    file = str(said.get("file", "plan"))[:200]
    twice = [f"--{name}" for name, value in beside.items() if value is not None]
    if twice:
        why = f"{', '.join(twice)} beside it says a plan, too; say all of it in the file"
        raise BadPlanFileError(file=file, why=why)
    try:
        content = _content(str(said["text"]), file) if "text" in said else said
        whole = [name for name in ("kind", "name", "release") if name in content]
        if whole:
            why = f"it says {', '.join(whole)}, as a whole Rollout does: `volano apply -f {file}`"
            raise BadPlanFileError(file=file, why=why)
        return plan_of(content, meanings), unit_of(content)
    except (BadDocumentError, InvalidPlanError) as error:
        raise BadPlanFileError(file=file, why=error.facts["why"]) from error


def plan_of(content: Mapping[str, Any], meanings: Meanings, beside: Sequence[str] = ()) -> Plan:
    """Return the plan that an object says, besides other fields.

    Raises:
        InvalidPlanError: it says none, and why.
    """
    strange = sorted(map(str, set(content) - {*beside, *_FIELDS}))
    _need(not strange, f"it has no {', '.join(strange)[:80]} (known: {', '.join(_FIELDS)})")
    unit_of(content)
    steps = content.get("steps", STEPS)
    _need(isinstance(steps, str | Sequence), "its steps are a line or a list")
    given: dict[str, Any] = {
        name: content[name]
        for name in ("min_units", "alpha_harm", "alpha_promote", "bad_below")
        if name in content
    }
    if "scope" in content:
        given["scope"] = content["scope"] or {}
    if "max_wait" in content:
        given["max_wait_s"] = _seconds(content["max_wait"])
    if "guard" in content:
        given["guard"] = _guard(content["guard"])
    if "gates" in content:
        gates = _gates(content["gates"])
        given |= {"gates": gates, "meanings": meanings(gates)}
    return Plan.parse(steps, **given)


def unit_of(content: Mapping[str, Any]) -> str | None:
    """Return what sticks to one release, where an object says it.

    Raises:
        InvalidPlanError: nothing can stick by that.
    """
    unit = content.get("unit")
    _need(unit is None or unit in UNITS, f"its unit is one of {', '.join(UNITS)}")
    return unit


def _content(text: str, file: str) -> Mapping[str, Any]:
    """Return what the one document of a file says."""
    found = [document.content for document in documents(text, file)]
    _need(len(found) == 1, f"it holds {len(found)} documents, and a plan is one")
    return found[0]


def _gates(said: Any) -> dict[str, Any]:
    """Return the gates that a document says, each with its margin: `{errors: {margin: 0.02}}`."""
    _need(isinstance(said, Mapping) and bool(said), "its gates are an object, one for each metric")
    gates = {}
    for name, one in said.items():
        given = {} if one is None else one
        if not isinstance(given, Mapping):
            given = {"margin": given}
        asked = given.get("require", False)
        _need(isinstance(asked, bool), f"`require` of {name} is true or false")
        gates[str(name)] = {"margin": MARGIN, **given}
    return gates


def _guard(said: Any) -> Any:
    if isinstance(said, Mapping):
        return said
    match = _GUARD.fullmatch(str(said).strip())
    _need(match is not None, "its guard is said as `20 of 25`")
    assert match is not None
    return {"failed": int(match[1]), "of": int(match[2])}


def _seconds(said: Any) -> float:
    try:
        return duration_us(str(said)) / 1e6
    except BadDurationError:
        raise InvalidPlanError(why=f"max_wait `{str(said)[:40]}` is no time (90s, 2h)") from None


def _need(condition: bool, why: str) -> None:
    if not condition:
        raise InvalidPlanError(why=why)
