"""What the console draws of candidates; the document itself is tested where it is made."""

import dataclasses
from xml.etree import ElementTree as ET

import pytest

from volano.evals.choice import Candidate, Choice
from volano.evals.measures import MEASURES
from volano.evals.target import parse
from volano.evals.verdict import decided
from volano.web.pages.choices import _tables, picture


def choice(*sizes, target="score>=90%, smallest"):
    parent = {"score": 0.98, "size": 500_000.0}
    candidates = [
        Candidate(f"c{n} <b>&", {"score": 0.98 - n / 100, "size": size},
                  reach={"score": (0.9 - n / 100, 1.0)}, n=300)
        for n, size in enumerate(sizes)
    ]  # fmt: skip
    return decided(
        Choice(
            "search",
            "t@1",
            "dev",
            300,
            parse(target),
            ("size", "score"),
            "c0 <b>&",
            parent,
            candidates,
        )
    )


def test_the_drawing_is_sound_xml_and_has_a_point_for_each():
    root = ET.fromstring(picture(choice(5e5, 2e5, 1e5)))
    names = [one.get("class") for one in root.iter()]
    assert names.count("dot on") == 3
    assert names.count("ring") == 1
    assert root.get("role") == "img"
    assert root.get("aria-label")
    assert [g.find("title").text.startswith("c") for g in root.iter("g")] == [True] * 3


def test_two_names_do_not_lie_on_each_other():
    made = choice(5e5, 4.9e5)
    long = dataclasses.replace(made.candidates[1], name="q8_0 less 30 % of weights, 300 steps")
    made = dataclasses.replace(made, candidates=[made.candidates[0], long], winner=long.name)
    beside, chosen = (g.find("text[@class='name']") for g in ET.fromstring(picture(made)).iter("g"))
    assert (chosen.text, len(chosen.text)) == ("q8_0 less 30 % of weights, 30…", 30)
    assert float(chosen.get("y")) - float(beside.get("y")) > 20, "the lower one is named below"


def test_limits_within_the_drawing_are_drawn():
    inside = picture(choice(5e5, 2e5, target="size<=300KB, best"))
    outside = picture(choice(5e5, 2e5, target="size<=3MB, best"))
    assert 'class="limit"' in inside
    assert 'class="limit"' not in outside


@pytest.mark.parametrize("sizes", [(), (5e5,), (5e5, 0.0)])
def test_what_cannot_be_drawn_is_left_to_the_table(sizes):
    assert picture(choice(*sizes)) == ""


def test_equal_sizes_are_drawn_too():
    assert 'class="front"' in picture(choice(5e5, 5e5))


def measured(target):
    """Two candidates of which everything was measured, as the tables of the page."""
    values = dict.fromkeys(MEASURES, 0.5)
    made = [Candidate(name, values, reach={"score": (0.4, 0.6)}, n=30) for name in ("a", "b")]
    said = Choice("advice", "t@1", "test", 30, parse(target), ("score",), "a", {}, made)
    return _tables(decided(said))


def test_what_decides_stands_apart_from_what_else_was_measured():
    first, second = measured("size<=100KB, score>=90%, fastest")
    assert [head.title for head in first.columns] == [
        "Candidate", "Standing", "Score", "Size", "Speed", "Points to a", "Rows",
    ]  # fmt: skip
    assert len(first.columns) - 4 + len(second.columns) - 1 == len(MEASURES)
    assert all(len(row.cells) == len(t.columns) for t in (first, second) for row in t.rows)
    narrow = [head.title for head in second.columns if head.rank == 1]
    assert narrow == ["Candidate", "Weakest slice", "Memory"]


def test_a_target_of_many_measures_makes_no_table_that_is_too_wide():
    limits = "size<=9MB, memory<=9MB, latency<=9ms, cost<=9, agreement>=0.1, best"
    first, further = measured(limits)
    assert len(first.columns) == 8
    asked = [column for column in further.columns[1:] if column.rank == 1]
    assert len(asked) == 2


def test_an_interval_may_stand_below_its_value_and_is_never_torn():
    [cell] = [row.cells[2].value for row in measured("best")[0].rows[:1]]
    assert cell.split(" ") == ["50.0\N{NO-BREAK SPACE}%", "[40.0,\N{NO-BREAK SPACE}60.0]"]
