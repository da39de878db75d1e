"""Forming: the trial of a search for real: make a form of a model, have it answer, compare.

Pruned and recovered weights are made once for all forms of the same cut, and
kept for the whole search; a form's files go when they were measured, and the
winner is made again: the same settings and seed give the same bytes. Loads
torch: for a Run's child and for benchmarks.
"""

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from volano.data.row import Row, row_of
from volano.evals.errors import UnfaithfulFormError
from volano.evals.report import scores_of, summarise
from volano.evals.scorers import DEFAULT
from volano.evals.search import Config, Measured
from volano.evals.slices import by_slice, slices, weakest
from volano.evals.space import whole
from volano.models.compression import network
from volano.models.compression.forms import Form
from volano.models.compression.made import Made, asked, compress
from volano.models.compression.measure import measure
from volano.models.export.vocabulary import Vocabulary
from volano.models.training.rows import answer_text
from volano.stats.intervals import paired_difference, wilson

Rows = Sequence[Mapping[str, Any]]

DONE = "done"


@dataclass(frozen=True, slots=True)
class Exam:
    """What forms are asked: rows, prompts, the parent's answers and scores, the slice of each."""

    rows: Sequence[Row]
    prompts: Sequence[str]
    expected: Sequence[str]
    scores: Sequence[float]
    slices: Sequence[str]
    max_tokens: int
    context: int

    def score(self, answers: Sequence[str]) -> list[float]:
        """Return the first score of each answer."""
        return [first(text, row) for row, text in zip(self.rows, answers, strict=False)]


def exam(folder: Path, rows: Rows, *, by: str | None = None) -> Exam:
    """Have the parent's weights answer the rows.

    Raises:
        NotExportableError: the folder is no model that can be asked.
    """
    torch.set_num_threads(1)  # more are slower as soon as a second program runs, and not repeatable
    all_rows = [row_of(one["text"], one["label"]) for one in rows]
    vocabulary, model = Vocabulary.of(folder), network.load(folder)
    longest = max(len(vocabulary.tokenizer.encode(_said(row)).ids) for row in all_rows)
    prompts = asked(folder, [row.text for row in all_rows])
    context = int(getattr(model.config, "max_position_embeddings", 512))
    max_tokens = longest + 8
    expected = network.answers(model, vocabulary, prompts, max_tokens=max_tokens)
    scores = [first(text, row) for row, text in zip(all_rows, expected, strict=True)]
    names = slices([row.label for row in all_rows], by)
    return Exam(all_rows, prompts, expected, scores, names, max_tokens, context)


class Forming:
    """A `Trial` over a model's folder. `train` rows are what recovery learns; `home` holds files."""

    def __init__(self, folder: Path, home: Path, exam: Exam, train: Rows, *, seed: int = 0):
        self._folder = folder
        self._home = home
        self._exam = exam
        self._train = train
        self._seed = seed
        self._said: dict[Path, list[str]] = {}

    def __call__(self, config: Config, fidelity: float) -> Measured:
        """Make a form and measure it on the first rows; distributions only on all of them.

        Raises:
            VolanoError: the model cannot have this form.
            TrialFailedError: its engine does not take it.
        """
        target = self._home / "trial"
        shutil.rmtree(target, ignore_errors=True)
        made = self.make(config.settings, target)
        count = max(1, round(fidelity * len(self._exam.rows)))
        try:
            return self.measured(made, count, compare=fidelity >= 1)
        finally:
            shutil.rmtree(target, ignore_errors=True)

    def make(self, settings: Mapping[str, Any], target: Path) -> Made:
        """Write the files of a configuration into `target`."""
        source = self._source(settings)
        return compress(source, settings["form"], target, seed=self._seed)

    def measured(self, made: Made, count: int, *, compare: bool) -> Measured:
        """Return what a form scores on the first `count` rows, and what it costs.

        Raises:
            UnfaithfulFormError: asked all rows, it does not answer as its weights do.
        """
        exam = self._exam
        facts = measure(
            made, exam.prompts[:count], exam.expected[:count],
            max_tokens=exam.max_tokens, context=exam.context,
            parent=self._folder if compare else None,
        )  # fmt: skip
        if compare and not self._is_parent(made):
            check(made.form, facts["answers"], self._weights_say(made.source))
        return judged(exam, facts, exam.score(facts["answers"]))

    def _is_parent(self, made: Made) -> bool:
        """Whether this is what all are compared with; it is measured, and never made."""
        return made.source == self._folder and made.form.name == whole()[0]

    def _weights_say(self, source: Path) -> Sequence[str]:
        """Return what weights answer; those of a cut are asked once for all of its forms."""
        if source == self._folder:
            return self._exam.expected
        if source not in self._said:
            self._said[source] = network.answers(
                network.load(source), Vocabulary.of(source), self._exam.prompts,
                max_tokens=self._exam.max_tokens,
            )  # fmt: skip
        return self._said[source]

    def clear(self) -> None:
        """Delete what was pruned: forms are made, and the winner is made again."""
        for done in self._home.glob(f"*/{DONE}"):
            shutil.rmtree(done.parent, ignore_errors=True)

    def _source(self, settings: Mapping[str, Any]) -> Path:
        """Return the folder of the weights to pack: pruned and recovered once for all forms."""
        if not settings["prune"]:
            return self._folder
        home = (
            self._home / f"{settings['parts']}-{settings['prune']:g}-{settings['recovery_steps']}"
        )
        if not (home / DONE).exists():
            shutil.rmtree(home, ignore_errors=True)
            compress(
                self._folder, "f32", home, prune=settings["prune"],
                parts=settings["parts"], rows=self._train,
                recovery_steps=settings["recovery_steps"], seed=self._seed,
            )  # fmt: skip
            (home / DONE).touch()
        return home / "source"


def check(form: Form, said: Sequence[str], weights: Sequence[str]) -> None:
    """Refuse a form that answers otherwise than the weights it was made from.

    Raises:
        UnfaithfulFormError: fewer answers are equal than its floor asks.
    """
    equal = sum(a == b for a, b in zip(said, weights, strict=False))
    if equal < form.floor * len(said):
        raise UnfaithfulFormError(form=form.name, equal=equal, n=len(said))


def judged(exam: Exam, facts: Mapping[str, Any], mine: Sequence[float]) -> Measured:
    """Return measured facts and scores as a search wants them, beside the parent's."""
    n = len(mine)
    theirs = exam.scores[:n]
    whole = summarise([{"score": value} for value in mine])[0]
    found = by_slice(exam.slices[:n], theirs, mine)
    flips = sum(b < a for a, b in zip(theirs, mine, strict=True))
    values = {
        "size": float(facts["bytes"]), "score": whole.value, "speed": float(facts["tokens_per_s"]),
        "memory": float(facts["peak_bytes"]), "flips": flips / n,
    }  # fmt: skip
    if facts.get("top_token") is not None:
        values["agreement"] = float(facts["top_token"])
    if (least := weakest(found)) is not None:
        values["slices"] = least
    paired = paired_difference(theirs, mine)
    return Measured(
        values,
        {"score": (whole.low, whole.high), "flips": wilson(flips, n)},
        n=n,
        slices=found,
        paired={
            "difference": paired.value, "low": paired.low, "high": paired.high,
            "better": sum(b > a for a, b in zip(theirs, mine, strict=True)), "worse": flips,
        },
    )  # fmt: skip


def first(text: str, row: Row) -> float:
    """Return the first score of an answer: exact match."""
    return next(iter(scores_of(text, row.label, DEFAULT[:1]).values()))


def _said(row: Row) -> str:
    return answer_text(row.label)
