"""Who is within the scope of a rollout: by key, group, region, language, tag."""

from collections.abc import Callable, Mapping

from volano.gateway.snapshot import Key, Scope


class Within:
    """A scope, ready for the hot path. Each field that says something must fit; one word of it is enough.

    `here` is the region of this gateway. What a call says of itself comes first: the tags
    `region` and `language` (`x-volano-tag-region: eu`).
    """

    __slots__ = (
        "_asks_tags", "_groups", "_here", "_keys", "_languages", "_names", "_regions", "_values",
    )  # fmt: skip

    def __init__(self, scope: Scope, here: str = ""):
        tags = [text.partition("=") for text in scope.tags]
        self._names = frozenset(name.lower() for name, has_value, _ in tags if not has_value)
        self._values = frozenset((name.lower(), value) for name, given, value in tags if given)
        self._asks_tags = bool(tags)
        self._keys = frozenset(scope.keys)
        self._groups = tuple(f"{group.strip('/')}/" for group in scope.groups)
        self._regions = frozenset(map(str.lower, scope.regions))
        self._languages = frozenset(map(primary, scope.languages))
        self._here = here.lower()

    @property
    def asks_language(self) -> bool:
        """Whether it matters in which language a call is."""
        return bool(self._languages)

    def __call__(self, key: Key, tags: Mapping[str, str], language: Callable[[], str]) -> bool:
        """Say whether a call is within; `language` is asked last, as it costs most."""
        if self._keys and key.id not in self._keys:
            return False
        if self._groups and not f"{key.group}/".startswith(self._groups):
            return False
        if self._regions and tags.get("region", self._here).lower() not in self._regions:
            return False
        if self._asks_tags and not self._tagged(tags):
            return False
        return not self._languages or language() in self._languages

    def _tagged(self, tags: Mapping[str, str]) -> bool:
        return not self._names.isdisjoint(tags) or any(
            tags.get(name) == value for name, value in self._values
        )


def primary(tag: str) -> str:
    """Return the language of a BCP 47 tag without what follows: `hu-HU` is `hu`."""
    return tag.strip().replace("_", "-").partition("-")[0].lower()
