import logging
import os

from volano.serving.memory import MemoryLimit, resident_bytes


def test_the_memory_of_a_process_is_what_the_kernel_says():
    assert resident_bytes(os.getpid()) > 1 << 20
    assert resident_bytes(2**22 + 1) is None


def test_who_takes_too_much_is_ended_with_a_word(caplog):
    took, killed, now = {1: 90, 2: 110}, [], [0.0]
    limit = MemoryLimit(
        100, measure=took.get, kill=lambda pid, number: killed.append((pid, number)),
        monotonic=lambda: now[0],
    )  # fmt: skip
    with caplog.at_level(logging.ERROR):
        assert limit.tick([("engine-a", 1), ("engine-b", 2), ("engine-c", 3)]) == ["engine-b"]
    assert killed == [(2, 9)]
    assert "engine-b" in caplog.text and "engine_max_mib" in caplog.text
    assert limit.tick([("engine-b", 2)]) == []  # not at every tick
    now[0] = 2.0
    assert limit.tick([("engine-b", 2)]) == ["engine-b"]


def test_no_limit_ends_nobody():
    assert MemoryLimit(0, measure=lambda _: 1 << 50).tick([("engine-a", 1)]) == []
