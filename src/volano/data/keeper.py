"""Datasets: the verbs. Rows come in, an unchanging version with its splits and counts goes out."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec

from volano.core.manifest import Parent
from volano.core.ports.access import MASK, NOT_RENAMED, Access, Reading, Renamed
from volano.core.principal import Principal
from volano.core.ref import Ref, check_name
from volano.data import curate as curating
from volano.data import tickets
from volano.data.columns import Columns
from volano.data.compare import Listing, SplitDiff, apart, lines_of, parted
from volano.data.dedup import THRESHOLD, Dropped, count, sift, sift_exact
from volano.data.errors import (
    BadRecordError,
    BadSplitError,
    NoCorrectionsError,
    NoRowsError,
    NoSuchColumnError,
    NothingLeftError,
    NotTextAndLabelError,
)
from volano.data.line import OWN_KEY, RESERVED, Line, line_of
from volano.data.row import Row, Schema, rows_of
from volano.data.sources import read
from volano.data.split import split as divide
from volano.data.step import Guard, Record, Rejected
from volano.data.version import ALWAYS, Version
from volano.data.writer import REJECTED, RowsWriter
from volano.store import Artifact, Blobs, Catalog

KIND = "dataset"
MOST_SHOWN = 10_000
MOST_BYTES = 64 * 2**20
_AS_A_WHOLE = ("id", "shown", "excerpt")
OLD_COLUMNS = ({"name": "text"}, {"name": "label"})
Source = Path | str | Iterable[Mapping[str, Any]]
Artifacts = list[Artifact]


class Datasets:
    """All datasets of one workspace."""

    def __init__(
        self, catalog: Catalog, *, guard: Guard | None = None, access: Access | None = None
    ):
        """Without access all may read and write, and nothing is recorded of it."""
        self._catalog = catalog
        self._guard = guard
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

        Duplicates are dropped, with reasons in `rejected.rows` and counts in
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
            ForbiddenError: this principal may not read all of it, or not write.
            NotTextAndLabelError: its rows are not texts with labels of one shape.
            BadCorrectionError: a correction without one of its four keys.
            NoCorrectionsError: none of them changes anything.
        """
        old = self.version(base)
        ref, meta = old.artifact.ref, old.artifact.manifest.meta
        reader: dict[str, Any] = {"by": by, "run": made_by, "whole": True}
        train, test = self.rows(ref, "train", **reader), self.rows(ref, "test", **reader)
        if "schema" not in meta:
            names = ", ".join(column["name"] for column in meta.get("columns", ()))
            raise NotTextAndLabelError(row=1, ref=ref, columns=names)
        schema, given = Schema.from_dict(meta["schema"]), list(corrections)
        new = curating.curate(train, test, schema, given, threshold=threshold)
        if not new.added:
            reasons = _listed(new.dropped) or "there are none"
            raise NoCorrectionsError(n=len(given), ref=ref, reasons=reasons)
        curation = {
            "base": ref, "corrections": len(given), "added": len(new.added),
            "replaced": new.replaced, "dropped": count(new.dropped),
        }  # fmt: skip
        facts = {**meta, **_counts(len(train) + len(test) + len(given), new.train, test),
                 "dropped": count(new.dropped), "curation": curation}  # fmt: skip
        facts.pop("branch", None)
        return self._record(
            name, new.train, test, new.dropped, facts, base=old,
            by=by, made_by=made_by, parents=(Parent("base", old.artifact.digest), *parents),
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

    def write(
        self,
        name: str,
        rows: Iterable[tuple[str, Record]],
        *,
        rejected: Iterable[Rejected] = (),
        meta: Mapping[str, Any],
        parents: Sequence[Parent] = (),
        renamed: Renamed = NOT_RENAMED,
        by: Principal,
        made_by: str | None = None,
    ) -> Artifact:
        """Keep rows, each with the name of its split, as the next version of a dataset.

        Rows are taken one by one and rejected ones after them: what is in
        memory does not grow with their number. Columns of its parents that are
        `renamed` here keep their class. Columns, counts, and the schema
        where every row is a text and a label, are added to `meta`.

        Raises:
            BadRefError: the name is none.
            NoRowsError: there is no row.
            BadRecordError: a row without columns, or with values that JSON cannot say.
            BadSplitError: a split's name that cannot be one, or too many splits.
            ForbiddenError: this principal may not.
            DiskFullError: no room; nothing was recorded.
        """
        check_name(name)
        self._let_write(name, parents, by, renamed)
        columns = Columns()
        with self._catalog.blobs.session() as session:
            writer = RowsWriter(self._catalog.blobs, session)
            guarded = rows if self._guard is None else self._guard(name, rows)
            for number, (split, record) in enumerate(guarded, 1):
                if split == REJECTED:
                    raise BadSplitError(split=split, why="it is kept for rejected rows", most=64)
                line = line_of(record, number)
                writer.add(split, line)
                columns.see(line.columns)
            counts = dict(writer.counts)
            if not counts:
                raise NoRowsError(path="the source")
            for number, one in enumerate(rejected, 1):
                writer.add(REJECTED, _rejected_line(one, number))
            files = writer.end()
            counts = {**counts, **meta.get("counts", {})}
            facts = {**_schema(columns), **meta, "columns": columns.to_list(), "counts": counts}
            return self._catalog.record(
                KIND, name, files=files, meta=facts, parents=parents, made_by=made_by, by=by
            )

    def hold(self, name: str, rows: Iterator[tuple[str, Record]]) -> None:
        """Hold rows to the contract of a dataset without writing them; without one they are not read.

        Raises:
            What the guard raises.
        """
        if self._guard is not None and (guarded := self._guard(name, rows)) is not rows:
            for _ in guarded:
                pass

    def _let_write(
        self,
        name: str,
        parents: Sequence[Parent],
        by: Principal,
        renamed: Renamed = NOT_RENAMED,
    ) -> None:
        """Let a version in; a new dataset is for those only whom what it is made of is for."""
        if self._access is None:
            return
        found = self._catalog.by_digests(parent.digest for parent in parents)
        made_of = [one.name for one in found if one.kind == KIND]
        if made_of and not self.list(name, limit=1):
            self._access.write(name, by=by)
            self._access.inherit(name, made_of, renamed=renamed, by=by)
        else:
            self._access.write(name, of=made_of, renamed=renamed, by=by)

    def let_branch(self, base: Artifact, name: str, *, by: Principal) -> None:
        """Let all rows of a version become those of another dataset; the read is on record.

        Raises:
            ForbiddenError: this principal may not.
        """
        if self._access is not None:
            self._access.read(
                base.name, base.ref, str(base.digest), split="", by=by, whole=True
            ).close()
        self._let_write(check_name(name), [Parent("branch of", base.digest)], by)

    def stream(
        self,
        ref: str | Ref,
        split: str | None = None,
        *,
        start: int = 0,
        limit: int | None = None,
        by: Principal | None = None,
        run: str | None = None,
        whole: bool = False,
    ) -> Iterator[Record]:
        """Yield the rows of a split, or of all, from row `start` on, in the order they were given.

        Each row is a dict with its `id`, its columns, `origin` and `split`, and
        is checked against the version's digest on the way. The read is on record,
        and they come as `by` may see them; without `by` it is volano's own, and is not.
        Read as a `whole`, by whom a column is not for, it is refused.

        Raises:
            ForbiddenError: they are not for this principal, or not for its Run.
            UnknownArtifactError: there is no such dataset.
            UnknownSplitError: it has no such split.
            DroppedError: its rows were dropped.
            MissingBlobError, CorruptBlobError: the store has lost or damaged them.
        """
        version = self.version(ref)
        records = _from(version, split, start, limit)
        return self._seen(version, split or "", records, by, run, whole=whole)

    def _seen(
        self,
        version: Version,
        split: str,
        records: Iterator[Record],
        by: Principal | None,
        run: str | None,
        *,
        whole: bool = False,
    ) -> Iterator[Record]:
        """Let a read in, and return the rows as its reader may see them."""
        if self._access is None or by is None:
            return records
        of = version.artifact
        reading = self._access.read(
            of.name, of.ref, str(of.digest), split=split, by=by, run=run, whole=whole
        )
        return reading.rows(records)

    def version(self, ref: str | Ref) -> Version:
        """Return what reads the splits of a dataset.

        Raises:
            UnknownArtifactError: there is no such dataset.
            DroppedError: its rows were dropped.
        """
        return Version(self._catalog, self.get(ref))

    def rows(
        self,
        ref: str | Ref,
        split: str = "train",
        *,
        by: Principal | None = None,
        run: str | None = None,
        whole: bool = False,
    ) -> list[Row]:
        """Return the rows of a split of texts with labels, in the order they were given.

        The read is on record, as in `stream`.

        Raises:
            UnknownArtifactError: there is no such dataset.
            UnknownSplitError: it has no such split.
            NotTextAndLabelError: it has other columns.
            BadRowsFileError: an older file holds something else than rows.
            ForbiddenError: this principal may not.
        """
        version = self.version(ref)
        schema = Schema.from_dict(version.artifact.manifest.meta.get("schema", {"fields": []}))
        records = self._seen(version, split, version.records(split), by, run, whole=whole)
        return [_row(record, at, version, schema) for at, record in enumerate(records, 1)]

    def page(
        self,
        ref: str | Ref,
        *,
        split: str = "train",
        start: int = 0,
        limit: int = 100,
        by: Principal | None = None,
    ) -> list[Record]:
        """Return some rows of a split, from row `start` on; fewer, where they are very large.

        Raises:
            As in `stream`.
        """
        return [*_bounded(self.stream(ref, split, start=start, limit=limit, by=by))]

    def find(self, ref: str | Ref, row_id: str) -> dict[str, Any] | None:
        """Return a row by its id, with its split; None where this version does not hold it.

        Raises:
            UnknownArtifactError: there is no such dataset.
            BadRowsFileError: an older file holds something else than rows.
        """
        return next((row for row in self.stream(ref) if row["id"] == row_id), None)

    def rejected(
        self,
        ref: str | Ref,
        *,
        reason: str | None = None,
        step: str | None = None,
        start: int = 0,
        limit: int = 100,
        by: Principal | None = None,
    ) -> list[Record]:
        """Return some of the rows that were left out: `row`, `step`, `reason`, `detail`, `of`.

        `reason` and `step` choose; `start` counts among the chosen.

        Raises:
            UnknownArtifactError: there is no such dataset.
            DroppedError: its rows were dropped.
        """
        version = self.version(ref)
        if reason is None and step is None:
            found = version.rejected(start, limit)
        else:
            chosen = (
                one
                for one in version.rejected(0, None)
                if reason in (None, one.get("reason")) and step in (None, one.get("step"))
            )
            found = islice(chosen, start, start + limit)
        reading = self._reading(version, REJECTED, by)
        if reading is None:
            return [*_bounded(found)]
        shown = [_rejected_as_seen(one, reading) for one in _bounded(found)]
        reading.close()
        return shown

    def picked(
        self, ref: str | Ref, places: Sequence[str], *, by: Principal | None = None
    ) -> list[Record]:
        """Return the rows at some places (`train:17`), each with its `at`; others are passed over.

        One read is on record, however many rows it is.

        Raises:
            As in `stream`.
        """
        version = self.version(ref)
        reading = self._reading(version, "", by)
        found = [
            {**(reading.row(row) if reading else row), "at": at}
            for split, at in filter(None, map(_place, places)) if split in version.splits
            for row in version.records(split, at, 1)
        ]  # fmt: skip
        if reading is not None:
            reading.close()
        return found

    def hidden(self, version: Version, *, by: Principal | None = None) -> frozenset[str]:
        """Let a look at a version in, on record; return the columns that its reader does not see.

        Raises:
            ForbiddenError: they are not for this principal.
        """
        reading = self._reading(version, "", by)
        if reading is None:
            return frozenset()
        reading.close()
        return reading.masked

    def _reading(
        self, version: Version, split: str, by: Principal | None, *, whole: bool = False
    ) -> Reading | None:
        """Let a look at some rows in; None where it is volano's own."""
        if self._access is None or by is None:
            return None
        of = version.artifact
        return self._access.read(of.name, of.ref, str(of.digest), split=split, by=by, whole=whole)

    def get(self, ref: str | Ref, *, by: Principal | None = None) -> Artifact:
        """Return a dataset's artifact, which tells its columns, counts and makers.

        Raises:
            UnknownArtifactError: there is no such dataset.
            ForbiddenError: its rows are not for this principal, so neither is what tells of them.
        """
        found = self._catalog.get(KIND, ref)
        if self._access is not None and by is not None:
            self._access.see(found.name, by=by)
        return found

    def list(
        self, name: str | None = None, *, limit: int = 50, by: Principal | None = None
    ) -> Artifacts:
        """Return datasets, newest first; those that are not for `by` are left out."""
        if self._access is None or by is None:
            return self._catalog.list(KIND, name, limit=limit)
        asked = limit
        while True:  # those left out make room for older ones
            found = self._catalog.list(KIND, name, limit=asked)
            seen = self._access.seen({one.name for one in found}, by=by)
            shown = [one for one in found if one.name in seen]
            if len(shown) >= limit or len(found) < asked:
                return shown[:limit]
            asked *= 4

    def diff(
        self,
        old: str | Ref,
        new: str | Ref,
        *,
        key: str | None = None,
        rows: int = 0,
        skip: int = 0,
        by: Principal | None = None,
    ) -> dict[str, Any]:
        """Return, for each split, how many rows were added, removed and kept.

        With a key column (the sources' own ids are one: `source_id`) a row with
        the same key and other content is `changed`, and `columns` counts in how
        many rows a column differs. `rows` changes are returned with their rows,
        behind the first `skip`. With another dataset it is compared as a whole: who may
        not see a column could try out guesses by counts alone.

        Raises:
            ForbiddenError: this principal may not.
            UnknownArtifactError: one of them does not exist.
            NoSuchColumnError: neither has the key column.
            DroppedError: the rows of one were dropped.
        """
        before, after = self.version(old), self.version(new)
        apart_ = before.artifact.name != after.artifact.name
        readings = [self._reading(one, "", by, whole=apart_) for one in (before, after)]
        key = _key(before, after, key)
        listing = Listing(rows, skip)
        found: dict[str, Any] = {}
        for split in dict.fromkeys([*ALWAYS, *before.splits, *after.splits]):
            done = SplitDiff(split, key, listing)
            _compare(self._catalog.blobs, done, before, after)
            found[split] = done.to_dict()
        shown = [_change_as_seen(one, readings) for one in listing.rows]
        for reading in readings:
            if reading is not None:
                reading.close()
        return {**found, "rows": shown} if rows else found

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
        base: Version | None = None,
        **record: Any,
    ) -> Artifact:
        """Write rows of texts with labels; those of `base` keep all their columns, and its splits."""
        rows: list[tuple[str, Record]] = [("train", row.to_dict()) for row in train]
        rows += [("test", row.to_dict()) for row in test]
        said = {} if base is None else _records(base, ALWAYS)
        whole = [(split, said.get(row["id"], row)) for split, row in rows]
        if base is not None:
            further = [split for split in base.splits if split not in ALWAYS]
            whole += [(split, row) for split in further for row in base.records(split)]
        return self.write(name, whole, rejected=map(_rejection, dropped), meta=meta, **record)


