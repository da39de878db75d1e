"""Which checks a change affects, and why: their suite, prompt, flow, rows, target or recipe is another."""

from collections.abc import Iterator
from dataclasses import dataclass

from volano.ci.errors import BadRulesError
from volano.ci.rules import Check, Rules
from volano.ci.side import FLOW, PROMPT, SUITE, Side
from volano.ci.training import other_training

NOTHING = "nothing that it depends on changed"


@dataclass(frozen=True, slots=True)
class Planned:
    """A check, whether it runs, and why or why not. `before` is what is asked at the base."""

    check: Check
    runs: bool
    why: str
    before: Check | None = None


def planned(now: Side, old: Side, *, everything: bool = False) -> list[Planned]:
    """Return all checks of the rules.

    Raises:
        BadRulesError: one names a suite or a prompt that is in no file.
    """
    assert now.rules is not None
    return [_planned(one, now, old, everything) for one in now.rules.checks]


def notices(now: Side, old: Side, changed: set[str]) -> list[str]:
    """Return what a reader of the result should know: rules of this change are judged by itself."""
    assert now.rules is not None
    told = [f"{problem}: nothing there is compared" for problem in old.problems]
    if old.rules is None:
        return told
    for one in old.rules.checks:
        new = now.rules.check(one.name)
        if new is None:
            told.append(f"this change takes the check {one.name} away")
        elif (new.tolerance, new.envelope) != (one.tolerance, one.envelope):
            told.append(f"this change sets what {one.name} may lose: {_may(one)}, now {_may(new)}")
    for (kind, name), document in old.documents.items():
        after = now.said(kind, name)
        if kind == SUITE and after is not None:
            told += [
                f"this change sets `{key}` of the suite {name}"
                for key in ("gates", "unmeasured", "scorers", "filter", "limit")
                if after.get(key) != document.content.get(key)
            ]
    count = sum(path.startswith(f"{now.rules.recordings}/") for path in changed)
    if count:
        told.append(f"this change brings recorded answers ({count} files)")
    return told


def _planned(check: Check, now: Side, old: Side, everything: bool) -> Planned:
    if now.said(SUITE, check.suite) is None:
        raise BadRulesError(place=f"check {check.name}",
                            why=f"the suite `{check.suite}` is in no file")  # fmt: skip
    if check.prompt and now.said(PROMPT, check.prompt) is None:
        raise BadRulesError(place=f"check {check.name}",
                            why=f"the prompt `{check.prompt}` is in no file")  # fmt: skip
    former = old.rules.check(check.name) if old.rules else None
    reasons = _reasons(check, former, now, old)
    if everything and not reasons:
        reasons = ["all were asked for"]
    return Planned(check, bool(reasons), "; ".join(reasons) or NOTHING, _before(check, former, old))


def _reasons(check: Check, former: Check | None, now: Side, old: Side) -> list[str]:
    found = []
    if former is None:
        found.append("the check is new")
    elif former.aims != check.aims:
        found.append(f"its target changed ({former.target} -> {check.target})")
    elif former != check:
        found.append("what it may lose changed")
    for word, kind, name in _needs(check, now, old):
        after, former_one = now.said(kind, name), old.said(kind, name)
        if after == former_one:
            continue
        how = "changed" if after and former_one else "is new" if after else "is in no file any more"
        place = now.place(kind, name) or old.place(kind, name)
        found.append(f"its {word} {name} {how} ({place})")
    if path := _other_rows(check, now, old):
        found.append(f"its rows changed ({path})")
    if path := other_recipe(check, now, old):
        found.append(f"the recipe of its rows changed ({path})")
    if model := other_training(check, now, old):
        place = now.rules.training[model.name] if now.rules else ""
        found.append(f"the training recipe of its model {model.name} changed ({place})")
    return found


def _needs(check: Check, now: Side, old: Side) -> Iterator[tuple[str, str, str]]:
    """Yield the documents that a check depends on: in words, kind, name."""
    yield "suite", SUITE, check.suite
    if check.prompt:
        yield "prompt", PROMPT, check.prompt
    if check.flow:
        yield "flow", FLOW, check.flow
    flow = now.flow(check.flow)
    if flow and flow.prompt and (now.meant(flow.prompt) or old.meant(flow.prompt)):
        yield "flow's prompt", PROMPT, flow.prompt.name


def other_recipe(check: Check, now: Side, old: Side) -> str:
    """Return the recipe of a check's rows where it says another thing than at the base."""
    assert now.rules is not None
    data = str((now.said(SUITE, check.suite) or {}).get("data", ""))
    name = data.partition("@")[0].partition(":")[0]
    path, before = (one.recipes.get(name, "") for one in (now.rules, old.rules or now.rules))
    if not path or (before and now.content(path) == old.content(before)):
        return ""
    return path


def _other_rows(check: Check, now: Side, old: Side) -> str:
    """Return the file of a check's rows where the base has others."""
    assert now.rules is not None
    path = rows_of(check, now, now.rules)
    before = rows_of(check, old, old.rules or now.rules) if path else ""
    if not path:
        return ""
    return "" if before and now.read(path) == old.read(before) else path


def rows_of(check: Check, side: Side, rules: Rules) -> str:
    """Return the file of the rows that a check's suite asks; empty where the workspace has them."""
    said = side.said(SUITE, check.suite) or {}
    return rules.data.get(str(said.get("data", "")), "")


def _before(check: Check, former: Check | None, old: Side) -> Check | None:
    """Return what the base is asked: its own check, else this one with the base's prompt."""
    if check.against:
        return check
    one = former or check
    if one.prompt:
        return one if old.said(PROMPT, one.prompt) is not None else None
    if one.flow and old.said(FLOW, one.flow) is not None:
        return one
    return one if one.aims != check.aims else None


def _may(check: Check) -> str:
    both = {**check.tolerance, **check.envelope}
    return ", ".join(f"{name or 'score'} {one}" for name, one in both.items()) or "nothing said"
