"""The verbs on targets.

What is pinned in a model version is a target's name and a model's name there; an
address, a key or a switch is operations: it goes to the workers at once.
"""

import difflib
import json
import os
import ssl
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from msgspec import structs
from sqlalchemy import Connection, Row, delete, insert, select, update

from volano.access.vault import Vault
from volano.core.clock import Clock
from volano.core.digest import Digest
from volano.core.lazy import lazy
from volano.core.plugins import Registry
from volano.core.ports.publish import Publish
from volano.core.principal import Principal
from volano.core.ref import check_name
from volano.gateway import snapshot as shape
from volano.gateway.errors import (
    BadTargetKeyError,
    NoChatError,
    TargetInUseError,
    TargetTakenError,
    UnknownTargetError,
)
from volano.gateway.probe import probe
from volano.gateway.provider import Provider
from volano.gateway.tables import targets
from volano.gateway.target import Target, TargetKey, check, check_key, compiled
from volano.models.pointer import pool_of
from volano.releases.keeper import Releases
from volano.serving.chat import HttpChat
from volano.store.catalog import Catalog
from volano.store.db import Database
from volano.store.ledger import Ledger

if TYPE_CHECKING:
    import httpx2
else:
    httpx2 = lazy("httpx2")

TargetList = list[Target]
Names = list[str]
Facts = dict[str, Any]

CHAT_TIMEOUT_S = 120.0


