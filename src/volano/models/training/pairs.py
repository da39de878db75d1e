"""Pairs for preference on another's model: ids of a prompt, of what is chosen, of what is rejected.

What the base itself answers depends on the device it is asked on. So it is asked once for a run,
and the pairs lie beside the checkpoint: a run that comes back on another kind of device goes on
with the same ones, and knows its checkpoints again.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from volano.core.canon import canonical
from volano.core.digest import Digest
from volano.jobs.plain import read_object, write_object
from volano.models.training import sft
from volano.models.training.asking import answers
from volano.models.training.checkpoint import CheckpointLostError
from volano.models.training.job import Job, Row
from volano.models.training.plan import Plan
from volano.models.training.recipe import label_text
from volano.models.training.render import Example, answer_of, render

TOGETHER = 16
"""So many rows the base is asked at a time."""

Pair = dict[str, list[int]]
"""`prompt_ids`, `chosen_ids`, `rejected_ids`."""


def pairs_once(
    job: Job, base: Path, rows: Sequence[Row], network: Any, words: Any, *, context: int
) -> list[Pair]:
    """Return the pairs of a run: those that an earlier process of it found, else new ones.

    Raises:
        CheckpointLostError: they could not be written; a full disk, usually.
    """
    path = job.checkpoint.parent / "pairs.json"
    said = json.dumps(list(rows), sort_keys=True, default=str)
    name = Digest.of(canonical([sft.fingerprint(base, job.plan, ()), context, said]))
    kept = read_object(path) or {}
    if kept.get("name") == name:
        return list(kept["pairs"])
    pairs = pairs_of(rows, network, words, job.plan, context=context)
    try:
        write_object(path, {"name": name, "pairs": pairs})
    except OSError as error:
        raise CheckpointLostError(path=path, reason=error) from error
    return pairs


def pairs_of(
    rows: Sequence[Row], network: Any, words: Any, plan: Plan, *, context: int
) -> list[Pair]:
    """Return the pairs of the rows in which the two differ."""
    found = [(row, render(row, words, plan, context=context)) for row in rows]
    kept = [(row, one) for row, one in found if one is not None]
    rejected = {at: rejected_of(row) for at, (row, _) in enumerate(kept) if row.get("rejected")}
    asked = [at for at in range(len(kept)) if at not in rejected]
    for start in range(0, len(asked), TOGETHER):
        some = asked[start : start + TOGETHER]
        prompts = [list(kept[at][1].prompt) for at in some]
        longest = max(len(kept[at][1].completion) for at in some)
        rejected |= zip(some, answers(network, words, prompts, longest), strict=True)
    pairs = []
    for at, (row, one) in enumerate(kept):
        if rejected[at].strip() == answer_of(row):
            continue
        other = render(saying(row, rejected[at]), words, plan, context=context)
        if other is not None:
            pairs.append(_pair(one, other))
    return pairs


def rejected_of(row: Row) -> str:
    """Return the text that a row rejects, written as labels are."""
    return label_text(row["rejected"])


def saying(row: Row, answer: str) -> Row:
    """Return a row of any shape with another answer."""
    if messages := row.get("messages"):
        return {**row, "messages": [*messages[:-1], {"role": "assistant", "content": answer}]}
    return {**row, "completion" if "completion" in row else "label": answer}


def _pair(chosen: Example, rejected: Example) -> Pair:
    prompt = min(chosen.prompt, rejected.prompt, key=len)  # the longer answer leaves less room
    return {
        "prompt_ids": list(prompt),
        "chosen_ids": list(chosen.completion),
        "rejected_ids": list(rejected.completion),
    }
