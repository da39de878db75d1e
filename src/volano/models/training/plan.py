"""Plan: the YAML recipe of a training run, as a frozen dataclass with all its defaults.

    method: lora
    base: assistant@1
    data: tickets@3
    where: {language: [hu, de]}
    steps: 200
    dev: {every: 50, patience: 3}

What is not said keeps its default; what a method does not know is refused by the
table in `incompatible`. Reading checks words and types, no more: whether model
and data are there and fit, `preflight` says.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from volano.data.recipe.errors import UnreadableRecipeError
from volano.data.recipe.yaml_text import MAX_BYTES, read
from volano.models.training.reading import into
from volano.models.training.recipe import BadRecipeError
from volano.models.training.settings import (
    Dev,
    Distill,
    Dpo,
    Federated,
    Guards,
    Lora,
    Price,
    Private,
    Replay,
)

FIELDS = "The fields of a recipe stand in `docs/howto/train-a-model.md`."
PLAIN = (
    f"A recipe of training is plain YAML, `field: value`; tags and anchors are not taken. {FIELDS}"
)


HERE, RAY = "here", "ray"
SHARED = ("full", "lora", "dpo")
"""Methods that several devices can share, on models of others."""
BATCH = 8
"""How many rows such a method learns from in a step, unless the recipe says."""
NEWER = ("processes", "rounds", "behind")
"""Fields, also of sections, that came after the first checkpoints."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What to train, on what, how, and on which hardware.

    `base` and `teacher` name models, `data` a dataset. `where` keeps rows whose
    column has one of the values. `template`: `chat` renders messages by the
    base's chat template, `plain` puts prompt and answer one after the other,
    `auto` takes chat where base and rows have it. `prompt` is how a row's text
    is asked. `loss` is on the `completion` or on `all` tokens. `context` is in
    tokens. `precision` f32, bf16 or `auto` (bf16 on a GPU that has it).
    `hardware` is auto, cpu, gpu, or a number of GPUs; `processes` how many cores of a CPU. Each
    batch is split over GPUs, or cores. `on` is where: `here`, or
    `ray`, one node of the cluster at `ray_address` (default: what the settings say), which must
    have all of these devices. `network` overrides
    fields of the small models' `Recipe`. `export` is the precision of the GGUF.
    """

    method: str = "scratch"
    data: str | None = None
    base: str | None = None
    split: str = "train"
    where: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    incremental: bool = False
    tokenizer: str | None = None
    template: str = "auto"
    prompt: str | None = None
    packing: bool = False
    loss: str = "completion"
    steps: int | None = None
    epochs: float | None = None
    batch: int | None = None
    accumulate: int = 1
    lr: float | None = None
    warmup: int | None = None
    decay: float = 0.01
    context: int | None = None
    seed: int = 0
    precision: str = "auto"
    hardware: str = "auto"
    processes: int = 1
    on: str = HERE
    ray_address: str | None = None
    checkpoint_every: int = 100
    gradient_checkpointing: bool = False
    export: str | None = None
    network: Mapping[str, Any] = field(default_factory=dict)
    replay: Replay = field(default_factory=Replay)
    dev: Dev = field(default_factory=Dev)
    lora: Lora = field(default_factory=Lora)
    dpo: Dpo = field(default_factory=Dpo)
    distill: Distill = field(default_factory=Distill)
    private: Private = field(default_factory=Private)
    federated: Federated = field(default_factory=Federated)
    guards: Guards = field(default_factory=Guards)
    price: Price = field(default_factory=Price)

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> "Plan":
        """Read a plan from plain values, as `to_dict` gives them.

        Raises:
            BadRecipeError: an unknown word, or a value of another type.
        """
        return into(cls, raw)

    @classmethod
    def from_yaml(cls, source: Path | str) -> "Plan":
        """Read a plan from a file (a Path) or from its text.

        Raises:
            BadRecipeError: there is no such file, or it says what no recipe says.
            RecipeTooLargeError, UnreadableRecipeError: no YAML, or too much of it.
        """
        name = source.name if isinstance(source, Path) else "the recipe"
        try:
            raw, _ = read(_text(source) if isinstance(source, Path) else source, name)
        except UnreadableRecipeError as error:
            raise UnreadableRecipeError(error.message, hint=PLAIN) from error
        if not isinstance(raw, Mapping):
            raise BadRecipeError(reason=f"{name} is no list of `field: value`", hint=FIELDS)
        return cls.from_dict(raw)

    @property
    def gpus(self) -> int | None:
        """How many GPUs the recipe names; None where `hardware` is no number."""
        said = self.hardware
        return int(said) if said.isascii() and said.isdecimal() and len(said) < 10 else None

    @property
    def devices(self) -> int:
        """How many devices share each batch."""
        return max(self.processes, self.gpus or 1)

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values, nothing implied."""
        plain = asdict(self)
        return {name: _plain(value) for name, value in plain.items()}

    def identity(self) -> dict[str, Any]:
        """Return what names the training in its checkpoints: a field that is newer, and says nothing, is not in it."""
        plain, usual = self.to_dict(), Plan().to_dict()
        taught = {
            name: value
            for name, value in plain["distill"].items()
            if name not in NEWER or value != usual["distill"][name]
        }
        return {
            name: value
            for name, value in {**plain, "distill": taught}.items()
            if name not in NEWER or value != usual[name]
        }


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1).decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is no UTF-8 text"
        raise BadRecipeError(reason=f"{path}: {reason}", hint=FIELDS) from error
