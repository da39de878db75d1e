"""A contest: a pairwise judge says which of several systems' answers people might prefer, as a Run."""

import json
from collections.abc import Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any, Protocol, cast

from volano.core.manifest import Parent
from volano.core.principal import Principal
from volano.core.ref import Ref
from volano.data.keeper import Datasets
from volano.evals.judges.asked import Open, each, opened
from volano.evals.judges.errors import NothingComparedError, WrongKindError
from volano.evals.judges.judge import Judge
from volano.evals.judges.judging import ChatOf, Shown, judge_one
from volano.evals.judges.keeper import CHECK, REPORT, Judges
from volano.evals.judges.telling import spelt
from volano.evals.redacted import Held, keys
from volano.evals.scoring import Unmeasured
from volano.jobs.keeper import Runs
from volano.jobs.run import Run
from volano.jobs.work import Work
from volano.stats.intervals import paired_means
from volano.stats.preference import Comparison, bradley_terry, win_rate
from volano.store import Artifact, Catalog

KIND = "judge.compare"
JOURNAL = "compared.jsonl"
MOST = 8


class Answers(Protocol):
    """What is asked of the reports."""

    def get(self, ref: str | Ref) -> Artifact:
        """Return a report's artifact."""
        ...

    def answers(self, ref: str | Ref) -> list[dict[str, Any]]:
        """Return its rows."""
        ...


class Contests:
    """Starts contests, and is what such a Run does."""

    def __init__(
        self,
        runs: Runs,
        catalog: Catalog,
        judges: Judges,
        datasets: Datasets,
        reports: Answers,
        open_chat: Open,
        held: Held = tuple,
    ):
        self._runs = runs
        self._catalog = catalog
        self._judges = judges
        self._datasets = datasets
        self._reports = reports
        self._open = open_chat
        self._held = held
        runs.register(KIND, self._work, needs=("judge", "reports"))

    def compare(
        self,
        ref: Ref | str,
        *,
        reports: Sequence[str],
        limit: int | None = None,
        at_once: int = 4,
        by: Principal,
    ) -> Run:
        """Ask a pairwise judge which report's answers are better, row by row in both orders, as a Run.

        Raises:
            UnknownArtifactError: there is no such judge or report.
            WrongKindError: the judge is not pairwise.
            NothingComparedError: fewer than two reports, or not on the same rows.
        """
        judge = self._judges.read(ref)
        members = [self._judges.read(one).kind for one in judge.judges]
        if "pairwise" not in (judge.kind, *members):
            raise WrongKindError(judge=judge.ref, kind=judge.kind, wanted="pairwise")
        named = [name.strip() for part in reports for name in part.split(",") if name.strip()]
        refs = [*dict.fromkeys(self._reports.get(name).ref for name in named)]
        if not 2 <= len(refs) <= MOST:
            raise NothingComparedError(why=f"a contest has 2 to {MOST} reports, not {len(refs)}")
        self._rows(refs, limit, by)
        inputs = {"judge": judge.ref, "reports": refs, "limit": limit, "at_once": at_once}
        return self._runs.start(KIND, name=judge.name, inputs=inputs, by=by, group=by.group)

    def _work(self, work: Work) -> dict[str, Any]:
        told = work.step("compare", self._compare, work)
        work.tidy(JOURNAL)
        return cast(dict[str, Any], told)

    def _compare(self, work: Work) -> dict[str, Any]:
        inputs = work.inputs
        judge = self._judges.read(inputs["judge"])
        refs, rows = inputs["reports"], self._rows(inputs["reports"], inputs["limit"], work.by)
        items = {
            f"{a}/{b}/{row}": (rows[row]["text"], rows[row][a], rows[row][b])
            for a, b in combinations(range(len(refs)), 2)
            for row in rows
        }
        secrets = keys((), self._held())
        with opened(judge, self._judges.read, self._open, secrets) as chat_of:
            found = each(
                items, lambda item: self._ask(judge, item, chat_of),
                path=Path(work.folder) / JOURNAL,
                about={"judge": judge.ref, "reports": " ".join(refs)},
                at_once=int(inputs["at_once"]), secrets=secrets,
            )  # fmt: skip
        return self._keep(work, judge, _result(judge, refs, rows, found))

    def _ask(self, judge: Judge, item: Sequence[str], chat_of: ChatOf) -> dict[str, Any]:
        question, first, second = item
        shown = Shown(question, first, second)
        said = judge_one(judge, shown, chat_of, self._judges.read)
        value = said.scores[judge.name]
        if isinstance(value, Unmeasured):
            return {"share": None, "why": value.why, "orders": None}
        return {"share": value, "why": "", "orders": list(said.orders) if said.orders else None}

    def _rows(
        self, refs: Sequence[str], limit: int | None, by: Principal
    ) -> dict[str, dict[Any, str]]:
        """Return the rows that all reports answered: the question, each one's answer, the cluster."""
        metas = [self._reports.get(ref).manifest.meta for ref in refs]
        places = {(str(meta.get("dataset")), str(meta.get("split"))) for meta in metas}
        if len(places) > 1:
            raise NothingComparedError(why="the reports are on different rows")
        ((dataset, split),) = places
        texts = {str(r["id"]): str(r["text"]) for r in self._datasets.stream(dataset, split, by=by)}
        answers = [_answers(self._reports.answers(ref)) for ref in refs]
        shared = [row for row in answers[0] if row in texts and all(row in one for one in answers)]
        if not shared:
            raise NothingComparedError(why="no row has an answer in every report")
        return {
            row: {
                "text": texts[row], "cluster": answers[0][row][1] or row,
                **{at: one[row][0] for at, one in enumerate(answers)},
            }
            for row in shared[:limit]
        }  # fmt: skip

    def _keep(self, work: Work, judge: Judge, found: dict[str, Any]) -> dict[str, Any]:
        standing = self._judges.standing(judge.ref)
        found["notes"] = [] if standing["trusted"] else [standing["told"]]
        parents = [Parent("judge", self._judges.get(judge.ref).digest)]
        parents += [Parent("report", self._reports.get(ref).digest) for ref in found["reports"]]
        kept = self._catalog.record(
            REPORT, f"{judge.name}-contest",
            files={
                CHECK: (json.dumps(found, ensure_ascii=False, indent=1) + "\n").encode(),
                "table.md": contest_text(found).encode(),
            },
            parents=parents,
            meta={"about": "contest", "judge": judge.ref, "verdict": found["verdict"],
                  "trusted": standing["trusted"], "n": found["n"]},
            made_by=work.run_id, by=work.by,
        )  # fmt: skip
        return {"ref": kept.ref, "digest": str(kept.digest), "verdict": found["verdict"]}


