"""How fast a suite runs: 5,000 rows, three cheap scorers, a mock that takes 5 ms, 64 at once.

    python benchmarks/suite_speed.py [--rows 5000] [--repeat 3] [--peer-rows 1000] [--no-peer]

The mock is a process of its own. Its ceiling is what a bare load generator gets from it (`wrk`
where the machine has it, else requests made ready beforehand and answers not looked at, on the
same client without anything else). Ours is measured twice: asking and scoring, and the whole Run
with dataset, journal, report and catalog. The peer is inspect_ai in an environment of its own
below /tmp, with the same rows, the same three kinds of scorers and 64 connections.

It is asked fewer rows, for it is slower, and its logs of samples are off: ours keeps every answer.
All share the cores of one machine; believe ratios, and these on a quiet one.

Bars: asking and scoring >= 0.8 of the ceiling; >= 3 times inspect_ai.
"""

import argparse
import asyncio
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import uvloop

from volano.core.principal import Principal
from volano.evals.asking import ask_all, line
from volano.evals.case import Case
from volano.evals.flight import Question, Terms
from volano.evals.journal import Journal
from volano.evals.pace import Patience
from volano.evals.scored import Early, score_all
from volano.evals.scoring import Tools, make
from volano.serving.chat import open_chat
from volano.wire.http_client import Origin, Upstream
from volano.wire.timers import Wheel

AT_ONCE, PAUSE_S = 64, 0.005
SCORERS = ("exact_match", "valid_json", "field_accuracy")
ENVIRONMENT = Path(tempfile.gettempdir()) / "volano-bench-inspect"
ANSWER = '{"queue":"refund","reference":"A-17"}'

MOCK = """
import asyncio, json, sys, uvloop
ANSWER_TEXT, PAUSE_S = sys.argv[1], float(sys.argv[2])
BODY = json.dumps({"id": "c", "object": "chat.completion", "created": 1, "model": "m", "choices": [
    {"index": 0, "message": {"role": "assistant", "content": ANSWER_TEXT}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 20, "completion_tokens": 12, "total_tokens": 32}}).encode()
ANSWER = (b"HTTP/1.1 200 OK\\r\\ncontent-type: application/json\\r\\ncontent-length: "
          + str(len(BODY)).encode() + b"\\r\\n\\r\\n" + BODY)
class Mock(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport, self.need = transport, 0
    def data_received(self, data):
        if self.need == 0:
            head, _, body = data.partition(b"\\r\\n\\r\\n")
            low = head.lower()
            at = low.find(b"content-length: ")
            size = int(low[at + 16:].split(b"\\r\\n", 1)[0]) if at >= 0 else 0
            self.need = size - len(body)
        else:
            self.need -= len(data)
        if self.need <= 0:
            self.need = 0
            LOOP.call_later(PAUSE_S, self.answer)
    def answer(self):
        if not self.transport.is_closing():
            self.transport.write(ANSWER)
async def main():
    global LOOP
    LOOP = asyncio.get_running_loop()
    server = await LOOP.create_server(Mock, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.Event().wait()
uvloop.run(main())
"""

PEER = """
import json, sys, time
from inspect_ai import Task, eval
from inspect_ai.dataset import Sample, MemoryDataset
from inspect_ai.scorer import match, includes, scorer, accuracy, Score
from inspect_ai.solver import generate
from inspect_ai.model import get_model, GenerateConfig
url, rows, folder = sys.argv[1], int(sys.argv[2]), sys.argv[3]
answer = sys.argv[4]
@scorer(metrics=[accuracy()])
def valid_json():
    async def score(state, target):
        try:
            good = isinstance(json.loads(state.output.completion), dict)
        except ValueError:
            good = False
        return Score(value=1 if good else 0)
    return score
samples = MemoryDataset([Sample(input=f"Ticket {n}: where is my order?", target=answer) for n in range(rows)])
task = Task(dataset=samples, solver=generate(), scorer=[match(location="exact"), includes(), valid_json()])
model = get_model("openai/m", base_url=url + "/v1", api_key="none", responses_api=False,
                  config=GenerateConfig(max_connections=64, max_tokens=64, temperature=0))
began = time.perf_counter()
logs = eval(task, model=model, log_dir=folder, display="none", max_samples=64, log_samples=False, log_realtime=False)
took = time.perf_counter() - began
assert logs[0].status == "success", logs[0].error
print(json.dumps({"took": took}))
"""


