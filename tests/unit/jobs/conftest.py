import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent / "toys"))

from toy_host import open_runs

from volano.jobs import lifeline as lifelines


@pytest.fixture
def lifeline():
    """The read end of a lifeline that is cut when the test ends."""
    read, write = lifelines.create()
    yield read
    os.close(write)
    os.close(read)


@pytest.fixture
def open_(tmp_path, lifeline, migrated):
    """Build keepers on the test's folder; those that are still open are closed at the end."""
    opened = []
    migrated.put(tmp_path)
    migrated.put_jobs(tmp_path)

    def build(**options):
        runs = open_runs(tmp_path, lifeline=lifeline, **options)
        opened.append(runs)
        return runs

    yield build
    for runs in opened:
        runs.close()


@pytest.fixture
def runs(open_):
    return open_()
