"""llama.cpp as a process: `python -m volano.adapters.engines.llamacpp --spec JSON`.

It listens on a Unix socket only (llama.cpp takes a host that ends in `.sock`
for one), batches conversations continuously, says nothing but errors, and
ends on SIGTERM or when its lifeline breaks. Ctrl-C is the supervisor's to
hear: the engine must go on answering while the gateway drains.

Nobody reaches it before it is warm: it begins on a socket of its own, answers
one request by the base and one by each adapter, and only then takes the
address, in one rename. What listens at the address has answered before.
"""

import argparse
import ctypes
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import xllamacpp

from volano.core.errors import VolanoError
from volano.jobs import lifeline
from volano.serving.errors import EngineFailedError
from volano.serving.sockets import clear_socket
from volano.serving.spec import EngineSpec

ERRORS_ONLY = 1
"""llama.cpp's verbosity threshold for errors (0 output, 1 error, 2 warning, 3 info)."""

MAX_BATCH = 512
"""Tokens computed together. Small models gain nothing from more, and buffers grow with it."""

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD, M_ARENA_MAX = -1, -3, -8
KEPT_BYTES = 128 << 10
SLACK_BYTES = 4 << 20
"""Free memory at the heap's end that stays: an answer frees and takes some hundred KB, and were they
given back each time, the system would clear their pages anew (measured: 1.6 page faults a token)."""
SPARE = 4
"""Connections for those who ask how it is, beside those that calls come by."""

SMALL_BYTES = 64 * 2**20
"""Below this size of file attention is exact: keys and values in F32, no flash attention.

Both round to 16 bits otherwise. Measured: log probabilities differ from
torch's by 2e-6 instead of 2e-3, at the cost of some megabytes."""


def params(spec: EngineSpec) -> xllamacpp.CommonParams:
    """Return llama.cpp's settings for this spec."""
    p = xllamacpp.CommonParams()
    p.model.path = spec.model_path
    p.model_alias = {spec.alias}
    p.hostnames = [str(spec.socket)]
    p.n_parallel = spec.n_parallel
    p.n_ctx = spec.n_ctx
    p.n_batch = p.n_ubatch = min(MAX_BATCH, spec.n_ctx)
    p.n_threads_http = max(spec.connections, spec.n_parallel) + SPARE
    p.cpuparams.n_threads = p.cpuparams_batch.n_threads = spec.threads
    p.cont_batching = True
    p.endpoint_metrics = True
    p.ui = p.fit_params = p.endpoint_slots = False
    p.cache_ram_mib = 0  # each slot keeps its own prompt; no second cache beside it
    if spec.adapters:  # off unless a request names one
        p.lora_adapters = [xllamacpp.CommonAdapterLoraInfo(path, 0.0) for _, path in spec.adapters]
    if spec.embeds:
        _embed(p)
    if Path(spec.model_path).stat().st_size < SMALL_BYTES:
        p.cache_type_k = p.cache_type_v = xllamacpp.ggml_type.GGML_TYPE_F32
        p.flash_attn_type = xllamacpp.llama_flash_attn_type.LLAMA_FLASH_ATTN_TYPE_DISABLED
    p.verbosity = ERRORS_ONLY
    p.reasoning_format = xllamacpp.common_reasoning_format.COMMON_REASONING_FORMAT_NONE
    return p


def _embed(p: xllamacpp.CommonParams) -> None:
    """Vectors are means over a text's tokens, so a text must be computed in one piece.

    With a cache for each slot llama.cpp cuts texts of unequal length that come
    together, and takes the mean of the last piece only.
    """
    p.embedding = p.kv_unified = True
    p.n_batch = p.n_ubatch = p.n_ctx // p.n_parallel
    p.pooling_type = xllamacpp.llama_pooling_type.LLAMA_POOLING_TYPE_MEAN


def warm(server: xllamacpp.Server, spec: EngineSpec) -> None:
    """Have the base and each adapter answer once.

    Raises:
        EngineFailedError: one of them does not.
    """
    if spec.embeds:
        _warmed(spec, server.handle_embeddings({"input": "warm"}))
        return
    for alias in (spec.alias, *(alias for alias, _ in spec.adapters)):
        ask = {"prompt": "warm", "max_tokens": 1, "lora": spec.lora_of(alias)}
        _warmed(spec, server.handle_completions(ask))


def _warmed(spec: EngineSpec, answer: Any) -> None:
    if isinstance(answer, dict) and "error" in answer:
        reason = f"it does not answer: {str(answer['error'])[:200]}"
        raise EngineFailedError(name=spec.name, reason=reason)


def run(spec: EngineSpec) -> None:
    """Serve until SIGTERM or the lifeline's end.

    Raises:
        EngineFailedError: the model or the socket cannot be used.
        AddressTakenError: another process listens there.
    """
    clear_socket(spec.socket, spec.address)
    for path in (spec.model_path, *(path for _, path in spec.adapters)):
        if not Path(path).is_file():
            raise EngineFailedError(name=spec.name, reason=f"no file `{path}`")
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    os.umask(0o077)
    begin = spec.socket.with_name(f".{os.getpid()}.sock")
    begin.unlink(missing_ok=True)
    p = params(spec)
    p.hostnames = [str(begin)]
    try:
        server = xllamacpp.Server(p)
        warm(server, spec)
    except RuntimeError as error:
        begin.unlink(missing_ok=True)
        raise EngineFailedError(name=spec.name, reason="llama.cpp refused it") from error
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
    begin.rename(spec.socket)
    signal.sigwait({signal.SIGTERM})
    spec.socket.unlink(missing_ok=True)
    del server


def spare_memory() -> None:
    """Have freed memory go back to the system (glibc's mallopt(3)), where that can be said.

    Each connection has a thread, and an arena each would keep what many requests
    freed; so would one arena that learns to keep blocks of graphs and files.
    """
    with suppress(OSError, AttributeError):
        libc = ctypes.CDLL(None)
        libc.mallopt(M_ARENA_MAX, 1)
        libc.mallopt(M_MMAP_THRESHOLD, KEPT_BYTES)
        libc.mallopt(M_TRIM_THRESHOLD, SLACK_BYTES)


def main() -> int:
    """Read the command line and serve."""
    spare_memory()
    parser = argparse.ArgumentParser(description="Serve one GGUF model on a Unix socket.")
    parser.add_argument("--spec", required=True, help="an EngineSpec as JSON")
    arguments = parser.parse_args()
    lifeline.hold()
    try:
        run(EngineSpec.from_json(arguments.spec))
    except VolanoError as error:
        sys.stderr.write(f"{error.message}\n{error.advice}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
