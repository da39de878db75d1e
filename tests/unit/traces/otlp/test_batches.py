"""Many spans at once: what is remembered, read ahead and written together changes no row."""

import pytest

from support.otlp import NOW_US, as_protobuf, load, span
from volano.costs.book import Book
from volano.costs.pricing import Pricing
from volano.traces import HotStore, Kind, Recorder, Spool, Traces, encode
from volano.traces.frame import Spans as Frame
from volano.traces.spans import Spans

LATE_US = NOW_US + 10**14


class Room:
    """Records bodies as the door spools them."""

    def __init__(self, folder):
        self.path, book = folder / "hot.db", Book()
        self.hot = HotStore(self.path)
        self.spool = Spool(folder / "spool", "worker")
        self.recorder = Recorder(folder / "spool", self.hot, annotate=Pricing(lambda: book))

    def record(self, *bodies):
        for body in bodies:
            self.spool.append(Kind.SPANS, encode(Frame(received_us=LATE_US, body=body)))
        self.recorder.drain()
        return self.recorder.tally

    def rows(self, columns="*"):
        order = "ORDER BY span_id"
        return self.hot.conn.execute(f"SELECT {columns} FROM spans {order}").fetchall()


@pytest.fixture
def room(tmp_path):
    made = Room(tmp_path / "one")
    yield made
    made.spool.close()
    made.recorder.close()
    made.hot.close()


def test_what_is_read_ahead_gives_the_rows_that_came_one_by_one(room, tmp_path):
    bodies = [body for body, _ in load(8, 200)]
    other = Room(tmp_path / "other")
    for body in bodies:
        other.record(body)
    tally = room.record(*bodies, bodies[0])
    columns = "id, span_id, session, model, input_text, output_text, cost_nano, attributes"
    assert room.rows(columns) == other.rows(columns)
    assert (tally.spans, tally.repeats, tally.spans_aside) == (1600, 200, 0)


def test_one_span_that_does_not_fit_leaves_the_others_of_its_statement(room):
    spans = [span(attributes={"n": n}) for n in range(600)]
    spans[300]["trace_id"] = "00" * 16
    spans[301]["start_us"] = spans[301]["end_us"] = 0
    tally = room.record(as_protobuf(*spans))
    assert (tally.spans, tally.spans_aside) == (598, 2)


def test_a_broken_attribute_takes_no_other_span_with_it(room):
    good, broken = span("good"), span("bad", {"word": "GRUEZI"})
    body = as_protobuf(good, broken).replace(b"GRUEZI", b"GR\xff\xfeZI")
    tally = room.record(body)
    assert [name for (name,) in room.rows("name")] == ["good"]
    assert (tally.spans_aside, tally.losses) == (1, 0)
    (why,) = room.hot.conn.execute("SELECT why FROM spans_aside").fetchone()
    assert "UTF-8" in why


def test_values_that_are_equal_to_python_stay_what_they_were(room):
    values = (1, True, 1.0, "1", 0, False, "", 0.0)
    spans = [span(str(n), {"it": value, "user.id": value}) for n, value in enumerate(values)]
    room.record(
        as_protobuf(*spans),
        as_protobuf(*[one | {"span_id": one["span_id"][::-1]} for one in spans]),
    )
    keeper, seen = Spans(room.path), []
    for one in keeper.list(limit=100):
        value, meant = keeper.said(one)["attributes"]["it"], values[int(one.name)]
        assert (type(value), value) == (type(meant), meant)
        seen.append((one.name, one.unit))
    units = ("1", "True", "1.0", "1", "0", "False", "", "0.0")
    assert sorted(set(seen)) == [(str(n), unit) for n, unit in enumerate(units)]


def test_tags_of_a_first_span_are_own_keys_and_those_of_others_are_not(room):
    first = span("first", {"volano.tag.order": "№ 9"})
    step = span(
        "step", {"volano.tag.order": "10"}, parent=first["span_id"], trace=first["trace_id"]
    )
    room.record(as_protobuf(first, step))
    places = Traces(room.path).places_of_tags([("order", "№ 9"), ("order", "10")])
    assert [*places] == [("order", "№ 9")]


def test_counts_beyond_all_measure_stop_nobody(room):
    usage = {"gen_ai.provider.name": "openai", "gen_ai.request.model": "gpt-5",
             "gen_ai.usage.input_tokens": 1 << 45, "gen_ai.usage.output_tokens": 1 << 45}  # fmt: skip
    for _ in range(3):
        tally = room.record(as_protobuf(*[span(attributes=usage) for _ in range(200)]))
    assert tally.spans == 600
    (most,) = room.hot.conn.execute("SELECT max(nano) FROM rollup_costs").fetchone()
    assert most == (1 << 53) - 1


def test_what_was_counted_on_the_way_is_what_the_table_says(room, tmp_path):
    spans = [
        span(
            f"step {n}",
            {
                "gen_ai.operation.name": "chat",
                "gen_ai.provider.name": "openai",
                "gen_ai.request.model": f"gpt-{5 + n % 2}",
                "gen_ai.usage.input_tokens": n,
                "gen_ai.usage.output_tokens": 2**52 if n == 7 else n,
                "session.id": f"conv-{n % 3}" if n % 5 else "",
                "volano.tag.order": f"o-{n}",
                "user.id": "Zoë" if n % 2 else "周",
            },
            parent="" if n % 4 == 0 else "12" * 8,
            end=1_700_000 * n,
        )
        for n in range(40)
    ]
    body = as_protobuf(*spans)
    asked = Room(tmp_path / "asked")  # a repeat in the same look: nobody may count it
    counted, repeated = room.record(body), asked.record(body, body)
    assert (counted.repeats, repeated.repeats) == (0, 40)
    of_series = "SELECT * FROM {} JOIN series ON series.id = series"
    for question in (
        *(of_series.format(table) for table in ("rollups", "rollup_costs")),
        *(f"SELECT * FROM {table}" for table in ("rolled", "sessions", "tagged")),
    ):
        rows = [_without_numbers(one.hot.conn, question) for one in (room, asked)]
        assert rows[0] == rows[1], question
        assert rows[0], question


def _without_numbers(conn, question):
    """A series' number is given in no order."""
    found = conn.execute(question)
    numbers = ("series", "id") if "JOIN" in question else ()
    kept = [n for n, (name, *_) in enumerate(found.description) if name not in numbers]
    return sorted((tuple(row[n] for n in kept) for row in found), key=repr)
