"""The publisher: what the keepers say becomes a snapshot that workers can use, or none."""

import json
import logging
import os
import threading
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from msgspec import structs
from sqlalchemy import select, update

from support.workspace import ANNA
from volano.access.key import fingerprint
from volano.access.limits import Limits
from volano.access.signing import SigningKey
from volano.core.principal import SYSTEM
from volano.gateway import engines, publish, snapshot
from volano.gateway import tally as tally_of
from volano.gateway.engines import Sizes
from volano.gateway.errors import SnapshotError
from volano.gateway.health import Health
from volano.gateway.limits import Admission
from volano.gateway.publish import Publisher
from volano.gateway.shared import Shared
from volano.gateway.tally import Tally
from volano.gateway.vitals import Vitals
from volano.models.errors import BadPointerError
from volano.releases.channel import Channel
from volano.releases.kept import Kept
from volano.serving.wanted import Wanted
from volano.store.tables import artifacts, blobs

MESSAGE = "Order 3312 is late."


class Desk:
    """A workspace whose keys and releases publish through a real publisher."""

    def __init__(self, shop, **given):
        self.shop = shop
        self.run = shop.folder / "run"
        self.run.mkdir(exist_ok=True)
        self.environment = shop.environment
        self.publisher = self.again(**given)
        shop.publish = lambda: self.publisher.publish()
        shop.keys._publish = shop._publish

    def again(self, **given):
        """A publisher as a restarted control has it."""
        shop = self.shop
        return Publisher(**{
            "run": self.run, "catalog": shop.catalog, "keys": shop.keys, "flows": shop.flows,
            "models": shop.models, "targets": shop.targets, "releases": lambda: shop.releases,
            "hmac_secret": shop.keys.secret, "max_body_bytes": 1 << 20, "spool_full": "refuse",
            "engines": Sizes(slots=4), "clock": shop.clock,
            "environment": self.environment, **given,
        })  # fmt: skip

    def snapshot(self):
        return snapshot.read(self.run / "snapshot.json")

    def engines(self):
        return [spec.alias for spec in Wanted(self.run / "engines.json").changed() or []]

    def builtin(self, name="router"):
        """Cut a release of the model that comes with volano."""
        model = self.shop.models.builtin(by=ANNA)
        text = self.shop.prompts.save(name, template=f"{name}: {{{{input}}}}", by=ANNA)
        flow = self.shop.flows.compose(name, model=model.ref, prompt=text.ref, by=ANNA)
        return self.shop.releases.cut(name, flow=flow.ref, by=ANNA)


@pytest.fixture
def front(desk):
    front = Desk(desk)
    yield front
    front.publisher.close()


@pytest.fixture
def moments(monkeypatch):
    """Time that moves when told, for the lingering of engines."""
    now = [1000.0]
    monkeypatch.setattr(publish.time, "monotonic", lambda: now[0])
    return now


def test_an_empty_workspace_has_an_empty_snapshot(front):
    assert front.publisher.publish() == 1
    found = front.snapshot()
    assert (found.generation, found.keys, found.channels) == (1, {}, {})
    assert found.published_us == front.shop.clock.now_us()
    assert (found.max_body_bytes, found.spool_policy) == (1 << 20, "refuse")
    assert found.hmac_secret_hex == (b"s" * 32).hex()
    assert (front.run / "snapshot.json").stat().st_mode & 0o077 == 0
    assert front.engines() == []


def test_generations_go_on_over_a_restart(front):
    front.publisher.publish()
    front.publisher.publish()
    second = front.again()
    assert second.publish() == 3
    second.close()


def test_a_channel_carries_its_flow_and_its_target(front):
    shop = front.shop
    shop.models.add_pointer(
        "big", url="https://api.example.com/openai/v1", model="big-7", key_env="BIG_KEY", by=ANNA
    )
    shop.prompts.save(
        "polite", template="Q: {{input}}\nA:", system="Sei höflich.",
        settings={"max_tokens": 64, "temperature": 0}, by=ANNA,
    )  # fmt: skip
    flow = shop.flows.compose("polite", model="big", prompt="polite", by=ANNA)
    release = shop.releases.cut("polite", flow=flow.ref, by=ANNA)
    front.environment["BIG_KEY"] = "secret-7\n"
    shop.releases.promote(release.ref, channel="polite", by=ANNA)
    [arm] = front.snapshot().channels["polite"].arms
    assert (arm.release, arm.release_digest) == ("polite@1", release.digest)
    assert (arm.share, arm.arm) == (1_000_000, "stable")
    assert arm.flow.before == ({"role": "system", "content": "Sei höflich."},)
    assert arm.flow.user == ("Q: ", "\nA:")
    assert arm.flow.defaults == {"max_tokens": 64, "temperature": 0}
    [target] = arm.targets
    assert (target.url, target.path) == (
        "https://api.example.com", "/openai/v1/chat/completions",
    )  # fmt: skip
    assert (target.model, target.name, target.engine) == ("big-7", "big@1", False)
    assert target.headers == {"authorization": "Bearer secret-7"}
    assert target.lacks == ""
    assert front.engines() == []


