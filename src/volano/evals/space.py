"""Space: all configurations that a model could be compressed to, and the bytes of each beforehand.

A configuration is a form and a cut: a share of weights set to zero, or of feed-forward
neurons, attention heads or layers taken out (`neurons:0.5`, `heads:0.5`, `layers:0.5`), each with
steps of recovery. What cannot be (a K-quant of rows that are no multiple of 256, neurons that go
in steps of 32, a half of one layer, heads of a network that is not built as Llama is) is left out,
with a word why. The bytes of GGUF forms follow from the model's
shapes; those of other forms are known when they are made.
"""

import json
import math
import struct
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from volano.evals.errors import NothingToSearchError
from volano.evals.search import Config
from volano.models.compression.forms import FORMS, Form, form_of
from volano.models.compression.parts import (
    HEADS,
    LAYERS,
    NEURONS,
    PARTS,
    WEIGHTS,
    heads_left,
    layers_left,
    neurons_left,
    why_not,
)

BITS = {
    "F32": 32.0, "F16": 16.0, "BF16": 16.0, "Q8_0": 8.5, "Q6_K": 6.5625, "Q5_K": 5.5, "Q5_1": 6.0,
    "Q5_0": 5.5, "Q4_K": 4.5, "Q4_1": 5.0, "Q4_0": 4.5, "IQ4_NL": 4.5, "Q3_K": 3.4375,
    "Q2_K": 2.625, "float32": 32.0, "int8": 8.0, "int4": 4.5,
}  # fmt: skip
"""Bits a weight takes, its share of the block's scale included (ggml's block sizes)."""

BLOCKS = {"_K": 256}
USUAL_BLOCK, FLOATS = 32, ("F32", "F16", "BF16", "float32")
_WITHIN = {NEURONS: ".mlp.", HEADS: ".self_attn.", LAYERS: ".layers."}
"""Which tensors get smaller, or fewer."""
_NARROWED = {NEURONS: "down_proj.weight", HEADS: "o_proj.weight"}
"""Whose rows, which are what a form packs, get shorter."""
USUAL_FORMS = ("f32", "q8_0", "q6_k", "q5_1", "q5_0", "q4_k", "q4_1", "q4_0", "q3_k", "q2_k")
USUAL_CUTS = ("0", "0.3", "0.5", "neurons:0.25", "neurons:0.5", "heads:0.5", "layers:0.5")
USUAL_STEPS = 300
CUTS_HINT = "A cut is a share from 0 to below 1, such as 0.5 or layers:0.5; steps of recovery are 0 or more."
MOST = 2000
FEATURES = 8
"""Numbers that describe a configuration; all of them 1 is the most that can be."""


@dataclass(frozen=True, slots=True)
class Cut:
    """A share of weights, or of whole parts, taken away, then tuned again."""

    share: float = 0.0
    parts: str = WEIGHTS
    steps: int = 0

    def __str__(self) -> str:
        if not self.share:
            return ""
        tuned = f", {self.steps} steps" if self.steps else ""
        return f" less {self.share * 100:g} % of {self.parts}{tuned}"


@dataclass(frozen=True, slots=True)
class Shapes:
    """The shape of each tensor of a model, the bytes of what stands beside them, its config.json."""

    tensors: Mapping[str, tuple[int, ...]]
    beside: int = 0
    config: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, folder: Path) -> "Shapes":
        """Read the heads of a folder's safetensors; weights are not loaded."""
        tensors: dict[str, tuple[int, ...]] = {}
        for path in sorted(folder.glob("*.safetensors")):
            with path.open("rb") as file:
                (length,) = struct.unpack("<Q", file.read(8))
                head = json.loads(file.read(min(length, 100_000_000)))
            tensors |= {
                name: tuple(one["shape"]) for name, one in head.items() if name != "__metadata__"
            }
        words, said = folder / "tokenizer.json", folder / "config.json"
        config = json.loads(said.read_text(encoding="utf-8")) if said.is_file() else {}
        return cls(tensors, words.stat().st_size if words.is_file() else 0, config)

    @property
    def width(self) -> int:
        """Feed-forward neurons of a layer; 0 where the model has no such tensors."""
        return next((s[0] for n, s in self.tensors.items() if n.endswith("gate_proj.weight")), 0)

    def left(self, cut: Cut) -> float:
        """Return the share of neurons, heads or layers that a cut leaves; 1 where none can go."""
        if cut.parts == NEURONS:
            return neurons_left(self.width, cut.share) / self.width if self.width else 1.0
        heads, layers = (
            int(self.config.get(name) or 0) for name in ("num_attention_heads", "num_hidden_layers")
        )
        if cut.parts == HEADS:
            known = heads and "hidden_size" in self.config
            return heads_left(self.config, cut.share) / heads if known else 1.0
        if cut.parts == LAYERS:
            return layers_left(layers, cut.share) / layers if layers else 1.0
        return 1.0

    def bytes(self, bits: float, cut: Cut) -> float:
        """Return about how large a GGUF file is: matrices at these bits, the rest as 32-bit floats."""
        less, within = self.left(cut), _WITHIN.get(cut.parts)
        total = float(self.beside) / 2  # a GGUF has words and merges, without JSON around them
        for name, shape in self.tensors.items():
            part = less if within and within in name else 1.0
            total += math.prod(shape) * part * (bits if len(shape) == 2 else 32) / 8
        return total

    def misses(self, cut: Cut) -> str:
        """Return why a cut takes nothing away, or cannot be made; empty: it can."""
        if not cut.share or cut.parts == WEIGHTS:
            return ""
        if reason := why_not(self.config, self.tensors.keys(), cut.parts):
            return reason
        return "" if 0 < self.left(cut) < 1 else f"so few {cut.parts} cannot go"

    def fits(self, form: Form, cut: Cut) -> bool:
        """Whether the cut can be made, and rows are then a multiple of the form's blocks."""
        if self.misses(cut):
            return False
        less = self.left(cut)
        if form.format != "gguf" or form.precision in FLOATS:
            return True
        block = next((n for end, n in BLOCKS.items() if form.precision.endswith(end)), USUAL_BLOCK)
        narrowed = _NARROWED.get(cut.parts)
        rows = {
            shape[1] * less if narrowed and name.endswith(narrowed) else shape[1]
            for name, shape in self.tensors.items()
            if len(shape) == 2
        }
        return all(round(row) % block == 0 for row in rows)


