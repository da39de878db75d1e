"""A Verb: one sentence of volano, told once for all doors."""

from dataclasses import dataclass
from typing import Any, Literal

Kind = Literal[
    "text", "int", "float", "flag", "json", "list", "path", "folder", "output", "secret", "scalar",
    "source", "document",
]  # fmt: skip

FAMILY_HEADER = "x-volano-family"
"""Names an error's family in an answer where the status does not (409: a conflict, or a gate)."""


@dataclass(frozen=True)
class Param:
    """One parameter. `first` ones are positional on the command line, in order.

    `path` names a file on this machine: it is read by control, so that only the
    local door takes it (a `folder` may be one of files); over HTTP `rows` and the like carry
    content. `output` names one that is written, and need not be there yet. A `secret` is
    read from the standard input: on a command line others could see it. A `scalar` is
    text, a number or true and false, whatever its keeper takes. A `source` tells where rows
    come from, as the local door's user says it, with the folder they are in. A `document` is
    a name or a text; at the local door it says the folder of its file.
    """

    name: str
    help: str = ""
    kind: Kind = "text"
    first: bool = False
    required: bool = False
    default: Any = None
    choices: tuple[str, ...] = ()
    least: int | None = None
    most: int | None = None

    @property
    def flag(self) -> str:
        """How the command line spells it."""
        return "--" + self.name.replace("_", "-")


@dataclass(frozen=True)
class Verb:
    """`volano {noun} {name}` = `{method} /api/v1{path}` = `app.{call}(...)`.

    `changes` says that it changes state: the call gets `by=` the principal. So does a
    verb that `reads` what is not for everybody.
    A `gate` answers whether something is `ok`: the command line ends with 3 where it is not.
    One that `checks` tells `problems`: it ends with 1 where there are any.
    A verb that `waits` starts a Run: the command line waits for it, and ends as it does. With
    `may_wait` it does so where `--wait` is said. A verb that `awaits` returns a Run that is over: the
    command line ends as that Run did.
    A verb that takes a `script`, such as a recipe, has the command line end with 2 where a word in it
    cannot be meant: trying again would not help.
    `columns` are shown in tables; `done` and `next` are format strings over the
    result, told to the person after a change.
    """

    noun: str
    name: str
    call: str
    path: str
    help: str
    params: tuple[Param, ...] = ()
    changes: bool = False
    reads: bool = False
    gate: bool = False
    checks: bool = False
    waits: bool = False
    may_wait: bool = False
    awaits: bool = False
    script: bool = False
    columns: tuple[str, ...] = ()
    done: str = ""
    next: str = ""
    scope: str = "admin"
    """What a gateway key must allow to say it over HTTP; `admin` is the console session only."""

    @property
    def method(self) -> str:
        """The HTTP method: GET where nothing changes."""
        return "POST" if self.changes else "GET"


def ref(help: str = "name, name@3, name:label or name@sha256:…") -> Param:  # noqa: A002
    """Return the positional parameter that names an artifact."""
    return Param("ref", help, first=True, required=True)


LIMIT = Param("limit", "how many at most", "int", default=20, least=1, most=10_000)
NAME = Param("name", "the name to version", first=True, required=True)
ARTIFACT = ("ref", "digest", "created_us", "created_by")