def test_a_channel_carries_its_cache(front):
    shop = front.shop
    shop.serve("polite")
    shop.serve("plain")
    shop.releases.cache("polite", ttl=300, scope="release", by=ANNA)
    channels, since_us = front.snapshot().channels, shop.clock.now_us()
    assert channels["polite"].caching == snapshot.Caching(300, "release", since_us)
    assert channels["plain"].caching is None
    shop.releases.cache("polite", off=True, by=ANNA)
    assert front.snapshot().channels["polite"].caching is None


def test_a_key_that_is_not_there_is_named(front):
    shop = front.shop
    where = {"url": "https://api.example.com/v1", "model": "m"}
    for name, variable in (("old", "OLD_KEY"), ("old", "NEW_KEY"), ("free", None)):
        shop.models.add_pointer(name, **where, key_env=variable, by=ANNA)
    flow = shop.flows.compose("old", model="old@1", by=ANNA)
    release = shop.releases.cut("old", flow=flow.ref, by=ANNA)
    front.environment["NEW_KEY"] = "n"
    shop.releases.promote(release.ref, channel="old", by=ANNA)
    [target] = front.snapshot().channels["old"].arms[0].targets
    assert (target.lacks, target.headers) == ("OLD_KEY", {})
    rows = {row["model"]: row for row in front.publisher.provider_keys()}
    assert rows == {
        "old@1": {"model": "old@1", "key_env": "OLD_KEY", "set": False, "channels": ["old"]},
        "old@2": {"model": "old@2", "key_env": "NEW_KEY", "set": True, "channels": []},
    }


def test_a_flow_without_a_prompt_changes_nothing(front):
    shop = front.shop
    shop.models.add_pointer("bare", url="http://127.0.0.1:9", model="m", by=ANNA)
    flow = shop.flows.compose("bare", model="bare", by=ANNA)
    release = shop.releases.cut("bare", flow=flow.ref, by=ANNA)
    shop.releases.promote(release.ref, channel="bare", by=ANNA)
    [arm] = front.snapshot().channels["bare"].arms
    assert arm.flow == snapshot.Flow()
    assert arm.targets[0].path == "/v1/chat/completions"
    assert arm.targets[0].headers == {}


def test_a_moving_channel_has_two_arms_with_their_shares(front):
    shop = front.shop
    shop.serve()
    rollout = shop.releases.promote(shop.cut().ref, channel="support", by=ANNA)
    stable, candidate = front.snapshot().channels["support"].arms
    assert (stable.share, candidate.share) == (1_000_000, 0)
    shop.releases.advance(rollout, step=1, content={}, by=SYSTEM)
    moved = front.snapshot().channels["support"]
    stable, candidate = moved.arms
    assert (stable.release, stable.share, stable.arm) == ("support@1", 750_000, "stable")
    assert (candidate.release, candidate.share, candidate.arm) == (
        "support@2", 250_000, "candidate",
    )  # fmt: skip
    assert (stable.rollout, candidate.rollout) == (rollout.id, rollout.id)
    assert stable.slot != candidate.slot
    assert moved.salt == rollout.salt
    shop.releases.abort("support", by=ANNA)
    [arm] = front.snapshot().channels["support"].arms
    assert (arm.release, arm.share, arm.rollout) == ("support@1", 1_000_000, None)


def test_a_step_with_a_cohort_and_a_scope_is_published_with_both(front):
    shop = front.shop
    shop.serve()
    rollout = shop.releases.promote(
        shop.cut().ref, channel="support", plan="5% cohort,100%",
        scope={"languages": ["hu"], "tags": ["tier=gold"]}, by=ANNA,
    )  # fmt: skip
    warming = front.snapshot().channels["support"]
    assert warming.scope.languages == ("hu",)  # what tells languages is read before the first share
    shop.releases.advance(rollout, step=0, content={}, by=SYSTEM)
    moved = front.snapshot().channels["support"]
    assert [(one.arm, one.release, one.share) for one in moved.arms] == [
        ("stable", "support@1", 950_000), ("candidate", "support@2", 50_000),
        ("baseline", "support@1", 50_000),
    ]  # fmt: skip
    assert moved.scope == snapshot.Scope(languages=("hu",), tags=("tier=gold",))
    shop.releases.abort("support", by=ANNA)
    rest = front.snapshot().channels["support"]
    assert ([one.arm for one in rest.arms], rest.scope) == (["stable"], None)


def test_without_its_candidate_a_cohort_is_the_stable_release(front):
    shop = front.shop
    shop.serve()
    second = shop.cut()
    rollout = shop.releases.promote(second.ref, channel="support", plan="5% cohort,100%", by=ANNA)
    shop.releases.advance(rollout, step=0, content={}, by=ANNA)
    damage(shop, shop.releases.flow_of(second))
    front.publisher.close()
    front.publisher = front.again()
    front.publisher.publish()
    [arm] = front.snapshot().channels["support"].arms
    assert (arm.arm, arm.release, arm.share) == ("stable", "support@1", 1_000_000)


