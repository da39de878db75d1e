"""The quantile sketch: its error is bounded, and merging loses nothing."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from volano.stats.errors import BadSketchError
from volano.stats.sketch import ERROR, MOST_BUCKETS, Sketch, bucket

VALUES = st.lists(st.integers(0, 10**13), max_size=60)


def rank(values: list[int], q: float) -> int:
    return sorted(values)[max(1, math.ceil(q * len(values) - 1e-9)) - 1]


@given(VALUES, st.floats(0, 1))
def test_a_quantile_is_within_one_percent(values, q):
    found = Sketch(values).quantile(q)
    if values:
        true = rank(values, q)
        assert abs(found - true) <= ERROR * true * (1 + 1e-9)
    else:
        assert found is None


@given(VALUES, VALUES, VALUES)
def test_merging_in_any_order_is_counting_all(a, b, c):
    left = Sketch(a)
    left.merge(Sketch(b))
    left.merge(Sketch(c))
    right = Sketch(c)
    right.take(Sketch(b).to_bytes())
    right.take(Sketch(a).to_bytes())
    assert left == right == Sketch(a + b + c)
    assert left.count == len(a) + len(b) + len(c)


@given(VALUES)
def test_bytes_say_it_all(values):
    sketch = Sketch(values)
    assert Sketch.from_bytes(sketch.to_bytes()) == sketch
    counted: dict[int | None, int] = {}
    for value in values:
        counted[bucket(value)] = counted.get(bucket(value), 0) + 1
    assert Sketch.counted(counted) == sketch


@given(VALUES, st.integers(1, 10**13))
def test_how_many_are_within_a_limit_to_its_own_error(values, limit):
    found = Sketch(values).within(limit)
    slack = limit * (2 * ERROR / (1 - ERROR) + 1e-9)
    assert sum(v <= limit for v in values) <= found <= sum(v <= limit + slack for v in values)


def test_small_and_negative_values_have_a_place():
    sketch = Sketch([0, -3, 1e-9, 5.0])
    assert (sketch.zeros, sketch.count) == (2, 4)
    assert sketch.quantile(0.5) == 0.0
    assert Sketch.from_bytes(sketch.to_bytes()) == sketch
    assert sketch.within(-1) == 0
    assert sketch.within(0) == 2


def test_it_stays_small_and_the_high_quantiles_stay_true():
    sketch = Sketch(1.03**n for n in range(MOST_BUCKETS + 500))
    assert len(sketch.buckets) <= MOST_BUCKETS
    assert sketch.count == MOST_BUCKETS + 500
    assert sketch.quantile(1.0) == pytest.approx(1.03 ** (MOST_BUCKETS + 499), rel=ERROR)


@pytest.mark.parametrize(
    "data", [b"", b"\x02\x00", b"\x01", b"\x01\x80", b"\x01\x00\x02", b"\x01" + b"\xff" * 12]
)
def test_other_bytes_are_refused(data):
    with pytest.raises(BadSketchError):
        Sketch.from_bytes(data)
