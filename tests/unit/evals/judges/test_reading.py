import pytest

from support.judges import PAIRWISE, RUBRIC
from volano.evals.judges.errors import BadJudgeError
from volano.evals.judges.judge import Judge
from volano.evals.judges.reading import read


def test_yes_and_no_are_words():
    judge = read(RUBRIC + "    scale: {no: 0, yes: 1}\n")
    assert judge.criteria[0].scale == {"no": 0.0, "yes": 1.0}
    assert judge.binary
    assert read(RUBRIC).criteria[0].scale == {"no": 0.0, "yes": 1.0}


def test_levels_are_in_any_language_from_worst_to_best():
    judge = read(RUBRIC + "    scale: [плохо, так себе, хорошо]\n")
    assert judge.criteria[0].scale == {"плохо": 0.0, "так себе": 0.5, "хорошо": 1.0}
    assert not judge.binary


def test_a_judge_is_the_same_after_being_kept():
    judge = read(RUBRIC + "trusted: 0.7\nsettings: {temperature: 0.2}\n")
    assert Judge.from_dict(judge.to_dict()) == judge
    assert judge.settings == {"temperature": 0.2, "max_tokens": 400}


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("", "the file"), ("- 1", "the file"), ("a: [", "the file"), ("a: &x 1\nb: *x", "the file"),
        ("kind: oracle", "kind"), ("kind: [rubric]", "kind"),
        (RUBRIC + "colour: red\n", "colour"), (RUBRIC.replace("model: m", ""), "model"),
        (RUBRIC + "    scale: [1, 2]\n", r"criteria\[1\].scale"),
        (RUBRIC + "    scale: ['1', '2', '3']\n", r"criteria\[1\].scale"),
        (RUBRIC + "    scale: {a: 0, b: 0}\n", r"criteria\[1\].scale"),
        (RUBRIC + "    scale: {a: 0, b: 2}\n", r"criteria\[1\].scale"),
        (RUBRIC + "    scale: {a: 0, b: .nan}\n", r"criteria\[1\].scale"),
        (RUBRIC + "    scale: [a, b, c, d, e, f, g, h, i, j]\n", r"criteria\[1\].scale"),
        (RUBRIC + "settings: {model: other}\n", "settings.model"),
        (RUBRIC + "settings: {stop: [x]}\n", "settings.stop"),
        (RUBRIC + "trusted: 2\n", "trusted"),
        (RUBRIC.replace("name: helpful", "name: Help Ful"), r"criteria\[1\].name"),
        (PAIRWISE.replace("question:", "scale: yes/no, question:"), r"criteria\[1\]"),
        ("kind: panel\njudges: [a]", "judges"), ("kind: panel\njudges: [a, a]", "judges"),
        ("kind: panel\njudges: [a, b]\nrule: loudest", "rule"),
        ("x" * 70_000, "the file"),
    ],
)  # fmt: skip
def test_a_mistake_is_said_with_its_part(text, part):
    with pytest.raises(BadJudgeError, match=f"at `{part}`"):
        read(text)
