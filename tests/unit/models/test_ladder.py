import gguf
import numpy as np
import pytest

from volano.models.export import RowsDoNotFitError, ladder

WEIGHTS = np.random.default_rng(7).normal(0, 0.1, (4, 256)).astype(np.float32)


def error(kind: str) -> float:
    """The root mean square of what packing changes, as a share of the weights'."""
    packed = ladder.pack(WEIGHTS, kind)
    back = gguf.quants.dequantize(packed, gguf.GGMLQuantizationType[kind])
    return float(np.sqrt(np.mean((back - WEIGHTS) ** 2)) / WEIGHTS.std())


@pytest.mark.parametrize("kind", ladder.LADDER)
def test_every_type_packs_as_many_bytes_as_it_says(kind):
    per_block, size = gguf.GGML_QUANT_SIZES[gguf.GGMLQuantizationType[kind]]
    assert ladder.pack(WEIGHTS, kind).nbytes == WEIGHTS.size // per_block * size


def test_the_ladder_goes_down():
    """`ggml_quantize_chunk` is a symbol, no API: were it another function, this would show."""
    fine, middle, coarse = error("Q8_0"), error("Q5_K"), error("Q2_K")
    assert 0 < fine < 0.02 < middle < 0.1 < coarse < 0.5


def test_ggml_packs_as_gguf_does():
    ours = ladder._chunk(WEIGHTS, gguf.GGMLQuantizationType.Q8_0)
    assert np.array_equal(ours, ladder.pack(WEIGHTS, "Q8_0"))


def test_rows_that_do_not_fit_are_refused():
    with pytest.raises(RowsDoNotFitError, match="needs rows of 256"):
        ladder.pack(WEIGHTS[:, :64], "Q4_K", tensor="output")
    with pytest.raises(RowsDoNotFitError, match="needs rows of 32"):
        ladder.pack(WEIGHTS[:, :40], "Q8_0")
