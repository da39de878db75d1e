"""Safetensors: a length, a header in JSON, and the numbers; all three must agree.

Source: github.com/huggingface/safetensors, README, "Format".
"""

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from volano.models.checks.configs import unique
from volano.models.checks.numbers import refuse_nan
from volano.models.checks.pickles import head_of, refuse_pickle
from volano.models.checks.reading import Bytes, opened

BITS = {
    "BOOL": 8, "U8": 8, "I8": 8, "I16": 16, "U16": 16, "F16": 16, "BF16": 16, "I32": 32,
    "U32": 32, "F32": 32, "F64": 64, "I64": 64, "U64": 64, "C64": 64, "F8_E4M3": 8, "F8_E5M2": 8,
    "F8_E8M0": 8, "F8_E4M3FNUZ": 8, "F8_E5M2FNUZ": 8, "F4": 4, "F6_E2M3": 6, "F6_E3M2": 6,
}  # fmt: skip
MOST_HEADER = 16 << 20
MOST_TENSORS = 100_000
MOST_DIMS = 8
_MOST_MARKS = 1_500_000
"""So many commas and brackets 100,000 tensors never have; more would only fill the memory."""


@dataclass(frozen=True, slots=True)
class Tensors:
    """What a file of safetensors holds."""

    names: tuple[str, ...]
    parameters: int
    dtypes: tuple[str, ...]
    metadata: dict[str, str]
    shapes: dict[str, tuple[int, ...]]
    types: dict[str, str]
    """The dtype of each, as the file calls it."""


def check_safetensors(path: Path, name: str = "", *, numbers: bool = True) -> Tensors:
    """Check header, types, shapes and offsets against each other and the file's size.

    Without `numbers` the weights themselves are not looked at.

    Raises:
        RefusedFileError: they do not agree, a weight is NaN, or it is another kind of file.
    """
    if head_of(path)[4:9] != b"\0\0\0\0{":  # a header of 640 bytes begins as a pickle does
        refuse_pickle(path, name)
    with opened(path, name) as data:
        length = data.number("Q", "the length of its header")
        if length > MOST_HEADER:
            data.refuse(f"its header says to have {length} bytes, more than {MOST_HEADER}")
        raw = data.take(length, "its header", most=MOST_HEADER)
        header = _header(data, raw)
        found = _agreed(data, header)
        for tensor, told in header.items() if numbers else ():
            begin, end = (data.at + at for at in told["data_offsets"])
            refuse_nan(data, told["dtype"], begin, end, tensor)
        return found


def _header(data: Bytes, raw: bytes) -> dict[str, Any]:
    if sum(map(raw.count, (b",", b"[", b"{"))) > _MOST_MARKS:
        data.refuse(f"its header has more parts than {MOST_TENSORS} tensors have")
    try:
        header = json.loads(raw, object_pairs_hook=unique)
    except (ValueError, RecursionError) as error:
        data.refuse(f"its header is not JSON: {str(error)[:120]}")
    if not isinstance(header, dict):
        data.refuse("its header is not an object")
    if len(header) > MOST_TENSORS:
        data.refuse(f"it has {len(header)} tensors, more than {MOST_TENSORS}")
    return header


def _agreed(data: Bytes, header: dict[str, Any]) -> Tensors:
    metadata = header.pop("__metadata__", {})
    if not isinstance(metadata, dict) or not all(isinstance(v, str) for v in metadata.values()):
        data.refuse("its `__metadata__` is not texts by name")
    spans, parameters, dtypes = [], 0, dict[str, None]()
    for name, told in header.items():
        begin, end, count = _tensor(data, name, told)
        spans.append((begin, end, name))
        parameters += count
        dtypes[told["dtype"]] = None
    at = 0
    for begin, end, name in sorted(spans):
        if begin != at:
            what = "overlaps the one before it" if begin < at else "leaves a gap before it"
            data.refuse(f"the tensor `{name[:80]}` {what}")
        at = end
    if at != data.left:
        data.refuse(f"its tensors have {at} bytes, and {data.left} follow the header")
    shapes = {name: tuple(told["shape"]) for name, told in header.items()}
    types = {name: told["dtype"] for name, told in header.items()}
    return Tensors(tuple(header), parameters, tuple(dtypes), metadata, shapes, types)


def _tensor(data: Bytes, name: str, told: Any) -> tuple[int, int, int]:
    """Return where a tensor begins and ends, and how many numbers it has."""
    shown = name[:80]
    if not isinstance(told, dict) or told.keys() != {"dtype", "shape", "data_offsets"}:
        data.refuse(f"the tensor `{shown}` has not just a dtype, a shape and offsets")
    dtype, shape, offsets = told["dtype"], told["shape"], told["data_offsets"]
    if not isinstance(dtype, str) or dtype not in BITS:
        data.refuse(f"the tensor `{shown}` has an unknown dtype")
    if not _counts(shape) or len(shape) > MOST_DIMS:
        data.refuse(f"the shape of the tensor `{shown}` is none")
    if not _counts(offsets) or len(offsets) != 2 or offsets[0] > offsets[1]:
        data.refuse(f"the offsets of the tensor `{shown}` are none")
    if offsets[1] > data.left:
        data.refuse(f"the tensor `{shown}` ends beyond the file")
    count = math.prod(shape)
    if count * BITS[dtype] != 8 * (offsets[1] - offsets[0]):
        dims = "×".join(map(str, shape))[:80]
        data.refuse(f"the tensor `{shown}` says {dims} of {dtype}, which is not its bytes")
    return offsets[0], offsets[1], count


def _counts(value: Any) -> bool:
    return isinstance(value, list) and all(
        isinstance(one, int) and not isinstance(one, bool) and 0 <= one < 2**48 for one in value
    )
