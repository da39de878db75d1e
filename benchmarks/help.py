"""How much CPU `volano --help` takes, against its limit of 0.15 s and Python's own start.

    python benchmarks/help.py [rounds]

The child's user and system seconds (getrusage), the median of some rounds,
each after one that filled the caches; rounds of the three commands alternate,
so that a slow moment of the machine meets all of them.
"""

import os
import statistics
import subprocess
import sys

LIMIT_S = 0.15
ROUNDS = 15
COMMANDS = {
    "python -c pass": [sys.executable, "-c", "pass"],
    "import click": [sys.executable, "-c", "import click"],
    "volano --help": [sys.executable, "-m", "volano.cli.main", "--help"],
}


def cpu_s(command: list[str]) -> float:
    """CPU seconds of one child."""
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as child:
        _, status, used = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise SystemExit(f"{command} ended with {child.returncode}")
    return used.ru_utime + used.ru_stime


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS
    seen: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for command in COMMANDS.values():
        cpu_s(command)
    for _ in range(rounds):
        for name, command in COMMANDS.items():
            seen[name].append(cpu_s(command))
    medians = {name: statistics.median(times) for name, times in seen.items()}
    for name, median in medians.items():
        print(f"{name:<16} {median:.3f} s CPU (median of {rounds})")
    ratio = medians["volano --help"] / LIMIT_S
    print(f"{'of the limit':<16} {ratio:.2f} × ({LIMIT_S} s)")
    if ratio > 1:
        raise SystemExit("`volano --help` takes more CPU than it may")


if __name__ == "__main__":
    main()
