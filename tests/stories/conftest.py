"""Stories share the machine: each takes a port that nobody else has in mind."""

import pytest

from volano.cli.demo import platform


@pytest.fixture(scope="session", autouse=True)
def ports():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(platform, "PREFERRED_PORT", 0)
        yield
