"""A baseline cohort beside a candidate: nobody moves for it, and it is as large as it says."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from volano.gateway.choose import choose, position
from volano.gateway.errors import SnapshotError
from volano.gateway.snapshot import Arm, Channel, Snapshot, Target, write
from volano.releases.channel import MILLION, arms
from volano.releases.channel import Channel as Kept

TARGET = (Target(name="t", url="unix:/x", model="m"),)
UNITS = [f"user-{n}" for n in range(2000)]


def at_step(share, *, cohort):
    """The arms of a channel at a step, as the registry makes them."""
    kept = Kept(
        "support", "d1", "s@1", "user", 0, candidate="d2", candidate_ref="s@2", share=share,
        cohort=share if cohort else 0, salt="salt",
    )  # fmt: skip
    return [
        Arm(release=one.release, release_digest="", targets=TARGET, share=one.share, arm=one.role)
        for one in arms(kept)
    ]


def where(share, *, cohort):
    made = at_step(share, cohort=cohort)
    return {unit: choose(made, "salt", unit).arm for unit in UNITS}


steps = st.lists(
    st.tuples(st.integers(1, MILLION), st.booleans()), min_size=1, max_size=6,
    unique_by=lambda step: step[0],
)  # fmt: skip


@given(steps)
@settings(max_examples=60, deadline=None)
def test_over_any_rising_plan_nobody_leaves_the_candidate_or_the_cohort_too_early(found):
    candidates: set[str] = set()
    cohorts: set[str] = set()
    for share, wished in sorted(found):
        cohort = wished and 2 * share <= MILLION
        now = where(share, cohort=cohort)
        on_it = {unit for unit, arm in now.items() if arm == "candidate"}
        assert candidates <= on_it
        candidates = on_it
        if share <= MILLION // 2:
            assert not cohorts & on_it
        if cohort:
            beside = {unit for unit, arm in now.items() if arm == "baseline"}
            assert cohorts <= beside  # a growing cohort keeps whom it has
            cohorts = beside


def test_the_cohort_is_as_large_as_the_candidate_and_lies_at_the_far_end():
    now = where(200_000, cohort=True)
    arms_of = list(now.values())
    for arm, share in (("candidate", 0.2), ("baseline", 0.2), ("stable", 0.6)):
        assert arms_of.count(arm) / len(arms_of) == pytest.approx(share, abs=0.03)
    line = {unit: position("salt", unit) / 2**64 for unit in UNITS}
    assert min(line[unit] for unit in UNITS if now[unit] == "baseline") >= 0.8
    assert max(line[unit] for unit in UNITS if now[unit] == "candidate") < 0.2


def test_at_one_half_nobody_is_between_them():
    assert set(where(500_000, cohort=True).values()) == {"candidate", "baseline"}


def test_a_cohort_changes_no_answer():
    with_it, without = where(100_000, cohort=True), where(100_000, cohort=False)
    assert {u for u in UNITS if with_it[u] == "candidate"} == {
        u for u in UNITS if without[u] == "candidate"
    }
    releases = {choose(at_step(100_000, cohort=True), "salt", u).release for u in UNITS}
    assert releases == {"s@1", "s@2"}


def test_what_stable_has_tells_what_the_candidate_has():
    stable, candidate, baseline = at_step(50_000, cohort=True)
    assert MILLION - stable.share == candidate.share == baseline.share


def test_a_snapshot_with_an_impossible_cohort_is_refused(tmp_path):
    made = at_step(50_000, cohort=True)
    good = Snapshot(1, 1, "", channels={"support": Channel(tuple(made))})
    write(tmp_path / "snapshot.json", good)
    for wrong in ([*made, made[2]], [made[0], made[2]], [*made[:2], _of(made[2], 950_001)]):
        with pytest.raises(SnapshotError):
            write(
                tmp_path / "snapshot.json",
                Snapshot(2, 1, "", channels={"support": Channel(tuple(wrong))}),
            )


def _of(arm, share):
    return Arm(release=arm.release, release_digest="", targets=TARGET, share=share, arm=arm.arm)
