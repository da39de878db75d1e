"""The filter language: what is spelled is read back, and SQL agrees with plain Python."""

import json
import sqlite3

import duckdb
import pytest
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from support.filtering import fits
from volano.core.money import Money
from volano.traces.errors import FilterError, FilterTooLongError
from volano.traces.filter import (  # fmt: skip
    FUNCTIONS,
    Among,
    And,
    Compare,
    Has,
    Not,
    Or,
    Place,
    Says,
    compiled,
    parse,
    spell,
    split,
)
from volano.traces.filter.fields import FIELDS
from volano.traces.filter.values import (
    Ago,
    Amount,
    Duration,
    Flag,
    Moment,
    Number,
    Prefix,
    Share,
    Text,
)
from volano.traces.tables import CALLS, MIGRATIONS, SPANS

NOW_US = 1_795_000_000_000_000
WORDS = ["late", "árvíz", "Ёлка", "мой", "мои", "order_1", "ARVIZ", "100%"]
NAMES = [
    "",
    "a",
    "support@1",
    "support@12",
    "Support",
    "pro",
    "3",
    "true",
    "x y",
    'q"\\',
    "订单",
    "and",
]

texts = st.sampled_from(NAMES) | st.text(max_size=5).map(lambda t: t.replace("\0", "")).filter(
    lambda t: t.isprintable()
)
numbers = st.integers(-5, 300)
micros = st.integers(0, 10**7) | st.sampled_from([1_000_000, 90_000_000, 3_600_000_000])
strings = texts.map(Text) | st.sampled_from(["s", "support@1", "x ", "订", '"']).map(Prefix)
values_of = {
    "text": strings,
    "words": strings,
    "number": numbers.map(Number),
    "duration": micros.map(Duration),
    "time": st.integers(NOW_US - 10**6, NOW_US + 10**6).map(Moment)
    | st.integers(0, 10**6).map(Ago),
    "money": st.builds(
        lambda n, c: Amount(Money(n, c)), st.integers(0, 50), st.sampled_from(["USD", "EUR"])
    ),
    "share": st.integers(0, 1_000_000).map(Share),
    "flag": st.booleans().map(Flag),
}
ordered = st.sampled_from(["=", "!=", "<", "<=", ">", ">="])
equal = st.sampled_from(["=", "!="])
WORDS_ONLY = {"text", "input", "output"}
attributes = st.sampled_from(["a", "gen_ai.request.temperature", "b c"])
floats = st.floats(-3, 3, allow_nan=False) | numbers


@st.composite
def conditions(draw):
    kind = draw(st.sampled_from(["field", "field", "field", "tag", "attr", "says", "has"]))
    if kind == "says":
        place = draw(st.sampled_from(["text", "input", "output", "error", "name"]))
        return Says(
            Place(place), " ".join(draw(st.lists(st.sampled_from(WORDS), min_size=1, max_size=2)))
        )
    if kind == "tag":
        place = Place(draw(st.sampled_from(["plan", "a.b", "x y"])), "tag")
        return draw(st.builds(Compare, st.just(place), equal, strings) | st.just(Has(place)))
    if kind == "attr":
        place = Place(draw(attributes), "attr")
        number = st.builds(Compare, st.just(place), ordered, floats.map(Number))
        return draw(number | st.builds(Compare, st.just(place), equal, strings | values_of["flag"]))
    field = draw(st.sampled_from([f for f in FIELDS.values() if f.name not in WORDS_ONLY]))
    place = Place(field.name)
    if kind == "has":
        return Has(place)
    values = st.sampled_from(field.choices).map(Text) if field.choices else values_of[field.kind]
    if field.kind != "time" and draw(st.integers(0, 4)) == 0:
        return Among(place, tuple(draw(st.lists(values, min_size=1, max_size=3))))
    orders = {"text": equal, "words": equal, "flag": equal,
              "time": st.sampled_from(["<", "<=", ">", ">="])}  # fmt: skip
    return Compare(place, draw(orders.get(field.kind, ordered)), draw(values))


