import pytest

from support.feedback_room import ANNA, JUDGE
from volano.core.errors import InvalidError
from volano.feedback.errors import BadFileError, BadMomentOfFeedbackError, NoOutcomeError
from volano.traces.tables import MIGRATIONS, TAGS_OF_NEW_SPANS

SUPPORT = {"channel": "support", "release": "support@1"}


def waits(office):
    return {row["on"]: row["why"] for row in office.read().waiting()}


def test_feedback_waits_and_is_joined_when_its_trace_comes(office):
    trace = f"{7:032x}"
    for about in (trace, "session:s1", "order:4711", "user:anna"):
        office.give(about, value=1)
    assert waits(office) == {
        f"trace:{trace}": f"the trace {trace} is not recorded",
        "session:s1": "no trace of the session s1 is recorded",
        "order:4711": "no trace carries the tag order = 4711",
    }
    office.call(7, session="s1", tags={"order": "4711", "shop": "a"}, **SUPPORT)
    assert waits(office) == {}
    [call] = office.traces.list()
    said = [each.about for each in office.feedbacks.about(call)]
    assert said == ["order:4711", "session:s1", f"trace:{trace}"]
    [rate] = [r for r in office.feedbacks.rates("release") if r.where]
    assert (rate.where, rate.n, rate.value, rate.what) == ("support@1", 3, 1.0, "rate")
    assert 0.3 < rate.low < rate.high == 1


def test_a_key_on_many_traces_belongs_to_the_newest(office):
    office.call(1, tags={"order": "1"}, channel="a", release="a@1")
    office.call(2, tags={"order": "1"}, channel="a", release="a@2")
    office.give("order:1", value=0)
    [voice] = office.feedbacks.joined(office.read().list())
    assert voice.place.release == "a@2"


def test_own_keys_of_calls_recorded_by_an_older_volano_are_found(office):
    office.call(1, tags={"order": "№ 5"})
    office.give("order:№ 5", value=1)
    office.read()
    conn = office.hot.conn
    conn.execute("DROP TABLE tagged")
    for statement in next(step for step in MIGRATIONS if "CREATE TABLE tagged" in step[0]):
        conn.execute(statement)
    assert office.feedbacks.waiting() == []


def test_tags_of_an_applications_first_span_are_own_keys(office):
    office.read()
    row = (
        "INSERT INTO spans (id, span_id, parent_span_id, name, kind, began_us, ended_us, latency_us,"
        ' key_id, "group", service, environment, release, session, unit, model, provider, outcome,'
        " tags, dialect) VALUES (?, ?, ?, 'n', 'other', 1, 2, 1, '', '', 's', '', 'app@3', '', '',"
        " '', '', 'ok', ?, 'x')"
    )
    office.hot.conn.execute(row, ("a" * 32, "1" * 16, None, '{"order": "9", "n": 3}'))
    office.hot.conn.execute(row, ("b" * 32, "2" * 16, "1" * 16, '{"order": "10"}'))
    office.hot.conn.execute(row, ("c" * 32, "3" * 16, None, "no json"))
    office.hot.conn.execute(TAGS_OF_NEW_SPANS, (0,))
    places = office.traces.places_of_tags([("order", "9"), ("order", "10")])
    assert [place.release for place in places.values()] == ["app@3"]


def test_outcomes_are_metrics_that_say_so(office):
    define = office.metrics.define
    define("sale", type="boolean", outcome=True, by=ANNA)
    define("reopened", type="boolean", outcome=True, direction="less", by=ANNA)
    define("revenue", type="money", outcome=True, by=ANNA)
    define("thumbs", type="boolean", by=ANNA)
    for n in range(1, 5):
        office.call(n, tags={"order": str(n)}, **SUPPORT)
        office.feedbacks.outcome("sale", subject=f"order:{n}", by=JUDGE)
    office.feedbacks.outcome("reopened", subject="order:1", by=JUDGE)
    office.feedbacks.outcome("reopened", subject="order:2", value="no", by=JUDGE)
    for amount in ("0.1 EUR", "0.2 EUR", "5 HUF"):
        office.feedbacks.outcome("revenue", subject="order:1", value=amount, by=JUDGE)
    office.feedbacks.outcome("sale", subject="order:99", by=JUDGE)
    found = {(r.name, r.what, r.amount): r for r in office.read().rates("release")}
    assert found["sale", "rate", ""].n == 4  # one waits
    assert found["reopened", "rate", ""].value == 0.5
    assert {k[2] for k in found if k[0] == "revenue"} == {"0.30 EUR", "5.00 HUF"}
    with pytest.raises(NoOutcomeError):
        office.feedbacks.outcome("thumbs", subject="order:1", by=JUDGE)


