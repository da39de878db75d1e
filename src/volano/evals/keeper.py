"""Evals: the verbs. A model answers a split; a report says how well, and stays."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from volano.core.canon import canonical
from volano.core.digest import Digest
from volano.core.manifest import Parent
from volano.core.ports.chat import Chat
from volano.core.principal import Principal
from volano.core.ref import Ref
from volano.data import Datasets, Row
from volano.evals import rivals, seen, told
from volano.evals.answered import Answered
from volano.evals.asking import Messages, ask, template
from volano.evals.case import Case
from volano.evals.choice import FILE, Choice, markdown
from volano.evals.compare import MARGIN, Side
from volano.evals.comparison import several
from volano.evals.errors import (
    BadMarginError,
    BadReportError,
    IsACheckError,
    IsAChoiceError,
    NoSubjectError,
    NotAChoiceError,
    NoTestRowsError,
    NotMeasuredError,
)
from volano.evals.journal import Journal
from volano.evals.judges.standing import judges_in, standings
from volano.evals.lines import dumped
from volano.evals.linked import linking
from volano.evals.planning import plan
from volano.evals.quiet import answered, hushed
from volano.evals.redacted import Held, keys
from volano.evals.report import Report, baseline, digest_of
from volano.evals.scored import score_all
from volano.evals.scorers import DEFAULT, SCORERS
from volano.evals.scoring import Tools, make
from volano.evals.summary import summary
from volano.evals.trained import trained
from volano.store import Artifact, Catalog

KIND = "report"
OF_JUDGES = ("judge", "contest")
"""What reports on judges are about."""
SETTINGS: Mapping[str, Any] = {"temperature": 0, "max_tokens": 128}
Artifacts = list[Artifact]
Answers = list[dict[str, Any]]


class Evals:
    """All reports of one workspace."""

    def __init__(
        self, catalog: Catalog, datasets: Datasets, *, console: str = "", held: Held = tuple
    ):
        """`console` is where others see reports; empty where only this machine does.

        The keys that are `held` are struck from what servers say.
        """
        self._held = held
        self._console = console
        self._catalog = catalog
        self._datasets = datasets

    def evaluate(
        self,
        dataset_ref: str | Ref,
        *,
        split: str = "test",
        chat: Chat,
        subject: Artifact,
        prompt_template: str = "{text}",
        render: Callable[[str], Messages] | None = None,
        journal: Path,
        settings: Mapping[str, Any] | None = None,
        scorers: Sequence[str] = DEFAULT,
        concurrency: int = 8,
        limit: int | None = None,
        progress: Callable[[int, int], None] | None = None,
        name: str | None = None,
        by: Principal,
        made_by: str | None = None,
        parents: Sequence[Parent] = (),
    ) -> Artifact:
        """Ask `chat` every row of a split, score the answers, and keep the report.

        A row's messages come from `render`, else from `prompt_template`. Each
        answer is in `journal` before it counts: called again with the same
        arguments after a crash, only the missing rows are asked. `settings`
        default to temperature 0 and 128 tokens. `limit` takes the first rows
        only. The report is named `<subject>-on-<dataset>` unless `name` says else.

        Raises:
            NoTestRowsError: the split is empty.
            UnavailableError: `chat` does not answer; the journal keeps the rest.
            JournalMismatchError, JournalBusyError, CorruptJournalError: the journal.
            UnknownPluginError, BadScoreError, BadTemplateError, BadConcurrencyError:
                the arguments.
        """
        exam = self._exam(
            dataset_ref, split, subject, scorers,
            settings=settings, limit=limit, by=by, run=made_by,
        )  # fmt: skip
        render = render or template(prompt_template)
        about = _about(exam, [render(row.text) for row in exam.rows])
        secrets = keys((), self._held())
        with Journal(Path(journal), about) as book, hushed(secrets):
            asked = ask(
                exam.rows, chat, render, book,
                settings=exam.settings, concurrency=concurrency, progress=progress or _quiet,
            )  # fmt: skip
        answers = [answered(one, secrets) for one in asked]
        return self._keep(exam, answers, name=name, parents=parents, made_by=made_by, by=by)

    def compare(
        self,
        a: str | Ref,
        b: str | Ref,
        others: Sequence[str | Ref] = (),
        *,
        margin: float = MARGIN,
        format: str = "json",  # noqa: A002 - the word of the sentence
        console: str = "",
    ) -> Any:
        """Return how report `b` differs from report `a`: paired over the rows of both.

        `scores` lists, for each score of both, the values, b - a with its 95 % interval, how many
        rows got better and worse, whether it is not worse by more than `margin`, and a verdict;
        `flips` the rows that fell, with both answers; `judges` how far each judge among the
        scorers agrees with people. `others` are compared with `a`, too.
        In the format `text`, `markdown` or `junit` it is one text; where
        `console` is known, or given, the rows that fell are links to it in Markdown.

        Raises:
            UnknownArtifactError, BadReportError: a or b.
            OtherRowsError: they share no row.
            NoCommonScoreError: they have no score in common.
            BadMarginError: not at least 0 and below 1.
            BadConsoleError: the console has no such address.
        """
        if not 0 <= margin < 1:
            raise BadMarginError(margin=margin)
        link = linking(console or self._console)
        sides = [self._side(ref) for ref in (a, b, *others)]
        judges = [name for side in sides for name in judges_in(self.get(side.ref).manifest.meta)]
        found = {
            **several(sides, margin=margin), "judges": standings(self._catalog, judges),
        }  # fmt: skip
        if format == "markdown":
            return told.markdown(found, link)
        writers = {"text": told.text, "junit": told.junit}
        return writers[format](found) if format in writers else found

    def plan(
        self,
        data: str | Ref,
        *,
        split: str = "test",
        margin: float = MARGIN,
        report: str | Ref | None = None,
        by: Principal,
    ) -> dict[str, Any]:
        """Return which difference a split's rows would find, and how many rows `margin` takes.

        How scores vary comes from `report`, else the worst is assumed.

        Raises:
            UnknownArtifactError, BadReportError: the dataset, the report.
            NoTestRowsError: the split is empty.
            BadMarginError: not above 0 and below 1.
        """
        if not 0 < margin < 1:
            raise BadMarginError(margin=margin)
        dataset = self._datasets.get(data)
        rows = len(self._datasets.rows(dataset.ref, split, by=by))
        if not rows:
            raise NoTestRowsError(ref=dataset.ref, split=split)
        if report is None:
            return plan(rows, margin)
        source = self.get(report)
        return plan(rows, margin, lines=self.answers(source.ref), source=source.ref)

    def seen(self, ref: str | Ref, *, by: Principal) -> dict[str, Any]:
        """Return which rows of a report stood in what its subject learned from, by its lineage.

        `looked` names what was looked through; where that is nothing, nobody knows what it learned.

        Raises:
            UnknownArtifactError, BadReportError: the report.
            NoSubjectError: it is of a change in a repository.
        """
        artifact, report = self.get(ref), self.report(ref)
        subject = next((p for p in artifact.manifest.parents if p.role == "subject"), None)
        if subject is None:
            raise NoSubjectError(ref=artifact.ref)
        lines = self.answers(ref)
        asked = {line["id"] for line in lines}
        rows = [
            r for r in self._datasets.rows(report.dataset, report.split, by=by) if r.id in asked
        ]
        learned = trained(
            self._catalog, self._datasets, self._catalog.by_digest(str(subject.digest)), by=by
        )
        units = report.summary.units if report.summary else {}
        known = [(place, texts) for place, texts in learned if texts]
        looked = [place for place, _ in known]
        found = seen.look(rows, known).to_dict(lines, units)
        sentence = seen.sentence(found) or seen.unseen(len(rows), looked)
        return {"report": artifact.ref, **found, "looked": looked, "sentence": sentence}

    def compare_models(
        self, a: str | Ref, b: str | Ref, *, data: str | Ref | None = None
    ) -> dict[str, Any]:
        """Return how model `b` differs from model `a`, by their newest reports on the same rows.

        As `compare`, and besides: size, parameters, tokens of an answer, what is known of
        speed and cost, and `flips`: the rows that `a` gets right and `b` wrong, and the
        other way round, by the first score. Reports on flows count for the flow's model.

        Raises:
            UnknownArtifactError: there is no such model or dataset.
            NotMeasuredError: there are no reports on both about the same rows.
            NoCommonScoreError: they have no score in common.
        """
        models = self._catalog.get("model", a), self._catalog.get("model", b)
        dataset = self._datasets.get(data) if data is not None else None
        pair = rivals.pair(*(self._reports_on(model, dataset) for model in models))
        if pair is None:
            on = f" of {dataset.ref}" if dataset else ""
            raise NotMeasuredError(a=models[0].ref, b=models[1].ref, on=on)
        found = self.compare(pair[0].ref, pair[1].ref)
        sides = {
            side: {
                **found[side],
                **rivals.facts(self._catalog, model, report, self.answers(report.ref)),
            }
            for side, model, report in zip("ab", models, pair, strict=True)
        }
        fallen = found["flips"]
        return {
            **found,
            **sides,
            "flips": {**fallen, "rows": [row["row"] for row in fallen["rows"]][:20]},
        }

    def get(self, ref: str | Ref) -> Artifact:
        """Return a report's artifact.

        Raises:
            UnknownArtifactError: there is no such report.
        """
        return self._catalog.get(KIND, ref)

    def list(self, name: str | None = None, *, limit: int = 50) -> Artifacts:
        """Return reports, newest first."""
        return self._catalog.list(KIND, name, limit=limit)

    def report(self, ref: str | Ref) -> Report:
        """Return what a report says.

        Raises:
            UnknownArtifactError: there is no such report.
            BadReportError: its file is none of this version.
            IsAChoiceError: it has the table of a search or of advice, not scores.
        """
        artifact = self.get(ref)
        _check_scores(artifact)
        try:
            return Report.from_dict(json.loads(self._catalog.read(artifact, "report.json")))
        except (KeyError, TypeError, ValueError) as error:
            raise BadReportError(ref=artifact.ref) from error

    def choice(self, ref: str | Ref) -> Choice:
        """Return the candidates, the front and the verdict of a search or of advice.

        Raises:
            UnknownArtifactError: there is no such report.
            NotAChoiceError: it is a report of scores.
            BadReportError: its file is none of this version.
        """
        artifact = self.get(ref)
        if artifact.manifest.meta.get("about") in (None, *OF_JUDGES):
            raise NotAChoiceError(ref=artifact.ref)
        try:
            return Choice.from_dict(json.loads(self._catalog.read(artifact, FILE)))
        except (KeyError, TypeError, ValueError) as error:
            raise BadReportError(ref=artifact.ref) from error

    def table(self, ref: str | Ref) -> dict[str, Any]:
        """Return a search's or an advice's candidates as Markdown, with the verdict.

        `settings` say what each was made with: a form of a model, the wording of a prompt.

        Raises:
            UnknownArtifactError, NotAChoiceError, BadReportError: as in `choice`.
        """
        found = self.choice(ref)
        return {
            "ref": self.get(ref).ref, "verdict": found.verdict, "winner": found.winner,
            "front": found.front, "markdown": markdown(found),
            "settings": {one.name: dict(one.settings) for one in found.candidates if one.settings},
        }  # fmt: skip

    def answers(self, ref: str | Ref) -> Answers:
        """Return each row's id, answer and scores, in the rows' order.

        Raises:
            UnknownArtifactError: there is no such report.
            BadReportError: its file is none of this version.
        """
        artifact = self.get(ref)
        _check_scores(artifact)
        lines = self._catalog.read(artifact, "answers.jsonl").decode().split("\n")
        try:
            return [json.loads(line) for line in lines if line]
        except ValueError as error:
            raise BadReportError(ref=artifact.ref) from error

    def _side(self, ref: str | Ref) -> Side:
        """Return a report as one side of a comparison.

        Raises:
            UnknownArtifactError, BadReportError: the report.
        """
        report, artifact = self.report(ref), self.get(ref)
        units = report.summary.units if report.summary else {}
        lines = self.answers(artifact.ref)
        if not all("id" in line and isinstance(line.get("scores"), Mapping) for line in lines):
            raise BadReportError(ref=artifact.ref)
        return Side(artifact.ref, report.subject, lines, units, report.split)

    def _exam(
        self,
        dataset_ref: str | Ref,
        split: str,
        subject: Artifact,
        scorers: Sequence[str],
        *,
        settings: Mapping[str, Any] | None,
        limit: int | None,
        by: Principal,
        run: str | None,
    ) -> "_Exam":
        for scorer in scorers:
            SCORERS.get(scorer)
        dataset = self._datasets.get(dataset_ref)
        rows = self._datasets.rows(dataset.ref, split, by=by, run=run)[:limit]
        if not rows:
            raise NoTestRowsError(ref=dataset.ref, split=split)
        settings = dict(SETTINGS if settings is None else settings)
        return _Exam(subject, dataset, split, rows, settings, scorers)

    def _keep(
        self,
        exam: "_Exam",
        answers: Sequence[Answered],
        *,
        name: str | None,
        parents: Sequence[Parent],
        made_by: str | None,
        by: Principal,
    ) -> Artifact:
        """Score the answers and record the report, with the answers beside it."""
        subject, dataset = exam.subject, exam.dataset
        cases = [Case(row.id, row.text, row.label) for row in exam.rows]
        lines, units = score_all(cases, answers, [make(name) for name in exam.scorers], Tools())
        found = summary(lines, units)
        train = self._datasets.rows(dataset.ref, "train", by=by, run=made_by)
        learned = trained(self._catalog, self._datasets, subject, by=by, run=made_by)
        report = Report(
            str(subject), dataset.ref, exam.split, digest_of(exam.rows), len(exam.rows),
            found.scores, baseline(train, exam.rows, exam.scorers),
            failed=found.states["error"], cut=found.states["cut"], summary=found,
            seen=seen.look(exam.rows, learned).to_dict(lines, units),
        )  # fmt: skip
        settings = {"settings": exam.settings, "scorers": [*exam.scorers]}
        return self._catalog.record(
            KIND,
            name or f"{subject.name}-on-{dataset.name}",
            files={
                "answers.jsonl": b"".join(dumped(line) + b"\n" for line in lines),
                "report.json": _json(report),
            },
            parents=(
                Parent("subject", subject.digest), Parent("dataset", dataset.digest), *parents,
            ),
            meta={**report.brief(), **settings},
            made_by=made_by,
            by=by,
        )  # fmt: skip

    def _reports_on(self, model: Artifact, dataset: Artifact | None) -> Artifacts:
        """Return the reports on a model and on flows with it, newest first; no searches, no advice."""
        children = self._catalog.children(model.digest)
        flows = [one.digest for one in children if one.kind == "flow"]
        found = {one.digest: one for one in (*children, *self._catalog.made_of(flows))}
        wanted = {dataset.digest} if dataset else set()
        return sorted(
            (
                one
                for one in found.values()
                if one.kind == KIND
                and "about" not in one.manifest.meta
                and wanted <= {p.digest for p in one.manifest.parents}
            ),
            key=lambda one: (one.created_us, one.number),
            reverse=True,
        )


def _check_scores(artifact: Artifact) -> None:
    about = artifact.manifest.meta.get("about")
    if about in OF_JUDGES:
        raise IsACheckError(ref=artifact.ref)
    if about is not None:
        raise IsAChoiceError(ref=artifact.ref)


@dataclass(frozen=True)
class _Exam:
    """Who is asked what, and how it is scored."""

    subject: Artifact
    dataset: Artifact
    split: str
    rows: Sequence[Row]
    settings: Mapping[str, Any]
    scorers: Sequence[str]


def _about(exam: _Exam, questions: Sequence[Messages]) -> dict[str, str]:
    """Return what makes this evaluation this one: a journal of another must not be taken up."""
    return {
        "dataset": str(exam.dataset.digest),
        "split": exam.split,
        "subject": str(exam.subject.digest),
        "settings": str(Digest.of(canonical(exam.settings))),
        "questions": str(Digest.of(canonical(questions))),
    }


def _json(report: Report) -> bytes:
    return (json.dumps(report.to_dict(), ensure_ascii=False, indent=1) + "\n").encode()


def _quiet(done: int, of: int) -> None:
    """Say nothing."""
