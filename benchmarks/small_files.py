"""Many small files: kept as a version, then compared after one change, against DVC in the same run.

    python benchmarks/small_files.py            20,000 files of about 1 KB
    python benchmarks/small_files.py --full     100,000 files
    python benchmarks/small_files.py --dvc /path/to/dvc

Without `--dvc` it is installed into an environment of its own, in a folder that is deleted in
the end. Each works on a copy of the same folder on the same disk; neither has seen the files before `add`.
Status is the best of three, each after one file was changed. Seconds are of the wall and, in
brackets, of CPU. Measured are the commands as a person runs them, and the work alone: both called
in a Python that has them imported already, as `volano up` has.
"""

import argparse
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

SRC = Path(__file__).resolve().parent.parent / "src"
FILES, FULL = 20_000, 100_000
LIMIT = 10.0
ROUNDS = 3


OURS = """
from pathlib import Path
from sqlalchemy import URL
from volano.core.clock import SystemClock
from volano.core.principal import SYSTEM
from volano.data.filesets import Filesets
from volano.store import Blobs, Catalog, Ledger
from volano.store.db import Database
db, clock = Database(URL.create("sqlite", database="work.db")), SystemClock()
db.migrate()
keeper = Filesets(Catalog(db, Blobs(Path("blobs"), db), Ledger(db, clock), clock), Path("cache"), clock)
do = {"add": lambda: keeper.track("data", by=SYSTEM), "status": lambda: keeper.status("data")}
"""
THEIRS = """
from dvc.repo import Repo
repo = Repo(".")
do = {"add": lambda: repo.add("data"), "status": lambda: repo.status()}
"""
TIMED = """
import json, sys, time
wall, cpu = time.perf_counter(), time.process_time()
found = do[sys.argv[1]]()
print(json.dumps([time.perf_counter() - wall, time.process_time() - cpu]))
assert found
"""


@dataclass
class Took:
    wall_s: float
    cpu_s: float

    def __str__(self) -> str:
        return f"{self.wall_s:8.2f} s ({self.cpu_s:7.2f} s CPU)"


def took(command: list[str], folder: Path) -> Took:
    """Run a command; what it and its children took."""
    environment = {**os.environ, "PYTHONPATH": str(SRC), "DVC_NO_ANALYTICS": "1", "CI": "1"}
    began = time.perf_counter()
    with subprocess.Popen(
        command, cwd=folder, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    ) as child:
        said = child.stderr.read().decode() if child.stderr else ""
        _, status, used = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise SystemExit(f"{' '.join(command)} ended with {child.returncode}\n{said}")
    return Took(time.perf_counter() - began, used.ru_utime + used.ru_stime)


def worked(command: list[str], folder: Path) -> Took:
    """Run a script that says what its work alone took."""
    environment = {**os.environ, "PYTHONPATH": str(SRC), "DVC_NO_ANALYTICS": "1"}
    done = subprocess.run(
        command, cwd=folder, env=environment, check=True, text=True, stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    return Took(*json.loads(done.stdout.splitlines()[-1]))


def write_files(folder: Path, count: int) -> None:
    """Write files of about 1 KB that zstd halves, a thousand to a folder."""
    chance = random.Random(7)
    for number in range(count):
        if number % 1000 == 0:
            inner = folder / f"{number // 1000:03}"
            inner.mkdir(parents=True)
        noise = chance.randbytes(chance.randint(200, 800))
        (inner / f"{number}.txt").write_bytes(noise + b"volano " * 70)


def install_dvc(folder: Path) -> Path:
    """Install DVC into an environment of its own; return its command."""
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    pip = [str(folder / "bin" / "pip"), "install", "-q", "dvc"]
    subprocess.run(pip, check=True, stderr=subprocess.DEVNULL)
    return folder / "bin" / "dvc"


Run = Callable[[list[str], Path], Took]


def measure(run: Run, say: dict[str, list[str]], home: Path) -> dict[str, Took]:
    """Return what `add` took, and `status` after one change."""
    found = {"add": run(say["add"], home)}
    looks = []
    for number in range(ROUNDS):
        (home / "data" / "000" / f"{number}.txt").write_text(f"changed {number}")
        looks.append(run(say["status"], home))
    return {**found, "status": min(looks, key=lambda one: one.wall_s)}


def told(what: str, times: dict[str, dict[str, Took]]) -> float:
    """Print what was measured; return how many times faster than DVC both together are."""
    print(f"\n{what}")
    for step in ("add", "status"):
        ours, theirs = times["volano"][step], times["dvc"][step]
        print(f"  {step:<7} volano {ours}\n  {step:<7} dvc    {theirs}")
        print(
            f"          {theirs.wall_s / ours.wall_s:.1f} × faster ({theirs.cpu_s / ours.cpu_s:.1f} × less CPU)"
        )
    sums = {
        name: (sum(t.wall_s for t in both.values()), sum(t.cpu_s for t in both.values()))
        for name, both in times.items()
    }
    ratio, less = (theirs / ours for ours, theirs in zip(sums["volano"], sums["dvc"], strict=True))
    print(f"  both together: {ratio:.1f} × faster ({less:.1f} × less CPU)")
    return ratio


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--full", action="store_true", help=f"{FULL} files")
    parser.add_argument("--files", type=int, default=0)
    parser.add_argument("--dvc", type=Path)
    given = parser.parse_args()
    count = given.files or (FULL if given.full else FILES)
    work = Path(tempfile.mkdtemp(prefix="volano-small-files-"))
    try:
        dvc = (given.dvc or install_dvc(work / "venv")).absolute()
        homes = {
            f"{kind}-{name}": work / f"{kind}-{name}"
            for kind in ("command", "work")
            for name in ("volano", "dvc")
        }
        write_files(work / "data", count)
        volano, python = [sys.executable, "-m", "volano.cli.main"], str(dvc.parent / "python")
        say = {
            "command-volano": {"add": [*volano, "data", "track", "data"], "status": [*volano, "data", "status", "data"]},
            "command-dvc": {"add": [str(dvc), "add", "-q", "data"], "status": [str(dvc), "status", "--json"]},
            "work-volano": {w: [sys.executable, "-c", OURS + TIMED, w] for w in ("add", "status")},
            "work-dvc": {w: [python, "-c", THEIRS + TIMED, w] for w in ("add", "status")},
        }  # fmt: skip
        times: dict[str, dict[str, dict[str, Took]]] = {"command": {}, "work": {}}
        for place, home in homes.items():
            kind, _, name = place.partition("-")
            shutil.copytree(work / "data", home / "data")
            took(
                [*volano, "init"] if name == "volano" else [str(dvc), "init", "--no-scm", "-q"],
                home,
            )
            times[kind][name] = measure(took if kind == "command" else worked, say[place], home)
            shutil.rmtree(home)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    print(f"{count} files; load of the machine {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    told("the commands, each from its start", times["command"])
    ratio = told("the work alone", times["work"])
    print(f"\nthe work alone against the limit of {LIMIT:.0f} ×: {ratio:.1f} ×")
    if ratio < LIMIT:
        raise SystemExit("not as fast as it shall be")


if __name__ == "__main__":
    main()
