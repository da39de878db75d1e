"""A Scope: whom and what the spans within it are for: session, user, tags, release, environment."""

from collections.abc import Iterable, Mapping
from contextvars import ContextVar, Token
from types import TracebackType
from typing import Any, Self


class Scope:
    """What spans inherit. Never changed once made: a narrower scope is a new one."""

    __slots__ = ("environment", "release", "session", "tags", "user")

    def __init__(
        self,
        session: str = "",
        user: str = "",
        tags: Mapping[str, str] | None = None,
        release: str = "",
        environment: str = "",
    ):
        self.session, self.user = session, user
        self.tags = dict(tags or {})
        self.release, self.environment = release, environment

    def narrowed(self, said: Mapping[str, Any]) -> "Scope":
        """Return this scope with what is said besides; what is None stays as it is."""
        given = {name: _text(value) for name, value in said.items() if value is not None}
        tags = {**self.tags, **tagged(said.get("tags"))}
        return Scope(
            given.get("session", self.session),
            given.get("user", self.user),
            tags,
            given.get("release", self.release),
            given.get("environment", self.environment),
        )


EVERYTHING = Scope()
SCOPE: ContextVar[Scope] = ContextVar("volano.scope", default=EVERYTHING)


class Session:
    """The time in which a scope holds: `with volano.session("s-1", user="ann"):`."""

    def __init__(self, said: Mapping[str, Any]):
        self._said = said
        self._tokens: list[Token[Scope]] = []

    def __enter__(self) -> Self:
        self._tokens.append(SCOPE.set(SCOPE.get().narrowed(self._said)))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            SCOPE.reset(self._tokens.pop())
        except (ValueError, IndexError):  # ended in another task than it began in
            SCOPE.set(EVERYTHING)

    async def __aenter__(self) -> Self:
        return self.__enter__()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.__exit__(kind, error, trace)


def session(
    id: str | None = None,  # noqa: A002 - the word of the field
    *,
    user: str | None = None,
    tags: Mapping[str, str] | Iterable[str] | None = None,
    release: str | None = None,
    environment: str | None = None,
) -> Session:
    """Say whom the spans within are for: a conversation, its user, and what else holds for all.

    with volano.session("chat-17", user="ann", tags={"plan": "pro"}):
        answer(question)

    What is left out stays as it is around. `release` and `environment` go before
    `VOLANO_RELEASE` and `VOLANO_ENVIRONMENT`.
    """
    said = {"session": id, "user": user, "tags": tags, "release": release}
    return Session({**said, "environment": environment})


def tagged(tags: Any) -> dict[str, str]:
    """Return tags as names with values; a list of names has the value `true`."""
    if isinstance(tags, Mapping):
        return {_text(name): _text(value) for name, value in tags.items()}
    if isinstance(tags, list | tuple | set | frozenset):
        return {_text(name): "true" for name in tags}
    return {_text(tags): "true"} if isinstance(tags, str) else {}


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)[:_MOST] if isinstance(value, str | int | float) else ""


_MOST = 256
