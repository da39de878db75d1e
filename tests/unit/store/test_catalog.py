"""The catalog: numbers, names, labels, lineage, on both databases."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from threading import Thread

import pytest
from sqlalchemy import update

from volano.core.canon import NotCanonicalError
from volano.core.clock import ManualClock, SystemClock
from volano.core.digest import Digest
from volano.core.errors import VolanoError
from volano.core.manifest import File, Parent
from volano.core.principal import Principal
from volano.core.ref import BadRefError
from volano.store import Artifact, Blobs, Catalog, Database, Ledger
from volano.store.errors import (
    AmbiguousRefError,
    BadPathError,
    CorruptBlobError,
    CorruptManifestError,
    MissingBlobError,
    UnknownArtifactError,
    UnknownFileError,
    UnknownParentError,
    UnreadableSourceError,
)
from volano.store.tables import artifacts

ANNA = Principal("person", "Anna")


def record(catalog: Catalog, kind: str, name: str, data: bytes = b"", *parents) -> Artifact:
    return catalog.record(kind, name, files={"data": data}, parents=parents, by=ANNA)


@pytest.fixture
def faq(catalog: Catalog, clock: ManualClock) -> list[Artifact]:
    """Three versions of `faq`, a second apart."""
    made = []
    for number in range(1, 4):
        made.append(record(catalog, "prompt", "faq", b"%d" % number))
        clock.advance(1)
    return made


def test_versions_are_numbered_and_read_back(catalog: Catalog, faq: list[Artifact]) -> None:
    assert [artifact.ref for artifact in faq] == ["faq@1", "faq@2", "faq@3"]
    for artifact in faq:
        assert catalog.get("prompt", artifact.ref) == artifact
        assert catalog.by_digest(artifact.digest) == artifact
        assert artifact.digest == artifact.manifest.digest
        assert catalog.read(artifact, "data") == artifact.ref[-1].encode()
    assert faq[0].created_by == "person:Anna"


def test_files_come_from_memory_and_from_disk(catalog: Catalog, tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text('{"text": "Wo ist mein Paket?"}\n' * 500)
    artifact = catalog.record(
        "dataset", "tickets", files={"train.jsonl": path, "empty": b"", "a/b": b"x"},
        meta={"rows": 500}, made_by="run-1", by=ANNA,
    )  # fmt: skip
    assert artifact.size == path.stat().st_size + 1
    assert catalog.get("dataset", "tickets").manifest == artifact.manifest
    out = catalog.checkout(artifact, "train.jsonl", tmp_path / "out.jsonl")
    assert out.read_bytes() == path.read_bytes()
    assert catalog.read(artifact, "empty") == b""


@pytest.mark.parametrize("ref", ["faq", "faq@3", "faq:stable", "faq@{digest}"])
def test_every_way_to_name_one(catalog: Catalog, faq: list[Artifact], ref: str) -> None:
    catalog.label("prompt", "faq@3", "stable", by=ANNA)
    ref = ref.format(digest=faq[2].digest[:20])
    assert catalog.get("prompt", ref).number == 3
    assert catalog.find(ref).number == 3
    assert catalog.find(f"prompt/{ref}").number == 3


def test_a_digest_alone_names_one_too(catalog: Catalog, faq: list[Artifact]) -> None:
    assert catalog.find(faq[1].digest) == faq[1]
    assert catalog.find(faq[1].digest[:24]) == faq[1]


def test_names_in_other_languages_and_spellings(catalog: Catalog) -> None:
    made = record(catalog, "dataset", "válaszok/客服")
    assert catalog.get("dataset", "va\u0301laszok/客服@1") == made
    assert record(catalog, "dataset", "va\u0301laszok/客服", b"2").number == 2
    assert [one.name for one in catalog.names("dataset")] == ["válaszok/客服"]


def test_the_same_content_again_is_the_same_version(catalog: Catalog, clock: ManualClock) -> None:
    first = record(catalog, "prompt", "faq", b"1")
    clock.advance(60)
    assert record(catalog, "prompt", "faq", b"1") == first
    record(catalog, "prompt", "faq", b"2")
    assert record(catalog, "prompt", "faq", b"1") == first
    assert record(catalog, "prompt", "other", b"1").digest != first.digest
    assert catalog.counts() == {"prompt": 3}
    assert catalog.ledger.root()[0] == 3


def test_what_differs_in_meta_or_run_is_another_version(catalog: Catalog) -> None:
    for number, extra in enumerate([{}, {"meta": {"a": 1}}, {"made_by": "r1"}, {"made_by": "r2"}]):
        made = catalog.record("model", "m", files={"w": b"1"}, by=ANNA, **extra)
        assert made.number == number + 1


@pytest.mark.parametrize(
    ("kind", "ref", "message", "hint"),
    [
        ("prompt", "faw", "no prompt `faw`", "Did you mean `faq@3`?"),
        ("prompt", "faq@9", "no prompt `faq@9`", "newest version of `faq` is `faq@3`"),
        ("prompt", "faq:stabel", "no prompt `faq:stabel`", "`faq@3`"),
        ("dataset", "faq", "no dataset `faq`", "volano data list"),
        ("model", "zzz", "no model `zzz`", "volano model list"),
        (None, "prompt/faw", "no artifact `prompt/faw`", "Did you mean `prompt/faq@3`?"),
        (None, "prompt/faq@7", "no artifact", "`prompt/faq@3`"),
        (None, "sha256:123456", "no artifact", "volano status"),
    ],
)
def test_what_is_not_there_is_told_with_what_is_near(
    catalog: Catalog, faq: list[Artifact], kind: str | None, ref: str, message: str, hint: str
) -> None:
    with pytest.raises(UnknownArtifactError) as caught:
        catalog.get(kind, ref) if kind else catalog.find(ref)
    assert message in caught.value.message
    assert hint in caught.value.advice


@pytest.mark.parametrize("ref", ["", "@", "faq@0", "faq@x", "faq:", "a b", "sha256:1", "faq@1\n"])
def test_what_is_no_ref_is_told(catalog: Catalog, ref: str) -> None:
    with pytest.raises(BadRefError):
        catalog.find(ref)


def test_wildcards_do_not_match(catalog: Catalog, faq: list[Artifact]) -> None:
    with pytest.raises(VolanoError):
        catalog.find("sha256:______")
    with pytest.raises(VolanoError):
        catalog.find("sha256:%%%%%%")


def test_a_name_in_two_kinds_asks_which(catalog: Catalog, faq: list[Artifact]) -> None:
    record(catalog, "model", "faq")
    with pytest.raises(AmbiguousRefError, match="model/faq@1, prompt/faq@3") as caught:
        catalog.find("faq")
    assert "kind before the name" in caught.value.advice
    assert catalog.find("model/faq").kind == "model"


def test_a_name_with_a_slash_is_found_both_ways(catalog: Catalog) -> None:
    staging = record(catalog, "release", "support/staging")
    assert catalog.find("support/staging@1") == staging
    assert catalog.find("release/support/staging@1") == staging
    record(catalog, "support", "staging")
    with pytest.raises(AmbiguousRefError):
        catalog.find("support/staging@1")


def test_lists_newest_first(catalog: Catalog, faq: list[Artifact]) -> None:
    model = record(catalog, "model", "m")
    assert catalog.list() == [model, *faq[::-1]]
    assert catalog.list("prompt", "faq", limit=1) == [faq[2]]
    assert catalog.list("prompt", before_us=faq[2].created_us) == [faq[1], faq[0]]
    assert catalog.list("prompt", "nothing") == []
    assert catalog.names("prompt") == [faq[2]]
    assert catalog.counts() == {"model": 1, "prompt": 3}


def test_a_label_moves(catalog: Catalog, faq: list[Artifact]) -> None:
    assert catalog.label("prompt", "faq@1", "stable", by=ANNA).labels == ("stable",)
    assert catalog.label("prompt", "faq@2", "stable", by=ANNA).labels == ("stable",)
    assert catalog.label("prompt", "faq@2", "élő", by=ANNA).labels == ("stable", "élő")
    assert catalog.get("prompt", "faq@1").labels == ()
    events = catalog.ledger.list(subject="prompt/faq:stable")
    assert [event.content for event in events] == [
        {"from": faq[0].digest, "to": "faq@2"}, {"from": None, "to": "faq@1"},
    ]  # fmt: skip


def test_a_label_moved_to_where_it_is_says_nothing(catalog: Catalog, faq: list[Artifact]) -> None:
    catalog.label("prompt", "faq@1", "stable", by=ANNA)
    before = catalog.ledger.root()
    catalog.label("prompt", "faq@1", "stable", by=ANNA)
    assert catalog.ledger.root() == before


def test_a_label_is_taken_away(catalog: Catalog, faq: list[Artifact]) -> None:
    catalog.label("prompt", "faq@1", "stable", by=ANNA)
    assert catalog.unlabel("prompt", "faq:stable", by=ANNA).labels == ()
    with pytest.raises(UnknownArtifactError):
        catalog.get("prompt", "faq:stable")
    with pytest.raises(UnknownArtifactError):
        catalog.unlabel("prompt", "faq:stable", by=ANNA)
    with pytest.raises(UnknownArtifactError, match="faq@1"):
        catalog.unlabel("prompt", "faq@1", by=ANNA)
    with pytest.raises(BadRefError):
        catalog.label("prompt", "faq@1", "9 lives", by=ANNA)


def test_labels_of_one_kind_are_not_those_of_another(catalog: Catalog, faq: list[Artifact]) -> None:
    catalog.label("prompt", "faq@1", "stable", by=ANNA)
    record(catalog, "model", "faq")
    with pytest.raises(UnknownArtifactError):
        catalog.get("model", "faq:stable")


def test_lineage_goes_up_and_children_go_down(catalog: Catalog) -> None:
    rows = record(catalog, "dataset", "tickets")
    base = record(catalog, "model", "router", b"1", Parent("train", rows.digest))
    tuned = record(
        catalog, "model", "router", b"2", Parent("base", base.digest), Parent("train", rows.digest)
    )
    tree = catalog.lineage(tuned.digest)
    assert tree.artifact == tuned
    assert [(node.role, node.artifact) for node in tree.parents] == [
        ("base", base),
        ("train", rows),
    ]
    assert [(node.role, node.artifact) for node in tree.parents[0].parents] == [("train", rows)]
    assert catalog.lineage(tuned.digest, depth=1).parents[0].parents == ()
    assert catalog.lineage(tuned.digest, depth=0).parents == ()
    assert catalog.children(rows.digest) == [base, tuned]
    assert catalog.children(tuned.digest) == []


def test_lineage_of_a_long_history_stays_small(catalog: Catalog) -> None:
    """Each has the one before as two parents: 2^18 paths, 19 artifacts."""
    last = record(catalog, "model", "m")
    for number in range(18):
        roles = Parent("base", last.digest), Parent("teacher", last.digest)
        last = record(catalog, "model", "m", b"%d" % number, *roles)
    node = catalog.lineage(last.digest)
    seen = {id(node)}
    level = [node]
    while level:
        level = list({id(up): up for node in level for up in node.parents}.values())
        seen.update(map(id, level))
    assert len(seen) == 37


def test_a_parent_must_be_there(catalog: Catalog) -> None:
    with pytest.raises(UnknownParentError, match="train"):
        record(catalog, "model", "m", b"", Parent("train", Digest.of(b"nothing")))
    assert catalog.counts() == {}
    assert catalog.ledger.root()[0] == 0


@pytest.mark.parametrize("path", ["", "/etc/passwd", "../x", "a/../b", "a//b", "a\\b", "a\0b", "."])
def test_a_path_that_leads_out_is_refused(catalog: Catalog, path: str) -> None:
    with pytest.raises(BadPathError):
        catalog.record("dataset", "x", files={path: b""}, by=ANNA)


@pytest.mark.parametrize(
    ("kind", "name"), [("", "x"), ("dataset", ""), ("dataset", "a b"), ("a@1", "x")]
)
def test_a_name_that_is_none_is_refused(catalog: Catalog, kind: str, name: str) -> None:
    with pytest.raises(BadRefError):
        record(catalog, kind, name)


def test_what_cannot_be_written_leaves_no_version(catalog: Catalog, tmp_path: Path) -> None:
    with pytest.raises(NotCanonicalError):
        catalog.record("dataset", "x", files={}, meta={"nan": float("nan")}, by=ANNA)
    with pytest.raises(UnreadableSourceError):
        catalog.record("dataset", "x", files={"a": tmp_path / "nothing"}, by=ANNA)
    assert catalog.counts() == {}


def test_an_unknown_file_is_told_with_those_there_are(catalog: Catalog) -> None:
    artifact = catalog.record("model", "m", files={"b": b"", "a": b""}, by=ANNA)
    with pytest.raises(UnknownFileError) as caught:
        catalog.read(artifact, "c")
    assert caught.value.advice == "It has: a, b."


def test_verify_finds_damage(catalog: Catalog, database: Database, faq: list[Artifact]) -> None:
    assert catalog.verify(faq[0]) == []
    for path in catalog.blobs.folder.glob("*.pack"):
        if path.read_bytes().endswith(b"1"):
            path.write_bytes(path.read_bytes()[:-1] + b"7")
    (problem,) = catalog.verify(faq[0])
    assert problem.startswith("data: ")
    with pytest.raises(CorruptBlobError):
        catalog.read(faq[0], "data")
    assert catalog.verify(faq[1]) == []
    with database.write() as conn:
        forged = replace(faq[1].manifest, meta={"forged": True}).to_bytes()
        of_second = artifacts.c.digest == faq[1].digest
        conn.execute(update(artifacts).where(of_second).values(manifest=forged))
    (problem,) = catalog.verify(faq[1])
    assert "does not give its digest" in problem


def rewrite(database: Database, artifact: Artifact, manifest: bytes) -> None:
    with database.write() as conn:
        mine = artifacts.c.digest == artifact.digest
        conn.execute(update(artifacts).where(mine).values(manifest=manifest))


@pytest.mark.parametrize("manifest", [b"", b"not JSON", b"\xff", b"[" * 9, None])
def test_a_bad_row_breaks_no_list(
    catalog: Catalog, database: Database, faq: list[Artifact], manifest: bytes | None
) -> None:
    """It is shown as broken with its reason; to use it is an error."""
    child = record(catalog, "model", "m", b"", Parent("said", faq[1].digest))
    forged = replace(faq[1].manifest, meta={"forged": True}).to_bytes()
    rewrite(database, faq[1], forged if manifest is None else manifest)
    third, broken, first = catalog.list("prompt")
    assert (third, first) == (faq[2], faq[0])
    assert (broken.ref, broken.state, broken.digest) == ("faq@2", "broken", faq[1].digest)
    assert "prompt/faq@2 does not give its digest" in broken.problem
    assert (broken.created_us, broken.manifest.meta) == (faq[1].created_us, {})
    assert catalog.list("prompt", before_us=broken.created_us) == [faq[0]]
    [said] = catalog.lineage(child.digest).parents
    assert said.artifact.state == "broken"
    assert catalog.children(faq[1].digest) == [child]
    for use in (
        lambda: catalog.get("prompt", "faq@2"),
        lambda: catalog.find("faq@2"),
        lambda: catalog.by_digest(faq[1].digest),
    ):
        with pytest.raises(CorruptManifestError, match="does not give its digest"):
            use()


def test_a_bad_row_breaks_no_list_of_names(
    catalog: Catalog, database: Database, faq: list[Artifact]
) -> None:
    other = record(catalog, "prompt", "other")
    rewrite(database, faq[2], b"{}")
    broken, fine = catalog.names("prompt")
    assert (broken.ref, broken.state, fine) == ("faq@3", "broken", other)


def test_each_record_is_in_the_ledger(catalog: Catalog, faq: list[Artifact]) -> None:
    (event,) = catalog.ledger.list(subject="prompt/faq@2")
    assert (event.verb, event.digests, event.principal) == (
        "record",
        (faq[1].digest,),
        "person:Anna",
    )
    assert catalog.ledger.verify()


def test_two_writers_draw_no_number_twice(database: Database, tmp_path: Path) -> None:
    own = [Database(database.url), Database(database.url)]

    def write(mine: Database, letter: str) -> None:
        clock = SystemClock()
        catalog = Catalog(mine, Blobs(tmp_path / "blobs", mine), Ledger(mine, clock), clock)
        for number in range(10):
            record(catalog, "dataset", "shared", f"{letter}{number}".encode())

    threads = [
        Thread(target=write, args=(mine, letter)) for mine, letter in zip(own, "ab", strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for mine in own:
        mine.close()
    clock = SystemClock()
    ledger = Ledger(database, clock)
    catalog = Catalog(database, Blobs(tmp_path / "blobs", database), ledger, clock)
    assert sorted(one.number for one in catalog.list(limit=100)) == list(range(1, 21))
    assert all(catalog.verify(one) == [] for one in catalog.list(limit=100))
    assert ledger.verify()


RECORDING = """
import sys
from pathlib import Path
from support.databases import sqlite_url
from volano.core.clock import SystemClock
from volano.core.principal import SYSTEM
from volano.store import Blobs, Catalog, Database, Ledger
folder = Path(sys.argv[1])
db, clock = Database(sqlite_url(folder)), SystemClock()
catalog = Catalog(db, Blobs(folder / "blobs", db), Ledger(db, clock), clock)
number = 0
while True:
    number += 1
    made = catalog.record("dataset", "x", files={"a": str(number).encode()}, by=SYSTEM)
    print(made.number, flush=True)
