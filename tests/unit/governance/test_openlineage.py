"""Runs are told as OpenLineage events, whatever becomes of the collector."""

import json

import pytest

from unit.governance.conftest import OWNER
from unit.governance.openlineage_schema import check_event
from volano.core.ports.forward import Sent
from volano.governance.courier import EVERY_S, MOST_WAIT_S, Courier
from volano.jobs.schedule_errors import BadMomentError


class Collector:
    def __init__(self):
        self.events, self.answer = [], Sent(201)

    def __call__(self, body):
        if self.answer.status == 201:
            self.events.append(json.loads(body))
        return self.answer


@pytest.fixture
def collector():
    return Collector()


@pytest.fixture
def courier(house, collector, tmp_path):
    return Courier(house.teller, house.ledger, collector, tmp_path / "run" / "ol.json", house.clock)


def test_a_run_is_told_from_its_start_to_its_end(house):
    house.live()
    start, complete = house.lineage.export()
    for event in (start, complete):
        check_event(event)
    assert [start["eventType"], complete["eventType"]] == ["START", "COMPLETE"]
    assert start["run"]["runId"] == complete["run"]["runId"] == house.run.id
    assert start["job"] == {**complete["job"], "name": "model.train/kicsi"}
    assert start["outputs"] == []
    [given] = complete["inputs"]
    assert (given["namespace"], given["name"]) == (
        "volano://bolt%20%C3%A9s%20t%C3%A1rsai",
        "dataset/jegyek",
    )
    assert given["facets"]["version"]["datasetVersion"] == str(house.second.digest)
    assert {field["name"] for field in given["facets"]["schema"]["fields"]} == {"text", "label"}
    [made] = complete["outputs"]
    assert made["name"] == "model/kicsi"
    assert made["outputFacets"]["outputStatistics"]["fileCount"] == 1


def test_a_failure_a_cancellation_and_a_retry_each_end_what_they_began(house):
    failed = house.runs.start("model.train", name="a", inputs={}, by=OWNER)
    house.end(failed, "failed", error={"code": "x", "message": "Elfogyott.", "hint": "Várj."})
    house.runs.retry(failed.id, by=OWNER)
    house.runs.cancel(failed.id, by=OWNER)
    events = house.lineage.export()
    for event in events:
        check_event(event)
    assert [event["eventType"] for event in events] == ["START", "FAIL", "START", "ABORT"]
    ids = [event["run"]["runId"] for event in events]
    assert (ids[0], ids[2]) == (ids[1], ids[3])
    assert ids[0] != ids[2]
    assert events[1]["run"]["facets"]["errorMessage"]["message"] == "Elfogyott. Várj."


def test_a_schedule_is_the_parent_of_its_runs(house):
    house.schedules.add("éjjel", cron="0 3 * * *", kind="model.train", by=OWNER)
    house.clock.advance(86_400)
    house.schedules.tick()
    [event] = house.lineage.export()
    check_event(event)
    facets = event["run"]["facets"]
    assert facets["parent"]["job"]["name"] == "schedule/éjjel"
    assert facets["nominalTime"]["nominalStartTime"].endswith("T03:00:00.000000Z")


def test_export_begins_where_it_is_asked_to(house):
    house.live()
    assert house.lineage.export(since="2100-01-01") == []
    assert len(house.lineage.export(since="2001-01-01")) == 2
    assert len(house.lineage.export(limit=1)) == 1
    with pytest.raises(BadMomentError):
        house.lineage.export(since="tegnap")


def test_the_courier_begins_with_now_and_goes_on_where_it_was(house, courier, collector, tmp_path):
    house.live()
    assert courier.deliver() == EVERY_S
    assert collector.events == []
    house.end(house.runs.start("model.train", name="b", inputs={}, by=OWNER), "done")
    assert courier.deliver() == EVERY_S
    assert [event["eventType"] for event in collector.events] == ["START", "COMPLETE"]
    again = Courier(
        house.teller, house.ledger, collector, tmp_path / "run" / "ol.json", house.clock
    )
    again.deliver()
    assert len(collector.events) == 2
    assert again.status() | {"seq": 0} == {
        "on": True, "seq": 0, "sent": 2, "passed_over": 0, "problem": "", "waiting": 0,
    }  # fmt: skip


def test_a_collector_that_is_away_is_asked_again_later_and_later_and_misses_nothing(
    house, courier, collector
):
    courier.deliver()
    house.live()
    collector.answer = Sent(0, why="it cannot be reached (ConnectError)")
    waits = [courier.deliver() for _ in range(12)]
    assert waits[:3] == [EVERY_S, 2 * EVERY_S, 4 * EVERY_S]
    assert waits[-1] == MOST_WAIT_S
    assert courier.status()["problem"] == "it cannot be reached (ConnectError)"
    assert courier.status()["waiting"] == 2
    collector.answer = Sent(429, retry_after_s=77)
    assert courier.deliver() == MOST_WAIT_S
    collector.answer = Sent(201)
    courier.deliver()
    assert [event["eventType"] for event in collector.events] == ["START", "COMPLETE"]
    collector.answer = Sent(503, retry_after_s=77)
    house.runs.start("model.train", name="c", inputs={}, by=OWNER)
    assert courier.deliver() == 77


def test_what_is_refused_or_too_old_is_passed_over_and_counted(house, courier, collector):
    courier.deliver()
    house.live()
    collector.answer = Sent(422, body=b"no such namespace")
    courier.deliver()
    status = courier.status()
    assert (status["passed_over"], status["sent"], status["waiting"]) == (2, 0, 0)
    assert "422: no such namespace" in status["problem"]
    house.runs.start("model.train", name="c", inputs={}, by=OWNER)
    house.clock.advance(25 * 3600)
    collector.answer = Sent(201)
    courier.deliver()
    assert courier.status()["passed_over"] == 3
    assert collector.events == []


def test_a_damaged_state_begins_with_now(house, courier, collector, tmp_path):
    courier.deliver()
    house.live()
    (tmp_path / "run" / "ol.json").write_text("{")
    courier.deliver()
    assert collector.events == []


def test_without_a_collector_nothing_is_written(house, tmp_path):
    courier = Courier(house.teller, house.ledger, None, tmp_path / "run" / "ol.json", house.clock)
    courier.start()
    assert courier.deliver() == EVERY_S
    assert courier.status()["on"] is False
    courier.close()
    assert not (tmp_path / "run").exists()
