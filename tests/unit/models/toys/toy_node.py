"""A node that is killed in the middle of its first try."""

import os
import signal
from pathlib import Path

from volano.jobs import progress


def dies_once(asked):
    """Train as a node does in this folder; the first time the process is killed after so many steps."""
    from volano.models import on_node

    folder, last = asked
    died, tell = Path(folder) / "died", progress.write

    def deadly(path, at_us, step, of, metrics):
        tell(path, at_us, step, of, metrics)
        if step >= last:
            died.touch()
            os.kill(os.getpid(), signal.SIGKILL)

    if not died.exists():
        progress.write = deadly
    return on_node.there(folder)
