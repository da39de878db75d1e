"""What names, numbers or unlocks a person is found by form and checksum, and masked without a rest."""

import itertools
import string

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from support.examples import examples
from support.stepping import FIVE, run
from volano.data.errors import BadStepError
from volano.data.pii import DETECTORS, Scan
from volano.data.pii.secrets import entropy
from volano.data.step import STEPS, Notes
from volano.data.steps.pii import Pii


def kinds(text, **settings):
    return [(one.kind, text[one.start : one.end]) for one in Scan(**settings)(text)]


FOUND = [
    ("email", "kovács.péter@példa.hu"), ("email", "first.last+tag@mail.example.com"), ("email", "анна@почта.рф"),
    ("phone", "+36 30 123 4567"), ("phone", "06 30 123 4567"), ("phone", "06-1-234-5678"), ("phone", "06301234567"),
    ("phone", "+49 (0)30 1234567"), ("phone", "0171 1234567"), ("phone", "030 12345678"), ("phone", "01711234567"),
    ("phone", "8 (495) 123-45-67"), ("phone", "+7 916 123-45-67"), ("phone", "89161234567"),
    ("phone", "13812345678"), ("phone", "138 1234 5678"), ("phone", "010-12345678"), ("phone", "+86 10 1234 5678"),
    ("phone", "(212) 555-0134"), ("phone", "212-555-0134 x123"), ("phone", "1-800-555-0199"), ("phone", "+1 415.555.2671"),
    ("phone", "0043 1 5880 0123"),
    ("iban", "HU42 1177 3016 1111 1018 0000 0000"), ("iban", "DE89370400440532013000"), ("iban", "GB29NWBK60161331926819"),
    ("card", "4111 1111 1111 1111"), ("card", "5500-0000-0000-0004"), ("card", "378282246310005"), ("card", "2200123456789019"),
    ("ip", "203.0.113.77"), ("ip", "2001:db8:85a3::8a2e:370:7334"), ("ip", "192.168.1.20"),
    ("national_id", "536-90-4399"), ("national_id", "36 574 261 809"), ("national_id", "112-233-445 95"),
    ("national_id", "500100732259"), ("national_id", "11010519491231002X"), ("national_id", "10773381-2-44"),
    ("secret", "sk-ant-api03-AbCdEfGhIjKlMnOpQrStUv"), ("secret", "ghp_abcdefghijklmnopqrstuvwxyz0123456789"),
    ("secret", "AKIAIOSFODNN7EXAMPLE"), ("secret", "sk-proj-abcdefghijklmnop1234"),
    ("secret", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dozjgNryP4J3jVmNHl0w5N"),
    ("secret", "npm_abcdefghijklmnopqrstuvwxyz0123456789"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "value"), FOUND, ids=[value for _, value in FOUND])
@pytest.mark.parametrize("around", ["{}", "x: {}, y", "Írja: {} !", "我的是 {}。", "(вот {})"])
def test_each_form_is_found_whole(kind, value, around):
    if kind == "national_id" and around == "{}" and not value[0].isdigit():
        pytest.fail("a national number begins with a digit")
    assert kinds(around.format(value)) == [(kind, value)]


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("adóazonosító jelem: 8438812341", "national_id", "8438812341"),
        ("TAJ szám: 123 456 788", "national_id", "123 456 788"),
        ("Steuer-ID: 36574261809", "national_id", "36574261809"),
        ("ИНН: 7707083893", "national_id", "7707083893"),
        ("my SSN is 536904399", "national_id", "536904399"),
        ("Telefon: 467 3395", "phone", "467 3395"),
        ("联系电话：62345678", "phone", "62345678"),
        ("card 630427373398", "card", "630427373398"),
        ("password: Tr0ub4dor&3x", "secret", "Tr0ub4dor&3x"),
        ("пароль: Ж4йКзцу8!", "secret", "Ж4йКзцу8!"),
        ("jelszavam = kX9#mQ2$vL", "secret", "kX9#mQ2$vL"),
        ("密码：aB3dE6gH9", "secret", "aB3dE6gH9"),
        ('"api_key": "9f86d081884c7d659a2feaa0c55ad015"', "secret", "9f86d081884c7d659a2feaa0c55ad015"),
        ("AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "secret",
         "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
        ("postgres://anna:hunter2@db.example/x", "secret", "hunter2"),
    ],
)  # fmt: skip
def test_a_word_before_it_tells_what_a_number_or_a_value_is(text, kind, value):
    found = kinds(text)
    assert any(k == kind and value in v for k, v in found), found


