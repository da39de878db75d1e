"""One key may be in several variables together."""

from volano.gateway.key_variables import KeyVariables


def test_one():
    one = KeyVariables("A")
    assert (one.noun, one.all, one.needed, one.until) == ("variable", "`A`", "`A`", "until it is")
    assert (one.are_set, one.are_not_set) == ("`A` is set", "`A` is not set")


def test_several_hold_one_key_together_and_the_third_may_be_missing():
    three = KeyVariables("A:B:C", mark="")
    assert (three.noun, three.all, three.needed) == ("variables", "A, B and C", "A and B")
    assert (three.are_set, three.are_not_set) == ("A, B and C are set", "A and B are not both set")
    assert three.until == "until they are"
