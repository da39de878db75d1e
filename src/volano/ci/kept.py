"""Keeping the answers of a check as reports, so that the rows of a comment are found in a console.

They are of a change that is in no registry, so they have no subject among their parents: nothing
can be released by them, and no model is known by them.
"""

import json
from collections.abc import Sequence

from volano.ci.judged import Verdict
from volano.core.manifest import Parent
from volano.core.principal import Principal
from volano.evals.case import Case
from volano.evals.cases import row_of
from volano.evals.compare import Side
from volano.evals.lines import dumped
from volano.evals.quiet import lines_without
from volano.evals.redacted import redacted
from volano.evals.report import Report, digest_of
from volano.evals.suite import Suite
from volano.evals.summary import summary
from volano.store import Artifact, Catalog

KIND, MOST_CHARS = "report", 100


def keep(
    catalog: Catalog, verdict: Verdict, suite: Suite, cases: Sequence[Case], *,
    dataset: Artifact | None, secrets: Sequence[str], made_by: str, by: Principal,
) -> tuple[str, ...]:  # fmt: skip
    """Return the refs of the reports on each side of a verdict, the base's first.

    `dataset` is None where the rows are those of a file. What is secret stands in none of their files.
    """
    name = f"ci/{verdict.check.name}"
    rows = digest_of([row_of(case) for case in cases])

    def kept(side: Side) -> str:
        lines = lines_without(side.lines, secrets)
        found = summary(lines, side.units)
        report = Report(
            side.subject, dataset.ref if dataset else "", suite.split, rows, len(cases),
            found.scores, (), failed=found.states["error"], cut=found.states["cut"],
            summary=found,
        )  # fmt: skip
        told = redacted(report.to_dict(), secrets, names=False)
        return catalog.record(
            KIND, name if len(name) <= MOST_CHARS else verdict.check.name,
            files={
                "answers.jsonl": b"".join(dumped(line) + b"\n" for line in lines),
                "report.json": json.dumps(told, ensure_ascii=False).encode(errors="replace"),
            },
            parents=[Parent("dataset", dataset.digest)] if dataset else [],
            meta=redacted(
                {**report.brief(), "scorers": [*suite.scorers], "side": side.ref}, secrets, names=False
            ),
            made_by=made_by, by=by,
        ).ref  # fmt: skip

    return tuple(kept(side) for side in verdict.sides)
