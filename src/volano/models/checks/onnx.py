"""ONNX: a protobuf walked with bounds, for the shapes and the places of its weights.

Every nested message lies within the one around it, so the walk is bounded by
the file; its depth and its count of fields are bounded besides. Weights may
lie beside the model: then only in its own folder, and within their file.

Source: onnx/onnx.proto3 (field numbers); protobuf.dev, "Encoding".
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from volano.models.checks.pickles import refuse_pickle
from volano.models.checks.reading import Bytes, opened

MOST_FIELDS = 5_000_000
MOST_DEPTH = 24
MOST_DIMS = 16

BITS = {
    1: 32, 2: 8, 3: 8, 4: 16, 5: 16, 6: 32, 7: 64, 9: 8, 10: 16, 11: 64, 12: 32, 13: 64, 14: 64,
    15: 128, 16: 16, 17: 8, 18: 8, 19: 8, 20: 8, 21: 4, 22: 4, 23: 4, 24: 8, 25: 2, 26: 2,
}  # fmt: skip
"""Bits of a number by `TensorProto.DataType`; texts (8) have none."""

_MESSAGES: Mapping[str, Mapping[int, str]] = {
    "model": {7: "graph", 25: "function"},
    "graph": {1: "node", 5: "tensor", 15: "sparse"},
    "function": {7: "node"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse"},
    "sparse": {1: "tensor", 2: "tensor"},
}
"""Which fields of which messages lead to tensors."""

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5


@dataclass(slots=True)
class Graph:
    """What an ONNX file holds; `outside` are the files of its weights, relative to it."""

    parameters: int = 0
    tensors: int = 0
    outside: set[str] = field(default_factory=set)
    fields: int = 0


@dataclass(slots=True)
class _Tensor:
    dims: list[int] = field(default_factory=list)
    dtype: int = 0
    raw: int = -1
    typed: int = 0
    external: bool = False
    place: dict[str, str] = field(default_factory=dict)


def check_onnx(path: Path, name: str = "", *, files: Mapping[str, Path]) -> Graph:
    """Walk an ONNX file. `files` are those of its folder by relative name.

    Raises:
        RefusedFileError: a length, a shape or a place in it is a lie, or it is no ONNX.
    """
    refuse_pickle(path, name)
    with opened(path, name) as data:
        found = Graph()
        _walk(data, "model", found, files, 0)
        if not found.fields or not found.tensors:
            data.refuse("it holds no weights: it is no ONNX model")
    return found


def _walk(data: Bytes, kind: str, found: Graph, files: Mapping[str, Path], depth: int) -> None:
    if depth > MOST_DEPTH:
        data.refuse(f"it is nested deeper than {MOST_DEPTH}")
    for number, value in _fields(data, found):
        child = _MESSAGES[kind].get(number)
        if child is None:
            continue
        if not isinstance(value, Bytes):
            data.refuse(f"a {child} in it is no message")
        if child == "tensor":
            _check_tensor(value, found, files)
        else:
            _walk(value, child, found, files, depth + 1)


def _check_tensor(data: Bytes, found: Graph, files: Mapping[str, Path]) -> None:
    told = _read_tensor(data, found)
    count = math.prod(told.dims)
    shown = "×".join(map(str, told.dims))[:80] or "one number"
    if len(told.dims) > MOST_DIMS or any(not 0 <= dim < 2**48 for dim in told.dims):
        data.refuse(f"a tensor says to be {shown}")
    found.tensors += 1
    found.parameters += count
    if told.external:
        _check_outside(data, told, count, found, files)
    elif told.raw >= 0:
        if told.dtype not in BITS or -(-count * BITS[told.dtype] // 8) != told.raw:
            data.refuse(f"a tensor says {shown}, which is not its {told.raw} bytes")
    elif count > 2 * told.typed:
        data.refuse(f"a tensor says {shown}, and only {told.typed} bytes of numbers are there")


def _check_outside(
    data: Bytes, told: _Tensor, count: int, found: Graph, files: Mapping[str, Path]
) -> None:
    """Check that weights beside the model lie in its own folder, and within their file."""
    where = told.place.get("location", "")
    if not where or where.startswith("/") or "\\" in where or ".." in where.split("/"):
        data.refuse(f"its weights lie at {ascii(where)[:80]}, which leads out of its folder")
    inner = PurePosixPath(data.name).parent / where
    file = files.get(str(inner))
    if file is None:
        data.refuse(f"its weights should lie in {ascii(where)[:80]}, which is not there")
    try:
        begin = int(told.place.get("offset", "0"))
        size = int(told.place.get("length", "-1"))
    except ValueError:
        data.refuse("the place of its weights is no number")
    wanted = -(-count * BITS.get(told.dtype, 0) // 8)
    size = wanted if size < 0 else size
    if told.dtype not in BITS or size != wanted:
        data.refuse(f"a tensor's shape is not its {size} bytes in {where[:80]}")
    if begin < 0 or begin + size > file.stat().st_size:
        data.refuse(f"its weights end beyond {where[:80]}")
    found.outside.add(str(inner))


def _read_tensor(data: Bytes, found: Graph) -> _Tensor:
    told = _Tensor()
    for number, value in _fields(data, found):
        match number, value:
            case 1, int():
                told.dims.append(value)
            case 1, Bytes():
                while value.left and len(told.dims) <= MOST_DIMS:
                    told.dims.append(_varint(value))
            case 2, int():
                told.dtype = value
            case 9, Bytes():
                told.raw = value.left
            case 13, Bytes():
                told.place |= dict([_pair(value, found)])
            case 14, int():
                told.external = value == 1
            case 4 | 5 | 6 | 7 | 10 | 11, Bytes():
                told.typed += value.left + 8
            case 4 | 5 | 6 | 7 | 10 | 11, _:
                told.typed += 8
        if len(told.dims) > MOST_DIMS:
            data.refuse(f"a tensor has more than {MOST_DIMS} dimensions")
    return told


def _pair(data: Bytes, found: Graph) -> tuple[str, str]:
    texts = {1: "", 2: ""}
    for number, value in _fields(data, found):
        if number in texts and isinstance(value, Bytes):
            texts[number] = value.text(value.left, "the place of its weights", most=4096)
    return texts[1], texts[2]


def _fields(data: Bytes, found: Graph) -> "Iterator[tuple[int, int | Bytes | None]]":
    """Yield each field's number and value: a number, a reader of its bytes, or None."""
    while data.left:
        found.fields += 1
        if found.fields > MOST_FIELDS:
            data.refuse(f"it has more than {MOST_FIELDS} fields")
        tag = _varint(data)
        number, wire = tag >> 3, tag & 7
        if number == 0:
            data.refuse("it is no protobuf: a field has the number 0")
        if wire == _BYTES:
            yield number, data.part(_varint(data), "a field")
        elif wire == _VARINT:
            yield number, _varint(data)
        elif wire in (_FIXED64, _FIXED32):
            data.skip(8 if wire == _FIXED64 else 4, "a field")
            yield number, None
        else:
            data.refuse(f"it is no protobuf: a field is of the type {wire}")


def _varint(data: Bytes) -> int:
    found = 0
    for shift in range(0, 70, 7):
        byte = data.number("B", "a number")
        found |= (byte & 0x7F) << shift
        if byte < 0x80:
            return found
    return data.refuse("it is no protobuf: a number has more than ten bytes")
