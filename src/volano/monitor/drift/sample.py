"""A Sample: calls drawn from a window, and all of them that drift looks at. No texts are in it."""

import hashlib
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from volano.core.ports.language import DetectLanguage
from volano.stats.grams import Features, features
from volano.traces.trace import Trace

TEXTS = ("input", "output")
NUMBERS = ("input length", "output length", "latency", "cost")
CATEGORIES = ("language", "outcome")
QUALITY = "quality "
"""Begins the name of a signal of feedback: `quality correct`."""
DIMENSIONS = ("channel", "release", "key", "language")
"""What a sample can always be sliced by; `tag:NAME` besides."""


@dataclass(frozen=True, slots=True)
class Sample:
    """Columns of the same length. Of numbers NaN, of categories the empty text is "not known".

    `units` are digests: of the user, else of the session, else of the call itself.
    """

    ids: list[str]
    units: list[str]
    texts: Mapping[str, Features]
    numbers: Mapping[str, NDArray[np.float64]]
    categories: Mapping[str, NDArray[Any]]
    currency: str = ""

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def unit_count(self) -> int:
        """How many users, sessions or lone calls these calls come from."""
        return len(set(self.units))

    def to_bytes(self) -> bytes:
        """Return the columns as one compressed file (numpy's npz, no pickle)."""
        columns: dict[str, Any] = {
            "ids": np.array(self.ids, dtype=str), "units": np.array(self.units, dtype=str),
            "currency": np.array(self.currency),
        }  # fmt: skip
        for kind in ("texts", "numbers", "categories"):
            columns |= {f"{kind}/{name}": column for name, column in getattr(self, kind).items()}
        file = io.BytesIO()
        np.savez_compressed(file, **columns)
        return file.getvalue()

    @classmethod
    def from_bytes(cls, data: bytes) -> "Sample":
        """Read a sample back."""
        parts: dict[str, dict[str, Any]] = {"texts": {}, "numbers": {}, "categories": {}}
        with np.load(io.BytesIO(data), allow_pickle=False) as file:
            for path in file.files:
                kind, slash, name = path.partition("/")
                if slash:
                    parts[kind][name] = file[path]
            return cls(
                [*map(str, file["ids"])], [*map(str, file["units"])],
                currency=str(file["currency"]), **parts,
            )  # fmt: skip


class Drawing:
    """Draws at most `n` calls of all that are offered, each with the same chance.

    The calls with the smallest hashes of their ids stay: that is a uniform draw, the same for
    the same calls in whatever order they come.
    """

    def __init__(self, n: int):
        self._n = n
        self._kept: list[tuple[bytes, Trace]] = []

    def offer(self, traces: Iterable[Trace]) -> None:
        """Take calls into account."""
        self._kept += [(_hash(f"{t.id}/{t.span_id}"), t) for t in traces]
        self._kept.sort(key=lambda one: one[0])
        del self._kept[self._n :]

    @property
    def traces(self) -> list[Trace]:
        """The calls drawn, oldest first."""
        return sorted((trace for _, trace in self._kept), key=lambda trace: trace.seq)


def sampled(
    traces: Sequence[Trace],
    values: Mapping[str, Mapping[str, float]],
    *,
    by: Iterable[str],
    detect: DetectLanguage,
    currency: str | None = None,
) -> Sample:
    """Return the columns of these calls; `values` are feedback values by name and trace id."""
    spent = [t.cost_currency for t in traces if t.cost_nano is not None and t.cost_currency]
    if currency is None:
        currency = max(sorted(set(spent)), key=spent.count, default="")
    said = {"input": [t.input_text for t in traces], "output": [t.output_text for t in traces]}
    numbers = {
        "input length": [_length(text) for text in said["input"]],
        "output length": [_length(text) for text in said["output"]],
        "latency": [t.latency_us if t.outcome == "ok" else None for t in traces],
        "cost": [t.cost_nano if t.cost_currency == currency else None for t in traces],
        **{f"{QUALITY}{name}": [one.get(t.id) for t in traces] for name, one in values.items()},
    }
    languages = [t.tags.get("language") or detect(t.input_text or "") for t in traces]
    categories: dict[str, list[str]] = {
        "language": languages, "outcome": [t.outcome for t in traces],
        "channel": [t.channel for t in traces], "release": [t.release for t in traces],
        "key": [t.key_id for t in traces],
        **{tag: [t.tags.get(tag[4:], "") for t in traces] for tag in by if tag.startswith("tag:")},
    }  # fmt: skip
    return Sample(
        [t.id for t in traces],
        [unit(t) for t in traces],
        {name: features(texts) for name, texts in said.items()},
        {name: np.array(column, dtype=float) for name, column in numbers.items()},
        {name: np.array(column, dtype=str) for name, column in categories.items()},
        currency,
    )


def unit(trace: Trace) -> str:
    """Return whose call it is, as a digest: the user's, else the session's, else its own."""
    user = trace.unit if trace.unit != trace.id else ""
    return _hash(user or trace.session or trace.id).hex()


def _length(text: str | None) -> int | None:
    return None if text is None else len(text)


def _hash(text: str) -> bytes:
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=12).digest()
