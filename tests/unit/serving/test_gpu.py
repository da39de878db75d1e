import subprocess

import pytest

from volano.serving.gpu import GPU, choose, gpus, read

SAID = """\
0, GPU-aa, NVIDIA H100 80GB HBM3, 81559, 1024
1, GPU-bb, NVIDIA H100 80GB HBM3, 81559, 40000
2, GPU-cc, NVIDIA A10, 24564, 24000
3, GPU-dd, NVIDIA X, [N/A], [N/A]
"""
GIB = 1 << 30


def test_gpus_are_read_from_what_nvidia_smi_says():
    found = read(SAID)
    assert [gpu.index for gpu in found] == [0, 1, 2]
    assert found[1] == GPU(1, "GPU-bb", "NVIDIA H100 80GB HBM3", 81559 << 20, 40000 << 20)


@pytest.mark.parametrize(
    ("gib", "count", "chosen"),
    [
        (0.5, 1, [0]),  # the fullest with room
        (10, 1, [2]),
        (30, 1, [1]),
        (60, 1, None),
        (40, 2, [1, 2]),  # 20 GiB on each
        (60, 2, None),
        (1, 4, None),
    ],
)
def test_the_gpu_with_room(gib, count, chosen):
    found = choose(read(SAID), needs_bytes=int(gib * GIB), count=count)
    assert (found and [gpu.index for gpu in found]) == chosen


def test_without_a_driver_there_are_none():
    def missing(*_, **__):
        raise FileNotFoundError

    failed = subprocess.CompletedProcess([], 9, "NVIDIA-SMI has failed", "")
    assert gpus(missing) == []
    assert gpus(lambda *_, **__: failed) == []
