"""Checking a judge against people, as a durable Run: asked, compared, kept as a report."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, cast

from volano.core.canon import canonical
from volano.core.digest import Digest
from volano.core.manifest import Parent
from volano.core.principal import Principal
from volano.core.ref import Ref
from volano.data.keeper import Datasets
from volano.evals.judges.asked import Open, each, opened
from volano.evals.judges.calibration import Kept, calibrate, members
from volano.evals.judges.errors import NoLabelsError
from volano.evals.judges.judge import Judge
from volano.evals.judges.judging import ChatOf, Judged, judge_one
from volano.evals.judges.keeper import CHECK, REPORT, ROWS, Judges
from volano.evals.judges.labelled import Labelled, labelled
from volano.evals.judges.people import from_feedback
from volano.evals.judges.telling import check_text, verdict
from volano.evals.redacted import Held, keys
from volano.evals.scoring import Unmeasured
from volano.feedback.keeper import Feedbacks
from volano.jobs.keeper import Runs
from volano.jobs.run import Run
from volano.jobs.work import Work
from volano.store import Catalog
from volano.traces.keeper import Traces

KIND = "judge.check"
JOURNAL = "judged.jsonl"
LEAST = 10
AGAIN = 50
MOST = 20_000


class Checker:
    """Starts checks of judges, and is what such a Run does."""

    def __init__(
        self,
        runs: Runs,
        catalog: Catalog,
        judges: Judges,
        datasets: Datasets,
        people: tuple[Feedbacks, Traces],
        open_chat: Open,
        held: Held = tuple,
    ):
        self._runs = runs
        self._catalog = catalog
        self._judges = judges
        self._datasets = datasets
        self._feedbacks, self._traces = people
        self._open = open_chat
        self._held = held
        runs.register(KIND, self._work, needs=("judge",))

    def check(
        self,
        ref: Ref | str,
        *,
        data: Ref | str | None = None,
        split: str = "train",
        feedback: str | None = None,
        again: int = AGAIN,
        at_once: int = 4,
        by: Principal,
    ) -> Run:
        """Ask a judge what people were asked, and say how far it agrees with them, as a Run.

        The labels come from a dataset (columns text, answer, label), or from what people said
        on traces by the metric `feedback`. The first `again` rows are asked twice.

        Raises:
            UnknownArtifactError: there is no such judge or dataset.
            NoLabelsError, BadLabelledRowError: the rows cannot calibrate this judge.
        """
        judge = self._judges.read(ref)
        inputs = {
            "judge": judge.ref, "data": self._datasets.get(data).ref if data else "",
            "split": split, "feedback": feedback or "", "again": again, "at_once": at_once,
        }  # fmt: skip
        self._rows(judge, inputs, by)
        return self._runs.start(KIND, name=judge.name, inputs=inputs, by=by, group=by.group)

    def _work(self, work: Work) -> dict[str, Any]:
        told = work.step("check", self._check, work)
        work.tidy(JOURNAL)
        return cast(dict[str, Any], told)

    def _check(self, work: Work) -> dict[str, Any]:
        judge = self._judges.read(work.inputs["judge"])
        rows = self._rows(judge, work.inputs, work.by)
        again = {f"{one.id}+": one for one in rows[: int(work.inputs["again"])]}
        items = {**{one.id: one for one in rows}, **again}
        about = {"judge": judge.ref, "rows": _digest(rows)}
        secrets = keys((), self._held())
        with opened(judge, self._judges.read, self._open, secrets) as chat_of:
            found = each(
                items, lambda row: self._ask(judge, row, chat_of),
                path=Path(work.folder) / JOURNAL, about=about,
                at_once=int(work.inputs["at_once"]), secrets=secrets,
            )  # fmt: skip
        kept = [_kept(row, found[row.id], found.get(f"{row.id}+")) for row in rows]
        return self._keep(work, judge, kept)

    def _ask(self, judge: Judge, row: Labelled, chat_of: ChatOf) -> dict[str, Any]:
        return _plain(judge_one(judge, row.shown, chat_of, self._judges.read))

    def _rows(self, judge: Judge, inputs: Mapping[str, Any], by: Principal) -> Sequence[Labelled]:
        if inputs["feedback"]:
            raw = from_feedback(self._feedbacks, self._traces, inputs["feedback"], judge)
            where = f"feedback {inputs['feedback']}"
        elif inputs["data"]:
            raw = [*self._datasets.stream(inputs["data"], inputs["split"], limit=MOST, by=by)]
            where = f"{inputs['data']} ({inputs['split']})"
        else:
            raise NoLabelsError(where="nothing", found=0, least=LEAST)
        rows = labelled(judge, raw)
        rows = [*{one.id: one for one in rows}.values()]
        if len(rows) < LEAST:
            raise NoLabelsError(where=where, found=len(rows), least=LEAST)
        return rows

    def _keep(self, work: Work, judge: Judge, rows: Sequence[Kept]) -> dict[str, Any]:
        inputs = work.inputs
        found: dict[str, Any] = {
            "about": "judge", "judge": judge.ref, "model": judge.model,
            "where": inputs["data"] or f"feedback {inputs['feedback']}", "n": len(rows),
            "scores": calibrate(judge, rows), "members": members(judge, rows),
        }  # fmt: skip
        found["verdict"] = verdict(found)
        first = found["scores"][0]
        artifact = self._judges.get(judge.ref)
        data = self._datasets.get(inputs["data"]) if inputs["data"] else None
        lines = "".join(json.dumps(asdict(row), ensure_ascii=False) + "\n" for row in rows)
        kept = self._catalog.record(
            REPORT, f"{judge.name}-against-people",
            files={
                CHECK: _json(found), ROWS: lines.encode(errors="replace"),
                "table.md": check_text(found).encode(errors="replace"),
            },
            parents=[
                Parent("judge", artifact.digest),
                *([Parent("dataset", data.digest)] if data else []),
            ],
            meta={
                "about": "judge", "judge": judge.ref, "verdict": found["verdict"],
                "trusted": first["trusted"], "kappa": first["kappa"], "n": first["n"],
                "where": found["where"],
            },
            made_by=work.run_id, by=work.by,
        )  # fmt: skip
        return {"ref": kept.ref, "digest": str(kept.digest), "verdict": found["verdict"]}


def _plain(judged: Judged) -> dict[str, Any]:
    scores = {k: v for k, v in judged.scores.items() if not isinstance(v, Unmeasured)}
    unmeasured = {k: v.why for k, v in judged.scores.items() if isinstance(v, Unmeasured)}
    orders = list(judged.orders) if judged.orders else None
    return {"scores": scores, "unmeasured": unmeasured, "orders": orders, "whys": dict(judged.whys)}


def _kept(row: Labelled, said: Mapping[str, Any], again: Mapping[str, Any] | None) -> Kept:
    orders = tuple(said["orders"]) if said["orders"] else None
    return Kept(
        row.id, dict(row.labels), said["scores"], said["unmeasured"], len(row.shown.answer),
        again["scores"] if again else None, orders, row.system, row.cluster, row.row, said["whys"],
    )  # fmt: skip


def _digest(rows: Sequence[Labelled]) -> str:
    return str(Digest.of(canonical([{**asdict(row), "labels": dict(row.labels)} for row in rows])))


def _json(value: Mapping[str, Any]) -> bytes:
    return (json.dumps(value, ensure_ascii=False, indent=1) + "\n").encode(errors="replace")