def cuts(texts: Iterable[str], steps: Sequence[int]) -> list[Cut]:
    """Read cuts: `0`, `0.5`, `layers:0.25`, each with each number of steps of recovery.

    Raises:
        NothingToSearchError: one is no share from 0 to below 1, or a number of steps is negative.
    """
    found: dict[Cut, None] = {}
    for text in texts:
        before, colon, number = text.rpartition(":")
        parts = before if colon else WEIGHTS
        try:
            share = float(number)
        except ValueError as error:
            raise NothingToSearchError(
                reason=f"`{text[:40]}` is not a share to cut", hint=CUTS_HINT
            ) from error
        if parts not in PARTS:
            reason = f"`{text[:40]}` is of no part: parts are {', '.join(PARTS)}"
            raise NothingToSearchError(reason=reason, hint=CUTS_HINT)
        if not 0 <= share < 1 or min(steps, default=0) < 0:
            reason = f"`{text[:40]}` with {', '.join(map(str, steps))} steps of recovery cannot be"
            raise NothingToSearchError(reason=reason, hint=CUTS_HINT)
        for count in steps if share else (0,):
            found[Cut(share, parts if share else WEIGHTS, count)] = None
    return list(found)


def space(shapes: Shapes, forms: Iterable[str], some_cuts: Sequence[Cut]) -> list[Config]:
    """Return every form with every cut that the model can have.

    Raises:
        UnknownFormError: there is no such form.
        NothingToSearchError: none fits, or there are too many.
    """
    forms = list(forms)
    chosen = list(dict.fromkeys(form_of(name) for name in forms))
    most = max((cut.steps for cut in some_cuts), default=0) or 1
    found = [
        _config(shapes, form, cut, most)
        for form in chosen
        for cut in some_cuts
        if shapes.fits(form, cut)
    ]
    if not 1 <= len(found) <= MOST:
        why = "; ".join(["", *left_out(shapes, forms, some_cuts)]) if not found else ""
        reason = f"{len(found)} configurations fit; 1 to {MOST} can be{why}"
        raise NothingToSearchError(reason=reason)
    return found


def left_out(shapes: Shapes, forms: Iterable[str], some_cuts: Sequence[Cut]) -> list[str]:
    """Say of each cut that the model cannot have, and of the forms that it can have with no cut, why."""
    reasons = {f"{cut.parts}:{cut.share:g}": shapes.misses(cut) for cut in some_cuts}
    told = [f"{cut} is left out: {reason}" for cut, reason in reasons.items() if reason]
    good = [cut for cut in some_cuts if not shapes.misses(cut)]
    chosen = dict.fromkeys(form_of(name) for name in forms)
    packed = [form.name for form in chosen if not any(shapes.fits(form, cut) for cut in good)]
    if packed and good:
        told.append(
            f"{', '.join(packed)} cannot be: the model's rows are no multiple of their blocks"
        )
    return told


def whole() -> tuple[str, Cut]:
    """Return the form and the cut that stand for the parent itself."""
    return "f32", Cut()


def named(form: str, cut: Cut) -> str:
    """Return a configuration's name."""
    return f"{form}{cut}"


def _config(shapes: Shapes, form: Form, cut: Cut, most_steps: int) -> Config:
    """Describe one. A cut that was tuned again may beat the whole: it has learned more.

    So what was not cut has no steps, and is not ordered with what was. Nor are two kinds of parts.
    """
    bits = BITS[form.precision]
    known = {"size": shapes.bytes(bits, cut)} if form.format == "gguf" else {}
    kind = _kind(form)
    features = (
        min(1.0, math.log2(bits / 2) / 4),
        1 - cut.share,
        *(0.0 if cut.parts == parts else 1.0 for parts in (NEURONS, HEADS, LAYERS)),
        math.sqrt(cut.steps / most_steps) if cut.share else 0.0,
        kind, 1 - kind,
    )  # fmt: skip
    settings = {
        "form": form.name, "prune": cut.share, "parts": cut.parts, "recovery_steps": cut.steps,
    }  # fmt: skip
    shape = form.name if cut.parts == WEIGHTS else f"{form.name} {cut.parts} {shapes.left(cut):g}"
    return Config(named(form.name, cut), settings, features, known, shape)


def _kind(form: Form) -> float:
    """Return a number for each family of packing: forms of two families are never ordered."""
    if form.format != "gguf":
        return {"ct2": 0.8, "onnx": 1.0}.get(form.format, 0.9)
    if form.precision.endswith("_K"):
        return 0.2
    if form.precision in FLOATS:
        return 0.0
    return 0.1 if form.precision.startswith("IQ") else 0.0


def known_forms() -> list[str]:
    """Return the names of all forms."""
    return list(FORMS)
