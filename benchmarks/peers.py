"""The gateway against LiteLLM's proxy, on this machine, in one run: `python benchmarks/peers.py`.

LiteLLM is installed from PyPI into a virtual environment of its own (kept under
`~/.cache/volano/`, about 500 MB; nothing else is touched) and runs with one worker,
a master key and one model, its database and callbacks off: less than volano does
here, which checks keys, chooses and records. Both stand before the same mock (nginx);
load and mock share core 0, the gateway under test has core 1. Loopback only.

    --pairs N     pairs of runs (default 3)        --seconds S   seconds a run (default 4)
    --litellm P   this virtual environment instead, with litellm[proxy] in it
"""

import argparse
import contextlib
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import gateway

BAR = 100.0
LITELLM = "litellm[proxy]==1.*"
CONFIG = """
model_list:
  - model_name: support
    litellm_params: {{model: openai/router, api_base: "http://127.0.0.1:{port}/v1", api_key: none}}
general_settings: {{master_key: "{key}"}}
litellm_settings: {{telemetry: false}}
"""


class PeerBench(gateway.Bench):
    """The gateway's bench with another peer."""

    def run(self) -> int:
        binary = _installed(self.args.litellm)
        if binary is None:
            return 0
        os.sched_setaffinity(0, {self.load_core})
        self.nginx("mock", self.mock_port, f"return 200 '{gateway.ANSWER}';", "", self.load_core)
        self.shared = gateway.Shared(self.run_folder / "run" / "shared.bin")
        self.publish()
        listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
        listener.setblocking(False)
        port = listener.getsockname()[1]
        worker = self.worker(listener, "w0")
        theirs = gateway.free_port()
        peer = self.litellm(binary, theirs)
        self.load(port, 1)
        self.load(theirs, 3)
        ratios = []
        for n in range(self.args.pairs):
            order = [(port, worker.pid), (theirs, peer.pid)]
            seen = {at: self.measured(at, pid) for at, pid in (order if n % 2 else order[::-1])}
            ratios.append(seen[port][0] / seen[theirs][0])
            told = (f"{name} {seen[at][0]:8.1f} req/s {seen[at][1] * 1e6:8.1f} CPU-us/req"
                    for name, at in (("volano", port), ("litellm", theirs)))  # fmt: skip
            print(f"pair {n + 1}: {' | '.join(told)} | {ratios[-1]:.0f} x", flush=True)
        ratio = statistics.median(ratios)
        print(
            f"requests/s:   {ratio:.0f} x LiteLLM (median of {len(ratios)} pairs; bar >= {BAR:.0f})"
        )
        return 0 if ratio >= BAR else 1

    def litellm(self, binary: Path, port: int) -> subprocess.Popen:
        config = self.folder / "config.yaml"
        config.write_text(CONFIG.format(port=self.mock_port, key=gateway.KEY))
        log = (self.folder / "litellm.log").open("wb")
        self.stack.callback(log.close)
        process = subprocess.Popen(
            [str(binary), "--config", str(config), "--port", str(port), "--host", "127.0.0.1",
             "--num_workers", "1", "--telemetry", "False"],
            stdout=log, stderr=log, cwd=self.folder,
            env={**os.environ, "LITELLM_LOCAL_MODEL_COST_MAP": "True"},
            preexec_fn=lambda: os.sched_setaffinity(0, {self.own_core}),  # noqa: PLW1509
        )  # fmt: skip
        self.stack.callback(gateway.end, process)
        until = time.monotonic() + 120
        while time.monotonic() < until and process.poll() is None:
            with contextlib.suppress(OSError):
                urllib.request.urlopen(f"http://127.0.0.1:{port}/health/liveliness", timeout=5)
                return process
            time.sleep(0.5)
        raise SystemExit(f"LiteLLM did not start:\n{Path(log.name).read_text()[-2000:]}")


def _installed(given: Path | None) -> Path | None:
    home = given or Path("~/.cache/volano/litellm").expanduser()
    binary = home / "bin" / "litellm"
    if not binary.exists() and given is None:
        print(f"  installing {LITELLM} into {home}", flush=True)
        subprocess.run([sys.executable, "-m", "venv", str(home)], check=True)
        pip = [str(home / "bin" / "python"), "-m", "pip", "--quiet", "install"]
        subprocess.run([*pip, LITELLM], check=False)
    if not binary.exists():
        print("skipped: LiteLLM could not be installed")
        return None
    return binary


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--pairs", type=int, default=3)
    options.add_argument("--seconds", type=float, default=4)
    options.add_argument("--litellm", type=Path)
    args = options.parse_args()
    args.profile = False
    if not all(shutil.which(name, path=gateway.PATH) for name in ("nginx", "wrk")):
        print("skipped: nginx and wrk are needed (Debian: nginx-light, wrk)")
        return 0
    if len(os.sched_getaffinity(0)) < 2:
        print("skipped: two cores are needed, one for the load and one for the worker")
        return 0
    with (
        tempfile.TemporaryDirectory(prefix="volano-bench-") as name,
        contextlib.ExitStack() as stack,
    ):
        return PeerBench(Path(name), args, stack).run()


if __name__ == "__main__":
    sys.exit(main())
