"""CTranslate2: `model.bin`, which is no pickle but a list of named arrays; walked with bounds.

Source: ctranslate2, `specs/model_spec.py` (`ModelSpec._serialize`) and `src/models/model.cc`, version 6.
"""

import math
from dataclasses import dataclass
from pathlib import Path

from volano.models.checks.pickles import refuse_pickle
from volano.models.checks.reading import Bytes, opened

VERSION = 6
MOST_ARRAYS = 100_000
SIZES = {0: 4, 1: 1, 2: 2, 3: 4, 4: 2, 5: 2}
"""Bytes of a number by its type: float32, int8, int16, int32, float16, bfloat16."""
_NAMES = ("float32", "int8", "int16", "int32", "float16", "bfloat16")


@dataclass(frozen=True, slots=True)
class Arrays:
    """What a file of CTranslate2 holds."""

    spec: str
    arrays: int
    parameters: int
    dtypes: tuple[str, ...]


def check_ct2(path: Path, name: str = "") -> Arrays:
    """Check every array's shape against its bytes, and those against the file.

    Raises:
        RefusedFileError: they do not agree, or it is another kind of file.
    """
    refuse_pickle(path, name)
    with opened(path, name) as data:
        version = data.number("I", "its version")
        if version != VERSION:
            data.refuse(f"it is no CTranslate2 file of version {VERSION}")
        spec = _text(data, "its kind")
        data.number("I", "its revision")
        count = data.number("I", "the count of its arrays")
        if count > MOST_ARRAYS:
            data.refuse(f"it says to have {count} arrays")
        parameters, dtypes = 0, dict[str, None]()
        for _ in range(count):
            numbers, dtype = _array(data)
            parameters += numbers
            dtypes[dtype] = None
        aliases = data.number("I", "the count of its aliases")
        if aliases > MOST_ARRAYS:
            data.refuse(f"it says to have {aliases} aliases")
        for _ in range(aliases):
            _text(data, "an alias"), _text(data, "an alias")
        if data.left:
            data.refuse(f"{data.left} bytes follow its end")
    return Arrays(spec, count, parameters, tuple(dtypes))


def _array(data: Bytes) -> tuple[int, str]:
    name = _text(data, "an array's name")
    shown = f"the array `{name[:80]}`"
    shape = [data.number("I", shown) for _ in range(data.number("B", shown))]
    dtype, size = data.number("B", shown), data.number("I", shown)
    if dtype not in SIZES:
        data.refuse(f"{shown} is of the unknown type {dtype}")
    count = math.prod(shape)
    if count * SIZES[dtype] != size:
        data.refuse(f"{shown} says {'×'.join(map(str, shape))[:80]}, which is not its {size} bytes")
    data.skip(size, shown)
    return count, _NAMES[dtype]


def _text(data: Bytes, what: str) -> str:
    """Read a length in 16 bits, and a text that ends with a zero byte."""
    found = data.text(data.number("H", what), what, most=65_535)
    if not found.endswith("\0"):
        data.refuse(f"{what} does not end where it says")
    return found[:-1]
