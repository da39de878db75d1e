"""What a guard of training refuses ends the command line with 3, in two lines."""

import json
import subprocess
import sys

import pytest

from volano.app import App
from volano.cli.folder import make
from volano.core.principal import SYSTEM
from volano.settings import load


def test_control_knows_the_guards_gates_without_torch():
    said = (
        "import sys, volano.app\n"
        "from volano.core.errors import is_gate\n"
        "assert all(map(is_gate, ('leaked', 'swapped', 'collapsed')))\n"
        "assert not {'torch', 'transformers'} & set(sys.modules), 'heavy'"
    )
    subprocess.run([sys.executable, "-c", said], check=True)


@pytest.mark.slow
@pytest.mark.timeout(200)
def test_a_leak_and_a_look_that_finds_an_error_end_with_three(tmp_path):
    pytest.importorskip("trl", reason="recipes need the [train] extra")
    home = tmp_path / "w"
    home.mkdir()
    settings = load(home)
    make(settings)
    rows = [{"text": f"Where is order {n}?", "label": str(n % 3)} for n in range(30)]
    with App(settings) as app:
        app.datasets.add("leaky", rows, test=rows[:10], by=SYSTEM)

    def say(*words):
        told = [sys.executable, "-m", "volano.cli.main", "--home", str(home), "model", *words]
        return subprocess.run(told, capture_output=True, text=True)

    recipe = tmp_path / "recipe.yaml"
    recipe.write_text("method: scratch\ndata: leaky\nsteps: 2\n")
    done = say("train", "router", "--recipe", str(recipe))
    assert done.returncode == 3, done.stderr
    first, second = done.stderr.strip().splitlines()[-2:]
    assert "10 of 10 rows of the test split" in first
    assert "decontaminate" in second
    recipe.write_text("method: scratch\ndata: leaky\npacking: true\n")
    done = say("preflight", "--recipe", str(recipe), "--json")
    assert (done.returncode, json.loads(done.stdout)["ok"]) == (3, False), done.stderr
