"""What may no longer be kept goes, what is held stays, and it is said what was deleted."""

import pytest

from volano.core.clock import ManualClock
from volano.traces import HotStore, Traces
from volano.traces.sealed import manifest
from volano.traces.sealed.chores import Chores
from volano.traces.sealed.rules import DAY_US, Hold, Rule, write_policy
from volano.traces.sealed.sealer import Hot, Sealer
from volano.traces.sealed.wishes import wish

TODAY = 40


@pytest.fixture
def house(tmp_path, calls):
    """Forty calls, one a day, sealed by tens; and what does the chores."""
    path = tmp_path / "hot.db"
    hot = calls(
        path, TODAY, began_us=lambda n: n * DAY_US + 5, channel=lambda n: "ab"[n % 2],
        group=lambda n: ("acme/x", "acmes")[n % 4 > 1], session=lambda n: f"s{n % 3}",
        tags=lambda n: {'te"a.m': "réd"} if n == 3 else {},
        cost_nano=lambda n: 100, cost_currency=lambda _: "USD",
    )  # fmt: skip
    clock = ManualClock(TODAY * DAY_US + 1000)
    Sealer(hot, clock, batch_rows=10).seal_all()
    chores = Chores(hot, clock, keep=Hot(rows=100, hours=10_000), policy=tmp_path / "policy.json")

    class House:
        def work(self, *rules, holds=()):
            write_policy(tmp_path / "policy.json", rules, holds)
            while chores.step():
                pass
            return self.days()

        def days(self):
            got = traces.records.select("calls", ("began_us",), order="seq")
            return [row[0] // DAY_US for row in got]

    house = House()
    house.hot, house.chores, house.traces = hot, chores, (traces := Traces(path))
    yield house
    chores.close()
    traces.records.close()
    hot.close()


def test_rows_go_by_age_and_it_is_noted(house):
    assert house.days() == [*range(TODAY)]
    assert house.work(Rule("r", days=15)) == [*range(25, TODAY)]
    noted = house.hot.conn.execute("SELECT sum(rows), count(*) FROM deletions").fetchone()
    assert noted == (25, 3)
    folder = manifest.folder_of(house.hot.path)
    assert {str(p.relative_to(folder)) for p in folder.rglob("*.parquet")} == {
        file.path for file in manifest.load(house.hot.conn)
    }, "what was deleted is not on the disk any more"


def test_without_rules_nothing_goes(house):
    assert house.chores.retention.step() is False
    assert house.work() == [*range(TODAY)]


def test_the_rule_with_most_conditions_decides(house):
    rules = Rule("all", days=30), Rule("a", days=10, channel="a"), Rule("g", days=0, group="acme")
    kept = [n for n in range(TODAY) if n % 4 < 2 or n >= (30 if n % 2 == 0 else 10)]
    assert house.work(*rules) == kept, "of one condition each, the one that keeps longest"


def test_a_tag_of_any_name_is_a_condition(house):
    assert house.work(Rule("t", days=1, tag='te"a.m=réd')) == [n for n in range(TODAY) if n != 3]


def test_what_is_held_stays(house):
    holds = (
        Hold("1", trace=f"{6:032x}"), Hold("2", session="s1", until_us=8 * DAY_US),
        Hold("3", channel="b", since_us=20 * DAY_US, until_us=23 * DAY_US),
    )  # fmt: skip
    assert house.work(Rule("r", days=5), holds=holds) == [1, 4, 5, 7, 21, *range(35, TODAY)]
    assert house.work(Rule("r", days=5)) == [*range(35, TODAY)], "released"


def test_bodies_may_go_before_rows(house):
    assert house.work(Rule("r", days=0, body_days=10)) == [*range(TODAY)]
    old, new = house.traces.list(until_us=20 * DAY_US)[0], house.traces.last()
    assert (old.input_text, old.prompt_tokens) == (None, 3)
    assert house.traces.bodies(old).request == b""
    assert b"Frage 39" in house.traces.bodies(new).request
    assert house.hot.conn.execute("SELECT sum(bodies), sum(rows) FROM deletions").fetchone() == (
        30,
        0,
    )


def test_a_hold_that_comes_in_between_is_heeded(house, tmp_path):
    policy = tmp_path / "policy.json"
    write_policy(policy, [Rule("r", days=5)], [])
    retention = house.chores.retention
    count = retention._count

    def count_and_hold(file, gone):
        write_policy(policy, [Rule("r", days=5)], [Hold("h", channel="a")])
        return count(file, gone)

    retention._count = count_and_hold
    assert retention.step()
    assert house.days() == [*range(TODAY)]


class Doubling:
    columns = ("cost_nano", "request")

    def scope(self, payload):
        from volano.traces.sealed.within import Within

        return "channel = ?", [payload.decode()], Within()

    def price(self, row):
        assert row["request"]
        return 2 * row["cost_nano"], "EUR", "me"


def test_sealed_calls_are_priced_anew_and_the_sums_follow(tmp_path, calls):
    path = tmp_path / "hot.db"
    hot = calls(path, 30, channel=lambda n: "ab"[n % 2],
                cost_nano=lambda n: 100, cost_currency=lambda _: "USD")  # fmt: skip
    from volano.traces.tables import SPEND_OF_NEW

    with hot.transaction() as conn:
        conn.execute(SPEND_OF_NEW, (0,))
    Sealer(hot, ManualClock(), batch_rows=10).seal_all()
    with hot.transaction() as conn:
        wish(conn, "double", b"a")
    chores = Chores(hot, ManualClock(), keep=Hot(rows=100, hours=10**6),
                    policy=tmp_path / "none", repricers={"double": Doubling()})  # fmt: skip
    traces = Traces(path)
    assert chores.wishes.step()
    assert not chores.wishes.step()
    seen = []
    for _ in range(2):  # beside the files, then in them
        spent = dict(traces.spend(by=("channel", "currency")))
        seen.append({key: (sums.calls, sums.nano) for key, sums in spent.items()})
        costs = traces.records.select("calls", ("cost_nano", "cost_currency", "channel"))
        assert set(costs) == {(200, "EUR", "a"), (100, "USD", "b")}
        assert traces.records.aggregate("calls", "sum(cost_nano)") == [(4500,)]
        while chores.step():
            pass
    assert hot.conn.execute("SELECT count(*) FROM repriced").fetchone() == (0,)
    assert seen == [{("a", "EUR"): (15, 3000), ("b", "USD"): (15, 1500)}] * 2
    chores.close()
    hot.close()


@pytest.mark.parametrize("harm", ["cut", "flipped", "gone"])
def test_a_damaged_file_is_put_aside_and_the_rest_is_answered(tmp_path, calls, harm, caplog):
    path = tmp_path / "hot.db"
    hot = calls(path, 30)
    Sealer(hot, ManualClock(), batch_rows=10).seal_all()
    file = manifest.load(hot.conn)[1]
    place = manifest.folder_of(path) / file.path
    whole = place.read_bytes()
    if harm == "gone":
        place.unlink()
    else:
        place.write_bytes(whole[:50] if harm == "cut" else b"XXXX" + whole[4:-4] + b"XXXX")
    traces = Traces(path)
    left = [n for n in range(1, 31) if not 11 <= n <= 20]
    assert [row[0] for row in traces.records.select("calls", ("seq",), order="seq")] == left
    assert traces.counts().calls == 20
    assert "volano doctor" in caplog.text
    chores = Chores(hot, ManualClock(), keep=Hot(100, 10**6), policy=tmp_path / "none")
    for _ in range(3):
        chores.tidy()
    assert manifest.load(hot.conn)[1].why
    assert not place.exists()
    assert Traces(path).counts().calls == 20
    place.write_bytes(whole)
    chores.tidy()
    assert Traces(path).counts().calls == 30, "restored, it serves again"
    chores.close()
    hot.close()


def test_a_column_that_came_later_has_its_default_in_old_files(tmp_path, calls):
    path = tmp_path / "hot.db"
    hot = calls(path, 10)
    Sealer(hot, ManualClock()).seal_all()
    with hot.transaction() as conn:
        conn.execute("ALTER TABLE calls ADD COLUMN mood TEXT NOT NULL DEFAULT 'fine'")
    hot.close()
    hot = HotStore(path)
    records = Traces(path).records
    assert records.aggregate("calls", "count(*)", by=("mood",)) == [("fine", 10)]
    assert records.select("calls", ("mood",), "mood = ?", ["fine"], limit=1) == [("fine",)]
    hot.close()
