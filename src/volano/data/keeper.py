"""Datasets: the verbs. Rows come in, an unchanging version with its splits and counts goes out."""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from volano.core.manifest import Parent
from volano.core.ports.access import Access
from volano.core.principal import Principal
from volano.core.ref import Ref, check_name
from volano.data import curate as curating
from volano.data import tickets
from volano.data.dedup import THRESHOLD, Dropped, count, sift, sift_exact
from volano.data.errors import (
    BadRowsFileError,
    NoCorrectionsError,
    NoRowsError,
    NothingLeftError,
    UnknownSplitError,
)
from volano.data.row import Row, Schema, rows_of
from volano.data.sources import read
from volano.data.split import split as divide
from volano.store import Artifact, Catalog

KIND = "dataset"
SPLITS = ("train", "test")
Source = Path | str | Iterable[Mapping[str, Any]]
Artifacts = list[Artifact]


class Datasets:
    """All datasets of one workspace."""

    def __init__(self, catalog: Catalog, access: Access | None = None):
        """Without access all may read and write, and nothing is recorded of it."""
        self._catalog = catalog
        self._access = access

    def add(
        self,
        name: str,
        source: Source,
        *,
        test: Source | None = None,
        test_share: float = 0.2,
        seed: int = 0,
        threshold: float = THRESHOLD,
        text: str | None = None,
        label: str | None = None,
        by: Principal,
        made_by: str | None = None,
        parents: Sequence[Parent] = (),
    ) -> Artifact:
        """Keep rows, or a CSV or JSONL file of them, as the next version of a dataset.

        Duplicates are dropped, with reasons in `dropped.jsonl` and counts in
        meta. `test` rows stay as they are given (but for exact repetitions),
        and whatever of the train rows is in them is dropped; without `test`,
        `test_share` of the rows is set apart by content and `seed`. `text` and
        `label` name the columns of a file. All is read before anything is kept.

        Raises:
            The errors of `sources.read`: the file or its rows.
            BadTextError, BadLabelError: rows that cannot be used, by number.
            NoRowsError, NothingLeftError: nothing came in, or nothing is left.
            BadShareError, BadThresholdError, BadRefError: the arguments.
        """
        origin = {"source": _said(source), "test_source": None if test is None else _said(test)}
        raw = _raw(source, text, label)
        raw_test = _raw(test, text, label) if test is not None else None
        return self._keep(
            name, raw, raw_test, origin, test_share=test_share, seed=seed, threshold=threshold,
            by=by, made_by=made_by, parents=parents,
        )  # fmt: skip

    def generate(
        self,
        name: str,
        *,
        n: int = 6000,
        test_n: int = 300,
        seed: int = 0,
        duplicates: float = 0.15,
        by: Principal,
        made_by: str | None = None,
    ) -> Artifact:
        """Make a dataset of support tickets by rule (see `tickets`).

        Train rows lack a quarter of the phrasings; test rows have them all.

        Raises:
            BadTicketsError, BadRefError: the arguments.
        """
        raw = tickets.generate(seed, n, "train", duplicates=duplicates)
        test = tickets.generate(f"{seed}/test", test_n, "all")
        recipe = {"generator": "tickets", "seed": seed, "n": n, "duplicates": duplicates}
        origin = {"source": recipe, "test_source": {"generator": "tickets", "n": test_n}}
        return self._keep(
            name, raw, test, origin, test_share=0.0, seed=seed, threshold=THRESHOLD,
            by=by, made_by=made_by, parents=(),
        )  # fmt: skip

    def curate(
        self,
        name: str,
        base: str | Ref,
        corrections: Iterable[Mapping[str, Any]],
        *,
        threshold: float = THRESHOLD,
        by: Principal,
        made_by: str | None = None,
        parents: Sequence[Parent] = (),
    ) -> Artifact:
        """Keep the next version: the base's rows, and those that corrections teach.

        A correction is `{"trace_id", "text", "label", "feedback_id"}`, perhaps
        with `at_us`; see `curate.curate` for which count. The test split stays
        as it is. Counts stand in `meta["curation"]`.

        Raises:
            UnknownArtifactError: there is no such base.
            BadCorrectionError: a correction without one of its four keys.
            NoCorrectionsError: none of them changes anything.
        """
        old = self.get(base)
        schema, meta = Schema.from_dict(old.manifest.meta["schema"]), old.manifest.meta
        train, test = self.rows(old.ref, "train"), self.rows(old.ref, "test")
        given = list(corrections)
        new = curating.curate(train, test, schema, given, threshold=threshold)
        if not new.added:
            reasons = _listed(new.dropped) or "there are none"
            raise NoCorrectionsError(n=len(given), ref=old.ref, reasons=reasons)
        curation = {
            "base": old.ref, "corrections": len(given), "added": len(new.added),
            "replaced": new.replaced, "dropped": count(new.dropped),
        }  # fmt: skip
        facts = {**meta, **_counts(len(train) + len(test) + len(given), new.train, test),
                 "dropped": count(new.dropped), "curation": curation}  # fmt: skip
        return self._record(
            name, new.train, test, new.dropped, facts,
            by=by, made_by=made_by, parents=(Parent("base", old.digest), *parents),
        )  # fmt: skip

    def begin(
        self,
        name: str,
        corrections: Iterable[Mapping[str, Any]],
        *,
        threshold: float = THRESHOLD,
        by: Principal,
    ) -> Artifact:
        """Keep the first version of a dataset, of rows as `curate` takes them; labels are texts.

        Raises:
            BadRefError: the name is none.
            BadCorrectionError: one without one of its four keys.
            NoCorrectionsError: none of them is a row.
        """
        check_name(name)
        given, schema = list(corrections), Schema({})
        new = curating.curate((), (), schema, given, threshold=threshold)
        if not new.added:
            raise NoCorrectionsError(n=len(given), ref=name, reasons=_listed(new.dropped))
        facts = {
            "source": {"rows": "traces"}, "test_source": None,
            **_counts(len(given), new.train, ()), "schema": schema.to_dict(),
            "dropped": count(new.dropped), "split": {"test": "none"},
            "dedup": {"near": "jaccard of 5-grams", "threshold": threshold},
        }  # fmt: skip
        return self._record(name, new.train, (), new.dropped, facts, by=by)

    def rows(
        self,
        ref: str | Ref,
        split: str = "train",
        *,
        by: Principal | None = None,
        run: str | None = None,
    ) -> list[Row]:
        """Return the rows of a split, in the order they were given, as `by` may see them.

        The read is on record; without `by` it is volano's own, and is not.

        Raises:
            ForbiddenError: they are not for this principal, or not for its Run.
            UnknownArtifactError: there is no such dataset.
            UnknownSplitError: neither train nor test.
            BadRowsFileError: the file holds something else than rows.
        """
        artifact = self.get(ref)
        if split not in SPLITS:
            raise UnknownSplitError(ref=artifact.ref, split=split)
        lines = self._catalog.read(artifact, f"{split}.jsonl").decode().split("\n")
        rows = [_row(line, at, split, artifact) for at, line in enumerate(lines, 1) if line]
        return self._seen(artifact, split, rows, by, run)

    def _seen(
        self, artifact: Artifact, split: str, rows: list[Row], by: Principal | None, run: str | None
    ) -> list[Row]:
        """Let a read in, and return the rows as its reader may see them."""
        if self._access is None or by is None:
            return rows
        reading = self._access.read(
            artifact.name, artifact.ref, str(artifact.digest), split=split, by=by, run=run
        )
        return [Row(**row) for row in reading.rows(row.to_dict() for row in rows)]

    def find(self, ref: str | Ref, row_id: str) -> dict[str, Any] | None:
        """Return a row by its id, with its split; None where this version does not hold it.

        Raises:
            UnknownArtifactError: there is no such dataset.
            BadRowsFileError: the file holds something else than rows.
        """
        for split in SPLITS:
            for row in self.rows(ref, split):
                if row.id == row_id:
                    return {**row.to_dict(), "split": split}
        return None

    def get(self, ref: str | Ref) -> Artifact:
        """Return a dataset's artifact.

        Raises:
            UnknownArtifactError: there is no such dataset.
        """
        return self._catalog.get(KIND, ref)

    def list(self, name: str | None = None, *, limit: int = 50) -> Artifacts:
        """Return datasets, newest first."""
        return self._catalog.list(KIND, name, limit=limit)

    def diff(self, old: str | Ref, new: str | Ref) -> dict[str, dict[str, int]]:
        """Return, for each split, how many rows were added, removed and kept.

        Raises:
            UnknownArtifactError: one of them does not exist.
        """
        found = {}
        for split in SPLITS:
            before = {row.id for row in self.rows(old, split)}
            after = {row.id for row in self.rows(new, split)}
            found[split] = {
                "added": len(after - before),
                "removed": len(before - after),
                "kept": len(before & after),
            }
        return found

    def _keep(
        self,
        name: str,
        raw: Sequence[Mapping[str, Any]],
        raw_test: Sequence[Mapping[str, Any]] | None,
        origin: Mapping[str, Any],
        *,
        test_share: float,
        seed: int,
        threshold: float,
        **record: Any,
    ) -> Artifact:
        check_name(name)
        if not raw:
            raise NoRowsError(path="the source")
        rows, schema = rows_of(raw)
        given, schema = rows_of(raw_test or (), "the test rows", like=schema)
        fixed = sift_exact(given)
        sifted = sift(rows, threshold=threshold, test=fixed.kept)
        dropped = [*sifted.dropped, *fixed.dropped]
        train, test = sifted.kept, fixed.kept
        how: dict[str, Any] = {"test": "given"}
        if raw_test is None:
            train, test = divide(train, test_share=test_share, seed=seed)
            how = {"test": "by content", "share": test_share, "seed": seed}
        _check_left(train, test, dropped, wants_test=raw_test is not None or test_share > 0)
        facts = {
            **origin, **_counts(len(rows) + len(given), train, test),
            "schema": schema.to_dict(), "dropped": count(dropped), "split": how,
            "dedup": {"near": "jaccard of 5-grams", "threshold": threshold},
        }  # fmt: skip
        return self._record(name, train, test, dropped, facts, **record)

    def _record(
        self,
        name: str,
        train: Sequence[Row],
        test: Sequence[Row],
        dropped: Sequence[Dropped],
        meta: Mapping[str, Any],
        **record: Any,
    ) -> Artifact:
        if self._access is not None:
            self._access.write(name, by=record["by"])
        files = {
            "train.jsonl": _lines(row.to_dict() for row in train),
            "test.jsonl": _lines(row.to_dict() for row in test),
            "dropped.jsonl": _lines(one.to_dict() for one in dropped),
        }
        return self._catalog.record(KIND, name, files=files, meta=meta, **record)