def test_live_keys_are_there_and_no_others(front):
    keys = front.shop.keys
    key, text = keys.create("app", group="shop/web", scopes=("chat:support", "read"), by=ANNA)
    soon, _ = keys.create("soon", expires_us=front.shop.clock.now_us() + 5_000_000, by=ANNA)
    gone, _ = keys.create("gone", by=ANNA)
    keys.revoke(gone.id, by=ANNA)
    found = front.snapshot().keys
    assert {one.id for one in found.values()} == {key.id, soon.id}
    mine = found[fingerprint(keys.secret, text)]
    assert (mine.group, mine.scopes, mine.expires_us) == (
        "shop/web", ("chat:support", "read"), None,
    )  # fmt: skip
    assert text not in (front.run / "snapshot.json").read_text()
    front.shop.clock.advance(6)
    front.publisher.publish()
    assert {one.id for one in front.snapshot().keys.values()} == {key.id}


def test_a_model_with_weights_gets_an_engine(front):
    release = front.builtin()
    front.shop.releases.promote(release.ref, channel="router", by=ANNA)
    [spec] = Wanted(front.run / "engines.json").changed()
    [target] = front.snapshot().channels["router"].arms[0].targets
    assert target.engine
    assert target.url == spec.address == f"unix:{front.run.resolve()}/engine-{spec.name}.sock"
    assert target.model == spec.alias == "ticket-router@1"
    assert spec.n_parallel == 4
    assert spec.n_ctx % 4 == 0
    assert Path(spec.model_path).read_bytes().startswith(b"GGUF")


def test_two_channels_share_the_engine_of_one_model(front):
    for name in ("a", "b"):
        front.shop.releases.promote(front.builtin(name).ref, channel=name, by=ANNA)
    assert front.engines() == ["ticket-router@1"]


def test_an_engine_lingers_for_calls_in_flight(front, moments):
    shop = front.shop
    first = front.builtin()
    rollout = shop.releases.promote(first.ref, channel="support", by=ANNA)
    shop.releases.end(rollout, "arrived", {}, by=ANNA)
    second = shop.releases.promote(shop.cut().ref, channel="support", by=ANNA)
    shop.releases.end(second, "arrived", {}, by=ANNA)
    assert front.engines() == ["ticket-router@1"]
    moments[0] += engines.LINGER_S - 1
    front.publisher.tidy()
    assert front.engines() == ["ticket-router@1"]
    moments[0] += 2
    front.publisher.tidy()
    assert front.engines() == []


def test_weights_are_hashed_once_and_brought_back_when_they_are_gone(front, monkeypatch):
    release = front.builtin()
    front.shop.releases.promote(release.ref, channel="router", by=ANNA)
    weights, asked = front.shop.models.weights, []
    monkeypatch.setattr(front.shop.models, "weights", lambda ref: asked.append(ref) or weights(ref))
    for _ in range(5):
        front.publisher.tidy()
        front.publisher.publish()
    assert asked == []
    [spec] = Wanted(front.run / "engines.json").changed()
    Path(spec.model_path).unlink()
    front.publisher.tidy()
    assert Path(spec.model_path).exists()


def test_it_waits_until_every_worker_uses_it(front, monkeypatch):
    monkeypatch.setattr(publish, "APPLIED_WITHIN_S", 60)
    shared = Shared(front.run / "shared.bin")
    slot = shared.claim(os.getpid())
    seen = []

    def worker():
        while slot.generation == 0:
            time.sleep(0.001)
        time.sleep(0.05)
        seen.append(front.snapshot().generation)
        slot.applied(slot.generation)

    thread = threading.Thread(target=worker)
    thread.start()
    front.publisher.publish()
    applied = shared.workers()
    thread.join()
    assert applied == {os.getpid(): 1}
    assert seen == [1], "the file must be whole before the generation tells of it"
    assert front.publisher.applied_us() >= 50_000
    shared.close()


def test_a_worker_that_hangs_does_not_hold_it_for_ever(front, monkeypatch):
    monkeypatch.setattr(publish, "APPLIED_WITHIN_S", 0.05)
    shared = Shared(front.run / "shared.bin")
    shared.claim(os.getpid())
    assert front.publisher.publish() == 1
    assert front.publisher.applied_us() is None
    shared.close()


def test_counts_are_those_of_the_release(front):
    shop = front.shop
    shop.serve()
    rollout = shop.releases.promote(shop.cut().ref, channel="support", by=ANNA)
    stable, candidate = front.snapshot().channels["support"].arms
    shared = Shared(front.run / "shared.bin")
    slot = shared.claim(os.getpid())
    slot.count(candidate.slot, error=True)
    slot.count(candidate.slot, error=False)
    slot.count(stable.slot, error=False)
    assert front.publisher.counts("support", rollout.candidate) == (2, 1)
    assert front.publisher.counts("support", rollout.baseline) == (1, 0)
    assert front.publisher.counts("support", "sha256:" + "0" * 64) == (0, 0)
    assert front.publisher.counts("support/staging", rollout.candidate) == (0, 0)
    slot.free()
    shared.close()


