"""Suites: the verbs. A suite is kept as an artifact, asked as a Run, and ends as a report."""

import json
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from volano.core.canon import canonical
from volano.core.digest import Digest
from volano.core.errors import NotFoundError
from volano.core.manifest import Parent
from volano.core.principal import Principal
from volano.core.ref import Ref
from volano.costs.price import Price
from volano.data.errors import NotTextAndLabelError
from volano.data.keeper import Datasets
from volano.data.row import Row
from volano.evals import money
from volano.evals.answered import Answered
from volano.evals.asking import Key, ask_all, line
from volano.evals.candidates import Askable
from volano.evals.case import Case
from volano.evals.cases import case_of, drawn, row_of
from volano.evals.errors import BadOnError, BadSuiteError, NoPriceError, NoTestRowsError
from volano.evals.examine import MAX_TOKENS, Examiner
from volano.evals.flight import Question, Standing, Terms
from volano.evals.journal import Journal
from volano.evals.keeper import Evals
from volano.evals.on import Respondents, Wanted
from volano.evals.outcome import outcome_of
from volano.evals.pace import Pace, Patience
from volano.evals.remembered import Keys, Remembered
from volano.evals.report import Report, baseline, digest_of
from volano.evals.scored import Line, score_all
from volano.evals.scorers import DEFAULT
from volano.evals.suite import Suite
from volano.evals.suite_file import from_plain, from_yaml
from volano.evals.summary import summary
from volano.evals.tools import Toolbox
from volano.jobs.keeper import Runs
from volano.jobs.run import Run
from volano.jobs.work import Work
from volano.store.artifact import Artifact
from volano.store.catalog import Catalog

KIND, REPORT = "suite", "report"
FILE = "suite.json"
PriceOf = Callable[[str, str], Price | None]
Artifacts = list[Artifact]


