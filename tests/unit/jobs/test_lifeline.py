import os
import subprocess
import sys
from pathlib import Path

import pytest
from toy_host import gone, until

from volano.jobs import lifeline
from volano.jobs.errors import LifelineLostError

TOYS = Path(__file__).parent / "toys"


def start(module, folder, *more, fd, **env):
    paths = ":".join([str(TOYS), *(p for p in sys.path if p)])
    given = lifeline.handed_on(fd, {**os.environ, "PYTHONPATH": paths, **env})
    return subprocess.Popen([sys.executable, "-m", module, str(folder), *more], **given)


def test_cutting_the_lifeline_ends_child_and_grandchild(tmp_path):
    read, write = lifeline.create()
    child = start("toy_family", tmp_path, "parent", fd=read)
    os.close(read)
    found = until(lambda: len(p := list(tmp_path.glob("pid-*"))) == 2 and p)
    family = [int(path.name.removeprefix("pid-")) for path in found]
    assert child.pid in family
    assert not any(map(gone, family))
    os.close(write)
    assert child.wait(30) == lifeline.EXIT_CODE
    until(lambda: all(map(gone, family)))


def test_without_a_supervisor_nothing_is_held(monkeypatch):
    monkeypatch.delenv(lifeline.ENV, raising=False)
    assert lifeline.hold() is None


@pytest.mark.parametrize("text", ["999", "abc", "-1", "99999999999999999999"])
def test_a_lifeline_that_was_not_handed_on_is_told(monkeypatch, text):
    monkeypatch.setenv(lifeline.ENV, text)
    with pytest.raises(LifelineLostError):
        lifeline.hold()


def test_a_descriptor_that_is_no_pipe_is_no_lifeline(monkeypatch, tmp_path):
    with (tmp_path / "file").open("w") as file:
        monkeypatch.setenv(lifeline.ENV, str(file.fileno()))
        with pytest.raises(LifelineLostError):
            lifeline.inherited()


def test_nobody_gets_a_stale_number_handed_on():
    assert lifeline.handed_on(None, {lifeline.ENV: "5", "A": "b"}) == {
        "env": {"A": "b"},
        "pass_fds": (),
    }


def test_a_light_process_does_not_load_the_engine():
    code = "import volano.jobs.lifeline, volano.jobs.child, sys; print('dbos' in sys.modules)"
    env = {**os.environ, "PYTHONPATH": ":".join(p for p in sys.path if p)}
    said = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, check=True)
    assert said.stdout == b"False\n"
