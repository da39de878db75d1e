import itertools
import tempfile
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.examples import examples
from support.steps import rows_of, run
from volano.data import grouping
from volano.data.errors import BadStepError, SplitImpossibleError
from volano.data.shingles import Shingler
from volano.data.steps.split import Split

WORDS = st.sampled_from(["alma", "körte", "szilva", "мир", "дом", "订", "单", "go"])
TEXTS = st.lists(st.lists(WORDS, min_size=1, max_size=7).map(" ".join), max_size=25)
LOOSE = {"tolerance": 1.0, "least": 0}


def sides(kept):
    return [row["split"] for row in kept]


def several(many, word="row"):
    return rows_of(
        *(f"{word} {at} {at * 7919 % 10007} {at * 31} q{at} {at * at}" for at in range(many))
    )


def alike(one, other):
    batch = Shingler(size=2).batch([one, other])
    a, b = set(batch.flat[: batch.ends[0]].tolist()), set(batch.flat[batch.ends[0] :].tolist())
    return len(a & b) / len(a | b) if a | b else 0.0


@given(
    TEXTS,
    st.lists(st.integers(0, 25), max_size=3),
    st.sampled_from([0.3, 0.5, 0.8]),
    st.integers(0, 9),
)
@examples(60)
def test_nothing_alike_lies_on_two_sides_wherever_shards_end(texts, cuts, near, seed):
    step = Split(near=near, size=2, seed=seed, parts={"a": 0.4, "b": 0.3, "c": 0.3}, **LOOSE)
    with tempfile.TemporaryDirectory() as place:
        kept, _ = run(step, rows_of(*texts), Path(place, "a"))
        assert run(step, rows_of(*texts), Path(place, "b"), cuts=cuts)[0] == kept
    assert [row["text"] for row in kept] == texts
    for one, other in itertools.combinations(kept, 2):
        if one["split"] != other["split"]:
            assert alike(one["text"], other["text"]) < near
            assert one["text"] != other["text"]


@given(
    TEXTS,
    st.sampled_from([None, 0.5]),
    st.sampled_from([None, "label"]),
    st.sampled_from([0, 0.05, 0.5]),
    st.integers(0, 9),
)
@examples(60)
def test_sides_do_not_depend_on_how_many_rows_fit_into_memory(texts, near, by, tolerance, seed):
    rows = rows_of(*texts)
    for at, row in enumerate(rows):
        row["label"] = "abc"[at % 3]
    step = Split(near=near, stratify=by, tolerance=tolerance, seed=seed, least=0)
    with tempfile.TemporaryDirectory() as place:
        try:
            whole, _ = run(step, rows, Path(place, "a"))
        except SplitImpossibleError as error:
            whole = str(error)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(grouping, "PART", 3)
            try:
                parts, _ = run(step, rows, Path(place, "b"))
            except SplitImpossibleError as error:
                parts = str(error)
    assert parts == whole


@pytest.mark.parametrize(("many", "test"), [(10, 2), (5, 1), (7, 1), (20, 4)])
def test_small_sets_are_split_as_asked(many, test, tmp_path):
    for seed in range(5):
        kept, _ = run(Split(seed=seed), several(many), tmp_path / str(seed))
        assert abs(Counter(sides(kept))["test"] - test) <= 1


def test_large_sets_have_about_these_shares_in_each_stratum(tmp_path):
    rows = several(3000)
    for at, row in enumerate(rows):
        row["label"] = "rare" if at % 50 == 0 else ["a", "b"][at % 2]
    step = Split(parts={"train": 0.8, "dev": 0.1, "test": 0.1}, stratify="label", near=None)
    counts = Counter((row["label"], row["split"]) for row in run(step, rows, tmp_path)[0])
    for label, total in (("rare", 60), ("a", 1440), ("b", 1500)):
        for part, share in step.parts.items():
            assert abs(counts[label, part] / total - share) < 0.06


def test_a_rare_label_is_on_every_side_when_it_can_be(tmp_path):
    rows = several(100)
    for at, row in enumerate(rows):
        row["label"] = "rare" if at < 2 else "usual"
    for seed in range(8):
        kept, _ = run(Split(stratify="label", seed=seed), rows, tmp_path / str(seed))
        assert set(sides(kept[:2])) == {"train", "test"}


def test_a_group_stays_together(tmp_path):
    rows = several(400)
    for at, row in enumerate(rows):
        row["customer"] = at % 40 if at % 10 else None
    kept, _ = run(Split(group="customer", near=None, tolerance=0.2), rows, tmp_path, cuts=[77])
    by_customer = {}
    for row in kept:
        by_customer.setdefault(row["customer"], set()).add(row["split"])
    assert all(len(found) == 1 for name, found in by_customer.items() if name is not None)
    assert set(sides(kept)) == {"train", "test"} == by_customer[None]


def test_the_next_version_keeps_rows_on_their_side(tmp_path):
    rows = several(2000)
    before = run(Split(), rows, tmp_path / "a")[0]
    after = run(Split(), several(500, "new") + rows[::-1], tmp_path / "b", cuts=[900])[0]
    side = {row["text"]: row["split"] for row in after}
    assert all(side[row["text"]] == row["split"] for row in before)
    other = run(Split(seed=1), rows, tmp_path / "c")[0]
    assert sum(a != b for a, b in zip(sides(before), sides(other), strict=True)) > 200


def test_groups_that_make_it_impossible_are_named(tmp_path):
    rows = several(100)
    for at, row in enumerate(rows):
        row["customer"] = "one" if at < 60 else "other"
    with pytest.raises(SplitImpossibleError) as refused:
        run(Split(group="customer", near=None), rows, tmp_path / "a")
    assert "2 groups" in refused.value.message
    assert "the largest of 60" in refused.value.message
    with pytest.raises(SplitImpossibleError):
        run(Split(least=60, parts={"a": 0.5, "b": 0.5}), rows, tmp_path / "b")
    with pytest.raises(SplitImpossibleError):
        run(Split(), rows[:1], tmp_path / "c")


def test_least_is_met_when_it_can_be(tmp_path):
    for seed in range(5):
        step = Split(parts={"train": 0.9, "test": 0.1}, least=12, tolerance=0.1, seed=seed)
        assert Counter(sides(run(step, several(100), tmp_path / str(seed))[0]))["test"] >= 12


def test_one_part_takes_all_and_no_rows_are_fine(tmp_path):
    assert set(sides(run(Split(parts={"all": 1}), several(9), tmp_path)[0])) == {"all"}
    assert run(Split(), [], tmp_path / "none") == ([], [])


def test_rows_without_text_go_by_all_they_have(tmp_path):
    rows = [{"n": at} for at in range(40)]
    assert set(sides(run(Split(), rows, tmp_path)[0])) == {"train", "test"}


@pytest.mark.parametrize(
    "settings",
    [
        {"parts": {}}, {"parts": {"a": 0.5}}, {"parts": {"a": 0.5, "b": 0.6}}, {"parts": {"": 1}},
        {"parts": {"a": 1.5, "b": -0.5}}, {"near": 0}, {"group": ""}, {"least": -1}, {"seed": "x"},
    ],
)  # fmt: skip
def test_settings_that_make_no_sense_are_refused(settings):
    with pytest.raises(BadStepError):
        Split(**settings)
