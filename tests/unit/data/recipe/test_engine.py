"""The same rows on any executor, from any state of the cache; only what changed is done again."""

import resource
import shutil

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from toy_steps import Break, Drop, NoTextError, Odd, Rare, Twice, Unique, Upper

from volano.data.recipe.engine import passes_of
from volano.data.recipe.errors import DamagedShardError, StepBrokeError
from volano.data.recipe.executor import Inline, Processes, executor_of
from volano.store.errors import DiskFullError

ANY = [Upper(), Drop(2), Drop(3), Twice(), Unique(), Rare(2), Rare(4), Odd()]


@pytest.fixture(scope="module")
def processes():
    pool = Processes(2)
    yield pool
    pool.close()


def naive(steps, rows):
    """What steps do to rows when nothing is cut into shards, for those that are simple."""
    texts = [(row["n"], row["text"]) for row in rows]
    for step in steps:
        if isinstance(step, Upper):
            texts = [(n, text.upper()) for n, text in texts]
        elif isinstance(step, Drop):
            texts = [(n, text) for n, text in texts if n % step.by]
        elif isinstance(step, Twice):
            texts = [one for one in texts for _ in range(2)]
        elif isinstance(step, Unique):
            seen = set()
            texts = [(n, t) for n, t in texts if not (t in seen or seen.add(t))]
    return [text for _, text in texts]


def test_steps_are_fused_into_passes():
    steps = [Upper(), Drop(2), Unique(), Upper(), Rare(), Rare()]
    assert [len(one) for one in passes_of(steps)] == [2, 2, 1, 1]
    assert passes_of([]) == []


def test_rows_and_reasons_come_in_order(kitchen):
    made = kitchen.run([Upper(), Drop(3), Unique()])
    assert kitchen.texts(made) == naive([Upper(), Drop(3), Unique()], kitchen.rows())
    assert kitchen.reasons(made)[:2] == [
        ("toy-drop", "divides by 3", 0),
        ("toy-drop", "divides by 3", 3),
    ]
    assert [(one.step, one.rows_in, one.rows_out) for one in made.steps] == [
        ("collect", 20, 20), ("toy-upper", 20, 20), ("toy-drop", 20, 13), ("toy-unique", 13, 8),
    ]  # fmt: skip
    assert made.counts()["rejected"] == 12
    assert made.steps[1].changed == {"upper case": 16}


@pytest.mark.slow
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    steps=st.lists(st.sampled_from(ANY), max_size=6),
    count=st.integers(0, 30),
    again=st.integers(0, 6),
)
def test_any_steps_give_the_same_rows_inline_in_processes_and_from_the_cache(
    kitchen, processes, steps, count, again
):
    shutil.rmtree(kitchen.cache.folder, ignore_errors=True)
    rows = kitchen.rows(count)
    inline = kitchen.run(steps, rows, Inline())
    cached = kitchen.run(steps, rows, Inline())
    shutil.rmtree(kitchen.cache.folder)
    kitchen.run(steps[:again], rows, Inline())
    many = kitchen.run(steps, rows, processes)
    assert inline.shards == cached.shards == many.shards
    assert inline.rejected == cached.rejected == many.rejected
    assert inline.counts() == cached.counts() == many.counts()
    assert inline.content == many.content
    if not any(isinstance(step, Odd | Rare) for step in steps):
        assert kitchen.texts(inline) == naive(steps, rows)


def test_a_changed_step_runs_again_and_those_after_it(kitchen):
    kitchen.run([Upper(), Drop(2), Drop(3), Twice()])
    made = kitchen.run([Upper(), Drop(2), Drop(5), Twice()])
    assert [one.cached for one in made.steps] == [5, 5, 5, 0, 0]


def test_a_step_that_gives_the_same_rows_ends_the_work(kitchen):
    kitchen.run([Upper(), Unique()])
    made = kitchen.run([Upper(), Upper(), Unique()])
    assert made.steps[2].cached == 0
    assert made.steps[3].cached == made.steps[3].shards == 5


def test_rows_that_are_added_leave_the_others_cached(kitchen):
    kitchen.limits = type(kitchen.limits)(rows=5, size=10_000)
    kitchen.run([Upper()], kitchen.rows(20))
    assert kitchen.run([Upper()], kitchen.rows(30)).steps[1].cached == 4


def test_a_whole_step_is_decided_again_when_any_shard_changes(kitchen):
    kitchen.run([Unique()], kitchen.rows(20))
    made = kitchen.run([Unique()], [{"n": 0, "text": "new"}, *kitchen.rows(20)[1:]])
    assert made.steps[1].cached == 0


