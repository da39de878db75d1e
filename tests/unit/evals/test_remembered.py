import sqlite3
from contextlib import closing

from volano.evals import remembered as room
from volano.evals.answered import Answered
from volano.evals.remembered import Keys, Remembered

SAID = [{"role": "user", "content": "Hol a csomagom? 订单"}]


def test_the_same_question_is_known_again_and_no_other(tmp_path):
    kept, keys = Remembered(tmp_path / "c" / "a.db"), Keys("m", {"temperature": 0})
    assert kept.get([keys.of(SAID, 0)]) == {}
    one = Answered("1", "válasz", tools=({"name": "f", "arguments": {"x": 1}},), cost_nano=3)
    kept.put({keys.of(SAID, 0): one, keys.of(SAID, 1): Answered("1", "", error="weg")})
    others = [
        keys.of(SAID, 1), keys.of([], 0), Keys("m2", {"temperature": 0}).of(SAID, 0),
        Keys("m", {"temperature": 1}).of(SAID, 0),
    ]  # fmt: skip
    assert kept.get([keys.of(SAID, 0), *others]) == {keys.of(SAID, 0): one}
    assert (tmp_path / "c" / "a.db").stat().st_mode & 0o077 == 0


def test_thousands_are_found(tmp_path):
    kept, keys = Remembered(tmp_path / "a.db"), Keys("m", {})
    many = {keys.of(SAID, n): Answered(str(n), "x") for n in range(1700)}
    kept.put(many)
    assert kept.get([*many]) == many


def test_what_is_old_is_forgotten(tmp_path, monkeypatch):
    kept, key = Remembered(tmp_path / "a.db"), Keys("m", {}).of(SAID, 0)
    kept.put({key: Answered("1", "x")})
    monkeypatch.setattr(room, "KEEP_S", -1)
    assert kept.get([key]) == {}


def test_what_is_old_is_looked_for_once_a_day(tmp_path, monkeypatch):
    kept, keys = Remembered(tmp_path / "a.db"), Keys("m", {})

    def on_day(day, n):
        monkeypatch.setattr(room.time, "time", lambda: day * room.DAY_S + 60.0)
        kept.put({keys.of(SAID, n): Answered(str(n), "x")})
        with closing(sqlite3.connect(tmp_path / "a.db")) as db:
            return db.execute("SELECT count(*) FROM answers").fetchone()[0]

    assert on_day(100, 0) == 1
    assert on_day(131, 1) == 1
    monkeypatch.setattr(room, "KEEP_S", 0)
    assert on_day(131, 2) == 2
    assert on_day(132, 3) == 1
