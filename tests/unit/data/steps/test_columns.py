import pytest

from volano.data.errors import BadStepError
from volano.data.step import Notes
from volano.data.steps.columns import Rename, Select


def run(step, *rows):
    notes = Notes(step.name)
    return list(step.apply([dict(row) for row in rows], notes)), notes


def test_select_keeps_columns_and_where_a_row_is_from():
    row = {"junk": 1, "label": "b", "text": "a", "origin": {"file": "x"}, "split": "test"}
    out, notes = run(Select(["text", "label"]), row, {"text": "c"})
    assert out == [{k: v for k, v in row.items() if k != "junk"}, {"text": "c"}]
    assert list(out[0])[:2] == ["text", "label"]
    assert notes.changed == {"1 column left out": 1}


def test_select_may_drop_rows_that_lack_a_column():
    out, notes = run(
        Select(("text", "label"), missing="drop"), {"text": "a"}, {"text": "b", "label": None}
    )
    assert out == [{"text": "b", "label": None}]
    assert notes.dropped == {"column missing": 1}


def test_rename_is_all_at_once():
    out, notes = run(Rename({"a": "b", "b": "a"}), {"a": 1, "b": 2, "c": 3}, {"c": 4})
    assert out == [{"b": 1, "a": 2, "c": 3}, {"c": 4}]
    assert notes.changed == {"renamed": 1}


def test_rename_guesses_nothing():
    out, notes = run(Rename({"body": "text"}), {"body": "a", "text": "b"})
    assert (out, notes.dropped) == ([], {"column name taken": 1})


@pytest.mark.parametrize(
    "make",
    [
        lambda: Select([]), lambda: Select("text"), lambda: Select([1]), lambda: Select(["a"], missing="x"),
        lambda: Rename({}), lambda: Rename({"a": "c", "b": "c"}), lambda: Rename({"origin": "o"}),
        lambda: Rename({"a": ""}), lambda: Rename(["a"]), lambda: Rename({"a": 3}),
    ],
)  # fmt: skip
def test_bad_settings_are_refused(make):
    with pytest.raises(BadStepError):
        make()
