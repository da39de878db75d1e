"""kill -9 of the worker and of the recorder under load: no acknowledged span is lost, none is there twice."""

import subprocess
import sys
import threading

import pytest

from simulators.line import Line, ask
from simulators.workers import SENDER, Workers, snapshot, until
from support.otlp import load
from volano.traces import HotStore, Recorder
from volano.traces.spans import Spans

RECORDER = """
import sys, threading
from pathlib import Path
from volano.traces import run
run(Path(sys.argv[1]), Path(sys.argv[2]), stop=threading.Event())
"""


class Sending(threading.Thread):
    """Sends bodies until told to stop, each again until it is acknowledged, as an exporter does."""

    def __init__(self, port: int):
        super().__init__(daemon=True)
        self.acknowledged: list[str] = []
        self.bodies = load(600, 4)
        self._port, self._ended = port, threading.Event()

    def run(self):
        for body, ids in self.bodies:
            while not self._ended.is_set():
                sent = self._sent(body)
                self.acknowledged += ids if sent else []
                self._ended.wait(0.01)
                if sent:
                    break

    def _sent(self, body: bytes) -> bool:
        try:
            line = Line(self._port)
        except OSError:
            return False
        try:
            request = ask(
                body, "Content-Type: application/x-protobuf", key=SENDER, path="/v1/traces"
            )
            return line.send(request).answer()[0] == 200
        except (OSError, EOFError):
            return False
        finally:
            line.close()

    def stop(self):
        self._ended.set()
        self.join(30)


@pytest.fixture
def own(tmp_path):
    made = Workers(tmp_path / "state")
    made.publish(snapshot({}))
    made.start(1)
    yield made
    made.close()


def test_killed_under_load(own, tmp_path):
    spool, hot = own.folder / "spool", tmp_path / "hot.db"
    started = [sys.executable, "-c", RECORDER, str(spool), str(hot)]
    recorder = subprocess.Popen(started)
    spans = Spans(hot)
    sending = Sending(own.port)
    sending.start()
    for victim in ("recorder", "worker"):
        seen = len(sending.acknowledged)
        until(lambda seen=seen: spans.list(limit=1) and len(sending.acknowledged) > seen)
        if victim == "worker":
            own.processes[-1].kill()
            own.processes[-1].wait()
            own.start(1)
        else:
            recorder.kill()
            recorder.wait()
            recorder = subprocess.Popen(started)
    seen = len(sending.acknowledged)
    until(lambda: len(sending.acknowledged) > seen or not sending.is_alive())
    sending.stop()
    recorder.kill()
    recorder.wait()
    store = HotStore(hot)
    last = Recorder(spool, store)
    last.drain()
    last.close()
    store.close()
    found = [span.span_id for span in spans.list(limit=100_000)]
    assert len(found) == len(set(found))
    assert set(sending.acknowledged) <= set(found)
    assert spans.refused() == ()
    assert last.tally.losses == 0
