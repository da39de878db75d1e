"""Launch: start a foreign server as this process's child, and end it with us.

A server such as vLLM starts processes of its own. The lifeline ends the whole
group when the supervisor is gone; SIGTERM goes on to the server, which drains.
"""

import argparse
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from volano.core.errors import VolanoError
from volano.jobs import lifeline
from volano.serving import gpu
from volano.serving.errors import EngineFailedError
from volano.serving.spec import EngineSpec

GIB = 1 << 30


def main(flags: Callable[[EngineSpec], list[str]], says: str) -> int:
    """Read the command line, start the server and wait for its end; return its exit code."""
    parser = argparse.ArgumentParser(description=says)
    parser.add_argument("--spec", required=True, help="an EngineSpec as JSON")
    arguments = parser.parse_args()
    lifeline.hold(whole_group=True)
    try:
        spec = EngineSpec.from_json(arguments.spec)
        return run(spec, flags(spec))
    except VolanoError as error:
        sys.stderr.write(f"{error.message}\n{error.advice}\n")
        return 1


def run(spec: EngineSpec, argv: Sequence[str]) -> int:
    """Start the server on a GPU with room and wait for its end.

    Raises:
        EngineFailedError: it is not installed, or no GPU has room.
    """
    os.umask(0o077)
    try:
        server = subprocess.Popen(argv, env={**os.environ, **devices(spec, gpu.gpus())})
    except FileNotFoundError as error:
        reason = f"`{argv[0]}` is not installed here"
        raise EngineFailedError(name=spec.name, reason=reason) from error
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: server.terminate())
    return server.wait()


def devices(spec: EngineSpec, found: Sequence[gpu.GPU]) -> dict[str, str]:
    """Return the environment that gives a server its GPUs; none where the owner has chosen.

    Raises:
        EngineFailedError: no GPU has room for `gpu_memory_gib`.
    """
    if "CUDA_VISIBLE_DEVICES" in os.environ or not found:
        return {}
    needs = int(float(spec.options.get("gpu_memory_gib", 0)) * GIB)
    count = int(spec.options.get("tensor_parallel", 1))
    chosen = gpu.choose(found, needs_bytes=needs, count=count)
    if chosen is None:
        free = ", ".join(f"{one.free_bytes / GIB:.0f} GiB" for one in found)
        reason = f"no {count} GPU with room for it; free are {free}"
        raise EngineFailedError(name=spec.name, reason=reason)
    return {"CUDA_VISIBLE_DEVICES": ",".join(one.uuid for one in chosen)}


def flagged(options: Mapping[str, Any], names: Mapping[str, str]) -> list[str]:
    """Return flags for the options that are set: `--name value`, or `--name` for True."""
    flags: list[str] = []
    for name, flag in names.items():
        value = options.get(name)
        if value is True:
            flags.append(flag)
        elif value not in (None, False, ""):
            flags += [flag, str(value)]
    return flags


def unknown(spec: EngineSpec, known: Sequence[str]) -> None:
    """Refuse options that this engine does not have.

    Raises:
        EngineFailedError: says which.
    """
    strange = sorted(set(spec.options) - set(known))
    if strange:
        reason = f"it has no option {', '.join(strange)}; it has {', '.join(sorted(known))}"
        raise EngineFailedError(name=spec.name, reason=reason)