@pytest.mark.parametrize(
    "text",
    [
        "The fee is 1,234,567.89 USD in 2024-2025", "from 2024-01-15 to 15.01.2024 at 10:30:22",
        "version 1.2.3.4 and v 10.0.0.1", "127.0.0.1 and 0.0.0.0 and 255.255.255.0", "4111 1111 1111 1112",
        "order 12345678901", "DE89370400440532013001", "pi is 3.14159265358979", "std::vector<a::b>",
        "password: must be long", "password: your-password-here", "token: <TOKEN>", "a @ b", "ISBN 978-3-16-148410-0",
        "key: value and secret: something", "1700000000", "500100732250", "11010519491231002Y", "abc1234567890def",
        *FIVE.values(),
    ],
)  # fmt: skip
def test_what_is_no_personal_data_stays(text):
    assert kinds(text) == []


def test_a_block_of_a_key_goes_whole():
    text = "a\n-----BEGIN RSA PRIVATE KEY-----\nMIIEow\nabc\n-----END RSA PRIVATE KEY-----\nb"
    assert run(Pii(), [text])[0]["text"] == "a\n<SECRET_1>\nb"


def test_the_same_value_has_the_same_placeholder_within_a_row():
    row = {
        "text": "a@b.hu, C@D.hu; A@B.HU, +36 30 123 4567",
        "messages": [{"role": "user", "content": "+36301234567, c@d.hu"}],
    }
    [masked] = ran = run(Pii(columns=("text", "messages"), into="pii"), [row])
    assert masked["text"] == "<EMAIL_1>, <EMAIL_2>; <EMAIL_1>, <PHONE_1>"
    assert masked["messages"] == [{"role": "user", "content": "<PHONE_1>, <EMAIL_2>"}]
    assert masked["pii"] == {"email": 4, "phone": 2}
    assert ran.changed == {"email": 1, "phone": 1}


def test_the_next_row_counts_anew():
    assert [row["text"] for row in run(Pii(), ["x@y.hu", "z@y.hu"])] == ["<EMAIL_1>", "<EMAIL_1>"]


def test_with_a_salt_a_value_has_one_pseudonym_in_all_rows(monkeypatch):
    monkeypatch.setenv("SALT", "0123456789abcdef")
    one, two, three = run(Pii(salt_env="SALT"), ["x@y.hu", "it is X@Y.hu", "z@y.hu"])
    assert one["text"] in two["text"]
    assert one["text"] != three["text"]
    first = Pii(salt_env="SALT")
    assert "0123456789abcdef" not in repr(first)
    monkeypatch.setenv("SALT", "another salt of mine")
    assert Pii(salt_env="SALT").salt_id != first.salt_id
    assert run(Pii(salt_env="SALT"), ["x@y.hu"])[0]["text"] != one["text"]
    with pytest.raises(BadStepError, match="another salt"):
        Pii(salt_env="SALT", salt_id=first.salt_id)
    monkeypatch.setenv("SALT", "short")
    with pytest.raises(BadStepError, match="16 characters"):
        Pii(salt_env="SALT")


def test_rows_can_be_dropped_and_are_then_shown_masked():
    ran = run(Pii(action="drop"), ["fine", "call +36 30 123 4567"])
    assert [row["text"] for row in ran] == ["fine"]
    assert ran.dropped == {"personal data or secrets": 1}
    assert ran.rejected[0].row["text"] == "call <PHONE_1>"
    assert ran.rejected[0].detail == "1 phone"


