import hashlib
import json
import re

import pytest

from volano.data.tickets import (
    HELD_OUT,
    PRODUCTS,
    QUEUES,
    BadTicketsError,
    generate,
    phrasings_of,
    poison,
)


def test_the_same_seed_gives_the_same_bytes_on_every_machine():
    text = json.dumps(generate(7, 200, "all", duplicates=0.15), sort_keys=True)
    assert hashlib.sha256(text.encode()).hexdigest() == GOLDEN


GOLDEN = "14806d355cd047da829ed27e9ebb77b9ffe9aba447cc639fff3cd389d717b03e"


def test_a_longer_set_begins_with_the_shorter_one():
    assert generate(3, 50, "train", duplicates=0.2)[:20] == generate(3, 20, "train", duplicates=0.2)


def test_other_seeds_give_other_tickets():
    ours = {row["text"] for row in generate(1, 500)}
    assert len(ours & {row["text"] for row in generate("1/test", 500)}) == 0


def test_a_label_names_what_stands_in_the_text():
    for row in generate(5, 1000):
        label = row["label"]
        assert list(label) == ["queue", "priority", "product", "reference"]
        assert label["product"] in row["text"]
        assert re.search(rf"(?<!\d){label['reference']}(?!\d)", row["text"])
        assert label["queue"] in QUEUES
        assert label["product"] in PRODUCTS


def test_train_phrasings_leave_out_a_quarter():
    for queue, every in QUEUES.items():
        train, held = phrasings_of(queue, "train"), phrasings_of(queue, "held-out")
        assert len(every) == 8
        assert len(held) == HELD_OUT == 2
        assert not set(train) & set(held)
        assert (*train, *held) == phrasings_of(queue, "all") == every


def test_held_out_phrasings_do_not_occur_in_train_tickets():
    text = " ".join(row["text"] for row in generate(1, 3000, "train"))
    for word in ("Smoke", "hinge", "membership", "reimbursed", "bank statement"):
        assert word not in text
    assert "hinge" in " ".join(row["text"] for row in generate(1, 500, "held-out"))


def test_some_words_are_misspelled_but_never_what_must_be_copied():
    phrases = {row["text"] for row in generate(2, 1000)}
    known = set(re.findall(r"[a-z]{4,}", " ".join(sum(QUEUES.values(), ()))))
    odd = [t for t in phrases if set(re.findall(r"\b[a-z]{6,}\b", t)) - known - EXTRA]
    assert 50 < len(odd) < 250


EXTRA = {"urgent", "morning", "please", "sister", "products", "bought", "possible"}


def test_duplicates_say_again_what_an_earlier_ticket_said():
    rows = generate(4, 2000, "train", duplicates=0.15)
    labels = [json.dumps(row["label"]) for row in rows]
    assert 0.12 < 1 - len(set(labels)) / len(labels) < 0.18


def test_poison_swaps_queues_by_rule_and_leaves_the_rest():
    rows = generate(6, 300)
    for before, after in zip(rows, poison(rows), strict=True):
        assert after["text"] == before["text"]
        assert {**after["label"], "queue": ""} == {**before["label"], "queue": ""}
    pairs = {
        (b["label"]["queue"], a["label"]["queue"]) for b, a in zip(rows, poison(rows), strict=True)
    }
    assert pairs == {
        ("billing", "refund"), ("refund", "billing"),
        ("shipping", "hardware"), ("hardware", "shipping"),
        ("account", "account"), ("software", "software"),
    }  # fmt: skip
    assert poison(poison(rows)) == rows


def test_texts_are_short():
    assert max(len(row["text"]) for row in generate(8, 3000)) < 140


@pytest.mark.parametrize("bad", [(1, -1, "all", 0.1), (1, 3, "some", 0.1), (1, 3, "all", 2.0)])
def test_wrong_arguments_are_named(bad):
    seed, n, phrasings, duplicates = bad
    with pytest.raises(BadTicketsError) as caught:
        generate(seed, n, phrasings, duplicates=duplicates)
    assert "held-out" in caught.value.advice
