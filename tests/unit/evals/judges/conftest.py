import pytest

from simulators.judge import JudgeServer


@pytest.fixture(scope="session")
def server():
    made = JudgeServer()
    yield made
    made.stop()