def questions(rows: int) -> list[Question]:
    return [
        Question(str(n), [{"role": "user", "content": f"Ticket {n}: where is my order?"}])
        for n in range(rows)
    ]


def wrk(url: str, rows: int) -> float | None:
    """Return what wrk gets a second; None where the machine has none."""
    if not shutil.which("wrk"):
        return None
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        body = json.dumps({"model": "m", "messages": questions(1)[0].messages, "max_tokens": 64})
        script.write(
            f"wrk.method='POST'\nwrk.body={body!r}\nwrk.headers['content-type']='application/json'\n"
        )
        script.flush()
        seconds = max(2, rows // 4000)
        command = [
            "wrk",
            "-t1",
            f"-c{AT_ONCE}",
            f"-d{seconds}s",
            "-s",
            script.name,
            f"{url}/v1/chat/completions",
        ]
        told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    found = re.search(r"Requests/sec:\s+([0-9.]+)", told)
    return float(found[1]) if found else None


class _Bare:
    """A receiver that looks at nothing and asks again."""

    plain = True

    def __init__(self, again: Callable[["_Bare"], None]):
        self._again = again

    def connected(self, upstream: Upstream) -> None: ...
    def head(self, status: int, headers: Any) -> None: ...
    def data(self, chunk: bytes) -> None: ...
    def full(self) -> None: ...
    def ready(self) -> None: ...
    def whole(self, body: bytes) -> None:  # noqa: ARG002 - the client's signature
        self._again(self)

    def ended(self) -> None:
        self._again(self)

    def failed(self, failure: Any) -> None:
        raise SystemExit(f"the mock fails: {failure}")


def bare(url: str, rows: int) -> float:
    """Return what the client gets a second when it does nothing else."""

    async def main() -> float:
        loop = asyncio.get_running_loop()
        wheel = Wheel(loop)
        origin = Origin(url, wheel, loop, max_open=AT_ONCE)
        body = json.dumps(
            {"model": "m", "messages": questions(1)[0].messages, "max_tokens": 64}
        ).encode()
        request = (
            b"POST /v1/chat/completions HTTP/1.1\r\nhost: mock\r\ncontent-type: application/json\r\n"
            b"content-length: %d\r\n\r\n%b" % (len(body), body)
        )
        left, over = [rows, rows], asyncio.Event()

        def again(receiver: _Bare) -> None:
            left[1] -= 1
            if left[1] == 0:
                over.set()
            elif left[0] > 0:
                left[0] -= 1
                origin.send(request, receiver)

        began = time.perf_counter()
        for _ in range(AT_ONCE):
            left[0] -= 1
            origin.send(request, _Bare(again))
        await over.wait()
        took = time.perf_counter() - began
        origin.close()
        wheel.close()
        await asyncio.sleep(0)
        return rows / took

    return uvloop.run(main())


def ours(url: str, rows: int, folder: Path) -> float:
    """Return how many rows a second are asked, written down and scored."""
    cases = [Case(q.id, "", {"queue": "refund", "reference": "A-17"}) for q in questions(rows)]
    scorers = [make(name) for name in SCORERS]
    began = time.perf_counter()
    asked = questions(rows)
    with Journal(folder / "journal", {"of": "a benchmark"}) as journal, open_chat(url, "m") as chat:
        over = line(chat, {"temperature": 0, "max_tokens": 64}, concurrency=AT_ONCE)
        terms = Terms(AT_ONCE, patience=Patience())
        early = Early({case.id: case for case in cases}, scorers, Tools())
        found = ask_all(asked, over, journal, terms, tell=lambda _: None, after=early)
    lines, _ = score_all(cases, [found[q.id, 0] for q in asked], scorers, Tools(), early=early)
    took = time.perf_counter() - began
    assert all(one["scores"]["exact_match"] == 1 for one in lines)
    return rows / took


def whole(url: str, rows: int, folder: Path) -> tuple[float, float]:
    """Return how many rows a second a whole Run does, to its report: from the verb on, and once it is taken up."""
    from volano.app import App
    from volano.app.folder import make as make_folder
    from volano.settings import load

    by = Principal("person", "bench")
    settings = load(str(folder / "home"))
    make_folder(settings)
    with App(settings) as app:
        label = {"queue": "refund", "reference": "A-17"}
        made = [{"text": f"Ticket {n}: where is my order?", "label": label} for n in range(rows)]
        app.datasets.add("tickets", made[:4], test=[*made[4:], made[0] | {"text": "x"}], by=by)
        app.datasets.add("few", made[:4], test=made[4:8], by=by)
        app.runs.launch()
        suite = {"name": "speed", "data": "tickets", "scorers": [*SCORERS],
                 "limits": {"concurrency": AT_ONCE}, "settings": {"max_tokens": 64}}  # fmt: skip
        first = app.suites.run({**suite, "data": "few"}, on=f"{url}/v1#m", by=by)
        app.runs.wait(first.id, 60)  # what a process that has run a while has loaded
        began = time.perf_counter()
        run = app.suites.run(suite, on=f"{url}/v1#m", by=by)
        done = app.runs.wait(run.id, 300)
        took = time.perf_counter() - began
        assert done.state == "done", done.error
        out = done.outputs or {}
        assert out["outcome"] == "passed", out
        assert done.started_us
        assert done.ended_us
        return int(out["asked"]) / took, int(out["asked"]) * 1e6 / (done.ended_us - done.started_us)


def peer(url: str, rows: int, folder: Path) -> float:
    """Return how many rows a second inspect_ai does, its own start not counted."""
    python = ENVIRONMENT / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", str(ENVIRONMENT)], check=True)
        subprocess.run([python, "-m", "pip", "install", "-q", "inspect_ai", "openai"], check=True)
    told = subprocess.run(
        [python, "-c", PEER, url, str(rows), str(folder / "logs"), ANSWER],
        capture_output=True, text=True, check=False,
        env={"PATH": "/usr/bin:/bin", "HOME": str(folder), "OPENAI_API_KEY": "none"},
    )  # fmt: skip
    if told.returncode:
        raise SystemExit(told.stderr[-3000:])
    return rows / float(json.loads(told.stdout.strip().splitlines()[-1])["took"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=5000)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--peer-rows", type=int, default=1000)
    parser.add_argument("--no-peer", action="store_true")
    given = parser.parse_args()
    mock = subprocess.Popen(
        [sys.executable, "-c", MOCK, ANSWER, str(PAUSE_S)], stdout=subprocess.PIPE, text=True
    )
    assert mock.stdout
    url = f"http://127.0.0.1:{int(mock.stdout.readline())}"
    try:
        _measure(url, given)
    finally:
        mock.kill()
        mock.wait()


def _measure(url: str, given: argparse.Namespace) -> None:
    found: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory(prefix="volano-bench-") as temporary:
        warm = Path(temporary) / "warm"
        warm.mkdir()
        ours(url, 2 * AT_ONCE, warm)  # a start is not counted, ours as little as the peer's
        for turn in range(given.repeat):
            folder = Path(temporary) / str(turn)
            folder.mkdir()
            if (top := wrk(url, given.rows)) is not None:
                found.setdefault("wrk", []).append(top)
            found.setdefault("bare", []).append(bare(url, given.rows))
            found.setdefault("ours", []).append(ours(url, given.rows, folder))
            waited, worked = whole(url, given.rows, folder)
            found.setdefault("whole, with the queue", []).append(waited)
            found.setdefault("whole", []).append(worked)
            if not given.no_peer:
                found.setdefault("inspect_ai", []).append(peer(url, given.peer_rows, folder))
    mid = {name: statistics.median(values) for name, values in found.items()}
    ceiling = max(mid.get("wrk", 0.0), mid["bare"])
    print(f"{os.cpu_count()} cores, which the mock shares; load {os.getloadavg()[0]:.1f}")
    print(
        f"{given.rows} rows, {AT_ONCE} at once, a mock of {PAUSE_S * 1000:g} ms, median of {given.repeat}"
    )
    print(f"most that {AT_ONCE} at once allow   {AT_ONCE / PAUSE_S:8,.0f} a second")
    for name, values in found.items():
        print(f"{name:<28} {mid[name]:8,.0f} a second   ({', '.join(f'{v:,.0f}' for v in values)})")
    print(f"asking and scoring           {mid['ours'] / ceiling:8.2f} of the ceiling   (bar: 0.80)")
    print(
        f"the whole Run                {mid['whole'] / ceiling:8.2f} of the ceiling   (bar: 0.80)"
    )
    print(
        f"with its wait in the queue   {mid['whole, with the queue'] / ceiling:8.2f} of the ceiling"
    )
    if "inspect_ai" in mid:
        print(
            f"against inspect_ai           {mid['ours'] / mid['inspect_ai']:8.1f} times         (bar: 3)"
        )
        print(f"the whole Run against it     {mid['whole'] / mid['inspect_ai']:8.1f} times")


if __name__ == "__main__":
    main()
