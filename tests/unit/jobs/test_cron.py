"""Times on a wall become moments, also where clocks are set."""

import itertools
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from volano.jobs.cron import Cron
from volano.jobs.schedule_errors import BadCronError, BadMomentError, BadTimeZoneError

BUDAPEST = "Europe/Budapest"


def us(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp()) * 1_000_000


def moments(cron: Cron, since: str, until: str) -> list[str]:
    found = cron.between(us(since + "+00:00"), us(until + "+00:00"))
    return [datetime.fromtimestamp(at / 1e6, UTC).isoformat()[5:16] for at in found]


def test_a_skipped_hour_has_its_firing_once_behind_the_gap():
    night = Cron("30 2 * * *", BUDAPEST)
    assert moments(night, "2026-03-28T00:00", "2026-03-31T00:00") == [
        "03-28T01:30", "03-29T01:30", "03-30T00:30",
    ]  # fmt: skip


def test_what_falls_together_behind_the_gap_is_one_firing():
    both = Cron("0,30 2,3 * * *", BUDAPEST)
    found = moments(both, "2026-03-29T00:00", "2026-03-29T12:00")
    assert found == ["03-29T01:00", "03-29T01:30"]


def test_a_doubled_hour_has_its_firing_once():
    night = Cron("30 2 * * *", BUDAPEST)
    assert moments(night, "2026-10-24T00:00", "2026-10-27T00:00") == [
        "10-24T00:30", "10-25T00:30", "10-26T01:30",
    ]  # fmt: skip


def test_where_every_hour_is_asked_for_real_time_counts():
    halves = Cron("*/30 * * * *", BUDAPEST)
    assert len(moments(halves, "2026-10-24T22:00", "2026-10-25T04:00")) == 12
    assert len(moments(halves, "2026-03-28T22:00", "2026-03-29T04:00")) == 12


def test_a_zone_that_sets_its_clocks_by_half_an_hour():
    assert moments(Cron("15 2 * * *", "Australia/Lord_Howe"), "2026-10-03T00:00", "2026-10-05T00:00") == [
        "10-03T15:45", "10-04T15:15",
    ]  # fmt: skip


def test_a_zone_that_left_out_a_whole_day():
    found = moments(Cron("0 12 * * *", "Pacific/Apia"), "2011-12-29T00:00", "2012-01-02T00:00")
    assert len(found) == len(set(found))
    assert len(found) >= 3


@pytest.mark.parametrize(
    "text", ["", "* * * *", "* * * * * *", "61 * * * *", "0 0 30 2 *", "H * * * *", "@nope", "0 0 * * x",
             "\0", "0 3 * * * ; rm", "٣ ٣ * * *x", "R/1 * * * *", "*/0 * * * *", "9" * 5000],
)  # fmt: skip
def test_what_says_no_times_is_refused(text):
    with pytest.raises(BadCronError):
        Cron(text)


@pytest.mark.parametrize("zone", ["Europe/Buda", "../etc/passwd", "", "\0", "/etc/localtime"])
def test_what_is_no_zone_is_refused(zone):
    with pytest.raises(BadTimeZoneError):
        Cron("@daily", zone)


def test_moments_are_read_in_the_zone():
    cron = Cron("@daily", BUDAPEST)
    assert cron.moment("2026-03-01") == us("2026-03-01T00:00+01:00")
    assert cron.moment("2026-07-01T06:00") == us("2026-07-01T06:00+02:00")
    assert cron.moment("2026-07-01T06:00Z") == us("2026-07-01T06:00+00:00")
    with pytest.raises(BadMomentError):
        cron.moment("yesterday")


ZONES = st.sampled_from(
    [
        BUDAPEST,
        "America/New_York",
        "Australia/Lord_Howe",
        "Asia/Kathmandu",
        "UTC",
        "Africa/Casablanca",
    ]
)
CRONS = st.sampled_from(
    [
        "*/20 * * * *",
        "30 2 * * *",
        "0 0 * * *",
        "15 1,2,3 * * *",
        "0 */6 * * *",
        "5 4 * * sun",
        "0 12 1 * *",
    ]
)


@given(CRONS, ZONES, st.integers(us("2025-12-31T00:00+00:00"), us("2027-01-01T00:00+00:00")))
def test_each_moment_is_behind_the_one_before_and_asking_from_anywhere_finds_the_same(
    text, zone, at
):
    cron = Cron(text, zone)
    first = cron.after(at)
    assert first > at
    second = cron.after(first)
    assert second > first
    assert cron.after((at + first) // 2) == first
    assert list(cron.between(first, second + 1)) == [first, second]


@given(ZONES, st.dates(date(2024, 1, 2), date(2028, 12, 30)))
def test_a_nightly_time_comes_once_on_every_day(zone, day):
    cron = Cron("30 2 * * *", zone)
    begin = datetime.combine(day, datetime.min.time(), UTC)
    found = cron.between(_us(begin - timedelta(days=2)), _us(begin + timedelta(days=3)))
    assert all(23 <= (b - a) / 3.6e9 <= 25 for a, b in itertools.pairwise(found))


def _us(moment: datetime) -> int:
    return int(moment.timestamp()) * 1_000_000