def test_a_poisoned_shard_is_found_out_and_made_again(kitchen):
    good = kitchen.run([Upper(), Drop(3), Unique()])
    for shard in kitchen.files("shards"):
        shard.write_bytes(shard.read_bytes()[:-3] + b"abc")
    made = kitchen.run([Upper(), Drop(3), Unique(), Twice()])
    again = kitchen.run([Upper(), Drop(3), Unique()])
    assert again.content == good.content
    assert kitchen.texts(made) == [
        text for text in naive([Upper(), Drop(3), Unique()], kitchen.rows()) for _ in range(2)
    ]


def test_poison_of_the_same_length_and_bombs_are_found_out(kitchen):
    import zstandard

    good = kitchen.run([Upper()])
    path = kitchen.cache.shards.path(good.shards[0].sha256)
    for evil in (b'{"n":666}\n', b" " * 10_000_000):
        path.write_bytes(zstandard.compress(evil))
        with pytest.raises(DamagedShardError):
            list(kitchen.cache.shards.read(good.shards[0]))
    assert kitchen.texts(kitchen.run([Upper(), Drop(7)])) == naive(
        [Upper(), Drop(7)], kitchen.rows()
    )


def test_poisoned_files_of_a_decision_are_made_again(kitchen):
    good = kitchen.run([Unique()])
    for path in kitchen.files("made"):
        path.write_text("[]")
    for path in kitchen.files("entries"):
        if '"kept"' in path.read_text() or "changed" in path.read_text():
            path.unlink()
    assert kitchen.run([Unique()]).content == good.content


def test_torn_entries_count_as_none(kitchen):
    good = kitchen.run([Upper(), Unique()])
    for number, path in enumerate(sorted(kitchen.files("entries"))):
        path.write_bytes([b"", b"{", b"[]", b'{"shards":[["x",1,1]]}', b"\xff"][number % 5])
    assert kitchen.run([Upper(), Unique()]).content == good.content


@pytest.mark.parametrize("how", ["bug", "none"])
@pytest.mark.parametrize("executor", [Inline(), None], ids=["inline", "processes"])
def test_a_broken_step_says_where(kitchen, processes, executor, how):
    with pytest.raises(StepBrokeError) as raised:
        kitchen.run([Upper(), Break(5, how), Drop(2)], executor=executor or processes)
    assert raised.value.message.startswith("The step `toy-break` broke at the row from row 5: ")
    assert "volano data preview" in raised.value.advice
    assert len(kitchen.run([Upper()]).shards) == 5


def test_an_error_of_a_steps_own_is_left_as_it_is(kitchen, processes):
    with pytest.raises(NoTextError):
        kitchen.run([Break(5, "ours")], executor=processes)


def test_a_full_disk_stops_the_run_and_it_goes_on_when_there_is_room(kitchen, tmp_path):
    import random

    rng = random.Random(3)
    rows = [{"n": n, "text": rng.randbytes(400).hex()} for n in range(8)]
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        with pytest.raises(DiskFullError):
            kitchen.run([Upper()], rows)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert not list(kitchen.cache.folder.rglob(".tmp-*"))
    assert kitchen.texts(kitchen.run([Upper()], rows)) == [row["text"].upper() for row in rows]


def test_a_sample_takes_the_first_rows(kitchen):
    made = kitchen.run([Upper()], sample=6)
    assert len(kitchen.texts(made)) == 6
    assert len(kitchen.texts(kitchen.run([Upper()]))) == 20


def test_progress_is_told(kitchen):
    told = []
    kitchen.engine(tell=lambda *at, **metrics: told.append((at, metrics))).run(
        kitchen.inputs(), [Upper(), Unique()]
    )
    assert told[-1][0] == (20, 20)
    assert told[-1][1]["left_s"] == 0
    assert told[-1][1]["rows"] == 80


def test_a_shard_that_grows_is_poured_out_piece_by_piece(kitchen, monkeypatch):
    from volano.data.recipe import shard

    monkeypatch.setattr(shard, "SPILL_BYTES", 100)
    made = kitchen.run([Twice(), Twice()])
    assert kitchen.texts(made) == naive([Twice(), Twice()], kitchen.rows())
    assert not [one for one in kitchen.files("shards") if one.name.startswith("spilled")]


def test_the_number_of_workers_chooses_the_executor():
    assert isinstance(executor_of(1), Inline)
    assert isinstance(executor_of(2), Processes)
