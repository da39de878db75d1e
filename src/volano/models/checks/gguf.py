"""GGUF: magic, version, key-values, tensor infos, aligned data; walked with bounds before an engine sees it.

The walk allocates nothing by what the file says: a string is read when its
length is small and within the file, an array is passed over element by
element, and a tensor's bytes must lie in the file.

Source: github.com/ggml-org/ggml, docs/gguf.md; block sizes as `gguf.GGML_QUANT_SIZES` has them.
"""

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from volano.models.checks.configs import BOUNDS, not_positive, not_shared
from volano.models.checks.numbers import refuse_nan
from volano.models.checks.pickles import refuse_pickle
from volano.models.checks.reading import Bytes, opened

MAGIC = b"GGUF"
VERSIONS = (2, 3)
MOST_TENSORS = 100_000
MOST_KEYS = 10_000
MOST_ITEMS = 8_000_000
"""Elements of all arrays together: tokens, scores, types and merges of the largest vocabularies."""
MOST_TEXT = 1 << 20
MOST_DIMS = 4
TEMPLATE = "tokenizer.chat_template"

_TEXT, _ARRAY = 8, 9
_SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 7: "B", 10: "Q", 11: "q"}
_FLOATS = {6: "f", 12: "d"}
_SIZES = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}

TYPES: dict[int, tuple[str, int, int]] = {
    0: ("F32", 1, 4), 1: ("F16", 1, 2), 2: ("Q4_0", 32, 18), 3: ("Q4_1", 32, 20),
    6: ("Q5_0", 32, 22), 7: ("Q5_1", 32, 24), 8: ("Q8_0", 32, 34), 9: ("Q8_1", 32, 40),
    10: ("Q2_K", 256, 84), 11: ("Q3_K", 256, 110), 12: ("Q4_K", 256, 144), 13: ("Q5_K", 256, 176),
    14: ("Q6_K", 256, 210), 15: ("Q8_K", 256, 292), 16: ("IQ2_XXS", 256, 66),
    17: ("IQ2_XS", 256, 74), 18: ("IQ3_XXS", 256, 98), 19: ("IQ1_S", 256, 50),
    20: ("IQ4_NL", 32, 18), 21: ("IQ3_S", 256, 110), 22: ("IQ2_S", 256, 82),
    23: ("IQ4_XS", 256, 136), 24: ("I8", 1, 1), 25: ("I16", 1, 2), 26: ("I32", 1, 4),
    27: ("I64", 1, 8), 28: ("F64", 1, 8), 29: ("IQ1_M", 256, 56), 30: ("BF16", 1, 2),
    34: ("TQ1_0", 256, 54), 35: ("TQ2_0", 256, 66), 39: ("MXFP4", 32, 17),
    40: ("NVFP4", 64, 36), 41: ("Q1_0", 128, 18),
}  # fmt: skip
"""Name, numbers in a block, bytes of a block, by type."""

_KNOWN = {
    "block_count": BOUNDS["num_hidden_layers"],
    "embedding_length": BOUNDS["hidden_size"],
    "feed_forward_length": BOUNDS["intermediate_size"],
    "attention.head_count": BOUNDS["n_head"],
    "attention.head_count_kv": BOUNDS["n_head"],
    "context_length": BOUNDS["n_positions"],
    "vocab_size": BOUNDS["vocab_size"],
    "expert_count": BOUNDS["num_experts"],
}
_HEADS = ("attention.head_count", "attention.head_count_kv")
_ATTENDS = ".attn_q"
"""In the name of a tensor of layers with heads; networks without any (Mamba, RWKV) say 0."""


@dataclass(slots=True)
class Header:
    """What a GGUF file says of itself, without its arrays."""

    values: dict[str, Any] = field(default_factory=dict)
    types: dict[str, int] = field(default_factory=dict)
    """How many tensors have which type."""
    tensors: int = 0
    parameters: int = 0
    places: dict[str, tuple[int, int]] = field(default_factory=dict)
    """Where in the file each key stands with its value: the first byte, and the one after the last."""
    infos: tuple[int, int] = (0, 0)
    """Where the tensors are told of, behind all keys; their data follow at the next `alignment`."""

    @property
    def alignment(self) -> int:
        """What the places of the data are multiples of, in bytes."""
        return int(self.values.get("general.alignment", 32))

    @property
    def templates(self) -> dict[str, str]:
        """Its chat templates by key."""
        named = {k: v for k, v in self.values.items() if k.split(".")[:2] == TEMPLATE.split(".")}
        return {key: value for key, value in named.items() if isinstance(value, str)}

    def of(self, name: str) -> Any:
        """Return the value of the architecture's own key (`context_length`), or None."""
        return self.values.get(f"{self.values.get('general.architecture')}.{name}")


def check_gguf(path: Path, name: str = "", *, numbers: bool = True) -> Header:
    """Walk a GGUF file and return what it says of itself. Without `numbers` floats are not looked at.

    Raises:
        RefusedFileError: it lies about a length, a count, a shape or a place, a float is NaN, or it
            is no GGUF.
    """
    refuse_pickle(path, name)
    with opened(path, name) as data:
        if data.left < 4 or data.take(4, "its magic", most=4) != MAGIC:
            data.refuse("it does not begin as GGUF does")
        version = data.number("I", "its version")
        if version not in VERSIONS:
            data.refuse(f"its version is {version}; 2 and 3 are read, little-endian")
        tensors = data.number("Q", "the count of its tensors")
        keys = data.number("Q", "the count of its keys")
        if tensors > MOST_TENSORS or keys > MOST_KEYS:
            data.refuse(f"it says to have {tensors} tensors and {keys} keys")
        header = Header(tensors=tensors)
        if not tensors:
            data.refuse("it holds no tensors: it is a vocabulary, and no model")
        _read_values(data, header, keys)
        _read_tensors(data, header, numbers=numbers)
    return header


