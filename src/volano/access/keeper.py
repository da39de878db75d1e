"""Keys are made, rotated, changed, revoked and verified here. The text is shown once, kept nowhere."""

import json
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from volano.access.address import check_ranges
from volano.access.errors import (
    BadGroupError,
    BadKeyNameError,
    EndedKeyError,
    ExpiredKeyError,
    ForbiddenAddressError,
    NoSuchKeyError,
    NothingToUpdateError,
    PastExpiryError,
    RevokedKeyError,
    TwoExpiriesError,
    UnknownDoorError,
    UnknownKeyError,
)
from volano.access.key import Key, fingerprint, new_text, parse
from volano.access.moment import duration_us, moment_us
from volano.access.scope import check_scope, grants
from volano.access.tables import keys
from volano.core.clock import Clock
from volano.core.ports.publish import Publish
from volano.core.principal import Principal
from volano.core.ref import BadRefError, check_name
from volano.core.text import nfc
from volano.store.db import Database
from volano.store.ledger import Ledger

KeyList = list[Key]


class Keys:
    """The API keys of one workspace. `secret` is what fingerprints are made under.

    `doors` are those that scopes may name; without any, all names that a door could have.
    """

    def __init__(
        self,
        db: Database,
        ledger: Ledger,
        secret: bytes,
        clock: Clock,
        publish: Publish | None = None,
        doors: Iterable[str] = (),
    ):
        self.secret = secret
        self._doors = tuple(doors)
        self._db = db
        self._ledger = ledger
        self._clock = clock
        self._publish = publish

    def create(
        self,
        name: str,
        *,
        group: str = "",
        scopes: Iterable[str] = ("chat:*",),
        ips: Iterable[str] = (),
        expires: str | None = None,
        expires_us: int | None = None,
        by: Principal,
    ) -> tuple[Key, str]:
        """Make a key; return it and its text, which cannot be had again.

        `expires` is a duration or a date, `expires_us` the moment itself.

        Raises:
            BadKeyNameError, BadGroupError, BadScopeError, UnknownDoorError, BadRangeError,
            BadMomentError, PastExpiryError, TwoExpiriesError: as they say.
        """
        now = self._clock.now_us()
        if expires is not None and expires_us is not None:
            raise TwoExpiriesError
        ends = _ahead(moment_us(expires, now) if expires is not None else expires_us, now)
        text = new_text()
        key = Key(
            parse(text), _check_name(name), _check_group(group), self._check_scopes(scopes), now, ends,
            ips=check_ranges(ips),
        )  # fmt: skip
        row = {
            **_columns(key), "id": key.id, "hmac": fingerprint(self.secret, text),
            "created_us": now, "created_by": str(by),
        }  # fmt: skip
        with self._db.write() as conn:
            conn.execute(insert(keys).values(row))
            self._ledger.append("create", f"key/{key.id}", (), _facts(key), by=by, conn=conn)
        self._tell()
        return key, text

    def update(
        self,
        key_id: str,
        *,
        name: str | None = None,
        group: str | None = None,
        scopes: Iterable[str] | None = None,
        ips: Iterable[str] | None = None,
        expires: str | None = None,
        by: Principal,
    ) -> Key:
        """Change what a key may do; what is not given stays. An expired key can live again so.

        Raises:
            NoSuchKeyError: there is no such key.
            EndedKeyError: it was revoked, which is for good.
            NothingToUpdateError: nothing was given.
            BadKeyNameError, BadGroupError, BadScopeError, UnknownDoorError, BadRangeError,
            BadMomentError, PastExpiryError: as they say.
        """
        now = self._clock.now_us()
        changes: dict[str, Any] = {}
        if name is not None:
            changes["name"] = _check_name(name)
        if group is not None:
            changes["group"] = _check_group(group)
        if scopes is not None:
            changes["scopes"] = self._check_scopes(scopes)
        if ips is not None:
            changes["ips"] = check_ranges(ips)
        if expires is not None:
            changes["expires_us"] = _ahead(moment_us(expires, now), now)
        with self._db.write() as conn:
            key = _get(conn, key_id)
            if key.revoked_us is not None:
                raise EndedKeyError(id=key.id, done="changed")
            if not changes:
                raise NothingToUpdateError(id=key.id)
            key = replace(key, **changes)
            conn.execute(update(keys).where(keys.c.id == key.id).values(_columns(key)))
            content = {field: _facts(key)[field] for field in changes}
            self._ledger.append("update", f"key/{key.id}", (), content, by=by, conn=conn)
        self._tell()
        return key

    def rotate(self, key_id: str, *, overlap: str = "7d", by: Principal) -> tuple[Key, str]:
        """Give a key a new text; return both. The present text goes on for the overlap, then ends.

        Id, name, group, scopes, limits: all else stays, so that traces before and
        after show one key. A key has two texts at most: rotating again within the
        overlap ends the oldest at once. `overlap="0"` ends the present one at once.

        Raises:
            NoSuchKeyError: there is no such key.
            EndedKeyError: it was revoked or has expired.
            BadDurationError: the overlap is none.
        """
        now = self._clock.now_us()
        until = now + duration_us(overlap)
        with self._db.write() as conn:
            key = _get(conn, key_id)
            if not key.live(now):
                raise EndedKeyError(id=key.id, done="rotated")
            text = new_text(key.id)
            present = conn.execute(select(keys.c.hmac).where(keys.c.id == key.id)).scalar_one()
            values = {
                "hmac": fingerprint(self.secret, text), "rotated_us": now,
                "former_hmac": present, "former_until_us": until,
            }  # fmt: skip
            conn.execute(update(keys).where(keys.c.id == key.id).values(values))
            content = {"name": key.name, "former_until_us": until}
            self._ledger.append("rotate", f"key/{key.id}", (), content, by=by, conn=conn)
            key = replace(key, rotated_us=now, former_until_us=until)
        self._tell()
        return key, text

    def list(self) -> KeyList:
        """Return all keys, newest first; revoked and expired ones too."""
        return [_key(row) for row in self._rows()]

    def fingerprints(self) -> dict[str, Key]:
        """Return the live keys by fingerprint, as the gateway's snapshot needs them.

        A rotated key is there twice; under its former text it expires with that text.
        """
        now = self._clock.now_us()
        found = {}
        for row in self._rows():
            found[row.hmac] = _key(row)
            if row.former_hmac is not None:
                found[row.former_hmac] = _former(_key(row))
        return {mark: key for mark, key in found.items() if key.live(now)}

    def get(self, key_id: str) -> Key:
        """Return the key of this id; `vk_` before it does no harm.

        Raises:
            NoSuchKeyError: there is none.
        """
        with self._db.read() as conn:
            return _get(conn, key_id)

    def revoke(self, key_id: str, *, by: Principal) -> Key:
        """End a key for good, now; a revoked key stays in the list.

        Raises:
            NoSuchKeyError: there is no such key.
        """
        with self._db.write() as conn:
            key = _get(conn, key_id)
            if key.revoked_us is not None:
                return key
            now = self._clock.now_us()
            conn.execute(update(keys).where(keys.c.id == key.id).values(revoked_us=now))
            content = {"name": key.name}
            self._ledger.append("revoke", f"key/{key.id}", (), content, by=by, conn=conn)
            key = _get(conn, key.id)
        self._tell()
        return key

    def verify(self, text: str, address: str = "") -> Key:
        """Return the key whose text this is, used from this address.

        Raises:
            MalformedKeyError, MistypedKeyError: the text is no key; nothing was looked up.
            UnknownKeyError, RevokedKeyError, ExpiredKeyError, ForbiddenAddressError: as they say.
        """
        parse(text)
        mark = fingerprint(self.secret, text)
        with self._db.read() as conn:
            ours = (keys.c.hmac == mark) | (keys.c.former_hmac == mark)
            row = conn.execute(select(keys).where(ours)).first()
        if row is None:
            raise UnknownKeyError
        key = _key(row)
        if key.revoked_us is not None:
            raise RevokedKeyError(id=key.id)
        used = key if row.hmac == mark else _former(key)
        if not used.live(self._clock.now_us()):
            raise ExpiredKeyError(id=key.id)
        if not key.may_come_from(address):
            raise ForbiddenAddressError(id=key.id, address=address or "here")
        return key

    def _check_scopes(self, scopes: Iterable[str]) -> tuple[str, ...]:
        found = tuple(dict.fromkeys(check_scope(scope) for scope in scopes))
        for scope in found:
            kind, _, name = scope.partition(":")
            there = any(grants([scope], "door", door) for door in self._doors)
            if kind == "door" and self._doors and not there:
                raise UnknownDoorError(door=name, known=", ".join(self._doors))
        return found

    def _rows(self) -> Any:
        with self._db.read() as conn:
            return conn.execute(select(keys).order_by(keys.c.created_us.desc(), keys.c.id)).all()

    def _tell(self) -> None:
        """Put the change before the gateway."""
        if self._publish is not None:
            self._publish()


