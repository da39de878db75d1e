"""A child with a grandchild: both write their pids into the folder and wait for ever."""

import os
import subprocess
import sys
import time
from pathlib import Path

from volano.jobs import lifeline


def main() -> None:
    folder = Path(sys.argv[1])
    fd = lifeline.hold()
    if sys.argv[2:] == ["parent"]:
        subprocess.Popen([sys.executable, __file__, str(folder)], **lifeline.handed_on(fd))
    draft = folder / f".{os.getpid()}"
    draft.touch()
    draft.rename(folder / f"pid-{os.getpid()}")
    time.sleep(600)


if __name__ == "__main__":
    main()
