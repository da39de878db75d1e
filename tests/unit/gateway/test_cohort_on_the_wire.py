"""Through two real workers: who is in a cohort, who is in a scope, and that nobody flips back."""

from itertools import pairwise

import pytest

from simulators.line import Line, ask, chat
from simulators.workers import Channel, Workers, arm, snapshot, until
from volano.gateway.snapshot import Scope

UNITS = [f"анна-{n}" for n in range(60)]
HUNGARIAN = "Hol van a csomagom? Két hete várok rá, és senki sem válaszol."
GERMAN = "Wo ist mein Paket? Ich warte seit zwei Wochen darauf."


@pytest.fixture()
def own(tmp_path):
    made = Workers(tmp_path / "state", drain_s=60.0, retry_s=0.2)
    yield made
    made.close()


def moving(upstream, share, *, cohort=False, scope=None):
    """A channel at a step of a rollout."""
    made = [
        arm(upstream.url, "ok", release="s@1", arm="stable", share=1_000_000 - share, rollout="r"),
        arm(upstream.url, "ok", release="s@2", arm="candidate", share=share, rollout="r"),
    ]
    if cohort:
        made.append(
            arm(upstream.url, "ok", release="s@1", arm="baseline", share=share, rollout="r")
        )
    return {"support": Channel(tuple(made), salt="salt", scope=scope)}


def asked(lines, n, *headers, said="hi", user="u"):
    """Ask through one of the lines; return the release that answered."""
    body = chat("support", messages=[{"role": "user", "content": said}], user=user)
    status, got, _ = lines[n % len(lines)].send(ask(body, *headers)).answer()
    assert status == 200
    return got["x-volano-release"]


@pytest.fixture()
def lines(own):
    made: list[Line] = []
    yield lambda: made or made.extend(Line(own.port) for _ in range(6)) or made
    for line in made:
        line.close()


def test_nobody_flips_back_over_a_whole_plan(own, upstream, lines):
    plan = [(50_000, True), (250_000, True), (400_000, False), (500_000, True), (1_000_000, False)]
    own.publish(snapshot(moving(upstream, 0)))
    own.start(2)
    seen: dict[str, list[str]] = {unit: [] for unit in UNITS}
    for generation, (share, cohort) in enumerate(plan, 2):
        own.publish(snapshot(moving(upstream, share, cohort=cohort), generation))
        for n, unit in enumerate(UNITS * 2):
            seen[unit].append(asked(lines(), n * 5 + n // 7, user=unit))
    for got in seen.values():
        assert sum(a != b for a, b in pairwise(got)) <= 1
        assert got[-1] == "s@2"
    assert any(got[0] == "s@1" for got in seen.values())
    calls = own.frames()
    beside = [call for call in calls if call.arm == "baseline"]
    assert {call.release for call in beside} == {"s@1"}
    assert {call.share for call in beside} == {50_000, 250_000, 500_000}
    assert {call.rollout for call in beside} == {"r"}
    cohort = {call.unit for call in beside if call.share == 250_000}
    first = {call.unit for call in calls if call.arm == "candidate" and call.share == 500_000}
    assert cohort
    assert not cohort & first


@pytest.mark.parametrize(
    ("scope", "inside", "outside"),
    [
        (Scope(tags=("tier=gold",)), ["x-volano-tag-tier: gold"], ["x-volano-tag-tier: iron"]),
        (Scope(regions=("eu",)), [], ["x-volano-tag-region: us"]),
        (Scope(languages=("hu",)), ["x-volano-tag-language: hu-HU"], ["accept-language: de, hu"]),
        (Scope(groups=("team",), languages=("hu",)), ["accept-language: hu"], []),
    ],
)
def test_who_is_outside_gets_the_stable_release_and_is_no_evidence(
    own, upstream, lines, scope, inside, outside
):
    channels = moving(upstream, 1_000_000, scope=scope)
    own.publish(snapshot(channels, region="eu"))
    own.start(1, before="from volano.gateway.languages import Languages; Languages.want = print")
    for n in range(10):
        assert asked(lines(), n, *inside, user=f"u{n}") == "s@2"
        assert asked(lines(), n, *outside, user=f"u{n}") == "s@1"
    assert {(call.arm, call.release) for call in own.frames()} == {
        ("candidate", "s@2"), ("outside", "s@1"),
    }  # fmt: skip


def test_languages_are_told_from_the_words_where_nobody_says_them(own, upstream, lines):
    pytest.importorskip("py3langid")
    own.publish(snapshot(moving(upstream, 1_000_000, scope=Scope(languages=("hu",)))))
    own.start(2)
    until(lambda: {asked(lines(), n, said=HUNGARIAN) for n in range(12)} == {"s@2"})
    for n in range(12):
        assert asked(lines(), n, said=GERMAN) == "s@1"
        assert asked(lines(), n, said="1234 5678") == "s@1"


def test_a_user_who_writes_in_two_languages_is_decided_by_call(own, upstream, lines):
    own.publish(snapshot(moving(upstream, 1_000_000, scope=Scope(languages=("hu",)))))
    own.start(1, before="from volano.gateway.languages import Languages; Languages.want = print")
    got = [asked(lines(), 0, f"x-volano-tag-language: {one}") for one in ("hu", "de", "hu")]
    assert got == ["s@2", "s@1", "s@2"]
