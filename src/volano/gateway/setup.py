"""A Setup: what another gateway's configuration asks for, in the words of this one.

Readers of foreign files (`volano.adapters.gateways`) make it, the `Importer` carries
it out. Each key of the file is in one of three lists: carried over, carried over in
another way, left out; the last two say why. No reason quotes a value of the file
that may be a secret.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

Reader = Callable[[bytes, Mapping[str, str]], "Setup"]
"""Reads a file's bytes; of the environment only what an address or a region refers to."""


@dataclass(frozen=True)
class Connection:
    """An account or a server, as `Target` has it, and the key where the file tells it."""

    provider: str
    url: str = ""
    region: str = ""
    version: str = ""
    key_env: tuple[str, ...] = ()
    key: str = field(default="", repr=False)
    name: str = ""
    """What to call the target, where that is free."""


@dataclass(frozen=True)
class Place:
    """One entry of a pool: a model asked at a connection. `key` is where the file says so.

    A `fallback` is asked when no other place of its opening answers.
    """

    key: str
    at: Connection
    model: str
    weight: int = 1
    fallback: bool = False
    prices: Mapping[str, str] = field(default_factory=dict)
    """What `Costs.set_price` takes: input, output, more…; empty is the usual price."""


@dataclass(frozen=True)
class Opening:
    """A channel to open: its places, in which order, what clients may leave out, its limit."""

    keys: tuple[str, ...]
    """The keys of the file that ask for it and for nothing else."""
    name: str
    places: tuple[Place, ...]
    strategy: str = "ordered"
    settings: Mapping[str, Any] = field(default_factory=dict)
    limit: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, order=True)
class Remark:
    """A key of the file, and why it is not carried over, or not as it was."""

    key: str
    why: str


@dataclass(frozen=True)
class Setup:
    """All that a file asks for, and what becomes of each of its keys."""

    openings: tuple[Opening, ...]
    carried: tuple[str, ...] = ()
    differs: tuple[Remark, ...] = ()
    left: tuple[Remark, ...] = ()
