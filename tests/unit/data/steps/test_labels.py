import pytest

from volano.data.errors import BadStepError
from volano.data.step import Notes
from volano.data.steps.labels import MapLabels, UnmappedLabelError

TABLE = {"Számla": "billing", "Доставка": "shipping", "退款": "refund", "1": "one", "true": "yes"}


def run(step, *labels):
    notes = Notes(step.name)
    rows = [{"label": label} if label is not ... else {} for label in labels]
    return [row.get("label", ...) for row in step.apply(rows, notes)], notes


def test_labels_are_mapped_in_any_script_and_form():
    decomposed = "Sza\u0301mla"
    out, notes = run(MapLabels(TABLE), decomposed, "Доставка", "退款", 1, True, "refund")
    assert out == ["billing", "shipping", "refund", "one", "yes", "refund"]
    assert notes.changed == {"label mapped": 5}


def test_folding_compares_without_case():
    assert run(MapLabels(TABLE, fold=True), " SZÁMLA ", "ДОСТАВКА")[0] == ["billing", "shipping"]
    assert run(MapLabels(TABLE), " SZÁMLA ")[0] == []


def test_what_is_not_in_the_table():
    out, notes = run(MapLabels(TABLE), "x", None, ...)
    assert (out, notes.dropped) == ([], {"unmapped label": 1, "no label": 2})
    assert run(MapLabels(TABLE, unmapped="keep"), "x", None, ...)[0] == ["x", None, ...]
    with pytest.raises(UnmappedLabelError):
        run(MapLabels(TABLE, unmapped="fail"), "x")


def test_labels_may_become_objects():
    out, _ = run(MapLabels({"a": {"queue": "b"}}), "a", {"queue": "b"})
    assert out == [{"queue": "b"}, {"queue": "b"}]


@pytest.mark.parametrize(
    "settings",
    [{"table": {}}, {"table": ["a"]}, {"table": {"a": "b"}, "unmapped": "x"}, {"table": {"a": "b"}, "column": ""},
     {"table": {"A": "b", "a": "c"}, "fold": True}, {"table": {"a": "b"}, "fold": "no"}],
)  # fmt: skip
def test_bad_settings_are_refused(settings):
    with pytest.raises(BadStepError):
        MapLabels(**settings)
