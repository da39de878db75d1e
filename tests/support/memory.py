"""Where the files of tests lie: in memory, where the machine has room for them there.

SQLite and the spool wait for the disk at each commit, as they must; thousands of
tests would wait a third of their time for a disk whose content nobody reads again.
No test takes the power away, and a process that is killed loses nothing that it
wrote: what is proved is the same.
"""

import os
from pathlib import Path

MEMORY = Path("/dev/shm")
NEEDED = 4 << 30
"""Bytes that must be free there, and in the machine: the tests of one session use a tenth."""


def folder() -> str | None:
    """Return the folder for the tests' folders; None where only a disk will do."""
    try:
        room = os.statvfs(MEMORY)
        lines = Path("/proc/meminfo").read_text().splitlines()
    except OSError:
        return None
    spare = next((int(line.split()[1]) << 10 for line in lines if "MemAvailable" in line), 0)
    roomy = min(room.f_bavail * room.f_frsize, spare) >= NEEDED
    return str(MEMORY) if roomy and os.access(MEMORY, os.W_OK) else None