def test_rates_are_what_the_voices_say(office):
    office.metrics.define("stars", type="number", low=1, high=5, by=ANNA)
    office.metrics.define("kind", type="category", categories=["a", "b"], by=ANNA)
    office.call(1, **SUPPORT)
    trace = f"{1:032x}"
    for stars in (3, 4, 5):
        office.give(trace, name="stars", value=stars)
    for kind in "aab":
        office.give(trace, name="kind", value=kind, by=JUDGE)
    office.give(trace, name="note", comment="nur Worte")
    found = {(r.name, r.what): r for r in office.read().rates("channel")}
    stars = found["stars", "mean"]
    assert (stars.value, stars.where, stars.metric) == (4.0, "support", "stars@1")
    assert (stars.low, stars.high) == pytest.approx((4 - 2.4841, 4 + 2.4841), abs=1e-3)
    assert found["kind", "share of a"].value == pytest.approx(2 / 3)
    assert (found["note", "count"].n, found["note", "count"].value) == (1, None)
    assert {r.where for r in office.feedbacks.rates("source")} == {"person", "program"}
    assert office.feedbacks.rates(source="judge") == []
    with pytest.raises(BadMomentOfFeedbackError):
        office.feedbacks.rates(since="yesterday-ish")


def test_a_file_is_taken_once_with_what_joins_what_waits_and_what_is_wrong(office, tmp_path):
    office.metrics.define("revenue", type="money", currency="EUR", outcome=True, by=ANNA)
    office.call(1, tags={"order": "1"}, **SUPPORT)
    office.read()
    path = tmp_path / "bestellungen.csv"
    path.write_text(
        "﻿order,name,value,at\n1,revenue,49.90,2024-05-01\n1,revenue,49.90,2024-05-01\n"
        "2,revenue,7,2024-05-02\n3,revenue,viel,2024-05-03\n,revenue,1,2024-05-03\n"
    )
    told = office.feedbacks.import_file(path, key="order", by=ANNA)
    assert (told["rows"], told["taken"], told["joined"], told["waiting"]) == (5, 3, 2, 1)
    assert told["reasons"] == {"no trace carries the tag order with this value": 1}
    assert [each["at"] for each in told["refused"]] == [5, 6]
    assert told["notes"][0].startswith("line 5 was refused: `viel` is not what revenue@1 takes")
    office.feedbacks.import_file(path, key="order", by=ANNA)
    assert len(office.read().list()) == 3
    lines = tmp_path / "more.jsonl"
    lines.write_text('{"session": "s", "value": 1, "id": "x"}\n\n{"trace_id": "zz", "value": 0}\n')
    told = office.feedbacks.import_file(lines, by=ANNA)
    assert (told["taken"], [r["at"] for r in told["refused"]]) == (1, [3])


@pytest.mark.parametrize(
    ("name", "content"),
    [("a.txt", b"x"), ("a.jsonl", b"[1]"), ("a.jsonl", b"{"), ("a.csv", b"on\n\xff\n")],
)
def test_a_file_that_is_none_leaves_nothing(office, tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(BadFileError):
        office.feedbacks.import_file(tmp_path / name, by=ANNA)
    assert office.read().list() == ()


def test_what_happened_before_is_kept_with_its_own_time(office):
    said = office.give("order:1", value=1, at="2024-05-01T10:00:00Z")
    assert said.at_us == 1_714_557_600_000_000
    for wrong in ("soon", "never", "2200-01-01", "7d"):
        with pytest.raises(InvalidError):
            office.give("order:1", value=1, at=wrong)
