"""Rows of the evaluation among the training rows: to the letter, or nearly."""

import pytest

from volano.data import tickets
from volano.models.training.guards import leakage
from volano.models.training.guards.errors import LeakedError


def row(text, label="a"):
    return {"text": text, "label": label}


TEST = [row("The invoice for my Falcon, order 4711, is quite wrong again."), row("退款在哪里")]


@pytest.mark.parametrize(
    ("train", "exact", "near"),
    [
        ([row("something else entirely")], 0, 0),
        ([row("the INVOICE for my  falcon, order 4711, is quite wrong again.")], 1, 0),
        ([row(TEST[0]["text"], "b")], 1, 0),
        ([row("The invoice for my Falcon, order 4711, is quite wrong again!")], 0, 1),
        ([row("The invoice for my Falcon, order 4712, is quite wrong again.")], 0, 0),
        ([row("退款在哪里"), row(TEST[0]["text"])], 2, 0),
    ],
)
def test_what_counts_as_a_leak(train, exact, near):
    found = leakage.look(train, TEST)
    assert (found.of, found.exact, found.near) == (2, exact, near)
    assert len(found.examples) == exact + near


def test_tickets_after_one_pattern_are_no_leak():
    found = leakage.look(tickets.generate(1, 1500), tickets.generate(990, 300))
    assert found.share < leakage.LIMIT
    found.check()


def test_too_many_leaks_are_refused_with_examples_unless_allowed():
    train = tickets.generate(1, 200)
    found = leakage.look(train, train[:10] + tickets.generate(2, 90), split="dev")
    with pytest.raises(LeakedError, match=r"10 of 100 rows of the dev split"):
        found.check()
    found.check(limit=0.1)


def test_equal_rows_are_counted_each():
    assert leakage.look([row("same")], [row("same"), row("same")]).exact == 2
