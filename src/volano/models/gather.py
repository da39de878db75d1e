"""Gather: a recipe's rows are chosen from its datasets and written where the child reads them.

In order: the rows of the split that `where` keeps, less what the base has seen
(`incremental`), less the dev rows; then some old ones for `replay`. All choices are by
the rows' ids and the seed, so that a retry writes the same files.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from random import Random
from typing import Any

from volano.core.principal import Principal
from volano.data.keeper import Datasets
from volano.data.row import Schema
from volano.models.training.plan import Plan
from volano.models.training.recipe import BadRecipeError
from volano.store.artifact import Artifact

Record = Mapping[str, Any]
OWN = ("id", "split", "origin")
NOTHING_NEW = (
    "Add rows to the dataset and say it again, or leave `incremental` out to learn all rows anew."
)


class Gather:
    """Reads one dataset for one Run."""

    def __init__(
        self,
        datasets: Datasets,
        data: str,
        plan: Plan,
        *,
        seen: Sequence[Artifact] = (),
        by: Principal,
        run: str | None = None,
    ):
        """`seen` are the datasets that the base was trained on."""
        self._datasets, self._data, self._plan, self._taught = datasets, data, plan, seen
        self._reader: dict[str, Any] = {"by": by, "run": run}

    def spec(self, folder: Path) -> dict[str, Any]:
        """Write `rows.jsonl`, `dev.jsonl` and `check.jsonl`, and return what the child is told.

        Raises:
            BadRecipeError: no row is left, or a column is not there.
            ForbiddenError: the rows are not for this principal.
        """
        plan = self._plan
        found = self._where(self._rows(self._data, plan.split))
        dev = self._dev(found)
        held = {row["id"] for row in dev}
        learned = [row for row in found if row["id"] not in held]
        seen = self._seen()
        if plan.incremental:
            learned = [row for row in learned if row["id"] not in seen]
        if not learned:
            raise BadRecipeError(
                reason=self._nothing(found),
                hint=NOTHING_NEW if found else f"Look with `volano data show {self._data}`.",
            )
        old = self._old(found, learned, seen - held)
        spec = {"rows": str(_write(folder / "rows.jsonl", [*learned, *old]))}
        if dev:
            spec["dev"] = str(_write(folder / "dev.jsonl", dev))
        checked = [*self._rows(self._data, "test")][:200]
        if checked:
            spec["check"] = str(_write(folder / "check.jsonl", checked))
        return {**spec, "mixed": plan.incremental or bool(old), "replayed": len(old)}

    def _rows(self, data: str, split: str) -> Iterable[Record]:
        version = self._datasets.version(data)
        raw = version.artifact.manifest.meta.get("schema")
        schema = Schema.from_dict(raw) if raw else None
        for row in self._datasets.stream(data, split, **self._reader):
            label = row.get("label")
            if schema and isinstance(label, dict) and schema.misfit(label) is None:
                row = {**row, "label": schema.ordered(label)}
            yield row

    def _where(self, rows: Iterable[Record]) -> list[Record]:
        kept = list(rows)
        for column, values in self._plan.where.items():
            if kept and not any(column in row for row in kept):
                there = ", ".join(name for name in kept[0] if name not in OWN)
                raise BadRecipeError(
                    reason=f"{self._data} has no column `{column}`; there are {there}"
                )
            kept = [row for row in kept if str(row.get(column)) in values]
        return kept

    def _dev(self, found: Sequence[Record]) -> list[Record]:
        """Return the dev split, or a share of the rows chosen by their ids."""
        dev = self._plan.dev
        if dev.split in self._datasets.version(self._data).splits:
            return self._where(self._rows(self._data, dev.split))
        return [row for row in found if _place(row["id"]) < dev.share]

    def _seen(self) -> frozenset[str]:
        """Return the ids of the rows that the base was trained on, where anybody asks."""
        if not self._plan.incremental and not self._plan.replay.share:
            return frozenset()
        return frozenset(
            row["id"]
            for one in self._taught
            for row in self._datasets.stream(one.ref, "train", **self._reader)
        )

    def _old(
        self, found: Sequence[Record], learned: Sequence[Record], seen: frozenset[str]
    ) -> list[Record]:
        """Return old rows, so many that they are the recipe's share of all that is learned."""
        replay = self._plan.replay
        if not replay.share:
            return []
        mine = {row["id"] for row in learned}
        pool: list[Record]
        if replay.data:
            pool = [row for row in self._rows(replay.data, "train") if row["id"] not in mine]
        else:
            pool = [row for row in found if row["id"] in seen and row["id"] not in mine]
        wanted = round(len(mine) * replay.share / (1 - replay.share))
        return Random(f"replay:{self._plan.seed}").sample(pool, min(wanted, len(pool)))

    def _nothing(self, found: Sequence[Record]) -> str:
        if found:
            return f"{self._data} has no row that the base has not seen"
        kept = f" with {dict(self._plan.where)}" if self._plan.where else ""
        return f"{self._data} has no row{kept} in the split {self._plan.split}"


def _place(row_id: str) -> float:
    """Return where between 0 and 1 a row falls, by its id alone."""
    return int(hashlib.sha256(f"dev:{row_id}".encode()).hexdigest()[:8], 16) / 2**32


def _write(path: Path, rows: Iterable[Record]) -> Path:
    with path.open("w", encoding="utf-8") as file:
        for row in rows:
            plain = {name: value for name, value in row.items() if name != "split"}
            file.write(json.dumps(plain, ensure_ascii=False) + "\n")
    return path
