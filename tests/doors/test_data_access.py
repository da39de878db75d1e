"""Permissions and classes hold at the doors: command line and HTTP."""

import json
from urllib.parse import quote

import pytest
from click.testing import CliRunner

from doors.conftest import Door
from volano.access.session import local_principal
from volano.cli.root import main, root
from volano.jobs.keeper import Runs

ROWS = [{"text": f"Kérem a számlát, {n}", "label": "számla"} for n in range(20)]


@pytest.fixture
def dataset(app):
    """A dataset of its own for each test."""
    name = f"jegyek-{len(app.catalog.list('dataset', limit=1000))}"
    app.datasets.add(name, ROWS, by=local_principal())
    return name


@pytest.fixture
def keyed(app, relay):
    def make(*scopes, name="ci", group=""):
        _, text = app.keys.create(name, scopes=scopes, group=group, by=local_principal())
        return relay.with_(authorization=f"Bearer {text}")

    return make


def test_a_key_needs_the_scope_and_then_the_permission(keyed, local, dataset):
    rows = f"/api/v1/datasets/{dataset}@1/rows"
    assert keyed("read").get(rows).status == 403
    reader: Door = keyed("data", name="reader")
    assert len(reader.get(rows).json) == 18
    assert local.post(f"/api/v1/datasets/{dataset}/restrict").status == 200
    refused = reader.get(rows)
    assert (refused.status, refused.error["code"]) == (403, "not_permitted")
    assert "service:key/reader may not read" in refused.error["message"]
    given = {"principal": "service:key/reader", "verb": "read"}
    assert local.post(f"/api/v1/datasets/{dataset}/grant", given).status == 200
    assert reader.get(rows).status == 200
    assert local.post(f"/api/v1/datasets/{dataset}/revoke", given).status == 200
    assert reader.get(rows).status == 403
    assert local.get(rows).status == 200


def test_a_key_sees_asterisks_where_the_owner_sees_text(keyed, console, local, dataset):
    rows = f"/api/v1/datasets/{dataset}@1/rows"
    said = {"column": "text", "class_name": "personal"}
    assert local.post(f"/api/v1/datasets/{dataset}/classify", said).status == 200
    reader = keyed("data", name="masked", group="team/a")
    assert {row["text"] for row in reader.get(rows).json} == {"***"}
    assert all(row["text"].startswith("Kérem") for row in console.get(rows).json)
    cleared = {"principal": "group:team", "verb": "read", "classes": ["personal"]}
    local.post(f"/api/v1/datasets/{dataset}/grant", cleared)
    assert all(row["text"].startswith("Kérem") for row in reader.get(rows).json)


def test_what_tells_of_a_dataset_is_for_its_readers(keyed, console, local, app, dataset):
    other: Door = keyed("data", name="stranger")
    reader: Door = keyed("data", name="chosen")

    def listed(door, limit=1000):
        return [one["name"] for one in door.get(f"/api/v1/datasets?limit={limit}").json]

    assert dataset in listed(other)
    given = {"principal": "service:key/chosen", "verb": "read"}
    assert local.post(f"/api/v1/datasets/{dataset}/grant", given).status == 200
    assert dataset not in listed(other)
    assert dataset not in other.get("/api/v1/datasets?limit=1000").body.decode()
    refused = other.get(f"/api/v1/datasets/{dataset}@1")
    assert (refused.status, refused.error["code"]) == (403, "not_permitted")
    by_digest = f"{dataset}@{app.datasets.get(dataset).digest}"
    assert other.get(f"/api/v1/datasets/{by_digest}").status == 403
    for door in (reader, console, local):
        assert dataset in listed(door)
        assert door.get(f"/api/v1/datasets/{dataset}@1").json["name"] == dataset
    assert other.get(f"/api/v1/lineage-graph/dataset/{dataset}@1").status == 403


def test_what_is_left_out_of_a_list_makes_room_for_older_ones(keyed, local, app):
    for name in ("older", *(f"newer-{n}" for n in range(5))):
        app.datasets.add(name, ROWS, by=local_principal())
        if name != "older":
            assert local.post(f"/api/v1/datasets/{name}/restrict").status == 200
    [one] = keyed("data", name="few").get("/api/v1/datasets?limit=1").json
    assert one["name"] == "older"


