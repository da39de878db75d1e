"""SGLang as a process: `python -m volano.adapters.engines.sglang --spec JSON` starts its server.

Flags: https://docs.sglang.io/advanced_features/server_arguments.html. It listens
on a port of the loopback (`spec.address` is `http://127.0.0.1:PORT`), for it
knows no Unix sockets. Here only the command line is made and tested; SGLang
needs a GPU and is not among volano's packages.
"""

import sys
from collections.abc import Mapping
from urllib.parse import urlsplit

from volano.adapters.engines.launch import flagged, unknown
from volano.adapters.engines.launch import main as launch
from volano.serving.errors import BadAddressError
from volano.serving.spec import EngineSpec

FLAGS = {
    "dtype": "--dtype",
    "quantization": "--quantization",
    "kv_cache_dtype": "--kv-cache-dtype",
    "gpu_memory_utilization": "--mem-fraction-static",
    "tensor_parallel": "--tensor-parallel-size",
    "pipeline_parallel": "--pipeline-parallel-size",
    "seed": "--random-seed",
    "chat_template": "--chat-template",
}
OWN = ("prefix_caching", "adapters", "max_adapter_rank", "gpu_memory_gib")
LOOPBACK = ("127.0.0.1", "::1", "localhost")


def flags(spec: EngineSpec) -> list[str]:
    """Return the command line. `options["adapters"]` maps names to LoRA folders.

    Raises:
        EngineFailedError: an option that it does not have.
        BadAddressError: not a port of the loopback.
    """
    unknown(spec, (*FLAGS, *OWN))
    host, port = _place(spec.address)
    options = spec.options
    return [
        sys.executable, "-m", "sglang.launch_server",
        "--model-path", spec.model_path,
        "--host", host, "--port", str(port),
        "--served-model-name", spec.alias,
        "--context-length", str(spec.n_ctx // spec.n_parallel),
        "--max-running-requests", str(spec.n_parallel),
        "--enable-metrics",
        *([] if options.get("prefix_caching", True) else ["--disable-radix-cache"]),
        *flagged(options, FLAGS),
        *_adapters(options.get("adapters") or {}, options.get("max_adapter_rank")),
    ]  # fmt: skip


def _place(address: str) -> tuple[str, int]:
    try:
        parts = urlsplit(address)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise BadAddressError(address=address, reason=str(error)) from error
    if parts.scheme != "http" or host not in LOOPBACK or not port:
        raise BadAddressError(address=address, reason="SGLang listens on `http://127.0.0.1:PORT`")
    return host, port


def _adapters(adapters: Mapping[str, str], rank: int | None) -> list[str]:
    if not adapters:
        return []
    paths = [f"{name}={folder}" for name, folder in sorted(adapters.items())]
    most = ["--max-lora-rank", str(rank)] if rank else []
    return [
        "--enable-lora",
        "--max-loras-per-batch",
        str(len(paths)),
        *most,
        "--lora-paths",
        *paths,
    ]


if __name__ == "__main__":
    sys.exit(launch(flags, "Serve one model by SGLang on a port of the loopback."))
