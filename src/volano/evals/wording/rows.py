"""Rows of a search: what examples come from, what chooses, what judges; and no way between them.

Train rows that a judging row repeats, or nearly repeats, are left out before
anything is asked. The rest is cut by content and seed, label by label, into
rows to *learn* from (examples, mistakes shown to a model that writes) and *dev*
rows that choose. Methods never see a judging row.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from volano.data.dedup import near_twins
from volano.data.fold import fold
from volano.data.row import Row, key_of
from volano.data.split import position
from volano.evals.wording.errors import TooFewRowsError

LEAST = 50
"""Fewer rows on either side prove nothing, and what is chosen on them is luck."""
TWIN = 0.8
"""Share of common 5-grams from which on a text repeats another."""
DEV_MOST = 200
TELLING = 20
"""Characters that a text must have for its standing in a prompt to be no accident."""


@dataclass(frozen=True, slots=True)
class Cut:
    """`learn` and `dev` rows of train, `judge` rows of the held-out split, and the ids left out.

    `clusters` names, by id, what judging rows share (a user, a document), where that is known;
    `praised` holds recorded answers (`answer`, `trace`) that people liked, by the id of a learn row.
    """

    learn: Sequence[Row]
    dev: Sequence[Row]
    judge: Sequence[Row]
    leaked: Sequence[str]
    clusters: Mapping[str, str] = field(default_factory=dict)
    praised: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


def cut(
    train: Sequence[Row], held_out: Sequence[Row], *, ref: str, split: str, seed: int,
    judge_rows: int | None = None, dev_most: int = DEV_MOST,
    clusters: Mapping[str, str] | None = None,
) -> Cut:  # fmt: skip
    """Return the rows of a search; the same rows and seed give the same cut in any order.

    `clusters` are those of all rows, by id: a train row of a held-out cluster is left out, too.

    Raises:
        TooFewRowsError: fewer than 50 on either side.
    """
    judge = sorted(_distinct(held_out), key=lambda row: position(row.text, seed))[:judge_rows]
    named = clusters or {}
    shared = {named.get(row.id, "") for row in held_out} - {""}
    leaked = leaks(train, held_out) | {row.id for row in train if named.get(row.id) in shared}
    usable = [row for row in _distinct(train) if row.id not in leaked]
    for rows, where in ((usable, "train"), (judge, split)):
        if len(rows) < LEAST:
            raise TooFewRowsError(ref=ref, n=len(rows), split=where, least=LEAST)
    learn, dev = _stratified(usable, seed, min(dev_most, len(usable) // 2))
    judging = {row.id: name for row in judge if (name := named.get(row.id))}
    return Cut(learn, dev, judge, sorted(leaked), judging)


def leaks(rows: Sequence[Row], held_out: Sequence[Row]) -> set[str]:
    """Return the ids of rows whose text stands in `held_out`, wholly or nearly, under any label."""
    texts = {fold(row.text) for row in held_out}
    same = {row.id for row in rows if fold(row.text) in texts}
    bare = [replace(row, label="") for row in rows if row.id not in same]
    among = [replace(row, label="") for row in held_out]
    return same | near_twins(bare, TWIN, among=among).keys()


def standing_in(words: str, rows: Sequence[Row]) -> set[str]:
    """Return the ids of rows whose text stands word for word in a prompt."""
    folded = fold(words)
    texts = ((row.id, fold(row.text)) for row in rows)
    return {id_ for id_, text in texts if len(text) >= TELLING and text in folded}


def _distinct(rows: Sequence[Row]) -> list[Row]:
    """Return one row of each text: the same question twice is no second witness."""
    return list({fold(row.text): row for row in reversed(rows)}.values())[::-1]


def _stratified(rows: Sequence[Row], seed: int, dev: int) -> tuple[list[Row], list[Row]]:
    """Return (learn, dev), each in an order of chance: of each label both have their share.

    Systematic sampling down the rows in order of their labels: a label's part differs
    by less than one row from its share.
    """
    by_label = sorted(rows, key=lambda row: (key_of(row.label), position(row.text, seed), row.id))
    step = len(rows) / dev
    chosen = {by_label[int((at + 0.5) * step)].id for at in range(dev)}
    mixed = sorted(rows, key=lambda row: (position(row.text, seed), row.id))
    return (
        [row for row in mixed if row.id not in chosen],
        [row for row in mixed if row.id in chosen],
    )
