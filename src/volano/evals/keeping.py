"""Keeping a choice as a report: the document, and its table as Markdown beside it."""

import json
from collections.abc import Sequence
from typing import Any

from volano.core.manifest import Parent
from volano.core.principal import Principal
from volano.evals.choice import FILE, TABLE, Choice, markdown
from volano.store.artifact import Artifact
from volano.store.catalog import Catalog

REPORT = "report"


def keep(
    catalog: Catalog,
    name: str,
    choice: Choice,
    *,
    dataset: Artifact,
    subjects: Sequence[Parent],
    made_by: str | None,
    by: Principal,
) -> Artifact:
    """Record a choice as the next report of this name."""
    text = json.dumps(choice.to_dict(), ensure_ascii=False, indent=1) + "\n"
    score = _winning_score(choice)
    return catalog.record(
        REPORT, name,
        files={FILE: text.encode(), TABLE: markdown(choice).encode()},
        parents=[*subjects, Parent("dataset", dataset.digest)],
        meta={
            "about": choice.about, "winner": choice.winner, "verdict": choice.verdict,
            "target": str(choice.target), "dataset": choice.dataset, "split": choice.split,
            "n": choice.n, "candidates": len(choice.candidates), "front": len(choice.front),
            "scores": score,
        },
        made_by=made_by, by=by,
    )  # fmt: skip


def _winning_score(choice: Choice) -> list[dict[str, Any]]:
    chosen = choice.candidate(choice.winner)
    if chosen is None or "score" not in chosen.reach:
        return []
    low, high = chosen.reach["score"]
    return [
        {"name": f"score of {chosen.name}", "value": chosen.values["score"], "low": low,
         "high": high, "n": chosen.n}
    ]  # fmt: skip
