"""A Scope: which calls of a channel a rollout is about. Others get what was served before.

Each field that says something must fit; within one, any of its words. A call outside is no
evidence for or against the candidate: it is served as ever, and counted apart.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from volano.releases.errors import InvalidPlanError

MOST = 1000
_FIELDS = ("keys", "groups", "regions", "languages", "tags")


@dataclass(frozen=True, slots=True)
class Scope:
    """Who is part of a rollout.

    Ids of keys, groups (with those below), regions of the gateway, languages of the request
    (ISO 639-1), tags (`tier=gold`, or `tier` for any value).
    """

    keys: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return any(getattr(self, name) for name in _FIELDS)

    @classmethod
    def of(cls, said: Mapping[str, Any]) -> "Scope":
        """Return the scope that an object says.

        Raises:
            InvalidPlanError: a field that is unknown, or no list of words.
        """
        strange = sorted(set(map(str, said)) - set(_FIELDS))
        if strange:
            raise InvalidPlanError(
                why=f"a scope has no {', '.join(strange)[:80]} (known: {', '.join(_FIELDS)})"
            )
        return cls(**{name: _words(name, value) for name, value in said.items()})

    def to_dict(self) -> dict[str, list[str]]:
        """Return plain JSON values: what is said, and nothing else."""
        return {name: list(value) for name, value in asdict(self).items() if value}


EVERYONE = Scope()


def _words(name: str, value: Any) -> tuple[str, ...]:
    given = [value] if isinstance(value, str) else value
    good = isinstance(given, list | tuple) and 0 < len(given) <= MOST
    if not good or not all(isinstance(word, str) and word.strip() for word in given):
        raise InvalidPlanError(why=f"{name} of a scope is a list of words")
    return tuple(dict.fromkeys(word.strip() for word in given))
