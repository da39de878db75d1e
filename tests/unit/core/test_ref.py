"""Refs: four ways to name an artifact, in any language, and nothing else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from volano.core.ref import BadRefError, Ref, check_label, check_name

WORD = st.text(st.characters(categories=["Lu", "Ll", "Lo", "Nd"]), min_size=1, max_size=20)


@pytest.mark.parametrize(
    ("text", "ref"),
    [
        ("faq", Ref("faq")),
        ("faq@3", Ref("faq", number=3)),
        ("faq:stable", Ref("faq", label="stable")),
        ("faq@sha256:ab12cd", Ref("faq", digest="sha256:ab12cd")),
        ("support/staging@12", Ref("support/staging", number=12)),
        ("ügyfél:éles", Ref("ügyfél", label="éles")),
        ("заявки@1", Ref("заявки", number=1)),
        ("客服/问答:稳定", Ref("客服/问答", label="稳定")),
        ("हिन्दी:ทดสอบ่", Ref("हिन्दी", label="ทดสอบ่")),
        ("שׁלום@2", Ref("\u05e9\u05c1\u05dc\u05d5\u05dd", number=2)),
        ("a.b-c_d", Ref("a.b-c_d")),
        ("e\u0301@1", Ref("\u00e9", number=1)),
    ],
)
def test_reads(text: str, ref: Ref) -> None:
    assert Ref.parse(text) == ref
    assert Ref.parse(ref) is ref


@pytest.mark.parametrize(
    "text",
    [
        "", " ", "@3", ":x", "faq@", "faq:", "faq@0", "faq@-1", "faq@1.5", "faq@x",
        "faq@2147483648", "faq@" + "9" * 5000, "faq@³", "faq@٣", "faq@1@2", "faq@1\n",
        "faq@sha256:", "faq@sha256:ab12", "faq@sha256:XYZ123", "faq@sha256:" + "a" * 65,
        "faq:a:b", "faq:a@1", "faq:9", "faq:-x", "faq:" + "x" * 65, "x" * 101,
        "a b", "a//b", "a/", "/a", "../a", "a/../b", "a..b", "-a", "a-",
        "faq\n", "faq\x00", "a\u202eb", "a\\b", "<script>", "\u0301a", "a\ufe0f", "a\u200bb",
        "a" + "\u0316" * 100,
    ],
)  # fmt: skip
def test_refuses(text: str) -> None:
    with pytest.raises(BadRefError) as caught:
        Ref.parse(text)
    assert "name@3" in caught.value.advice
    assert len(caught.value.message) < 200


@given(st.text())
def test_any_text_is_a_ref_or_is_refused(text: str) -> None:
    try:
        ref = Ref.parse(text)
    except BadRefError:
        return
    assert Ref.parse(str(ref)) == ref


@given(WORD, WORD, st.integers(1, 2**31 - 1))
def test_what_is_printed_reads_back(name: str, label: str, number: int) -> None:
    for ref in (Ref(check_name(name)), Ref(check_name(name), number=number)):
        assert Ref.parse(str(ref)) == ref
    if not label[0].isdecimal():
        ref = Ref(check_name(name), label=check_label(label))
        assert Ref.parse(str(ref)) == ref
