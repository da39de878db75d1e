"""The page of a Run: what it says while it works, and no more once it is over."""

import pytest

from volano.jobs.progress import Progress
from volano.web.pages.runs import _progress


@pytest.mark.parametrize("over", [False, True])
def test_time_is_left_only_while_it_works(over):
    told = Progress(at_us=1, step=900, of=900, metrics={"loss": 0.4, "left_s": 0.0}, stage="train")
    names = [name for name, _ in _progress(told, over=over).facts]
    assert ("time left" in names) is not over
    assert len(names) == (4 if over else 5)