def test_a_key_can_neither_grant_nor_see_who_reads(keyed, dataset):
    key = keyed("data", "read", "feedback")
    assert (
        key.post(
            f"/api/v1/datasets/{dataset}/grant", {"principal": "service:key/ci", "verb": "read"}
        ).status
        == 403
    )
    assert key.get("/api/v1/dataset-reads").status == 403
    assert key.get(f"/api/v1/datasets/{dataset}/permissions").status == 403


def test_each_read_by_a_door_is_on_record(keyed, local, dataset):
    keyed("data", name="on-record").get(f"/api/v1/datasets/{dataset}@1/rows?split=test")
    local.get(f"/api/v1/datasets/{dataset}@1/rows")
    reads = local.get(f"/api/v1/dataset-reads?ref={dataset}").json
    assert {(one["by"], one["split"], one["rows"]) for one in reads} == {
        ("service:key/on-record", "test", 2), (str(local_principal()), "train", 18),
    }  # fmt: skip


def test_a_key_sees_the_files_of_a_file_set_until_it_is_restricted(keyed, local, app, tmp_path):
    (tmp_path / "фото.bin").write_bytes(b"\0\1")
    app.filesets.track(tmp_path, name="фото", by=local_principal())
    reader = keyed("data", name="files")
    files = "/api/v1/filesets/фото@1/files"
    assert [one["path"] for one in reader.get(files).json] == ["фото.bin"]
    assert local.post("/api/v1/datasets/fileset:фото/restrict").status == 200
    refused = reader.get(files)
    assert (refused.status, refused.error["code"]) == (403, "not_permitted")
    told = local.get(f"/api/v1/dataset-reads?ref={quote('fileset:фото')}")
    assert [one["outcome"] for one in told.json] == ["refused", "read"], told.json


@pytest.fixture
def cli(tmp_path):
    def say(*words, code=0):
        done = CliRunner().invoke(root, ["--home", str(tmp_path), *words], catch_exceptions=True)
        assert done.exit_code == code, (done.output, done.exception)
        return done.stdout

    say("init")
    return say


def test_the_command_line_says_it_all(cli, tmp_path):
    path = tmp_path / "sorok.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in ROWS), encoding="utf-8")
    cli("data", "add", "jegyek", str(path))
    cli("data", "classify", "jegyek", "text", "personal")
    cli("data", "grant", "jegyek", "person:anna", "read", "--classes", "personal")
    told = json.loads(cli("data", "permissions", "jegyek", "--json"))
    assert told["restricted"] is True
    assert told["columns"] == {"text": "personal"}
    assert [one["principal"] for one in told["granted"]] == ["person:anna"]
    assert "Kérem" in cli("data", "rows", "jegyek")  # the owner
    [read] = json.loads(cli("data", "reads", "jegyek", "--json"))
    assert (read["rows"], read["by"]) == (18, str(local_principal()))
    cli("data", "revoke", "jegyek", "person:anna", "read")
    assert "open to the workspace" in cli("data", "open", "jegyek")


def test_a_schedule_is_said_by_the_command_line_and_runs_when_it_should(cli, monkeypatch):
    monkeypatch.setattr(Runs, "check_kind", lambda *_: None)
    cli("schedule", "add", "nightly", "--cron", "0 3 * * *", "--tz", "Europe/Budapest",
        "--kind", "model.train", "--inputs", '{"name": "m", "data": "jegyek"}', "--retries", "2")  # fmt: skip
    assert "nightly" in cli("schedule", "list")
    told = json.loads(
        cli(
            "schedule",
            "backfill",
            "nightly",
            "--since",
            "2026-03-28",
            "--until",
            "2026-03-31",
            "--json",
        )
    )
    assert (told["fired"], len(told["started"])) == (3, 1)
    cli("schedule", "pause", "nightly")
    shown = json.loads(cli("schedule", "show", "nightly", "--json"))
    assert (shown["paused"], shown["next"], len(shown["firings"])) == (True, "paused", 3)
    cli("schedule", "resume", "nightly")
    cli("schedule", "remove", "nightly")
    cli("schedule", "show", "nightly", code=1)
    assert json.loads(cli("schedule", "list", "--json")) == []


RECIPE = """
dataset: gated
sources: [{rows: [{text: egy}, {text: kettő}]}]
contract: {columns: {text: {type: text, max_length: 3}}}
"""


