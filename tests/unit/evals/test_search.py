"""The search, on landscapes that are formulas: what all trials would find, found with a third of them."""

import dataclasses
import math
import random

import pytest

from volano.core.errors import InvalidError, UnavailableError
from volano.evals.errors import BadTrialsError, NothingKeepsError
from volano.evals.front import Point, front, hypervolume
from volano.evals.journal import Journal
from volano.evals.search import Config, Measured, Question, search
from volano.evals.target import parse

BITS = {"F32": 32, "Q8_0": 8.5, "Q5_1": 6, "Q5_0": 5.5, "Q4_1": 5, "Q4_0": 4.5}
CUTS = (0.0, 0.3, 0.5, 0.7)
RECOVERY = (0, 150)
AXES = (("size", False), ("score", True), ("speed", True))
PARENT = {"size": 500_000.0, "score": 0.98, "speed": 9000.0}


def spaces():
    """48 configurations: structured cuts shrink the file, recovery gives back what they cost."""
    forms = list(BITS)
    return [
        Config(
            f"{form}-{int(cut * 100)}-{steps}",
            {"form": form, "cut": cut, "steps": steps},
            (
                1 - forms.index(form) / (len(forms) - 1),
                1 - cut / max(CUTS),
                float(steps > 0),
            ),
            {"size": 500_000 * BITS[form] / 32 * (1 - 0.6 * cut)},
        )
        for form in forms
        for cut in CUTS
        for steps in RECOVERY
    ]


class Landscape:
    """A formula with the shape of the real thing: flat, then a cliff. Chance is fixed by name."""

    def __init__(self, seed=0):
        self.seed, self.asked = seed, []

    def values(self, config):
        s = config.settings
        chance = random.Random(f"{self.seed}:{config.name}")
        harm = 3.5 * s["cut"] ** 2 * (0.15 if s["steps"] else 1) + 6 / BITS[s["form"]] ** 2.6
        score = 0.985 / (1 + harm**3) + chance.uniform(-0.004, 0.004)
        speed = 9000 * (1 + 0.5 * s["cut"]) * (1.3 if s["form"] != "F32" else 1)
        return {
            **config.known,
            "score": min(1.0, max(0.0, score)),
            "speed": speed * chance.uniform(0.99, 1.01),
        }

    def __call__(self, config, fidelity):
        self.asked.append((config.name, fidelity))
        values = self.values(config)
        half = 0.02 if fidelity == 1 else 0.04
        reach = {"score": (values["score"] - half, min(1.0, values["score"] + half))}
        return Measured(values, reach, n=round(300 * fidelity))


def run(tmp_path, landscape, target="best", trials=16, seed=0, name="j"):
    question = Question(AXES, parse(target), PARENT)
    with Journal(tmp_path / f"{name}{seed}", {"search": name}) as journal:
        return search(spaces(), landscape, question, trials=trials, seed=seed, journal=journal)


def scaled(values):
    """Put all axes into a box of 1: size in shares of the parent's."""
    return {"size": values["size"] / 5e5, "score": values["score"], "speed": values["speed"] / 2e4}


@pytest.mark.parametrize("seed", range(3))
def test_a_third_of_the_trials_finds_the_front_within_a_hundredth(tmp_path, seed):
    land = Landscape(seed)
    found = run(tmp_path, land, seed=seed)
    assert len({name for name, _ in land.asked}) == len(found.tried) == 16
    worst = {"size": 1.05, "score": 0.0, "speed": 0.0}
    all_ = hypervolume([scaled(land.values(c)) for c in spaces()], AXES, worst)
    mine = hypervolume([scaled(p.values) for p in found.points()], AXES, worst)
    assert mine >= 0.99 * all_


@pytest.mark.parametrize("target", ["size<=100KB, score>=98%, fastest", "score>=98%, smallest"])
@pytest.mark.parametrize("seed", range(2))
def test_the_best_under_a_target_is_found(tmp_path, target, seed):
    land, wanted = Landscape(seed), parse(target)
    found = run(tmp_path, land, target, seed=seed)
    every = [land.values(c) for c in spaces()]
    kept = [v[wanted.wish] for v in every if wanted.kept(v, PARENT)]
    mine = [p.values[wanted.wish] for p in found.points() if wanted.kept(p.values, PARENT)]
    if wanted.wished.bigger:
        assert max(mine) >= 0.99 * max(kept)
    else:
        assert min(mine) <= 1.01 * min(kept)


