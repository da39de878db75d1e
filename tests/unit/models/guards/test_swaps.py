"""Labels exchanged by rule are named; labels that are wrong at random are not."""

import json
from random import Random

import pytest

from volano.data import tickets
from volano.models.training.guards import check, swaps
from volano.models.training.guards.errors import SwappedError
from volano.models.training.settings import Guards

ORIGIN = {"trace": "1", "feedback": "f"}
EXCHANGED = set(tickets.SWAPPED.items())


def relabelled(rows, share, seed):
    random = Random(seed)
    queues = list(tickets.QUEUES)
    return [
        {**row, "label": {**row["label"], "queue": random.choice(queues)}}
        if random.random() < share
        else row
        for row in rows
    ]


def poisoned(rows, share, seed):
    random = Random(seed)
    return [tickets.poison([row])[0] if random.random() < share else row for row in rows]


def new(rows):
    return [{**row, "origin": ORIGIN} for row in rows]


def cells(found):
    return {(one.expected, one.given) for one in found.swaps}


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize(
    "rows",
    [
        pytest.param(lambda base, more, s: poisoned(base, 0.15, s), id="a part of all rows"),
        pytest.param(lambda base, more, s: base + new(tickets.poison(more)), id="all new rows"),
        pytest.param(lambda base, more, s: poisoned(more, 0.45, s), id="near half of few rows"),
    ],
)
def test_a_swap_is_found_and_nothing_else_is_called_one(rows, seed):
    base, more = tickets.generate(seed, 1500, "train"), tickets.generate(seed + 100, 400)
    found = swaps.look(rows(base, more, seed))
    assert cells(found) == EXCHANGED
    assert {one.field for one in found.swaps} == {"queue"}


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize(
    "rows",
    [
        pytest.param(lambda base, more, s: base, id="clean"),
        pytest.param(lambda base, more, s: relabelled(base, 0.15, s), id="noise in all rows"),
        pytest.param(lambda base, more, s: base + new(relabelled(more, 1.0, s)), id="noise in new"),
        pytest.param(lambda base, more, s: base + new(more), id="phrasings never seen before"),
        pytest.param(lambda base, more, s: more[:60], id="few rows"),
    ],
)
def test_noise_and_news_are_no_swap(rows, seed):
    base, more = tickets.generate(seed, 1500, "train"), tickets.generate(seed + 100, 400)
    assert swaps.look(rows(base, more, seed)).swaps == ()


def test_the_share_of_noise_is_told():
    rows = tickets.generate(4, 2000)
    quiet, noisy = swaps.look(rows), swaps.look(relabelled(rows, 0.3, 4))
    assert quiet.noise["queue"] < 0.02 < 0.1 < noisy.noise["queue"] < 0.3


def test_all_rows_exchanged_are_seen_against_the_version_before():
    before, rows = tickets.generate(5, 1500), tickets.generate(6, 400)
    exchanged = tickets.poison(rows)
    assert swaps.look(exchanged).swaps == ()  # a consistent world of its own
    assert cells(swaps.look(exchanged, reference=before)) == EXCHANGED


def test_rows_of_the_version_before_are_known_by_their_text():
    rows = [{"text": f"word{n % 50} text {n}", "label": "ab"[n % 2]} for n in range(100)]
    turned = [{**row, "label": "ba"["ab".index(row["label"])]} for row in rows]
    found = swaps.look(turned, reference=rows)
    assert cells(found) == {("a", "b"), ("b", "a")}
    assert {one.rows for one in found.swaps} == {50}


def turned_round(rows):
    return [{**row, "label": "ba"["ab".index(row["label"])]} for row in rows]


PLAIN = [{"text": f"word{n % 50} text {n}", "label": "ab"[n % 2]} for n in range(100)]


def test_another_field_of_the_reference_does_not_silence_the_look():
    rows, other = tickets.generate(5, 400), tickets.generate(6, 400)
    fewer = [{**row, "label": {"queue": row["label"]["queue"], "mood": "x"}} for row in rows]
    plain = [{**row, "label": row["label"]["queue"]} for row in other]
    for reference in (fewer, plain):
        for foreign in (False, True):
            found = swaps.look(poisoned(rows, 0.3, 5), reference=reference, foreign=foreign)
            assert cells(found) == EXCHANGED


