"""Many small files: kept as a version, then compared after one change, against DVC in the same run.

    python benchmarks/small_files.py            20,000 files of about 1 KB
    python benchmarks/small_files.py --full     100,000 files
    python benchmarks/small_files.py --dvc /path/to/dvc

Without `--dvc` it is installed into an environment of its own, in a folder that is deleted in
the end. Both are run as a person runs them, by their commands, each on a copy of
the same folder on the same disk; neither has seen the files before `add`. Status is the best of
three, each after one file was changed. Seconds are of the wall and, in brackets, of CPU.
"""

import argparse
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

SRC = Path(__file__).resolve().parent.parent / "src"
FILES, FULL = 20_000, 100_000
LIMIT = 10.0
ROUNDS = 3


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


def measure(say: dict[str, list[str]], home: Path) -> dict[str, Took]:
    """Return what `add` took, and `status` after one change."""
    found = {"add": took(say["add"], home)}
    looks = []
    for number in range(ROUNDS):
        (home / "data" / "000" / f"{number}.txt").write_text(f"changed {number}")
        looks.append(took(say["status"], home))
    return {**found, "status": min(looks, key=lambda one: one.wall_s)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--full", action="store_true", help=f"{FULL} files")
    parser.add_argument("--files", type=int, default=0)
    parser.add_argument("--dvc", type=Path)
    given = parser.parse_args()
    count = given.files or (FULL if given.full else FILES)
    work = Path(tempfile.mkdtemp(prefix="volano-small-files-"))
    try:
        dvc = str(given.dvc or install_dvc(work / "venv"))
        homes = {name: work / name for name in ("volano", "dvc")}
        write_files(homes["volano"] / "data", count)
        shutil.copytree(homes["volano"] / "data", homes["dvc"] / "data")
        volano = [sys.executable, "-m", "volano.cli.main"]
        took([*volano, "init"], homes["volano"])
        took([dvc, "init", "--no-scm", "-q"], homes["dvc"])
        peers = {
            "volano": {"add": [*volano, "data", "track", "data"], "status": [*volano, "data", "status", "data"]},
            "dvc": {"add": [dvc, "add", "-q", "data"], "status": [dvc, "status", "--json"]},
        }  # fmt: skip
        times = {name: measure(say, homes[name]) for name, say in peers.items()}
    finally:
        shutil.rmtree(work, ignore_errors=True)
    print(f"{count} files; load of the machine {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    for what in ("add", "status"):
        for name in times:
            print(f"{what:<7} {name:<7} {times[name][what]}")
    walls = {name: sum(one.wall_s for one in both.values()) for name, both in times.items()}
    cpus = {name: sum(one.cpu_s for one in both.values()) for name, both in times.items()}
    for what in ("add", "status"):
        ours, theirs = times["volano"][what], times["dvc"][what]
        print(
            f"{what}: {theirs.wall_s / ours.wall_s:.1f} × faster than DVC ({theirs.cpu_s / ours.cpu_s:.1f} × CPU)"
        )
    ratio = walls["dvc"] / walls["volano"]
    print(
        f"both: {ratio:.1f} × faster than DVC ({cpus['dvc'] / cpus['volano']:.1f} × CPU); limit {LIMIT} ×"
    )
    if ratio < LIMIT:
        raise SystemExit("not as fast as it shall be")


if __name__ == "__main__":
    main()
