"""Job and Outcome: what a training method is given, and what it gives back.

A method is one function, `train(job) -> Outcome`, in a module of its own under
`methods`. It takes up `job.checkpoint` where there is one, tells
`job.progress(step, of, **metrics)` how it goes, and leaves files to whoever called it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from volano.models.training.plan import Plan

Row = Mapping[str, Any]
"""`{"text", "label"}`, or `{"messages"}`, or `{"prompt", "completion"}`; more columns may be there."""


@dataclass(frozen=True, slots=True)
class Job:
    """What is to be trained.

    `spec` is what the Run's child was given (see `models.making`), `plan` the
    checked recipe, `rows` what is learned, `dev` what the metric is measured
    on (may be empty). `base` and `teacher` are folders of trained models.
    `checkpoint` names the file of the own loops; whoever keeps a folder of
    checkpoints puts it beside.
    """

    spec: Mapping[str, Any]
    plan: Plan
    rows: Sequence[Row]
    dev: Sequence[Row]
    base: Path | None
    teacher: Path | None
    checkpoint: Path
    progress: Callable[..., None]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was trained: torch model, its tokenizer, the recipe that goes beside it, and facts.

    `recipe` is a `Recipe` where the model is one of our own small ones, which
    are exported and proven; a plain dict (`Plan.to_dict`) where it is
    another's, which is kept in its own format. `facts` are plain JSON and become the
    card's metrics.
    """

    model: Any
    tokenizer: Any
    recipe: Any
    facts: dict[str, Any] = field(default_factory=dict)
