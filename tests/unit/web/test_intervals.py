"""Drawn intervals: the margin stands on the side of worse."""

import re

from volano.web.pages.intervals import around_zero


def places(kind, drawn):
    return [float(x) for x in re.findall(f'<line class="{kind}" x1="([0-9.]+)"', drawn)]


def change(**facts):
    return {
        "difference": 0.1, "low": 0.05, "high": 0.15, "verdict": "better", "name": "s", **facts,
    }  # fmt: skip


def test_the_margin_is_left_of_zero_where_more_is_better_and_right_of_it_where_less_is():
    for bigger, left in ((True, True), (False, False)):
        drawn = str(around_zero([("s", change(bigger=bigger))], 0.02))
        [zero], [limit] = places("tick", drawn), places("limit", drawn)
        assert (limit < zero) == left
    both = around_zero([("a", change(bigger=True)), ("b", change(bigger=False))], 0.02)
    assert len(places("limit", str(both))) == 2
