"""A child that fails at its first try, and then hands over what $TOY_MADE says."""

import json
import os

from volano.core.errors import ConflictError
from volano.jobs.child import child_main


class NotYetError(ConflictError):
    """The first try fails."""


def main() -> None:
    with child_main() as job:
        failed = job.folder / "failed"
        if not failed.exists():
            failed.touch()
            raise NotYetError
        rows = [job.spec[name] for name in ("rows", "check") if job.spec.get(name)]
        assert rows and all(os.path.getsize(path) for path in rows)
        job.done(json.loads(os.environ["TOY_MADE"]))


if __name__ == "__main__":
    main()
