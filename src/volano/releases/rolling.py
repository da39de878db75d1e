"""Rolling: our own engines are replaced one by one, and the candidate's share follows them.

One engine more than usual runs while they are replaced, never two full sets. The share
of a rollout says how many are replaced, so that a control that comes back goes on there.
What is not run here has nothing to replace: then it is one step.
"""

from dataclasses import dataclass

from volano.core.verdict import Verdict
from volano.releases.stage import WHOLE, Stage


@dataclass(frozen=True, slots=True)
class Replicas:
    """How many of the candidate's engines are warm, of how many; and who holds up the next.

    `draining` says that an engine which was replaced still answers calls: the next one
    waits for its memory. `late_s` is how long the next one takes by now.
    """

    warm: int = 1
    of: int = 1
    draining: bool = False
    late_s: float = 0.0


ALL = Replicas()
"""Nothing of ours is replaced."""


def replaced(share: int, of: int) -> int:
    """Return how many of `of` engines are replaced at this share."""
    return share * of // WHOLE


def share_of(n: int, of: int) -> int:
    """Return the share when `n` of `of` engines are replaced: the least that `replaced` reads back."""
    return -(-n * WHOLE // of)


def first_share(stage: Stage, before: int, replicas: Replicas) -> int:
    """Return the share with which a step begins: that of the first engine where it is rolling."""
    return max(before, share_of(1, replicas.of)) if stage.kind == "rolling" else stage.share


def next_share(share: int, replicas: Replicas) -> int:
    """Return the share with one engine more replaced."""
    return max(share, share_of(min(replaced(share, replicas.of) + 1, replicas.of), replicas.of))


def gate(share: int, replicas: Replicas, within_s: float) -> Verdict:
    """Say whether the next engine may take its part: pass when it is warm, fail when it never was."""
    done = replaced(share, replicas.of)
    following = f"engine {done + 1} of {replicas.of}"
    if replicas.warm > done:
        return Verdict("pass", f"{following} is warm")
    if replicas.draining:
        return Verdict("wait", f"{following} waits: a replaced one still answers calls")
    if replicas.late_s > within_s:
        return Verdict("fail", f"{following} was not ready within {within_s:.0f} s")
    return Verdict("wait", f"{following} is not warm yet")
