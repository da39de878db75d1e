import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from volano.wire.sse import EventTooLongError, Framer, data_of, event, events

TEXTS = ["Hello", "wörld", "你好", "🎡", "", "a: b", "data:"]
BREAKS = st.sampled_from(["\n", "\r\n", "\r"])


@st.composite
def streams(draw):
    texts = draw(st.lists(st.sampled_from(TEXTS), min_size=1, max_size=8))
    end = draw(BREAKS)
    rows = [f"data: {json.dumps(t, ensure_ascii=False)}{end}{end}".encode() for t in texts]
    data = b"".join(rows)
    cuts = sorted(draw(st.lists(st.integers(0, len(data)), max_size=12)))
    pieces = [data[a:b] for a, b in zip([0, *cuts], [*cuts, len(data)], strict=True)]
    return texts, data, pieces


@settings(max_examples=300, deadline=None)
@given(streams())
def test_a_stream_split_anywhere_is_framed_at_event_boundaries(case):
    texts, data, pieces = case
    framer = Framer()
    blocks = [block for piece in pieces if (block := framer.feed(piece))]
    got = [json.loads(d) for block in blocks for _, d in events(block)]
    if framer.rest:  # a last CR may still be the first half of CR LF
        assert framer.rest.endswith(b"\r")
        got += [json.loads(d) for _, d in events(framer.rest)]
    assert got == texts
    assert b"".join(blocks) + framer.rest == data
    for block in blocks:  # no event was cut in two
        assert block.endswith((b"\n\n", b"\r\n\r\n", b"\r\r"))


def test_data_of_several_lines_is_joined():
    assert data_of(b": comment\nevent: x\ndata: one\ndata:two\nid: 3\n\n") == b"one\ntwo"


def test_an_event_without_end_is_refused():
    framer = Framer(max_event=100)
    with pytest.raises(EventTooLongError):
        for _ in range(20):
            framer.feed(b"data: xxxxxxx")


def test_a_long_event_in_small_pieces_is_not_read_again_for_each():
    framer, whole = Framer(), event(b"x" * 4_000_000)
    got = b"".join(framer.feed(whole[at : at + 64]) for at in range(0, len(whole), 64))
    assert got == whole
    assert framer.rest == b""


def test_an_event_made_here_reads_back():
    assert list(events(event(b"{}"))) == [(b"data: {}\n\n", b"{}")]