def _get(conn: Connection, key_id: str) -> Key:
    plain = key_id.removeprefix("vk_")
    row = conn.execute(select(keys).where(keys.c.id == plain)).first()
    if row is None:
        raise NoSuchKeyError(id=plain[:20])  # somebody may have given the whole key
    return _key(row)


def _key(row: Row[Any]) -> Key:
    return Key(
        row.id, row.name, row.group, tuple(json.loads(row.scopes)), row.created_us,
        row.expires_us, row.revoked_us, tuple(json.loads(row.ips)), row.rotated_us,
        row.former_until_us,
    )  # fmt: skip


def _former(key: Key) -> Key:
    """Return the key as its former text opens it: until the overlap ends, or the key itself."""
    ends = [end for end in (key.expires_us, key.former_until_us) if end is not None]
    return replace(key, expires_us=min(ends, default=None))


def _columns(key: Key) -> dict[str, Any]:
    """Return the columns that `update` may change."""
    return {
        "name": key.name, "group": key.group, "scopes": json.dumps(key.scopes),
        "ips": json.dumps(key.ips), "expires_us": key.expires_us,
    }  # fmt: skip


def _facts(key: Key) -> dict[str, Any]:
    return {
        "name": key.name, "group": key.group, "scopes": key.scopes, "ips": key.ips,
        "expires_us": key.expires_us,
    }  # fmt: skip


def _ahead(moment: int | None, now_us: int) -> int | None:
    if moment is not None and moment <= now_us:
        raise PastExpiryError
    return moment


def _check_group(group: str) -> str:
    try:
        return check_name(group) if group else ""
    except BadRefError as error:
        raise BadGroupError(group=group[:120]) from error


def _check_name(name: str) -> str:
    name = nfc(name).strip()
    if not 1 <= len(name) <= 100 or not name.isprintable():
        raise BadKeyNameError(name=ascii(name)[:120])
    return name
