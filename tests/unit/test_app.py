"""The composition root: one open workspace, offline as a command opens it."""

import os
import threading
from dataclasses import replace

import pytest
from sqlalchemy import update

from support.workspace import ANNA
from volano.access.errors import UnknownDoorError
from volano.app import App, NoTraceError
from volano.app import folder as folders
from volano.app.lock import FolderHeldError, FolderLock, holder
from volano.core.errors import NotFoundError
from volano.core.ids import trace_id
from volano.core.principal import SYSTEM
from volano.gateway import snapshot
from volano.jobs.errors import RunFailedError
from volano.settings import load
from volano.store.errors import DatabaseDownError
from volano.store.tables import artifacts
from volano.traces import frame
from volano.traces.spool import Spool


@pytest.fixture
def settings(tmp_path, migrated):
    settings = load(tmp_path)
    folders.make(settings)
    migrated.put(settings.folder)
    migrated.put_jobs(settings.folder)
    return settings


@pytest.fixture
def app(settings):
    with App(settings) as made:
        yield made


def test_an_empty_folder_is_furnished_once(app, settings):
    app.furnish()
    app.furnish()
    assert app.catalog.counts() == {"flow": 1, "model": 1, "prompt": 1, "release": 1}
    [channel] = app.releases.channels()
    assert (channel.name, channel.stable_ref, channel.rollout_id) == (
        "ticket-router", "ticket-router@1", None,
    )  # fmt: skip
    assert app.waiting_for() == ["ticket-router@1"]
    found = snapshot.read(settings.path("run", "snapshot.json"))
    assert list(found.channels) == ["ticket-router"]


def test_a_workspace_has_one_writer_at_a_time(settings):
    with App(settings) as app:
        app.datasets.add(
            "faq", [{"text": "Hol a kártyám?", "label": "card"}], test_share=0, by=ANNA
        )
        with pytest.raises(FolderHeldError, match=rf"volano\.App.*process {os.getpid()}"):
            App(settings)
    with FolderLock(settings.path("lock"), {"what": "volano up"}):
        with pytest.raises(FolderHeldError, match="volano up"):
            App(settings)
        with App(settings, held=True) as app:  # as control, whose supervisor has the lock
            assert app.datasets.get("faq").ref == "faq@1"
    with App(settings) as app:
        assert app.datasets.get("faq").ref == "faq@1"


def test_who_cannot_open_a_workspace_does_not_hold_it(settings):
    broken = replace(settings, catalog="sqlite:////no/such/folder/catalog.db")
    with pytest.raises(DatabaseDownError):
        App(broken)
    assert holder(settings.path("lock")) is None


def test_nothing_secret_is_left_for_workers_that_do_not_run(settings):
    with App(settings) as app:
        app.publisher.publish()
        left = settings.path("run", "snapshot.json")
        assert left.exists()
    assert not left.exists()


def test_what_cannot_be_closed_does_not_keep_the_folder(settings, monkeypatch):
    app = App(settings)
    with monkeypatch.context() as patch:
        patch.setattr(app.traces, "close", lambda: 1 / 0)
        closed = []
        patch.setattr(app.gateway, "close", lambda: closed.append("what comes after it"))
        with pytest.raises(ZeroDivisionError):
            app.close()
    assert closed
    assert holder(settings.path("lock")) is None
    with App(settings):
        pass


def test_a_folder_that_is_not_there_is_made(tmp_path):
    with App(load(tmp_path / "új")) as app:
        made = app.datasets.add("x", [{"text": "a", "label": "b"}], test_share=0, by=ANNA)
    assert made.ref == "x@1"
    assert (tmp_path / "új" / ".volano").stat().st_mode & 0o077 == 0


def test_who_has_a_model_gets_none(app):
    app.models.add_pointer("own", url="https://x", model="m", by=ANNA)
    app.furnish()
    assert app.releases.channels() == []


def test_the_first_key_is_made_with_the_welcome_and_only_then(app):
    app.furnish()
    facts = app.welcome(ANNA)
    assert facts["channels"] == {"ticket-router": "ticket-router@1"}
    key = app.keys.verify(facts["key"])
    assert (key.name, key.scopes) == ("first", ("chat:*", "feedback", "traces"))
    again = app.welcome(ANNA)
    assert "key" not in again
    assert again["session"] == app.session_token