def contest_text(found: Mapping[str, Any]) -> str:
    """Return a contest as Markdown."""
    lines = [f"# Which answers does {found['judge']} prefer?", "", found["verdict"], ""]
    lines += ["| report | strength [95 %] |", "|---|---|"]
    lines += [f"| {name} | {spelt(one)} |" for name, one in found["strengths"].items()]
    lines += [
        "",
        "| first | second | first wins [95 %] | ties | unmeasured |",
        "|---|---|---|---|---|",
    ]
    lines += [
        f"| {one['first']} | {one['second']} | {spelt(one['win_rate'])} | {one['ties']} | "
        f"{one['unmeasured']} |"
        for one in found["pairs"]
    ]
    if found["position"]:
        told = spelt(found["position"], signed=True)
        lines += ["", f"Shown first, an answer gets {told} more; a flip counts as a tie.", ""]
    lines += [f"- {note}" for note in found["notes"]]
    return "\n".join(lines) + "\n"


def _result(
    judge: Judge,
    refs: Sequence[str],
    rows: Mapping[str, Mapping[Any, str]],
    found: Mapping[str, Mapping[str, Any]],
) -> dict[str, Any]:
    pairs, comparisons, orders = [], [], []
    for a, b in combinations(range(len(refs)), 2):
        said = [(row, found[f"{a}/{b}/{row}"]) for row in rows]
        heard = [(row, one["share"]) for row, one in said if one["share"] is not None]
        orders += [one["orders"] for _, one in said if one["orders"]]
        clusters = [rows[row]["cluster"] for row, _ in heard]
        rate = win_rate([share for _, share in heard], clusters)._asdict() if heard else None
        pairs.append(
            {"first": refs[a], "second": refs[b], "win_rate": rate, "n": len(heard),
             "ties": sum(share == 0.5 for _, share in heard), "unmeasured": len(said) - len(heard)}
        )  # fmt: skip
        comparisons += [
            Comparison(refs[a], refs[b], share, rows[row]["cluster"]) for row, share in heard
        ]
    strengths = bradley_terry(comparisons) if comparisons else {}
    return {
        "about": "contest", "judge": judge.ref, "reports": list(refs), "n": len(rows),
        "pairs": pairs, "strengths": {name: one._asdict() for name, one in strengths.items()},
        "position": _position(orders), "verdict": _verdict(pairs, [*strengths]),
    }  # fmt: skip


def _verdict(pairs: Sequence[Mapping[str, Any]], order: Sequence[str]) -> str:
    """Name a winner only where it beats every other one surely."""
    if not order:
        return "No verdict of the judge could be had."
    wins = [_sure(one, order[0]) for one in pairs if order[0] in (one["first"], one["second"])]
    if all(wins):
        return f"The judge prefers {order[0]} to {'every other' if len(order) > 2 else order[1]}."
    return f"The judge has no sure favourite; first stands {order[0]}."


def _sure(pair: Mapping[str, Any], name: str) -> bool:
    rate = pair["win_rate"]
    if rate is None:
        return False
    return bool(rate["low"] > 0.5 if pair["first"] == name else rate["high"] < 0.5)


def _position(orders: Sequence[Sequence[float]]) -> dict[str, float] | None:
    if len(orders) < 2:
        return None
    found = paired_means([second for _, second in orders], [first for first, _ in orders])
    return found._asdict()


def _answers(lines: Sequence[Mapping[str, Any]]) -> dict[str, tuple[str, str]]:
    """Return each row's answer and cluster, of the first repetition; rows with errors left out."""
    found: dict[str, tuple[str, str]] = {}
    for one in lines:
        if one.get("error") is None:
            found.setdefault(one["id"], (one["answer"], str(one.get("cluster") or "")))
    return found
