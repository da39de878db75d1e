"""Versions: the verbs on what datasets became: labels, the way back, branches, checks, letting go."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from volano.core.digest import Digest
from volano.core.errors import VolanoError
from volano.core.manifest import Parent
from volano.core.principal import Principal
from volano.core.ref import Ref
from volano.data.chunks import Entry
from volano.data.errors import NoEarlierLabelError
from volano.data.keeper import KIND, Datasets
from volano.data.line import problem_of
from volano.data.tree import Page
from volano.data.version import Version
from volano.data.writer import REJECTED, ROWS
from volano.store import Artifact, Blobs, Catalog
from volano.store.artifact import DROPPED
from volano.store.garbage import Garbage

STABLE = "stable"
BATCH = 256
MOST_BAD = 1000
"""So many bad places of one version are told."""


@dataclass(frozen=True, slots=True)
class BadRows:
    """Rows of a split that are not what was written: numbers from 0, `end` is not among them."""

    split: str
    start: int
    end: int
    why: str


class Versions:
    """What can be done with the versions of datasets, each in an instant but for `verify`."""

    def __init__(self, catalog: Catalog, datasets: Datasets, garbage: Garbage):
        self._catalog, self._datasets, self._garbage = catalog, datasets, garbage

    def label(self, ref: Ref | str, label: str, *, by: Principal) -> Artifact:
        """Let a label name this version, and no other one from now on.

        Raises:
            BadRefError: the label cannot be one.
            UnknownArtifactError: no such dataset.
        """
        return self._catalog.label(KIND, ref, label, by=by)

    def unlabel(self, ref: Ref | str, *, by: Principal) -> Artifact:
        """Take a label away (`tickets:stable`).

        Raises:
            UnknownArtifactError: nothing bears it.
        """
        return self._catalog.unlabel(KIND, ref, by=by)

    def rollback(self, ref: Ref | str, *, to: Ref | str | None = None, by: Principal) -> Artifact:
        """Move a label (`tickets:stable`; a bare name means that one) back.

        Without `to` it goes to where it was before it was last moved.

        Raises:
            UnknownArtifactError: there is no such label, or no such version.
            NoEarlierLabelError: it was nowhere else before.
        """
        ref = Ref.parse(ref)
        label = ref.label or STABLE
        if to is None:
            self._catalog.get(KIND, Ref(ref.name, label=label))
            to = self._earlier(ref.name, label)
        return self._catalog.label(KIND, self._of(ref.name, to), label, by=by)

    def branch(self, ref: Ref | str, name: str, *, by: Principal) -> Artifact:
        """Begin a dataset of another name with the rows of this version; no row is copied.

        Raises:
            BadRefError: the name is none.
            UnknownArtifactError: no such dataset.
            DroppedError: its rows were dropped.
            ForbiddenError: this principal may not read all of it, or not write there.
        """
        base = Version(self._catalog, self._datasets.get(ref)).artifact
        self._datasets.let_branch(base, name, by=by)
        return self._catalog.record(
            KIND, name, files=dict(base.manifest.files), parents=[Parent("branch of", base.digest)],
            meta={**base.manifest.meta, "branch": base.ref}, by=by,
        )  # fmt: skip

    def drop(self, ref: Ref | str, *, why: str = "", by: Principal) -> Artifact:
        """Let the rows of a version go; its manifest, number and lineage stay.

        `volano data gc` then frees what no other version has. The same rows
        added again bring the version back.

        Raises:
            UnknownArtifactError: no such dataset.
            HeldError, NeededError: a hold, a label or a model keeps it.
            DroppedError: they were dropped already.
        """
        return self._garbage.drop(KIND, ref, why, by=by)

    def verify(self, ref: Ref | str | None = None) -> dict[str, Any]:
        """Read every row of a version, or of all, and say which are not what was written.

        Raises:
            UnknownArtifactError: no such dataset.
            DroppedError: its rows were dropped.
        """
        wanted = [self._datasets.get(ref)] if ref is not None else self._all()
        rows, bad, seen = 0, [], set[str]()
        for artifact in wanted:
            version = Version(self._catalog, artifact)
            for split in [*version.splits, REJECTED]:
                count, problems = self._check(version, split, seen)
                rows += count
                bad += [{"ref": artifact.ref, **asdict(one)} for one in problems[:MOST_BAD]]
        return {"versions": len(wanted), "rows": rows, "problems": bad}

    def _all(self) -> list[Artifact]:
        return [one for one in self._catalog.list(KIND, limit=100_000) if one.state != DROPPED]

    def _earlier(self, name: str, label: str) -> str:
        subject = f"{KIND}/{name}:{label}"
        for event in self._catalog.ledger.list(limit=1, subject=subject):
            earlier = (event.content or {}).get("from")
            if event.verb == "label" and earlier:
                return f"{name}@{earlier}"
        raise NoEarlierLabelError(label=f"{name}:{label}")

    def _of(self, name: str, to: Ref | str) -> Ref | str:
        """Take `3` or `sha256:…` for a version of this name."""
        text = str(to)
        bare = text.isdecimal() or text.startswith("sha256:")
        return f"{name}@{text}" if bare else to

    def _check(self, version: Version, split: str, seen: set[str]) -> tuple[int, list[BadRows]]:
        """Check a split; return how many rows were read, and what is bad.

        Chunks in `seen` are good, and are not read again; good ones are added.
        """
        blobs = self._catalog.blobs
        file = version.artifact.manifest.files.get(split + ROWS)
        if file is None:
            return _check_lines(version, split)
        count, bad = 0, list[BadRows]()
        unread: list[tuple[int, Entry]] = []
        for start, entry in _entries(blobs, file.digest, split, bad):
            count += entry.rows
            if entry.digest not in seen:
                unread.append((start, entry))
            if len(unread) == BATCH:
                _check_chunks(blobs, split, unread, seen, bad)
                unread = []
        _check_chunks(blobs, split, unread, seen, bad)
        return count, bad


def _entries(
    blobs: Blobs, root: str, split: str, bad: list[BadRows]
) -> Iterator[tuple[int, Entry]]:
    """Yield (number of its first row, entry) of each chunk; a page that is bad goes among `bad`."""
    waiting = [(0, Entry(Digest(root), 0, 0, ""))]
    while waiting:
        start, entry = waiting.pop()
        try:
            page = Page.from_bytes(blobs.get(entry.digest))
        except VolanoError as error:
            bad.append(BadRows(split, start, start + entry.rows, error.message))
            continue
        below = []
        for item in page.items:
            below.append((start, item))
            start += item.rows
        if page.level:
            waiting += reversed(below)
        else:
            yield from below


def _check_chunks(
    blobs: Blobs,
    split: str,
    entries: list[tuple[int, Entry]],
    seen: set[str],
    bad: list[BadRows],
) -> None:
    read = blobs.read_each(entry.digest for _, entry in entries)
    for (start, entry), (digest, data) in zip(entries, read, strict=True):
        if isinstance(data, VolanoError):
            bad.append(BadRows(split, start, start + entry.rows, data.message))
            continue
        lines = data.splitlines(keepends=True)
        problems = [(at, why) for at, line in enumerate(lines) if (why := problem_of(line))]
        if len(lines) != entry.rows:
            problems.append((0, f"the chunk has {len(lines)} rows, its page says {entry.rows}"))
        bad += [BadRows(split, start + at, start + at + 1, why) for at, why in problems]
        if not problems:
            seen.add(digest)


def _check_lines(version: Version, split: str) -> tuple[int, list[BadRows]]:
    """Check a split of the older form."""
    try:
        return version.rows(split), []
    except VolanoError as error:
        return 0, [BadRows(split, 0, 0, error.message)]
