"""Judges: the verbs. They are saved in versions, checked against people, and corrected by that."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

from volano.core.manifest import Parent
from volano.core.principal import Principal
from volano.core.ref import Ref, check_name
from volano.evals.judges import standing
from volano.evals.judges.calibration import Kept
from volano.evals.judges.correcting import (
    Scored,
    corrected_difference,
    corrected_mean,
    sentence,
)
from volano.evals.judges.errors import (
    BadJudgeError,
    BadJudgeFileError,
    NoCalibrationError,
    NotACheckError,
    NotJudgedError,
)
from volano.evals.judges.judge import Judge
from volano.evals.judges.reading import MAX_BYTES, read
from volano.evals.judges.scorer import FILE, KIND, loaded
from volano.evals.judges.telling import correction_text
from volano.evals.scoring import BadScorerError
from volano.store import Artifact, Catalog

CHECK = "judge-check.json"
ROWS = "labelled.jsonl"
REPORT = "report"
Artifacts = list[Artifact]
Listed = list[dict[str, Any]]


class Pinned(Protocol):
    """What a model's name means now."""

    def pin(self, name: str) -> tuple[str, str]:
        """Return the name as it stays, and its digest where the bytes are ours."""
        ...


class Reports(Protocol):
    """What is asked of the reports."""

    def get(self, ref: str | Ref) -> Artifact:
        """Return a report's artifact."""
        ...

    def answers(self, ref: str | Ref) -> list[dict[str, Any]]:
        """Return its rows."""
        ...


