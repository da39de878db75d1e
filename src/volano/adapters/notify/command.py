"""A command of the owner's: it gets the notice as JSON on its standard input."""

import json
import subprocess
from collections.abc import Mapping
from typing import Any

from volano.adapters.notify import said as of
from volano.core.ports.notify import BadReceiverError, Notice, Notify

_LIMIT_S = 30.0


def command(said: Mapping[str, Any]) -> Notify:
    """Return the receiver: `run` is a list, the program and its arguments; no shell reads it."""
    of.need(said, known=("run",), one_of=(("run",),))
    run = said["run"]
    if not isinstance(run, list) or not all(isinstance(word, str) for word in run):
        raise BadReceiverError(why="`run` is a list: the program, then its arguments")

    def tell(notice: Notice) -> None:
        body = json.dumps(notice.to_dict(), ensure_ascii=False).encode()
        try:
            done = subprocess.run(
                run, input=body, capture_output=True, timeout=_LIMIT_S, check=False
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise of.NotTakenError(why=f"`{run[0]}`: {type(error).__name__}") from error
        if done.returncode:
            raise of.NotTakenError(why=f"`{run[0]}` ended with {done.returncode}")

    return tell
