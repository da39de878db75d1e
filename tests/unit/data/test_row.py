import pytest

from volano.data.errors import BadLabelError, BadRecordError, BadTextError
from volano.data.row import Schema, row_of, rows_of


def test_an_id_names_the_content_in_nfc():
    assert row_of("a\u0301", "x") == row_of("á", "x")
    assert row_of("á", "x").id != row_of("á", "y").id
    assert row_of("a", {"p": "1", "q": "2"}).id == row_of("a", {"q": "2", "p": "1"}).id
    assert row_of("tickets", {"queue": "refund"}).id == "1ff9c3dffd96824b"


def test_labels_that_are_numbers_become_text():
    rows, schema = rows_of([{"text": "a", "label": 1}, {"text": "b", "label": True}])
    assert [row.label for row in rows] == ["1", "true"]
    assert schema.is_text


def test_fields_take_the_order_of_the_first_row():
    raw = [{"text": "a", "label": {"q": 1, "p": "x"}}, {"text": "b", "label": {"p": "y", "q": "2"}}]
    rows, schema = rows_of(raw)
    assert [list(row.label) for row in rows] == [["q", "p"], ["q", "p"]]
    assert schema.fields == {"q": ("number", "text"), "p": ("text",)}
    assert Schema.from_dict(schema.to_dict()) == schema
    assert list(Schema.from_dict(schema.to_dict()).fields) == ["q", "p"]


@pytest.mark.parametrize(
    ("second", "why"),
    [
        ("x", "others are objects"), ({"q": "1"}, "`p` is missing"),
        ({"q": "1", "p": "2", "z": "3"}, "`z` is unknown"), (None, "missing"), ([], "list"),
        ({}, "empty"), ({"q": float("nan"), "p": "1"}, "nan"), ({"q": {1}, "p": ""}, "{1}"),
    ],
)  # fmt: skip
def test_mixed_labels_name_row_and_field(second, why):
    with pytest.raises(BadLabelError) as caught:
        rows_of([{"text": "a", "label": {"q": "1", "p": "2"}}, {"text": "b", "label": second}])
    assert "Row 2" in caught.value.message
    assert why in caught.value.message


@pytest.mark.parametrize("text", [None, 3, b"x", "\ud800", "x" * 200_001])
def test_texts_that_cannot_be_used(text):
    with pytest.raises(BadTextError, match="Row 1"):
        rows_of([{"text": text, "label": "x"}])


def test_an_own_id_beside_a_source_id_is_refused_and_not_lost():
    row = {"text": "a", "label": "b", "source_id": "x"}
    with pytest.raises(BadRecordError, match=r"Row 2 .*`source_id` already") as refused:
        rows_of([row, {**row, "id": "y"}])
    assert refused.value.advice == "Rename one of the two columns."
    [kept], _ = rows_of([{**row, "id": "0123456789abcdef"}])  # one of ours
    assert kept.more == {"source_id": "x"}
