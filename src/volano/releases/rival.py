"""A Rival: a release that an experiment compares with what the channel serves."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True)
class Rival:
    """One arm beside the stable one. `out` says why it was taken out, `out_us` when."""

    release: str
    release_digest: str
    share: int
    out: str = ""
    out_us: int | None = None


def written(rivals: Sequence[Rival]) -> str | None:
    """Return them as they are kept; None where there are none."""
    return json.dumps([asdict(one) for one in rivals]) if rivals else None


def read(text: str | None) -> tuple[Rival, ...]:
    """Return what `written` gave."""
    return tuple(Rival(**one) for one in json.loads(text)) if text else ()
