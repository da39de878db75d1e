"""The framing of AWS event streams: cut anywhere, broken anywhere."""

from contextlib import suppress
from datetime import UTC, datetime
from struct import pack
from uuid import UUID
from zlib import crc32

import pytest
from hypothesis import given
from hypothesis import strategies as st

from volano.wire.eventstream import BrokenMessageError, Message, Reader, encode

# "Encoded messages" of the specification's test vectors, as awslabs publishes them
EMPTY = bytes.fromhex("000000100000000005c248eb7d98c8ff")
STRING_HEADER = bytes.fromhex(
    "0000003d0000002007fd83960c636f6e74656e742d747970650700106170706c69636174696f6e2f6a736f6e"
    "7b27666f6f273a27626172277d8d9c08b1"
)
INT32_HEADER = bytes.fromhex(
    "0000002d0000001041c424b80a6576656e742d74797065040000a00c7b27666f6f273a27626172277d36f480a0"
)


def test_the_published_vectors():
    assert Reader().feed(EMPTY) == [Message({}, b"")]
    assert Reader().feed(INT32_HEADER) == [Message({"event-type": 40972}, b"{'foo':'bar'}")]
    said = Message({"content-type": "application/json"}, b"{'foo':'bar'}")
    assert Reader().feed(STRING_HEADER) == [said]
    assert encode(said.headers, said.payload) == STRING_HEADER
    assert encode({}) == EMPTY


values = (
    st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.binary(max_size=50)
    | st.text(max_size=30)
    | st.uuids()
    | st.datetimes(timezones=st.just(UTC)).map(lambda d: d.replace(microsecond=0))
)
names = st.text(min_size=1, max_size=20)
messages = st.lists(
    st.builds(Message, st.dictionaries(names, values, max_size=4), st.binary(max_size=200)),
    max_size=5,
)


@given(messages, st.lists(st.integers(0, 2000)))
def test_what_was_written_is_read_however_it_is_cut(said, cuts):
    data = b"".join(encode(m.headers, m.payload) for m in said)
    reader, heard, at = Reader(), [], 0
    for cut in [*sorted(cuts), len(data)]:
        heard += reader.feed(data[at:cut])
        at = max(at, cut)
    assert heard == said
    assert reader.empty


@given(messages.filter(bool), st.data())
def test_a_changed_byte_is_noticed(said, data):
    sound = b"".join(encode(m.headers, m.payload) for m in said)
    at = data.draw(st.integers(0, len(sound) - 1))
    broken = bytearray(sound)
    broken[at] ^= data.draw(st.integers(1, 255))
    reader = Reader()
    with pytest.raises(BrokenMessageError):
        heard = reader.feed(bytes(broken))
        assert heard == said[: len(heard)]
        raise BrokenMessageError if not reader.empty else AssertionError


@given(st.binary(max_size=300))
def test_garbage_is_an_error_and_nothing_else(data):
    reader = Reader()
    try:
        reader.feed(data)
    except BrokenMessageError:
        return
    assert reader.empty or len(data) < 12


@given(st.binary(max_size=60))
def test_garbage_headers_under_a_sound_checksum(raw):
    lengths = pack("!II", len(raw) + 16, len(raw))
    message = lengths + pack("!I", crc32(lengths)) + raw
    with suppress(BrokenMessageError):
        Reader().feed(message + pack("!I", crc32(message)))


def test_a_message_too_long_is_refused_before_it_has_come():
    sound = encode({}, b"x" * 1000)
    with pytest.raises(BrokenMessageError, match="longer than allowed"):
        Reader(max_message=1000).feed(sound[:12])
    assert len(Reader(max_message=1016).feed(sound)) == 1


def test_all_types_of_header():
    headers = {
        "yes": True, "no": False, "long": -5, "bytes": b"\0\1", "word": "wört",
        "time": datetime(2026, 1, 2, tzinfo=UTC), "id": UUID(int=7),
    }  # fmt: skip
    assert Reader().feed(encode(headers)) == [Message(headers, b"")]
    assert Message(headers, b"").word("word") == "wört"
    assert Message(headers, b"").word("long") == ""


def test_what_does_not_fit_is_not_written():
    with pytest.raises(ValueError, match="32767"):
        encode({"a": "x" * 40000})
    with pytest.raises(ValueError, match="255"):
        encode({"": 1})
