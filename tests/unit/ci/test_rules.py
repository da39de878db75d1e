"""ci.yaml is read strictly: paths stay inside, servers have no keys in them, tolerances are statements."""

import pytest

from volano.ci.errors import BadRulesError
from volano.ci.rules import Tolerance, inside, origin, read, tolerance
from volano.core.errors import InvalidError

ONE = "checks: [{suite: s, prompt: p, model: 'https://a.example/v1#m'}]"


def test_a_check_is_called_like_its_suite_and_its_envelope_is_that_of_its_kind():
    rules = read(
        "data: {jegyek: data/jegyek.jsonl}\nchecks:\n"
        "- {suite: s, model: m, tolerance: {f1: 1 point, exact_match: 3 points with 90 %}}\n"
        "- {suite: s, name: gyors, model: m, kind: performance}\n"
        "- {suite: s, name: быстро, model: m, kind: performance, p95: 10 % with 90 %, cost: 0.5}\n",
        "ci.yaml",
    )
    one, two, three = rules.checks
    assert (one.name, dict(one.tolerance)) == (
        "s", {"f1": Tolerance(0.01, 0.95), "exact_match": Tolerance(0.03, 0.9)},
    )  # fmt: skip
    assert dict(two.envelope) == {"latency": Tolerance(0.2, 0.95)}
    assert dict(three.envelope) == {"p95": Tolerance(0.1, 0.9), "cost": Tolerance(0.5, 0.95)}


@pytest.mark.parametrize(
    ("said", "points", "margin"),
    [("2 points with 95 %", True, 0.02), ("0.02", True, 0.02), (0.5, True, 0.5), ("20%", False, 0.2),
     ("1 point with 99.5 % confidence", True, 0.01)],
)  # fmt: skip
def test_a_tolerance_is_a_margin_with_confidence(said, points, margin):
    assert tolerance(said, "here", points=points).margin == margin


@pytest.mark.parametrize(
    "said", ["2 %", "two points", "-1 points", "2 points with 40 %", "2 points with 100 %", True,
             "nan", "１ points", "1e9", "", None, "200 points", "100 points with 90 %"],
)  # fmt: skip
def test_what_is_no_tolerance_is_told(said):
    with pytest.raises(BadRulesError):
        tolerance(said, "here", points=True)


@pytest.mark.parametrize(
    "path", ["../x", "/etc/passwd", "a/../../b", ".git/config", "a/.GIT/config", "a\\b", "", 7, None,
             "a\0b"],
)  # fmt: skip
def test_a_path_leads_nowhere_else(path):
    with pytest.raises(BadRulesError):
        inside(path, "here")


@pytest.mark.parametrize(
    "text",
    [
        "checks: []", "- a", "checks: [{suite: s}]", "checks: [{model: m}]", "file: x\n" + ONE,
        "checks: [{suite: s, model: m, flow: f}]", "checks: [{suite: s, model: m, kind: fast}]",
        "checks: [{suite: s, prompt: p, flow: f}]", "checks: [{suite: s, model: 7}]",
        "checks: [{suite: s, model: m}, {suite: s, model: n}]",
        "checks: [{suite: s, model: 'https://u:pw@a.example/v1#m'}]",
        "checks: [{suite: s, model: 'https://a.example/v1'}]",
        "checks: [{suite: s, model: 'file:///etc/passwd#m'}]",
        "checks: [{suite: s, model: 'https://a.example/v1?key=1#m'}]",
        "checks: [{suite: s, flow: 'https://a.example/v1#m'}]",
        "checks: [{suite: s, model: m, key_env: 'A B'}]",
        "checks: [{suite: s, model: m, tolerance: {'a b': 1 point}}]",
        "checks: [{suite: s, name: ../../x, model: m}]",
        "recordings: ../out\n" + ONE, "recipes: {a: ../x}\n" + ONE, "data: {a: x}\nrecipes: {a: y}\n" + ONE, "files: prompts\n" + ONE, "data: {a: /x}\n" + ONE,
        "a: &a [b]\nchecks: *a", "checks: [!!python/object/apply:os.system [id]]", "{", "---\n---\n",
    ],
)  # fmt: skip
def test_what_cannot_be_meant_is_told(text):
    with pytest.raises(InvalidError):
        read(text, "ci.yaml")


def test_an_origin_is_scheme_and_host_alone():
    assert origin("HTTPS://A.example:8443/v1#m") == "https://a.example:8443"