def test_releases_that_serve_never_share_counters(front, monkeypatch):
    monkeypatch.setattr(publish, "RELEASES", 8)
    shop = front.shop
    shop.serve("steady")
    [steady] = front.snapshot().channels["steady"].arms
    shop.serve()
    for _ in range(publish.RELEASES + 6):
        rollout = shop.releases.promote(shop.cut().ref, channel="support", plan="1%,100%", by=ANNA)
        found = front.snapshot().channels
        slots = [arm.slot for channel in found.values() for arm in channel.arms]
        assert len(set(slots)) == len(slots) == 3
        assert found["steady"].arms[0].slot == steady.slot
        shop.releases.end(rollout, "back", {}, by=ANNA)


def damage(shop, artifact):
    """Say that an artifact's bytes are elsewhere than they are."""
    [file] = artifact.manifest.files.values()
    with shop.db.write() as conn:
        row = conn.execute(select(blobs).where(blobs.c.digest == file.digest)).one()
        conn.execute(
            update(blobs).where(blobs.c.digest == file.digest).values(offset=row.offset + 3)
        )


def test_a_damaged_release_keeps_nobody_else_from_being_published(front, caplog):
    shop = front.shop
    bad, fine = shop.serve("bad"), shop.serve("fine")
    damage(shop, shop.releases.flow_of(bad))
    key, _ = shop.keys.create("app", by=ANNA)
    (front.run / "snapshot.json").unlink()
    restarted = front.again()
    front.publisher.close()
    front.publisher = restarted
    with caplog.at_level(logging.ERROR):
        restarted.publish()
        shop.keys.revoke(key.id, by=ANNA)
    found = front.snapshot()
    assert set(found.channels) == {"fine"}
    assert found.keys == {}
    assert str(bad.digest) in caplog.text
    assert str(fine.digest) not in caplog.text
    assert len(caplog.records) == 1
    assert found.refused == {"bad": "bad@1"}
    assert list(restarted.refused()) == ["bad"]
    assert restarted.waiting_for() == []  # it would be waited for in vain


def test_a_stable_release_damaged_since_is_served_as_it_was_published(front, caplog):
    shop = front.shop
    bad = shop.serve("bad")
    before = front.snapshot().channels["bad"]
    damage(shop, shop.releases.flow_of(bad))
    for _ in range(2):
        front.publisher.close()
        front.publisher = front.again()
        with caplog.at_level(logging.ERROR):
            front.publisher.publish()
        assert front.snapshot().channels["bad"] == before
    assert "is damaged and served as before" in caplog.text
    assert front.publisher.ready(str(bad.digest))


def restart(front):
    front.publisher.close()
    front.publisher = front.again()
    front.publisher.publish()


def forge(shop, artifact, **meta):
    """Rewrite an artifact's row, as who can write the catalog would."""
    manifest = artifact.manifest
    forged = replace(manifest, meta={**manifest.meta, **meta}).to_bytes()
    with shop.db.write() as conn:
        mine = artifacts.c.digest == artifact.digest
        conn.execute(update(artifacts).where(mine).values(manifest=forged))


def pinned(shop, release, role):
    [digest] = [p.digest for p in release.manifest.parents if p.role == role]
    return shop.catalog.by_digest(digest)


@pytest.mark.parametrize("what", ["release", "flow", "model", "prompt"])
def test_a_tampered_release_is_refused_after_a_restart(front, caplog, what):
    """Not even as it was published before; the other channels are served."""
    shop = front.shop
    bad = shop.serve("bad")
    shop.serve("fine")
    forge(shop, bad if what == "release" else pinned(shop, bad, what), url="http://evil.example")
    with caplog.at_level(logging.ERROR):
        restart(front)
        front.publisher.publish()
        front.publisher.tidy()
    found = front.snapshot()
    assert set(found.channels) == {"fine"}
    assert found.refused == {"bad": "bad@1"}
    [(name, why)] = front.publisher.refused().items()
    assert name == "bad"
    assert "is not what was signed" in why
    assert len(caplog.records) == 1
    assert "evil" not in (front.run / "snapshot.json").read_text()
    assert not front.publisher.ready(str(bad.digest))


def test_a_release_with_a_foreign_signature_is_refused_and_its_engine_not_run(front, tmp_path):
    shop = front.shop
    release = front.builtin()
    rollout = shop.releases.promote(release.ref, channel="router", by=ANNA)
    shop.releases.end(rollout, "arrived", {}, by=ANNA)
    assert front.engines() == ["ticket-router@1"]
    shop.releases = shop.releases_signed_by(SigningKey.load_or_create(tmp_path / "k" / "other.key"))
    restart(front)
    assert front.snapshot().channels == {}
    assert "a key that this workspace does not trust" in front.publisher.refused()["router"]
    assert front.engines() == []


def test_a_refused_channel_is_served_again_by_a_sound_release(front):
    shop = front.shop
    forge(shop, shop.serve("bad"), note="forged")
    restart(front)
    assert list(front.publisher.refused()) == ["bad"]
    shop.serve("bad")
    assert front.snapshot().refused == front.publisher.refused() == {}
    assert front.snapshot().channels["bad"].arms[0].release == "bad@2"


