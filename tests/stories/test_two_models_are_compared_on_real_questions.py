"""Banking77 through the local engine: the paired difference is what scipy computes from the answers."""

import csv
import json
import math
import os
from pathlib import Path

import pytest
from scipy import optimize, stats

from volano.app import App
from volano.cli.demo.platform import Platform
from volano.settings import load

pytestmark = pytest.mark.slow

KINDS, STEPS = 5, (20, 80)
DATA = Path(os.environ.get("VOLANO_DATA", "../shared/data")) / "banking77"


@pytest.fixture
def questions(tmp_path):
    if not (DATA / "train.csv").exists():
        pytest.skip(f"no real data in {DATA}: set VOLANO_DATA to the folder that has banking77/")
    for split in ("train", "test"):
        with (DATA / f"{split}.csv").open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        kinds = sorted({row["category"] for row in rows})[:KINDS]
        lines = [json.dumps({"text": row["text"], "label": row["category"]})
                 for row in rows if row["category"] in kinds]  # fmt: skip
        (tmp_path / f"{split}.jsonl").write_text("\n".join(lines), encoding="utf-8")
    return tmp_path


def tango(b, c, n, level):
    """Tango's score interval by another way: the least and greatest D that a root finder gives."""

    def statistic(d):
        linear = -b - c + (2 * n - c + b) * d
        q = (math.sqrt(linear**2 + 8 * n * b * d * (1 - d)) - linear) / (4 * n)
        return (c - b - n * d) / math.sqrt(n * (2 * q + d * (1 - d)))

    z, middle = stats.norm.ppf((1 + level) / 2), (c - b) / n
    return (
        optimize.brentq(lambda d: statistic(d) - z, -0.999, middle, xtol=1e-13),
        optimize.brentq(lambda d: statistic(d) + z, middle, 0.999, xtol=1e-13),
    )


def test_the_paired_difference_agrees_with_scipy(questions):
    with Platform(questions / "work") as p:
        data = p.say(
            "POST", "/datasets/banking/add",
            path=str(questions / "train.jsonl"), test=str(questions / "test.jsonl"),
        )["ref"]  # fmt: skip
        reports = []
        for name, steps in zip(("little", "more"), STEPS, strict=True):
            p.run(f"/models/{name}/train", data=data, steps=steps)
            wording = p.say("GET", f"/models/{name}@1/wording")
            prompt = p.say("POST", f"/prompts/{name}/save", **wording)["ref"]
            flow = p.say("POST", f"/flows/{name}/compose", model=name, prompt=prompt)["ref"]
            reports.append(p.run("/evals/run", flow=flow, data=data)["ref"])
        found = p.say("GET", "/evals/compare", report_a=reports[0], report_b=reports[1])
    change = found["scores"][0]
    a, b = answers(questions / "work", reports)
    assert len(a) == change["n"] > 35 * KINDS
    assert change["difference"] == pytest.approx(sum(b) / len(b) - sum(a) / len(a), abs=1e-9)
    down = sum(x > y for x, y in zip(a, b, strict=True))
    up = sum(x < y for x, y in zip(a, b, strict=True))
    assert (change["worse"], change["better"]) == (down, up)
    low, high = tango(down, up, len(a), 0.95)
    assert change["low"] == pytest.approx(low, abs=1e-9)
    assert change["high"] == pytest.approx(high, abs=1e-9)
    mcnemar = stats.chi2.sf((up - down) ** 2 / (up + down), 1)
    assert change["p"] == pytest.approx(mcnemar, abs=1e-9)
    assert change["verdict"] == "better"


def answers(home, reports):
    """Return both reports' scores, row by row, from their files and not from the comparison."""
    with App(load(home)) as app:
        a, b = (
            {one["id"]: one["scores"]["exact_match"] for one in app.evals.answers(ref)}
            for ref in reports
        )
    assert a.keys() == b.keys()
    return [*a.values()], [b[row] for row in a]
