"""A Principal acts: a person, a service or a device. Every keeper verb names one."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Principal:
    """Who does it. `group` is the path (team/project) the action counts for."""

    kind: str
    name: str
    group: str = ""
    roles: frozenset[str] = frozenset()

    def __str__(self) -> str:
        return f"{self.kind}:{self.name}"


SYSTEM = Principal("service", "volano", roles=frozenset({"owner"}))
"""volano itself: what happens by its own rules (a rollout's step, a schedule)."""
