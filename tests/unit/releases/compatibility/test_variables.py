"""Who asks as before is understood; what is wanted besides, or no longer taken, is told by name."""

import pytest

from volano.core.template.variable import Variable
from volano.releases.compatibility.variables import variables

OLD = {
    "input": Variable("input"),
    "tone": Variable("tone", "choice", choices=("kurz", "höflich"), default="kurz"),
    "limit": Variable("limit", "integer", required=False),
}


def new(**changes):
    return {name: one for name, one in {**OLD, **changes}.items() if one is not None}


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"language": Variable("language", default="hu")},
        {"language": Variable("language", required=False)},
        {"limit": Variable("limit", "number", required=False)},
        {"tone": Variable("tone", "choice", choices=("kurz", "höflich", "三"), default="三")},
        {"tone": Variable("tone", default="kurz")},
        {"input": Variable("input", required=False)},
    ],
)
def test_callers_go_on(changes):
    assert variables(OLD, new(**changes))


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"language": Variable("language")}, "`language` is new, must be given"),
        ({"limit": None}, "`limit` is gone"),
        ({"limit": Variable("limit", "integer")}, "`limit` must be given now"),
        ({"limit": Variable("limit", "text", required=False)}, "`limit` must be a text now, was a whole number"),
        ({"tone": Variable("tone", "choice", choices=("kurz",), default="kurz")}, "one of kurz now"),
        ({"input": Variable("input", "choice", choices=("a",))}, "`input` must be one of a now"),
    ],
)  # fmt: skip
def test_what_breaks_callers_is_told(changes, why):
    verdict = variables(OLD, new(**changes), ref="support@1")
    assert verdict.outcome == "fail"
    assert why in verdict.reason
