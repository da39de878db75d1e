"""Sitting: what a Run of a suite does. Rows are drawn, asked, scored while they are asked, summed up, kept."""

import json
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

from volano.core.canon import canonical
from volano.core.digest import Digest
from volano.core.errors import NotFoundError
from volano.core.manifest import Parent
from volano.core.memory import calm
from volano.core.ref import Ref
from volano.costs.price import Price
from volano.data.errors import NotTextAndLabelError
from volano.data.keeper import Datasets
from volano.data.row import Row
from volano.evals import money, seen
from volano.evals.answered import Answered
from volano.evals.asking import Key, ask_all, line
from volano.evals.candidates import Askable
from volano.evals.case import Case
from volano.evals.cases import case_of, drawn, row_of
from volano.evals.errors import NoPriceError, NoTestRowsError
from volano.evals.examine import MAX_TOKENS, Examiner
from volano.evals.flight import Question, Standing, Terms
from volano.evals.journal import Journal
from volano.evals.keeper import Evals
from volano.evals.lines import dumped, exact
from volano.evals.on import Respondents, Wanted
from volano.evals.outcome import outcome_of
from volano.evals.pace import Pace, Patience
from volano.evals.quiet import answered, hushed, line_without
from volano.evals.redacted import Held, keys
from volano.evals.remembered import Keys, Remembered
from volano.evals.report import Report, baseline, digest_of
from volano.evals.scored import Early, Named, Units, score_all
from volano.evals.scorers import DEFAULT
from volano.evals.suite import Suite
from volano.evals.summary import Line, summary
from volano.evals.tools import Toolbox
from volano.evals.trained import trained
from volano.jobs.work import Work
from volano.store.artifact import Artifact
from volano.store.catalog import Catalog

REPORT = "report"
JOURNAL = "answers.jsonl"
PriceOf = Callable[[str, str], Price | None]
ReadSuite = Callable[[str | Ref], Suite]


def no_price(_target: str, _model: str) -> Price | None:
    """Know no price."""
    return None


