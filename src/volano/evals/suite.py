"""A Suite: which rows are asked, how often, what the answers are worth, and what must hold."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from volano.core.canon import canonical
from volano.core.digest import Digest
from volano.evals.gates import Gate
from volano.evals.gates import parse as gate_of
from volano.evals.own import digest_of, make_in
from volano.evals.scoring import PYTHON, BadScorerError, Scorer, make

FORMAT = 1
Spec = str | Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Limits:
    """How hard the other side is asked, and when to stop.

    `money` is a text such as "2.50 USD": the suite stops before a call that could go beyond
    it. `rows` bounds a suite that meets a larger dataset than it was written for. A call that
    fails is made `tries` times in all, with growing pauses.
    """

    concurrency: int = 16
    requests_per_minute: int | None = None
    money: str = ""
    rows: int = 100_000
    timeout_s: float = 60.0
    tries: int = 5


@dataclass(frozen=True, slots=True)
class Suite:
    """A suite, as its file says it. Columns are those of the dataset, or fields of its labels.

    `filter` keeps rows whose columns have these values; of those, `limit` rows are drawn by
    `seed`. `critical` is a column that is true for rows on which no answer may get worse.
    `unmeasured` is the largest share of any score that may be missing before the suite counts
    as not measured. `own` holds the digests of scorers that are files beside the suite's.
    """

    data: str
    scorers: tuple[Spec, ...]
    name: str = "suite"
    split: str = "test"
    filter: Mapping[str, Any] = field(default_factory=dict)
    limit: int | None = None
    seed: int = 0
    text: str = "text"
    label: str = "label"
    repetitions: int = 1
    settings: Mapping[str, Any] = field(default_factory=dict)
    limits: Limits = field(default_factory=Limits)
    cluster: str = ""
    slices: tuple[str, ...] = ()
    critical: str = ""
    context: str = ""
    expected: str = ""
    gates: tuple[str, ...] = ()
    unmeasured: float = 0.05
    on: str = ""
    key_env: str = ""
    own: Mapping[str, str] = field(default_factory=dict)

    def made(self, folder: Path | None = None) -> list[tuple[str, Scorer]]:
        """Return the scorers with the names that the suite says; files of one's own from `folder`.

        Raises:
            UnknownPluginError, BadScorerError: one of them cannot be.
        """
        if folder is None:
            return [make(spec) for spec in self.scorers]
        for said, digest in self.own.items():
            if digest_of(folder, {PYTHON: said}) != digest:
                raise BadScorerError(
                    name=said, why="its file has changed since the suite was saved"
                )
        return [make_in(folder, spec) for spec in self.scorers]

    def conditions(self) -> list[Gate]:
        """Return the gates.

        Raises:
            BadGateError: one cannot be read.
        """
        return [gate_of(text) for text in self.gates]

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values with every setting, so that nothing is implied."""
        return {"format": FORMAT, **asdict(self)}

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> "Suite":
        """Read `to_dict` back; settings that are newer are left out."""
        known = {one.name for one in fields(cls)}
        limits = {one.name for one in fields(Limits)}
        given = {name: value for name, value in raw.items() if name in known}
        given["limits"] = Limits(
            **{name: value for name, value in raw["limits"].items() if name in limits}
        )
        for name in ("scorers", "slices", "gates"):
            given[name] = tuple(given.get(name, ()))
        return cls(**given)

    def digest(self) -> Digest:
        """Name the suite by its content."""
        return Digest.of(canonical(self.to_dict()))
