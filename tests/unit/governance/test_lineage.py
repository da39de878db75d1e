"""From the source to the channel and back, along what was written down."""

import json

import pytest

from unit.governance.conftest import OWNER
from volano.cli import branches
from volano.core.errors import NotFoundError
from volano.core.manifest import Parent
from volano.core.principal import Principal
from volano.governance.errors import UnknownRowError, UnknownSourceError
from volano.governance.sources import sources_of
from volano.web.api.plain import plain


def names(graph):
    return {node.id for node in graph.nodes()}


def edges(graph):
    return {(edge.source, edge.target, edge.role) for edge in graph.edges()}


def test_backwards_from_a_release_to_the_file(house):
    house.live()
    graph = house.lineage.show("release/bolt@1", backwards=True)
    run = f"run/{house.run.id}"
    assert names(graph) == {
        "release/bolt@1", "report/kicsi-on-jegyek@1", "model/kicsi@1", "dataset/jegyek@2",
        "dataset/jegyek@1", run, "source/jegyek.jsonl", "source/feedback",
    }  # fmt: skip
    assert {
        ("source/jegyek.jsonl", "dataset/jegyek@1", "source"), ("dataset/jegyek@2", run, "data"),
        (run, "model/kicsi@1", "made"), ("source/feedback", "dataset/jegyek@2", "corrections"),
        ("dataset/jegyek@2", "report/kicsi-on-jegyek@1", "dataset"),
    } <= edges(graph)  # fmt: skip


def test_forwards_from_the_file_to_the_release(house):
    house.live()
    graph = house.lineage.show("source/jegyek.jsonl", forwards=True)
    assert {"dataset/jegyek@1", "dataset/jegyek@2", "model/kicsi@1", "release/bolt@1"} <= names(
        graph
    )
    assert "source/feedback" not in names(graph)
    assert house.lineage.show("dataset/jegyek@1", forwards=True).nodes("run")
    model = house.lineage.show("model/kicsi@1", forwards=True)
    assert names(model) >= {"report/kicsi-on-jegyek@1", "release/bolt@1"}
    assert "dataset/jegyek@2" not in names(model)


def test_neither_way_said_means_both(house):
    house.live()
    graph = house.lineage.show("model/kicsi@1")
    assert {"source/jegyek.jsonl", "release/bolt@1"} <= names(graph)


def test_a_channel_leads_back_to_what_it_served(house):
    release = house.desk.serve("support")
    again = house.desk.serve("support")
    graph = house.lineage.show("channel/support")
    assert {f"release/{release.ref}", f"release/{again.ref}"} <= names(graph)
    assert (f"release/{again.ref}", "channel/support", "serves") in edges(graph)
    assert (f"release/{release.ref}", "channel/support", "served") in edges(graph)
    flow = next(node.id for node in graph.nodes("artifact") if node.kind == "flow")
    forwards = house.lineage.show(flow, forwards=True)
    assert "channel/support" in names(forwards)


def test_a_run_leads_both_ways(house):
    house.live()
    graph = house.lineage.show(f"run/{house.run.id}")
    assert {"dataset/jegyek@1", "dataset/jegyek@2", "model/kicsi@1", "release/bolt@1"} <= names(
        graph
    )
    failed = house.runs.start("model.train", name="x", inputs={"data": "jegyek@1"}, by=OWNER)
    assert names(house.lineage.show(f"run/{failed.id}")) >= {f"run/{failed.id}", "dataset/jegyek@1"}


def test_what_is_not_there_is_said(house):
    house.live()
    for ref in ("model/nope", "run/nope", "channel/nope", "nope@4"):
        with pytest.raises(NotFoundError):
            house.lineage.show(ref)
    with pytest.raises(UnknownSourceError):
        house.lineage.show("source/nope.csv")


def test_a_long_chain_is_cut_where_it_is_asked_to_be(house):
    parent = house.datasets.add(
        "lánc", [{"text": f"a {n}", "label": "x"} for n in range(9)], by=OWNER
    )
    for n in range(5):
        edge = [Parent("base", parent.digest)]
        parent = house.catalog.record(
            "model", "lánc", files={"n": b"%d" % n}, parents=edge, by=OWNER
        )
    assert len(house.lineage.show("model/lánc@5", backwards=True).nodes()) == 6
    short = house.lineage.show("model/lánc@5", backwards=True, depth=2)
    assert (len(short.nodes("artifact")), short.truncated) == (4, True)


def test_a_row_says_where_it_came_from_and_what_it_ended_up_in(house):
    house.live()
    rows = house.datasets.rows("jegyek@2")
    learned = next(row for row in rows if row.origin)
    told = house.lineage.row("jegyek", learned.id, by=OWNER)
    assert told["row"]["text"] == "Hol a csomagom?"
    assert told["origin"]["trace"] == "ab" * 16
    assert [one["ref"] for one in told["held_by"]] == ["jegyek@2"]
    assert told["came_of_it"]["model"] == ["kicsi@1"]
    assert told["came_of_it"]["release"] == ["bolt@1"]
    old = house.lineage.row("jegyek", house.datasets.rows("jegyek@1")[0].id, by=OWNER)
    assert [one["ref"] for one in old["held_by"]] == ["jegyek@1", "jegyek@2"]
    assert old["first"] == "jegyek@1"
    with pytest.raises(UnknownRowError):
        house.lineage.row("jegyek", "0" * 16, by=OWNER)


