"""Address ranges of a key: v4 and v6, single addresses, what is none."""

import pytest

from volano.access.address import check_range, check_ranges, within
from volano.access.errors import BadRangeError


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("10.0.0.0/8", "10.0.0.0/8"), ("192.0.2.7", "192.0.2.7/32"), (" 10.1.0.0/16 ", "10.1.0.0/16"),
        ("2001:DB8::/32", "2001:db8::/32"), ("::1", "::1/128"), ("0.0.0.0/0", "0.0.0.0/0"),
        ("10.0.0.0/255.0.0.0", "10.0.0.0/8"),
    ],
)  # fmt: skip
def test_ranges_there_are(text, kept):
    assert check_range(text) == kept


@pytest.mark.parametrize("text", ["", "10.0.0.256", "10.0.0.0/33", "localhost", "10.*", "::g", "1"])
def test_ranges_there_are_not(text):
    with pytest.raises(BadRangeError):
        check_range(text)


def test_bits_behind_the_prefix_are_a_slip_and_the_range_meant_is_named():
    with pytest.raises(BadRangeError, match=r"did you mean `10\.1\.0\.0/16`"):
        check_range("10.1.2.3/16")


def test_any_and_nothing_mean_everywhere():
    assert check_ranges(["any"]) == check_ranges([]) == check_ranges([""]) == ()
    assert check_ranges(["10.0.0.0/8", "10.0.0.0/8", "::1"]) == ("10.0.0.0/8", "::1/128")
    with pytest.raises(BadRangeError):
        check_ranges(["any", "10.0.0.0/8"])


@pytest.mark.parametrize(
    ("address", "inside"),
    [
        ("10.255.0.1", True), ("11.0.0.1", False), ("2001:db8:1::5", True), ("2001:db9::1", False),
        ("::ffff:10.0.0.1", True), ("::ffff:11.0.0.1", False), ("2001:db8::1%eth0", True),
        ("", False), ("unix", False), ("10.0.0.1:80", False),
    ],
)  # fmt: skip
def test_what_lies_in_a_range(address, inside):
    assert within(("10.0.0.0/8", "2001:db8::/32"), address) is inside


def test_without_ranges_every_address_will_do():
    assert within((), "")
    assert within((), "203.0.113.9")
