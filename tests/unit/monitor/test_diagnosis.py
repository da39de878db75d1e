"""A slow spell is diagnosed: traffic made for each cause, and for none."""

import pytest

from unit.traces.test_rollup import MIN, NOW, Records, ended
from volano.monitor.diagnosis import Diagnoses
from volano.monitor.errors import BadWindowError
from volano.monitor.host import Host, Look
from volano.monitor.series import Series

S = 1_000_000
CALM = {"cpu": 0.4, "memory": 0.5, "cpu_waits": 0.02, "memory_waits": 0.0}


def spell(records, base, **now):
    """Calls of ten minutes as `base` says, then of ten minutes in which `now` differs."""
    calls = []
    for n in range(120):
        late = n >= 60
        at = NOW - 20 * MIN + n * 10 * S
        more = base | (now if late else {})
        usage = {"prompt_tokens": more.pop("prompt"), "completion_tokens": more.pop("answer")}
        first = more.pop("first_us")
        took = more["latency_us"]
        body = (b'{"choices":[{"message":{"role":"assistant","content":"x"}}],"usage":'
                + str(usage).replace("'", '"').encode() + b"}")  # fmt: skip
        for many in range(more.pop("many", 1)):
            calls.append(
                ended(
                    n * 100 + many,
                    at,
                    response=body,
                    first_us=at - took + first,
                    streamed=False,
                    **more,
                )
            )
    records.write(*calls)


@pytest.fixture
def records(tmp_path):
    made = Records(tmp_path)
    yield made
    made.close()


BASE = {"latency_us": 1_000_000, "prompt": 100, "answer": 50, "first_us": 200_000, "target": "openai",
        "provider": "openai"}  # fmt: skip
ENGINE = BASE | {"target": "router@1", "provider": "engine"}


@pytest.mark.parametrize(
    ("base", "now", "host", "cause", "sign"),
    [
        (BASE, {}, {}, "not slow", "not slower than before"),
        (BASE, {"latency_us": 2_500_000, "prompt": 300, "answer": 150}, {}, "prompts", "450 tokens, 150 before"),
        (BASE, {"latency_us": 3_000_000, "first_us": 2_200_000}, {}, "provider", "openai answers after"),
        (ENGINE, {"latency_us": 22_000_000, "many": 5}, {}, "queue", "calls are under way at an engine of 8 slots"),
        (ENGINE, {"latency_us": 3_000_000}, {"cpu_waits": 0.7}, "cpu", "70% of the time work waits for CPU, 2%"),
        (ENGINE, {"latency_us": 3_000_000}, {"memory_waits": 0.3}, "memory", "30% of the time work waits for memory"),
        (ENGINE, {"latency_us": 3_000_000}, {}, "not clear", "why is not clear"),
        (BASE, {"latency_us": 1_400_000}, {"cpu_waits": 0.7}, "not clear", "why is not clear"),
    ],
)  # fmt: skip
def test_each_cause_is_named_with_its_signs(records, base, now, host, cause, sign):
    spell(records, dict(base), **now)

    def looks(since_us, until_us):
        return [Look(since_us, **CALM | (host if until_us >= NOW else {}))]

    found = Diagnoses(Series(records.traces), records.clock, looks, slots=8)
    records.clock.advance(1)
    told = found.show(since="10m")
    assert (told.cause, sign in told.told) == (cause, True), told


def test_on_few_calls_nothing_is_said(records):
    found = Diagnoses(Series(records.traces), records.clock, lambda *_: [], slots=8)
    assert found.show().cause == "too few calls"
    with pytest.raises(BadWindowError):
        found.show(since="1s")


def test_the_host_is_read_where_it_tells(tmp_path):
    class Stopped:
        at = 0

        def now_us(self):
            self.at += S
            return self.at

    (tmp_path / "pressure").mkdir()
    (tmp_path / "stat").write_text("cpu  100 0 100 700 100 0 0 0 0 0\n")
    (tmp_path / "meminfo").write_text("MemTotal: 1000 kB\nMemFree: 1 kB\nMemAvailable: 250 kB\n")
    (tmp_path / "pressure" / "cpu").write_text(
        "some avg10=12.50 avg60=1.00 total=5\nfull avg10=0\n"
    )
    smi = tmp_path / "nvidia-smi"
    smi.write_text("#!/bin/sh\necho '55, 1000, 4000'\necho '20, 3000, 4000'\n")
    smi.chmod(0o755)
    host = Host(Stopped(), proc=tmp_path, gpu=str(smi))
    assert host.look() == Look(S, None, 0.75, 0.125, None, 0.55, 0.75)
    (tmp_path / "stat").write_text("cpu  160 0 120 710 110 0 0 0 0 0\n")
    assert host.look().cpu == pytest.approx(0.8)
    assert Host(Stopped(), proc=tmp_path / "none", gpu="").look() == Look(S)
    assert [one.at_us for one in host.between(2 * S, 3 * S)] == [2 * S]
    host.close()
