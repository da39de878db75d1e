import pytest

from volano.gateway.choose import choose, position
from volano.gateway.snapshot import Arm, Target

TARGET = (Target(name="t", url="unix:/x", model="m"),)


def arms(*shares):
    def one(n, share, arm):
        return Arm(release=f"s@{n}", release_digest="", targets=TARGET, share=share, arm=arm)

    first = one(1, 1_000_000 - sum(shares), "stable")
    rest = [one(i + 2, share, "candidate") for i, share in enumerate(shares)]
    return [first, *rest]


def test_a_unit_stays_where_it_is_and_moves_only_to_the_candidate():
    units = [f"user-{i}" for i in range(3000)]
    seen: set[str] = set()
    for share in (0, 50_000, 250_000, 1_000_000):
        got = {u for u in units if choose(arms(share), "salt", u).arm == "candidate"}
        assert seen <= got
        seen = got
        assert abs(len(got) / len(units) - share / 1e6) < 0.03
    assert len(seen) == len(units)


def test_several_candidates_share_by_their_shares():
    got = [choose(arms(300_000, 200_000), "s", f"u{i}").release for i in range(4000)]
    for release, share in (("s@1", 0.5), ("s@2", 0.3), ("s@3", 0.2)):
        assert got.count(release) / len(got) == pytest.approx(share, abs=0.04)


def test_the_position_is_fixed_for_all_time():
    assert position("salt", "user-1") == 0x3EDA5751251CAE0A
    position("s", "\ud800")  # a lone surrogate from JSON is no reason to fail
