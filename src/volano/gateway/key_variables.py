"""The variables that hold a target's key, in words.

Several joined by `:` hold one key together; from the third on they may be missing.
"""


class KeyVariables:
    """What is said of the variables of one key; `mark` stands around each name."""

    def __init__(self, joined: str, mark: str = "`"):
        self._names = [f"{mark}{name}{mark}" for name in joined.split(":")]

    @property
    def all(self) -> str:
        """Every name."""
        *first, last = self._names
        return f"{', '.join(first)} and {last}" if first else last

    @property
    def are_set(self) -> str:
        """All of them with what they are: `A is set`, `A and B are set`."""
        return f"{self.all} {'are' if len(self._names) > 1 else 'is'} set"

    @property
    def are_not_set(self) -> str:
        """Those that are needed, with what they are: `A is not set`, `A and B are not both set`."""
        return f"{self.needed} {self.not_set}"

    @property
    def needed(self) -> str:
        """The names without which there is no key."""
        return " and ".join(self._names[:2])

    @property
    def not_set(self) -> str:
        """The end of a sentence that begins with those that are needed."""
        return "are not both set" if len(self._names) > 1 else "is not set"

    @property
    def until(self) -> str:
        """`until it is`, or `until they are`."""
        return "until they are" if len(self._names) > 1 else "until it is"

    @property
    def noun(self) -> str:
        """`variable`, or `variables`."""
        return "variables" if len(self._names) > 1 else "variable"
