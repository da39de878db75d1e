"""Who may not read a dataset finds no other door to its rows; reads by any door are on record."""

import json

import pytest

from volano.access.errors import NotClearedError, NotPermittedError, OpenToMoreError
from volano.access.permissions import Permissions
from volano.core.manifest import Parent
from volano.core.principal import Principal
from volano.data import keeper
from volano.data.contracts import Contracts
from volano.data.contracts.contract import Contract
from volano.data.exchange import Cards, Exchange
from volano.data.filesets import Filesets
from volano.data.gate import Gate
from volano.data.keeper import Datasets
from volano.data.kept import Kept
from volano.data.sources.keeper import Sources
from volano.data.sources.source import Around
from volano.data.step import Rejected
from volano.data.steps.columns import Rename, renamed
from volano.data.versions import Versions

OWNER = Principal("person", "olga", roles=frozenset({"owner"}))
KEY = Principal("service", "key/ci")
MAKER = Principal("service", "schedule/nightly")
ROWS = [{"text": f"titkos szöveg {n}", "label": "a"} for n in range(10)]
CORRECTION = {"trace_id": "t", "text": "új", "label": "a", "feedback_id": "f"}


class House:
    def __init__(self, catalog, sqlite, garbage, clock, tmp_path):
        self.permissions = Permissions(sqlite, catalog.ledger, clock)
        self.gate = Gate(sqlite, self.permissions, clock)
        self.datasets = Datasets(catalog, access=self.gate)
        self.versions = Versions(catalog, self.datasets, garbage)
        self.contracts = Contracts(catalog, self.datasets)
        self.cards = Cards(catalog, self.datasets, self.contracts)
        filesets = Filesets(catalog, tmp_path / "cache", clock)
        self.exchange = Exchange(catalog, self.datasets, filesets, self.cards)
        self.sources = Sources(Around(versions=Kept(self.datasets)))
        self.out, self.folder = tmp_path / "out.jsonl", str(tmp_path)
        self.datasets.add("jegyek", ROWS, test_share=0.2, by=OWNER)
        columns = {"text": {"type": "text", "max_length": 1}}
        self.contracts.put("jegyek", Contract.from_dict({"columns": columns}), by=OWNER)

    def doors(self, by):
        """All sentences that give rows, or what can be told from them."""
        asked = {"said": "{dataset: jegyek, split: train}", "folder": self.folder}
        return {
            "rows": lambda: self.datasets.page("jegyek", by=by),
            "rejected": lambda: self.datasets.rejected("jegyek", by=by),
            "diff": lambda: self.datasets.diff("jegyek", "jegyek", rows=5, by=by),
            "diff in counts": lambda: self.datasets.diff("jegyek", "jegyek", by=by),
            "peek": lambda: self.sources.peek(asked, by=by),
            "export": lambda: self.exchange.write("jegyek", self.out, by=by),
            "export to dvc": lambda: self.exchange.write(
                "jegyek", self.out.with_suffix(".d"), form="dvc", by=by
            ),
            "card": lambda: self.cards.show("jegyek", by=by),
            "check": lambda: self.contracts.check("jegyek", by=by),
            "infer": lambda: self.contracts.infer("jegyek", by=by),
            "branch": lambda: self.versions.branch("jegyek", "mine", by=by),
            "curate": lambda: self.datasets.curate("mine", "jegyek", [CORRECTION], by=by),
        }


@pytest.fixture
def house(catalog, sqlite, garbage, clock, tmp_path):
    return House(catalog, sqlite, garbage, clock, tmp_path)


def test_no_door_is_open_to_whom_a_dataset_is_closed(house):
    house.permissions.restrict("jegyek", by=OWNER)
    for door, enter in house.doors(KEY).items():
        before = len(house.gate.list("jegyek"))
        with pytest.raises(NotPermittedError):
            enter()
        newest = house.gate.list("jegyek")
        assert (len(newest), newest[0].outcome) == (before + 1, "refused"), door
    assert not house.out.exists()


def test_a_column_that_is_not_for_somebody_comes_out_of_no_door(house):
    house.permissions.classify("jegyek", "text", "secret", by=OWNER)
    for door, enter in house.doors(KEY).items():
        try:
            told = json.dumps(enter(), default=str)
        except NotClearedError:
            continue
        assert "titkos" not in told, door
    assert not house.out.exists()
    [row, *_] = house.datasets.page("jegyek", by=KEY)
    assert (row["id"], row["text"], row["label"]) == ("***", "***", "a")


@pytest.mark.parametrize("door", ["diff in counts", "diff", "rejected", "export", "card", "branch"])
def test_reads_by_other_doors_are_on_record(house, door):
    house.doors(OWNER)[door]()
    assert {read.by for read in house.gate.list("jegyek")} == {"person:olga"}