def _read_values(data: Bytes, header: Header, keys: int) -> None:
    left = MOST_ITEMS
    for _ in range(keys):
        begin = data.at
        key = _text(data, "a key", most=1024)
        kind = data.number("I", f"the type of `{key[:80]}`")
        if key in header.values:
            data.refuse(f"the key `{key[:80]}` stands in it twice")
        if kind == _ARRAY:
            left = _pass_array(data, key, left)
            header.values[key] = None
        else:
            header.values[key] = _value(data, key, kind)
        header.places[key] = (begin, data.at)
    for name, most in _KNOWN.items():
        found = header.of(name)
        if isinstance(found, int) and not 0 <= found <= most:
            data.refuse(f"`{name}` is {found}, outside of 0 to {most}")
    base = header.of("rope.freq_base")
    if base is not None and (reason := not_positive(base)):
        data.refuse(f"`rope.freq_base` is {reason}")
    if reason := not_shared(
        header.of("attention.head_count"), header.of("attention.head_count_kv")
    ):
        data.refuse(reason)


def _value(data: Bytes, key: str, kind: int) -> Any:
    shown = f"`{key[:80]}`"
    if kind == _TEXT:
        return _text(data, shown, most=MOST_TEXT)
    if kind in _SCALARS:
        return data.number(_SCALARS[kind], shown)
    if kind in _FLOATS:
        return data.real(_FLOATS[kind], shown)
    return data.refuse(f"{shown} is of the unknown type {kind}")


def _pass_array(data: Bytes, key: str, left: int) -> int:
    """Pass over an array; return how many elements the arrays after it may have together."""
    shown = f"the array `{key[:80]}`"
    kind = data.number("I", shown)
    count = data.number("Q", shown)
    if count > left:
        data.refuse(f"{shown} says to have {count} elements, more than {MOST_ITEMS} in all")
    if kind in _SIZES:
        data.skip(count * _SIZES[kind], shown)
    elif kind == _TEXT:
        for _ in range(count):
            length = data.number("Q", shown)
            if length > MOST_TEXT:
                data.refuse(f"an element of {shown} has {length} bytes")
            data.skip(length, shown)
    else:
        data.refuse(f"{shown} has elements of the type {kind}, which is none for arrays")
    return left - count


def _read_tensors(data: Bytes, header: Header, *, numbers: bool) -> None:
    at = data.at
    alignment = header.values.get("general.alignment", 32)
    if not isinstance(alignment, int) or alignment not in {2**n for n in range(3, 17)}:
        data.refuse(f"its alignment is {alignment!r}; a power of two from 8 to 65536 is one")
    names: set[str] = set()
    spans = []
    for _ in range(header.tensors):
        name = _text(data, "a tensor's name", most=1024)
        if name in names:
            data.refuse(f"the tensor `{name[:80]}` stands in it twice")
        names.add(name)
        if _ATTENDS in name and (none := next((key for key in _HEADS if header.of(key) == 0), "")):
            data.refuse(f"`{none}` is 0, and `{name[:80]}` has heads: by it widths are divided")
        begin, size, count, title = _tensor(data, name, header)
        if begin % alignment:
            data.refuse(f"the tensor `{name[:80]}` does not begin at a multiple of {alignment}")
        spans.append((begin, begin + size, name, title))
        header.parameters += count
    header.infos = (at, data.at)
    start = -(-data.at // alignment) * alignment
    room = data.end - start
    at = 0
    for begin, end, name, title in sorted(spans):
        if begin < at:
            data.refuse(f"the tensor `{name[:80]}` overlaps the one before it")
        if end > room:
            data.refuse(f"the tensor `{name[:80]}` ends {end - max(room, 0)} bytes beyond the file")
        if numbers:
            refuse_nan(data, title, start + begin, start + end, name)
        at = end


def _tensor(data: Bytes, name: str, header: Header) -> tuple[int, int, int, str]:
    """Return a tensor's place among the data, its bytes, how many numbers it has, and their type."""
    shown = f"the tensor `{name[:80]}`"
    dims = data.number("I", shown)
    if not 1 <= dims <= MOST_DIMS:
        data.refuse(f"{shown} has {dims} dimensions")
    shape = [data.number("Q", shown) for _ in range(dims)]
    kind, begin = data.number("I", shown), data.number("Q", shown)
    if kind not in TYPES:
        data.refuse(f"{shown} is of the unknown type {kind}")
    title, block, size = TYPES[kind]
    if any(not 0 < dim < 2**48 for dim in shape):
        data.refuse(f"{shown} says to be {'×'.join(map(str, shape))[:80]}")
    if shape[0] % block:
        data.refuse(f"{shown} has rows of {shape[0]}, and {title} wants multiples of {block}")
    header.types[title] = header.types.get(title, 0) + 1
    count = math.prod(shape)
    return begin, count // block * size, count, title


def _text(data: Bytes, what: str, *, most: int) -> str:
    return data.text(data.number("Q", what), what, most=most)
