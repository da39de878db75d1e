import datetime as dt
import json

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.exc import OperationalError

from volano.data.errors import (
    BadSourceError,
    RefusedQueryError,
    SourceAwayError,
    TooManyTiesError,
)
from volano.data.sources import open_source
from volano.data.sources.places import sql


@pytest.fixture
def shop(database_url):
    """A table of tickets on SQLite and on Postgres, a spec for it, and a way to write."""
    engine = create_engine(database_url)
    with engine.begin() as conn:
        conn.execute(text("CREATE TABLE tickets (id INTEGER, body TEXT, updated_at TIMESTAMP)"))

    def write(*rows):
        with engine.begin() as conn:
            for id_, body, at in rows:
                conn.execute(
                    text("INSERT INTO tickets VALUES (:id, :body, :at)"),
                    {"id": id_, "body": body, "at": at and f"2026-01-01 00:00:{at:02}"},
                )

    write.url = database_url.render_as_string(hide_password=False)
    write.engine = engine
    yield write
    engine.dispose()


def read(spec, state=None):
    source = open_source(spec, state=state)
    aside = []
    return list(source.rows(aside.append)), aside, source


def test_a_table_and_a_query(shop):
    shop((1, "Grüße", 1), (2, "你好", 2))
    rows, _, _ = read({"sql": shop.url, "table": "tickets", "columns": {"text": "body"}})
    assert sorted(row["text"] for row in rows) == ["Grüße", "你好"]
    query = "SELECT body AS text, updated_at FROM tickets WHERE id > :least;"
    rows, _, _ = read({"sql": shop.url, "query": query, "params": {"least": 1}})
    assert [row["text"] for row in rows] == ["你好"]
    assert str(rows[0]["updated_at"]).startswith("2026-01-01")


def test_only_what_came_since_and_rows_with_an_equal_cursor_neither_lost_nor_doubled(shop):
    spec = {"sql": shop.url, "table": "tickets", "cursor": "updated_at"}
    shop((1, "a", 1), (2, "b", 5), (3, "c", 5))
    rows, _, source = read(spec)
    assert [row["id"] for row in rows] == [1, 2, 3]
    state = json.loads(json.dumps(source.state()))
    assert read(spec, state)[0] == []
    shop((4, "late", 3), (5, "tie", 5), (6, "new", 7))
    rows, _, source = read(spec, state)
    assert [row["id"] for row in rows] == [5, 6]
    assert read(spec, source.state())[0] == []


def test_a_row_without_a_cursor_is_set_aside(shop):
    shop((1, "a", None), (2, "b", 1))
    rows, aside, _ = read({"sql": shop.url, "table": "tickets", "cursor": "updated_at"})
    assert [row["id"] for row in rows] == [2]
    assert [one.reason for one in aside] == ["no cursor"]


def test_a_run_that_was_broken_off_goes_on(shop):
    spec = {"sql": shop.url, "table": "tickets", "cursor": "id", "batch": 2}
    shop(*((n, "x", 1) for n in range(10)))
    source = open_source(spec)
    rows = source.rows(print)
    taken = [next(rows)["id"] for _ in range(4)]
    state = source.state()
    rows.close()
    rest = [row["id"] for row in read(spec, state)[0]]
    assert taken == [0, 1, 2, 3]
    assert rest == [3, 4, 5, 6, 7, 8, 9]  # the row in hand is not yet done


def test_fingerprints(shop):
    shop((1, "a", 1))
    for more in ({"cursor": "updated_at"}, {}):
        spec = {"sql": shop.url, "table": "tickets", **more}
        before = open_source(spec).fingerprint()
        assert open_source(spec).fingerprint() == before
        shop((2, "b", 2))
        assert open_source(spec).fingerprint() != before


def test_nothing_is_written(shop):
    shop((1, "a", 1))
    with pytest.raises(RefusedQueryError):
        read({"sql": shop.url, "query": "DELETE FROM tickets RETURNING id"})
    if "postgresql" in shop.url:
        query = "SELECT * FROM (SELECT 1 AS n) x) AS y; DELETE FROM tickets; SELECT (1"
        with pytest.raises(RefusedQueryError):
            read({"sql": shop.url, "query": query})
        with pytest.raises(RefusedQueryError, match="read-only"):
            read({"sql": shop.url, "query": "SELECT * FROM tickets FOR UPDATE"})
    with shop.engine.connect() as conn:
        assert conn.execute(text("SELECT count(*) FROM tickets")).scalar() == 1


def test_too_many_ties(shop, monkeypatch):
    monkeypatch.setattr(sql, "_TIES", 3)
    shop(*((n, "x", 1) for n in range(9)))
    with pytest.raises(TooManyTiesError, match="updated_at"):
        read({"sql": shop.url, "table": "tickets", "cursor": "updated_at"})


