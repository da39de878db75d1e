"""The training child as a job starts it: folder in, done.json or failed.json out."""

import json
import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.slow
"""Real processes that are killed and come back."""


def run(folder, spec):
    folder.mkdir()
    (folder / "spec.json").write_text(json.dumps(spec))
    return subprocess.run(
        [sys.executable, "-m", "volano.models.making", str(folder)],
        capture_output=True,
        text=True,
        env={k: v for k, v in os.environ.items() if k != "VOLANO_LIFELINE"},
    )


def test_a_child_reports_its_steps_and_its_outputs(spec, made, tmp_path):
    child = run(tmp_path / "job", spec)
    assert child.returncode == 0, child.stderr
    outputs = json.loads((tmp_path / "job" / "done.json").read_text())
    assert {"folder", "card", "parity"} <= set(outputs.get("outputs", outputs))
    lines = (tmp_path / "job" / "progress.jsonl").read_text().splitlines()
    assert [json.loads(line)["step"] for line in lines] == [25, 50, 60]
    assert "loss" in json.loads(lines[-1])["metrics"]
    trained = tmp_path / "job" / "model" / "model.safetensors"
    assert trained.read_bytes() == (made["model"] / "model.safetensors").read_bytes()


def test_a_child_that_cannot_train_says_why(spec, tmp_path):
    child = run(tmp_path / "job", {**spec, "rows": str(tmp_path / "none.jsonl")})
    assert child.returncode == 1
    assert "none.jsonl" in (tmp_path / "job" / "failed.json").read_text()