class Suites:
    """All suites of one workspace, and what a Run of one does."""

    def __init__(
        self,
        runs: Runs,
        catalog: Catalog,
        datasets: Datasets,
        evals: Evals,
        examiner: Examiner,
        respondents: Respondents,
        *,
        remembered: Remembered,
        price_of: PriceOf | None = None,
        patience: Patience | None = None,
    ):
        self._runs = runs
        self._catalog = catalog
        self._datasets = datasets
        self._evals = evals
        self._examiner = examiner
        self._respondents = respondents
        self._remembered = remembered
        self._price_of = price_of or (lambda _target, _model: None)
        self._patience = patience or Patience()
        runs.register(KIND, self._work, needs=("suite", "on"))

    def run(
        self,
        what: str | Mapping[str, Any] | Suite,
        *,
        on: str | None = None,
        data: Ref | str | None = None,
        split: str = "test",
        model: str | None = None,
        key_env: str | None = None,
        fresh: bool = False,
        by: Principal,
    ) -> Run:
        """Ask somebody a suite, and keep a report; or ask a flow every row of `data`.

        `what` is a suite's file, a suite that is kept, or with `data` a flow. `on` names whom
        to ask, unless the suite does: a flow, model, channel, TARGET:MODEL, `https://HOST/v1#MODEL`
        (its key in the variable `key_env`), or a prompt with a `model`. What was answered before
        is not asked again, unless `fresh`.

        Raises:
            BadSuiteError: the suite cannot be read.
            BadOnError: there is nobody to ask of this name.
            UnknownArtifactError: there is no such suite, dataset, flow or report of a gate.
        """
        if data is not None:
            if not isinstance(what, str):
                raise BadSuiteError(where="--data", why="a suite names its data itself")
            return self._examiner.run(what, data=data, split=split, by=by)
        kept = self._catalog.get(KIND, what) if isinstance(what, str) else self.save(what, by=by)
        suite = self.read(kept.ref)
        self._datasets.get(suite.data)
        for gate in suite.conditions():
            if gate.than:
                self._evals.get(gate.than)
        wanted = Wanted(on or suite.on, model or "", key_env or suite.key_env)
        if not wanted.on:
            raise BadOnError(on="", why="nobody is named: say --on, or `on` in the suite")
        inputs = {
            "suite": kept.ref, "on": self._respondents.check(wanted), "model": wanted.model,
            "key_env": wanted.key_env, "fresh": fresh,
        }  # fmt: skip
        return self._runs.start(KIND, name=kept.name, inputs=inputs, by=by, group=by.group)

    def save(self, suite: Mapping[str, Any] | Suite, *, by: Principal) -> Artifact:
        """Keep a suite as the next version of its name; the same suite twice is one version.

        Given as a file (`{"file": name, "text": yaml}`), plain values, or a Suite.

        Raises:
            BadSuiteError: it cannot be read.
            UnknownArtifactError: there is no such dataset.
        """
        read = _read(suite)
        dataset = self._datasets.get(read.data)
        return self._catalog.record(
            KIND, read.name,
            files={FILE: json.dumps(read.to_dict(), ensure_ascii=False, indent=1).encode()},
            parents=[Parent("dataset", dataset.digest)],
            meta={
                "data": read.data, "split": read.split, "scorers": [*read.scorers],
                "repetitions": read.repetitions, "gates": [*read.gates],
            },
            by=by,
        )  # fmt: skip

    def get(self, ref: str | Ref) -> Artifact:
        """Return a suite's artifact.

        Raises:
            UnknownArtifactError: there is no such suite.
        """
        return self._catalog.get(KIND, ref)

    def list(self, name: str | None = None, *, limit: int = 50) -> Artifacts:
        """Return suites, newest first."""
        return self._catalog.list(KIND, name, limit=limit)

    def read(self, ref: str | Ref) -> Suite:
        """Return what a suite says.

        Raises:
            UnknownArtifactError: there is no such suite.
        """
        return Suite.from_dict(json.loads(self._catalog.read(self.get(ref), FILE)))

    def _work(self, work: Work) -> dict[str, Any]:
        return work.step("suite", self._answer, work)

    def _answer(self, work: Work) -> dict[str, Any]:
        inputs = work.inputs
        wanted = Wanted(inputs["on"], inputs.get("model") or "", inputs.get("key_env") or "")
        kept = self.get(inputs["suite"])
        exam = self._exam(kept, self._respondents.askable(wanted, work.by), work)
        spending = self._spending(exam, wanted.on)
        keys = Keys(_who(exam.whom), exam.settings)
        known = {} if inputs.get("fresh") else self._known(exam, keys)
        if known:
            work.log(f"{len(known)} of {len(exam.questions)} answers are known from before")
        answers = self._asked(exam, spending, known, work)
        self._remember(exam, keys, {k: v for k, v in answers.items() if k not in known})
        return self._scored(exam, answers, len(known), work)

    def _exam(self, kept: Artifact, whom: Askable, work: Work) -> "_Exam":
        """Draw the rows and say each as it will be asked."""
        suite = self.read(kept.ref)
        dataset = self._datasets.get(suite.data)
        records = self._datasets.stream(dataset.ref, suite.split, by=work.by, run=work.run_id)
        found = drawn(records, suite)
        if not found:
            raise NoTestRowsError(ref=dataset.ref, split=suite.split)
        cases = [case_of(record, suite) for record in found]
        said = [whom.prompt.render(case.text) for case in cases]
        cases = [
            replace(one, messages=tuple(words)) for one, words in zip(cases, said, strict=True)
        ]
        questions = [
            Question(case.id, case.messages, repetition)
            for repetition in range(suite.repetitions)
            for case in cases
        ]
        settings = {
            "temperature": 0, "max_tokens": MAX_TOKENS, **whom.prompt.settings, **suite.settings,
        }  # fmt: skip
        return _Exam(kept, suite, dataset, whom, cases, questions, settings)

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

    def _known(self, exam: "_Exam", keys: Keys) -> dict[Key, Answered]:
        asked = {keys.of(q.messages, q.repetition): q for q in exam.questions}
        found = self._remembered.get([*asked])
        return {
            (asked[key].id, asked[key].repetition): replace(
                one, id=asked[key].id, repetition=asked[key].repetition, cost_nano=0
            )
            for key, one in found.items()
        }

    def _remember(self, exam: "_Exam", keys: Keys, answers: Mapping[Key, Answered]) -> None:
        fresh = (q for q in exam.questions if (q.id, q.repetition) in answers)
        self._remembered.put(
            {keys.of(q.messages, q.repetition): answers[q.id, q.repetition] for q in fresh}
        )

    def _asked(
        self, exam: "_Exam", spending: money.Spending, known: Mapping[Key, Answered], work: Work
    ) -> dict[Key, Answered]:
        limits = exam.suite.limits
        terms = Terms(
            limits.concurrency, Pace(limits.requests_per_minute),
            replace(self._patience, tries=limits.tries), spending,
            max_tokens=int(exam.settings["max_tokens"]), seed=exam.suite.seed,
        )  # fmt: skip
        with (
            Journal(Path(work.folder) / "answers.jsonl", exam.about()) as journal,
            tempfile.TemporaryDirectory(prefix="volano-") as short,
            self._examiner.chat(exam.whom.model, Path(short)) as chat,
        ):
            spending.spent_nano = sum(one.get("cost_nano") or 0 for one in journal.done)
            over = line(
                chat, exam.settings, concurrency=limits.concurrency, timeout_s=limits.timeout_s
            )
            return ask_all(
                exam.questions, over, journal, terms, known=known,
                tell=lambda standing: _tell(work, standing),
            )  # fmt: skip

    def _scored(
        self, exam: "_Exam", answers: Mapping[Key, Answered], known: int, work: Work
    ) -> dict[str, Any]:
        """Score, keep the report, and say what it comes to."""
        suite, by_id = exam.suite, {case.id: case for case in exam.cases}
        ordered = [answers[q.id, q.repetition] for q in exam.questions]
        with Toolbox(self._open(work), self._kept, self._remembered) as box:
            lines, units = score_all(
                [by_id[q.id] for q in exam.questions], ordered, suite.made(), box.tools(),
                at_once=min(32, suite.limits.concurrency),
                tell=lambda _name, done, of: _tell_scored(work, done, of),
            )  # fmt: skip
            judges = box.asked
        found = summary(lines, units)
        outcome = outcome_of(
            found, lines, gates=suite.conditions(), most_unmeasured=suite.unmeasured,
            report=self._evals.answers,
        )  # fmt: skip
        rows = [row_of(case) for case in exam.cases]
        report = Report(
            str(exam.whom.subject), exam.dataset.ref, suite.split, digest_of(rows), len(rows),
            found.scores, self._baseline(exam, rows, work),
            failed=found.states["error"], cut=found.states["cut"],
            summary=found, suite=exam.kept.ref, judges=judges,
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
                "answers.jsonl": b"".join(map(_dumped, lines)),
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
        telling = [name for name, _ in exam.suite.made() if name in DEFAULT]
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
    cases: Sequence[Case]
    questions: Sequence[Question]
    settings: Mapping[str, Any]

    def about(self) -> dict[str, str]:
        """Return what makes this evaluation this one: a journal of another must not be taken up."""
        said = [[one.id, list(one.messages)] for one in self.cases]
        return {
            "suite": str(self.kept.digest), "dataset": str(self.dataset.digest),
            "subject": str(self.whom.subject.digest), "model": str(self.whom.model.digest),
            "settings": str(Digest.of(canonical(self.settings))),
            "questions": str(Digest.of(_dumped(said))),
        }  # fmt: skip


def _read(suite: Mapping[str, Any] | Suite) -> Suite:
    if isinstance(suite, Suite):
        return from_plain(suite.to_dict())
    if set(suite) == {"file", "text"}:
        return from_yaml(str(suite["text"]), name=Path(str(suite["file"])).name)
    return from_plain(suite)


def _who(whom: Askable) -> str:
    """Return the name under which answers are remembered: the weights, or where they are asked."""
    return f"{whom.target}:{whom.far}" if whom.target else f"{whom.model.digest} {whom.far}"


def _dumped(value: Any) -> bytes:
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return text.encode(errors="replace") + b"\n"


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


__all__ = ["KIND", "Suites"]
