"""File sets are for those whom they were granted, and each look into one is on record."""

import pytest

from volano.access.errors import NotPermittedError
from volano.access.permissions import Permissions
from volano.core.principal import Principal
from volano.data.exchange.keeper import Exchange
from volano.data.filesets import Filesets
from volano.data.gate import Gate
from volano.data.keeper import Datasets

OWNER = Principal("person", "olga", roles=frozenset({"owner"}))
KEY = Principal("service", "key/ci")


class Guarded:
    def __init__(self, db, catalog, cache, clock):
        self.permissions = Permissions(db, catalog.ledger, clock)
        self.gate = Gate(db, self.permissions, clock)
        self.filesets = Filesets(catalog, cache, clock, access=self.gate)
        self.datasets = Datasets(catalog, access=self.gate)
        self.exchange = Exchange(catalog, self.datasets, self.filesets, cards=None)


@pytest.fixture
def guarded(sqlite, catalog, tmp_path, later, folder):
    guarded = Guarded(sqlite, catalog, tmp_path / "cache", later)
    guarded.filesets.track(folder, name="képek", by=KEY)
    return guarded


def test_an_open_file_set_is_everybodys(guarded, folder):
    assert guarded.filesets.files("képek", by=KEY)
    (folder / "new").write_text("新")
    assert guarded.filesets.track(folder, name="képek", by=KEY).number == 2


def test_a_restricted_one_shows_neither_files_nor_names(guarded, folder, tmp_path):
    guarded.permissions.restrict("fileset:képek", by=OWNER)
    looks = (
        lambda: guarded.filesets.files("képek", by=KEY),
        lambda: guarded.filesets.checkout("képek", tmp_path / "out", by=KEY),
        lambda: guarded.exchange.write("fileset/képek", tmp_path / "dvc", form="dvc", by=KEY),
        lambda: guarded.filesets.track(folder, name="képek", by=KEY),
    )
    for look in looks:
        with pytest.raises(NotPermittedError, match="fileset/képek"):
            look()
    assert not (tmp_path / "out").exists()
    assert not (tmp_path / "dvc").exists()
    assert guarded.filesets.get("képek").number == 1
    outcomes = [one.outcome for one in guarded.gate.list("fileset:képek")]
    assert outcomes == ["refused"] * 3


def test_who_was_granted_reads_and_it_is_on_record(guarded, tmp_path):
    guarded.permissions.grant("fileset:képek", str(KEY), "read", by=OWNER)
    guarded.filesets.checkout("képek@1", tmp_path / "out", by=KEY)
    [read] = guarded.gate.list("fileset:képek@1")
    assert (read.version, read.by, read.outcome) == ("képek@1", str(KEY), "read")
    assert guarded.gate.list("képek") == []


def test_a_dataset_of_the_same_name_is_another_thing(guarded):
    guarded.permissions.restrict("fileset:képek", by=OWNER)
    rows = [{"text": f"szöveg {n}", "label": "a"} for n in range(10)]
    guarded.datasets.add("képek", rows, by=KEY)
    assert guarded.datasets.rows("képek", by=KEY)
    guarded.permissions.open("fileset:képek", by=OWNER)
    guarded.permissions.restrict("képek", by=OWNER)
    assert guarded.filesets.files("képek", by=KEY)
    with pytest.raises(NotPermittedError, match="dataset/képek"):
        guarded.datasets.rows("képek", by=KEY)
