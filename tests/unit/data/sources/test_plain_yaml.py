"""YAML that others wrote: what would unfold, hang or crash is a named error, or a text."""

import pytest

from volano.data.contracts.contract import Contract
from volano.data.contracts.errors import BadContractError
from volano.data.exchange.dvc import read_dvc
from volano.data.exchange.errors import BadFrontMatterError, BadTrackerFileError
from volano.data.exchange.hub import parted
from volano.data.sources.front import plain_yaml

BOMB = "a: &a [x, x]\n" + "".join(
    f"{chr(98 + n)}: &{chr(98 + n)} [*{chr(97 + n)}, *{chr(97 + n)}]\n" for n in range(20)
)
HOSTILE = {
    "a bomb": BOMB,
    "too deep": "a: " + "[" * 5000,
    "no date": "a: !!timestamp 2026-13-45",
    "no number": "a: !!int abc",
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_it_is_a_named_error_wherever_it_is_read(text, tmp_path):
    with pytest.raises(BadContractError):
        Contract.from_yaml(text + "\ncolumns: {a: {}}")
    with pytest.raises(BadFrontMatterError):
        parted(f"---\n{text}\n---\n")
    (tmp_path / "x.dvc").write_text(text + "\nouts: []\n")
    with pytest.raises(BadTrackerFileError):
        read_dvc(tmp_path)


def test_long_numbers_and_times_are_texts():
    assert plain_yaml("[1:30, 1.5, 12, 0x1F, 2026-13-45]") == ["1:30", 1.5, 12, 31, "2026-13-45"]
    assert plain_yaml("1" + ":59" * 100_000).startswith("1:59")
    assert plain_yaml("9" * 20_000) == "9" * 20_000
    with pytest.raises(BadContractError):
        Contract.from_yaml("columns: {a: {min: " + "9" * 20_000 + "}}")
