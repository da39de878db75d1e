"""A new release answers in another form: it is refused before it moves, and the mended one goes."""

import base64
import json
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from simulators.prompted import Provider
from volano.cli.demo.platform import Platform
from volano.core.ports.chat import Answer

pytestmark = pytest.mark.slow

TEAMS = ["számla", "доставка", "退款"]
REQUESTS = 24


def schema(team, *, required=True):
    wanted = ["team"] if required else []
    return json.dumps({"type": "object", "properties": {"team": team}, "required": wanted})


def sorts(messages, **_):
    text = " ".join(one["content"] for one in messages)
    said = "This is about money." if "freely" in text else json.dumps({"team": "számla"})
    return Answer(said, "stop", len(text) // 4, 6)


@pytest.fixture
def provider():
    made = Provider({"sorter": sorts})
    yield made
    made.close()


def say(home: Path, *words: str, ends: int = 0, stdin: str = "") -> str:
    """Say a sentence as a person does; return what it printed."""
    done = subprocess.run(
        [sys.executable, "-m", "volano.cli.main", "--home", str(home), *words],
        input=stdin, capture_output=True, text=True, timeout=180, check=False, cwd=home.parent,
    )  # fmt: skip
    assert done.returncode == ends, done.stdout + done.stderr
    return done.stdout + done.stderr


def make(home: Path, number: int, template: str, form: str) -> None:
    """A prompt, its flow and its release, the next of their names."""
    say(home, "prompt", "save", "sort", "--template", template, "--schema", form)
    say(home, "flow", "compose", "sort", "--model", "sorter@1", "--prompt", f"sort@{number}")
    say(home, "release", "cut", "sort", "--flow", f"sort@{number}")


def ask(url: str, key: str, number: int) -> str:
    """Ask as a client does; the workers may need a moment to know the channel."""
    body = {
        "model": "sort",
        "messages": [{"role": "user", "content": f"Hol a pénzem? 订单 {number}"}],
    }
    request = urllib.request.Request(
        f"{url}/v1/chat/completions", data=json.dumps(body).encode(),
        headers={"authorization": f"Bearer {key}", "content-type": "application/json",
                 "x-volano-unit": f"user-{number}"},
    )  # fmt: skip
    until = time.monotonic() + 30
    while True:
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return json.loads(answer.read())["choices"][0]["message"]["content"]
        except urllib.error.HTTPError as error:
            if error.code != 404 or time.monotonic() > until:
                raise
            time.sleep(0.05)


def test_a_release_that_would_break_callers(tmp_path, provider):
    home = tmp_path / "work"
    with Platform(home) as platform:
        say(home, "target", "add", "sim", "--provider", "openai", "--url", f"{provider.url}/v1")
        say(home, "target", "key", "sim", stdin="sk-planted")
        say(home, "model", "add", "sorter", "--at", "sim:sorter")
        make(home, 1, "Sort: {{input}}", schema({"enum": TEAMS}))
        say(home, "release", "promote", "sort@1", "--channel", "sort", "--plan", "100%")
        key = json.loads(say(home, "key", "create", "app", "--scopes", "chat:*", "--json"))["text"]
        for number in range(REQUESTS):
            assert json.loads(ask(platform.url, key, number))["team"] in TEAMS
        say(home, "channel", "checks", "sort", "--require", "schema,variables,replay")

        make(
            home,
            2,
            "Say freely where it belongs: {{input}}",
            schema({"type": "string"}, required=False),
        )
        told = say(home, "release", "promote", "sort@2", "--channel", "sort", ends=3)
        assert "it was never checked for this channel" in told
        told = say(home, "release", "check", "sort@2", "--channel", "sort", ends=3)
        assert "$.team may be missing now" in told
        assert "24 broke the form" in told
        told = say(home, "release", "promote", "sort@2", "--channel", "sort", ends=3)
        assert "$.team may be missing now" in told

        make(home, 3, "Sort well: {{input}}", schema({"enum": TEAMS[:2]}))
        told = say(home, "release", "check", "sort@3", "--channel", "sort", "--only", "schema")
        assert "24 well; the new one answers each of them well" in told
        assert "Checked against sort@1 for sort: passed." in say(home, "release", "show", "sort@3")
        say(home, "release", "promote", "sort@3", "--channel", "sort", "--plan", "100%")
        until = time.monotonic() + 60
        while '"stable_ref": "sort@3"' not in say(home, "channel", "show", "sort", "--json"):
            assert time.monotonic() < until
            time.sleep(0.2)
        assert json.loads(ask(platform.url, key, 99))["team"] in TEAMS
        verified(json.loads(say(home, "release", "envelope", "sort@3", "--json")))


def verified(told):
    """Anybody can check what was signed."""
    envelope = told["envelope"]
    kind, payload = envelope["payloadType"].encode(), base64.b64decode(envelope["payload"])
    said = b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)
    public = Ed25519PublicKey.from_public_bytes(bytes.fromhex(told["key"]["ed25519"]))
    public.verify(base64.b64decode(envelope["signatures"][0]["sig"]), said)
    assert json.loads(payload)["_type"] == "https://in-toto.io/Statement/v1"
