import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from volano.evals.front import Point, dominates, ends, front, hypervolume

AXES = (("size", False), ("score", True))


def point(name, size, score, half=0.0):
    reach = {"score": (score - half, score + half)} if half else {}
    return Point(name, {"size": size, "score": score}, reach)


def test_the_front_keeps_what_no_other_beats():
    points = [point("a", 1, 0.5), point("b", 2, 0.9), point("c", 2, 0.8), point("d", 3, 0.9)]
    assert [one.name for one in front(points, AXES)] == ["a", "b"]


def test_equals_stay_both():
    points = [point("a", 1, 0.5), point("b", 1, 0.5)]
    assert front(points, AXES) == points


def test_a_point_leaves_only_when_chance_does_not_explain_it():
    close = [point("a", 1, 0.91, 0.03), point("b", 1, 0.90, 0.03)]
    far = [point("a", 1, 0.99, 0.03), point("b", 1, 0.90, 0.03)]
    assert front(close, AXES) == close
    assert [one.name for one in front(far, AXES)] == ["a"]


def test_an_exact_axis_decides_where_the_score_cannot():
    assert dominates(point("a", 1, 0.9, 0.03), point("b", 2, 0.9, 0.03), AXES)
    assert not dominates(point("a", 1, 0.89, 0.03), point("b", 2, 0.9, 0.03), AXES)


def test_the_volume_of_known_shapes():
    axes = (("x", True), ("y", True), ("z", False))
    worst = {"x": 0, "y": 0, "z": 10}
    box = [{"x": 2, "y": 3, "z": 6}]
    assert hypervolume(box, axes, worst) == 24
    two = [*box, {"x": 3, "y": 1, "z": 4}]
    assert hypervolume(two, axes, worst) == 24 + 18 - 2 * 1 * 4
    assert hypervolume([], axes, worst) == 0
    assert hypervolume([{"x": 0, "y": 9, "z": 0}], axes, worst) == 0


@pytest.mark.parametrize("n", [1, 2, 3, 4])
def test_the_volume_is_what_counting_cells_finds(n):
    rng = random.Random(n)
    axes = [(f"a{i}", i % 2 == 0) for i in range(n)]
    worst = {name: 0 if bigger else 5 for name, bigger in axes}
    points = [{name: rng.randint(0, 5) for name, _ in axes} for _ in range(6)]
    cells = 0
    for cell in range(5**n):
        at = [cell // 5**i % 5 for i in range(n)]
        cells += any(
            all(
                p[name] > x if bigger else 5 - p[name] > x
                for x, (name, bigger) in zip(at, axes, strict=True)
            )
            for p in points
        )
    assert hypervolume(points, axes, worst) == cells


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=1, max_size=12))
def test_only_the_front_has_volume(pairs):
    points = [point(str(n), size, score) for n, (size, score) in enumerate(pairs)]
    worst = {"size": 10, "score": -1}
    best = front(points, AXES)
    assert hypervolume([p.values for p in best], AXES, worst) == hypervolume(
        [p.values for p in points], AXES, worst
    )


def test_the_ends_of_the_axes():
    worst, best = ends([{"size": 1, "score": 0.2}, {"size": 5, "score": 0.9}], AXES)
    assert worst == {"size": 5, "score": 0.2}
    assert best == {"size": 1, "score": 0.9}
