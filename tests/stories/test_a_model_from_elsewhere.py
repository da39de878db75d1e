"""A model from elsewhere is tuned, made servable, released and asked; while it serves it is not retired."""

import json
import subprocess
import sys
import time

import pytest

from support.elsewhere import hf_folder
from volano.app import App
from volano.app.folder import make
from volano.core.principal import SYSTEM
from volano.models import ModelNotUsableError
from volano.models.errors import StillUsedError
from volano.settings import load

pytestmark = [pytest.mark.slow, pytest.mark.timeout(280)]
pytest.importorskip("trl", reason="tuning needs the [train] extra")
pytest.importorskip("xllamacpp", reason="its engine is not installed")
openai = pytest.importorskip("openai", reason="it is asked through the official client")

ROWS = [
    {"text": f"Where is my order {number}?", "label": "shipping" if number % 2 else "billing"}
    for number in range(24)
]
PLAN = {
    "method": "lora", "base": "elsewhere", "data": "orders", "steps": 3, "batch": 4, "lr": 4e-3,
    "context": 128, "hardware": "cpu", "lora": {"rank": 4, "alpha": 8}, "guards": {"swaps": "off"},
}  # fmt: skip
READY_S = 120


def worked(app, run):
    done = app.runs.wait(run.id)
    assert done.state == "done", done.error
    return done.outputs


def test_a_model_from_elsewhere_is_tuned_served_and_not_retired_under_its_callers(tmp_path):
    home = tmp_path / "w"
    home.mkdir()
    settings = load(home)
    make(settings)
    with App(settings) as app:
        app.runs.launch()
        app.model_exchange.read("elsewhere", hf_folder(tmp_path / "hf"), by=SYSTEM)
        with pytest.raises(ModelNotUsableError, match="vLLM") as refused:
            app.flows.compose("asked", model="elsewhere", by=SYSTEM)
        assert "volano model convert elsewhere@1 --to gguf" in refused.value.advice
        app.datasets.add("orders", ROWS, test=[{**ROWS[0], "text": "Hol a csomag?"}], by=SYSTEM)
        tuned = worked(app, app.trainer.train("tuned", plan=PLAN, by=SYSTEM))
        assert "model.gguf" in app.models.get(tuned["ref"]).manifest.meta["unserved"]
        with pytest.raises(ModelNotUsableError, match=r"adapter\.gguf"):
            app.flows.compose("asked", model=tuned["ref"], by=SYSTEM)
        run = app.compressor.convert(tuned["ref"], to="gguf", name="served", by=SYSTEM)
        made = worked(app, run)
        assert made["parity"]["passed"], made["parity"]
        wording = app.wording("served")
        assert wording["template"] == "{{input}}"
        app.prompts.save("asked", **wording, by=SYSTEM)
        app.flows.compose("asked", model="served", prompt="asked", by=SYSTEM)
        app.releases.cut("asked", flow="asked", by=SYSTEM)
        rollout = app.releases.promote("asked@1", channel="asked", plan="100%", by=SYSTEM)
        app.releases.end(rollout, "arrived", {"reason": "a story"}, by=SYSTEM)
        key = app.keys.create("story", by=SYSTEM)[1]
        app.lives.move("served", "candidate", by=SYSTEM)
        app.lives.move("served", "active", by=SYSTEM)
        with pytest.raises(StillUsedError, match="asked"):
            app.lives.move("served", "retired", by=SYSTEM)
    assert asked(home, key, tmp_path / "up.log")


def asked(home, key, log):
    volano = [sys.executable, "-m", "volano.cli.main", "--home", str(home)]
    with log.open("w") as words:
        up = subprocess.Popen([*volano, "up", "--port", "0"], stdout=words, stderr=words)
    try:
        until = time.monotonic() + READY_S
        while "Ready in" not in log.read_text():
            assert up.poll() is None and time.monotonic() < until, log.read_text()
            time.sleep(0.1)
        url = json.loads((home / ".volano" / "run" / "state.json").read_text())["url"]
        with openai.OpenAI(base_url=f"{url}/v1", api_key=key) as client:
            said = client.chat.completions.create(
                model="asked", messages=[{"role": "user", "content": ROWS[0]["text"]}]
            )
        return said.choices[0].message.content
    finally:
        up.terminate()
        up.wait(60)