def test_a_signature_is_checked_once_in_a_life_of_control(front, monkeypatch):
    shop = front.shop
    shop.serve("a")
    asked = []
    trusted = shop.releases.trusted
    monkeypatch.setattr(shop.releases, "trusted", lambda d: asked.append(d) or trusted(d))
    restart(front)
    for _ in range(3):
        front.publisher.publish()
        front.publisher.tidy()
    assert len(asked) == 1


def test_a_damaged_candidate_gets_no_traffic(front, caplog):
    shop = front.shop
    shop.serve()
    second = shop.cut()
    rollout = shop.releases.promote(second.ref, channel="support", by=ANNA)
    shop.releases.advance(rollout, step=1, content={}, by=ANNA)
    damage(shop, shop.releases.flow_of(second))
    front.publisher.close()
    front.publisher = front.again()
    with caplog.at_level(logging.ERROR):
        front.publisher.publish()
    [arm] = front.snapshot().channels["support"].arms
    assert (arm.release, arm.share) == ("support@1", 1_000_000)
    assert not front.publisher.ready(rollout.candidate)
    assert front.publisher.ready(rollout.baseline)


def test_a_key_that_would_break_a_header_is_never_sent(front, caplog):
    shop = front.shop
    shop.models.add_pointer(
        "big", url="https://api.example.com", model="m", key_env="BIG_KEY", by=ANNA
    )
    front.environment["BIG_KEY"] = "a\r\nx-evil: 1"
    flow = shop.flows.compose("big", model="big", by=ANNA)
    release = shop.releases.cut("big", flow=flow.ref, by=ANNA)
    with caplog.at_level(logging.ERROR):
        shop.releases.promote(release.ref, channel="big", by=ANNA)
    assert front.snapshot().channels == {}
    assert "evil" not in caplog.text


def test_an_impossible_snapshot_is_not_published(front):
    front.publisher.publish()
    before = (front.run / "snapshot.json").read_bytes()
    wrong = front.again(spool_full="whatever")
    with pytest.raises(SnapshotError):
        wrong.publish()
    wrong.close()
    assert (front.run / "snapshot.json").read_bytes() == before
    assert Shared(front.run / "shared.bin").generation == 1


def test_a_release_is_ready_when_its_engine_answers(front):
    release = front.builtin()
    front.shop.releases.promote(release.ref, channel="router", by=ANNA)
    front.shop.serve("pointed")
    assert not front.publisher.ready(str(release.digest))
    assert front.publisher.waiting_for() == ["router@1"]
    front.publisher.ready(str(release.digest))


def test_the_wish_is_written_before_the_snapshot(front, monkeypatch):
    order = []
    write, wish = snapshot.write, Wanted.write
    monkeypatch.setattr(publish.shape, "write", lambda *a: order.append("snapshot") or write(*a))
    monkeypatch.setattr(Wanted, "write", lambda *a: order.append("engines") or wish(*a))
    front.shop.releases.promote(front.builtin().ref, channel="router", by=ANNA)
    assert order == ["engines", "snapshot"]
    assert json.loads((front.run / "engines.json").read_text())[0]["alias"] == "ticket-router@1"


# pools: models at targets


def serve_pool(shop, *at, name="pool", **given):
    model = shop.models.add_pointer(name, at=at, by=ANNA, **given)
    flow = shop.flows.compose(name, model=model.ref, by=ANNA)
    release = shop.releases.cut(name, flow=flow.ref, by=ANNA)
    shop.releases.promote(release.ref, channel=name, by=ANNA)
    return release


def test_a_pool_may_name_the_slowest_that_will_do(front):
    shop = front.shop
    shop.environment |= {"OPENAI_API_KEY": "o"}
    shop.targets.add("openai", provider="openai", by=ANNA)
    at = ("openai:gpt-5", "openai:gpt-5-mini")
    serve_pool(shop, *at, strategy="cheapest", latency_ms=800)
    [arm] = front.snapshot().channels["pool"].arms
    assert (arm.strategy, arm.latency_target_s) == ("cheapest", 0.8)
    for wrong in ({"latency_ms": 800}, {"latency_ms": 0, "strategy": "cheapest"}):
        with pytest.raises(BadPointerError):
            shop.models.add_pointer("other", at=at, by=ANNA, **wrong)


