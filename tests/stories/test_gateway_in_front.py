"""From an empty folder to a gateway in front of a provider, with the official client behind it."""

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from simulators.upstream import USAGE, WORDS, Upstream
from support.files import below
from volano.cli.demo.platform import Platform

openai = pytest.importorskip("openai", reason="the story asks through the official openai client")
pytestmark = pytest.mark.slow

PLANTED = "sk-planted-0123456789abcdef"
MODEL = "mini-5"
PRICE = ("--input", "0.15", "--output", "0.60")
"""US dollars for a million tokens."""
COST_NANO = USAGE["prompt_tokens"] * 150 + USAGE["completion_tokens"] * 600
QUESTION = [{"role": "user", "content": "Is anybody there?"}]


@pytest.fixture
def upstream():
    provider = Upstream()
    yield provider
    provider.stop()


def say(home: Path, *words: str, stdin: str = "") -> str:
    """Say a sentence as a person does; return what it printed."""
    done = subprocess.run(
        [sys.executable, "-m", "volano.cli.main", "--home", str(home), *words],
        input=stdin, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert PLANTED not in done.stdout + done.stderr
    return done.stdout


def holders(folder: Path) -> set[str]:
    """Return the files below a folder that hold the provider's key."""
    return {
        path.relative_to(folder).as_posix()
        for path in below(folder)
        if PLANTED.encode() in _bytes(path)
    }


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:  # a segment that was recorded meanwhile
        return b""


def traces_of(home: Path, count: int) -> list[dict]:
    """Return the channel's traces, once so many are recorded."""
    until = time.monotonic() + 60
    while time.monotonic() < until:
        found = json.loads(
            say(home, "trace", "list", "--channel", "chat", "--outcome", "ok", "--json")
        )
        if len(found) >= count:
            return found
        time.sleep(0.1)
    raise AssertionError(f"not {count} traces within 60 s")


def test_a_gateway_in_front_of_a_provider(tmp_path, upstream):
    home = tmp_path / "work"
    with Platform(home) as volano:
        say(home, "target", "add", "openai", "--provider", "openai", "--url", f"{upstream.url}/v1")
        say(home, "target", "key", "openai", stdin=PLANTED)
        say(home, "model", "add", "mini", "--at", f"openai:{MODEL}")
        opened = say(home, "channel", "open", "chat", "--model", "mini@1")
        assert opened == "chat is open: chat@1, which asks mini@1\n"
        assert "nothing new" in say(home, "channel", "open", "chat", "--model", "mini@1")
        say(home, "cost", "price", MODEL, "--target", "openai", *PRICE)
        key = json.loads(say(home, "key", "create", "app", "--scopes", "chat:chat", "--json"))
        with openai.OpenAI(base_url=f"{volano.url}/v1", api_key=key["text"]) as client:
            plain, streamed = asked(client)
        assert plain == streamed == "".join(WORDS)
        assert {head["authorization"] for head, _ in upstream.seen} == {f"Bearer {PLANTED}"}
        assert {body["model"] for _, body in upstream.seen} == {MODEL}
        found = traces_of(home, 2)
        assert holders(home) == {".volano/keys/vault.json", ".volano/run/snapshot.json"}
    for trace in found:
        assert (trace["outcome"], trace["release"], trace["target"], trace["key_id"]) == (
            "ok", "chat@1", "openai", key["id"],
        )  # fmt: skip
        assert trace["prompt_tokens"] == USAGE["prompt_tokens"]
        assert (trace["cost_nano"], trace["cost_currency"]) == (COST_NANO, "USD")
    assert holders(home) == {".volano/keys/vault.json"}


def test_of_two_keys_in_the_vault_a_refused_one_costs_no_call(tmp_path, upstream):
    home = tmp_path / "work"
    with Platform(home) as volano:
        say(home, "target", "add", "openai", "--provider", "openai", "--url", f"{upstream.url}/v1")
        for does in ("status-401", "ok"):
            say(home, "target", "key", "openai", stdin=does)
        say(home, "channel", "open", "chat", "--at", "openai:keyed")
        key = json.loads(say(home, "key", "create", "app", "--scopes", "chat:chat", "--json"))
        with openai.OpenAI(
            base_url=f"{volano.url}/v1", api_key=key["text"], max_retries=0
        ) as client:
            asked(client)
            since = len(upstream.seen)
            for _ in range(4):
                client.chat.completions.create(model="chat", messages=QUESTION)
            keys = [head["authorization"] for head, _ in upstream.seen]
            assert keys[since:].count("Bearer ok") == 4
            assert keys.count("Bearer status-401") in (1, 2)  # one a worker
            until = time.monotonic() + 30
            while not resting(home):
                assert time.monotonic() < until
                time.sleep(0.1)
            say(home, "target", "forget", "openai")
            say(home, "target", "key", "openai", stdin="status-401")
            message = refusal(client)
    assert "target `openai` of channel `chat` does not accept its key (status 401)" in message
    assert "`volano target key openai`" in message


def resting(home: Path) -> int:
    """Return how many keys of the target rest, as the workers see it."""
    rows = json.loads(say(home, "gateway", "health", "--json"))
    return sum(row["keys_resting"] for row in rows if row["target"] == "openai")


def refusal(client) -> str:
    """Ask until the workers have the new key, which is refused."""
    until = time.monotonic() + 30
    while time.monotonic() < until:
        try:
            client.chat.completions.create(model="chat", messages=QUESTION)
        except openai.InternalServerError as error:
            return error.message
    raise AssertionError("every call was answered within 30 s")


def asked(client) -> tuple[str, str]:
    """Ask once plainly and once streamed, as soon as the workers know the channel."""
    until = time.monotonic() + 30
    while True:
        try:
            answer = client.chat.completions.create(model="chat", messages=QUESTION)
            break
        except openai.APIStatusError:
            assert time.monotonic() < until
            time.sleep(0.05)
    parts = client.chat.completions.create(model="chat", messages=QUESTION, stream=True)
    said = [choice.delta.content or "" for part in parts for choice in part.choices]
    return answer.choices[0].message.content, "".join(said)
