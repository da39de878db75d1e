"""A process that asks is killed with -9, several times: what was answered is not asked again."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from simulators.counting import Counting

CHILD = Path(__file__).with_name("asked_in_a_process.py")
ROWS = 2000


def start(url: str, journal: Path, concurrency: int) -> subprocess.Popen[str]:
    command = [sys.executable, str(CHILD), url, str(journal), str(concurrency)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


@pytest.mark.parametrize("concurrency", [1, 32])
def test_after_kills_no_row_is_asked_twice_beyond_those_in_flight(tmp_path, concurrency):
    server, journal = Counting(0.001), tmp_path / "j"
    kills = 0
    for share in (0.05, 0.3, 0.35, 0.8):
        child = start(server.url, journal, concurrency)
        while sum(server.asked.values()) < share * ROWS and child.poll() is None:
            time.sleep(0.001)
        child.send_signal(signal.SIGKILL)
        kills += child.wait() == -signal.SIGKILL
        child.stdout.close()
    assert kills == 4
    last = start(server.url, journal, concurrency)
    said, _ = last.communicate(timeout=100)
    server.stop()
    assert last.returncode == 0
    assert len(server.asked) == ROWS
    again = sum(server.asked.values()) - ROWS
    assert again <= kills * concurrency
    assert int(said.split()[1]) + kills * concurrency >= 0.8 * ROWS
