"""Canonical JSON: the vectors of RFC 8785, and volano's NFC on top."""

import json
import math
import struct
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from volano.core import canon
from volano.core.canon import MAX_SAFE_INTEGER, NotCanonicalError, canonical

# RFC 8785, appendix B: IEEE 754 bits, and how ECMAScript prints the number.
NUMBERS = {
    "0000000000000000": "0",
    "8000000000000000": "0",
    "0000000000000001": "5e-324",
    "8000000000000001": "-5e-324",
    "7fefffffffffffff": "1.7976931348623157e+308",
    "ffefffffffffffff": "-1.7976931348623157e+308",
    "4340000000000000": "9007199254740992",
    "c340000000000000": "-9007199254740992",
    "4430000000000000": "295147905179352830000",
    "44b52d02c7e14af5": "9.999999999999997e+22",
    "44b52d02c7e14af6": "1e+23",
    "44b52d02c7e14af7": "1.0000000000000001e+23",
    "444b1ae4d6e2ef4e": "999999999999999700000",
    "444b1ae4d6e2ef4f": "999999999999999900000",
    "444b1ae4d6e2ef50": "1e+21",
    "3eb0c6f7a0b5ed8c": "9.999999999999997e-7",
    "3eb0c6f7a0b5ed8d": "0.000001",
    "41b3de4355555553": "333333333.3333332",
    "41b3de4355555554": "333333333.33333325",
    "41b3de4355555555": "333333333.3333333",
    "41b3de4355555556": "333333333.3333334",
    "41b3de4355555557": "333333333.33333343",
    "becbf647612f3696": "-0.0000033333333333333333",
    "43143ff3c1cb0959": "1424953923781206.2",
}


@pytest.mark.parametrize(("bits", "text"), NUMBERS.items())
def test_numbers_of_the_rfc(bits: str, text: str) -> None:
    (number,) = struct.unpack(">d", bytes.fromhex(bits))
    assert canonical(number) == text.encode()


@pytest.mark.parametrize("bits", ["7fffffffffffffff", "7ff0000000000000", "fff0000000000000"])
def test_numbers_that_json_has_not(bits: str) -> None:
    (number,) = struct.unpack(">d", bytes.fromhex(bits))
    with pytest.raises(NotCanonicalError):
        canonical(number)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_number_reads_back_as_itself(number: float) -> None:
    text = canonical(number).decode()
    assert float(text) == number
    digits = text.lower().partition("e")[0].replace(".", "").strip("-0")
    assert len(digits) <= 17
    assert ("e" in text) == (number != 0 and not 1e-6 <= abs(number) < 1e21)


def test_integers() -> None:
    assert canonical([MAX_SAFE_INTEGER, -MAX_SAFE_INTEGER, 0]) == (
        b"[9007199254740991,-9007199254740991,0]"
    )
    for number in (2**53, -(2**53), 10**30):
        with pytest.raises(NotCanonicalError):
            canonical(number)


def test_the_sample_of_the_rfc() -> None:
    """RFC 8785 §3.2.2 to §3.2.4."""
    sample = r"""{
      "numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
      "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/",
      "literals": [null, true, false]
    }"""
    expected = bytes.fromhex(
        "7b226c69746572616c73223a5b6e756c6c2c747275652c66616c73655d2c226e756d62657273223a"
        "5b3333333333333333332e333333333333332c31652b33302c342e352c302e3030322c31652d32375d"
        "2c22737472696e67223a22e282ac245c75303030665c6e4127425c225c5c5c5c5c222f227d"
    )
    assert canonical(json.loads(sample)) == expected


def test_keys_sort_by_utf_16() -> None:
    """RFC 8785 §3.2.3: a pair of surrogates (😀) comes before U+FB00 and above."""
    keys = ["€", "\r", "\ufb01", "1", "😀", "\u0080", "ö"]
    pairs = json.loads(canonical(dict.fromkeys(keys, 0)), object_pairs_hook=list)
    assert [key for key, _ in pairs] == ["\r", "1", "\u0080", "ö", "€", "😀", "\ufb01"]


def test_only_what_must_is_escaped() -> None:
    assert canonical('\b\t\n\f\r"\\/\x1f\x7f\u2028é') == (
        '"\\b\\t\\n\\f\\r\\"\\\\/\\u001f\x7f\u2028é"'.encode()
    )


def test_text_is_nfc_however_it_was_typed() -> None:
    assert canonical({"cafe\u0301": "e\u0301"}) == canonical({"caf\u00e9": "\u00e9"})
    with pytest.raises(NotCanonicalError, match="same text"):
        canonical({"e\u0301": 1, "\u00e9": 2})


@pytest.mark.parametrize(
    "value", [b"bytes", {1: 2}, {None: 1}, {1, 2}, object(), "\ud800", {"\udfff": 1}, [{"x": b""}]]
)
def test_what_json_does_not_know_is_refused(value: object) -> None:
    with pytest.raises(NotCanonicalError):
        canonical(value)


PLAIN = st.recursive(
    st.none() | st.booleans() | st.text() | st.integers(-MAX_SAFE_INTEGER, MAX_SAFE_INTEGER)
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)  # fmt: skip


@given(PLAIN)
def test_canonical_is_json_and_a_fixed_point(value: object) -> None:
    try:
        data = canonical(value)
    except NotCanonicalError as error:
        assert "same text" in error.message
        return
    back = json.loads(data)
    assert _same(back, value)
    if not _has_big_float(back):
        assert canonical(back) == data


def _has_big_float(value: object) -> bool:
    """A float like 1e20 prints as an integer that is beyond the safe ones when read back."""
    if isinstance(value, dict | list):
        return any(map(_has_big_float, value.values() if isinstance(value, dict) else value))
    return isinstance(value, int) and abs(value) > MAX_SAFE_INTEGER


def _same(one: object, other: object) -> bool:
    if isinstance(other, dict):
        other = {unicodedata.normalize("NFC", key): item for key, item in other.items()}
        return one.keys() == other.keys() and all(_same(one[key], other[key]) for key in other)
    if isinstance(other, list):
        return len(one) == len(other) and all(map(_same, one, other))
    if isinstance(other, str):
        return one == unicodedata.normalize("NFC", other)
    if isinstance(other, float):
        return math.isclose(one, other, rel_tol=0)
    return one is other or one == other


@given(PLAIN)
def test_the_quick_way_writes_what_the_careful_one_writes(value):
    try:
        careful = canon._text(value).encode()
    except (NotCanonicalError, UnicodeEncodeError):
        return
    assert canonical(value) == careful
