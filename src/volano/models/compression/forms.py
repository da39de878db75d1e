"""Forms: what a model can become, each with its format, its engine and what it needs.

`floor` is the share of equal greedy answers, to the weights that the form was
made from, below which it may not be used. In floats the arithmetic is the
same in another order, and 1 answer in 100 may fall on a tie of two tokens. Fewer
bits turn unsure answers honestly; evaluation says how good the form is. But where
less than half the answers are equal, it is another model.
"""

from dataclasses import dataclass

from volano.core.errors import InvalidError


@dataclass(frozen=True, slots=True)
class Form:
    """One form. `precision` is the type of its matrices, `needs` are packages."""

    name: str
    format: str
    engine: str
    precision: str
    needs: tuple[str, ...]
    floor: float = 0.5


class UnknownFormError(InvalidError):
    """There is no form `{form}`: forms are {known}."""

    hint = "The smallest that usually loses nothing is `q8_0`."


_GGUF = ("gguf", "safetensors", "xllamacpp")
_ONNX = ("onnx", "onnxruntime", "onnxscript")
_FLOORS = {"F32": 0.99, "F16": 0.95, "BF16": 0.9, "Q8_0": 0.9, "Q6_K": 0.8}
_LADDER = (
    "F32", "F16", "BF16", "Q8_0", "Q6_K", "Q5_K", "Q5_1", "Q5_0", "Q4_K", "Q4_1", "Q4_0",
    "IQ4_NL", "Q3_K", "Q2_K",
)  # fmt: skip

FORMS = {
    **{
        kind.lower(): Form(kind.lower(), "gguf", "llamacpp", kind, _GGUF, _FLOORS.get(kind, 0.5))
        for kind in _LADDER
    },
    "onnx": Form("onnx", "onnx", "onnx", "float32", _ONNX, 0.99),
    "onnx-int8": Form("onnx-int8", "onnx", "onnx", "int8", _ONNX),
    "onnx-int4": Form("onnx-int4", "onnx", "onnx", "int4", _ONNX),
    "ct2": Form("ct2", "ct2", "ctranslate2", "float32", ("ctranslate2",), 0.99),
    "ct2-int8": Form("ct2-int8", "ct2", "ctranslate2", "int8", ("ctranslate2",), 0.8),
    "litert": Form("litert", "litert", "litert", "float32", (), 0.99),
    "executorch": Form("executorch", "executorch", "executorch", "float32", (), 0.99),
}
"""By name. The last two bring their own environment (`models.tools`)."""

CONVERSIONS = {
    "gguf": "f32",
    "onnx": "onnx",
    "ct2": "ct2",
    "litert": "litert",
    "executorch": "executorch",
}
"""Formats that a model is converted to without loss, and their forms."""


def form_of(name: str) -> Form:
    """Return the form of this name; `Q4_K` is `q4_k`.

    Raises:
        UnknownFormError: there is none.
    """
    form = FORMS.get(name.lower())
    if form is None:
        raise UnknownFormError(form=name, known=", ".join(FORMS))
    return form
