import pytest

from volano.evals.errors import BadSuiteError
from volano.evals.suite import Limits, Suite
from volano.evals.suite_file import from_plain, from_yaml

WHOLE = """
name: jegyek
data: tickets@1
split: test
filter: {queue: возврат}
limit: 50
seed: 7
scorers:
  - exact_match
  - field_accuracy: {}
repetitions: 3
settings: {temperature: 0.7, max_tokens: 64}
limits:
  concurrency: 64
  requests_per_minute: 600
  money: 2.50 EUR
  rows: 1000
  timeout_s: 30
  tries: 2
cluster: 客户
slices: [queue, Sprache]
critical: kritisch
context: documents
expected: expected
gates:
  - exact_match >= 90 % with 95 %
  - exact_match not worse than support-on-tickets@3 by 0.02 with 95 %
unmeasured: 2 %
on: support
"""


def test_a_suite_says_all_of_it_and_comes_back_as_it_was():
    suite = from_yaml(WHOLE)
    assert suite.limits == Limits(64, 600, "2.50 EUR", 1000, 30.0, 2)
    assert (suite.name, suite.cluster, suite.filter) == ("jegyek", "客户", {"queue": "возврат"})
    assert suite.gates[0] == "exact_match >= 0.9 with 95 %"
    assert suite.unmeasured == 0.02
    assert Suite.from_dict(suite.to_dict()) == suite == from_plain(suite.to_dict())
    assert suite.digest() == from_yaml(f"# mint fent\n{WHOLE}").digest()


def test_a_short_suite_is_named_by_its_file():
    suite = from_yaml("data: t\nscorers: [exact_match]", name="Heti próba.yaml")
    assert suite.name == "heti-pr-ba"
    assert suite.unmeasured == 0.05


@pytest.mark.parametrize(
    ("line", "where", "why"),
    [
        ("scorrers: [exact_match]", "line 3", "did you mean `scorers`"),
        ("scorers: [exact_macth]", "line 3", "did you mean `exact_match`"),
        ("scorers:\n  - exact_match: {x: 1}", "line 4", "no setting `x`"),
        ("scorers: exact_match", "line 3", "`scorers` is a list"),
        ("scorers: [f1]", "line 3", "did you mean `token_f1`"),
        ("scorers:\n  - regex: {pattern: a}\n  - regex: {pattern: b}", "line 5", "`as: NAME`"),
        (
            "scorers:\n  - exact_match\n  - regex: {pattern: b, as: exact_match}",
            "line 5",
            "`as: NAME`",
        ),
        ("scorers:\n  - judge: {judge: j@1}\n  - judge: {judge: j@2}", "line 5", "`as: NAME`"),
        ("scorers:\n  - regex: {pattern: a, as: two words}", "line 4", "letters, digits"),
        ("repetitions: 0", "line 3", "whole number from 1 to 1000"),
        ("repetitions: true", "line 3", "whole number"),
        ("limits: {concurency: 3}", "line 3", "did you mean `concurrency`"),
        ("limits:\n  money: much", "line 4", "no sum of money"),
        ("settings: {temperature: 9}", "line 3", "a number from 0 to 2"),
        ("gates:\n  - exact_match > often", "line 4", "cannot be read"),
        ("gates:\n  - exact_match not worse than r@1 by 2 with 95 %", "line 4", "never say no"),
        ("gates:\n  - exact_match not worse than r@1 by 100 %", "line 4", "two points"),
        ("unmeasured: 5", "line 3", "from 0 to 1"),
        ("unmeasured: .inf", "line 3", "from 0 to 1"),
        ("filter: [a]", "line 3", "an object"),
        ("name: Nagy Név", "", "Nagy"),
        ("data: t2", "line 3", "there twice"),
        ("on: &a x", "line 3", "anchors"),
        ("on: !!python/object:os.system x", "line 3", "tags"),
        ("on: [", "line 5", ""),
    ],
)
def test_what_is_wrong_is_told_with_its_line(line, where, why):
    text = f"data: t\n\n{line}\n"
    if "scor" not in line:
        text += "scorers: [exact_match]\n"
    with pytest.raises(BadSuiteError) as caught:
        from_yaml(text, name="s.yaml")
    assert "s.yaml" in caught.value.message
    assert where in caught.value.message
    assert why in caught.value.message


@pytest.mark.parametrize(
    "text", ["", "- a", "data: t", "scorers: [exact_match]", "\x00", "a: b: c"]
)
def test_what_is_no_suite_is_refused(text):
    with pytest.raises(BadSuiteError):
        from_yaml(text)


def test_a_huge_file_is_not_read():
    with pytest.raises(BadSuiteError, match="limit"):
        from_yaml("data: " + "x" * 300_000)


def test_a_margin_of_milliseconds_may_be_wide_beside_a_margin_of_shares():
    gates = ["latency not worse than r@1 by 200", "exact_match not worse than r@1 by 0.02"]
    said = {"data": "d@1", "scorers": ["exact_match", "latency"], "gates": gates}
    assert len(from_plain(said).gates) == 2