"""


def test_a_killed_recorder_leaves_whole_versions(sqlite: Database, tmp_path: Path) -> None:
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    command = [sys.executable, "-c", RECORDING, str(tmp_path)]
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True) as process:
        promised = [int(process.stdout.readline()) for _ in range(7)]
        process.kill()
        promised += map(int, process.stdout.read().split())
    clock = SystemClock()
    ledger = Ledger(sqlite, clock)
    catalog = Catalog(sqlite, Blobs(tmp_path / "blobs", sqlite), ledger, clock)
    kept = catalog.list(limit=10_000)
    assert [one.number for one in kept][::-1] == list(range(1, len(kept) + 1))
    assert promised == [one.number for one in kept][::-1][: len(promised)]
    assert all(catalog.verify(one) == [] for one in kept)
    assert ledger.verify().size == len(kept)


def test_stored_bytes_are_checked_and_found_again(catalog: Catalog) -> None:
    made = catalog.record("dataset", "d", files={"a": b"a" * 500, "b": b"b" * 500}, by=ANNA)
    assert catalog.verify_blobs() == {"blobs": 2, "checked": 2, "problems": []}
    with catalog._db.write() as conn:
        conn.exec_driver_sql("DELETE FROM blobs")
    problems = catalog.verify_blobs()["problems"]
    assert problems == [
        f"The bytes {file.digest} are not in the index." for file in made.manifest.files.values()
    ]
    assert catalog.rebuild_index(by=ANNA) == {"blobs": 2, "packs": 1, "problems": []}
    assert catalog.verify_blobs(all=True) == {"blobs": 2, "checked": 2, "problems": []}
    assert catalog.ledger.list()[0].verb == "rebuild_index"
    [path] = catalog.blobs.folder.glob("*.pack")
    path.write_bytes(path.read_bytes()[:-3])
    assert len(catalog.verify_blobs()["problems"]) == 1
    problems = catalog.rebuild_index(by=ANNA)["problems"]
    assert [why.split(": ", 1)[1] for why in problems] == [
        "its tail is torn or damaged", "in no pack",
    ]  # fmt: skip


def test_many_bytes_are_checked_by_a_sample(catalog: Catalog, monkeypatch) -> None:
    catalog.record("dataset", "d", files={"a": b"a" * 500, "b": b"b" * 500}, by=ANNA)
    monkeypatch.setattr("volano.store.catalog.CHECKED_BYTES", 600)
    assert catalog.verify_blobs() == {"blobs": 2, "checked": 1, "problems": []}
    assert catalog.verify_blobs(all=True)["checked"] == 2


def test_bytes_that_are_gone_are_not_borrowed(catalog):
    with pytest.raises(MissingBlobError):
        catalog.record("note", "a", files={"a": File(Digest.of(b"nowhere"), 7)}, by=ANNA)


def test_a_dataset_goes_before_what_is_told_of_it(catalog: Catalog) -> None:
    for kind in ("recipe", "contract", "card"):
        catalog.record(kind, "mails", files={"f": b"1"}, meta={}, by=ANNA)
    with pytest.raises(AmbiguousRefError):
        catalog.find("mails@1")
    catalog.record("dataset", "mails", files={"f": b"1"}, meta={}, by=ANNA)
    assert catalog.find("mails@1").kind == "dataset"
    assert catalog.find("recipe/mails@1").kind == "recipe"
