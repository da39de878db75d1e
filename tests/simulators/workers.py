"""Gateway workers as real processes on a shared listening socket, with a folder of their own."""

import hmac
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO

import msgspec

from volano.gateway.shared import Shared
from volano.gateway.snapshot import Arm, Channel, Flow, Key, Snapshot, Target, write

SECRET = bytes(range(32))
KEY = "vk_abcdefgh_0123456789abcdefghijABCDEFGHIJ01_zzzzzz"
NARROW = "vk_ijklmnop_0123456789abcdefghijABCDEFGHIJ01_yyyyyy"
SENDER = "vk_stuvwxyz_0123456789abcdefghijABCDEFGHIJ01_wwwwww"
OLD = "vk_qrstuvwx_0123456789abcdefghijABCDEFGHIJ01_xxxxxx"


def hashed(key: str) -> str:
    return hmac.digest(SECRET, key.encode(), "sha256").hex()


def arm(url: str, model: str, **more) -> Arm:
    target = Target(
        name=more.pop("target", "t1"), url=url, model=model, engine=more.pop("engine", False)
    )
    return Arm(release=more.pop("release", "support@1"), release_digest="sha256:" + "a" * 64,
               targets=(target,), **more)  # fmt: skip


def snapshot(channels: dict[str, Channel], generation: int = 1, **more) -> Snapshot:
    keys = {
        hashed(KEY): Key(id="abcdefgh", group="team/a"),
        hashed(NARROW): Key(id="ijklmnop", scopes=("chat:other",)),
        hashed(OLD): Key(id="qrstuvwx", expires_us=1),
        hashed(SENDER): Key(id="stuvwxyz", group="team/b", scopes=("chat:*", "traces")),
    }
    return Snapshot(generation=generation, published_us=1_700_000_000_000_000,
                    hmac_secret_hex=SECRET.hex(), keys=keys, channels=channels, **more)  # fmt: skip


class Workers:
    """Start with `start(n)`; `publish` swaps the snapshot and waits until all have it."""

    def __init__(self, folder: Path, **limits):
        self.folder = folder
        (folder / "run").mkdir(parents=True)
        self.shared = Shared(folder / "run" / "shared.bin")
        self.socket = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.socket.setblocking(False)
        self.port = self.socket.getsockname()[1]
        self.limits = limits
        self.processes: list[subprocess.Popen] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    def start(
        self,
        count: int = 1,
        timeouts: str = "",
        stderr: IO[bytes] | None = None,
        before: str = "",
        tls: tuple[Path, Path] | None = None,
    ) -> None:
        """Start so many. `before` is code that runs first in each, for instance to set a constant."""
        code = (
            f"{before}\n"
            "from pathlib import Path; from volano.gateway.worker import run; "
            "from volano.gateway.state import Limits; "
            "from volano.wire.http_client import Timeouts; "
            f"run({self.socket.fileno()}, Path({str(self.folder)!r}), 'w%d', "
            f"limits=Limits(upstream=Timeouts({timeouts}), **{self.limits!r}), "
            f"tls=tuple(map(Path, {tuple(map(str, tls or ()))!r})) or None)"
        )
        for i in range(count):
            self.processes.append(subprocess.Popen(
                [sys.executable, "-c", code % i], pass_fds=[self.socket.fileno()],
                env={**os.environ, "PYTHONPATH": "src"}, stderr=stderr,
            ))  # fmt: skip
        self.wait_applied()

    def publish(self, snap: Snapshot, *, wait: bool = True) -> None:
        write(self.folder / "run" / "snapshot.json", snap)
        self.shared.publish(snap.generation)
        if wait and self.processes:
            self.wait_applied()

    def wait_applied(self) -> None:
        living = [p.pid for p in self.processes if p.poll() is None]
        until(lambda: self._have_applied(living))

    def _have_applied(self, pids: list[int]) -> bool:
        applied = self.shared.workers()
        return all(applied.get(pid) == self.shared.generation for pid in pids)

    def frames(self, kind: int = 1) -> list:
        """All frames of a kind in the spool, decoded, oldest first."""
        from volano.traces import frame

        found = []
        for path in sorted((self.folder / "spool").glob("*.seg")):
            data, at, seed = path.read_bytes(), 0, frame.seed_of(path.name)
            while head := frame.parse_header(data, at, seed):
                payload = data[at + frame.HEADER_BYTES : at + frame.HEADER_BYTES + head.length]
                assert head.fits(payload, seed)
                at += frame.HEADER_BYTES + head.length
                if head.kind == kind:
                    decode = {1: frame.decode_call, 2: frame.decode_begin, 5: frame.decode_spans}
                    found.append(decode[kind](payload))
        return found

    def close(self) -> None:
        for process in self.processes:
            process.terminate()
        for process in self.processes:
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self.socket.close()
        self.shared.close()


def until(true: Callable[[], bool], within_s: float = 30.0) -> None:
    deadline = time.monotonic() + within_s
    while not true():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.003)


__all__ = [
    "KEY",
    "NARROW",
    "OLD",
    "SENDER",
    "Arm",
    "Channel",
    "Flow",
    "Workers",
    "arm",
    "msgspec",
    "snapshot",
    "until",
]
