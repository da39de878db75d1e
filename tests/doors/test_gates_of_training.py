"""What guards of training say no to is a gate's no: the command line ends with 3."""

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
def test_a_look_that_finds_an_error_is_shown_and_ends_with_three(tmp_path):
    pytest.importorskip("trl", reason="recipes need the [train] extra")
    home = tmp_path / "w"
    home.mkdir()
    settings = load(home)
    make(settings)
    rows = [{"text": f"Where is order {n}?", "label": "shipping"} for n in range(5)]
    with App(settings) as app:
        app.datasets.add("orders", rows, by=SYSTEM)
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text("method: scratch\ndata: orders\npacking: true\n")
    asked = ["--home", str(home), "model", "preflight", "--recipe", str(recipe), "--json"]
    told = [sys.executable, "-m", "volano.cli.main", *asked]
    done = subprocess.run(told, capture_output=True, text=True)
    assert (done.returncode, json.loads(done.stdout)["ok"]) == (3, False), done.stderr
