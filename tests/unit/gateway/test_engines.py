"""Engines: one process for a base and its adapters, and no number that changes its meaning."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from support.workspace import ANNA
from volano.core.digest import Digest
from volano.core.manifest import Parent
from volano.gateway import draining
from volano.gateway import engines as module
from volano.gateway.draining import SETTLE_S
from volano.gateway.engines import Engines, Sizes
from volano.gateway.scaling import Load
from volano.gateway.turnover import Number
from volano.models import adapter
from volano.models.errors import ModelNotUsableError
from volano.serving.hosting import guess
from volano.serving.wanted import Wanted


@pytest.fixture(autouse=True)
def roomy(monkeypatch):
    """Whatever the machine has, there is memory."""
    monkeypatch.setattr(draining, "critical", lambda: False)


@pytest.fixture
def base(desk):
    return desk.models.builtin(by=ANNA)


@pytest.fixture
def adapted(desk, base, tmp_path):
    """Make an adapter on the built-in model; nobody loads it here."""

    def make(name, *, passed=True):
        folder = tmp_path / name
        folder.mkdir()
        (folder / adapter.SERVED).write_bytes(b"GGUF" + name.encode())
        (folder / adapter.WEIGHTS).write_bytes(b"tensors")
        digest = Digest.of((folder / adapter.SERVED).read_bytes())
        proof = {"n": 1, "equal": int(passed), "precision": "F32", "required": 0.99}
        files = {
            adapter.CONFIG: {"r": 8}, "recipe.json": {}, "card.json": {},
            "parity.json": {**proof, "passed": passed, "gguf": digest},
        }  # fmt: skip
        for file, value in files.items():
            (folder / file).write_text(json.dumps(value))
        return desk.models.import_trained(
            name, folder, parents=[Parent("base", base.digest)], by=ANNA
        )

    return make


@pytest.fixture
def run(desk):
    folder = desk.folder / "run"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture
def up(monkeypatch):
    """The names of engines that answer; none does until it is added."""
    found = set()
    monkeypatch.setattr(module, "answers", lambda spec: spec.name in found)
    return found


@pytest.fixture
def now(monkeypatch):
    moment = [1000.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: moment[0])
    return moment


def wished(run):
    return Wanted(run / "engines.json").read()


def where(engines, model):
    [target] = engines.targets(model)
    return target


def test_a_base_and_its_adapters_share_one_process(desk, base, adapted, run, up):
    engines = Engines(run, desk.models, Sizes())
    one, two = adapted("one"), adapted("two")
    engines.wish([base, one, two])
    [spec] = wished(run)
    assert spec.alias == base.ref
    assert {alias for alias, _ in spec.adapters} == {one.ref, two.ref}
    for model in (one, two):
        target = where(engines, model)
        [said] = target.fields["lora"]
        alias, path = spec.adapters[said["id"]]
        assert (alias, said["scale"], target.url) == (model.ref, 1.0, spec.address)
        assert Path(path).read_bytes() == b"GGUF" + model.name.encode()
        assert "anthropic.messages" not in target.dialects  # its field would be dropped there
    target = where(engines, base)
    assert target.fields == {"lora": [{"id": 0, "scale": 0.0}]}
    assert "anthropic.messages" not in target.dialects


def publish(engines, *models):
    """Tell the workers where these are asked."""
    for model in models:
        engines.published(model, engines.targets(model))


def test_a_new_adapter_is_served_when_its_engine_answers_and_nobody_waits(
    desk, base, adapted, run, up, now
):
    engines = Engines(run, desk.models, Sizes())
    one = adapted("one")
    engines.wish([base, one])
    before = where(engines, one)
    up.add(before.name)
    two = adapted("two")
    engines.wish([base, one, two])
    assert len(wished(run)) == 2
    assert where(engines, one) == before
    publish(engines, base, one, two)
    assert not engines.moved()
    assert where(engines, two).url != before.url
    up.add(where(engines, two).name)
    assert engines.moved()
    after = where(engines, one)
    assert after.url == where(engines, base).url == where(engines, two).url != before.url
    assert engines.moved()  # whoever looks, the workers were not told yet
    publish(engines, base, one, two)
    assert not engines.moved()
    now[0] += module.LINGER_S + 1
    engines.wish([base, one, two])
    assert [spec.address for spec in wished(run)] == [after.url]


def test_many_that_join_before_any_engine_answers_leave_one_engine(
    desk, base, adapted, run, up, now
):
    engines = Engines(run, desk.models, Sizes())
    models = [base]
    for name in ("one", "two", "three"):
        models.append(adapted(name))
        engines.wish(models)
        [found] = {where(engines, model).url for model in models}
    assert [spec.address for spec in wished(run)] == [found]


def test_an_adapter_that_is_not_needed_any_more_does_not_restart_the_others(
    desk, base, adapted, run, up
):
    engines = Engines(run, desk.models, Sizes())
    one, two = adapted("one"), adapted("two")
    engines.wish([one, two])
    [before] = wished(run)
    engines.wish([one])
    assert wished(run) == [before]


def test_control_comes_back_to_the_engines_that_run(desk, base, adapted, run, up):
    one, two = adapted("one"), adapted("two")
    Engines(run, desk.models, Sizes()).wish([one, two])
    [before] = wished(run)
    again = Engines(run, desk.models, Sizes())
    again.wish([one])
    assert wished(run) == [before]
    assert where(again, one).url == before.address


def test_an_adapter_without_parity_is_refused(desk, base, adapted, run):
    with pytest.raises(ModelNotUsableError, match="0 of 1"):
        Engines(run, desk.models, Sizes()).check(adapted("bad", passed=False))


def test_replicas_have_sockets_of_their_own_and_one_queue_each(desk, base, run):
    engines = Engines(run, desk.models, Sizes(replicas=3, queue=5))
    engines.wish([base])
    targets = engines.targets(base)
    assert {target.url for target in targets} == {spec.address for spec in wished(run)}
    assert len({target.url for target in targets}) == 3
    assert {target.queue for target in targets} == {5}


def test_embeddings_have_a_process_of_their_own(desk, base, adapted, run, up):
    engines = Engines(run, desk.models, Sizes(embeddings=True))
    one = adapted("one")
    engines.wish([base, one])
    texts, vectors = engines.targets(base)
    assert list(vectors.dialects) == ["openai.embeddings"]
    assert {spec.address: spec.embeds for spec in wished(run)} == {
        texts.url: False, vectors.url: True,
    }  # fmt: skip
    assert len(engines.targets(one)) == 1


def test_replicas_are_asked_when_they_answer(desk, base, run, up):
    engines = Engines(run, desk.models, Sizes(replicas=3))
    engines.wish([base])
    first, second, third = sorted(target.name for target in engines.targets(base))
    publish(engines, base)
    up |= {first, third}
    assert engines.moved()
    publish(engines, base)
    assert {target.name for target in engines.targets(base)} == {first, third}
    assert not engines.complete(base)
    up.add(second)
    assert engines.moved()
    assert len(engines.targets(base)) == 3
    assert engines.complete(base)


def test_one_that_is_replaced_is_asked_no_more_and_ends_when_it_works_on_nothing(
    desk, base, run, up, now, monkeypatch
):
    engines = Engines(run, desk.models, Sizes(replicas=3))
    engines.wish([base])
    up |= {spec.name for spec in wished(run)}
    assert len(engines.targets(base)) == 3
    busy = {f"{base.digest.short}.3": True}
    monkeypatch.setattr(engines._draining, "_busy", lambda spec: busy[spec.name])
    engines.wish([base], {}, {str(base.digest): Number(2, 2, 2)})
    assert len(engines.targets(base)) == 2
    now[0] += 60
    engines.wish([base], {}, {str(base.digest): Number(2, 2, 2)})
    assert len(wished(run)) == 3
    assert engines.draining()
    busy[f"{base.digest.short}.3"] = False
    engines.wish([base], {}, {str(base.digest): Number(2, 2, 2)})
    assert len(wished(run)) == 2
    assert not engines.draining()


def test_the_next_engine_waits_for_the_memory_of_the_one_that_drains(
    desk, base, run, up, now, monkeypatch
):
    engines = Engines(run, desk.models, Sizes(replicas=3))
    numbers = {str(base.digest): Number(1, 1, 1)}
    engines.wish([base], {}, numbers)
    [spec] = wished(run)
    leaving = replace(spec, name="old", address="unix:/old.sock")
    up |= {spec.name, "old"}
    monkeypatch.setattr(engines._draining, "_busy", lambda _: True)
    engines._draining._last["old"] = leaving
    engines.wish([base], {}, numbers)
    engines.wish([base], {}, {str(base.digest): Number(2, 1, 1)})
    assert {one.name for one in wished(run)} == {spec.name, "old"}
    monkeypatch.setattr(engines._draining, "_busy", lambda _: False)
    now[0] += 60
    engines.wish([base], {}, {str(base.digest): Number(2, 1, 1)})
    assert {one.name for one in wished(run)} == {spec.name, f"{spec.name}.2"}


def test_one_more_than_needed_is_asked_once_it_answers_and_held_up_by_nobody(
    desk, base, run, up, now
):
    engines = Engines(run, desk.models, Sizes(replicas=4))
    engines.wish([base], {}, {str(base.digest): Number(2, 2, 1)})
    first, second = wished(run)
    up.add(first.name)
    assert [at.name for at in engines.targets(base)] == [first.name]
    engines.published(base, engines.targets(base))
    assert engines.complete(base)
    assert not engines.moved()
    up.add(second.name)
    assert engines.moved()
    assert [at.name for at in engines.targets(base)] == [first.name, second.name]


def test_one_that_lingers_after_it_was_replaced_does_not_grow_again(
    desk, base, run, up, now, monkeypatch
):
    engines = Engines(run, desk.models, Sizes(replicas=3))
    monkeypatch.setattr(engines._draining, "_busy", lambda _: False)
    engines.wish([base])
    up |= {spec.name for spec in wished(run)}
    engines.wish([base], {}, {str(base.digest): Number(1, 1, 1)})
    now[0] += 10
    engines.wish([])
    engines.wish([])
    assert [spec.name for spec in wished(run)] == [base.digest.short]


def test_what_drains_since_this_very_wish_holds_up_the_next_engine(
    desk, base, run, up, now, monkeypatch
):
    engines = Engines(run, desk.models, Sizes(replicas=2))
    monkeypatch.setattr(engines._draining, "_busy", lambda _: False)
    engines.wish([base])
    [first, second] = wished(run)
    old = replace(first, name="old", address="unix:/old.sock")
    up |= {first.name, "old"}
    engines.wish([base], {}, {str(base.digest): Number(1, 1, 1)})
    engines._draining._last["old"] = old
    engines.wish([base], {}, {str(base.digest): Number(2, 1, 1)})
    assert {one.name for one in wished(run)} == {first.name, "old"}
    now[0] += 10
    engines.wish([base], {}, {str(base.digest): Number(2, 1, 1)})
    assert {one.name for one in wished(run)} == {first.name, second.name}


SCALED = Sizes(slots=8, replicas=1, most_replicas=3, scale_queue=4, scale_calm_s=60)


def rush(engines, base, now, loads, looks):
    """So many looks, five seconds apart, at the same load."""
    for _ in range(looks):
        engines.scale(loads)
        engines.wish([base])
        now[0] += 5


def test_a_rush_starts_one_more_that_is_asked_when_it_answers_and_goes_when_it_is_over(
    desk, base, run, up, now, monkeypatch
):
    engines = Engines(run, desk.models, SCALED)
    engines.wish([base])
    [first] = wished(run)
    up.add(first.name)
    publish(engines, base)
    rush(engines, base, now, {first.name: Load(30)}, 2)
    assert {spec.name for spec in wished(run)} == {first.name, f"{first.name}.2"}
    assert engines.complete(base), "a rollout need not wait for it"
    assert not engines.moved()
    rush(engines, base, now, {first.name: Load(30)}, 4)
    assert len(wished(run)) == 2, "the next waits until this one answers"
    up.add(f"{first.name}.2")
    assert engines.moved()
    assert len(engines.targets(base)) == 2
    publish(engines, base)
    monkeypatch.setattr(engines._draining, "_busy", lambda spec: False)
    rush(engines, base, now, {}, 16)
    assert engines.moved() and len(engines.targets(base)) == 1
    rush(engines, base, now, {}, 8)
    assert [spec.name for spec in wished(run)] == [first.name]


def test_what_a_rush_started_is_still_there_for_the_next_control(desk, base, run, up, now):
    engines = Engines(run, desk.models, SCALED)
    engines.wish([base])
    up |= {base.digest.short, f"{base.digest.short}.2"}
    rush(engines, base, now, {base.digest.short: Load(30)}, 2)
    again = Engines(run, desk.models, SCALED)
    again.wish([base])
    assert len(wished(run)) == 2
    Engines(run, desk.models, Sizes(slots=8)).wish([base])
    assert len(wished(run)) == 2, "of which one drains where nothing is scaled any more"


def test_no_number_changes_while_engines_take_places_one_by_one(desk, base, run, up, now):
    engines = Engines(run, desk.models, SCALED)
    engines.wish([base])
    up.add(base.digest.short)
    for _ in range(4):
        engines.scale({base.digest.short: Load(30)}, but=[base])
        now[0] += 5
    assert engines.replicas([base]) == 1


def test_a_release_that_takes_the_place_of_a_scaled_one_has_as_many_engines(
    desk, base, adapted, run, up, now
):
    other = replace(base, digest=Digest.of(b"another"))
    engines = Engines(run, desk.models, SCALED)
    engines.wish([base])
    up.add(base.digest.short)
    rush(engines, base, now, {base.digest.short: Load(30)}, 2)
    assert engines.replicas() == engines.replicas([base]) == 2
    assert engines.replicas([other]) == 1
    assert engines.level([base, other]) == 2
    assert engines.replicas([other]) == 2


def test_nothing_is_scaled_unless_it_is_asked_for(desk, base, run, up, now):
    engines = Engines(run, desk.models, Sizes(replicas=2))
    engines.wish([base])
    up |= {spec.name for spec in wished(run)}
    rush(engines, base, now, {base.digest.short: Load(300)}, 9)
    assert len(wished(run)) == 2


def test_a_rush_beside_an_engine_that_drains_starts_one_more_and_no_more_than_that(
    desk, base, run, up, now, monkeypatch
):
    engines = Engines(run, desk.models, SCALED)
    monkeypatch.setattr(engines._draining, "_busy", lambda _: True)
    engines.wish([base])
    [first] = wished(run)
    up |= {first.name, "old"}
    engines._draining._last["old"] = replace(first, name="old", address="unix:/old.sock")
    engines.wish([base])
    assert engines.draining()
    rush(engines, base, now, {first.name: Load(90)}, 8)
    assert engines.draining()
    assert {spec.name for spec in wished(run)} == {"old", first.name, f"{first.name}.2"}
    assert engines.replicas([base]) == 2, "the next waits until this one answers"


def test_nothing_more_starts_before_the_last_one_answers_also_when_it_was_not_wished_for_yet(
    desk, base, run, up, now
):
    engines = Engines(run, desk.models, SCALED)
    engines.wish([base])
    up.add(base.digest.short)
    for _ in range(8):
        engines.scale({base.digest.short: Load(90)})
        now[0] += 5
    assert engines.replicas([base]) == 2


def test_one_more_that_waits_to_take_a_place_goes_on_waiting_when_its_release_is_left(
    desk, base, run, up, now, monkeypatch
):
    engines = Engines(run, desk.models, Sizes(replicas=1, most_replicas=3))
    monkeypatch.setattr(engines._draining, "_busy", lambda _: True)
    engines.wish([base])
    [first] = wished(run)
    up |= {first.name, "old"}
    engines._draining._last["old"] = replace(first, name="old", address="unix:/old.sock")
    engines.wish([base], {}, {str(base.digest): Number(2, 1, 1)})
    engines.wish([])
    assert {spec.name for spec in wished(run)} == {"old", first.name}


@pytest.fixture
def second(desk, base, monkeypatch):
    """Another model that an engine of its own runs, of the same bytes."""
    other = replace(base, digest=Digest.of(b"another"))
    made = Engines._file
    monkeypatch.setattr(
        Engines, "_file", lambda self, model: made(self, base if model is other else model)
    )
    return other


def roomy_for(count, run, desk, base):
    """Sizes with memory for so many engines, as guessed."""
    engines = Engines(run, desk.models, SCALED)
    engines.wish([base])
    return replace(SCALED, max_bytes=guess(wished(run)[0]) * count)


def test_one_more_for_a_rush_never_takes_the_place_of_another_models_only_engine(
    desk, base, second, run, up, now
):
    engines = Engines(run, desk.models, roomy_for(2, run, desk, base))
    engines._hosting._monotonic = lambda: now[0]
    names = {base.digest.short, second.digest.short}
    up |= names
    calls = {str(base.digest): 1, str(second.digest): 1}
    for _ in range(20):
        calls[str(base.digest)] += 30
        engines.scale({base.digest.short: Load(30)})
        engines.wish([base, second], calls)
        now[0] += 5
    assert {spec.name for spec in wished(run)} == names
    assert [spec.name for spec in engines.aside()] == [f"{base.digest.short}.2"]


def test_one_more_for_a_rush_goes_for_another_models_only_engine_and_is_asked_no_more(
    desk, base, second, run, up, now
):
    engines = Engines(run, desk.models, roomy_for(2, run, desk, base))
    engines._hosting._monotonic = lambda: now[0]
    engines._draining._busy = lambda _: False
    first = base.digest.short
    up |= {first, f"{first}.2", second.digest.short}
    calls = {str(base.digest): 1}
    for _ in range(3):
        calls[str(base.digest)] += 30
        engines.scale({first: Load(17)})
        engines.wish([base], calls)
        now[0] += 5
    publish(engines, base)
    assert len(engines.targets(base)) == 2
    calls[str(base.digest)] += 30
    engines.wish([base, second], calls)
    assert {spec.name for spec in wished(run)} == {first, f"{first}.2"}, "it has calls, maybe"
    assert engines.moved() and engines.pressed()
    now[0] += SETTLE_S
    engines.wish([base, second], calls)
    assert {spec.name for spec in wished(run)} == {first, second.digest.short}
    assert not engines.pressed()
    assert [at.name for at in engines.targets(base)] == [first]


def test_a_rollout_replaces_only_as_many_engines_as_memory_has_room_for(
    desk, base, second, run, up, now
):
    engines = Engines(run, desk.models, roomy_for(1, run, desk, base))
    up.add(base.digest.short)
    rush(engines, base, now, {base.digest.short: Load(30)}, 3)
    assert [spec.name for spec in engines.aside()] == [f"{base.digest.short}.2"]
    assert engines.replicas([base]) == 1
    assert engines.level([base, second]) == 1


def test_a_new_row_of_adapters_is_asked_though_memory_lets_no_more_of_its_engines_run(
    desk, base, adapted, run, up, now
):
    one, two = adapted("one"), adapted("two")
    engines = Engines(run, desk.models, roomy_for(2, run, desk, base))
    engines._hosting._monotonic = lambda: now[0]
    engines._draining._busy = lambda _: False
    engines.wish([base, one])
    [before] = {at.name for at in engines.targets(one)}
    up.add(before)
    for _ in range(3):
        engines.scale({before: Load(30)})
        engines.wish([base, one])
        now[0] += 5
    up.add(f"{before}.2")
    engines.wish([base, one, two])
    after = engines.targets(two)[0].name
    now[0] += SETTLE_S
    engines.wish([base, one, two])
    up.add(after)
    assert f"{after}.2" in {spec.name for spec in engines.aside()}
    assert after in {at.name for at in engines.targets(one)}


def test_how_many_there_were_is_known_to_a_control_that_comes_back_amid_a_rollout(
    desk, base, second, run, up, now
):
    sizes = replace(SCALED, most_replicas=4)
    engines = Engines(run, desk.models, sizes)
    engines.wish([base])
    up |= {base.digest.short, *(f"{base.digest.short}.{n}" for n in (2, 3, 4))}
    rush(engines, base, now, {base.digest.short: Load(90)}, 8)
    assert engines.level([base, second]) == 4
    numbers = {str(base.digest): Number(2, 2, 2), str(second.digest): Number(3, 2, 2)}
    engines.wish([base, second], {}, numbers)
    again = Engines(run, desk.models, sizes)
    assert again.level([base, second]) == 4
    assert Engines(run, desk.models, replace(sizes, most_replicas=3)).level([base]) == 3
    engines._kept.path.write_text("[1, 2")
    assert Engines(run, desk.models, sizes).level([base]) == 1


def test_how_many_there_are_is_read_while_another_thread_wishes(desk, base, run, up, now):
    engines = Engines(run, desk.models, SCALED)
    engines.wish([base])

    class Met(list):
        """The forms of a base; while they are looked at, those of another base come."""

        def __getitem__(self, at):
            engines._forms[f"another-{len(engines._forms)}"] = []
            return super().__getitem__(at)

    key = str(base.digest)
    engines._forms[key] = Met(engines._forms[key])
    assert engines.replicas() == 1
    engines.scale({})
    assert engines.replicas() == 1