class Sitting:
    """The work of all Runs of suites."""

    def __init__(
        self,
        catalog: Catalog,
        datasets: Datasets,
        evals: Evals,
        examiner: Examiner,
        respondents: Respondents,
        *,
        remembered: Remembered,
        read: ReadSuite,
        price_of: PriceOf,
        patience: Patience,
        held: Held = tuple,
    ):
        self._catalog = catalog
        self._datasets = datasets
        self._evals = evals
        self._examiner = examiner
        self._respondents = respondents
        self._remembered = remembered
        self._read = read
        self._price_of = price_of
        self._patience = patience
        self._held = held

    def __call__(self, work: Work) -> dict[str, Any]:
        """Do the Run's work."""
        told = work.step("suite", self._answer, work)
        work.tidy(JOURNAL)
        return cast(dict[str, Any], told)

    def _answer(self, work: Work) -> dict[str, Any]:
        secrets = keys([work.inputs.get("key_env") or ""], self._held())
        with calm(), hushed(secrets):
            return self._sat(work, secrets)

    def _sat(self, work: Work, secrets: Sequence[str]) -> dict[str, Any]:
        inputs = work.inputs
        wanted = Wanted(inputs["on"], inputs.get("model") or "", inputs.get("key_env") or "")
        kept = self._catalog.get("suite", inputs["suite"])
        exam = self._exam(kept, self._respondents.askable(wanted, work.by), work)
        spending = self._spending(exam, wanted.on)
        known_as = Keys(_who(exam.whom), exam.settings)
        named = {
            (q.id, q.repetition): known_as.of(q.messages, q.repetition) for q in exam.questions
        }
        known = {} if inputs.get("fresh") else self._known(named)
        if known:
            work.log(f"{len(known)} of {len(exam.questions)} answers are known from before")
        with Toolbox(self._open(work), self._kept, self._remembered) as box:
            tools = box.tools()
            early = Early(exam.by_id, exam.scorers, tools)
            asked = self._asked(exam, spending, known, early, work)
            answers = {key: answered(one, secrets) for key, one in asked.items()}
            self._remembered.put({named[k]: one for k, one in answers.items() if k not in known})
            ordered = [answers[q.id, q.repetition] for q in exam.questions]
            lines, units = score_all(
                [exam.by_id[q.id] for q in exam.questions], ordered, exam.scorers, tools,
                at_once=min(32, exam.suite.limits.concurrency), early=early,
                tell=lambda _name, done, of: _tell_scored(work, done, of),
            )  # fmt: skip
            judges = box.asked
        bare = [line_without(one, secrets) for one in lines]  # scorers repeat what they read
        return self._told(exam, bare, units, judges, len(known), work)

    def _exam(self, kept: Artifact, whom: Askable, work: Work) -> "_Exam":
        """Draw the rows and say each as it will be asked."""
        suite = self._read(kept.ref)
        dataset = self._datasets.get(suite.data)
        records = self._datasets.stream(dataset.ref, suite.split, by=work.by, run=work.run_id)
        found = drawn(records, suite)
        if not found:
            raise NoTestRowsError(ref=dataset.ref, split=suite.split)
        cases = [case_of(record, suite, whom.prompt) for record in found]
        questions = [
            Question(case.id, case.messages, repetition)
            for repetition in range(suite.repetitions)
            for case in cases
        ]
        settings = {
            "temperature": 0, "max_tokens": MAX_TOKENS, **whom.prompt.settings, **suite.settings,
        }  # fmt: skip
        folder = Path(work.inputs["folder"]) if suite.own and "folder" in work.inputs else None
        by_id = {case.id: case for case in cases}
        return _Exam(kept, suite, dataset, whom, by_id, questions, settings, suite.made(folder))

    def _spending(self, exam: "_Exam", on: str) -> money.Spending:
        """Return what counts money.

        Raises:
            NoPriceError: there is a limit, and no price in its currency.
        """
        price = self._price_of(exam.whom.target, exam.whom.far or exam.whom.model.ref)
        most = money.parse(exam.suite.limits.money) if exam.suite.limits.money else None
        if most is not None and (price is None or price.currency != most.currency):
            raise NoPriceError(money=most, on=on)
        return money.Spending(price, most)

    def _known(self, named: Mapping[Key, bytes]) -> dict[Key, Answered]:
        found = self._remembered.get([*named.values()])
        return {
            asked: found[key].but(id=asked[0], repetition=asked[1], cost_nano=0)
            for asked, key in named.items()
            if key in found
        }

    def _asked(
        self,
        exam: "_Exam",
        spending: money.Spending,
        known: Mapping[Key, Answered],
        early: Early,
        work: Work,
    ) -> dict[Key, Answered]:
        limits = exam.suite.limits
        terms = Terms(
            limits.concurrency, Pace(limits.requests_per_minute),
            replace(self._patience, tries=limits.tries), spending,
            max_tokens=int(exam.settings["max_tokens"]), seed=exam.suite.seed,
        )  # fmt: skip
        with (
            Journal(Path(work.folder) / JOURNAL, exam.about()) as journal,
            tempfile.TemporaryDirectory(prefix="volano-") as short,
            self._examiner.chat(exam.whom.model, Path(short)) as chat,
        ):
            spending.spent_nano = sum(one.get("cost_nano") or 0 for one in journal.done)
            over = line(
                chat, exam.settings, concurrency=limits.concurrency, timeout_s=limits.timeout_s
            )
            return ask_all(
                exam.questions, over, journal, terms, known=known, after=early,
                tell=lambda standing: _tell(work, standing),
            )  # fmt: skip

    def _told(
        self,
        exam: "_Exam",
        lines: Sequence[Line],
        units: Units,
        judges: tuple[str, ...],
        known: int,
        work: Work,
    ) -> dict[str, Any]:
        """Sum up, keep the report, and say what it comes to."""
        suite = exam.suite
        found = summary(lines, units)
        outcome = outcome_of(
            found, lines, gates=suite.conditions(), most_unmeasured=suite.unmeasured,
            report=self._evals.answers,
        )  # fmt: skip
        rows = [row_of(case) for case in exam.by_id.values()]
        learned = trained(
            self._catalog, self._datasets, exam.whom.subject, by=work.by, run=work.run_id
        )
        report = Report(
            str(exam.whom.subject), exam.dataset.ref, suite.split, digest_of(rows), len(rows),
            found.scores, self._baseline(exam, rows, work),
            failed=found.states["error"], cut=found.states["cut"],
            summary=found, suite=exam.kept.ref, judges=judges,
            seen=seen.look(rows, learned).to_dict(lines, units),
        )  # fmt: skip
        made = self._keep(exam, report, lines, outcome.to_dict(), work)
        return {
            "ref": made.ref, "digest": str(made.digest), **outcome.to_dict(),
            "states": dict(found.states), "remembered": known,
            "asked": len(exam.questions) - known, "cost_nano": dict(found.cost_nano),
        }  # fmt: skip

    def _keep(
        self,
        exam: "_Exam",
        report: Report,
        lines: Sequence[Line],
        outcome: Mapping[str, Any],
        work: Work,
    ) -> Artifact:
        whom = exam.whom
        parents = {
            Parent("subject", whom.subject.digest), Parent("dataset", exam.dataset.digest),
            Parent("suite", exam.kept.digest),
        }  # fmt: skip
        if whom.subject.kind == "prompt":
            parents.add(Parent("model", whom.model.digest))
        told = {**report.to_dict(), "outcome": outcome}
        return self._catalog.record(
            REPORT,
            f"{whom.subject.name}-on-{exam.kept.name}",
            files={
                "answers.jsonl": b"".join(dumped(one) + b"\n" for one in lines),
                "report.json": json.dumps(told, ensure_ascii=False, indent=1).encode(
                    errors="replace"
                ),
            },
            parents=sorted(parents, key=lambda one: (one.role != "subject", one.role)),
            meta={
                **report.brief(), "settings": exam.settings, "scorers": [*exam.suite.scorers],
                "outcome": outcome["outcome"], "why": outcome["why"], "gates": outcome["gates"],
            },
            made_by=work.run_id, by=work.by,
        )  # fmt: skip

    def _baseline(self, exam: "_Exam", rows: Sequence[Row], work: Work) -> tuple[Any, ...]:
        """Return what the commonest label would get, by those scorers that look at labels only."""
        telling = [name for name, _ in exam.scorers if name in DEFAULT]
        if not telling or (exam.suite.text, exam.suite.label) != ("text", "label"):
            return ()
        try:
            train = self._datasets.rows(exam.dataset.ref, "train", by=work.by, run=work.run_id)
            return baseline(train, rows, telling)
        except (NotFoundError, NotTextAndLabelError):
            return ()

    def _open(self, work: Work) -> Any:
        def opened(name: str, folder: Path) -> Any:
            whom = self._respondents.askable(Wanted(name), work.by)
            return self._examiner.chat(whom.model, folder)

        return opened

    def _kept(self, kind: str, ref: str) -> tuple[str, bytes]:
        artifact = self._catalog.get(kind, ref)
        return artifact.ref, self._catalog.read(artifact, f"{kind}.json")


