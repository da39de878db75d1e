"""What a look at a recipe found, for people."""

from volano.cli.looked import looked

DATA = {
    "rows": 60, "cut_rows": 3, "left_out_rows": 0, "limit": 128, "median_tokens": 20,
    "p95_tokens": 100, "longest_tokens": 128, "tokens": 1500, "ends": 1.0, "exact": 1.0,
    "template": "plain",
}  # fmt: skip
WRONG = {"level": "error", "name": "x", "sentence": "It is \x1b[2J wrong.", "remedy": "Mend it."}


def test_numbers_come_first_then_what_to_do(capsys):
    value = {
        "ok": True, "findings": [{**WRONG, "level": "warning"}], "data": DATA,
        "memory": {"total": 18_100_000, "available": None},
        "disk": {"needed": 999, "free": 78_400_000_000}, "device": "cpu",
        "time": {"step_s": 0.25, "steps": 30_000, "seconds": 7500.0},
    }  # fmt: skip
    looked(value)
    out, err = capsys.readouterr()
    assert out.splitlines() == [
        "rows      60, 3 cut",
        "tokens    1,500; median 20, 95 % up to 100, longest 128 of 128",
        "template  plain; an end of sequence after 100% of the answers",
        "memory    about 18.1 MB needed",
        "disk      about 999 bytes needed, 78.4 GB free",
        "device    cpu",
        "time      about 2 h 05 min: 30,000 steps of 0.25 s",
        "",
        "warning  x: It is \ufffd[2J wrong.",
        "         Mend it.",
        "",
        "This recipe can be trained.",
    ]
    assert "volano model train" in err


def test_steps_that_may_be_taken_again_are_told(capsys):
    time = {"step_s": 0.25, "steps": 1200, "seconds": 300.0, "rounds": 3}
    looked({"ok": True, "findings": [], "time": time})
    said = capsys.readouterr()[0].splitlines()[0]
    assert said == "time  about 5 min: 1,200 steps of 0.25 s; and up to 3 rounds of them, 15 min"


def test_a_recipe_that_was_not_looked_at_further(capsys):
    looked({"ok": False, "findings": [WRONG]})
    out, err = capsys.readouterr()
    assert out.splitlines() == [
        "error  x: It is \ufffd[2J wrong.",
        "       Mend it.",
        "",
        "This recipe cannot be trained as it is.",
    ]
    assert not err
