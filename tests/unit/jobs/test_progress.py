from volano.jobs import progress


def test_lines_come_back_in_order(tmp_path):
    path = tmp_path / "p.jsonl"
    progress.write(path, 1, 10, 100, {"loss": 0.5})
    progress.write(path, 2, 20, 100, {"loss": float("nan"), "veszteség": 1})
    first, second = progress.read(path, stage="train")
    assert (first.step, first.share, first.metrics) == (10, 0.1, {"loss": 0.5})
    assert (second.stage, second.metrics) == ("train", {"loss": None, "veszteség": 1.0})
    assert progress.last(path).step == 20


def test_corrupt_lines_are_passed_over(tmp_path):
    path = tmp_path / "p.jsonl"
    progress.write(path, 1, 1, 3, {})
    with path.open("ab") as file:
        file.write(b'\x00\xff\xfe{{{\n[1,2]\n{"at_us":1}\n')
        file.write(b'{"at_us":"x","step":1,"of":1,"metrics":{}}\n')
        file.write(b'{"at_us":1,"step":1e999,"of":1,"metrics":{}}\n\n')
    progress.write(path, 2, 2, 3, {})
    assert [p.step for p in progress.read(path)] == [1, 2]
    assert progress.last(path).step == 2


def test_a_line_torn_by_a_kill_costs_only_itself(tmp_path):
    path = tmp_path / "p.jsonl"
    progress.write(path, 1, 1, 3, {})
    with path.open("ab") as file:
        file.write(b'{"at_us": 2, "st')
    assert progress.last(path).step == 1
    progress.write(path, 3, 3, 3, {})
    assert [p.step for p in progress.read(path)] == [1, 3]


def test_no_file_is_no_progress(tmp_path):
    assert progress.read(tmp_path / "none") == []
    assert progress.last(tmp_path / "none") is None


def test_the_newest_line_is_found_in_a_long_file(tmp_path):
    path = tmp_path / "p.jsonl"
    line = b'{"at_us": 1, "step": 1, "of": 0, "metrics": {}}\n'
    path.write_bytes(line * (progress.TAIL_BYTES // len(line) * 2))
    progress.write(path, 9, 99, 0, {})
    assert (progress.last(path).step, progress.last(path).share) == (99, None)
