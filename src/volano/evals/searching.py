"""The child process of a search: `python -m volano.evals.searching FOLDER`.

Its spec:

    {"folder": "/…/parent",                    # config, tokenizer, safetensors
     "model": "router@3", "data": "tickets@1", "target": {…},
     "forms": ["f32", "q8_0"], "cuts": ["0", "neurons:0.5"], "steps": [300],
     "trials": 12, "seed": 0, "by": null,
     "train": "/…/train.jsonl",                # what recovery learns
     "dev": "/…/dev.jsonl", "dev_split": "dev",  # what chooses
     "test": "/…/test.jsonl", "notes": []}     # what the winner is judged on, once; may be null

It writes `choice.json` and reports `{"choice", "winner", "digest"}`: the path, the settings
of the winner (null: the parent stays, or nothing keeps the target). Trials are
journaled: killed, it goes on with the next one.
"""

import json
import math
import os
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from volano.evals.choice import FILE, Candidate, Choice
from volano.evals.errors import NothingToSearchError, UnfaithfulFormError
from volano.evals.forming import Exam, Forming, exam
from volano.evals.journal import Journal
from volano.evals.measures import objectives
from volano.evals.search import (
    FIDELITIES,
    Config,
    Found,
    Measured,
    Question,
    divide,
    reference,
    search,
)
from volano.evals.space import FEATURES, Shapes, cuts, left_out, named, space, whole
from volano.evals.target import Target
from volano.evals.verdict import decided
from volano.jobs.child import child_main
from volano.models.compression.parts import WEIGHTS

FLATTERED = (
    "The winner is the best of several, which flatters its score a little: believe the test rows."
)
AXES = ("size", "score", "speed", "memory")
WORTH = 100
"""With fewer rows a quarter of them would tell nothing."""


def find(spec: Mapping[str, Any], home: Path, progress: Callable[..., None]) -> dict[str, Any]:
    """Search, decide, judge the winner on the test rows, and write the choice.

    Raises:
        NothingToSearchError: nothing fits the model.
        NothingKeepsError: nothing can keep the target.
        TrialFailedError: the engine of a form does not run.
    """
    home.mkdir(parents=True, exist_ok=True)
    target = Target.from_dict(spec["target"])
    folder, train = Path(spec["folder"]), _rows(spec["train"])
    shapes, some_cuts = Shapes.of(folder), cuts(spec["cuts"], spec["steps"])
    configs = space(shapes, spec["forms"], some_cuts)
    aside = [f"{word}." for word in left_out(shapes, spec["forms"], some_cuts)]
    divide(configs, target, {})  # before the parent is asked anything
    judge = exam(folder, _rows(spec["dev"]), by=spec.get("by"))
    trial = Forming(folder, home, judge, train, seed=spec["seed"])
    trials = spec.get("trials") or max(3, math.ceil(len(configs) / 3))
    with Journal(home / "trials.jsonl", _about(spec, configs)) as journal:
        parent = reference(_parent(configs), trial, journal)
        if parent.error:
            raise NothingToSearchError(reason=f"the parent itself fails: {parent.error}")
        axes = objectives(tuple(dict.fromkeys([*AXES, *target.measures()])))
        axes = [(name, bigger) for name, bigger in axes if name in parent.values]
        question = Question(axes, target, parent.values)
        found = search(
            configs, trial, question, trials=trials, journal=journal, seed=spec["seed"],
            fidelities=FIDELITIES if len(judge.rows) >= WORTH else (1.0,),
            progress=progress,
        )  # fmt: skip
    told = {**spec, "notes": [*spec.get("notes", ()), *aside]}
    open_ = _choice(told, target, question, parent, found, len(configs), len(judge.rows))
    choice = proven(open_, lambda settings: _proof(spec, trial, folder, settings, home), spec)
    settings = _settings(choice)
    (home / FILE).write_text(json.dumps(choice.to_dict(), ensure_ascii=False, indent=1) + "\n")
    trial.clear()
    return {"choice": str(home / FILE), "winner": settings}


def _parent(configs: Sequence[Config]) -> Config:
    """Return the configuration that is the parent: one of the space, where it is among them."""
    form, cut = whole()
    found = next((one for one in configs if one.name == named(form, cut)), None)
    settings = {"form": form, "prune": 0.0, "parts": WEIGHTS, "recovery_steps": 0}
    return found or Config(named(form, cut), settings, (1.0,) * FEATURES)


