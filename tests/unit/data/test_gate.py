"""Each read is on record, and nobody sees what is not for them."""

import pytest

from volano.access.errors import NotClearedError, NotPermittedError
from volano.access.permissions import Permissions
from volano.core.principal import Principal
from volano.data.gate import Gate
from volano.data.keeper import Datasets

OWNER = Principal("person", "olga", roles=frozenset({"owner"}))
KEY = Principal("service", "key/ci")
ROWS = [{"text": f"szöveg {n}", "label": "a"} for n in range(10)]


class Guarded:
    def __init__(self, desk):
        self.clock = desk.clock
        self.permissions = Permissions(desk.db, desk.ledger, desk.clock)
        self.gate = Gate(desk.db, self.permissions, desk.clock)
        self.datasets = Datasets(desk.catalog, access=self.gate)
        self.made = self.datasets.add("jegyek", ROWS, test_share=0.2, by=OWNER)


@pytest.fixture
def guarded(desk):
    return Guarded(desk)


def test_a_read_leaves_one_row_however_long_it_is(guarded):
    rows = guarded.datasets.rows("jegyek", "train", by=KEY)
    [read] = guarded.gate.list("jegyek")
    assert (read.version, read.split, read.rows, read.by) == (
        "jegyek@1", "train", len(rows), "service:key/ci",
    )  # fmt: skip
    assert (read.digest, read.run, read.outcome) == (str(guarded.made.digest), None, "read")
    guarded.clock.advance(1)
    guarded.datasets.rows("jegyek@1", "test", by=OWNER, run="0197-run")
    assert [one.run for one in guarded.gate.list("jegyek@1")] == ["0197-run", None]
    assert guarded.gate.list("jegyek@2") == guarded.gate.list("other") == []
    assert len(guarded.gate.list(run="0197-run")) == len(guarded.gate.list(principal=str(KEY))) == 1


def test_volano_itself_leaves_none(guarded):
    guarded.datasets.diff("jegyek@1", "jegyek@1")
    assert guarded.gate.list() == []


def test_a_restricted_dataset_is_read_and_written_by_those_who_may(guarded):
    guarded.permissions.restrict("jegyek", by=OWNER)
    with pytest.raises(NotPermittedError):
        guarded.datasets.rows("jegyek", by=KEY)
    with pytest.raises(NotPermittedError):
        guarded.datasets.add("jegyek", ROWS, by=KEY)
    [refused] = guarded.gate.list("jegyek")
    assert (refused.outcome, refused.rows) == ("refused", 0)
    guarded.permissions.grant("jegyek", "service:key/ci", "read", by=OWNER)
    assert guarded.datasets.rows("jegyek", by=KEY)
    with pytest.raises(NotPermittedError):
        guarded.datasets.add("jegyek", ROWS, by=KEY)


def test_a_person_sees_asterisks_and_a_run_is_refused(guarded):
    guarded.permissions.classify("jegyek", "text", "personal", by=OWNER)
    [one, *_] = guarded.datasets.rows("jegyek", by=KEY)
    assert (one.text, one.label) == ("***", "a")
    assert guarded.gate.list("jegyek")[0].masked == ("text",)
    with pytest.raises(NotClearedError, match="no clearance for columns of dataset/jegyek: text"):
        guarded.datasets.rows("jegyek", by=KEY, run="0197-run")
    guarded.permissions.grant("jegyek", str(KEY), "read", classes=["personal"], by=OWNER)
    assert guarded.datasets.rows("jegyek", by=KEY, run="0197-run")[0].text != "***"


def test_rows_at_places_are_one_read_and_tell_no_ids(guarded):
    guarded.permissions.classify("jegyek", "text", "personal", by=OWNER)
    places = ["train:0", "train:2", "nowhere:1", "train:x"]
    rows = guarded.datasets.picked("jegyek", places, by=KEY)
    assert [(row["at"], row["text"], row["id"]) for row in rows] == [
        (0, "***", "***"),
        (2, "***", "***"),
    ]
    [read] = guarded.gate.list("jegyek")
    assert (read.rows, read.masked, read.outcome) == (2, ("text",), "read")
    assert "***" not in {row["id"] for row in guarded.datasets.picked("jegyek", places, by=OWNER)}


def test_a_read_that_is_cut_off_is_on_record(guarded):
    reading = guarded.gate.read(
        "jegyek", "jegyek@1", str(guarded.made.digest), split="train", by=KEY
    )
    assert reading.row({"text": "x"}) == {"text": "x"}
    assert [one.outcome for one in guarded.gate.list()] == ["open"]


def test_columns_that_are_not_asked_for_are_not_missed(guarded):
    guarded.permissions.classify("jegyek", "label", "secret", by=OWNER)
    about = ("jegyek", "jegyek@1", str(guarded.made.digest))
    assert (
        guarded.gate.read(*about, split="train", columns=["text"], by=KEY, run="r").masked
        == frozenset()
    )
    with pytest.raises(NotClearedError):
        guarded.gate.read(*about, split="train", columns=["text", "label"], by=KEY, run="r")
