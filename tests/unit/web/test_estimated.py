"""A number that was guessed never looks like one that was told."""

import pytest

from volano.traces.trace import ESTIMATED
from volano.web.pages.traces import _cost, _price


class Told:
    """A trace's facts, and a room that knows no footprint."""

    ttft_us, latency_us, status, streamed = 1, 2, 200, True
    prompt_tokens, completion_tokens, cost_nano, cost_currency = 12, 3, 900, "USD"

    def __init__(self, *, estimated: bool, priced_by: str):
        self.tags = ESTIMATED if estimated else {}
        self.estimated, self.priced_by = estimated, priced_by
        self.spending = self

    def footprint(self, trace) -> None:
        return None


def subs(trace: Told) -> list[str | None]:
    rows = [*_cost(trace).facts, *_price(trace, trace).facts]
    return [cell.sub for name, cell in rows if name in ("tokens in", "tokens out", "cost")]


@pytest.mark.parametrize(
    ("estimated", "priced_by", "expected"),
    [
        (True, "genai-prices 0.1", ["estimated"] * 3),
        (True, "held", ["estimated", "estimated", None]),
        (False, "genai-prices 0.1", [None] * 3),
    ],
)
def test_estimated_tokens_and_their_cost_are_marked(estimated, priced_by, expected):
    assert subs(Told(estimated=estimated, priced_by=priced_by)) == expected