def joined(inner):
    several = st.lists(inner, min_size=2, max_size=3).map(tuple)
    return inner.map(Not) | several.map(And) | several.map(Or)


filters = st.recursive(conditions(), joined, max_leaves=6)


@given(filters)
@settings(max_examples=80, deadline=None)
def test_what_is_spelled_is_read_back(node):
    assert parse(spell(node)) == node


TAKEN = {
    "text": texts, "number": st.none() | numbers, "duration": micros, "flag": st.integers(0, 1),
    "time": st.integers(NOW_US - 10**6, NOW_US + 10**6), "share": st.integers(0, 1_000_000),
}  # fmt: skip
said = st.none() | st.lists(st.sampled_from([*WORDS, "lateral", "x"]), max_size=4).map(" ".join)


def columns_of(table):
    conn = sqlite3.connect(":memory:")
    for migration in MIGRATIONS:
        for statement in migration:
            conn.execute(statement)
    found = conn.execute(
        f"SELECT name, type, \"notnull\" FROM pragma_table_info('{table}')"
    ).fetchall()
    conn.close()
    return found


ALL = {table: columns_of(table) for table in ("calls", "spans")}


@st.composite
def rows(draw, table):
    row = {}
    for name, kind, needed in ALL[table]:
        field = next((f for f in FIELDS.values() if name in (f.calls, f.spans, f'"{name}"')), None)
        if name in ("input_text", "output_text", "error") or (name == "name"):
            row[name] = draw(said)
        elif name == "outcome" or (name == "kind" and field):
            row[name] = draw(st.sampled_from(FIELDS[name].choices))
        elif name == "cost_nano":
            row[name] = draw(st.none() | st.integers(0, 50))
        elif name == "cost_currency":
            row[name] = draw(st.sampled_from(["USD", "EUR"]))
        elif kind == "BLOB":
            row[name] = None
        elif field is not None:
            row[name] = draw(TAKEN[field.kind])
        else:
            row[name] = 0 if kind == "INTEGER" else ""
        if needed and row[name] is None:
            row[name] = 0 if kind == "INTEGER" else ""
    row["tags"] = draw(st.dictionaries(st.sampled_from(["plan", "a.b", "x y"]), texts, max_size=2))
    if table == "spans":
        values = st.booleans() | floats | texts
        row["attributes"] = draw(st.none() | st.dictionaries(attributes, values, max_size=2))
    return row


def stored(row):
    values = {**row, "tags": json.dumps(row["tags"], ensure_ascii=False)}
    if row.get("attributes") is not None:
        values["attributes"] = zstandard.compress(json.dumps(row["attributes"]).encode())
    return values


@pytest.fixture(scope="module")
def databases():
    """One of each kind, with the tables that a filter reads."""
    lite, duck = sqlite3.connect(":memory:"), duckdb.connect()
    for function in FUNCTIONS:
        lite.create_function(function.name, len(function.takes), function.call, deterministic=True)
        duck.create_function(
            function.name, function.call, list(function.takes), function.gives,
            null_handling="special",
        )  # fmt: skip
    for table, found in ALL.items():
        columns = ", ".join(f'"{name}" {kind}' for name, kind, _ in found)
        lite.execute(f"CREATE TABLE {table} ({columns})")
        wide = columns.replace("INTEGER", "BIGINT").replace("TEXT", "VARCHAR")
        duck.execute(f"CREATE TABLE {table} ({wide})")
    yield lite, duck
    lite.close()
    duck.close()


