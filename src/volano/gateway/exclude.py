"""Who is left out of an experiment: by tag, user, group or key."""

from collections.abc import Mapping, Sequence

from volano.gateway.snapshot import Key


class Excluded:
    """The rules of a channel, ready for the hot path.

    `tag:internal` is any call with this tag, `tag:tier=gold` with this value; `group:shop`
    is the group and those below it.
    """

    __slots__ = ("_groups", "_keys", "_tags", "_users", "_values")

    def __init__(self, rules: Sequence[str]):
        parted = [rule.partition(":") for rule in rules]
        said = {kind: {what for one, _, what in parted if one == kind} for kind, _, _ in parted}
        tags = [text.partition("=") for text in said.get("tag", ())]
        self._tags = frozenset(name.lower() for name, has_value, _ in tags if not has_value)
        self._values = frozenset((name.lower(), value) for name, given, value in tags if given)
        self._users = frozenset(said.get("user", ()))
        self._keys = frozenset(said.get("key", ()))
        groups = sorted(said.get("group", ()))
        self._groups = tuple(f"{group.strip('/')}/" for group in groups)

    def __call__(self, key: Key, user: str, tags: Mapping[str, str]) -> bool:
        """Say whether a call is left out."""
        if user in self._users or key.id in self._keys:
            return True
        if self._groups and f"{key.group}/".startswith(self._groups):
            return True
        if not tags:
            return False
        return not self._tags.isdisjoint(tags) or any(
            (name, tags.get(name)) in self._values for name, _ in self._values
        )
