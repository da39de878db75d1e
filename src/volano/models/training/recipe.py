"""Recipe: every number that decides what a training run makes.

The defaults are for a narrow job in one's own words (a ticket in, JSON out):
120,640 parameters, about 20 CPU-seconds. Three of them are far from what big
models use, and matter: the initial spread (0.12; with 0.02 a model of this
width never learns to copy), the learning rate, and the loss on answers only.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any

from volano.core.errors import InvalidError

TEXT = "{text}"


NOTHING_WRONG = (
    "Name a dataset with rows that the base answers wrongly (`volano data curate` makes one of "
    "corrections), or with a column `rejected`."
)
"""What to do where preference has nothing to prefer."""


class BadRecipeError(InvalidError):
    """This recipe cannot be used: {reason}."""

    hint = "See the fields of a recipe in `volano model show MODEL`."


@dataclass(frozen=True, slots=True)
class Tuning:
    """LoRA (Hu et al. 2021, arXiv:2106.09685): what tuning adds to a base, and for how long.

    `replay` base rows are mixed in beside the new ones, so that the old is not
    forgotten.
    """

    rank: int = 8
    alpha: int = 16
    steps: int = 200
    lr: float = 4e-3
    warmup: int = 10
    replay: int = 800


@dataclass(frozen=True, slots=True)
class Recipe:
    """What to train. Steps are counted, never seconds: the same recipe makes the same bits.

    `context` is in tokens; rows longer than `max_row_tokens` lose the end of
    their text. `drop` is the share of text tokens left out at random in each
    step (a remedy against learning by heart). `whole_labels` makes each label
    one token, so that a classifier answers in a single step.
    """

    prompt: str = "Ticket: {text}\nJSON:"
    seed: int = 0
    vocab: int = 600
    whole_labels: bool = False
    hidden: int = 64
    ffn: int = 128
    layers: int = 2
    heads: int = 4
    context: int = 512
    init: float = 0.12
    steps: int = 900
    batch: int = 16
    lr: float = 4e-3
    warmup: int = 50
    decay: float = 0.01
    drop: float = 0.0
    max_row_tokens: int = 256
    tuning: Tuning = field(default_factory=Tuning)

    def __post_init__(self) -> None:
        if self.prompt.count(TEXT) != 1:
            raise BadRecipeError(reason="the prompt must hold `{text}` once")
        if self.hidden % self.heads or self.hidden // self.heads % 2:
            raise BadRecipeError(reason="hidden must be an even multiple of heads")
        if min(self.steps, self.batch, self.layers, self.vocab, self.max_row_tokens) < 1:
            raise BadRecipeError(reason="counts must be positive")
        if self.max_row_tokens > self.context:
            raise BadRecipeError(reason="a row may not be longer than the context")
        if not 0 <= self.drop < 1:
            raise BadRecipeError(reason="drop is a share below 1")

    @classmethod
    def for_dataset(cls, rows: Sequence[Mapping[str, Any]], *, seed: int = 0) -> "Recipe":
        """Choose a recipe by looking at the rows.

        Labels that are objects are answered as JSON, by the defaults. Labels
        that are text are answered as text; where the same few labels come
        again and again, each becomes one token and the model a classifier.

        Raises:
            BadRecipeError: there are no rows.
        """
        if not rows:
            raise BadRecipeError(reason="there are no rows to train on")
        labels = [row["label"] for row in rows]
        if not all(isinstance(label, str) for label in labels):
            return cls(seed=seed)
        plain = cls(seed=seed, prompt="Text: {text}\nLabel:")
        return _classifier(plain, len(rows)) if _is_closed_set(labels) else plain

    def render(self, text: str) -> str:
        """Return the prompt for a text. Braces in the text stay as they are."""
        before, _, after = self.prompt.partition(TEXT)
        return before + text + after

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> "Recipe":
        """Read a recipe back; a field that is not given keeps its default.

        Raises:
            BadRecipeError: unknown fields, or values that cannot be used.
        """
        unknown = set(raw) - {f.name for f in fields(cls)}
        if unknown:
            raise BadRecipeError(reason=f"unknown fields {', '.join(sorted(unknown))}")
        try:
            tuning = Tuning(**raw.get("tuning", {}))
            return cls(**{**raw, "tuning": tuning})
        except TypeError as error:
            raise BadRecipeError(reason=str(error)) from error


def label_text(label: Any) -> str:
    """Return a row's label as the model writes it: text as is, an object as compact JSON."""
    if isinstance(label, str):
        return label
    return json.dumps(label, ensure_ascii=False, separators=(",", ":"))


def _is_closed_set(labels: Sequence[str]) -> bool:
    """Whether labels repeat so often that they are classes (5 rows each on average)."""
    kinds = len(set(labels))
    return kinds <= 1000 and kinds * 5 <= len(labels)


def _classifier(plain: Recipe, rows: int) -> Recipe:
    """A wide and shallow network, eight times over the rows.

    Chosen on a dev split of banking77: one layer beat two, at half the cost. Tuning
    replays all it can and goes slowly; the defaults forgot more than they taught.
    """
    return replace(
        plain,
        whole_labels=True,
        vocab=2000,
        hidden=128,
        ffn=256,
        layers=1,
        init=0.08,
        batch=64,
        steps=min(3000, max(300, rows * 8 // 64)),
        lr=2e-3,
        tuning=Tuning(steps=300, lr=1e-3, replay=10_000),
        decay=0.05,
        drop=0.3,
    )
