"""Advice: candidates are asked the same rows, and one is recommended, with how sure that is.

Each candidate is one step of the Run, with a journal of its own: an advice that
was killed goes on with the row where it stopped. Each candidate's answers stay
as a report; the advice is a report of its own with the table of all.
"""

import math
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

from volano.core.errors import VolanoError
from volano.core.manifest import Parent
from volano.core.principal import Principal
from volano.core.ref import Ref, check_name
from volano.costs.price import Price
from volano.data.keeper import Datasets
from volano.evals import target as targets
from volano.evals.candidates import Candidates, Named
from volano.evals.choice import Candidate, Choice
from volano.evals.errors import BadConcurrencyError, NoCandidateError
from volano.evals.examine import MAX_TOKENS, Examiner
from volano.evals.keeper import Evals
from volano.evals.keeping import keep
from volano.evals.rivals import loaded
from volano.evals.spent import measured
from volano.evals.target import Target
from volano.evals.verdict import decided
from volano.jobs.keeper import Runs
from volano.jobs.run import Run
from volano.jobs.work import Work
from volano.stats.intervals import paired_difference
from volano.store.catalog import Catalog

KIND = "eval.advise"
AT_ONCE = 4
AXES = ("score", "latency", "cost", "busy", "size")
MEASURED = ("score", "latency", "p95", "cost", "busy", "size", "speed")
USUAL = "best"
PriceOf = Callable[[str, str], Price | None]
"""The price of a model (second) at a target (first; empty: an engine of ours)."""
Convert = Callable[..., str]
"""Makes a model's form for an engine within a Run, as `Compressor.made_within`; returns its ref."""
MOST_NAME, MOST_ERROR = 90, 300


class Adviser:
    """Starts advice Runs, and is what such a Run does."""

    def __init__(
        self,
        runs: Runs,
        catalog: Catalog,
        evals: Evals,
        datasets: Datasets,
        candidates: Candidates,
        examiner: Examiner,
        price_of: PriceOf | None = None,
        convert: Convert | None = None,
    ):
        """Take other keepers. `convert` makes a form that an engine takes; without it such models are left out."""
        self._runs = runs
        self._catalog = catalog
        self._evals = evals
        self._datasets = datasets
        self._candidates = candidates
        self._examiner = examiner
        self._price_of = price_of or _unpriced
        self._convert = convert
        runs.register(KIND, self._work)

    def advise(
        self,
        *,
        data: Ref | str,
        candidates: Sequence[str],
        target: str = USUAL,
        split: str = "test",
        prompt: str | None = None,
        limit: int | None = None,
        at_once: int = AT_ONCE,
        name: str = "advice",
        by: Principal,
    ) -> Run:
        """Ask all candidates the same rows and recommend one under the target.

        `at_once` calls are in flight: latencies are those of that load.

        Raises:
            BadTargetError: the target cannot be read.
            NoCandidateError, UnknownCandidateError: there is nothing to choose from.
            UnknownArtifactError: there is no such dataset.
            BadConcurrencyError: not between 1 and 64.
        """
        if not 1 <= at_once <= 64:
            raise BadConcurrencyError(most=64, given=at_once)
        dataset = self._datasets.get(data).ref
        named = self._candidates.read(candidates)
        inputs = {
            "data": dataset,
            "split": split,
            "candidates": [one.to_dict() for one in named],
            "unserved": {one.ref: why for one in named if (why := self._candidates.unserved(one))},
            "target": targets.within(targets.parse(target), MEASURED).to_dict(),
            "prompt": prompt,
            "limit": limit,
            "at_once": at_once,
            "name": check_name(name),
        }
        return self._runs.start(KIND, name=name, inputs=inputs, by=by, group=by.group)

    def _work(self, work: Work) -> dict[str, Any]:
        named = [Named(**one) for one in work.inputs["candidates"]]
        asked = []
        for number, one in enumerate(named):
            work.progress(number, len(named))
            formed = self._formed(work, one, number)
            if "error" not in formed:
                formed |= work.step(f"ask-{number}", self._ask, work, one, number, formed)
            asked.append(formed)
        chosen = work.step("choose", self._choose, work, asked)
        work.tidy("answers-*.jsonl")
        return cast(dict[str, Any], chosen)

    def _formed(self, work: Work, named: Named, number: int) -> dict[str, Any]:
        """Have a form made of a model that no engine here takes as it is, but that becomes one.

        Returns `as`, the form's ref, where one is asked in its stead; why there is none is an answer, too.
        """
        why = work.inputs.get("unserved", {}).get(named.ref)
        if not why or self._convert is None:
            return {}
        try:
            name = named.ref.partition("@")[0][:MOST_NAME].rstrip("-._/")
            ref = self._convert(work, named.ref, name=name, step=f"form-{number}")
        except VolanoError as error:
            work.log(f"{named.name}: {error.code}: {error.message}")
            return {"name": named.name, "error": f"{why} {error.message}"[:MOST_ERROR]}
        work.log(f"{named.name} is asked as {ref}: {why}")
        return {"as": ref}

    def _ask(self, work: Work, named: Named, number: int, formed: dict[str, Any]) -> dict[str, Any]:
        """Ask one candidate every row. Why it could not be asked is an answer, too."""
        try:
            return self._asked(work, named, number, formed.get("as", named.ref))
        except VolanoError as error:
            work.log(f"{named.name}: {error.code}: {error.message}")
            return {"name": named.name, "error": error.message[:MOST_ERROR]}

    def _asked(self, work: Work, named: Named, number: int, ref: str) -> dict[str, Any]:
        inputs = work.inputs
        one = self._candidates.askable(replace(named, ref=ref), inputs["prompt"], work.by)
        with (
            tempfile.TemporaryDirectory(prefix="volano-") as short,
            self._examiner.chat(one.model, Path(short)) as chat,
        ):
            report = self._evals.evaluate(
                inputs["data"],
                split=inputs["split"],
                chat=chat,
                settings={"temperature": 0, "max_tokens": MAX_TOKENS, **one.prompt.settings},
                subject=one.subject,
                render=one.prompt.render,
                journal=Path(work.folder) / f"answers-{number}.jsonl",
                concurrency=inputs["at_once"],
                limit=inputs["limit"],
                by=work.by,
                made_by=work.run_id,
            )
        facts = {"size": float(loaded(self._catalog, one.model))} if one.own else {}
        price = self._price_of(one.target, one.far or one.model.ref)
        answers = self._evals.answers(report.ref)
        values, currency = measured(answers, price, at_once=inputs["at_once"], own=one.own)
        return {
            "name": named.name, "report": report.ref, "values": {**facts, **values},
            "currency": currency, "subject": str(one.subject.digest),
        }  # fmt: skip

    def _choose(self, work: Work, asked: Sequence[dict[str, Any]]) -> dict[str, Any]:
        """Compare all with the best, decide, and keep it as a report."""
        inputs = work.inputs
        good = [one for one in asked if "report" in one]
        if not good:
            raise NoCandidateError(reason=f"no candidate could be asked; {asked[0]['error']}")
        candidates = self._compared(asked)
        first = max((one for one in candidates if one.whole), key=lambda one: one.values["score"])
        target = Target.from_dict(inputs["target"])
        choice = decided(
            Choice(
                "advice", inputs["data"], inputs["split"], first.n, target,
                axes=_axes(candidates, target), beside=first.name, parent=dict(first.values),
                candidates=candidates, notes=_notes(asked, candidates, inputs["at_once"]),
            )
        )  # fmt: skip
        kept = keep(
            self._catalog, inputs["name"], choice,
            dataset=self._datasets.get(inputs["data"]),
            subjects=[
                *dict.fromkeys(
                    Parent("candidate", self._evals.get(one["report"]).digest) for one in good
                )
            ],
            made_by=work.run_id, by=work.by,
        )  # fmt: skip
        return {
            "ref": kept.ref, "digest": str(kept.digest), "verdict": choice.verdict,
            "outcome": choice.outcome,
        }  # fmt: skip

    def _compared(self, asked: Sequence[dict[str, Any]]) -> list[Candidate]:
        """Return the candidates with their differences to the best, all at 95 % together."""
        scores = {
            one["name"]: _scores(self._evals.answers(one["report"]))
            for one in asked
            if "report" in one
        }
        means = {name: math.fsum(got.values()) / len(got) for name, got in scores.items() if got}
        if not means:
            raise NoCandidateError(reason="no answer of any candidate could be scored")
        first = max(means, key=lambda name: means[name])
        confidence = 1 - 0.05 / max(1, len(means) - 1)
        return [
            _candidate(one, self._evals.report(one["report"]).scores[0], scores[first],
                       scores[one["name"]], confidence if one["name"] != first else None)
            if one["name"] in means
            else Candidate(one["name"], error=one.get("error", "none of its answers has a score"))
            for one in asked
        ]  # fmt: skip