class Judges:
    """All judges of one workspace."""

    def __init__(self, catalog: Catalog, reports: Reports, models: Pinned):
        self._catalog = catalog
        self._reports = reports
        self._models = models

    def save(
        self,
        path: Path | str | None = None,
        *,
        text: str | None = None,
        name: str | None = None,
        by: Principal,
    ) -> Artifact:
        """Save the next version of a judge, from a YAML file or its text.

        It is named like the file unless `name` says else. The model is pinned: one of ours by
        its version and digest; of a provider's only the name can be.

        Raises:
            BadJudgeError: the YAML; or there is no name, or a panel mixes kinds.
            UnknownCandidateError: there is no such model.
            UnknownArtifactError: there is no such judge, of a panel.
        """
        name = check_name(name or (Path(path).stem if path else "") or _nameless())
        judge = read(_text(path) if text is None else text)
        if judge.kind == "panel":
            found = [self.get(ref) for ref in judge.judges]
            self._check_panel(found)
            document = {**judge.to_dict(), "judges": [one.ref for one in found]}
            parents = [Parent("judge", one.digest) for one in found]
        else:
            model, digest = self._models.pin(judge.model)
            document = {**judge.to_dict(), "model": model, "digest": digest}
            parents = [Parent("model", self._catalog.get("model", model).digest)] if digest else []
        meta = {
            "kind": judge.kind, "model": document["model"], "pinned": document["digest"],
            "criteria": [one.name for one in judge.criteria], "judges": document["judges"],
            "language": judge.language,
        }  # fmt: skip
        files = {FILE: (json.dumps(document, ensure_ascii=False, indent=1) + "\n").encode()}
        return self._catalog.record(KIND, name, files=files, parents=parents, meta=meta, by=by)

    def get(self, ref: str | Ref) -> Artifact:
        """Return a judge's artifact.

        Raises:
            UnknownArtifactError: there is no such judge.
        """
        return self._catalog.get(KIND, ref)

    def list(self, name: str | None = None, *, limit: int = 50) -> Listed:
        """Return judges, newest first: the model that each asks, and how far to believe it."""
        found = self._catalog.list(KIND, name, limit=limit)
        return [standing.listed(self._catalog, one) for one in found]

    def newest(self) -> Listed:
        """Return the same of the newest version of every judge."""
        return [standing.listed(self._catalog, one) for one in self._catalog.names(KIND)]

    def show(self, ref: str | Ref) -> dict[str, Any]:
        """Return what a judge asks, which model, and how it agreed with people when last checked.

        Raises:
            UnknownArtifactError, BadJudgeFileError: there is no such judge, or it is unreadable.
        """
        artifact = self.get(ref)
        document = self.read(artifact.ref).to_dict()
        pinned = document.pop("digest")
        return {
            "ref": artifact.ref, "digest": str(artifact.digest), **document, "pinned": pinned,
            "standing": self.standing(artifact.ref), "checks": [one.ref for one in self.checks(ref)],
        }  # fmt: skip

    def read(self, ref: str | Ref) -> Judge:
        """Return the judge itself.

        Raises:
            UnknownArtifactError, BadJudgeFileError: as in `show`.
        """
        try:
            return loaded(*self.kept(str(ref)))
        except BadScorerError as error:
            raise BadJudgeFileError(ref=str(ref)) from error

    def kept(self, ref: str) -> tuple[str, bytes]:
        """Return a judge's version and its file: what scorers read it by."""
        artifact = self.get(ref)
        return artifact.ref, self._catalog.read(artifact, FILE)

    def checks(self, ref: str | Ref) -> Artifacts:
        """Return the reports that checked this version against people, newest first."""
        return standing.checks(self._catalog, self.get(ref))

    def standing(self, ref: str | Ref) -> dict[str, Any]:
        """Say whether a judge may be trusted alone: what stands beside its scores wherever they are.

        Raises:
            UnknownArtifactError: there is no such judge.
        """
        return standing.standing(self._catalog, self.get(ref))

    def report(self, ref: str | Ref) -> dict[str, Any]:
        """Return what a check, or a contest, found.

        Raises:
            UnknownArtifactError: there is no such report.
            NotACheckError: it is of another kind.
        """
        artifact = self._reports.get(ref)
        if artifact.manifest.meta.get("about") not in ("judge", "contest"):
            raise NotACheckError(ref=artifact.ref)
        found = json.loads(self._catalog.read(artifact, CHECK))
        markdown = self._catalog.read(artifact, "table.md").decode()
        return {"ref": artifact.ref, **found, "markdown": markdown}

    def labelled(self, check: str | Ref) -> Sequence[Kept]:
        """Return the rows of a check: what people said, and what the judge said.

        Raises:
            UnknownArtifactError, NotACheckError: as in `report`.
        """
        artifact = self._reports.get(check)
        if artifact.manifest.meta.get("about") != "judge":
            raise NotACheckError(ref=artifact.ref)
        lines = self._catalog.read(artifact, ROWS).decode().split("\n")
        return [Kept.from_dict(json.loads(line)) for line in lines if line]

    def correct(
        self,
        ref: str | Ref,
        *,
        report: str | Ref,
        against: str | Ref | None = None,
        check: str | Ref | None = None,
        score: str | None = None,
    ) -> dict[str, Any]:
        """Return what people would have given to a report's answers; with `against`, how much more.

        `check` names the calibration (the newest of this version of the judge); `score` one of
        its criteria. `raw` is the judge's own mean, `corrected` PPI++, `cross_check` Rogan-Gladen.

        Raises:
            UnknownArtifactError: there is no such judge, report or check.
            NoCalibrationError: nobody checked this version.
            NotJudgedError: the report has no scores of this judge.
        """
        judge = self.read(ref)
        score = score or judge.name
        kept = self._calibration(judge, check)
        known = self.labelled(kept)
        one = self._scored(report, score)
        if against is None:
            found = corrected_mean(score, known, one)
        else:
            found = corrected_difference(score, known, self._scored(against, score), one)
        stands = self.standing(judge.ref)
        notes = [] if stands["trusted"] else [stands["told"]]
        told = {
            "judge": judge.ref, "score": score, "report": self._reports.get(report).ref,
            "against": self._reports.get(against).ref if against is not None else None,
            "check": kept, "trusted": stands["trusted"],
            **found.to_dict(), "verdict": sentence(found, difference=against is not None),
        }  # fmt: skip
        told["notes"] = [*notes, *told["notes"]]
        return {**told, "markdown": correction_text(told)}

    def of_report(self, ref: str | Ref) -> Sequence[dict[str, Any]]:
        """Return, for each judge among a report's scorers, the correction, or why there is none.

        Raises:
            UnknownArtifactError: there is no such report.
        """
        found = []
        for name in standing.judges_in(self._reports.get(ref).manifest.meta):
            stands = self.standing(name)
            if stands["check"] is None:
                found.append({**stands, "corrected": None})
            else:
                found.append({**stands, **self.correct(name, report=ref)})
        return found

    def _calibration(self, judge: Judge, check: str | Ref | None) -> str:
        if check is not None:
            return self._reports.get(check).ref
        found = self.checks(judge.ref)
        if not found:
            raise NoCalibrationError(judge=judge.ref)
        return found[0].ref

    def _scored(self, report: str | Ref, score: str) -> Scored:
        artifact = self._reports.get(report)
        subject = str(artifact.manifest.meta.get("subject", ""))
        found = Scored.of(self._reports.answers(artifact.ref), score, subject)
        if not found.values:
            raise NotJudgedError(ref=artifact.ref, score=score)
        return found

    def _check_panel(self, members: Sequence[Artifact]) -> None:
        kinds = {self.read(one.ref).kind for one in members}
        if len(kinds) > 1 or "panel" in kinds:
            raise BadJudgeError(part="judges", why="its judges are all rubric, or all pairwise")


def _text(path: Path | str | None) -> str:
    if path is None:
        raise BadJudgeError(part="the file", why="there is none, and no text")
    with Path(path).open("rb") as file:
        data = file.read(MAX_BYTES + 1)
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise BadJudgeError(part="the file", why="it is not UTF-8") from error


def _nameless() -> str:
    raise BadJudgeError(part="name", why="a text needs a name")
