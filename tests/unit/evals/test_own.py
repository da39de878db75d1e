import pytest

from volano.evals.answered import Answered
from volano.evals.case import Case
from volano.evals.own import digest_of, make_in
from volano.evals.scoring import BadScorerError, Tools, Unmeasured, make

FILE = '''
from dataclasses import dataclass
from volano.evals.scoring import Plain

def polite(answer, label):
    """1 when the answer says please."""
    return "bitte" in answer.casefold() or "пожалуйста" in answer.casefold()

def near(answer, label, case):
    return {"near": case.text in answer, "far": None}

def broken(answer, label):
    return 1 / 0

@dataclass(frozen=True)
class Loud(Plain):
    """1 when the answer is in capitals."""
    def score(self, case, answered, tools):
        return {"loud": float(answered.answer.isupper())}

number = 3
'''


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "checks.py").write_text(FILE, encoding="utf-8")
    return tmp_path


def score(folder, name, answer, **more):
    found = make_in(folder, {"python": f"checks.py:{name}"})[1]
    return found.score(Case("1", "kérdés", "x"), Answered("1", answer, **more), Tools())


def test_a_function_of_a_file_scores(folder):
    assert score(folder, "polite", "Bitte sehr") == {"polite": 1}
    assert score(folder, "polite", "Пожалуйста") == {"polite": 1}
    assert score(folder, "near", "a kérdés") == {
        "near": 1,
        "far": Unmeasured("the scorer gave none"),
    }
    assert score(folder, "Loud", "НЕТ") == {"loud": 1}
    assert make_in(folder, "exact_match")[0] == "exact_match"


def test_one_that_breaks_or_gets_no_answer_is_unmeasured(folder):
    assert "ZeroDivisionError" in score(folder, "broken", "x")["broken"].why
    assert "503" in score(folder, "broken", "", error="503")["broken"].why


def test_a_file_that_changed_is_another_scorer(folder):
    spec = {"python": "checks.py:polite"}
    before = digest_of(folder, spec)
    assert score(folder, "polite", "merci") == {"polite": 0}
    (folder / "checks.py").write_text("def polite(answer, label): return 'merci' in answer")
    assert score(folder, "polite", "merci") == {"polite": 1}
    assert digest_of(folder, spec) != before


def test_a_suite_from_elsewhere_loads_no_file(folder):
    with pytest.raises(BadScorerError, match="owner"):
        make({"python": "checks.py:polite"})


@pytest.mark.parametrize(
    "said",
    ["checks.py", "checks:polite", "checks.py:", "none.py:polite", "checks.py:none", "checks.py:number", "../checks.py:f",
     "/etc/passwd.py:f", "link.py:f", "bad.py:f", "large.py:f", 3, None, "a\0b.py:f"],
)  # fmt: skip
def test_what_cannot_be_loaded_says_why(folder, said, tmp_path_factory):
    outside = tmp_path_factory.mktemp("outside") / "evil.py"
    outside.write_text("def f(answer, label): return 1")
    (folder / "link.py").symlink_to(outside)
    (folder / "bad.py").write_text("def f(:")
    (folder / "large.py").write_text("#" * 1_000_001)
    (folder.parent / "checks.py").write_text("def f(answer, label): return 1")
    with pytest.raises(BadScorerError):
        make_in(folder, {"python": said})
