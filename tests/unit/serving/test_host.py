"""Which engines run on a host, as a table."""

import pytest

from volano.serving.host import Need, begin, plan

A, B, C = "a", "b", "c"


def need(name, size, used=0.0, **more):
    return Need(name, size, used_s=used, **more)


@pytest.mark.parametrize(
    ("needs", "limit", "runs"),
    [
        ([], 10, ""),
        ([need(A, 99), need(B, 99)], 0, "ab"),  # no limit
        ([need(A, 5), need(B, 5)], 10, "ab"),
        ([need(A, 6, 1), need(B, 6, 2)], 10, "b"),  # the latest used
        ([need(A, 6, 1), need(B, 6, 2), need(C, 4, 0)], 10, "bc"),  # what is left over is used
        ([need(A, 6, 1, running=True), need(B, 6, 1)], 10, "a"),  # nothing moves without a reason
        ([need(A, 6, 1, running=True), need(B, 6, 2)], 10, "b"),  # least used is unloaded
        ([need(A, 6, 1, running=True, serving=True), need(B, 6, 2)], 10, "a"),  # it serves
        ([need(A, 6, 1, running=True, serving=True, on_demand=True), need(B, 6, 2)], 10, "b"),
        ([need(A, 11, 2), need(B, 6, 1)], 10, "b"),  # too large even alone
        ([need(A, 11, 2, running=True, serving=True), need(B, 6, 1)], 10, "a"),  # measured late
        ([need(B, 6), need(A, 6)], 10, "a"),  # by name, so that it is the same each time
        ([need(A, 8), need(B, 3)], 10, "b"),  # among equals the smaller
        ([need(A, 6, 9, spare=True), need(B, 6, 1)], 10, "b"),  # a spare one comes last
        ([need(A, 6, 9, running=True, serving=True, spare=True), need(B, 6)], 10, "b"),  # unheld
        ([need(A, 6, 1, running=True, spare=True), need(B, 6, 1, spare=True)], 10, "a"),
    ],
)
def test_what_runs(needs, limit, runs):
    assert sorted(plan(needs, limit_bytes=limit).run) == list(runs)


def test_the_plan_says_what_to_do():
    made = plan(
        [
            need("keeps", 4, 9, running=True),
            need("comes", 4, 8),
            need("goes", 4, 2, running=True),
            need("waits", 4, 1),
            need("never", 40, 10),
        ],
        limit_bytes=10,
    )
    assert made.keep == ("keeps",)
    assert made.load == ("comes",)
    assert made.unload == ("goes",)
    assert made.wait == ("waits",)
    assert made.too_large == ("never",)


def test_whoever_runs_fits():
    needs = [need(str(n), 1 + n % 5, n * 7 % 11, running=n % 3 == 0) for n in range(40)]
    sizes = {one.name: one.needs_bytes for one in needs}
    for limit in range(1, 60):
        assert sum(sizes[name] for name in plan(needs, limit_bytes=limit).run) <= limit


def test_one_that_leaves_and_is_wanted_again_is_taken_back_before_others_begin():
    needs = [
        need("a", 50, 9, running=True), need("b", 50, 8), need("c", 20, 1), need("d", 60, 0),
    ]  # fmt: skip
    made = plan(needs, limit_bytes=100)
    assert (made.keep, made.load) == (("a",), ("b",))
    assert begin(needs, made, leaving={"b", "c"}, limit_bytes=100) == ("b",)
