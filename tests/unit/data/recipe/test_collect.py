"""Sources become shards; what is no row is set aside; who was killed goes on."""

import pytest

from volano.data.recipe.collect import collect
from volano.data.recipe.errors import SourceChangedMeanwhileError
from volano.data.step import Rejected


class Killed(BaseException):
    """What kill -9 is to a test."""


class Slow:
    """A source that gives bad rows among good ones, and may be killed."""

    def __init__(self, count, *, killed_at=None, gives=None):
        self.count = count
        self.killed_at = killed_at
        self.gives = gives or (lambda n: {"n": n, "text": "ő" * n})

    def rows(self, reject):
        for n in range(self.count):
            if n == self.killed_at:
                raise Killed
            if n % 3 == 0:
                reject(Rejected({"n": n}, "collect", f"bad {n % 2}"))
            yield self.gives(n)
        reject(Rejected({}, "collect", "the end"))

    def fingerprint(self):
        return "the same"

    def state(self):
        return {"after": self.count}


def chunks(kitchen, source, **options):
    return collect(kitchen.cache, "k", source, limits=kitchen.limits, **options)


@pytest.mark.parametrize("killed_at", range(12))
def test_wherever_it_was_killed_the_shards_are_the_same(kitchen, tmp_path, killed_at):
    whole = chunks(type(kitchen)(tmp_path / "other"), Slow(12))
    with pytest.raises(Killed):
        chunks(kitchen, Slow(12, killed_at=killed_at))
    written = kitchen.files("shards")
    resumed = chunks(kitchen, Slow(12))
    assert resumed.chunks == whole.chunks
    assert written <= kitchen.files("shards")
    assert resumed.dropped == {"bad 0": 2, "bad 1": 2, "the end": 1}
    assert not kitchen.files("journals")
    assert chunks(kitchen, Slow(12, killed_at=0)).cached


def test_it_was_killed_after_the_last_shard(kitchen):
    whole = chunks(kitchen, Slow(10))
    [entry] = kitchen.files("entries")
    journal = kitchen.cache.folder / "journals" / f"{entry.stem}.jsonl"
    import json

    lines = [json.dumps(one.to_entry()) for one in whole.chunks]
    entry.unlink()
    journal.write_text("\n".join(lines) + '\n{"torn')
    assert chunks(kitchen, Slow(10)).chunks == whole.chunks


def test_a_source_that_changed_behind_its_fingerprint_is_told(kitchen):
    with pytest.raises(Killed):
        chunks(kitchen, Slow(12, killed_at=11))
    with pytest.raises(SourceChangedMeanwhileError):
        chunks(kitchen, Slow(5))
    assert chunks(kitchen, Slow(5)).rows == 5


def test_rows_that_json_cannot_say_are_set_aside(kitchen):
    evil = {0: {"x": "\ud800"}, 1: {"x": object()}, 2: {("a",): 1}}
    made = chunks(kitchen, Slow(6, gives=lambda n: evil.get(n, {"n": n})))
    assert made.rows == 3
    assert made.dropped["cannot be written as JSON"] == 3
    [aside] = [list(kitchen.cache.shards.read(one.rejected)) for one in made.chunks[:1]]
    assert [one["reason"] for one in aside].count("cannot be written as JSON") == 3
    with pytest.raises(Killed):
        chunks(kitchen, Slow(9, gives=lambda n: evil.get(n, {"n": n}), killed_at=8), sample=9)
    assert chunks(kitchen, Slow(9, gives=lambda n: evil.get(n, {"n": n})), sample=9).rows == 6


def test_a_sample_stops_reading(kitchen):
    assert chunks(kitchen, Slow(12, killed_at=6), sample=5).rows == 5
