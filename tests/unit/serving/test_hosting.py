"""Hosting: needs are measured and remembered, whoever is asked comes in, whoever serves stays."""

import json
from random import Random

import pytest

from volano.serving import EngineSpec
from volano.serving.hosting import SERVES_S, Hosting, guess

MIB = 1 << 20


def spec(name, tmp_path):
    return EngineSpec(name, str(tmp_path / f"{name}.gguf"), name, f"unix:/run/{name}.sock")


class House:
    def __init__(self, folder, limit_mib):
        self.folder, self.now, self.took = folder, 1000.0, {}
        self.limit = limit_mib * MIB
        self.hosting = self.again()
        self.calls = {}

    def again(self):
        return Hosting(
            self.folder,
            self.limit,
            measure=lambda pid: self.took.get(pid),
            monotonic=lambda: self.now,
        )

    def runs(self, *names):
        """Look, as if those that were to run did run and took what is said of them."""
        specs = [spec(name, self.folder) for name in names]
        kept = self.hosting.fit(specs, self.calls)
        pids = {one.name: number for number, one in enumerate(specs, 1) if one in kept}
        children = {f"engine-{name}": {"pid": pid} for name, pid in pids.items()}
        (self.folder / "state.json").write_text(json.dumps({"children": children}))
        return [one.name for one in kept]

    def ask(self, name):
        self.calls[name] = self.calls.get(name, 0) + 1


@pytest.fixture
def house(tmp_path):
    return House(tmp_path, 400)


def test_without_a_limit_all_run(tmp_path):
    assert House(tmp_path, 0).runs("a", "b", "c", "d") == ["a", "b", "c", "d"]


def test_what_was_never_run_is_guessed_from_its_files(tmp_path):
    (tmp_path / "a.gguf").write_bytes(bytes(5 * MIB))
    assert guess(spec("a", tmp_path)) - guess(spec("b", tmp_path)) == 5 * MIB


def test_what_an_engine_took_is_remembered_by_the_next_control(house):
    house.took = {1: 350 * MIB}
    assert house.runs("a", "b") == ["a", "b"]  # guessed
    assert house.runs("a", "b") == ["b"]  # measured: no room for both, and the smaller stays
    house.hosting = house.again()
    assert house.runs("a", "b") == ["b"]


def test_what_is_asked_is_loaded_and_the_least_used_unloaded(house):
    for name in ("a", "b", "c"):
        house.now += 1
        house.runs(*"abc"[: "abc".index(name) + 1])
    house.took = dict.fromkeys((1, 2, 3), 150 * MIB)
    assert house.runs("a", "b", "c") == ["b", "c"]
    assert house.hosting.waits("a")
    house.now += 1
    house.ask("a")
    assert house.runs("a", "b", "c") == ["a", "c"]
    assert [one.name for one in house.hosting.aside] == ["b"]


def test_whoever_serves_now_is_not_put_out(house):
    house.took = {1: 350 * MIB}
    house.runs("a")
    house.ask("a")
    house.runs("a")
    house.now += SERVES_S / 2
    assert house.runs("a", "b") == ["a"]
    house.now += SERVES_S
    house.ask("b")
    assert house.runs("a", "b") == ["b"]


def test_what_is_put_out_answers_what_it_has_and_the_next_waits_for_its_memory(house):
    over = []
    house.hosting = Hosting(
        house.folder, house.limit, measure=lambda pid: house.took.get(pid), monotonic=lambda: house.now,
        done=lambda spec, waited_s: spec.name in over,
    )  # fmt: skip
    house.took = {1: 350 * MIB}
    house.runs("a")
    house.now += 1
    house.ask("b")
    for _ in range(2):
        assert house.runs("a", "b") == ["a"]
        assert [one.name for one in house.hosting.aside] == ["a", "b"], "neither takes calls"
        assert house.hosting.draining()
    over.append("a")
    assert house.runs("a", "b") == ["b"]
    assert [one.name for one in house.hosting.aside] == ["a"]
    assert not house.hosting.draining()


def test_what_is_put_out_and_asked_for_again_takes_calls_again(house):
    house.hosting._done = lambda spec, waited_s: False
    house.took = {1: 350 * MIB}
    house.runs("a")
    house.now += 1
    house.ask("b")
    house.runs("a", "b")
    house.now += 1
    house.ask("a")
    assert house.runs("a", "b") == ["a"]
    assert [one.name for one in house.hosting.aside] == ["b"]
    assert not house.hosting.draining()


@pytest.mark.parametrize("seed", range(40))
def test_whatever_is_wanted_nothing_that_leaves_and_works_is_missing(tmp_path, seed):
    random, names, over = Random(seed), "abcdef", set()
    sizes = {name: random.randrange(1, 300) * MIB for name in names}
    for name in names:
        with (tmp_path / f"{name}.gguf").open("wb") as file:
            file.truncate(sizes[name])
    house = House(tmp_path, 900)
    house.hosting._done = lambda spec, waited_s: spec.name in over
    before = set()
    for _ in range(40):
        leaving = house.hosting._left_s.keys() - over
        house.now += random.choice((1, SERVES_S))
        for name in random.sample(names, random.randrange(3)):
            house.ask(name)
        runs = set(house.runs(*names))
        assert leaving <= runs
        needs = {name: guess(spec(name, tmp_path)) for name in names}
        if runs - before:
            assert sum(needs[name] for name in runs) <= house.limit
        over, before = {name for name in names if random.random() < 0.3}, runs


def test_a_file_of_needs_that_is_none_is_as_if_it_were_not_there(house):
    (house.folder / "needs.json").write_text("[1, 2")
    assert house.again().fit([spec("a", house.folder)], {})
