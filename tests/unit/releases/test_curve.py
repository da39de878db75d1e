from volano.core.verdict import Verdict
from volano.releases.curve import MOST, Curves


def harm(e_value):
    facts = {"gate": "harm", "metric": "errors", "e_value": e_value, "threshold": 40.0}
    return Verdict("pass", "", facts)


def loss(low, high):
    facts = {"gate": "promotion", "metric": "errors", "margin": 0.05, "loss_low": low, "loss_high": high}  # fmt: skip
    return Verdict("wait", "", facts)


def test_each_gate_has_its_points_and_its_limit():
    curves = Curves()
    curves.add(10, 50_000, [harm(1.0), loss(-1, 1), Verdict("pass", "", {"gate": "units"})])
    curves.add(20, 50_000, [harm(2.0)])
    first, second = curves.to_dict()
    assert (first["gate"], first["limit"], first["points"]) == (
        "harm", 40.0, [[10, 50_000, 1.0], [20, 50_000, 2.0]],
    )  # fmt: skip
    assert second["points"] == [[10, 50_000, -1.0, 1.0]]


def test_a_gate_without_numbers_has_no_point():
    curves = Curves()
    curves.add(10, 50_000, [Verdict("wait", "", {"gate": "promotion", "metric": "quality"})])
    assert curves.to_dict() == []


def test_looks_grow_apart_and_memory_is_bounded():
    curves, looks = Curves(), 0
    for n in range(1, 100_000):
        if curves.due(n):
            curves.add(n, 50_000, [harm(float(n))])
            looks += 1
    [one] = curves.to_dict()
    assert 50 < looks < 400
    assert len(one["points"]) <= MOST
    assert one["points"][-1][0] > 95_000


def test_with_very_many_looks_every_second_goes_and_the_newest_stays():
    curves = Curves()
    for n in range(5 * MOST):
        curves.add(n, 50_000, [harm(1.0)])
    points = curves.to_dict()[0]["points"]
    assert len(points) <= MOST
    assert points[-1][0] == 5 * MOST - 1