def _from(version: Version, split: str | None, start: int, limit: int | None) -> Iterator[Record]:
    for name in version.splits if split is None else [split]:
        skip = 0
        if split is None and start:
            skip = min(start, version.rows(name))
            start -= skip
        for record in version.records(name, start if split else skip, limit):
            yield record
            if limit is not None:
                limit -= 1
        if limit == 0:
            return


def _bounded(rows: Iterator[Record]) -> Iterator[Record]:
    """Yield rows until they take so many bytes that an answer should hold no more; one at least."""
    left = MOST_BYTES
    for row in rows:
        yield row
        left -= len(msgspec.json.encode(row))
        if left <= 0:
            return


def _place(said: str) -> tuple[str, int] | None:
    """Return split and number of a place, or None where it is none."""
    split, _, at = said.rpartition(":")
    return (split, int(at)) if at.isascii() and at.isdigit() and len(at) < 16 else None


def _rejected_as_seen(one: Record, reading: Reading) -> Record:
    """Return a rejected row as its reader may see it.

    What cannot be told by columns (an excerpt of the source, a reason's detail,
    the id of its like) is not for whom a column is hidden from.
    """
    row = one["row"]
    shown = reading.row(row if isinstance(row, dict) else {"shown": row})
    if not reading.masked:
        return one
    shown = {name: MASK if name in _AS_A_WHOLE else value for name, value in shown.items()}
    return {**one, "row": shown, **{name: MASK for name in ("detail", "of") if one.get(name)}}


