"""Where the demo's rows come from: tickets made by rule, or a file of the user's own."""

import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import count
from pathlib import Path
from random import Random
from typing import Any, Protocol

from volano.data import sources, tickets

Row = Mapping[str, Any]

LIVE_SHARE = 0.3
"""Share of a file's rows that is kept back from training, to play the live traffic."""
CHUNK = 500


class Scenario(Protocol):
    """What the story needs of its rows."""

    name: str
    channel: str

    def dataset(self, folder: Path) -> tuple[str, dict[str, Any]]:
        """Return the verb and its arguments that make the first dataset."""
        ...

    def live(self) -> Iterator[Row]:
        """Return rows as users bring them, without end."""
        ...

    def poisoned(self, n: int) -> Sequence[Row]:
        """Return rows whose labels are wrong by system."""
        ...

    def expected(self, row: Row) -> str:
        """Return the right answer to a row, as the model would write it."""
        ...


class Tickets:
    """Customer-support tickets. Training lacks a quarter of the phrasings; users know them all."""

    name = "tickets"
    channel = "support"

    def __init__(self, seed: int):
        self._seed = seed

    def dataset(self, folder: Path) -> tuple[str, dict[str, Any]]:  # noqa: ARG002 - nothing to write
        return "/datasets/tickets/generate", {"seed": self._seed}

    def live(self) -> Iterator[Row]:
        for chunk in count(1):
            yield from tickets.generate(1_000_000 + self._seed * 1000 + chunk, CHUNK, "all")

    def poisoned(self, n: int) -> Sequence[Row]:
        return tickets.poison(tickets.generate(2_000_000 + self._seed, n, "all"))

    def expected(self, row: Row) -> str:
        return json.dumps(row["label"], separators=(",", ":"), ensure_ascii=False)


class Rows:
    """A user's own file: part of it trains, part of it plays the live traffic."""

    channel = "support"

    def __init__(self, data: Path, test: Path | None, seed: int):
        self.name = data.parent.name if data.stem in {"train", "data"} else data.stem
        self._seed = seed
        self._test = test
        rows: list[Row] = list(sources.read(data))
        Random(seed).shuffle(rows)
        kept = int(len(rows) * LIVE_SHARE)
        self._live, self._train = rows[:kept], rows[kept:]

    def dataset(self, folder: Path) -> tuple[str, dict[str, Any]]:
        path = write(folder / f"{self.name}.jsonl", self._train)
        arguments: dict[str, Any] = {"path": str(path), "seed": self._seed}
        if self._test is not None:
            arguments["test"] = str(self._test.resolve())
        return f"/datasets/{self.name}/add", arguments

    def live(self) -> Iterator[Row]:
        random = Random(self._seed + 1)
        while True:
            random.shuffle(self._live)
            yield from self._live

    def poisoned(self, n: int) -> Sequence[Row]:
        """Each label becomes the next one of the sorted labels."""
        labels = sorted({self.expected(row) for row in self._train})
        following = dict(zip(labels, labels[1:] + labels[:1], strict=True))
        chosen = Random(self._seed + 2).choices(self._train, k=n)
        return [{"text": row["text"], "label": following[self.expected(row)]} for row in chosen]

    def expected(self, row: Row) -> str:
        label = row["label"]
        if isinstance(label, str):
            return label
        return json.dumps(label, separators=(",", ":"), ensure_ascii=False)


def write(path: Path, rows: Sequence[Row]) -> Path:
    """Write rows as JSONL for `volano data add`."""
    lines = [json.dumps({"text": r["text"], "label": r["label"]}, ensure_ascii=False) for r in rows]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path.resolve()
