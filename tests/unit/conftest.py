"""Fixtures of the quick tests."""

import random
from types import SimpleNamespace

import pytest

from volano.core import ids


@pytest.fixture(autouse=True)
def chance(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ids of a test are the same at every run: who is drawn for what hangs on them."""
    seeded = SimpleNamespace(urandom=random.Random(request.node.nodeid).randbytes)
    monkeypatch.setattr(ids, "os", seeded)
