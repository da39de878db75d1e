"""The ladder: the tensor types of GGUF, from 32 bits down to 2, and how weights are packed.

Q8_0 and Q4_0 are packed by the `gguf` package in numpy. For the others ggml's
own `ggml_quantize_chunk` is called in the shared object of xllamacpp: an
exported symbol, not a documented API, so that a test watches it. No importance
matrix is used, hence no type below Q2_K. Blocks are ggml's: 32 weights share a
scale, in K-quants 256 (llama.cpp, pull request 1684). What does not fit is
refused: llama.cpp's own tool takes another type then, and its "Q2_K" of a narrow model is none.
"""

import ctypes
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import cast

import gguf
import numpy as np

from volano.models.export.errors import RowsDoNotFitError

FLOATS = ("F32", "F16", "BF16")
LADDER = (
    "Q8_0", "Q6_K", "Q5_K", "Q5_1", "Q5_0", "Q4_K", "Q4_1", "Q4_0", "IQ4_NL", "Q3_K", "Q2_K",
)  # fmt: skip
"""Quantized types, from the finest down."""

PURE = ("F32", "F16", "BF16", "Q8_0", "Q4_0")
"""Types that need no shared object."""

FILE_TYPES = {
    "F32": "ALL_F32", "Q3_K": "MOSTLY_Q3_K_S", "Q4_K": "MOSTLY_Q4_K_S", "Q5_K": "MOSTLY_Q5_K_S",
}  # fmt: skip
"""Names that differ from `MOSTLY_` and the type."""


def file_type(kind: str) -> gguf.LlamaFileType:
    """Return what `general.file_type` says of a file whose matrices are of this type."""
    return gguf.LlamaFileType[FILE_TYPES.get(kind, f"MOSTLY_{kind}")]


def block(kind: str) -> int:
    """Return how many weights of a row share a scale; 1 for floats."""
    return int(gguf.GGML_QUANT_SIZES[gguf.GGMLQuantizationType[kind]][0])


def pack(rows: np.ndarray, kind: str, *, tensor: str = "tensor") -> np.ndarray:
    """Return a matrix `(rows, width)` of floats as bytes of this type.

    Raises:
        RowsDoNotFitError: the width is no multiple of the type's block.
    """
    if rows.shape[-1] % block(kind):
        width = rows.shape[-1]
        raise RowsDoNotFitError(kind=kind, block=block(kind), tensor=tensor, width=width)
    rows = np.ascontiguousarray(rows, dtype=np.float32)
    if kind in PURE:
        return np.asarray(gguf.quants.quantize(rows, gguf.GGMLQuantizationType[kind]))
    return _chunk(rows, gguf.GGMLQuantizationType[kind])


def _chunk(rows: np.ndarray, kind: gguf.GGMLQuantizationType) -> np.ndarray:
    """Round by ggml itself: `(source, target, first, rows, width, importance)`; returns bytes."""
    count, width = rows.shape
    per_block, size = gguf.GGML_QUANT_SIZES[kind]
    packed = np.zeros((count, width // per_block * size), np.uint8)
    _quantize()(int(kind), rows.ctypes.data, packed.ctypes.data, 0, count, width, None)
    return packed


@cache
def _quantize() -> Callable[..., int]:
    """Find the function. Its tables for IQ types are made by ggml on the first call."""
    import xllamacpp

    library = ctypes.CDLL(str(Path(xllamacpp.__file__).parent / "xllamacpp.abi3.so"))
    function = library.ggml_quantize_chunk
    long, pointer = ctypes.c_int64, ctypes.c_void_p
    function.restype = ctypes.c_size_t
    function.argtypes = [ctypes.c_int, pointer, pointer, long, long, long, pointer]
    return cast(Callable[..., int], function)
