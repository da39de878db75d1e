"""The rollups say what the rows say: each counted once, late ones in their own minute."""

import math

import pytest

from unit.traces.test_recorder import a_call
from volano.core.clock import ManualClock
from volano.costs.pricing import HELD
from volano.traces import HotStore, Kind, Recorder, Spool, Traces, encode, rollup
from volano.traces.sums import width_s

S, MIN, HOUR, DAY = 1_000_000, 60_000_000, 3_600_000_000, 86_400_000_000
NOW = 1_750_000_200 * S  # a whole minute


class Records:
    def __init__(self, folder, clock=None):
        self.folder, self.clock = folder, clock or ManualClock(NOW)
        self.traces = Traces(folder / "records" / "hot.db")
        self.open()

    def open(self):
        self.hot = HotStore(self.folder / "records" / "hot.db")
        self.recorder = Recorder(self.folder / "spool", self.hot, clock=self.clock)

    def close(self):
        self.recorder.close()
        self.hot.close()

    def write(self, *calls):
        with Spool(self.folder / "spool", "w1") as spool:
            for call in calls:
                spool.append(Kind.CALL, encode(call))
        self.recorder.drain()

    def sums(self, **asked):
        return self.traces.sums(**{"since_us": NOW - HOUR, "until_us": NOW + MIN} | asked)


@pytest.fixture
def records(tmp_path):
    made = Records(tmp_path)
    yield made
    made.close()


def ended(n, at_us, *, latency_us=1000, **more):
    given = {"channel": "support", "release": "support@1", "status": 200, "key_id": "k1"}
    return a_call(n, **given | {"began_us": at_us - latency_us, "ended_us": at_us} | more)


def test_sums_are_what_the_rows_say_at_every_level(records):
    calls = [
        ended(
            n, NOW + n * 97_000, latency_us=1000 + 37 * n % 5000,
            outcome=("ok", "ok", "error", "cut", "refused", "left")[n % 6], release=f"r@{n % 2}",
        )
        for n in range(600)
    ]  # fmt: skip
    records.write(*calls[:300])
    records.write(*calls[300:])
    good = [c.ended_us - c.began_us for c in calls if c.outcome == "ok"]
    for each in (None, 10 * S, MIN, HOUR):
        found = records.sums(each_us=each, sketches=each in (None, MIN, HOUR))
        assert sum(s.count for s in found) == 600
        assert sum(s.failed for s in found) == 200
        assert sum(s.refused for s in found) == 100
        assert sum(s.answered_busy_us for s in found) == sum(good)
        assert [s.at_us for s in found] == sorted(s.at_us for s in found)
    [whole] = records.sums(sketches=True)
    for q in (0.5, 0.95, 0.99):
        true = sorted(good)[math.ceil(q * len(good)) - 1]
        assert whole.latency.quantile(q) == pytest.approx(true, rel=0.011)
    by = records.sums(by=("release", "outcome"), where={"release": "r@1"})
    assert {s.by[0] for s in by} == {"r@1"}
    assert sum(s.count for s in by) == 300
    assert records.sums(where={"channel": "else"}) == []
    assert [s.count for s in records.sums(where={"outcome": ["cut", "left"]})] == [200]


def test_a_repeated_frame_counts_once_and_a_restart_forgets_nothing(records):
    records.write(ended(1, NOW), ended(1, NOW), ended(2, NOW))
    records.write(ended(2, NOW))
    records.close()
    records.open()
    records.write(ended(1, NOW), ended(3, NOW))
    assert [s.count for s in records.sums()] == [3]


def test_a_late_row_lands_in_its_own_minute(records):
    records.write(ended(1, NOW))
    records.write(ended(2, NOW - 40 * MIN))
    found = records.sums(each_us=MIN)
    assert [(s.at_us, s.count) for s in found] == [(NOW - 40 * MIN, 1), (NOW, 1)]


def test_rows_whose_numbers_come_again_are_counted(records):
    records.write(ended(1, NOW), ended(2, NOW))
    records.hot.conn.execute("DELETE FROM calls")
    records.write(ended(3, NOW))
    assert [s.count for s in records.sums()] == [3]


def test_minutes_go_and_hours_stay(records):
    records.write(ended(1, NOW))
    records.clock.advance(4 * 86_400)
    later = NOW + 4 * DAY
    records.write(ended(2, later))
    widths = records.hot.conn.execute("SELECT width_s, count(*) FROM rollups GROUP BY 1").fetchall()
    assert widths == [(10, 1), (60, 1), (3600, 2)]
    [whole] = records.sums(since_us=NOW - HOUR, until_us=later + HOUR, sketches=True)
    assert (whole.count, whole.latency.count) == (2, 2)


def test_a_new_price_moves_the_cost(records):
    records.write(ended(1, NOW, cost_nano=500, cost_currency="USD", priced_by=HELD), ended(2, NOW))
    records.write(ended(3, NOW, cost_nano=70, cost_currency="USD", priced_by=HELD))
    assert [s.nano for s in records.sums()] == [{"USD": 570}]
    conn = records.hot.conn
    conn.execute("UPDATE calls SET cost_nano = 100 WHERE seq = 1")
    conn.execute("UPDATE calls SET cost_nano = 9, cost_currency = 'EUR' WHERE seq = 2")
    for each in (None, MIN, HOUR):
        [one] = records.sums(each_us=each)
        assert one.nano == {"EUR": 9, "USD": 170}


def test_names_from_outside_cannot_fill_the_disk(records):
    records.recorder._intake._rollup = rollup.Rollup(most_series=3)
    records.write(*(ended(n, NOW, model=f"m{n}") for n in range(9)))
    found = {s.by[0]: s.count for s in records.sums(by=("model",))}
    assert (len(found), found[rollup.OTHER]) == (4, 6)


def test_spans_are_summed_too(records):
    records.hot.conn.execute(
        "INSERT INTO spans VALUES (1, 't', 's', NULL, 'ask', 'llm', ?, ?, 5000, 900, 'k1', '', 'app',"
        " 'prod', 'v2', '', '', 'gpt', 'openai', 'error', 'no', NULL, 7, 8, NULL, NULL, 12, 'USD',"
        " 'list', '{}', 'genai', NULL, NULL, NULL)", (NOW - 5000, NOW),
    )  # fmt: skip
    records.write(ended(1, NOW))
    by = {s.by: s for s in records.sums(by=("source", "service"))}
    assert by["span", "app"].failed == by["call", ""].count == 1
    assert by["span", "app"].nano == {"USD": 12}


def test_a_level_is_chosen_by_what_is_asked():
    assert width_s(0, 60 * S, sketches=False) == 10
    assert width_s(0, 60 * S, sketches=True) == 60
    assert width_s(0, HOUR, sketches=False) == 60
    assert width_s(0, 7 * DAY, sketches=False) == 3600
    assert width_s(0, HOUR, sketches=False, each_us=10 * S) == 10
