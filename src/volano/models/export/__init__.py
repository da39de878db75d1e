"""Export: a model's folder as the files that engines read.

What enters: a folder with `config.json`, `tokenizer.json` and safetensors, made
here or imported. What leaves: `gguf` for llama.cpp (`ladder` holds its types,
`dialects` the architectures, `words` the tokenizers), `onnx` for ONNX Runtime,
`ct2` for CTranslate2, and, by converters in an environment of their own,
`litert` and `executorch`. `vocabulary` turns prompts into token ids and back
without torch; `greedy` answers with ONNX Runtime or CTranslate2.

Lazy, because each format needs packages of its own.
"""

from importlib import import_module
from typing import Any

_PUBLIC = {
    "NotExportableError": "volano.models.export.errors",
    "RowsDoNotFitError": "volano.models.export.errors",
    "export": "volano.models.export.gguf",
}

__all__ = ["NotExportableError", "RowsDoNotFitError", "export"]


def __getattr__(name: str) -> Any:
    if name in _PUBLIC:
        return getattr(import_module(_PUBLIC[name]), name)
    raise AttributeError(f"module 'volano.models.export' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
