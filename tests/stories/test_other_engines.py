"""A converted model is released and asked through the gateway like any other."""

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from support.weights import ct2_folder, trained_folder
from volano.app import App
from volano.app.folder import make
from volano.core.principal import SYSTEM
from volano.settings import load

pytestmark = [pytest.mark.slow, pytest.mark.timeout(280)]
pytest.importorskip("torch", reason="converters need the [train] extra")
pytest.importorskip("ctranslate2", reason="its engine is not installed")
openai = pytest.importorskip("openai", reason="it is asked through the official client")

ASK = "Ticket: Where is my Falcon, order 4711? It should be here by now. No rush.\nJSON:"
ANSWER = ' {"queue":"shipping","priority":"low","product":"Falcon","reference":"4711"}'
READY_S = 120


def test_a_model_of_another_format_is_served_by_its_own_engine(tmp_path):
    home = tmp_path / "w"
    home.mkdir()
    key = furnished(home, ct2_folder(trained_folder(tmp_path / "st"), tmp_path / "ct2"))
    volano = [sys.executable, "-m", "volano.cli.main", "--home", str(home)]
    with (tmp_path / "up.log").open("w") as words:
        up = subprocess.Popen([*volano, "up", "--port", "0"], stdout=words, stderr=words)
    try:
        url = ready(home, up, tmp_path / "up.log")
        with openai.OpenAI(base_url=f"{url}/v1", api_key=key) as client:
            asked = {"model": "other", "messages": [{"role": "user", "content": ASK}]}
            answer = client.chat.completions.create(**asked, temperature=0, max_tokens=40)
            assert answer.choices[0].message.content == ANSWER
            stream = client.chat.completions.create(
                **asked, temperature=0, max_tokens=40, stream=True
            )
            said = [e.choices[0].delta.content or "" for e in stream if e.choices]
            assert "".join(said) == ANSWER
            with pytest.raises(openai.BadRequestError, match="context"):
                client.chat.completions.create(
                    model="other", messages=[{"role": "user", "content": "word " * 4000}]
                )
        listed = subprocess.run(
            [*volano, "engine", "list", "--json"], capture_output=True, text=True, check=True
        )
        [row] = [row for row in json.loads(listed.stdout) if row["kind"] == "ctranslate2"]
        assert row["state"] == "ready"
        assert row["memory_bytes"] > 1 << 20
        assert row["model"] == "router-ct2@1"
    finally:
        up.terminate()
        up.wait(60)


def furnished(home: Path, folder: Path) -> str:
    """Make a workspace with a released model; return a key for it."""
    settings = load(home)
    make(settings)
    with App(settings) as app:
        files = {path.name: path for path in folder.iterdir()}
        meta = {"format": "ct2", "engine": "ctranslate2", "context_length": 256}
        app.catalog.record("model", "router-ct2", files=files, meta=meta, by=SYSTEM)
        app.prompts.save("plain", template="{{input}}", by=SYSTEM)
        app.flows.compose("other", model="router-ct2@1", prompt="plain@1", by=SYSTEM)
        app.releases.cut("other", flow="other@1", by=SYSTEM)
        app.releases.promote("other@1", channel="other", plan="100%", by=SYSTEM)
        return app.keys.create("story", by=SYSTEM)[1]


def ready(home: Path, up: subprocess.Popen, words: Path) -> str:
    until = time.monotonic() + READY_S
    while "Ready in" not in words.read_text():
        assert up.poll() is None and time.monotonic() < until, words.read_text()
        time.sleep(0.1)
    state = json.loads((home / ".volano" / "run" / "state.json").read_text())
    return str(state["url"])
