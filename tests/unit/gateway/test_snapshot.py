import msgspec
import pytest

from simulators.workers import arm, snapshot
from volano.core.errors import VolanoError
from volano.gateway.errors import SnapshotError
from volano.gateway.snapshot import (
    Arm,
    Caching,
    Channel,
    Flow,
    Key,
    Limit,
    Sign,
    Snapshot,
    Target,
    check_arm,
    read,
    write,
)


def one(**more):
    return snapshot({"support": Channel(arms=(arm("unix:/x", "m", **more),))})


def test_what_was_written_is_read(tmp_path):
    snap = one(flow=Flow(before=({"role": "system", "content": "你好"},), user=("<", ">"),
                         defaults={"max_tokens": 9}))  # fmt: skip
    write(tmp_path / "snapshot.json", snap)
    assert read(tmp_path / "snapshot.json") == snap
    assert (tmp_path / "snapshot.json").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    "change",
    [
        {"channels": {"c": Channel(arms=())}},
        {"channels": {"c": Channel(arms=(arm("unix:/x", "m", share=5),))}},
        {"channels": {"c": Channel(arms=(arm("ftp://x", "m"),))}},
        {"channels": {"c": Channel(arms=(arm("unix:/x", "m", release="a\r\nb"),))}},
        {"channels": {"c": Channel((arm("unix:/x", "m"),), caching=Caching(60, "world"))}},
        {"channels": {"c": Channel((arm("unix:/x", "m"),), caching=Caching(0))}},
        {"hmac_secret_hex": "zz"},
        {"spool_policy": "perhaps"},
    ],
)
def test_an_impossible_snapshot_is_refused_at_both_ends(tmp_path, change):
    bad = msgspec.structs.replace(one(), **change)
    with pytest.raises(VolanoError, match="cannot be used"):
        write(tmp_path / "snapshot.json", bad)
    (tmp_path / "snapshot.json").write_bytes(msgspec.json.encode(bad))
    with pytest.raises(VolanoError, match="cannot be used"):
        read(tmp_path / "snapshot.json")


@pytest.mark.parametrize("data", [b"", b"{}", b'{"generation":"x"}', b"\xff\xfe"])
def test_a_file_that_is_no_snapshot_is_refused(tmp_path, data):
    (tmp_path / "s").write_bytes(data)
    with pytest.raises(VolanoError):
        read(tmp_path / "s")
    with pytest.raises(VolanoError):
        read(tmp_path / "absent")


def test_a_target_of_an_older_snapshot_speaks_chat_completions_at_its_path():
    raw = b'{"name": "a", "url": "http://x", "model": "m", "path": "/p"}'
    old = msgspec.json.decode(raw, type=Target)
    assert old.dialects == {"openai.chat": "/p"}
    assert (old.keys, old.signs, old.enabled, old.weight) == ((), (), True, 1)


def test_what_is_secret_in_a_target_is_not_shown():
    sign = Sign("eu-west-1", "AKIA-secret", "key-secret", "token-secret")
    lines = {"authorization": "Bearer secret"}
    target = Target("a", "https://x", "m", headers=lines, keys=(lines,), signs=(sign,))
    arm = Arm("r@1", "d", (target,))
    assert "secret" not in f"{arm!r} {target} {sign!r}"


def test_an_unknown_strategy_and_a_line_break_in_a_key_are_refused():
    target = Target("a", "https://x", "m")
    with pytest.raises(ValueError, match="strategy"):
        check_arm("c", Arm("r@1", "d", (target,), strategy="best"))
    broken = msgspec.structs.replace(target, keys=({"x-api-key": "a\r\nb: c"},))
    with pytest.raises(ValueError, match="line break"):
        check_arm("c", Arm("r@1", "d", (broken,)))


@pytest.mark.parametrize(
    "limits",
    [
        {"key/a": Limit(4096, 0)}, {"key/a": Limit(-1, 0)}, {"key/a": Limit(0, 256)},
        {"key/a": Limit(0, 0), "key/b": Limit(0, 1)}, {"key/a": Limit(0, 0, rpm=0)},
        {"key/a": Limit(0, 0, tpm=2**40)},
    ],
)  # fmt: skip
def test_a_limit_that_would_be_counted_elsewhere_is_refused(tmp_path, limits):
    with pytest.raises(SnapshotError):
        write(tmp_path / "s.json", Snapshot(1, 1, "00", limits=limits))


def test_a_key_of_an_older_control_has_no_ranges_and_every_door():
    key = msgspec.json.decode(b'{"id":"a","scopes":["chat:x"]}', type=Key)
    assert key.may_come_from("203.0.113.9")
    assert key.may_enter("openai.chat")
    assert not Key("a", ips=("10.0.0.0/8",)).may_come_from("203.0.113.9")
