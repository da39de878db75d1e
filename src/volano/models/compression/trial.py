"""Trial: a form answers prompts, in a process of its own, so that its memory is its own.

    python -m volano.models.compression.trial < SPEC > RESULT

The spec: `{"folder", "format", "prompts", "max_tokens", "context"}`; the result:
`{"answers", "load_s", "seconds", "tokens", "peak_bytes"}`. Prompts are asked
one after the other on one thread, which compares engines fairly and flatters
none; a GGUF is asked through the real engine and its chat completions, the
others through their library. `peak_bytes` is the resident memory of the process that holds the
weights, at its highest.
"""

import json
import os
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from volano.jobs import lifeline
from volano.models.export.vocabulary import Vocabulary
from volano.serving import EngineSpec, engine


def run(spec: Mapping[str, Any]) -> dict[str, Any]:
    """Answer the prompts, and say how long it took and what it needed.

    Raises:
        EngineFailedError: llama.cpp does not take the file.
    """
    folder, prompts = Path(spec["folder"]), spec["prompts"]
    ask = _llamacpp if spec["format"] == "gguf" else _library
    return ask(folder, prompts, spec)


def _llamacpp(folder: Path, prompts: Sequence[str], spec: Mapping[str, Any]) -> dict[str, Any]:
    answers, tokens = [], 0
    with tempfile.TemporaryDirectory(prefix="volano-") as home:
        plan = EngineSpec(
            name="trial",
            model_path=str((folder / "model.gguf").absolute()),
            alias="trial",
            address=f"unix:{home}/engine.sock",
            n_parallel=1,
            n_ctx=spec["context"],
        )
        began = time.perf_counter()
        with engine(plan) as chat:
            loaded = time.perf_counter()
            for prompt in prompts:
                messages = [{"role": "user", "content": prompt}]
                answer = chat(messages, max_tokens=spec["max_tokens"], temperature=0)
                answers.append(answer.text)
                tokens += answer.completion_tokens or 0
            ended = time.perf_counter()
            peak = max(map(_peak, _children()), default=0)
    return _result(answers, tokens, loaded - began, ended - loaded, peak)


def _library(folder: Path, prompts: Sequence[str], spec: Mapping[str, Any]) -> dict[str, Any]:
    from volano.models.export import greedy

    began = time.perf_counter()
    decoder = greedy.open_decoder(folder, spec["format"])
    loaded = time.perf_counter()
    vocabulary = Vocabulary.of(folder)
    answers, tokens, seconds = [], 0, 0.0
    for prompt in prompts:
        ids = vocabulary.ids(prompt)
        since = time.perf_counter()
        said = decoder.answer(ids, max_tokens=spec["max_tokens"], ends=vocabulary.ends)
        seconds += time.perf_counter() - since
        tokens += len(said)
        answers.append(vocabulary.text(said))
    return _result(answers, tokens, loaded - began, seconds, _peak(os.getpid()))


def _peak(pid: int) -> int:
    """Return the highest resident memory of a process (`VmHWM`, proc(5)).

    Not `ru_maxrss`: a child inherits what its parent had when it was started.
    """
    lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) << 10 for line in lines if line.startswith("VmHWM:"))


def _children() -> list[int]:
    tasks = Path("/proc/self/task").iterdir()
    return [int(pid) for task in tasks for pid in (task / "children").read_text().split()]


def _result(
    answers: list[str], tokens: int, load_s: float, seconds: float, peak: int
) -> dict[str, Any]:
    return {
        "answers": answers,
        "load_s": round(load_s, 4),
        "seconds": round(seconds, 4),
        "tokens": tokens,
        "peak_bytes": peak,
    }


if __name__ == "__main__":
    lifeline.hold()
    sys.stdout.write(json.dumps(run(json.load(sys.stdin))))
