"""llama.cpp's `timings` are cut off where they are the last field, and nowhere else."""

import json

import pytest

from volano.serving.timings import without_timings

TIMINGS = b',"timings":{"cache_n":0,"prompt_ms":0.607,"predicted_per_second":4026.84}'


@pytest.mark.parametrize(("begin", "end"), [(b"", b""), (b"data: ", b"\n\n"), (b"", b"\n")])
def test_the_last_field_is_cut_off(begin, end):
    data = begin + b'{"choices":[],"usage":{"total_tokens":3}' + TIMINGS + b"}" + end
    assert without_timings(data) == begin + b'{"choices":[],"usage":{"total_tokens":3}}' + end


@pytest.mark.parametrize(
    "data",
    [b"", b"{}", b'{"a":1}', b'{"a":1' + TIMINGS + b',"b":2}', b'{"a":1,"timings":{"x":{}}}',
     b'{"a":1,"timings":{', b'{"timings":{"x":1}}'],
)  # fmt: skip
def test_anything_else_is_left_as_it_is(data):
    assert without_timings(data) == data


def test_a_text_that_speaks_of_timings_is_no_field():
    said = {"content": ',"timings":{"x":1}}', "more": 'a,"timings":{}}'}
    data = json.dumps(said, separators=(",", ":")).encode()
    assert without_timings(data) == data