def test_what_was_made_is_there_when_it_is_opened_again(settings):
    with App(settings) as app:
        app.furnish()
        token = app.session_token
        text = app.create_key("app", by=ANNA).value["text"]
    with App(settings) as app:
        assert app.session_token == token
        assert app.keys.verify(text).name == "app"
        assert app.releases.verify("ticket-router").ref == "ticket-router@1"


def test_a_key_that_may_call_nothing_is_told_of(app):
    assert app.create_key("app", scopes=["chat:*", "door:openai.*"], by=ANNA).notes == ()
    assert app.create_key("reads", scopes=["read"], by=ANNA).notes == ()
    made = app.create_key("doors", scopes=["door:openai.chat", "read"], by=ANNA)
    [note] = made.notes
    assert note.startswith("This key may call no channel")
    key_id = made.value["id"]
    assert app.update_key(key_id, scopes=["door:openai.chat", "chat:a"], by=ANNA).notes == ()
    assert app.update_key(key_id, scopes=["door:*"], by=ANNA).notes == made.notes
    with pytest.raises(UnknownDoorError):
        app.create_key("nope", scopes=["door:nope"], by=ANNA)


def test_what_waits_for_something_that_is_not_there_is_told_of(app):
    app.furnish()
    assert app.set_limit("channel/ticket-router", rpm=5, by=ANNA).notes == ()
    assert app.set_limit("group/later", rpm=5, by=ANNA).notes == ()
    [note] = app.set_limit("channel/nope", rpm=5, by=ANNA).notes
    assert note == "There is no channel `nope` yet: the limit waits for it."
    app.targets.add("far", provider="openai", by=ANNA)
    assert app.set_price("m", target="far", input="1", by=ANNA).notes == ()
    assert app.set_price("m", provider="openai", input="1", by=ANNA).notes == ()
    [note] = app.set_price("m", target="nope", input="1", by=ANNA).notes
    assert note == "There is no target `nope` yet: the price waits for it."


def test_a_class_for_a_column_that_no_row_has_is_told_of(app):
    assert app.classify("levelek", "szöveg", "personal", by=ANNA).notes == ()  # none is there yet
    rows = [{"text": "Kérem a számlát.", "label": "bill"}]
    app.datasets.add("levelek", rows, test_share=0, by=ANNA)
    assert app.classify("levelek", "text", "personal", by=ANNA).notes == ()
    noted = app.classify("levelek", "txet", "secret", by=ANNA)
    assert noted.value["columns"]["txet"] == "secret"
    [note] = noted.notes
    assert "levelek@1 has no column `txet`; it has" in note
    assert "label" in note


def test_a_region_that_is_not_said_is_told_of(settings):
    given = {"at": ["far:m"], "strategy": "region-first", "by": ANNA}
    with App(settings) as app:
        app.targets.add("far", provider="compatible", url="http://127.0.0.1:9/v1", by=ANNA)
        assert app.add_model("plain", at=["far:m"], by=ANNA).notes == ()
        [one], [other] = (
            app.add_model("near", **given).notes,
            app.open_channel("near", **given).notes,
        )
        assert one == other
        assert "`region` is empty" in one
    with App(replace(settings, region="eu-west-1")) as app:
        assert app.add_model("near", **given).notes == ()


def test_secrets_are_the_owners_alone(app, settings):
    for path in settings.path("keys").iterdir():
        assert path.stat().st_mode & 0o077 == 0
    for name in ("run/shared.bin", "records", "spool", "jobs"):
        assert settings.path(name).stat().st_mode & 0o077 == 0


def test_a_server_at_hand_that_wants_no_key_is_not_told_to_lack_one(app, monkeypatch):
    monkeypatch.delenv("OLLAMA_API_KEY", raising=False)
    app.targets.add("home", provider="ollama", url="http://127.0.0.1:9/v1", by=ANNA)
    assert app.add_model("near", at=["home:m"], by=ANNA).notes == ()


def test_who_asks_for_the_newest_trace_waits_for_the_first_one(app, settings):
    call = frame.Call(
        id=trace_id(), span_id="a" * 16, began_us=1, ended_us=2, status=200, outcome="ok",
        request=b"{}", response=b"{}",
    )  # fmt: skip
    with Spool(settings.path("spool"), "w0") as spool:
        spool.append(int(frame.Kind.CALL), frame.encode(call))
        later = threading.Timer(0.3, app.finish, (None,))
        later.start()
        assert app.last_trace()["id"] == call.id
        later.join()


