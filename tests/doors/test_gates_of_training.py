"""What guards of training say no to is a gate's no: the command line ends with 3."""

import json
import signal
import subprocess
import sys
from contextlib import contextmanager, nullcontext

import pytest

from volano.app import App
from volano.app.folder import make
from volano.core.principal import SYSTEM
from volano.data import tickets
from volano.settings import load


def test_control_knows_the_guards_gates_without_torch():
    said = (
        "import sys, volano.app.app\n"
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


@pytest.mark.slow
@pytest.mark.timeout(400)
@pytest.mark.parametrize("served", [True, False])
def test_a_run_that_a_guard_stops_ends_with_three_where_it_is_waited_for(tmp_path, served):
    """With control the command line asks over HTTP, without it does the Run itself."""
    pytest.importorskip("trl", reason="recipes need the [train] extra")
    home = tmp_path / "w"
    home.mkdir()
    settings = load(home)
    make(settings)
    with App(settings) as app:
        app.datasets.add("orders", tickets.generate(1, 400), by=SYSTEM)
        app.datasets.add("orders", tickets.poison(tickets.generate(2, 400)), by=SYSTEM)
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text("method: scratch\ndata: orders\nsteps: 2\n")
    volano = [sys.executable, "-m", "volano.cli.main", "--home", str(home)]
    asked = [*volano, "model", "train", "sorter", "--recipe", str(recipe), "--wait"]
    with up(volano) if served else nullcontext():
        done = subprocess.run(asked, capture_output=True, text=True)
    assert done.returncode == 3, done.stderr
    assert "Labels seem to be exchanged by rule" in done.stderr


@contextmanager
def up(volano):
    """A platform at a port of its own, for as long as the block lasts."""
    with subprocess.Popen(
        [*volano, "up", "--port", "0"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as running:
        try:
            assert any("Ready in" in line for line in running.stdout)
            yield
        finally:
            running.send_signal(signal.SIGINT)
            running.communicate(timeout=60)