def test_a_row_is_masked_and_the_look_at_it_is_on_record(house):
    house.live()
    house.permissions.classify("jegyek", "text", "personal", by=OWNER)
    row = house.datasets.rows("jegyek@1")[0]
    key = Principal("service", "key/ci")
    assert house.lineage.row("jegyek", row.id, by=key)["row"]["text"] == "***"
    read, *_ = house.gate.list("jegyek")
    assert (read.by, read.rows, read.masked) == ("service:key/ci", 1, ("text",))


def test_the_graph_is_plain_and_can_be_drawn(house, capsys):
    house.live()
    value = plain(house.lineage.show("model/kicsi@1"))
    assert json.loads(json.dumps(value)) == value
    branches.graph(value)
    drawn = capsys.readouterr().out
    assert "came from" in drawn
    assert "source file jegyek.jsonl" in drawn
    assert "release bolt@1" in drawn
    branches.fate(
        plain(house.lineage.row("jegyek", house.datasets.rows("jegyek@1")[0].id, by=OWNER))
    )
    assert "held by  jegyek@1, jegyek@2" in capsys.readouterr().out


def test_passwords_in_sources_are_not_told(house):
    meta = {"sources": [{"kind": "http", "url": "https://u:p@h.hu/a.csv"}, "b.csv", 3, {}],
            "recipe": {"source": {"type": "sql", "table": "t"}}}  # fmt: skip
    made = house.catalog.record("dataset", "d", files={"f": b"1"}, meta=meta, by=OWNER)
    found = [(node.kind, node.name) for node, _ in sources_of(made)]
    assert found == [("http", "https://h.hu/a.csv"), ("path", "b.csv"), ("sql", "t")]


def test_the_sources_of_a_recipe_stand_in_its_run(house):
    sources = [{"url": ["https://u:p@h.hu/a", "https://h.hu/b"]}, {"files": "in/*.pdf"}, {"traces": {"channel": "x"}},
               {"sql": "postgresql://u:${PW}@h/db", "query": "SELECT 1"}, {"dataset": "jegyek@1"},
               {"sql": "sqlite:////srv/bolt.db", "table": "levelek"}]  # fmt: skip
    run = house.runs.start("model.train", name="x", inputs={"sources": sources}, by=OWNER)
    made = house.catalog.record("dataset", "x", files={"f": b"1"}, made_by=run.id, by=OWNER)
    graph = house.lineage.show(f"dataset/{made.ref}", backwards=True)
    assert {(n.kind, n.name) for n in graph.nodes("source")} == {
        ("url", "https://h.hu/a"), ("url", "https://h.hu/b"), ("files", "in/*.pdf"),
        ("traces", "traces"), ("sql", "postgresql://h/db query e004ebd5b553"), ("sql", "sqlite:bolt.db levelek"),
    }  # fmt: skip
    assert ("source/https://h.hu/b", f"run/{run.id}", "source") in edges(graph)
    forwards = house.lineage.show("source/in/*.pdf", forwards=True)
    assert f"dataset/{made.ref}" in names(forwards)


@pytest.mark.parametrize(
    ("source", "name", "kind"),
    [
        ({"hub": "HuggingFaceTB/SmolLM2-135M", "revision": "93efa2f0"},
         "HuggingFaceTB/SmolLM2-135M@93efa2f0", "hub"),
        ({"ollama": "qwen3:0.6b"}, "qwen3:0.6b", "ollama"),
        ({"folder": "модели", "mlflow": True}, "модели", "folder"),
        ({"file": "tiny.gguf"}, "tiny.gguf", "file"),
    ],
)  # fmt: skip
def test_a_model_from_elsewhere_tells_from_where_by_whom_and_when(
    house, capsys, source, name, kind
):
    (house.file.parent / "weights").write_bytes(b"w")
    house.desk.catalog.record(
        "model", "theirs", files={"weights": house.file.parent / "weights"},
        meta={"source": source}, by=OWNER,
    )  # fmt: skip
    graph = house.lineage.show("model/theirs@1", backwards=True)
    assert edges(graph) == {(f"source/{name}", "model/theirs@1", "source")}
    assert next(iter(graph.nodes("source"))).kind == kind
    onwards = house.lineage.show(f"source/{name}", forwards=True)
    assert "model/theirs@1" in names(onwards)
    branches.graph(plain(graph))
    shown = capsys.readouterr().out
    assert "by person:olga · 20" in shown
    assert f"source: source {kind} {name}" in shown
