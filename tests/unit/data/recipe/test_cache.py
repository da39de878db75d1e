"""The cache keeps what was used last, and sweeps what nobody names."""

import os

import pytest
from toy_steps import Drop, Unique, Upper

from volano.data.recipe.errors import CacheBusyError


def old(kitchen, days):
    for path in kitchen.files("entries"):
        at = path.stat().st_mtime - days * 86_400
        os.utime(path, (at, at))


def test_what_was_not_used_for_long_goes(kitchen):
    kitchen.run([Upper()])
    old(kitchen, 40)
    kitchen.run([Upper(), Drop(2)], kitchen.rows(8))
    kitchen.cache.tidy()
    made = kitchen.run([Upper(), Drop(2)], kitchen.rows(8))
    assert [one.cached for one in made.steps] == [2, 2, 2]
    assert kitchen.run([Upper()]).steps[0].cached == 0


def test_what_was_used_last_stays_when_room_is_short(kitchen):
    kitchen.run([Upper(), Unique()], [{"n": n, "text": f"old {n}"} for n in range(40)])
    old(kitchen, 1)
    kitchen.run([Upper()], kitchen.rows(8))
    size = kitchen.cache.size()["bytes"]
    assert kitchen.cache.tidy(max_bytes=size // 2) > 0
    assert kitchen.cache.size()["bytes"] <= size // 2
    assert kitchen.run([Upper()], kitchen.rows(8)).steps[1].cached == 2
    kitchen.cache.tidy(max_bytes=0)
    assert kitchen.cache.size()["entries"] == 0
    assert not kitchen.files("shards") | kitchen.files("made")


def test_what_the_killed_left_behind_is_swept(kitchen):
    kitchen.run([Upper(), Unique()])
    before = kitchen.files("shards") | kitchen.files("made") | kitchen.files("entries")
    shards = kitchen.cache.folder / "shards"
    (shards / "ab").mkdir(exist_ok=True)
    (shards / "ab" / ".tmp-1").write_text("x")
    (shards / "spilled-1").write_text("x")
    (shards / "ab" / f"{'a' * 64}.jsonl.zst").write_text("x")
    (kitchen.cache.new_folder("cd" * 32) / "half").write_text("x")
    kitchen.cache.tidy()
    assert kitchen.files("shards") | kitchen.files("made") | kitchen.files("entries") == before
    assert kitchen.run([Upper(), Unique()]).steps[2].cached == 5


def test_nothing_is_taken_away_while_a_recipe_runs(kitchen):
    kitchen.run([Upper()])
    with kitchen.cache.in_use():
        assert kitchen.cache.tidy(max_bytes=0) == 0
        with pytest.raises(CacheBusyError):
            kitchen.cache.clear()
    assert kitchen.cache.clear()["shards"] > 0
    assert kitchen.cache.size()["shards"] == kitchen.cache.size()["entries"] == 0
    assert kitchen.run([Upper()]).rows == 20