def test_a_pool_is_its_targets_in_order_with_strategy_and_weights(front):
    shop = front.shop
    shop.environment |= {"OPENAI_API_KEY": "o", "ANTHROPIC_API_KEY": "a"}
    shop.targets.add("openai", provider="openai", by=ANNA)
    shop.targets.add("claude", provider="anthropic", region="eu", by=ANNA)
    serve_pool(shop, "claude:c-4", "openai:gpt-5", strategy="weighted", weights=["3", "1"])
    [arm] = front.snapshot().channels["pool"].arms
    claude, openai = arm.targets
    assert arm.strategy == "weighted"
    assert (claude.name, claude.model, claude.weight, claude.region) == ("claude", "c-4", 3, "eu")
    assert claude.dialects == {
        "anthropic.messages": "/v1/messages",
        "anthropic.count_tokens": "/v1/messages/count_tokens",
    }
    assert claude.headers == {"x-api-key": "a", "anthropic-version": "2023-06-01"}
    assert claude.limits.reset_as == "rfc3339"
    assert (openai.weight, openai.headers) == (1, {"authorization": "Bearer o"})
    assert next(iter(openai.dialects)) == "openai.chat"
    assert "secret" not in repr(arm)


def test_a_release_is_out_when_none_of_its_targets_answers(front):
    shop = front.shop
    shop.environment |= {"OPENAI_API_KEY": "o", "ANTHROPIC_API_KEY": "a"}
    shop.targets.add("openai", provider="openai", by=ANNA)
    shop.targets.add("claude", provider="anthropic", region="eu", by=ANNA)
    release = str(serve_pool(shop, "claude:c-4", "openai:gpt-5").digest)
    assert front.publisher.outage(release) is None
    assert front.publisher.outage("sha256:" + "0" * 64) is None
    vitals = Vitals(front.run / "vitals.bin")
    pulse, now = vitals.claim(os.getpid(), "w"), shop.clock.monotonic_us() / 1e6
    first, second = Health(), Health()
    healths = {"claude https://a.example c-4": first, "openai https://o.example gpt-5": second}

    def ask(health, n, at):
        for _ in range(n):
            health.began(at)
            health.failed(at)
        pulse.show(healths, now)
        return front.publisher.outage(release)

    assert ask(first, 5, now - 60) is None
    assert ask(second, 4, now - 50) is None
    assert ask(second, 1, now - 10) == (int((now - 50) * 1e6), int((now - 10) * 1e6))
    shop.targets.disable("openai", by=ANNA)
    assert front.publisher.outage(release) == (int((now - 60) * 1e6), int((now - 60) * 1e6))
    shop.targets.enable("openai", by=ANNA)
    second.began(now)
    second.answered(now, 0.1)
    pulse.show(healths, now)
    assert front.publisher.outage(release) is None
    vitals.close()


def test_a_switch_acts_at_once_and_a_pool_changes_by_a_rollout(front):
    shop = front.shop
    shop.targets.add("a", provider="compatible", url="http://127.0.0.1:9/v1", by=ANNA)
    shop.targets.add("b", provider="compatible", url="http://127.0.0.1:8/v1", by=ANNA)
    serve_pool(shop, "a:m", "b:m")
    shop.targets.disable("a", by=ANNA)
    enabled = [t.enabled for t in front.snapshot().channels["pool"].arms[0].targets]
    assert enabled == [False, True]
    shop.targets.keep_key("b", "new", by=ANNA)
    shop.targets.update("b", url="http://127.0.0.1:7", by=ANNA)
    b = front.snapshot().channels["pool"].arms[0].targets[1]
    assert (b.url, b.headers) == ("http://127.0.0.1:7", {"authorization": "Bearer new"})


def test_a_pool_may_begin_with_a_model_of_ours(front):
    shop = front.shop
    own = shop.models.builtin(by=ANNA)
    shop.targets.add("a", provider="compatible", url="http://127.0.0.1:9/v1", by=ANNA)
    release = serve_pool(shop, own.ref, "a:m")
    [arm] = front.snapshot().channels["pool"].arms
    first, second = arm.targets
    assert (first.engine, first.model, first.price, first.capacity) == (True, own.ref, 0, 4)
    assert {"openai.chat", "openai.completions", "anthropic.messages"} <= set(first.dialects)
    assert "openai.embeddings" not in first.dialects
    assert (second.engine, second.name) == (False, "a")
    assert front.engines() == [own.ref]
    assert shop.releases.in_use(own.digest)
    assert shop.releases.verify(release.ref) == release


def test_an_entry_that_cannot_be_asked_is_left_out_and_told(front, caplog):
    shop = front.shop
    shop.targets.add("a", provider="openai", key_env=["A"], by=ANNA)
    shop.targets.add("b", provider="openai", key_env=["B"], by=ANNA)
    shop.environment["A"] = "broken\nsecret"
    serve_pool(shop, "a:m", "b:m")
    [arm] = front.snapshot().channels["pool"].arms
    assert [target.name for target in arm.targets] == ["b"]
    assert "pool@1 at a:m is left out" in caplog.text
    shop.environment["B"] = "broken\nsecret"
    front.publisher.publish()
    assert "pool" not in front.snapshot().channels
    assert "broken" not in caplog.text


def test_the_keys_that_a_pool_lacks_are_named(front):
    shop = front.shop
    shop.targets.add("a", provider="openai", key_env=["A"], by=ANNA)
    shop.targets.add("b", provider="openai", key_env=["B1", "B2"], by=ANNA)
    serve_pool(shop, "a:m", "b:m")
    row = {"model": "pool@1", "key_env": "A", "set": False, "channels": ["pool"]}
    assert row in front.publisher.provider_keys()
    shop.targets.keep_key("a", "k", by=ANNA)
    shop.environment["B1"] = "k"
    assert front.publisher.provider_keys() == [{**row, "key_env": "B1", "set": True}]


