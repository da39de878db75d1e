"""GEPA: an instruction evolves by reflection on what its answers got wrong.

Agrawal et al. 2025 (arXiv:2507.19457), by the package `gepa`: it keeps all
candidates that are best on some dev row (a Pareto front over rows), takes one,
shows a model its answers to a few learn rows with feedback, and keeps what the
model writes if it does better on those rows. Calls, cache and budget are ours;
after a crash it runs again from its seed with the journal's answers, so that
nothing of its own state needs to be kept.
"""

from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from volano.core.errors import InvalidError
from volano.core.lazy import lazy
from volano.data.row import Row
from volano.evals.answered import Answered
from volano.evals.wording.change import said, with_words, words_of
from volano.evals.wording.errors import GepaMissingError
from volano.evals.wording.ground import Ground, Seen
from volano.evals.wording.methods.registry import METHODS, Entry
from volano.evals.wording.methods.rewrite import feedback
from volano.prompts.prompt import Prompt

if TYPE_CHECKING:
    import gepa
    from gepa.core import adapter as gepa_adapter
else:
    gepa = lazy("gepa")
    gepa_adapter = lazy("gepa.core.adapter")

PART = "instruction"
MINIBATCH = 6
IDLE, BARREN = 12, 40
"""Rounds without a new call, and without a new candidate, after which the search is over."""
BLANK = "Answer the user's input."
"""What stands for an instruction where the prompt has none."""


def require() -> None:
    """Make sure that the package is there.

    Raises:
        GepaMissingError: it is not.
    """
    if find_spec("gepa") is None:
        raise GepaMissingError


def evolve(ground: Ground, trials: int) -> None:
    """Let the instruction evolve until the budget or the number of trials is spent."""
    require()
    adapter: Any = _Adapter(ground)  # its protocol is generic in what it never looks at
    gepa.optimize(
        {PART: words_of(ground.incumbent) or BLANK},
        trainset=list(ground.learn),
        valset=list(ground.dev),
        adapter=adapter,
        reflection_lm=adapter.write,
        reflection_minibatch_size=MINIBATCH,
        stop_callbacks=_Stop(ground, trials),
        logger=_Quiet(),
        seed=ground.seed,
        raise_on_exception=True,
    )


class _Adapter:
    """What GEPA asks of a system: evaluate a candidate, and tell what happened."""

    propose_new_texts = None

    def __init__(self, ground: Ground):
        self._ground = ground
        self._dev = {row.id for row in ground.dev}
        self._draws: dict[str, int] = {}
        self._written = False

    def evaluate(
        self,
        batch: list[Row],
        candidate: dict[str, str],
        capture_traces: bool = False,  # noqa: ARG002 - GEPA names its arguments
    ) -> Any:
        """Ask a batch. The whole of dev is a trial, and written down as one.

        A text just written that was tried before scores nothing: the package would keep it
        as one more candidate of its own.
        """
        prompt, written, self._written = self._prompt(candidate), self._written, False
        if prompt is None or (written and self._known(prompt)):
            seen = [Seen(row, Answered(row.id, ""), 0.0) for row in batch]
        elif len(batch) == len(self._dev) and {row.id for row in batch} == self._dev:
            tried = self._ground.try_(prompt, "evolved by reflection", race=False)
            by_id = {one.row.id: one for one in tried.seen}
            seen = [by_id[row.id] for row in batch]
        else:
            seen = self._ground.see(prompt, batch)
        return gepa_adapter.EvaluationBatch(
            outputs=[one.answered.answer for one in seen],
            scores=[one.score or 0.0 for one in seen],
            trajectories=seen,
        )

    def make_reflective_dataset(
        self,
        candidate: dict[str, str],  # noqa: ARG002 - GEPA names its arguments
        eval_batch: Any,
        components_to_update: list[str],
    ) -> Mapping[str, Sequence[Mapping[str, Any]]]:
        """Tell inputs, answers and how they compare with the expected."""
        told = [_record(one) for one in eval_batch.trajectories or ()]
        return dict.fromkeys(components_to_update, told)

    def write(self, prompt: Any) -> str:
        """Have the reflecting model write; the same request again is another draw."""
        self._written = True
        text = prompt if isinstance(prompt, str) else str(prompt[-1]["content"])
        draw = self._draws[text] = self._draws.get(text, -1) + 1
        return self._ground.write(text, draw=draw)

    def _prompt(self, candidate: Mapping[str, str]) -> Prompt | None:
        words = candidate[PART]
        if words in (words_of(self._ground.incumbent), BLANK):
            return self._ground.incumbent
        try:
            return with_words(self._ground.incumbent, words)
        except InvalidError:
            return None

    def _known(self, prompt: Prompt) -> bool:
        return any(one.prompt == prompt for one in self._ground.tried)


class _Stop:
    """Ends the evolution: enough trials, or nothing new is asked any more."""

    def __init__(self, ground: Ground, trials: int):
        self._ground, self._trials = ground, trials
        self._last = (-1, -1)
        self._idle = self._barren = 0

    def __call__(self, gepa_state: Any) -> bool:  # noqa: ARG002 - GEPA names its arguments
        used, tried = len(self._ground.asker.used), len(self._ground.tried)
        self._idle = self._idle + 1 if used == self._last[0] else 0
        self._barren = self._barren + 1 if tried == self._last[1] else 0
        self._last = (used, tried)
        return tried > self._trials or self._idle >= IDLE or self._barren >= BARREN


class _Quiet:
    def log(self, message: str) -> None:
        """Say nothing: the trail is ours."""


def _record(one: Seen) -> dict[str, str]:
    return {
        "Inputs": one.row.text,
        "Generated Outputs": one.answered.answer,
        "Feedback": feedback(one),
        "Expected": said(one.row.label),
    }


METHODS.register("gepa")(
    Entry(evolve, "the instruction evolves by reflection (GEPA); needs the package gepa", True)
)
