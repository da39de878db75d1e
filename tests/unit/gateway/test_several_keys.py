"""Of several keys of a target one that is bad or at its limit costs no call."""

import json

import pytest

from simulators.line import Line, ask, call_of, chat
from simulators.workers import Arm, Channel, Target, Workers, snapshot, until
from volano.gateway.vitals import Vitals


def lines(*acts: str) -> tuple[dict[str, str], ...]:
    return tuple({"authorization": f"Bearer {act}"} for act in acts)


def target(url: str, name: str, *acts: str) -> Target:
    keys = lines(*acts)
    return Target(name=name, url=url, model="keyed", headers=keys[0], keys=keys)


def channel(*targets: Target) -> Channel:
    digest = "sha256:" + "a" * 64
    return Channel(arms=(Arm(release="support@1", release_digest=digest, targets=targets),))


CHANNELS = {
    "bad": ("status-401", "ok"), "barred": ("status-403", "ok"), "unpaid": ("status-402", "ok"),
    "limited": ("limited-20", "ok"), "hushed": ("status-429", "ok"),
    "bad-stream": ("status-401", "ok"), "limited-stream": ("limited-20", "ok"),
    "changed": ("status-401", "ok"), "single": ("limited-20",), "joined": ("limited-20",),
    "none": ("status-401", "status-403"), "full": ("limited-20", "limited-30"),
    "mixed": ("status-401", "limited-20"), "well": ("ok", "bytes"), "wrong": ("status-400", "ok"),
}  # fmt: skip


def channels(url: str, **more: tuple[str, ...]) -> dict[str, Channel]:
    found = {name: channel(target(url, name, *a)) for name, a in (CHANNELS | more).items()}
    behind = target(url, "poor", "status-401", "status-403"), target(url, "spare", "ok")
    return found | {"behind": channel(*behind)}


@pytest.fixture(scope="module")
def own(tmp_path_factory, upstream):
    made = Workers(tmp_path_factory.mktemp("keys") / "state", free_retries=50.0)
    made.publish(snapshot(channels(upstream.url)))
    made.start(1)
    yield made
    made.close()


@pytest.fixture()
def line(own):
    made = Line(own.port)
    yield made
    made.close()


def asked(upstream, since: int) -> list[str]:
    """The keys of the requests since then, in order."""
    return [h["authorization"].removeprefix("Bearer ") for h, _ in upstream.seen[since:]]


@pytest.mark.parametrize(
    "name", ["bad", "barred", "unpaid", "limited", "hushed", "bad-stream", "limited-stream"]
)
def test_every_call_is_answered_and_the_bad_key_is_asked_once(line, own, upstream, name):
    ill, since, tried = CHANNELS[name][0], len(upstream.seen), []
    streamed = name.endswith("-stream")
    for _ in range(6):
        status, headers, body = line.send(ask(chat(name, stream=streamed))).answer()
        assert (status, b"upstream" in body) == (200, False)
        call = call_of(own, headers["x-volano-trace"])
        assert (call.outcome, call.target) == ("ok", name)
        tried += [call.tags["tried"]] if "tried" in call.tags else []
    assert sorted(asked(upstream, since)) == sorted(["ok"] * 6 + [ill])
    number = 429 if "429" in ill or "limited" in ill else int(ill[-3:])
    assert tried == [f"{name}: {number} of key 1"]


def test_keys_that_are_well_take_turns(line, upstream):
    since = len(upstream.seen)
    for _ in range(4):
        assert line.send(ask(chat("well"))).answer()[0] == 200
    assert sorted(asked(upstream, since)) == ["bytes", "bytes", "ok", "ok"]


def test_the_clients_own_mistake_is_no_fault_of_the_key(line, upstream):
    since = len(upstream.seen)
    got = [line.send(ask(chat("wrong"))).answer()[0] for _ in range(4)]
    assert sorted(got) == [200, 200, 400, 400]
    assert len(upstream.seen) == since + 4


def test_where_no_key_is_accepted_each_is_asked_once(line, own, upstream):
    since = len(upstream.seen)
    status, headers, body = line.send(ask(chat("none"))).answer()
    assert (status, json.loads(body)["error"]["code"][:-1]) == (502, "upstream_40")
    assert sorted(asked(upstream, since)) == ["status-401", "status-403"]
    assert " of key " in call_of(own, headers["x-volano-trace"]).tags["tried"]


def test_after_its_last_key_another_target_answers(line, own, upstream):
    since = len(upstream.seen)
    status, headers, _ = line.send(ask(chat("behind"))).answer()
    assert status == 200
    assert asked(upstream, since) == ["status-401", "status-403", "ok"]
    call = call_of(own, headers["x-volano-trace"])
    assert (call.target, call.tags["tried"]) == ("spare", "poor: 401 of key 1; poor: 403")


def test_where_all_keys_are_at_their_limit_the_client_hears_when_the_first_is_free(line, upstream):
    since = len(upstream.seen)
    status, headers, _ = line.send(ask(chat("full"))).answer()
    assert (status, headers["retry-after"]) == (429, "20")
    assert sorted(asked(upstream, since)) == ["limited-20", "limited-30"]
    status, headers, body = line.send(ask(chat("full"))).answer()
    assert (status, json.loads(body)["error"]["code"]) == (429, "upstream_429")
    assert 1 <= int(headers["retry-after"]) <= 20
    assert len(upstream.seen) == since + 2


def test_a_key_that_asked_for_rest_is_not_asked_instead_of_a_refused_one(line, upstream):
    since = len(upstream.seen)
    line.send(ask(chat("mixed"))).answer()
    assert line.send(ask(chat("mixed"))).answer()[0] == 429
    assert sorted(asked(upstream, since)) == ["limited-20", "status-401"]


def test_without_a_retry_to_spend_the_next_call_takes_the_other_key(tmp_path, upstream):
    made = Workers(tmp_path / "state", free_retries=0.0)
    made.publish(snapshot({"bad": channel(target(upstream.url, "bad", "ok", "status-401"))}))
    made.start(1)
    line = Line(made.port)
    since = len(upstream.seen)
    got = [line.send(ask(chat("bad"))).answer()[0] for _ in range(4)]
    assert got == [200, 502, 200, 200]
    assert len(upstream.seen) == since + 4
    line.close()
    made.close()


def test_health_shows_it_and_new_keys_do_not_rest(line, own, upstream):
    vitals = Vitals(own.folder / "run" / "vitals.bin")

    def resting() -> int:
        [worker] = vitals.workers()
        return next(one.keys_resting for one in worker.targets if one.target == "changed")

    assert line.send(ask(chat("changed"))).answer()[0] == 200
    until(lambda: resting() == 1)
    since = len(upstream.seen)
    own.publish(snapshot(channels(upstream.url, changed=("ok", "bytes")), generation=2))
    for _ in range(2):
        assert line.send(ask(chat("changed"))).answer()[0] == 200
    assert sorted(asked(upstream, since)) == ["bytes", "ok"]
    until(lambda: resting() == 0)
    vitals.close()


def test_a_key_that_is_added_or_replaced_is_asked_at_once(line, own, upstream):
    for name in ("single", "joined"):
        for _ in range(2):
            assert line.send(ask(chat(name))).answer()[0] == 429
    since = len(upstream.seen)
    now = channels(upstream.url, single=("ok",), joined=("limited-20", "bytes"))
    own.publish(snapshot(now, generation=3))
    for name in ("single", "joined"):
        for _ in range(2):
            assert line.send(ask(chat(name))).answer()[0] == 200
    assert asked(upstream, since) == ["ok", "ok", "limited-20", "bytes", "bytes"]
