import math

import pytest

from volano.stats.difference import EVENTS, LEAST, Difference, Moments
from volano.stats.errors import StatsInputError


def seen(n, yes):
    found = Moments()
    for i in range(n):
        found.add(float(i < yes))
    return found


def test_the_interval_is_that_of_the_paper():
    """Waudby-Smith et al. 2024, theorem 2.2, written out with n instead of information."""
    test = Difference(0.02)
    a, b = seen(1000, 100), seen(1000, 150)
    found = test.interval(b, a)
    error = math.sqrt(a.variance / 1000 + b.variance / 1000)
    n, rho2 = 2000, test.spread / error**2 / 2000
    half = error * math.sqrt(n) * math.sqrt(
        2 * (n * rho2 + 1) / (n * n * rho2) * math.log(math.sqrt(n * rho2 + 1) / 0.05)
    )  # fmt: skip
    assert found.value == pytest.approx(0.05)
    assert found.high - found.value == pytest.approx(half, rel=1e-12)
    assert found.value - found.low == pytest.approx(half, rel=1e-12)


def test_it_is_tightest_where_its_half_width_is_the_difference_to_detect():
    for detect in (0.005, 0.02, 0.1):
        mine, wider, narrower = Difference(detect), Difference(3 * detect), Difference(detect / 3)
        information = next(i for i in range(1, 10**7, 50) if mine.half(i) <= detect)
        assert mine.half(information) < wider.half(information)
        assert mine.half(information) < narrower.half(information)


def test_nothing_is_said_before_both_arms_are_large_enough():
    test, large = Difference(0.02), seen(5000, 500)
    assert test.interval(seen(LEAST - 1, 50), large) is None
    assert test.interval(seen(2000, int(EVENTS) - 1), large) is None
    assert test.interval(large, seen(2000, 2000)) is None
    assert test.interval(seen(LEAST, 50), large) is not None


def test_it_is_wider_than_a_look_that_was_planned_and_stricter_with_less_alpha():
    a, b = seen(4000, 400), seen(4000, 480)
    loose, strict = Difference(0.02, 0.05).interval(b, a), Difference(0.02, 0.01).interval(b, a)
    error = math.sqrt(a.variance / 4000 + b.variance / 4000)
    assert strict.low < loose.low < loose.value - 1.96 * error


def test_the_arms_are_alike():
    a, b = seen(4000, 400), seen(1000, 150)
    there, back = Difference(0.02).interval(b, a), Difference(0.02).interval(a, b)
    assert (back.value, back.low, back.high) == (-there.value, -there.high, -there.low)


def test_a_value_may_be_corrected():
    found = seen(500, 50)
    found.add(0.25)
    found.remove(0.25)
    found.add(1.0)
    again = seen(501, 51)
    assert (found.n, found.total, found.squares) == (again.n, again.total, again.squares)


def test_what_lacks_is_about_what_it_takes():
    test = Difference(0.02)
    lacks = test.lacks(seen(1000, 130), seen(1000, 100))
    n = (2000 + lacks) // 2
    found = test.interval(seen(n, round(0.13 * n)), seen(n, round(0.10 * n)))
    assert found.low > 0 or found.low == pytest.approx(0, abs=0.001)
    assert test.lacks(seen(10, 5), seen(10, 5)) is None


def test_what_is_not_on_the_scale_is_refused():
    for value in (-0.1, 1.1, math.nan):
        with pytest.raises(StatsInputError):
            Moments().add(value)
    for detect, alpha in ((0, 0.05), (1, 0.05), (0.02, 0), (0.02, 1)):
        with pytest.raises(StatsInputError):
            Difference(detect, alpha)
