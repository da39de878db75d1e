"""vLLM as a process: `python -m volano.adapters.engines.vllm --spec JSON` starts `vllm serve`.

Flags: https://docs.vllm.ai/en/stable/cli/serve/. Here only the command line is
made and tested; vLLM itself needs a GPU and is not among volano's packages.
"""

import sys
from collections.abc import Mapping

from volano.adapters.engines.launch import flagged, unknown
from volano.adapters.engines.launch import main as launch
from volano.serving.spec import EngineSpec

FLAGS = {
    "dtype": "--dtype",
    "quantization": "--quantization",
    "kv_cache_dtype": "--kv-cache-dtype",
    "gpu_memory_utilization": "--gpu-memory-utilization",
    "tensor_parallel": "--tensor-parallel-size",
    "pipeline_parallel": "--pipeline-parallel-size",
    "seed": "--seed",
    "chat_template": "--chat-template",
    "enforce_eager": "--enforce-eager",
}
OWN = ("prefix_caching", "adapters", "max_adapter_rank", "gpu_memory_gib")


def flags(spec: EngineSpec) -> list[str]:
    """Return the command line. `options["adapters"]` maps names to LoRA folders.

    Raises:
        EngineFailedError: an option that it does not have.
    """
    unknown(spec, (*FLAGS, *OWN))
    options = spec.options
    caching = options.get("prefix_caching", True)
    return [
        "vllm", "serve", spec.model_path,
        "--uds", str(spec.socket),
        "--served-model-name", spec.alias,
        "--max-model-len", str(spec.n_ctx // spec.n_parallel),
        "--max-num-seqs", str(spec.n_parallel),
        "--enable-prefix-caching" if caching else "--no-enable-prefix-caching",
        "--disable-uvicorn-access-log",
        *flagged(options, FLAGS),
        *_adapters(options.get("adapters") or {}, options.get("max_adapter_rank")),
    ]  # fmt: skip


def _adapters(adapters: Mapping[str, str], rank: int | None) -> list[str]:
    if not adapters:
        return []
    modules = [f"{name}={folder}" for name, folder in sorted(adapters.items())]
    most = ["--max-lora-rank", str(rank)] if rank else []
    return ["--enable-lora", "--max-loras", str(len(modules)), *most, "--lora-modules", *modules]


if __name__ == "__main__":
    sys.exit(launch(flags, "Serve one model by vLLM on a Unix socket."))