def _change_as_seen(change: dict[str, Any], readings: Sequence[Reading | None]) -> dict[str, Any]:
    """Return a change as its reader may see it, and count it for the first of the reads."""
    shown = dict(change)
    for at, reading in enumerate(readings):
        for name, value in shown.items():
            if reading is not None and isinstance(value, dict):
                shown[name] = reading.veiled(value) if at else reading.row(value)
    return shown


def _records(version: Version, splits: Iterable[str]) -> dict[str, Record]:
    """Return the rows of these splits by their ids."""
    return {row["id"]: row for split in splits for row in version.records(split)}


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


def _rejection(one: Dropped) -> Rejected:
    return Rejected(one.row.to_dict(), "dedup", one.reason, one.detail, one.of)


def _rejected_line(one: Rejected, number: int) -> Line:
    """Return a rejected row as a line; one that JSON cannot say is kept as it looks."""
    raw = one.to_dict()
    try:
        return line_of(raw, number)
    except BadRecordError:
        shown = {"shown": ascii(one.row)[:MOST_SHOWN]}
        return line_of({**raw, "row": shown, "of": ascii(one.of)[:MOST_SHOWN]}, number)


def _schema(columns: Columns) -> dict[str, Any]:
    schema = columns.schema()
    return {} if schema is None else {"schema": schema.to_dict()}