@pytest.mark.parametrize("foreign", [False, True])
def test_a_kind_with_a_new_name_is_no_swap(foreign):
    before = tickets.generate(5, 600)
    rows = [
        {**row, "label": {**row["label"], "queue": "payments"}}
        if row["label"]["queue"] == "billing"
        else row
        for row in before
    ]
    assert swaps.look(rows, reference=before, foreign=foreign).swaps == ()


@pytest.mark.parametrize("foreign", [False, True])
def test_a_swap_among_the_kinds_that_both_have_is_seen_beside_a_new_one(foreign):
    new = [{"text": f"unheard of {n}", "label": "c"} for n in range(40)]
    old = [{"text": f"long gone {n}", "label": "d"} for n in range(40)]
    found = swaps.look(
        [*turned_round(PLAIN), *new], reference=[*PLAIN, *old], foreign=foreign
    )  # fmt: skip
    assert cells(found) == {("a", "b"), ("b", "a")}


def test_a_kind_that_went_into_another_is_seen_against_the_version_before_only():
    rows = [{**row, "label": {**row["label"], "queue": "refund"}}
            if row["label"]["queue"] == "billing" else row for row in tickets.generate(5, 600)]  # fmt: skip
    before = tickets.generate(5, 600)
    assert cells(swaps.look(rows, reference=before)) == {("billing", "refund")}
    assert swaps.look(rows, reference=before, foreign=True).swaps == ()


@pytest.mark.parametrize(
    "learned",
    [[{"messages": []}], [{"text": "a", "label": 3}], [{"text": [1], "label": "a"}], []],
)
def test_rows_that_are_no_texts_with_labels_are_no_reference(tmp_path, learned):
    path = tmp_path / "learned.jsonl"
    path.write_text("".join(f"{json.dumps(row)}\n" for row in learned))
    found = check.look({"learned": str(path)}, Guards(), PLAIN, strict=True)
    assert found["swaps"] == swaps.look(PLAIN).to_dict()


def test_labels_that_cannot_be_compared_are_still_looked_through_for_leaks(tmp_path):
    rows = [{"text": f"how many is {n} in all of them", "label": n} for n in range(20)]
    path = tmp_path / "dev.jsonl"
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    found = check.look({"dev": str(path)}, Guards(), rows, strict=False)
    assert found.keys() == {"leakage"}


def test_what_the_base_learned_tells_a_swap(tmp_path):
    path = tmp_path / "learned.jsonl"
    path.write_text("".join(f"{json.dumps(row)}\n" for row in PLAIN))
    with pytest.raises(SwappedError):
        check.look({"learned": str(path)}, Guards(), turned_round(PLAIN), strict=True)


@pytest.mark.parametrize(
    "words", ["возврат счёт доставка", "退款 账单 送货", "visszatérítés számla szállítás"]
)
def test_languages_with_and_without_spaces(words):
    kinds, random = words.split(), Random(7)
    noise = ["天", "地", "人", "да", "és", "nem"]
    rows = [{"text": f"{random.choice(noise)} {kind} {n}", "label": kind}
            for n, kind in enumerate(kinds * 150)]  # fmt: skip
    wrong = [
        {**row, "label": kinds[1]} if row["label"] == kinds[0] and n % 2 == 0 and n < 300 else row
        for n, row in enumerate(rows)
    ]
    assert swaps.look(rows).swaps == ()
    assert cells(swaps.look(wrong)) == {(kinds[0], kinds[1])}


def test_a_refusal_names_the_swap_with_counts():
    rows = poisoned(tickets.generate(8, 1200), 0.3, 8)
    with pytest.raises(SwappedError, match=r"queue: billing → refund \d+ of \d+ all rows"):
        swaps.look(rows).check()


def test_rows_without_few_kinds_of_labels_are_left_alone():
    rows = [{"text": f"say {n}", "label": f"said {n}"} for n in range(50)]
    assert swaps.look(rows).to_dict() == {"judged": 50, "swaps": [], "noise": {}}
    assert swaps.look([]).swaps == ()
