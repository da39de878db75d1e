import pytest

from support.scored import scored
from volano.evals.sandbox import Ran, run
from volano.evals.scorers import python_tests
from volano.evals.scoring import BadScorerError, Tools, Unmeasured, make

FIRST = run("", tests="")
held = pytest.mark.skipif(FIRST.state == "refused", reason=f"no sandbox here: {FIRST.why}")
CASES = [
    {"call": "dupla", "args": [2], "returns": 4},
    {"call": "dupla", "args": ["猫"], "returns": "猫猫"},
]


@held
@pytest.mark.parametrize(
    ("answer", "value"),
    [
        ("def dupla(x): return x * 2", 1), ("Íme:\n```python\ndef dupla(x):\n    return x + x\n```\nKész.", 1),
        ("```\ndef dupla(x): return x * 2\n```", 1), ("def dupla(x): return x", 0), ("не знаю", 0),
    ],
)  # fmt: skip
def test_the_program_of_an_answer_passes_or_not(answer, value):
    assert scored("python_tests", answer, "assert dupla(3) == 6") == {"python_tests": value}


@held
def test_cases_give_a_share_and_the_reason():
    tools = Tools()
    found = scored(
        "python_tests", "def dupla(x): return 4", "x", expected={"tests": CASES}, tools=tools
    )
    assert found == {"python_tests": 0, "python_tests/share": 0.5}
    assert tools.notes["python_tests"] == {("1", 0): "case 2: it gave 4"}
    printed = [{"stdin": "olleh\n", "stdout": "hello"}]
    found = scored("python_tests", "print(input()[::-1])", "x", expected={"tests": printed})
    assert found == {"python_tests": 1, "python_tests/share": 1}


@held
def test_a_program_that_passes_a_limit_is_wrong_not_unmeasured():
    spec = {"python_tests": {"wall_s": 1}}
    assert scored(spec, "import time; time.sleep(60)", "pass") == {"python_tests": 0}


def test_where_nothing_can_be_run_nothing_is_known(monkeypatch):
    monkeypatch.setattr(python_tests, "run", lambda *_, **__: Ran("refused", "no namespaces"))
    assert scored("python_tests", "x = 1", "pass") == {"python_tests": Unmeasured("no namespaces")}
    found = scored("python_tests", "x = 1", "x", expected={"tests": CASES})
    assert set(found.values()) == {Unmeasured("no namespaces")}


@pytest.mark.parametrize(
    "tests", ["", [], [{}], [{"call": "f"}], 3, {"call": "f"}, "\ud800", [{"returns": 1}] * 501]
)
def test_rows_without_tests_are_unmeasured(tests):
    found = scored("python_tests", "x = 1", "", expected={"tests": tests})
    assert all(isinstance(value, Unmeasured) for value in found.values())


@pytest.mark.parametrize("answer", ["", "x" * 200_001, "\ud800", "a\0b"])
def test_what_is_no_program_is_wrong_without_being_run(answer, monkeypatch):
    monkeypatch.setattr(python_tests, "run", None)
    assert scored("python_tests", answer, "pass") == {"python_tests": 0}


def test_limits_are_numbers():
    for wrong in ({"wall_s": 0}, {"memory_mb": 1}, {"cpu_s": "x"}):
        with pytest.raises(BadScorerError):
            make({"python_tests": wrong})
