import random
import resource

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.examples import examples
from support.steps import rows_of, run
from volano.data import spill
from volano.data.errors import BadStepError
from volano.data.fold import fold
from volano.data.steps.exact_dedup import EXACT, ExactDedup

TEXTS = ["Hol a csomagom?", "Где заказ?", "Wo ist meine Straße?", "我的订单在哪里", "Where is it?"]


@pytest.mark.parametrize("text", TEXTS)
def test_of_equal_texts_the_first_stays_and_is_named(text, tmp_path):
    rows = rows_of("x", text, f"  {text.upper()} ", "y")
    kept, (gone,) = run(ExactDedup(), rows, tmp_path, cuts=[2])
    assert [row["origin"]["line"] for row in kept] == [0, 1, 3]
    assert (gone.reason, gone.of, gone.detail) == (EXACT, {"line": 1}, None)


@given(
    st.lists(st.sampled_from(["a", "A ", "b", "ß", "ss", ""])),
    st.lists(st.integers(0, 9), max_size=3),
)
@examples(60)
def test_borders_of_shards_change_nothing(tmp_path_factory, texts, cuts):
    kept, gone = run(ExactDedup(), rows_of(*texts), tmp_path_factory.mktemp("e"), cuts=cuts)
    firsts = {fold(text): at for at, text in reversed(list(enumerate(texts)))}
    assert [row["origin"]["line"] for row in kept] == sorted(firsts.values())
    assert len(kept) + len(gone) == len(texts)


def test_a_row_is_all_its_columns_but_where_it_comes_from(tmp_path):
    rows = rows_of("a", "a", "a", "A")
    rows[1]["label"] = "x"
    kept, gone = run(ExactDedup(what="row"), rows, tmp_path / "row")
    assert [row["origin"]["line"] for row in kept] == [0, 1, 3]
    kept, gone = run(ExactDedup(what="columns", columns="label"), rows, tmp_path / "columns")
    assert [row["origin"]["line"] for row in kept] == [0, 1]
    assert gone[0].of == {"line": 0}


def test_rows_without_a_text_are_equal_to_none(tmp_path):
    rows = [{"n": 1}, {"n": 1}, {"text": None}, {"text": 3}, {"text": 3}]
    assert run(ExactDedup(), rows, tmp_path, cuts=[2])[0] == rows
    assert run(ExactDedup(), [], tmp_path / "none") == ([], [])


def test_half_a_character_is_no_reason_to_fail(tmp_path):
    assert len(run(ExactDedup(), rows_of("\ud800", "\ud801", "\ud800"), tmp_path)[0]) == 2


def test_parts_on_disk_give_what_memory_gives(tmp_path, monkeypatch):
    chance = random.Random(1)
    rows = rows_of(*(str(chance.randrange(200)) for _ in range(1000)))
    before = run(ExactDedup(), rows, tmp_path / "a")
    monkeypatch.setattr(spill, "PART", 50)
    assert run(ExactDedup(), rows, tmp_path / "b", cuts=[300, 301, 900]) == before


def test_hundreds_of_thousands_of_equal_rows_take_little_memory(tmp_path):
    step, folder = ExactDedup(), tmp_path / "shard"
    folder.mkdir()
    step.survey(({"text": "the same", "origin": {"line": 7}} for _ in range(200_000)), folder)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    (told,) = step.decide([folder], tmp_path)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000
    with open(told["drops"], "rb") as file:
        assert sum(1 for _ in file) == 199_999


@pytest.mark.parametrize("settings", [{"what": "all"}, {"what": "columns"}, {"column": 3}])
def test_settings_that_make_no_sense_are_refused(settings):
    with pytest.raises(BadStepError):
        ExactDedup(**settings)