@pytest.mark.parametrize(
    "more",
    [
        {}, {"table": "a", "query": "b"}, {"table": "x; DROP TABLE y"}, {"table": "t", "params": 1},
        {"query": "SELECT 1 AS a", "cursor": "b"}, {"tabel": "t"},
    ],
)  # fmt: skip
def test_specs_that_cannot_be(shop, more):
    with pytest.raises((BadSourceError, RefusedQueryError)):
        read({"sql": shop.url, **more})


def test_a_column_named_twice(shop):
    if "postgresql" in shop.url:  # SQLite gives the second one another name by itself
        with pytest.raises((BadSourceError, RefusedQueryError)):
            read({"sql": shop.url, "query": "SELECT 1 AS a, 2 AS a"})


def test_a_password_is_nowhere(monkeypatch, tmp_path):
    monkeypatch.setenv("SHOP_PASSWORD", "gehe:im@x/")
    spec = {
        "sql": "postgresql+psycopg://reader:${SHOP_PASSWORD}@127.0.0.1:1/shop?connect_timeout=1",
        "table": "tickets", "cursor": "id",
    }  # fmt: skip
    source = open_source(spec)
    with pytest.raises(SourceAwayError) as caught:
        list(source.rows(print))
    said = f"{caught.value.message} {caught.value.advice} {caught.value.facts} {source.state()}"
    assert "gehe" not in said
    assert "reader" not in said
    assert source.url.password == "gehe:im@x/"
    with pytest.raises(BadSourceError, match="NOT_SET"):
        open_source({"sql": "sqlite:///${NOT_SET}.db", "table": "t"})
    with pytest.raises(SourceAwayError, match="no such file"):
        list(open_source({"sql": "sqlite:///no.db", "table": "t"}, root=tmp_path).rows(print))
    assert not (tmp_path / "no.db").exists()


@pytest.mark.parametrize("given", ["", "what", "nodriver://x/y", "postgresql+none://x/y", 3])
def test_addresses_that_are_none(given):
    with pytest.raises(BadSourceError):
        list(open_source({"sql": given, "table": "t"}).rows(print))


def test_values_of_all_kinds(shop):
    if "postgresql" not in shop.url:
        query = "SELECT x'ff' AS b, 1.5 AS f, 9007199254740993 AS big, NULL AS n"
        wanted = {"b": {"base64": "/w=="}, "f": 1.5, "big": "9007199254740993", "n": None}
    else:
        query = (
            "SELECT '\\xff'::bytea AS b, 1.50::numeric AS f, 9007199254740993 AS big, NULL AS n, "
            "'{\"a\": [1]}'::jsonb AS j, ARRAY[1,2] AS l, 'NaN'::float8 AS nan"
        )
        wanted = {
            "b": {"base64": "/w=="}, "f": "1.50", "big": "9007199254740993", "n": None,
            "j": {"a": [1]}, "l": [1, 2], "nan": None,
        }  # fmt: skip
    row = read({"sql": shop.url, "query": query})[0][0]
    assert {name: value for name, value in row.items() if name != "origin"} == wanted
    assert row["origin"]["table"].startswith("query ")


def test_cursor_values_survive_json():
    for value in (3, "x", 1.5, dt.datetime(2026, 1, 1, tzinfo=dt.UTC), dt.date(2026, 1, 1), b"x"):
        assert sql.load(json.loads(json.dumps(sql.dump(value)))) == value


def test_a_whole_address_may_stand_in_the_environment(monkeypatch, tmp_path):
    monkeypatch.setenv("SHOP_DB", "postgresql://reader:ge%40heim@127.0.0.1:1/shop")
    source = open_source({"sql": "${SHOP_DB}", "table": "tickets"})
    assert source.url.drivername == "postgresql+psycopg"
    assert (source.url.username, source.url.password) == ("reader", "ge@heim")
    monkeypatch.delenv("SHOP_DB")
    with pytest.raises(BadSourceError, match=r"`SHOP_DB` of the address is not set where"):
        open_source({"sql": "${SHOP_DB}", "table": "tickets"})


@pytest.mark.parametrize(
    "asked", [{"table": "nope"}, {"query": "SELEC 1"}, {"query": "SELECT nope FROM tickets"}]
)
def test_a_query_that_is_refused_is_not_a_database_that_is_away(shop, asked):
    shop((1, "a", 1))
    with pytest.raises(RefusedQueryError) as caught:
        read({"sql": shop.url, **asked})
    assert "`query`" in caught.value.advice and "later" not in caught.value.advice


class Told(Exception):
    sqlstate = None


@pytest.mark.parametrize(
    ("number", "state", "again"),
    [
        (1054, None, True), (1064, None, True), (1146, None, True), (1792, None, True),
        (2013, None, False), (1205, "HY000", False), ("x", "42S02", True), ("x", "22012", True),
        ("x", "25006", True), ("x", "40001", False), ("x", "08006", False),
    ],
)  # fmt: skip
def test_what_would_be_refused_again_is_told_by_its_code(number, state, again):
    orig = Told(number, "said")
    orig.sqlstate = state
    assert sql._refused(OperationalError("SELECT 1", {}, orig)) is again
    assert not sql._refused(OperationalError("SELECT 1", {}, orig, connection_invalidated=True))
