"""A release goes through staging with its evidence, and the channel it came from is taken away."""

import json
import subprocess
import sys
import time
from email.utils import parsedate_to_datetime

import pytest

from simulators.upstream import Upstream
from stories.test_gateway_in_front import QUESTION, say
from volano.cli.demo.platform import Platform

openai = pytest.importorskip("openai", reason="the story asks through the official openai client")
pytestmark = pytest.mark.slow

GATE = 3
"""The exit code of a gate that says no."""


def refused(home, *words):
    """Say a sentence that is refused; return its exit code and what it told."""
    done = subprocess.run(
        [sys.executable, "-m", "volano.cli.main", "--home", str(home), *words],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    return done.returncode, done.stderr


def within(seconds, what):
    until = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < until
        time.sleep(0.1)


def shown(home, *words):
    return json.loads(say(home, *words, "--json"))


def arrived(home, channel, release):
    def there():
        status = shown(home, "release", "status", channel)
        rollout = status["rollout"]
        return (rollout["candidate_ref"], rollout["state"]) == (release, "arrived")

    within(60, there)


def client(home, volano, name, scopes):
    key = shown(home, "key", "create", name, "--scopes", scopes)
    return openai.OpenAI(base_url=f"{volano.url}/v1", api_key=key["text"], max_retries=0)


def asked(to, channel, **more):
    return to.chat.completions.with_raw_response.create(model=channel, messages=QUESTION, **more)


def test_a_release_goes_through_staging(tmp_path):
    upstream, home = Upstream(), tmp_path / "work"
    try:
        with Platform(home) as volano:
            say(home, "target", "add", "near", "--provider", "compatible", "--url",
                f"{upstream.url}/v1")  # fmt: skip
            say(home, "model", "add", "mini", "--at", "near:ok")
            say(home, "channel", "open", "support", "--model", "mini@1")
            say(home, "model", "add", "maxi", "--at", "near:llama")
            say(home, "flow", "compose", "better", "--model", "maxi@1")
            say(home, "release", "cut", "support", "--flow", "better@1")
            it_waits_for_staging(home)
            testers = client(home, volano, "testers", "chat:support/staging")
            it_serves_staging(home, testers)
            users = client(home, volano, "users", "chat:support*")
            it_goes_on_with_its_evidence(home, users)
            it_goes_in_an_emergency(home)
            callers_of_the_old_name_are_told(home, users)
            the_old_release_is_retired(home)
            the_old_name_is_closed(home, users)
    finally:
        upstream.stop()


def it_waits_for_staging(home):
    order = ("--order", "support/staging,support", "--least-calls", "3")
    assert "support/staging → support" in say(home, "channel", "environments", "support", *order)
    code, told = refused(home, "release", "promote", "support@2", "--channel", "support")
    assert (code, "has not arrived on support/staging" in told) == (GATE, True)
    assert "volano release promote support@2 --channel support/staging" in told


def it_serves_staging(home, testers):
    say(home, "release", "promote", "support@2", "--channel", "support/staging", "--plan", "100%")
    arrived(home, "support/staging", "support@2")
    with pytest.raises(openai.PermissionDeniedError):
        asked(testers, "support")
    assert asked(testers, "support/staging").headers["x-volano-release"] == "support@2"
    code, told = refused(home, "release", "promote", "support@2", "--channel", "support")
    assert (code, "of 3 calls on support/staging" in told) == (GATE, True)
    for _ in range(2):
        asked(testers, "support/staging")
    within(30, lambda: called(home, "support/staging") == {"testers": 3})


def called(home, channel):
    return {one["name"]: one["calls"] for one in shown(home, "channel", "callers", channel)}


def it_goes_on_with_its_evidence(home, users):
    promote = ("release", "promote", "support@2", "--channel", "support", "--plan", "50%,100%")
    say(home, *promote)
    status = shown(home, "release", "status", "support")
    [carried] = status["carried"]
    assert (carried["environment"], carried["answered"]) == ("support/staging", 3)
    staged = shown(home, "release", "status", "support/staging")["rollout"]
    assert carried["rollout"] == staged["id"]
    assert carried["verdicts"] == staged["outcome"]["verdicts"] != []
    drawn = say(home, "release", "status", "support")
    assert "from support/staging" in drawn
    assert carried["rollout"] in drawn
    assert f"by rollout {carried['rollout']}" in say(home, "release", "show", "support@2")
    say(home, "release", "abort", "support")
    say(home, "release", "promote", "support@2", "--channel", "support", "--plan", "100%")
    arrived(home, "support", "support@2")
    assert asked(users, "support").headers["x-volano-release"] == "support@2"


def it_goes_in_an_emergency(home):
    say(home, "flow", "compose", "best", "--model", "mini@1")
    say(home, "release", "cut", "support", "--flow", "best@1")
    promote = ("release", "promote", "support@3", "--channel", "support", "--plan", "100%")
    assert refused(home, *promote)[0] == GATE
    say(home, *promote, "--emergency", "wrong prices, 今すぐ")
    arrived(home, "support", "support@3")
    drawn = say(home, "release", "status", "support")
    assert "went without support/staging: wrong prices, 今すぐ" in drawn


def callers_of_the_old_name_are_told(home, users):
    say(home, "release", "promote", "support@3", "--channel", "support-old", "--plan", "100%")
    arrived(home, "support-old", "support@3")
    for more in ({}, {"stream": True}):
        assert "deprecation" not in asked(users, "support-old", **more).headers
    given = ("--on", "2099-03-01", "--successor", "support")
    assert "until 2099-03-01" in say(home, "channel", "deprecate", "support-old", *given)
    since = shown(home, "release", "deprecations")[0]["since_us"] // 1_000_000
    for more in ({}, {"stream": True}):
        headers = asked(users, "support-old", **more).headers
        assert headers["deprecation"] == f"@{since}"
        assert parsedate_to_datetime(headers["sunset"]).isoformat() == "2099-03-01T00:00:00+00:00"
        assert headers["link"] == '</v1/models/support>; rel="successor-version"'
        assert "deprecation" not in asked(users, "support", **more).headers
    assert users.models.retrieve("support").id == "support"  # where the link leads
    say(home, "release", "deprecate", "support@3", "--on", "never", "--successor", "support@2")
    headers = asked(users, "support").headers
    assert headers["link"] == '</api/v1/releases/support@2>; rel="successor-version"'
    assert "sunset" not in headers
    say(home, "release", "undeprecate", "support@3")
    assert "deprecation" not in asked(users, "support").headers


def the_old_release_is_retired(home):
    code, told = refused(home, "release", "retire", "support@3")
    assert (code, "channel support serves it" in told) == (1, True)
    say(home, "release", "retire", "support@1", "--why", "too slow")
    for again in (
        ("release", "promote", "support@1", "--channel", "support-old"),
        ("release", "rollback", "support", "--to", "support@1"),
    ):
        code, told = refused(home, *again)
        assert (code, "support@1` is retired since" in told) == (1, True)
    assert "it never serves again" in say(home, "release", "show", "support@1")


def the_old_name_is_closed(home, users):
    within(30, lambda: called(home, "support-old") == {"users": 4})
    code, told = refused(home, "channel", "close", "support-old")
    assert (code, "key users called it 4 times" in told) == (1, True)
    said = say(home, "channel", "close", "support-old", "--quiet", "0s")
    assert "who calls it is told of support." in said
    with pytest.raises(openai.NotFoundError, match="is closed; `support` follows it"):
        asked(users, "support-old")
    assert asked(users, "support").headers["x-volano-release"] == "support@3"
