import msgspec
import pytest

from volano.core.clock import ManualClock
from volano.core.principal import SYSTEM
from volano.store.ledger import Ledger
from volano.traces.errors import BadMaskError, MaskExistsError, NoMaskError
from volano.traces.mask import MaskRule
from volano.traces.masks import Masks


@pytest.fixture
def masks(database, tmp_path):
    clock = ManualClock()
    made = Masks(database, Ledger(database, clock), clock, tmp_path / "run" / "mask.json")
    made.tick = lambda: clock.advance(1)
    return made


def test_rules_are_added_tried_listed_and_removed(masks, tmp_path):
    assert (masks.list(), masks.test(text="a@b.hu")["hidden"]) == ([], False)
    masks.add("email", by=SYSTEM)
    masks.tick()
    masks.add("rendszám", regex=r"\p{Lu}{3}-\d{3}", replace=r"<\1>", channel="a", by=SYSTEM)
    masks.tick()
    masks.add("who", attribute="user.*", where="attributes", by=SYSTEM)
    assert [(m.name, m.kind, m.finds, m.replace) for m in masks.list()] == [
        ("email", "detect", "email", "[email]"),
        ("rendszám", "regex", r"\p{Lu}{3}-\d{3}", r"<\1>"),
        ("who", "attribute", "user.*", "[who]"),
    ]
    said = {"text": "ŐRS-123 a@b.hu"}
    assert masks.test(**said, channel="a")["masked"] == r"<\1> [email]"
    assert masks.test(**said)["masked"] == "ŐRS-123 [email]"
    with pytest.raises(MaskExistsError):
        masks.add("email", by=SYSTEM)
    masks.remove("email", by=SYSTEM)
    with pytest.raises(NoMaskError):
        masks.remove("email", by=SYSTEM)
    data = (tmp_path / "run" / "mask.json").read_bytes()
    assert [rule.name for rule in msgspec.json.decode(data, type=list[MaskRule])] == [
        "rendszám", "who",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "given",
    [{"name": "unknown"}, {"name": "a b", "regex": "x"}, {"regex": "x", "attribute": "y"},
     {"regex": "("}, {"regex": "x*"}, {"regex": "(?=x)y"}, {"regex": "x" * 400},
     {"regex": r"(\p{L}{1,60}){1,9}x"}, {"regex": "x", "where": "there"}, {"attribute": "*"},
     {"regex": "x", "replace": "a\n"}],
)  # fmt: skip
def test_rules_that_are_no_good_are_refused(masks, given):
    with pytest.raises(BadMaskError):
        masks.add(**({"name": "n"} | given), by=SYSTEM)
    assert masks.list() == []