def test_rows_that_break_a_contract_end_with_3(cli, tmp_path):
    path = tmp_path / "recipe.yaml"

    def stopped():
        words = ["--home", str(tmp_path), "data", "prepare", str(path), "--workers", "1", "--wait"]
        with pytest.raises(SystemExit) as ended:
            main(lambda **given: root.main(words, **given))
        return ended.value.code == 3

    path.write_text(RECIPE, encoding="utf-8")
    assert stopped()
    assert json.loads(cli("data", "list", "--json")) == []
    own = tmp_path / "contract.yaml"
    own.write_text("contract: 1\ncolumns: {text: {type: text, max_length: 3}}\n")
    cli("data", "contract", "set", "gated", str(own))
    path.write_text(RECIPE.replace("contract:", "seed: 3 #"), encoding="utf-8")
    assert stopped()
    path.write_text(RECIPE.replace("length: 3", "length: 9"), encoding="utf-8")
    cli("data", "prepare", str(path), "--name", "free", "--workers", "1", "--wait")


@pytest.mark.parametrize(
    ("old", "new", "meant"),
    [
        ("steps: [exact-dedup]", "steps: [exact-dedpu]", "Did you mean `exact-dedup`?"),
        ("steps:", "stesp:", "Did you mean `steps`?"),
        ("[exact-dedup]", "[{sample: {shrae: 0.5}}]", "Did you mean `share`?"),
        ("files: a.jsonl", "files: a.jsonl, fromat: csv", "did you mean `format`"),
    ],
)
def test_a_typo_in_a_recipe_ends_with_2_and_says_what_was_meant(
    cli, tmp_path, capsys, old, new, meant
):
    good = "dataset: typed\nsources: [{files: a.jsonl}]\nsteps: [exact-dedup]\n"
    assert old in good
    path = tmp_path / "recipe.yaml"
    path.write_text(good.replace(old, new), encoding="utf-8")

    def ended(*verb):
        words = ["--home", str(tmp_path), "data", *verb]
        with pytest.raises(SystemExit) as end:
            main(lambda **given: root.main(words, **given))
        return end.value.code, capsys.readouterr().err

    for verb in (("prepare", str(path)), ("prepare", str(path), "--wait"), ("preview", str(path))):
        code, said = ended(*verb)
        assert (code, meant in said) == (2, True), said
        assert [line.partition(":")[0] for line in said.splitlines()] == ["error", "hint"]
    assert json.loads(cli("run", "list", "--json")) == []
    path.write_text(good, encoding="utf-8")
    code, said = ended("prepare", str(path), "--wait")  # well said; the file is not there
    assert (code, len(json.loads(cli("run", "list", "--json")))) == (1, 1), said


@pytest.mark.parametrize("who", ["console", "key"])
def test_no_remote_door_has_the_servers_files_read(who, keyed, console, app, tmp_path):
    secret = tmp_path / "secret.jsonl"
    secret.write_text('{"text": "titok"}\n')
    path = tmp_path / "recipe.yaml"
    path.write_text(f"dataset: stolen\nsources: [{{files: {secret}}}]\n")
    door = console if who == "console" else keyed("data", "chat:*", "traces", name="eve")
    recipe = {"dataset": "stolen", "sources": [{"files": str(secret)}]}
    inputs = {"recipe": recipe, "folder": str(tmp_path)}
    asked = [
        ("POST", "recipes/prepare", {"recipe": str(path)}),
        ("POST", "recipes/prepare", {"recipe": recipe}),
        ("GET", f"recipes/preview?recipe={path}", None),
        ("GET", f"sources/peek?source={secret}", None),
        ("POST", "schedules/eve/add", {"cron": "* * * * *", "recipe": str(path)}),
        ("POST", "schedules/eve/add", {"cron": "* * * * *", "kind": "data.prepare", "inputs": inputs}),
    ]  # fmt: skip
    for method, where, body in asked:
        said = (
            door.get(f"/api/v1/{where}") if method == "GET" else door.post(f"/api/v1/{where}", body)
        )
        assert said.status in (400, 403), where
        assert b"titok" not in said.body
    assert app.schedules.list() == []
    assert not [run for run in app.runs.list() if run.kind == "data.prepare"]
