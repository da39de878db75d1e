"""Memory: what a run will need, reckoned before it starts.

    weights      P x b                  P parameters of b bytes (f32 4, bf16 2)
    gradients    T x 4                  T of them learn
    optimizer    T x 8                  AdamW's two moments in f32
    activations  B S L (34 H + 5 A S) x b/2
    logits       B S V x 4 x 3          logits, their gradient, and the softmax

for batches of B rows of S tokens, L layers of width H with A heads, V words.
Activations: Korthikanti et al. 2022 (arXiv:2205.05198), equation 2, given there
for 2 bytes; attention that never keeps its scores (SDPA on GPUs) needs less. With gradient
checkpointing a layer keeps its input only: B S L H b, and one layer in full.
A pair is two rows; the reference's pass over them, which keeps nothing for a
gradient, takes one layer in full beside what the learner keeps.
It is an estimate: libraries and buffers come on top.
"""

from dataclasses import asdict, dataclass
from pathlib import Path

MEMINFO = Path("/proc/meminfo")


@dataclass(frozen=True, slots=True)
class Shape:
    """A network: parameters and the five sizes of the formula."""

    parameters: int
    layers: int
    width: int
    heads: int
    vocab: int


@dataclass(frozen=True, slots=True)
class Estimate:
    """Bytes by what they are for."""

    weights: int
    gradients: int
    optimizer: int
    activations: int
    logits: int

    @property
    def total(self) -> int:
        """All together."""
        return sum(asdict(self).values())


def estimate(
    shape: Shape,
    *,
    learned: int,
    batch: int,
    tokens: int,
    bytes_each: int,
    checkpointing: bool,
    pairs: bool = False,
    copies: int = 1,
) -> Estimate:
    """Return what training takes; `learned` parameters learn, rows are `tokens` long.

    With `pairs` each of the batch is two rows, of which the base is the reference too. `copies`
    processes do it at once in the same memory, with a batch of so many rows each.
    """
    places = batch * tokens * (2 if pairs else 1)
    layer = places * (34 * shape.width + 5 * shape.heads * tokens) * bytes_each // 2
    kept = places * shape.width * bytes_each
    activations = kept * shape.layers + layer if checkpointing else layer * shape.layers
    activations += layer if pairs else 0
    return Estimate(
        weights=copies * shape.parameters * bytes_each,
        gradients=copies * learned * 4,
        optimizer=copies * learned * 8,
        activations=copies * activations,
        logits=copies * places * shape.vocab * 12,
    )


def lora_parameters(shape: Shape, rank: int, targets: int, *, ffn: int) -> int:
    """Return about how many parameters LoRA adds: r (in + out) for each matrix it is put on."""
    attention = min(targets, 4) * 2 * shape.width
    wide = max(0, targets - 4) * (shape.width + ffn)
    return shape.layers * rank * (attention + wide)


def available() -> int | None:
    """Return the bytes of memory that are free here; None where the system does not say."""
    try:
        lines = MEMINFO.read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    found = [line.split()[1] for line in lines if line.startswith("MemAvailable:")]
    return int(found[0]) * 1024 if found else None
