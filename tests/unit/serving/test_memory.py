import logging
import os

from volano.serving.memory import MemoryLimit, critical, resident_bytes


def test_the_memory_of_a_process_is_what_the_kernel_says():
    assert resident_bytes(os.getpid()) > 1 << 20
    assert resident_bytes(2**22 + 1) is None


def test_a_host_without_memory_is_known_by_what_is_available(tmp_path):
    said = tmp_path / "meminfo"
    assert not critical(tmp_path)
    for free, little in ((51, False), (49, True)):
        said.write_text(f"MemTotal: 1000 kB\nMemFree: 1 kB\nMemAvailable: {free} kB\n")
        assert critical(tmp_path) is little
    said.write_text("MemTotal: 1000 kB\nHugePages_Total: 0\n")
    assert not critical(tmp_path), "an old kernel"


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
