"""The targets that an import needs: those that are there already, and those to be made."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from volano.core.plugins import Registry
from volano.core.principal import Principal
from volano.gateway.key_variables import KeyVariables
from volano.gateway.provider import Provider
from volano.gateway.setup import Connection
from volano.gateway.target import Target, TargetKey, check, check_key
from volano.gateway.targets import Targets

_VAULT = "the vault"


@dataclass(frozen=True)
class Draft:
    """A target that entries need: one that is there, or one to be made."""

    target: Target
    at: Connection
    new: bool


class Drafts:
    """Finds or draws up a target for each connection. Nothing is made before `make`."""

    def __init__(self, targets: Targets, providers: Registry[Provider], *, plain_http: bool):
        self._targets = targets
        self._providers = providers
        self._plain_http = plain_http
        self._drafts: dict[Connection, Draft] = {}

    def of(self, at: Connection) -> Draft:
        """Return the draft for a connection.

        Raises:
            BadTargetError, BadTargetKeyError: no target can be made of it.
        """
        if at not in self._drafts:
            self._drafts[at] = self._draft(at)
        return self._drafts[at]

    def name(self, at: Connection) -> str:
        """Return the name of a connection's target."""
        return self._drafts[at].target.name

    def all(self) -> list[Draft]:
        """Return all drafts once, in the order in which they were needed."""
        return [*{draft.target.name: draft for draft in self._drafts.values()}.values()]

    def make(self, *, by: Principal) -> None:
        """Make the targets that are not there, and put their keys into the vault."""
        for draft in self.all():
            target = draft.target
            if not draft.new:
                continue
            self._targets.add(
                target.name, provider=target.provider, url=target.url, key_env=target.key_env,
                region=target.region, version=target.version, plain_http=target.plain_http, by=by,
            )  # fmt: skip
            if draft.at.key:
                self._targets.keep_key(target.name, draft.at.key, by=by)

    def says(self, draft: Draft) -> str:
        """Return where a target is asked and where its key is, in words."""
        target = draft.target
        provider = self._providers.get(target.provider)
        address = provider.address(target.url, target.region)
        keys = [
            f"key in {KeyVariables(name, mark='').all}" for name in self._targets.variables(target)
        ]
        if draft.at.key:
            keys = ["key in the vault"]
        return ", ".join([f"{target.provider} at {address}", *(keys or ["no key"])])

    def notes(self) -> Iterator[str]:
        """Yield which variables are not set, and which keys join one that the file tells."""
        for draft in self.all():
            name = draft.target.name
            for variable, is_set in self._targets.variables(draft.target).items():
                words = KeyVariables(variable, mark="")
                if draft.at.key and is_set:
                    yield f"{words.are_set} too: that takes turns with the key of {name} in the file."
                elif not is_set and not draft.at.key and draft.target.key_env:
                    yield (
                        f"{words.are_not_set} where volano runs: {words.until}, and "
                        f"`volano up` was started again, {name} is not asked."
                    )

    def _draft(self, at: Connection) -> Draft:
        provider = self._providers.get(at.provider)
        wanted = Target(
            at.name or at.provider, at.provider, at.url, at.region, at.version, at.key_env,
            plain_http=self._plain_http and at.url.startswith("http:"), enabled=True, created_us=0, updated_us=0,
        )  # fmt: skip
        for draft in self._drafts.values():
            if self._is_there(draft.target, wanted) and draft.at.key == at.key:
                return draft
        there = self._targets.list()
        for target in there:
            if self._is_there(target, wanted) and self._has_key(target, at):
                return Draft(target, at, new=False)
        check(wanted, provider)
        if at.key:
            check_key(wanted.name, TargetKey("the file", at.key))
        taken = {t.name for t in there} | {d.target.name for d in self._drafts.values()}
        name = next(name for name in _names(wanted.name) if name not in taken)
        return Draft(replace(wanted, name=name), at, new=True)

    def _is_there(self, target: Target, wanted: Target) -> bool:
        """Whether a target is asked at the same place, with keys of the same variables."""
        return target.provider == wanted.provider and self._place(target) == self._place(wanted)

    def _place(self, target: Target) -> tuple[str, str, str, list[str]]:
        provider = self._providers.get(target.provider)
        region = target.region or provider.region
        version = target.version or provider.version
        names = list(self._targets.variables(target))
        return provider.address(target.url, region).rstrip("/"), region, version, names

    def _has_key(self, target: Target, at: Connection) -> bool:
        """Whether a target's vault has the key that the file tells, or none as the file."""
        kept = [key.text for key in self._targets.keys(target) if key.source.startswith(_VAULT)]
        return at.key in kept if at.key else not kept


def _names(wish: str) -> Iterator[str]:
    yield wish
    yield from (f"{wish}-{number}" for number in range(2, 10_000))