def test_what_is_weaker_at_the_same_cost_waits_for_the_stronger(tmp_path):
    """Recovery costs no bytes and no speed: without it nothing is tried before the same with it."""
    shaped = [
        dataclasses.replace(one, shape=f"{one.settings['form']} {one.settings['cut']}")
        for one in spaces()
    ]
    land = Landscape()
    with Journal(tmp_path / "j", {"search": "shaped"}) as journal:
        question = Question(AXES, parse("best"), PARENT)
        search(shaped, land, question, trials=40, seed=0, journal=journal)
    order = {name: at for at, (name, _) in reversed(list(enumerate(land.asked)))}
    plain = [name for name in order if name.endswith("-0")]
    assert plain
    for name in plain:
        assert order[name.removesuffix("0") + "150"] < order[name]


def test_what_breaks_the_target_by_its_bytes_is_never_tried(tmp_path):
    land = Landscape()
    found = run(tmp_path, land, "size<=100KB, fastest")
    assert found.aside
    assert all(config.known["size"] > 100_000 for config in found.aside)
    assert not {c.name for c in found.aside} & {name for name, _ in land.asked}


def test_nothing_that_keeps_the_target_is_said_before_any_trial(tmp_path):
    land = Landscape()
    with pytest.raises(NothingKeepsError, match="keeps size <= 1 KB: the smallest has about"):
        run(tmp_path, land, "size<=1KB, best")
    assert land.asked == []


def test_too_few_trials_are_refused(tmp_path):
    with pytest.raises(BadTrialsError):
        run(tmp_path, Landscape(), trials=2)


def test_the_same_seed_tries_the_same_and_another_seed_not(tmp_path):
    first, again, other = Landscape(), Landscape(), Landscape()
    run(tmp_path, first, trials=8, name="a")
    run(tmp_path, again, trials=8, name="b")
    run(tmp_path, other, trials=8, seed=3, name="c")
    assert first.asked == again.asked != other.asked


def test_a_search_that_was_cut_goes_on_without_running_a_trial_twice(tmp_path):
    class Falls(Landscape):
        def __call__(self, config, fidelity):
            if len(self.asked) == 7:
                raise UnavailableError("the engine is gone")
            return super().__call__(config, fidelity)

    whole = Landscape()
    expected = run(tmp_path, whole, trials=10, name="whole")
    first, second = Falls(), Landscape()
    with pytest.raises(UnavailableError):
        run(tmp_path, first, trials=10, name="cut")
    found = run(tmp_path, second, trials=10, name="cut")
    assert first.asked + second.asked == whole.asked
    assert found == expected


def test_what_cannot_be_made_is_noted_and_counts(tmp_path):
    class Refuses(Landscape):
        def __call__(self, config, fidelity):
            if config.settings["form"] == "Q4_0":
                raise InvalidError("rows of 256 are needed")
            return super().__call__(config, fidelity)

    found = run(tmp_path, Refuses(), trials=12)
    errors = [one for one in found.tried if one.measured.error]
    assert errors
    assert all("rows of 256" in one.measured.error for one in errors)
    assert not {one.config.name for one in errors} & {p.name for p in found.points()}
    assert len(found.tried) == 12


def test_a_hopeless_trial_ends_on_a_part_of_the_rows(tmp_path):
    land, few = Landscape(), spaces()[::4]
    question = Question(AXES, parse("best"), PARENT)
    with Journal(tmp_path / "few", {}) as journal:
        found = search(few, land, question, trials=len(few), journal=journal)
    short = [one for one in found.tried if not one.full]
    assert short
    best = front([Point(c.name, land.values(c)) for c in few], AXES)
    assert not {one.config.name for one in short} & {point.name for point in best}
    assert all((one.config.name, 1.0) not in land.asked for one in short)


def test_a_small_space_is_tried_whole(tmp_path):
    question = Question(AXES, parse("best"), PARENT)
    few = spaces()[:4]
    with Journal(tmp_path / "few", {}) as journal:
        found = search(few, Landscape(), question, trials=50, journal=journal)
    assert {one.config.name for one in found.tried} == {c.name for c in few}
    assert not math.isnan(found.points()[0].values["score"])
