"""Ends badly, in the way that spec["how"] names."""

import os
import signal
import sys
import time
from pathlib import Path

from volano.core.errors import InvalidError
from volano.jobs.child import child_main


class NoRowsError(InvalidError):
    """The dataset `{ref}` has no rows."""

    hint = "Add rows with `volano data add`."


def main() -> None:
    with child_main() as job:
        how = job.spec["how"]
        if how == "told":
            raise NoRowsError(ref="jegyek@1")
        if how == "crash":
            raise ValueError("плохая строка\nsecond line")
        if how == "silent":
            return
        if how == "exit":
            sys.exit("I just left")
        if how == "vanish":
            os.kill(os.getpid(), signal.SIGKILL)
        if how == "deaf":
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            job.progress(1, 0)
            time.sleep(600)
        if how == "fixed" and not Path(job.spec["flag"]).exists():
            raise ValueError("not yet")
        job.done({"ok": True})


if __name__ == "__main__":
    main()