def _candidate(
    asked: Mapping[str, Any],
    score: Any,
    best: Mapping[str, float],
    mine: Mapping[str, float],
    confidence: float | None,
) -> Candidate:
    """Return a candidate with its difference to the best, on the rows that are measured of both."""
    paired: dict[str, float] = {}
    both = [(best[row], mine[row]) for row in best if row in mine]
    if confidence is not None and both:
        found = paired_difference([x for x, _ in both], [y for _, y in both], confidence)
        paired = {
            "difference": found.value, "low": found.low, "high": found.high,
            "better": sum(y > x for x, y in both), "worse": sum(y < x for x, y in both),
        }  # fmt: skip
    return Candidate(
        asked["name"], {"score": score.value, **asked["values"]},
        reach={"score": (score.low, score.high)}, n=score.n, paired=paired,
        currency=asked["currency"], report=asked["report"],
    )  # fmt: skip


def _scores(answers: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """Return the first score of each row that has it: what candidates are compared by."""
    first = ((one["id"], next(iter(one["scores"].values()), None)) for one in answers)
    return {row: float(value) for row, value in first if value is not None}


def _axes(candidates: Sequence[Candidate], target: Target) -> list[str]:
    """Return the axes of the front: those that every measured candidate has a value on."""
    whole = [one for one in candidates if one.whole]
    wanted = dict.fromkeys([*AXES, *target.measures()])
    return [name for name in wanted if all(name in one.values for one in whole)]


def _notes(
    asked: Sequence[Mapping[str, Any]], candidates: Sequence[Candidate], at_once: int
) -> list[str]:
    whole = [one for one in candidates if one.whole]
    notes = [f"Latencies are those of {at_once} calls at once."]
    notes += [
        f"{one['name']} was asked as {one['as']}, a form of it in floats: no engine here takes it as it is."
        for one in asked
        if "as" in one and "report" in one
    ]
    if len(whole) > 2:
        notes.append(
            f"The {len(whole) - 1} differences hold together with 95 % confidence (Bonferroni)."
        )
    unpriced = [one.name for one in whole if "cost" not in one.values]
    if unpriced:
        notes.append(f"No price is known of {', '.join(unpriced)}: see `volano cost price --help`.")
    if len({one.currency for one in whole if one.currency}) > 1:
        notes.append("Costs are in more than one currency and are compared as they stand.")
    return notes


def _unpriced(_target: str, _model: str) -> None:
    """Know no price."""