def test_the_strategies_are_the_same_everywhere():
    from volano.gateway import balance
    from volano.models import pointer
    from volano.web.api import models

    assert pointer.STRATEGIES == models.STRATEGIES == tuple(balance.STRATEGIES)


@pytest.fixture
def limits(front):
    """Limits that are published as they are set."""
    shop = front.shop
    made = Limits(shop.db, shop.ledger, shop.clock, lambda: front.publisher.publish())
    front.publisher.close()
    front.publisher = front.again(limits=made)
    return made


def test_limits_are_published_with_a_slot_each(front, limits):
    limits.set("group/acme", rpm=60, tpm=1000, by=ANNA)
    limits.set("channel/support", concurrency=2, by=ANNA)
    found = front.snapshot().limits
    assert {limit.slot for limit in found.values()} == {0, 1}
    assert (found["group/acme"].rpm, found["group/acme"].tpm) == (60, 1000)
    assert found["channel/support"].concurrency == 2
    limits.clear("group/acme", by=ANNA)
    assert list(front.snapshot().limits) == ["channel/support"]


def test_limits_keep_their_slots_over_a_restart_of_control(front, limits):
    limits.set("group/b", rpm=60, by=ANNA)
    limits.set("group/a", rpm=60, by=ANNA)
    before = front.snapshot().limits
    front.publisher.close()
    front.publisher = front.again(limits=limits)
    limits.set("group/b", rpm=70, by=ANNA)
    after = front.snapshot().limits
    assert {s: (x.slot, x.use) for s, x in after.items()} == {
        s: (x.slot, x.use) for s, x in before.items()
    }


def test_what_workers_counted_is_told(front, limits):
    limits.set("group/acme", rpm=60, concurrency=3, by=ANNA)
    tally = Tally(front.run / "limits.bin")
    gate = Admission(tally.claim(os.getpid()))
    gate.apply(front.snapshot().limits)
    key = snapshot.Key("abcdefgh", "acme/support")
    for _ in range(2):
        gate.admit(gate.meters(key, "x"), 5)
    assert front.publisher.usage("group/acme") == (2, 0, 2)
    assert front.publisher.usage("group/none") == (0, 0, 0)
    tally.close()


def test_a_limit_without_room_on_the_disk_keeps_nobody_from_being_published(
    front, limits, monkeypatch, caplog
):
    def full(*_):
        raise OSError(28, "No space left on device")

    limits.set("group/a", rpm=60, by=ANNA)
    monkeypatch.setattr(tally_of.os, "posix_fallocate", full)
    with caplog.at_level(logging.ERROR):
        limits.set("group/b", rpm=60, by=ANNA)
    assert list(front.snapshot().limits) == ["group/a"]
    assert "the limit of group/b does not hold" in caplog.text


def test_a_rotated_key_is_published_under_both_texts(front):
    keys = front.shop.keys
    key, old = keys.create("ci", ips=["10.0.0.0/8"], by=ANNA)
    _, new = keys.rotate(key.id, overlap="1d", by=ANNA)
    found = front.snapshot().keys
    assert {one.id for one in found.values()} == {key.id}
    assert found[fingerprint(keys.secret, new)].expires_us is None
    assert (
        found[fingerprint(keys.secret, old)].expires_us
        == front.shop.clock.now_us() + 86_400_000_000
    )
    assert all(one.ips == ("10.0.0.0/8",) for one in found.values())


