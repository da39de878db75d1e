"""Runs a step over rows as a recipe does: shard by shard, in one folder for each."""

import json
from itertools import pairwise

from volano.data.step import Notes


def run(step, rows, folder, *, cuts=()):
    """Return (rows that go on, rejected rows) of a step over rows cut into shards at these places."""
    ends = [0, *sorted(min(cut, len(rows)) for cut in cuts), len(rows)]
    shards = [rows[begin:end] for begin, end in pairwise(ends)]
    rejected, kept = [], []
    notes = Notes(step.name, rejected.append)
    decided = surveyed(step, shards, folder) if step.whole else [None] * len(shards)
    for shard, told in zip(shards, decided, strict=True):
        kept += step.apply((dict(row) for row in shard), notes, told)
    return kept, rejected


def surveyed(step, shards, folder):
    """Return what the step decided, as plain JSON gives it back."""
    folders = [folder / f"shard-{number}" for number in range(len(shards))]
    for shard, own in zip(shards, folders, strict=True):
        own.mkdir(parents=True)
        step.survey((dict(row) for row in shard), own)
    decided_at = folder / "decided"
    decided_at.mkdir()
    return json.loads(json.dumps(step.decide(folders, decided_at)))


def rows_of(*texts, **columns):
    """Return rows of these texts, each with its line as origin."""
    return [{"text": text, "origin": {"line": at}, **columns} for at, text in enumerate(texts)]
