"""A host process: launches the runs of a folder, says "ready", works until it is killed."""

import sys
import time
from pathlib import Path

from volano.core.clock import SystemClock
from volano.core.principal import Principal
from volano.jobs.attend import Care
from volano.jobs.keeper import Runs
from volano.jobs.work import Work
from volano.store.db import Database
from volano.store.ledger import Ledger

ME = Principal("person", "анна")


def open_runs(folder: Path, *, lifeline: int | None = None, ledger=Ledger, **options) -> Runs:
    db, clock = Database(f"sqlite:///{folder / 'catalog.db'}"), SystemClock()
    db.migrate()
    toys = str(Path(__file__).parent)
    path = ":".join([toys, *(p for p in sys.path if p)])
    care = Care(lifeline=lifeline, poll_s=0.02, grace_s=0.3, restarts=2, env={"PYTHONPATH": path})
    return Runs(
        db,
        ledger(db, clock),
        folder / "jobs",
        clock,
        jobs_url=f"sqlite:///{folder / 'jobs.db'}",
        poll_s=0.02,
        care=care,
        **options,
    )


def two_steps(work: Work) -> dict:
    first = work.step("first", mark, str(work.folder.parent.parent / "first.txt"))
    outputs = work.child("toy_count", work.inputs, step="count")
    return {"first": first, **outputs}


def mark(path: str) -> int:
    with Path(path).open("a") as file:
        file.write("x")
    return 7


def until(condition, timeout_s=30.0):
    """Poll until the condition gives something; a test that waits in vain fails here."""
    deadline = time.monotonic() + timeout_s
    while not (found := condition()):
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)
    return found


def gone(pid):
    """Whether a process has ended (a zombie has)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def main() -> None:
    folder, fd = Path(sys.argv[1]), int(sys.argv[2])
    runs = open_runs(folder, lifeline=fd)
    runs.register("two-steps", two_steps)
    runs.launch()
    print("ready", flush=True)
    time.sleep(600)


if __name__ == "__main__":
    main()