class Targets:
    """All targets of one workspace."""

    def __init__(
        self,
        *,
        db: Database,
        ledger: Ledger,
        catalog: Catalog,
        releases: Callable[[], Releases],
        providers: Registry[Provider],
        vault: Vault,
        publish: Publish,
        clock: Clock,
        environment: Mapping[str, str] = os.environ,
    ):
        self._db = db
        self._ledger = ledger
        self._catalog = catalog
        self._releases = releases
        self._providers = providers
        self._vault = vault
        self._publish = publish
        self._clock = clock
        self._environment = environment

    def add(
        self,
        name: str,
        *,
        provider: str,
        url: str = "",
        key_env: Sequence[str] = (),
        region: str = "",
        version: str = "",
        plain_http: bool = False,
        ca_file: str = "",
        by: Principal,
    ) -> Facts:
        """Connect to a provider account or a server.

        Without `url` it is the provider's usual address; without `key_env` the
        provider's usual variable, where the address is the usual one too. `ca_file`
        is a PEM file with the authorities of its certificate, for servers of your own.

        Raises:
            UnknownPluginError: there is no such provider; says which there are.
            BadTargetError: the address, region, version or a variable's name is no good.
            TargetTakenError: there already is a target of this name.
        """
        now = self._clock.now_us()
        made = Target(
            check_name(name), provider, url, region, version, tuple(key_env), plain_http,
            enabled=True, created_us=now, updated_us=now, ca_file=ca_file,
        )  # fmt: skip
        check(made, self._providers.get(provider))
        with self._db.write() as conn:
            if _row(conn, made.name) is not None:
                raise TargetTakenError(name=made.name)
            conn.execute(insert(targets).values(_values(made)))
            self._note(conn, "add", made, by)
        return self.show(made.name)

    def list(self) -> TargetList:
        """Return all targets by name."""
        with self._db.read() as conn:
            rows = conn.execute(select(targets).order_by(targets.c.name)).all()
        return [_target(row) for row in rows]

    def get(self, name: str) -> Target:
        """Return a target.

        Raises:
            UnknownTargetError: there is none of this name.
        """
        with self._db.read() as conn:
            return _get(conn, name)

    def show(self, name: str) -> Facts:
        """Return all that is known of a target: where it is asked, whether it has keys, who uses it.

        Raises:
            UnknownTargetError: there is none of this name.
        """
        target = self.get(name)
        provider = self._providers.get(target.provider)
        found = self.variables(target)
        keys = [f"{names}: {'set' if is_set else 'not set'}" for names, is_set in found.items()]
        if kept := len(self._vault.get(target.vault_name)):
            keys.append(f"vault: {kept}")
        return {
            **asdict(target),
            "address": provider.address(target.url, target.region),
            "dialects": [*provider.paths],
            "keys": keys,
            "used_by": self.used_by(name),
        }

    def update(
        self,
        name: str,
        *,
        url: str | None = None,
        key_env: Sequence[str] | None = None,
        region: str | None = None,
        version: str | None = None,
        plain_http: bool | None = None,
        ca_file: str | None = None,
        by: Principal,
    ) -> Facts:
        """Change where or how a target is asked, from now on; what is not given stays.

        Raises:
            UnknownTargetError: there is none of this name.
            BadTargetError: the address, region, version or a variable's name is no good.
        """
        given: Facts = {
            "url": url, "region": region, "version": version, "plain_http": plain_http, "ca_file": ca_file,
            "key_env": None if key_env is None else tuple(filter(None, key_env)),
        }  # fmt: skip
        return self._change(name, "update", by, **{k: v for k, v in given.items() if v is not None})

    def disable(self, name: str, *, why: str = "", by: Principal) -> Facts:
        """Ask this target no more, from now on, whichever model names it.

        Raises:
            UnknownTargetError: there is none of this name.
        """
        return self._change(name, "disable", by, why=why, enabled=False)

    def enable(self, name: str, *, by: Principal) -> Facts:
        """Ask this target again.

        Raises:
            UnknownTargetError: there is none of this name.
        """
        return self._change(name, "enable", by, enabled=True)

    def remove(self, name: str, *, by: Principal) -> Facts:
        """Forget a target and its keys in the vault.

        Raises:
            UnknownTargetError: there is none of this name.
            TargetInUseError: a model in a channel asks it; says which.
        """
        if users := self.used_by(name):
            raise TargetInUseError(name=name, users=", ".join(users))
        with self._db.write() as conn:
            target = _get(conn, name)
            conn.execute(delete(targets).where(targets.c.name == target.name))
            self._note(conn, "remove", target, by)
        self._vault.remove(target.vault_name)
        self._publish()
        return asdict(target)

    def keep_key(self, name: str, key: str, *, replace: bool = False, by: Principal) -> Facts:
        """Keep a key of a target in the vault; it is never shown again.

        Several keys take turns. `replace` forgets those kept before.

        Raises:
            UnknownTargetError: there is none of this name.
            BadTargetKeyError: the key has characters that no header may have, or is none of
                its provider's.
        """
        target = self.get(name)
        text = key.strip()
        check_key(target.name, TargetKey("stdin", text))
        provider = self._providers.get(target.provider)
        why = provider.misfit(text, _is_usual(target, provider)) if provider.misfit else ""
        if why:
            hint = f"Of {provider.name} a key is {provider.key_form}."
            raise BadTargetKeyError(name=target.name, source="stdin", reason=why, hint=hint)
        kept = self._vault.put(target.vault_name, text, alone=replace)
        with self._db.write() as conn:
            self._note(conn, "key", target, by, kept=kept)
        self._publish()
        return {"name": target.name, "kept": kept}

    def forget_keys(self, name: str, *, by: Principal) -> Facts:
        """Forget the keys of a target that the vault has; those in the environment stay.

        Raises:
            UnknownTargetError: there is none of this name.
        """
        target = self.get(name)
        gone = self._vault.remove(target.vault_name)
        with self._db.write() as conn:
            self._note(conn, "forget", target, by, forgotten=gone)
        self._publish()
        return {"name": target.name, "forgotten": gone}

    def check(self, name: str) -> Facts:
        """Ask a target with each of its keys which models it has.

        Raises:
            UnknownTargetError: there is none of this name.
            TargetAwayError: it does not answer.
            TargetRefusedError: it refuses a key.
            TargetConfusedError: it answers, but not as its provider does.
        """
        target = self.get(name)
        return probe(target, self._providers.get(target.provider), self.keys(target))

    def used_by(self, name: str) -> Names:
        """Return the channels whose models ask this target, readable."""
        releases, users = self._releases(), []
        for channel in releases.channels():
            for served in channel.served:
                release = self._catalog.by_digest(Digest(served))
                for parent in release.manifest.parents:
                    model = self._catalog.by_digest(parent.digest)
                    pool = pool_of(model) if model.kind == "model" else None
                    if pool and name in pool.targets:
                        users.append(f"channel {channel.name} ({release.ref}, model {model.ref})")
        return users

    def variables(self, target: Target) -> dict[str, bool]:
        """Return the variables that hold a target's keys, and whether each is set."""
        provider = self._providers.get(target.provider)
        names = self._variables(target, provider)
        return {name: bool(self._from_environment(name)) for name in names}

    def keys(self, target: Target) -> Sequence[TargetKey]:
        """Return a target's keys: those of the environment, then those of the vault."""
        provider = self._providers.get(target.provider)
        named = (
            (names, self._from_environment(names)) for names in self._variables(target, provider)
        )
        found = [TargetKey(names, text) for names, text in named if text]
        kept = self._vault.get(target.vault_name)
        return [*found, *(TargetKey(f"the vault ({n})", text) for n, text in enumerate(kept, 1))]

    def resolve(self, name: str, model: str) -> shape.Target:
        """Return what workers need to ask a model at this target, as it is now.

        Without the key that it should have it `lacks` it, and is not asked. A server
        at hand may do without, unless the owner named a variable.

        Raises:
            UnknownTargetError: there is none of this name.
            UnknownPluginError: its provider's package is gone.
            BadTargetKeyError: a key cannot be sent.
        """
        target = self.get(name)
        provider = self._providers.get(target.provider)
        keys = self.keys(target)
        found = compiled(target, provider, model, keys=keys)
        named = self._variables(target, provider)
        if named and not keys and (target.key_env or found.url.startswith("https:")):
            return structs.replace(found, lacks=named[0])
        return found

    def chat(self, name: str, model: str) -> HttpChat:
        """Return a Chat that asks a model at this target, for evaluations. Close it when done.

        Raises:
            UnknownTargetError, BadTargetKeyError: as in `resolve`.
            NoChatError: the target does not understand OpenAI's chat completions.
        """
        found = self.resolve(name, model)
        path = found.dialects.get("openai.chat")
        if path is None:
            raise NoChatError(name=name, dialects=", ".join(found.dialects))
        client = httpx2.Client(
            base_url=found.url, headers=found.headers, timeout=CHAT_TIMEOUT_S,
            verify=ssl.create_default_context(cafile=found.ca_file or None),
        )  # fmt: skip
        return HttpChat(client, found.url, path, model, ca_file=found.ca_file or "")

    def _variables(self, target: Target, provider: Provider) -> tuple[str, ...]:
        """Return the variables to look into. A usual key goes to the usual address only."""
        if target.key_env or not provider.key_env:
            return target.key_env
        return (provider.key_env,) if _is_usual(target, provider) else ()

    def _from_environment(self, names: str) -> str:
        """Return a key; of several variables their values joined by `:`, all but the third needed."""
        texts = [self._environment.get(name, "").strip() for name in names.split(":")]
        while len(texts) > 2 and not texts[-1]:
            texts.pop()
        return ":".join(texts) if all(texts) else ""

    def _change(self, name: str, verb: str, by: Principal, *, why: str = "", **given: Any) -> Facts:
        with self._db.write() as conn:
            before = _get(conn, name)
            after = replace(before, **given, updated_us=self._clock.now_us())
            check(after, self._providers.get(after.provider))
            conn.execute(update(targets).where(targets.c.name == after.name).values(_values(after)))
            self._note(conn, verb, after, by, **({"why": why} if why else {}))
        self._publish()
        return self.show(after.name)

    def _note(
        self, conn: Connection, verb: str, target: Target, by: Principal, **more: Any
    ) -> None:
        content = {**asdict(target), "key_env": [*target.key_env], **more}
        self._ledger.append(verb, f"target/{target.name}", (), content, by=by, conn=conn)


def _values(target: Target) -> Facts:
    return {**asdict(target), "key_env": json.dumps(target.key_env)}


def _row(conn: Connection, name: str) -> Row[Any] | None:
    return conn.execute(select(targets).where(targets.c.name == name)).first()


def _get(conn: Connection, name: str) -> Target:
    row = _row(conn, name)
    if row is None:
        known = conn.scalars(select(targets.c.name)).all()
        near = difflib.get_close_matches(name, known, n=1)
        guess = f" (did you mean `{near[0]}`?)" if near else ""
        raise UnknownTargetError(name=ascii(name)[1:-1][:100], guess=guess)
    return _target(row)


def _target(row: Row[Any]) -> Target:
    values = dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's public name for it
    return Target(**{**values, "key_env": tuple(json.loads(row.key_env))})


def _is_usual(target: Target, provider: Provider) -> bool:
    """Whether it is asked at its provider's own address, or the provider has none."""
    usual = provider.address("", target.region)
    return not target.url or not usual or _origin(target.url) == _origin(usual)


def _origin(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.scheme, parts.netloc
