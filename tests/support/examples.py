"""How many examples a property is tried on: all in `make test`, a fifth in `make check`."""

from hypothesis import settings

USUAL = 100


def examples(count: int) -> settings:
    """Settings for this many examples, scaled as the profile scales the usual hundred."""
    return settings(max_examples=-(-count * settings.default.max_examples // USUAL), deadline=None)