@dataclass(frozen=True)
class _Exam:
    """Who is asked what."""

    kept: Artifact
    suite: Suite
    dataset: Artifact
    whom: Askable
    by_id: Mapping[str, Case]
    questions: Sequence[Question]
    settings: Mapping[str, Any]
    scorers: Named

    def about(self) -> dict[str, str]:
        """Return what makes this evaluation this one: a journal of another must not be taken up."""
        said = [[one.id, one.messages] for one in self.by_id.values()]
        return {
            "suite": str(self.kept.digest), "dataset": str(self.dataset.digest),
            "subject": str(self.whom.subject.digest), "model": str(self.whom.model.digest),
            "settings": str(Digest.of(canonical(self.settings))),
            "questions": str(Digest.of(exact(said))),
        }  # fmt: skip


def _who(whom: Askable) -> str:
    """Return the name under which answers are remembered: the weights, or where they are asked."""
    return f"{whom.target}:{whom.far}" if whom.target else f"{whom.model.digest} {whom.far}"


def _tell(work: Work, standing: Standing) -> None:
    work.heed()
    left = (standing.of - standing.done) / standing.rate if standing.rate else float("nan")
    cost = {"cost": standing.spent_nano / 1e9} if standing.currency else {}
    work.progress(
        standing.done, standing.of,
        rate=round(standing.rate, 1), left_s=round(left, 1) if left == left else left,
        errors=standing.errors, **cost,
    )  # fmt: skip


def _tell_scored(work: Work, done: int, of: int) -> None:
    work.heed()
    if done % 100 == 0 or done == of:
        work.progress(done, of, scored=done)
