"""No key is told: not whole, not escaped, not the part that a clip has left of it."""

import pytest

from volano.ci.judged import UNMEASURED, Verdict
from volano.ci.redacted import as_written, redacted
from volano.ci.repository import Base
from volano.ci.rules import Check
from volano.ci.told import Told, junit, markdown

KEY = "sk-proj-ab_cd_ef12<&\"'"
BASE = Base("main", "0123456789abcdef")


def test_a_secret_that_somebody_repeats_is_not_told():
    said = {"a": ["key sk-12345 is bad", {"sk-12345": 7}], "b": None}
    assert redacted("a\x1b\x00\ud800b\n", []) == "a\ufffd\ufffd\ufffdb\n"
    assert redacted(said, ["sk-12345"]) == {"a": ["key *** is bad", {"***": 7}], "b": None}


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (f"bad key {KEY[:8]}", "bad key ***"),
        (f"bad key {KEY[:12]}…", "bad key ***…"),
        (f"bad key {KEY[:-3]}.", "bad key ***."),
        (f"{KEY}, then {KEY[:10]}", "***, then ***"),
        (f"bad key {KEY[:7]}", f"bad key {KEY[:7]}"),
        (f"{KEY[:12]} is bad", f"{KEY[:12]} is bad"),
    ],
)
def test_a_secret_that_was_cut_off_at_the_end_is_not_told(said, told):
    assert redacted(said, [KEY]) == told


@pytest.mark.parametrize("tell", [markdown, junit])
def test_a_secret_that_is_already_escaped_is_found(tell):
    one = Verdict(Check("c", "s", model="m"), UNMEASURED, f"bad {KEY} here", "it is new")
    said = tell(Told([one], [], [], BASE))
    assert "ef12" in said
    told = redacted(said, as_written([KEY]))
    assert "bad *** here" in told
    assert "ef12" not in told
