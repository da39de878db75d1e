"""Numbers: weights that are no numbers at all (NaN) make every answer nonsense.

Infinities are left alone: masks that some models keep beside their weights are made of them.
"""

import numpy as np

from volano.models.checks.reading import Bytes

KINDS = {
    "F64": ("<u8", 0x7FF0_0000_0000_0000), "F32": ("<u4", 0x7F80_0000),
    "BF16": ("<u2", 0x7F80), "F16": ("<u2", 0x7C00),
}  # fmt: skip
"""The unsigned number of the same width, and its bits of an infinity: with a bit more it is NaN."""
AT_ONCE = 8 << 20
WAY = "Ask who made it for weights from before its training went wrong."


def refuse_nan(data: Bytes, kind: str, begin: int, end: int, name: str) -> None:
    """Look at the floats between two places of a file, a piece at a time.

    Raises:
        RefusedFileError: one of them is NaN.
    """
    if kind not in KINDS:
        return
    form, infinity = KINDS[kind]
    sign = np.array(1, form) << np.array(8 * np.dtype(form).itemsize - 1, form)
    for at in range(begin, end, AT_ONCE):
        bits = np.frombuffer(data.peek(at, min(at + AT_ONCE, end)), form)
        if bool(((bits & ~sign) > infinity).any()):
            data.refuse(f"the tensor `{name[:80]}` holds NaN, which is no number", WAY)
