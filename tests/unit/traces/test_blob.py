"""Blobs are zstd frames, whatever their size."""

import zstandard
from hypothesis import example, given
from hypothesis import strategies as st

from volano.traces.blob import SHORT_BYTES, framed, packer

pack = packer(-1)


@given(st.integers(0, 3 * SHORT_BYTES), st.binary(min_size=1, max_size=64))
@example(255, b"a")
@example(256, b"a")
@example(SHORT_BYTES, b"a")
@example(SHORT_BYTES + 1, b"a")
def test_every_zstd_reader_opens_a_blob(size, seed):
    data = (seed * (size // len(seed) + 1))[:size]
    blob = pack(data)
    assert zstandard.decompress(blob) == data
    assert zstandard.get_frame_parameters(blob).content_size == size


def test_short_ones_are_as_long_as_they_were_and_a_header():
    assert len(framed(bytes(1000))) == 1000 + 10
    assert len(pack(bytes(100_000))) < 100
