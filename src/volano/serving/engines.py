"""The kinds of engines: which formats each runs, how it is started, what it calls its figures.

llamacpp, ctranslate2, onnx   our own processes, on a Unix socket
vllm, sglang                  started by a process of ours, or attached where they run already
ollama                        attached only: it starts and stops models by itself
"""

from collections.abc import Container, Mapping
from dataclasses import dataclass, field
from typing import Any

from volano.core.plugins import Registry
from volano.serving.errors import UnknownEngineError
from volano.serving.spec import DIALECTS, STARTED

COMPLETIONS = {name: DIALECTS[name] for name in ("openai.chat", "openai.completions")}


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of engine.

    `figures` says under which names its `/metrics` has each field of `Vitals`,
    the newest name first; `tokenize` is the field that its `/tokenize` takes a
    text in, empty where it has no such door.
    """

    name: str
    formats: tuple[str, ...] = ()
    folder: bool = True
    """Whether it is given a folder, or else one file."""
    dialects: Mapping[str, str] = field(default_factory=lambda: dict(COMPLETIONS))
    figures: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    tokenize: str = ""
    schemas: bool = True
    """Whether it can hold an answer to a JSON schema."""


_OWN = {
    "tokens": ("volano_engine_tokens_total",),
    "busy": ("volano_engine_busy",),
    "queued": ("volano_engine_queued",),
    "slots": ("volano_engine_slots",),
}

KINDS: Registry[Kind] = Registry("engine")


def add(kind: Kind) -> Kind:
    """Make a kind known. Raises PluginTakenError where the name is taken."""
    return KINDS.register(kind.name)(kind)


LLAMACPP = add(
    Kind(
        "llamacpp", ("gguf",), folder=False, dialects=DIALECTS,
        tokenize="content",
        figures={
            "tokens": ("llamacpp:tokens_predicted_total",),
            "tokens_per_s": ("llamacpp:predicted_tokens_seconds",),
            "busy": ("llamacpp:requests_processing",),
            "queued": ("llamacpp:requests_deferred",),
            "kv_use": ("llamacpp:kv_cache_usage_ratio",),
        },
    )
)  # fmt: skip
CTRANSLATE2 = add(Kind("ctranslate2", ("ct2",), figures=_OWN, tokenize="content", schemas=False))
ONNX = add(Kind("onnx", ("onnx",), figures=_OWN, tokenize="content", schemas=False))
VLLM = add(
    # https://docs.vllm.ai/en/stable/usage/metrics/
    Kind(
        "vllm", ("safetensors",), tokenize="prompt",
        figures={
            "tokens": ("vllm:generation_tokens_total",),
            "busy": ("vllm:num_requests_running",),
            "queued": ("vllm:num_requests_waiting",),
            "kv_use": ("vllm:kv_cache_usage_perc", "vllm:gpu_cache_usage_perc"),
        },
    )
)  # fmt: skip
SGLANG = add(
    # https://docs.sglang.io/references/production_metrics.html
    Kind(
        "sglang", ("safetensors",), tokenize="prompt",
        figures={
            "tokens": ("sglang:generation_tokens_total",),
            "tokens_per_s": ("sglang:gen_throughput",),
            "busy": ("sglang:num_running_reqs",),
            "queued": ("sglang:num_queue_reqs",),
            "kv_use": ("sglang:token_usage",),
        },
    )
)  # fmt: skip
OLLAMA = add(Kind("ollama"))


def engine_of(meta: Mapping[str, Any], files: Container[str] = ()) -> Kind:
    """Return the kind that serves a model: the one it names, llama.cpp where there is GGUF, or its format's.

    Models recorded before they named a format are GGUF.

    Args:
        meta: of the model's manifest.
        files: the names of its files.

    Raises:
        UnknownEngineError: no engine runs this format here.
    """
    named, form = meta.get("engine"), meta.get("format") or "gguf"
    if not named and "model.gguf" in files:
        return LLAMACPP
    for name in KINDS:
        kind = KINDS.get(name)
        if name in STARTED and (name == named or (not named and form in kind.formats)):
            return kind
    raise UnknownEngineError(kind=named or f"for {form}", known=", ".join(STARTED))