def _key(old: Version, new: Version, key: str | None) -> str | None:
    """Return the column that both versions' rows are known by, if there is one."""
    known = [
        {column["name"]: None for column in one.artifact.manifest.meta.get("columns", OLD_COLUMNS)}
        for one in (old, new)
    ]
    if key is None:
        return OWN_KEY if all(OWN_KEY in columns for columns in known) else None
    if not any(key in columns for columns in known):
        names = ", ".join({**known[0], **known[1]})
        raise NoSuchColumnError(
            old=old.artifact.ref, new=new.artifact.ref, column=key, columns=names
        )
    return key


def _compare(blobs: Blobs, done: SplitDiff, old: Version, new: Version) -> None:
    """Compare one split; one that a version does not have is empty there."""
    split = done.split
    sides = [one if split in one.splits else None for one in (old, new)]
    trees = [one.tree(split) if one else None for one in sides]
    if trees[0] and trees[1]:
        before, after, done.kept = apart(blobs, trees[0], trees[1])
        total = sum(entry.bytes for entry in [*before, *after])
        lines = [lines_of(blobs, before), lines_of(blobs, after)]
    else:
        total = sum(one.size(split) for one in sides if one)
        lines = [one.lines(split) if one else iter(()) for one in sides]
    for before_lines, after_lines in parted(lines[0], lines[1], total, done.key):
        done.compare(before_lines, after_lines)


def _row(record: Record, at: int, version: Version, schema: Schema) -> Row:
    text, label = record.get("text"), record.get("label")
    if isinstance(label, bool | int | float):
        label = json.dumps(label)
    if not isinstance(text, str) or not isinstance(label, str | dict):
        names = ", ".join(name for name in record if name not in RESERVED)
        raise NotTextAndLabelError(row=at, ref=version.artifact.ref, columns=names)
    if schema.misfit(label) is None:
        label = schema.ordered(label)
    return Row(record["id"], text, label, record["origin"])
