import json

import pytest

from volano.releases.experiment.design import Design, split
from volano.releases.experiment.errors import BadDesignError
from volano.releases.experiment.measure import measure

GOAL, ERRORS = measure("errors"), measure("latency:2s")


def test_it_is_kept_and_read_again():
    design = Design((600_000, 400_000), GOAL, (ERRORS,), exclude=("tag:internal", "group:магазин"))
    assert Design.from_dict(json.loads(json.dumps(design.to_dict()))) == design


def test_shares_are_percentages_and_even_where_none_is_said():
    assert split(["50", "30%", "20"], 3) == (500_000, 300_000, 200_000)
    assert split([], 3) == (333_334, 333_333, 333_333)
    assert split(["33.3333", "66.6667"], 2) == (333_333, 666_667)
    for texts in (["50"], ["a", "b"], ["50", "-50"], ["50", ""]):
        with pytest.raises(BadDesignError):
            split(texts, 2)


@pytest.mark.parametrize(
    "wrong",
    [
        {"shares": (1_000_000,)}, {"shares": (500_000, 400_000)}, {"shares": (1_000_000, 0)},
        {"shares": (125_000,) * 8 + (0,)}, {"unit": "device"}, {"then": "celebrate"},
        {"detect": 0}, {"detect": 1}, {"mature_s": -1}, {"max_wait_s": 10, "mature_s": 20},
        {"alpha": 0}, {"tolerance": 0.5}, {"exclude": ("internal",)}, {"exclude": ("tag:",)},
        {"guardrails": (GOAL,)},
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused(wrong):
    with pytest.raises(BadDesignError):
        Design(**{"shares": (500_000, 500_000), "goal": GOAL, **wrong})