@pytest.mark.parametrize("table", ["calls", "spans"])
@given(data=st.data())
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.filter_too_much])
def test_sql_agrees_with_plain_python(databases, table, data):
    row = data.draw(rows(table))
    nodes = data.draw(st.lists(filters, min_size=1, max_size=5))
    values = stored(row)
    marks = ", ".join("?" * len(values))
    for database in databases:
        database.execute(f"DELETE FROM {table}")
        database.execute(f"INSERT INTO {table} VALUES ({marks})", [*values.values()])
    for node in nodes:
        where = compiled(node, table, NOW_US)
        expected = fits(node, row, NOW_US)
        for database in databases:
            sql = f"SELECT count(*) FROM {table} WHERE {where.where}"
            found = database.execute(sql, where.params).fetchone()[0]
            assert bool(found) == expected, (type(database), spell(node))


@pytest.mark.parametrize(
    ("given", "at", "told"),
    [
        ("chanel = x", 1, "did you mean `channel`"),
        ("channel = a b", 13, "comes `and` or `or`, not `b`"),
        ("channel == x", 10, "one `=` is enough"),
        ("latency > 2", 11, "did you mean `2s`"),
        ("began > 24h", 9, "did you mean `-24h`"),
        ("cost > 0.01", 8, "with its currency"),
        ("outcome = eror", 11, "did you mean `error`"),
        ("text ~ '!?'", 8, "no word in it"),
        ('unit = "anna', 8, "not closed"),
        ("status = 1.5", 10, "a whole number"),
        ("(outcome = ok", 14, "here comes `)`"),
        ("attr.x > abc", 10, "with a number"),
        ("release not (a)", 13, "here comes `in`"),
        ("tag. = x", 1, "wants a name"),
        ("not", 4, "here comes a field"),
        ("(" * 60, 51, "too deep"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(given, at, told):
    with pytest.raises(FilterError) as caught:
        parse(given)
    assert f"character {at}:" in caught.value.message
    assert told in caught.value.message
    line, mark = caught.value.shown.splitlines()
    assert line == given[: at + 39]
    assert mark.index("^") == at - 1


@given(st.text(max_size=60))
@settings(max_examples=100, deadline=None)
def test_any_text_is_read_or_told_wrong(text):
    try:
        parse(text)
    except FilterError as error:
        assert error.shown.endswith("^")


def test_a_filter_ends_somewhere():
    with pytest.raises(FilterTooLongError):
        parse("a" * 4_001)
    assert parse("   ") is None


def test_times_and_units_are_read_as_people_write_them():
    assert parse("began > 2026-11-01T12:30+02:00") == parse("time > 2026-11-01T10:30Z")
    assert parse("latency > 1.5s") == parse("LATENCY > 1500ms")
    assert parse("user = anna and env != staging") == parse(
        "unit = anna and environment != staging"
    )
    assert parse("cost >= 0.25 usd") == Compare(Place("cost"), ">=", Amount(Money(250_000_000)))
    assert parse("share = 5%") == Compare(Place("share"), "=", Share(50_000))
    assert parse("attr.a.b = 1") == Compare(Place("a.b", "attr"), "=", Number(1))


def test_words_at_the_top_go_to_the_index():
    node = parse("channel = a and (text ~ x and status = 200) and not text ~ y")
    words, rest = split(node)
    assert words == (Says(Place("text"), "x"),)
    assert spell(rest) == 'channel = a and status = 200 and not text ~ "y"'
    assert split(parse("text ~ x or status = 1"))[0] == ()


def test_indexes_of_the_hot_store_are_used():
    conn = sqlite3.connect(":memory:")
    for migration in MIGRATIONS:
        for statement in migration:
            conn.execute(statement)
    for asked, index in (("outcome = error", "calls_not_ok"), ("channel = a", "calls_by_channel"),
                         ("failed = true", "calls_not_ok"), ("id = abc", "calls_by_id")):  # fmt: skip
        where = compiled(parse(asked), "calls", NOW_US)
        plan = conn.execute(
            f"EXPLAIN QUERY PLAN SELECT seq FROM calls WHERE {where.where} ORDER BY seq DESC LIMIT 5",
            where.params,
        ).fetchall()
        assert index in plan[0][3], (asked, plan)
    conn.close()
    assert "calls" in CALLS and "spans" in SPANS
