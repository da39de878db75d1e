"""A prompt lives in a repository: it is applied, served, changed here by hand, and not lost."""

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from simulators.upstream import Upstream
from volano.cli.demo.platform import Platform
from volano.client import Client
from volano.core.errors import NotFoundError

openai = pytest.importorskip("openai", reason="the story asks through the official openai client")
pytestmark = pytest.mark.slow

SAID = """kind: Prompt
name: jegyek
labels: [production]
messages:
  - {role: system, content: "Sei {{ tone }}.{% for r in rules %} {{ r }}{% endfor %}"}
  - {role: user, content: "Ticket: {{ input }} JSON:"}
variables:
  input: text
  tone: {choices: [höflich, knapp], default: höflich}
  rules: {type: list, default: []}
examples: {from: sorok, rule: similar, n: 1}
settings: {max_tokens: 8, temperature: 0}
"""
ROWS = [
    {"text": "Hol van a csomagom?", "label": "delivery"}, {"text": "我要退款", "label": "refund"},
    {"text": "Верните деньги", "label": "refund"}, {"text": "Wo ist mein Paket?", "label": "delivery"},
]  # fmt: skip


@pytest.fixture
def upstream():
    provider = Upstream()
    yield provider
    provider.stop()


def say(home: Path, *words: str, ends: int = 0, stdin: str = "") -> str:
    """Say a sentence as a person does; return what it printed."""
    done = subprocess.run(
        [sys.executable, "-m", "volano.cli.main", "--home", str(home), *words],
        input=stdin, capture_output=True, text=True, timeout=120, check=False,
        cwd=home.parent / "repository",
    )  # fmt: skip
    assert done.returncode == ends, done.stdout + done.stderr
    return done.stdout


def test_a_prompt_in_git(tmp_path, upstream):
    home, folder = tmp_path / "work", tmp_path / "repository" / "prompts"
    folder.mkdir(parents=True)
    (folder / "jegyek.yaml").write_text(SAID, "utf-8")
    (folder.parent / "rows.jsonl").write_text("\n".join(map(json.dumps, ROWS)), "utf-8")
    with Platform(home) as platform:
        say(home, "target", "add", "openai", "--provider", "openai", "--url", f"{upstream.url}/v1")
        say(home, "target", "key", "openai", stdin="sk-planted")
        say(home, "model", "add", "mini", "--at", "openai:mini-5")
        say(home, "data", "add", "sorok", "rows.jsonl", "--test-share", "0")
        assert "+ Prompt jegyek" in say(home, "plan", "-f", "prompts", "--check", ends=3)
        say(home, "apply", "-f", "prompts", "--why", "a repository")
        assert "= Prompt jegyek  same  jegyek@1" in say(home, "apply", "-f", "prompts")
        say(home, "flow", "compose", "jegyek", "--model", "mini@1", "--prompt", "jegyek:production")
        say(home, "release", "cut", "jegyek", "--flow", "jegyek@1")
        say(home, "release", "promote", "jegyek@1", "--channel", "jegyek", "--plan", "100%")
        key = json.loads(say(home, "key", "create", "app", "--scopes", "chat:*,prompts", "--json"))[
            "text"
        ]
        _ask(platform.url, key, upstream)
        _fetch(platform.url, key, home)
        say(home, "prompt", "save", "jegyek", "--template", "Anna: {{input}}", "--why", "siet")
        (folder / "jegyek.yaml").write_text(SAID.replace("Sei", "Bleib"), "utf-8")
        assert "drift: jegyek@2 was saved by" in say(home, "apply", "-f", "prompts", ends=3)
        say(home, "apply", "-f", "prompts", "--overwrite")
        told = json.loads(say(home, "prompt", "list", "--name", "jegyek", "--json"))
        assert [(one["ref"], one["why"]) for one in told] == [
            ("jegyek@3", ""), ("jegyek@2", "siet"), ("jegyek@1", "a repository"),
        ]  # fmt: skip


def _ask(url: str, key: str, upstream: Upstream) -> None:
    """The official client asks with variables, and is told by name what does not fit."""
    with openai.OpenAI(base_url=f"{url}/v1", api_key=key, max_retries=0, timeout=60) as client:
        asked = [{"role": "user", "content": "Hol a pénzem?"}]
        body = {"variables": {"tone": "knapp", "rules": ["你好"]}}
        until = time.monotonic() + 30
        while True:
            try:
                answer = client.chat.completions.create(
                    model="jegyek", messages=asked, extra_body=body
                )
                break
            except openai.NotFoundError:  # the workers do not know the channel yet
                assert time.monotonic() < until
                time.sleep(0.05)
        assert answer.choices[0].message.content
        _, sent = upstream.seen[-1]
        assert "variables" not in sent
        assert [one["content"] for one in sent["messages"]] == [
            "Sei knapp. 你好", "Ticket: Hol van a csomagom? JSON:", "delivery", "Ticket: Hol a pénzem? JSON:",
        ]  # fmt: skip
        assert (sent["max_tokens"], sent["temperature"]) == (8, 0)
        for wrong, param in (({"tone": "laut"}, "variables.tone"), ({"név": 1}, "variables.név")):
            with pytest.raises(openai.BadRequestError) as raised:
                client.chat.completions.create(
                    model="jegyek", messages=asked, extra_body={"variables": wrong}
                )
            assert raised.value.param == param


def _fetch(url: str, key: str, home: Path) -> None:
    """The application reads the same prompt, and loses it with its label."""
    with Client(url, key=key) as client:
        prompt = client.prompt("jegyek", label="production")
        sent = prompt.render(input="Hol van a csomag?")
        assert [one["role"] for one in sent] == ["system", "user", "assistant", "user"]
        assert sent[1]["content"] == "Ticket: Hol van a csomagom? JSON:"
    say(home, "prompt", "unlabel", "jegyek:production")
    with Client(url, key=key) as client, pytest.raises(NotFoundError):
        client.prompt("jegyek", label="production")
    say(home, "prompt", "label", "jegyek@1", "production")