def test_what_no_column_tells_of_a_rejected_row_is_hidden_too(house):
    bad = [
        Rejected({"origin": {"row": 1}, "excerpt": "titkos sor"}, "source", "json", "titkos", None),
        Rejected({"text": "titkos", "label": "a"}, "dedup", "exact", "as titkos", "0" * 16),
    ]
    rows = [("train", {"text": "titkos", "label": "a"})]
    house.datasets.write("mixed", rows, rejected=bad, meta={}, by=OWNER)
    house.permissions.classify("mixed", "text", "personal", by=OWNER)
    shown = house.datasets.rejected("mixed", by=KEY)
    assert "titkos" not in json.dumps(shown)
    assert [one["reason"] for one in shown] == ["json", "exact"]
    assert house.gate.list("mixed")[0].rows == 2
    assert "titkos" in json.dumps(house.datasets.rejected("mixed", by=OWNER))


def test_guesses_cannot_be_tried_with_a_diff(house):
    house.permissions.classify("jegyek", "text", "secret", by=OWNER)
    house.datasets.add("guesses", ROWS[:3], by=KEY)
    with pytest.raises(NotClearedError):
        house.datasets.diff("jegyek", "guesses", by=KEY)


def test_what_is_made_of_a_restricted_dataset_is_restricted(house):
    house.permissions.classify("jegyek", "text", "personal", by=OWNER)
    house.permissions.grant("jegyek", str(MAKER), "read", classes=["personal"], by=OWNER)
    house.permissions.grant("jegyek", "person:anna", "read", by=OWNER)
    house.versions.branch("jegyek", "mine", by=MAKER)
    with pytest.raises(NotPermittedError):
        house.datasets.page("mine", by=KEY)
    assert "titkos" in house.datasets.page("mine", by=MAKER)[0]["text"]
    [row, *_] = house.datasets.page("mine", by=Principal("person", "anna"))
    assert row["text"] == "***"
    assert house.datasets.curate("mine", "mine@1", [CORRECTION], by=MAKER).number == 2
    told = house.permissions.list("mine")
    assert (told["restricted"], told["columns"]) == (True, {"text": "personal"})


def test_rows_do_not_go_where_more_may_read_them(house):
    house.datasets.add(
        "public", [{"text": f"nyilvános {n}", "label": "a"} for n in range(9)], by=OWNER
    )
    house.permissions.grant("jegyek", str(MAKER), "read", by=OWNER)
    with pytest.raises(OpenToMoreError):
        house.versions.branch("jegyek", "public", by=MAKER)
    with pytest.raises(OpenToMoreError):
        house.datasets.curate("public", "jegyek", [CORRECTION], by=MAKER)
    assert house.versions.branch("jegyek", "public", by=OWNER).number == 2
    house.permissions.open("jegyek", by=OWNER)
    house.permissions.classify("jegyek", "text", "personal", by=OWNER)
    house.permissions.grant("other", str(MAKER), "write", by=OWNER)
    cleared = {"classes": ["personal"], "by": OWNER}
    house.permissions.grant("jegyek", str(MAKER), "read", **cleared)
    house.datasets.add("other", [{"text": f"más {n}", "label": "a"} for n in range(9)], by=OWNER)
    with pytest.raises(OpenToMoreError):
        house.versions.branch("jegyek", "other", by=MAKER)


def test_a_column_called_otherwise_keeps_its_class(house):
    house.permissions.classify("jegyek", "text", "personal", by=OWNER)
    jegyek = house.datasets.get("jegyek").digest
    given = {"meta": {}, "parents": [Parent("source", jegyek)], "by": OWNER}
    steps = [Rename({"text": "body"}), Rename({"body": "message", "label": "topic"})]
    house.datasets.write(
        "masolat", [("train", {"message": "titkos", "topic": "a"})], renamed=renamed(steps), **given
    )
    [row] = house.datasets.page("masolat", by=KEY)
    assert (row["message"], row["topic"]) == ("***", "a")
    house.permissions.grant("jegyek", str(MAKER), "read", classes=["personal"], by=OWNER)
    house.permissions.grant("older", str(MAKER), "write", by=OWNER)
    house.permissions.classify("older", "text", "personal", by=OWNER)
    house.datasets.add("older", [{"text": f"más {n}", "label": "a"} for n in range(9)], by=OWNER)
    with pytest.raises(OpenToMoreError):
        house.datasets.write(
            "older", [("train", {"message": "titkos"})], renamed=renamed(steps),
            **{**given, "by": MAKER},
        )  # fmt: skip


def test_a_page_of_very_large_rows_is_short(house, monkeypatch):
    monkeypatch.setattr(keeper, "MOST_BYTES", 1500)
    rows = [("train", {"text": f"{n}" * 1000}) for n in range(5)]
    house.datasets.write("large", rows, meta={}, by=OWNER)
    assert len(house.datasets.page("large", limit=10_000, by=OWNER)) == 2
    assert house.gate.list("large")[0].rows == 2
