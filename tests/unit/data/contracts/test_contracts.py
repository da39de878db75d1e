"""A contract is read strictly, holds every row, shows those that break it, and never hangs."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from volano.core.principal import Principal
from volano.data import Datasets
from volano.data.contracts import Contract, Contracts
from volano.data.contracts.check import SHOWN, check, guarded
from volano.data.contracts.errors import BadContractError, ContractBrokenError, NoContractError
from volano.data.contracts.infer import infer

ANNA = Principal("person", "anna")
TEXT = """
contract: 1
extra: refuse
columns:
  text: {type: text, required: true, min_length: 2, max_length: 9, class: personal}
  label: {type: text, one_of: [számla, доставка, 退货]}
  score: {type: number, min: 0, max: 1}
  order: {type: text, regex: "[A-Z]{2}-[0-9]+", unique: true}
"""


def rows(*given, split="train"):
    return [(split, row) for row in given]


def broken(contract, *given):
    return dict(check(contract, rows(*given)).rules)


def test_each_rule_is_held():
    contract = Contract.from_yaml(TEXT)
    good = {
        "text": "Grüße",
        "label": "退货",
        "score": 1,
        "order": "AB-1",
        "id": "x",
        "origin": None,
    }
    assert broken(contract, good, {"text": "ok"}, {"text": "ok", "order": None}) == {}
    assert broken(contract, good, good) == {"order: unique": 1}
    for wrong, rule in (
        ({"text": None}, "text: required"), ({"label": "számla"}, "text: required"),
        ({"text": 7}, "text: type"), ({"text": "a"}, "text: min_length"),
        ({"text": "a" * 10}, "text: max_length"), ({"text": "ok", "label": "x"}, "label: one_of"),
        ({"text": "ok", "score": -0.1}, "score: min"), ({"text": "ok", "score": 2}, "score: max"),
        ({"text": "ok", "score": True}, "score: type"), ({"text": "ok", "score": "1"}, "score: type"),
        ({"text": "ok", "order": "AB-"}, "order: regex"),
        ({"text": "ok", "order": "xAB-1"}, "order: regex"),
        ({"text": "ok", "order": "AB-1\n"}, "order: regex"),
        ({"text": "ok", "more": 1}, "more: extra"),
    ):  # fmt: skip
        assert broken(contract, wrong) == {rule: 1}, wrong


def test_true_is_not_one_and_a_whole_float_is_an_integer():
    contract = Contract.from_dict({"columns": {"n": {"type": "integer", "one_of": [1]}}})
    assert broken(contract, {"n": 1}, {"n": 1.0}) == {}
    assert broken(contract, {"n": True}) == {"n: type": 1}
    mixed = Contract.from_dict({"columns": {"n": {"one_of": [1]}}})
    assert broken(mixed, {"n": True}) == {"n: one_of": 1}


def test_the_rows_are_shown_and_counted():
    contract = Contract.from_dict({"columns": {"text": {"max_length": 3}}})
    given = rows(*({"text": "x" * (n % 5), "id": "1"} for n in range(5000)), split="test")
    found = check(contract, given)
    assert (found.rows, found.broken, len(found.first)) == (5000, 1000, SHOWN)
    assert (found.first[0].row, found.first[0].split) == (5, "test")
    error = found.error("faq")
    assert (
        error.message == "1000 of 5000 rows of `faq` break its contract: 1000 × text: max_length."
    )
    assert 'row 5 (test), text: its length 4 is above 3\n    {"text": "xxxx"' in error.shown


def test_a_pattern_that_would_never_end_ends():
    contract = Contract.from_dict({"columns": {"a": {"regex": "(a|aa)+(a+)+$"}}})
    assert broken(contract, {"a": "a" * 50_000 + "b"}) == {"a: regex": 1}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("[]", "no mapping `columns`"), ("columns: [1]", "no mapping"), ("a: [", "in line 1"),
        ("columns: {}\nrows: 1", "`rows` is unknown"), ("contract: 2\ncolumns: {}", "version 2"),
        ("columns: {}\nextra: maybe", "`extra` is allow or refuse"),
        ("columns: {a: {type: string}}", "`type` is one of text"),
        ("columns: {a: {class: top}}", "`class` is one of public"),
        ("columns: {a: {min: low}}", "`min` is a number"), ("columns: {a: {min: .nan}}", "`min`"),
        ("columns: {a: {min: 2, max: 1}}", "`min` is above `max`"),
        ("columns: {a: {max_length: -1}}", "`max_length` is 0 or more"),
        ("columns: {a: {max_length: 1.5}}", "whole number"),
        ("columns: {a: {required: 1}}", "true or false"), ("columns: {a: {one_of: x}}", "list"),
        ("columns: {a: {regex: '('}}", "`regex`"), ("columns: {a: {regex: '(?=x)'}}", "linear time"),
        (r"columns: {a: {regex: '(a)\1'}}", "linear time"), ("columns: {a: {regex: 1}}", "text in"),
        ("columns: {a: {length: 1}}", "`length` is unknown"), ("columns: {id: {}}", "by itself"),
        ("columns: {a: 1}", "no mapping"),
    ],
)  # fmt: skip
def test_what_is_no_contract_is_said(text, why):
    with pytest.raises(BadContractError) as caught:
        Contract.from_yaml(text, "c.yaml")
    assert why in caught.value.message and "`c.yaml`" in caught.value.message


def test_a_contract_is_written_as_it_was_read():
    contract = Contract.from_yaml(TEXT)
    assert Contract.from_yaml(contract.to_yaml()) == contract
    assert contract.columns["text"].classed == "personal"


def test_rows_go_on_and_the_end_says_no():
    contract = Contract.from_dict({"columns": {"a": {"type": "integer"}}})
    passed = []
    with pytest.raises(ContractBrokenError):
        passed.extend(guarded(contract, "faq", rows({"a": 1}, {"a": "x"}, {"a": 2})))
    assert list(guarded(contract, "faq", rows({"a": 1}))) == rows({"a": 1})


VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**53), 2**53), st.floats(allow_nan=False, allow_infinity=False),
    st.text(st.characters(exclude_categories=("Cs",)), max_size=8), st.lists(st.integers(0, 3), max_size=3),
    st.dictionaries(st.text("ab", max_size=2), st.integers(0, 3), max_size=2),
)  # fmt: skip
RECORDS = st.dictionaries(st.sampled_from(["a", "b", "ключ"]), VALUES, max_size=3)


@given(st.lists(RECORDS, max_size=80))
def test_rows_keep_the_contract_that_was_inferred_from_them(records):
    contract = infer(records)
    assert broken(contract, *records) == {}
    assert Contract.from_yaml(contract.to_yaml()) == contract


def test_what_is_inferred_says_what_is_there():
    given = [
        {"text": f"levél {n} a@b.hu", "label": "ab"[n % 2], "n": n, "x": n / 2} for n in range(60)
    ]
    found = infer(given).to_dict()["columns"]
    assert found["label"] == {"type": "text", "required": True, "one_of": ["a", "b"]}
    assert found["n"] == {"type": "integer", "required": True, "min": 0, "max": 59, "unique": True}
    assert found["text"]["class"] == "personal" and found["text"]["min_length"] == 1


@pytest.fixture
def contracts(catalog):
    def guard(name, rows):
        return made.guard(name, rows)

    made = Contracts(catalog, Datasets(catalog, guard=guard))
    made.datasets = Datasets(catalog, guard=guard)
    made.rows = Datasets(catalog, guard=guard)
    return made


def test_versions_that_break_the_contract_are_refused(contracts, tmp_path, anna):
    first = contracts.rows.write("faq", rows({"text": "short"}), meta={}, by=anna)
    path = tmp_path / "c.yaml"
    path.write_text("columns: {text: {type: text, max_length: 5}, label: {one_of: [a]}}")
    assert contracts.set("faq", path, by=anna).ref == "faq@1"
    assert contracts.check("faq@1")["broken"] == 0
    with pytest.raises(ContractBrokenError) as caught:
        contracts.rows.write("faq", rows({"text": "far too long"}), meta={}, by=anna)
    assert "far too long" in caught.value.shown
    with pytest.raises(ContractBrokenError):
        contracts.datasets.add("faq", [{"text": "t", "label": "b"}], test_share=0, by=anna)
    assert contracts.rows.get("faq").ref == first.ref
    contracts.datasets.add("faq", [{"text": "t", "label": "a"}], test_share=0, by=anna)
    contracts.datasets.add("other", [{"text": "t", "label": "b"}], test_share=0, by=anna)


def test_check_says_no_to_an_old_version(contracts, tmp_path, anna):
    contracts.rows.write("faq", rows({"n": 3}), meta={}, by=anna)
    with pytest.raises(NoContractError):
        contracts.check("faq")
    with pytest.raises(NoContractError):
        contracts.show("faq")
    path = tmp_path / "c.yaml"
    path.write_text("columns: {n: {max: 2}}")
    contracts.set("faq", path, by=anna)
    assert "max: 2" in contracts.show("faq")
    with pytest.raises(ContractBrokenError, match="1 of 1 rows of `faq@1`"):
        contracts.check("faq")
    assert "type: integer" in contracts.infer("faq")


@pytest.mark.parametrize(
    "data",
    [b"\xff\xfe", b"x" * 1_000_002, "# 很长".encode() * 120_000],
    ids=["bytes", "long", "long in Chinese"],
)
def test_files_that_are_none(contracts, tmp_path, anna, data):
    (tmp_path / "c.yaml").write_bytes(data)
    with pytest.raises(BadContractError):
        contracts.set("faq", tmp_path / "c.yaml", by=anna)