def test_where_nothing_was_asked_nobody_waits_for_a_trace(app):
    with pytest.raises(NoTraceError):
        app.last_trace()


def test_feedback_of_a_command_is_recorded_before_it_ends(app):
    said = app.feedbacks.add(trace_id(), value=1, by=ANNA)
    assert app.finish("result") == "result"
    assert [one.id for one in app.feedbacks.list()] == [said.id]


def test_a_run_of_a_command_is_done_here_and_now(app):
    app.runs.register("toy", lambda work: {"sum": work.inputs["a"] + 1})
    run = app.runs.start("toy", name="x", inputs={"a": 2}, by=ANNA)
    done = app.work_off({"id": run.id, "state": run.state})
    assert (done.state, done.outputs) == ("done", {"sum": 3})
    for other in (None, [], {"state": "done"}, "queued"):
        assert app.work_off(other) is other


def test_a_run_of_a_command_that_fails_fails_the_command(app):
    def fall(work):
        raise OSError("the roof")

    app.runs.register("toy", fall)
    run = app.runs.start("toy", name="x", inputs={}, by=ANNA)
    with pytest.raises(RunFailedError, match="the roof"):
        app.work_off({"id": run.id, "state": run.state})


def test_wording_and_lineage(app):
    app.furnish()
    assert app.wording("ticket-router")["template"] == "Ticket: {{input}}\nJSON:"
    tree = app.lineage("release/ticket-router@1")
    assert [node.role for node in tree.parents] == ["flow", "model", "prompt"]


def test_a_channel_whose_release_was_tampered_with_is_told_and_not_waited_for(settings):
    with App(settings) as app:
        app.furnish()
        release = app.releases.get("ticket-router")
    forged = replace(release.manifest, meta={}).to_bytes()
    with App(settings) as app:
        with app._db.write() as conn:
            mine = artifacts.c.digest == release.digest
            conn.execute(update(artifacts).where(mine).values(manifest=forged))
        app.publisher.publish()
        status, welcome = app.status(), app.welcome(ANNA)
    assert "is not what was signed" in status["refused"]["ticket-router"]
    assert status["waiting_for"] == []
    assert (welcome["channels"], list(welcome["refused"])) == ({}, ["ticket-router"])


def test_the_status_has_it_all_on_one_screen(app):
    app.furnish()
    status = app.status()
    assert status["artifacts"]["release"] == 1
    assert status["traces"].calls == 0
    assert status["runs"] == []
    assert status["waiting_for"] == ["ticket-router@1"]


def test_a_tick_that_fails_is_tried_again(app, monkeypatch, caplog):
    ticks = []

    def tick():
        ticks.append(len(ticks))
        if len(ticks) > 2:
            app._stopping.set()
        raise RuntimeError("odd")

    monkeypatch.setattr("volano.app.app.TICK_S", 0.001)
    monkeypatch.setattr(app.reconciler, "tick", tick)
    app._ticker.start()
    app._ticker.join(10)
    assert ticks == [0, 1, 2]
    assert caplog.text.count("tried again") == 3


def test_a_key_that_is_revoked_leaves_the_snapshot(app, settings):
    made = app.create_key("app", by=ANNA).value
    path = settings.path("run", "snapshot.json")
    assert [key.id for key in snapshot.read(path).keys.values()] == [made["id"]]
    app.keys.revoke(made["id"], by=SYSTEM)
    assert snapshot.read(path).keys == {}


def test_our_own_model_costs_nothing_until_it_has_a_price(app):
    app.furnish()
    model = app.models.get("ticket-router")
    assert app.quotes.known(model) is None
    assert app.quotes.of(model).rates.output == 0
    assert 0 < app.quotes.window(model) <= 512


def test_a_model_of_others_that_nobody_knows_has_no_price_and_no_window(app):
    model = app.models.add_pointer(
        "far", url="http://127.0.0.1:9/v1", model="nobody-knows-it", by=SYSTEM
    )
    assert app.quotes.of(model) is None
    assert app.quotes.rates(model) is None
    assert app.quotes.window(model) is None


def test_no_price_is_known_at_a_target_that_is_not_there(app):
    with pytest.raises(NotFoundError):
        app.quotes.at("nowhere", "gpt-4o-mini")
