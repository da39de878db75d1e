"""Which rows a recipe learns: by column, by what is new, with old ones among them."""

import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from support.workspace import ANNA
from volano.data import Datasets
from volano.models.gather import Gather
from volano.models.training.plan import Plan
from volano.models.training.recipe import BadRecipeError


def row(number, language="hu"):
    return {"text": f"kérdés {number} {language}", "label": "igen", "language": language}


@pytest.fixture
def desk(desk):
    datasets = Datasets(desk.catalog)
    old = datasets.write("faq", (("train", row(n)) for n in range(40)), meta={}, by=ANNA)
    more = [*(row(n) for n in range(40)), *(row(n, "de") for n in range(10))]
    new = datasets.write("faq", (("train", one) for one in more), meta={}, by=ANNA)
    return SimpleNamespace(datasets=datasets, old=old, new=new)


def gathered(desk, tmp_path, seen=(), **plan):
    gather = Gather(desk.datasets, desk.new.ref, Plan.from_dict(plan), seen=seen, by=ANNA)
    spec = gather.spec(tmp_path)
    return spec, lines(spec["rows"])


def lines(path):
    return [json.loads(line) for line in Path(path).read_text("utf-8").splitlines()]


def test_a_language_is_a_slice(desk, tmp_path):
    _, rows = gathered(desk, tmp_path, where={"language": "de"})
    assert {one["language"] for one in rows} == {"de"}
    assert len(rows) == 10


def test_a_column_that_is_not_there_is_named(desk, tmp_path):
    with pytest.raises(BadRecipeError, match="no column `tongue`; there are"):
        gathered(desk, tmp_path, where={"tongue": "de"})
    with pytest.raises(BadRecipeError, match="no row"):
        gathered(desk, tmp_path, where={"language": "zh"})


def test_dev_rows_are_set_aside_and_not_learned(desk, tmp_path):
    spec, rows = gathered(desk, tmp_path, dev={"share": 0.3})
    dev = lines(spec["dev"])
    assert dev
    assert len(dev) + len(rows) == 50
    assert not {one["id"] for one in dev} & {one["id"] for one in rows}
    again, _ = gathered(desk, tmp_path, dev={"share": 0.3}, seed=5)
    assert lines(again["dev"]) == dev, "the same rows in every run"


def test_only_what_is_new_is_learned_with_old_rows_among_it(desk, tmp_path):
    spec, rows = gathered(desk, tmp_path, [desk.old], incremental=True, replay={"share": 0.5})
    new = [one for one in rows if one["language"] == "de"]
    assert (len(new), len(rows), spec["replayed"], spec["mixed"]) == (10, 20, 10, True)
    with pytest.raises(BadRecipeError, match="has not seen") as raised:
        gathered(desk, tmp_path, [desk.new], incremental=True)
    assert "leave `incremental` out" in raised.value.advice
