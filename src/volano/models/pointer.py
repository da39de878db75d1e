"""Models that live elsewhere: a Pointer to one server, or a Pool of targets asked in an order."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from volano.store.artifact import Artifact

COMPLETIONS = "/chat/completions"
VERSION = "/v1"
STRATEGIES = (
    "ordered", "weighted", "least-busy", "fastest", "cheapest", "region-first", "sticky",
)  # fmt: skip
"""In which order the gateway tries the entries of a pool (`gateway.balance`)."""


@dataclass(frozen=True, slots=True)
class Pointer:
    """Where the model answers, its name there, and which variable holds the key."""

    url: str
    model: str
    key_env: str | None = None

    @property
    def origin(self) -> str:
        """Scheme, host and port."""
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc}"

    @property
    def path(self) -> str:
        """The path of chat completions there; `/v1` is added where the address has no path."""
        prefix = urlsplit(self.url).path.rstrip("/").removesuffix(COMPLETIONS)
        return (prefix or VERSION) + COMPLETIONS

    @property
    def address(self) -> str:
        """All of it: where chat completions are asked."""
        return self.origin + self.path

    def key(self, environment: Mapping[str, str] = os.environ) -> str | None:
        """Return the key from the environment without spaces around it, or None."""
        return (environment.get(self.key_env, "").strip() or None) if self.key_env else None

    def lacks(self, environment: Mapping[str, str] = os.environ) -> str:
        """Return the name of the variable that should hold the key and does not; empty when well."""
        return self.key_env if self.key_env and self.key(environment) is None else ""


@dataclass(frozen=True, slots=True)
class Entry:
    """One place of a pool: a model at a target, or (`target` None) a model of our own by digest."""

    target: str | None
    model: str
    digest: str | None = None
    weight: int = 1
    fallback: bool = False
    """Asked when none of the others answers, in the order given."""

    def __str__(self) -> str:
        return f"{self.target}:{self.model}" if self.target else self.model


@dataclass(frozen=True, slots=True)
class Pool:
    """Which upstream models are asked at which targets, and how one is chosen."""

    entries: tuple[Entry, ...]
    strategy: str
    latency_ms: int | None = None
    """With `cheapest`: the first content should come within this time."""

    @property
    def targets(self) -> set[str]:
        """The names of the targets it asks."""
        return {entry.target for entry in self.entries if entry.target}


def pool_of(model: Artifact) -> Pool | None:
    """Return the pool that a model is, or None when it is another kind of model."""
    meta = model.manifest.meta
    if meta.get("format") != "pointer" or "at" not in meta:
        return None
    entries = (
        Entry(
            one.get("target"),
            one["model"],
            one.get("digest"),
            one.get("weight", 1),
            one.get("fallback", False),
        )
        for one in meta["at"]
    )
    return Pool(tuple(entries), meta["strategy"], meta.get("latency_ms"))


def pointer_of(model: Artifact) -> Pointer | None:
    """Return at which server a model lives, or None when it is a pool or its weights are here."""
    meta = model.manifest.meta
    if meta.get("format") != "pointer" or "url" not in meta:
        return None
    return Pointer(meta["url"], meta["model"], meta.get("key_env"))


def is_far(model: Artifact) -> bool:
    """Whether others run it: a server, or a pool whose first entry is at a target."""
    pool = pool_of(model)
    return pointer_of(model) is not None or (
        pool is not None and pool.entries[0].target is not None
    )
