import gc
import subprocess
import sys

import pytest

from volano.core.memory import RARELY, calm

SETTLED = """
import gc
from volano.core.memory import calm, settle_memory
settle_memory()
with calm():
    pass
assert gc.get_freeze_count() > 0
"""


@pytest.fixture(autouse=True)
def unfrozen():
    gc.unfreeze()
    yield
    gc.unfreeze()


def test_what_was_there_is_set_aside_until_the_last_work_leaves():
    with calm():
        with calm():
            assert gc.get_freeze_count() > 0
        assert gc.get_freeze_count() > 0
    assert gc.get_freeze_count() == 0


def test_the_collector_looks_rarely_meanwhile_and_then_as_before():
    before = gc.get_threshold()
    with calm():
        with calm():
            assert gc.get_threshold() == RARELY
        assert gc.get_threshold() == RARELY
    assert gc.get_threshold() == before != RARELY


def test_a_work_that_breaks_gives_it_back_too():
    with pytest.raises(ValueError, match="broken"), calm():
        raise ValueError("broken")
    assert gc.get_freeze_count() == 0


def test_what_a_settled_process_set_aside_stays_so():
    subprocess.run([sys.executable, "-c", SETTLED], check=True)