def _choice(
    spec: Mapping[str, Any],
    target: Target,
    question: Question,
    parent: Measured,
    found: Found,
    size: int,
    rows: int,
) -> Choice:
    name, ref = named(*whole()), spec["model"]
    candidates = [replace(_candidate(name, {}, parent, full=True), name=ref, paired={})]
    candidates += [
        _candidate(one.config.name, one.config.settings, one.measured, full=one.full)
        for one in found.tried
        if one.config.name != name
    ]
    tried = f"{len(found.tried)} of {size} configurations were tried"
    aside = f"{len(found.aside)} were set aside without a trial: their bytes break the target"
    notes = [*spec.get("notes", ()), f"{tried}; {aside}.", FLATTERED]
    return Choice(
        "search", spec["data"], spec["dev_split"], rows, target,
        axes=[axis for axis, _ in question.axes], beside=ref, parent=dict(parent.values),
        candidates=candidates, notes=notes,
    )  # fmt: skip


def proven(
    choice: Choice,
    proof: Callable[[dict[str, Any] | None], dict[str, Any]],
    spec: Mapping[str, Any],
) -> Choice:
    """Return the choice with a winner that answers as its weights do on the test rows, too."""
    while True:
        made = decided(choice)
        if not made.winner or not spec.get("test"):
            return made
        try:
            return replace(made, proof=proof(_settings(made)))
        except UnfaithfulFormError as error:
            choice = _without(choice, made.winner, f"{error.code}: {error.message}")


def _without(choice: Choice, name: str, why: str) -> Choice:
    """Return the choice in which one candidate cannot win any more."""
    candidates = [replace(one, error=why) if one.name == name else one for one in choice.candidates]
    return replace(choice, candidates=candidates)


def _candidate(name: str, settings: Mapping[str, Any], found: Measured, *, full: bool) -> Candidate:
    return Candidate(
        name, found.values, found.reach, found.n, full=full, paired=found.paired,
        slices=found.slices, settings=settings, error=found.error,
    )  # fmt: skip


def _settings(choice: Choice) -> dict[str, Any] | None:
    """Return what makes the winner; None when it is the parent, or nobody won."""
    chosen = choice.candidate(choice.winner)
    return dict(chosen.settings) if chosen and chosen.settings else None


def _proof(
    spec: Mapping[str, Any],
    trial: Forming,
    folder: Path,
    settings: Mapping[str, Any] | None,
    home: Path,
) -> dict[str, Any]:
    """Judge the winner, and the parent, on rows that nothing was chosen on."""
    judge: Exam = exam(folder, _rows(spec["test"]), by=spec.get("by"))
    target = home / "winner"
    shutil.rmtree(target, ignore_errors=True)
    made = trial.make(settings or _parent(()).settings, target)
    proving = Forming(folder, home, judge, (), seed=spec["seed"])
    found = proving.measured(made, len(judge.rows), compare=True)
    shutil.rmtree(target, ignore_errors=True)
    low, high = found.reach["score"]
    return {
        "split": "test", "n": found.n, "score": found.values["score"], "low": low, "high": high,
        "parent": sum(judge.scores) / len(judge.scores), "paired": dict(found.paired),
        "agreement": found.values.get("agreement"), "flips": found.values["flips"],
        "slices": {name: dict(one) for name, one in found.slices.items()},
    }  # fmt: skip


def _about(spec: Mapping[str, Any], configs: Sequence[Config]) -> dict[str, str]:
    """Return what makes this search this one: a journal of another must not be taken up."""
    asked = {name: spec[name] for name in ("model", "data", "seed", "target", "dev_split")}
    return {
        "search": json.dumps(asked, sort_keys=True),
        "space": ";".join(config.name for config in configs),
    }


def _rows(path: str | None) -> list[dict[str, Any]]:
    if not path:
        return []
    with Path(path).open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def main() -> int:
    """Run as a job's child."""
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    with child_main() as job:
        job.done(find(job.spec, job.folder / "search", job.progress))
    return 0


if __name__ == "__main__":
    sys.exit(main())