def test_what_should_be_left_is_published_with_its_arms(front):
    shop = front.shop
    front.publisher.close()
    front.publisher = front.again(deprecations=shop.deprecations.by_subject)
    for name in ("support", "new", "stary/číslo"):
        shop.serve(name)
    until = snapshot.Deprecated(shop.clock.now_us() // 1_000_000, 1_803_859_200)

    def left(channel):
        return [arm.deprecated for arm in front.snapshot().channels[channel].arms]

    shop.deprecations.deprecate("support@1", on="2027-03-01", by=ANNA)
    second = shop.cut()
    shop.releases.promote(second.ref, channel="support", by=ANNA)
    assert left("support") == [until, None]
    shop.deprecations.undeprecate("support@1", by=ANNA)
    shop.deprecations.deprecate(second.ref, on="never", successor="support@1", by=ANNA)
    assert left("support")[1].lines().split(b"\r\n")[1] == (
        b'link: </api/v1/releases/support@1>; rel="successor-version"'
    )
    given = {"on": "2027-03-01", "successor": "stary/číslo"}
    shop.deprecations.deprecate_channel("support", **given, by=ANNA)
    [one, other] = left("support")
    assert one == other == structs.replace(until, successor="/v1/models/stary/%C4%8D%C3%ADslo")
    assert left("new") == [None]
    shop.deprecations.undeprecate_channel("support", by=ANNA)
    assert left("support")[0] is None


def test_what_follows_a_closed_channel_is_published_while_it_is_there(front):
    shop = front.shop
    front.publisher.close()
    front.publisher = front.again(closed=shop.retirements.followed)
    for name in ("first", "second", "third", "alone"):
        shop.serve(name)

    def closes(name, successor):
        shop.deprecations.deprecate_channel(name, on="9d", successor=successor, by=ANNA)
        shop.retirements.close(name, by=ANNA)
        return front.snapshot().closed

    assert closes("first", "second") == {"first": "second"}
    assert closes("second", "third") == {"first": "third", "second": "third"}
    shop.retirements.close("third", by=ANNA)
    assert front.snapshot().closed == {}
    shop.serve("first")  # the name is taken again, and leads on
    assert front.snapshot().closed == {}


def test_channels_that_follow_each_other_in_a_ring_lead_nowhere(front):
    front.publisher.close()
    front.publisher = front.again(closed=lambda: {"a": "b", "b": "a", "c": "a", "d": "support"})
    front.shop.serve()
    assert front.snapshot().closed == {"d": "support"}


def shadowing(front, plan):
    """Promote a second release by this plan, come to its first step, return the arms."""
    shop = front.shop
    shop.serve()
    rollout = shop.releases.promote(shop.cut().ref, channel="support", plan=plan, by=ANNA)
    shop.releases.advance(rollout, step=0, content={}, by=SYSTEM)
    return rollout, front.snapshot().channels["support"].arms


def test_a_shadow_is_published_beside_the_whole(front):
    rollout, (stable, copied) = shadowing(front, "shadow 20%,100%")
    assert (stable.arm, stable.share) == ("stable", 1_000_000)
    assert (copied.arm, copied.share, copied.currency) == ("shadow", 200_000, "")
    assert (copied.release, copied.rollout) == ("support@2", rollout.id)
    assert copied.slot != stable.slot


def test_copies_whose_cost_nobody_knows_are_not_made_under_a_budget(front, caplog):
    _, arms = shadowing(front, "shadow 20% 1 USD,100%")
    assert [(arm.arm, arm.share) for arm in arms] == [("stable", 1_000_000)]
    assert "no price in USD is known" in caplog.text


def test_an_abort_ends_the_copying(front):
    shadowing(front, "shadow 20%,100%")
    front.shop.releases.abort("support", by=ANNA)
    assert [arm.arm for arm in front.snapshot().channels["support"].arms] == ["stable"]


@pytest.mark.parametrize("why", ["calls that wait", "late first tokens"])
def test_what_workers_count_starts_one_more_engine(desk, moments, monkeypatch, why):
    sizes = Sizes(slots=4, most_replicas=2, scale_queue=2, scale_first_s=0.5)
    front = Desk(desk, engines=sizes)
    monkeypatch.setattr(engines, "answers", lambda spec: True)
    desk.releases.promote(front.builtin().ref, channel="router", by=ANNA)
    arm = front.snapshot().channels["router"].arms[0]
    [target] = arm.targets
    assert arm.strategy == "least-busy", "from the first day: the second may come any time"
    vitals = Vitals(front.run / "vitals.bin")
    pulse, busy = vitals.claim(os.getpid(), "w"), Health()
    if why == "calls that wait":
        for _ in range(6):
            busy.began(0.0)
    for look in range(4):
        if why == "late first tokens":
            for _ in range(5):
                key = ("openai.chat", "router", arm.release, target.name)
                pulse.count(key, "ok", 200, 900_000, 700_000)
        pulse.show({f"{target.name} {target.url} {target.model}": busy}, float(look))
        front.publisher.tidy()
        moments[0] += 5
    assert len(front.engines()) == 2
    front.publisher.tidy()
    [arm] = front.snapshot().channels["router"].arms
    assert [one.name for one in arm.targets] == [target.name, f"{target.name}.2"]
    vitals.close()
    front.publisher.close()


def test_what_is_kept_hot_has_no_part_when_engines_take_places_one_by_one(front, monkeypatch):
    publisher, seen = front.publisher, []
    channel = Channel(
        "support", "old", "support@2", "user", 1, candidate="new", candidate_ref="support@3",
        share=500_000, rolling=True, kept=Kept("support@1", "hot", "ro-1", 1),
    )  # fmt: skip
    models = {one: SimpleNamespace(digest=f"model of {one}") for one in ("old", "new", "hot")}
    monkeypatch.setattr(publisher, "_own_of", lambda digest: [models[digest]])
    monkeypatch.setattr(publisher, "_wish_engines", lambda channels: None)
    monkeypatch.setattr(publisher, "_releases", lambda: SimpleNamespace(channels=lambda: [channel]))
    monkeypatch.setattr(publisher._engines, "level", lambda own: seen.append([*own]) or 2)
    monkeypatch.setattr(publisher._engines, "scale", lambda loads, but: seen.append([*but]))
    numbers = publisher._numbers([channel])
    publisher.tidy()
    assert numbers.keys() == {"model of old", "model of new"}
    assert seen == [[models["old"], models["new"]]] * 2
