"""The contract of variables: who asks a release as before can ask the next.

All that callers may give or leave out today must be right tomorrow: no variable is gone, none
takes fewer values, and none that they do not know of is wanted.
"""

from collections.abc import Iterator, Mapping

from volano.core.errors import VolanoError
from volano.core.template.variable import Variable
from volano.core.verdict import Verdict

Variables = Mapping[str, Variable]
_TAKES = {"number": ("integer",)}
_SHOWN = 20


def variables(old: Variables, new: Variables, *, ref: str = "it") -> Verdict:
    """Say whether requests that `old` takes are taken by `new`; `ref` is the release with the old."""
    found = list(_breaks(old, new))
    if not found:
        return Verdict(
            "pass", f"what {ref} takes ({', '.join(old) or 'nothing'}) is taken as before"
        )
    more = f"; and {len(found) - 3} more" if len(found) > 3 else ""
    evidence = {"breaks": len(found), "where": found[:_SHOWN]}
    return Verdict("fail", "; ".join(found[:3]) + more, evidence)


def _breaks(old: Variables, new: Variables) -> Iterator[str]:
    for name, before in old.items():
        after = new.get(name)
        if after is None:
            yield f"the variable `{name}` is gone: who gives it is refused"
            continue
        if _needed(after) and not _needed(before):
            yield f"the variable `{name}` must be given now"
        if not _takes(after, before):
            yield f"the variable `{name}` must be {after.what} now, was {before.what}"
    for name, after in new.items():
        if name not in old and _needed(after):
            yield f"the variable `{name}` is new, must be given, and has no default"


def _needed(one: Variable) -> bool:
    return one.required and one.default is None


def _takes(after: Variable, before: Variable) -> bool:
    """Whether all values that fit `before` fit `after`."""
    if before.type == "choice":
        held = [after.type == "choice" and _among(one, after.choices) for one in before.choices]
        return all(held) or (
            after.type != "choice" and all(_fits(after, b) for b in before.choices)
        )
    return after.type == before.type or before.type in _TAKES.get(after.type, ())


def _among(value: object, choices: tuple[object, ...]) -> bool:
    return any(value == one and type(value) is type(one) for one in choices)


def _fits(variable: Variable, value: object) -> bool:
    try:
        variable.check(value)
    except VolanoError:
        return False
    return True
