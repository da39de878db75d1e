import pytest

from simulators.line import Line
from simulators.upstream import Upstream
from simulators.workers import Channel, Workers, arm, snapshot

ACTS = ["ok", "slow", "stall", "status-400", "status-429", "status-401", "status-500", "html",
        "lie", "close", "cut", "quiet-end", "error-event", "bytes", "crlf", "endless", "big",
        "garbage", "headers"]  # fmt: skip


@pytest.fixture(scope="package")
def upstream(tmp_path_factory):
    made = Upstream(unix=tmp_path_factory.mktemp("up") / "engine.sock")
    yield made
    made.stop()


@pytest.fixture(scope="package")
def gateway(upstream, tmp_path_factory):
    """One worker; each of the upstream's acts is a channel of that name."""
    made = Workers(tmp_path_factory.mktemp("gw") / "state", retry_s=0.3, kept_bytes=20_000)
    channels = {act: Channel(arms=(arm(upstream.url, act),)) for act in ACTS}
    made.publish(snapshot(channels, max_body_bytes=1 << 20))
    made.start(1, timeouts="first_byte_s=2.5, connect_s=2.5")  # far above what a busy machine adds
    yield made
    made.close()


@pytest.fixture()
def line(gateway):
    made = Line(gateway.port)
    yield made
    made.close()