def test_rows_can_be_counted_only():
    [row] = run(Pii(action="count", into="pii"), ["a@b.hu"])
    assert row == {"text": "a@b.hu", "pii": {"email": 1}}


def test_only_what_is_asked_for_is_found():
    text = "a@b.hu 06 30 123 4567"
    assert kinds(text, kinds=("email",)) == [("email", "a@b.hu")]
    assert kinds(text, countries=("us",)) == [("email", "a@b.hu")]


def test_others_bring_detectors(monkeypatch):
    monkeypatch.setattr(
        DETECTORS,
        "_items",
        {"person": lambda text: [(0, 5)] if text.startswith("Kovács"[:5]) else []},
    )
    [row] = run(Pii(find=("person", "email")), ["Kovác a@b.hu"])
    assert row["text"] == "<PERSON_1> <EMAIL_1>"
    with pytest.raises(BadStepError, match="person"):
        Pii(find=("face",))


@pytest.mark.parametrize(
    "settings",
    [
        {"action": "hide"},
        {"columns": ()},
        {"countries": ("fr",)},
        {"find": 3},
        {"salt_env": "NO_SUCH_SALT"},
    ],
)
def test_bad_settings_are_refused(settings):
    with pytest.raises(BadStepError):
        Pii(**settings)


WORDS = st.text(st.sampled_from(string.ascii_letters + " ,.\n!?éűöжя的我：-()@:=/"), max_size=40)


@examples(300)
@given(
    WORDS,
    st.sampled_from(
        [value for kind, value in FOUND if kind in ("email", "secret", "iban", "card")]
    ),
    WORDS,
)
def test_masking_leaves_nothing_of_a_planted_value(before, value, behind):
    text = f"{before} {value} {behind}"
    [row] = run(Pii(), [text])
    assert value not in row["text"]
    assert value[:8] not in row["text"].replace(before, "").replace(behind, "")


@examples(200)
@given(st.text(max_size=200))
def test_any_text_can_be_masked_and_the_rest_stays(text):
    found = Scan()(text)
    assert all(0 <= one.start < one.end <= len(text) for one in found)
    assert all(a.end <= b.start for a, b in itertools.pairwise(found))


@examples(50)
@given(st.integers(0, 10**18), st.integers(12, 19))
def test_a_number_with_a_wrong_check_digit_is_no_card(number, size):
    digits = str(number).zfill(size)[:size]
    assume(not Scan(("card",))(digits))
    assert run(Pii(find=("card",)), [digits])[0]["text"] == digits


HOSTILE = {
    "digits": "1" * 200_000, "groups": "1 " * 100_000, "fours": "4111 " * 40_000, "dashes": "1-" * 100_000,
    "ats": "@" * 100_000, "addresses": "a@" * 50_000, "dots": "a." * 100_000, "ibans": "DE89" * 40_000,
    "colons": ":" * 100_000, "hex": "a:" * 100_000, "equals": "password=" * 20_000, "keys": "-----BEGIN PRIVATE KEY-----" * 5_000,
    "octets": "1.1.1." * 30_000, "urls": "://a:" * 30_000, "brackets": "(+(" * 50_000, "jwt": "eyJ" * 50_000, "sk": "sk-" * 50_000,
    "phones": "06 30 123 4567 " * 10_000, "spaces": "1" + " " * 200_000 + "1",
}  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_hostile_text_is_gone_through_in_time(text):
    """Time that grew with the square of these texts would be hours: the test's own limit is the judge."""
    Scan()(text[: len(text) // 4])


def test_entropy_is_that_of_shannon():
    assert entropy("aaaa") == 0
    assert entropy("abcd") == 2


def test_a_column_that_is_not_there_is_told():
    notes = Notes("pii")
    rows = [{"text": "a@b.example"}, {"body": "x"}]
    list(STEPS.get("pii")(columns=("body",)).apply(rows, notes))
    assert notes.changed == {"no column body": 1}