def _raw(source: Source, text: str | None, label: str | None) -> list[Mapping[str, Any]]:
    if isinstance(source, Path | str):
        return list(read(source, text=text, label=label))
    return list(source)


def _said(source: Source) -> dict[str, Any]:
    """Return what meta says of a source: a file's own name, never the folders above it."""
    return {"file": Path(source).name} if isinstance(source, Path | str) else {"rows": "given"}


def _counts(read_rows: int, train: Sequence[Row], test: Sequence[Row]) -> dict[str, Any]:
    return {"counts": {"read": read_rows, "train": len(train), "test": len(test)}}


def _listed(dropped: Iterable[Dropped]) -> str:
    return ", ".join(f"{n} × {reason}" for reason, n in count(dropped).items())


def _check_left(
    train: Sequence[Row], test: Sequence[Row], dropped: Sequence[Dropped], *, wants_test: bool
) -> None:
    for split, rows in (("training", train), ("the test", test)):
        if not rows and (split == "training" or wants_test):
            read_rows = len(train) + len(test) + len(dropped)
            raise NothingLeftError(
                read=read_rows, split=split, dropped=_listed(dropped) or "nothing was dropped"
            )


def _lines(items: Iterable[Mapping[str, Any]]) -> bytes:
    lines = (json.dumps(item, ensure_ascii=False, separators=(",", ":")) for item in items)
    return "".join(f"{line}\n" for line in lines).encode()


def _row(line: str, at: int, split: str, artifact: Artifact) -> Row:
    try:
        raw = json.loads(line)
        return Row(raw["id"], raw["text"], raw["label"], raw["origin"])
    except (ValueError, KeyError, TypeError) as error:
        raise BadRowsFileError(line=at, file=f"{split}.jsonl", ref=artifact.ref) from error
