"""The composition root: one open workspace, offline as a command opens it."""

from dataclasses import replace

import pytest
from sqlalchemy import update

from support.workspace import ANNA
from volano.app import App
from volano.cli import folder as folders
from volano.core.errors import NotFoundError
from volano.core.ids import trace_id
from volano.core.principal import SYSTEM
from volano.gateway import snapshot
from volano.jobs.errors import RunFailedError
from volano.settings import load
from volano.store.tables import artifacts


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
        text = app.create_key("app", by=ANNA)["text"]
    with App(settings) as app:
        assert app.session_token == token
        assert app.keys.verify(text).name == "app"
        assert app.releases.verify("ticket-router").ref == "ticket-router@1"


def test_secrets_are_the_owners_alone(app, settings):
    for path in settings.path("keys").iterdir():
        assert path.stat().st_mode & 0o077 == 0
    for name in ("run/shared.bin", "records", "spool", "jobs"):
        assert settings.path(name).stat().st_mode & 0o077 == 0


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
    made = app.create_key("app", by=ANNA)
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
