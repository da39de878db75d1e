"""Permissions: who may read and write a thing, and which classes of columns they see.

A thing (`dataset/tickets`) is open to the workspace until the first grant, or
until it is restricted; from then on only those who were granted may. It stays
so when the last grant is taken back, until it is opened again. Owners may all.
Columns without a class are internal.
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import Connection, Row, delete, insert, select

from volano.access.errors import (
    BadClassError,
    BadPrincipalError,
    NoPermissionError,
    NotPermittedError,
    OpenToMoreError,
)
from volano.access.session import local_principal
from volano.access.tables import column_classes, permissions
from volano.core.clock import Clock
from volano.core.ports.access import NOT_RENAMED, Renamed
from volano.core.principal import SYSTEM, Principal
from volano.core.ref import check_name
from volano.core.text import nfc
from volano.store.db import Database
from volano.store.ledger import Ledger

VerbName = Literal["read", "write"]
CLASSES = ("public", "internal", "personal", "secret")
EVERYBODYS = frozenset({"public", "internal"})
_LOCKED = "restricted"
FILESET = "fileset"
_NAME = re.compile(r"(person|service|device|group):[^\s:][^\n\0]{0,199}")


@dataclass(frozen=True, slots=True)
class Permission:
    """That a principal may do this to a thing, with the classes beyond internal that it sees."""

    thing: str
    principal: str
    verb: str
    classes: tuple[str, ...]
    given_us: int
    given_by: str


@dataclass(frozen=True, slots=True)
class Rights:
    """What one principal may do with one thing: the columns of `hidden` are not for it."""

    read: bool
    write: bool
    hidden: Mapping[str, str]


class Permissions:
    """The permissions of one workspace. A name below is a dataset's, or `fileset:NAME`."""

    def __init__(self, db: Database, ledger: Ledger, clock: Clock):
        self._db = db
        self._ledger = ledger
        self._clock = clock

    def grant(
        self,
        name: str,
        principal: str,
        verb: VerbName,
        *,
        classes: Iterable[str] = (),
        by: Principal,
    ) -> Permission:
        """Let a principal read or write a dataset; from the first grant on nobody else may.

        `principal` is `person:anna`, `service:key/ci`, `service:schedule/nightly` or
        `group:team/project`, which means all in it. Who may write may not read by that.

        Raises:
            BadPrincipalError, BadClassError, BadRefError: as they say.
        """
        thing, principal = _thing(name), _principal(principal)
        given = tuple(sorted({_class(one) for one in classes}, key=CLASSES.index))
        with self._db.write() as conn:
            now = self._clock.now_us()
            self._lock(conn, thing, by)
            one = Permission(thing, principal, verb, given, now, str(by))
            _put(conn, one)
            content = {"principal": principal, "verb": verb, "classes": list(given)}
            self._ledger.append("grant", thing, (), content, by=by, conn=conn)
        return one

    def revoke(self, name: str, principal: str, verb: VerbName, *, by: Principal) -> Permission:
        """Take a permission back; the dataset stays restricted.

        Raises:
            NoPermissionError: there is none.
        """
        thing = _thing(name)
        facts = {"principal": nfc(principal), "verb": verb}
        mine = _is(thing, facts["principal"], verb)
        with self._db.write() as conn:
            row = conn.execute(select(permissions).where(mine)).first()
            if row is None:
                raise NoPermissionError(**facts, thing=thing, name=name)
            conn.execute(delete(permissions).where(mine))
            self._ledger.append("revoke", thing, (), facts, by=by, conn=conn)
        return _permission(row)

    def restrict(self, name: str, *, by: Principal) -> dict[str, Any]:
        """Close a dataset to all but the owner and those who were granted.

        Raises:
            BadRefError: the name is none.
        """
        with self._db.write() as conn:
            self._lock(conn, _thing(name), by)
        return self.list(name)

    def open(self, name: str, *, by: Principal) -> dict[str, Any]:
        """Open a dataset to the whole workspace again; its grants keep their clearances.

        Raises:
            BadRefError: the name is none.
        """
        thing = _thing(name)
        with self._db.write() as conn:
            if _locked(conn, thing):
                conn.execute(delete(permissions).where(_is(thing, "", _LOCKED)))
                self._ledger.append("open", thing, (), {}, by=by, conn=conn)
        return self.list(name)

    def classify(self, name: str, column: str, class_name: str, *, by: Principal) -> dict[str, Any]:
        """Say of which class a column is, in all versions of a dataset.

        Raises:
            BadClassError, BadRefError: as they say.
        """
        thing, column, of = _thing(name), nfc(column), _class(class_name)
        with self._db.write() as conn:
            self._classify(conn, thing, column, of, by)
        return self.list(name)

    def list(self, name: str) -> dict[str, Any]:
        """Return whether a dataset is restricted, who may what, and the classes of its columns.

        Raises:
            BadRefError: the name is none.
        """
        thing = _thing(name)
        with self._db.read() as conn:
            rows = conn.execute(
                select(permissions).where(permissions.c.thing == thing, permissions.c.principal != "")
                .order_by(permissions.c.principal, permissions.c.verb)
            ).all()  # fmt: skip
            return {
                "name": name, "restricted": _locked(conn, thing),
                "granted": [_permission(row) for row in rows], "columns": _classes(conn, thing),
            }  # fmt: skip

    def rights(self, name: str, by: Principal) -> Rights:
        """Return what a principal may do with a dataset: the one place where it is decided."""
        thing = _thing(name)
        if _owns(by):
            return Rights(read=True, write=True, hidden={})
        with self._db.read() as conn:
            rows = conn.execute(select(permissions).where(permissions.c.thing == thing)).all()
            classes = _classes(conn, thing)
        mine = [row for row in rows if _means(row.principal, by)]
        locked = any(row.verb == _LOCKED for row in rows)
        verbs = {row.verb for row in mine} if locked else {"read", "write"}
        seen = EVERYBODYS.union(*(json.loads(row.classes) for row in mine if row.verb == "read"))
        hidden = {column: of for column, of in classes.items() if of not in seen}
        return Rights("read" in verbs, "write" in verbs, hidden)

    def readable(self, names: Iterable[str], by: Principal) -> frozenset[str]:
        """Return those of these names that a principal may read: as `rights` says, of many at once."""
        things = {name: _thing(name) for name in names}
        if _owns(by):
            return frozenset(things)
        query = select(permissions.c.thing, permissions.c.principal, permissions.c.verb)
        with self._db.read() as conn:
            rows = conn.execute(query.where(permissions.c.verb.in_((_LOCKED, "read")))).all()
        locked = {row.thing for row in rows if row.verb == _LOCKED}
        mine = {row.thing for row in rows if row.verb == "read" and _means(row.principal, by)}
        return frozenset(name for name, one in things.items() if one not in locked or one in mine)

    def check(self, name: str, verb: VerbName, by: Principal) -> Rights:
        """Return the rights of a principal who may do this.

        Raises:
            NotPermittedError: it may not.
        """
        rights = self.rights(name, by)
        if not (rights.read if verb == "read" else rights.write):
            raise NotPermittedError(principal=by, verb=verb, thing=_thing(name), name=name)
        return rights

    def check_made_of(
        self, name: str, of: Iterable[str], by: Principal, *, renamed: Renamed = NOT_RENAMED
    ) -> None:
        """Refuse rows of others for a dataset that anybody may read, who may not read those.

        `renamed` says what columns of the others are called here.

        Raises:
            OpenToMoreError: it is open, or a column of it is, and the others are not.
        """
        thing = _thing(name)
        if _owns(by):
            return
        with self._db.read() as conn:
            open_to_all, mine = not _locked(conn, thing), _classes(conn, thing)
            for other in dict.fromkeys(of):
                theirs = _called(_classes(conn, _thing(other)), renamed) if other != name else {}
                looser = any(_rank(mine.get(c)) < _rank(one) for c, one in theirs.items())
                if looser or (other != name and open_to_all and _locked(conn, _thing(other))):
                    raise OpenToMoreError(name=name, thing=thing, of=_thing(other))

    def inherit(
        self, name: str, of: Iterable[str], *, renamed: Renamed = NOT_RENAMED, by: Principal
    ) -> None:
        """Let a new dataset be for those only whom all of these are for; its maker may go on.

        The stricter class of a column counts, and so does one that it has here already;
        `renamed` says what columns of the others are called here.
        """
        thing, others = _thing(name), [_thing(one) for one in dict.fromkeys(of) if one != name]
        with self._db.write() as conn:
            mine = _classes(conn, thing)
            found = [_called(_classes(conn, other), renamed) for other in others]
            for column in sorted({c for one in found for c in one}):
                strictest = max((one.get(column) for one in [mine, *found]), key=_rank)
                if strictest is not None and strictest != mine.get(column):
                    self._classify(conn, thing, column, strictest, by)
            closed = [other for other in others if _locked(conn, other)]
            if not closed or _locked(conn, thing):
                return
            self._lock(conn, thing, by)
            for one in _readers(conn, closed, thing, self._clock.now_us(), str(by)):
                self._give(conn, one, by)
            if not _owns(by):
                at = self._clock.now_us()
                self._give(conn, Permission(thing, str(by), "write", (), at, str(by)), by)

    def _give(self, conn: Connection, one: Permission, by: Principal) -> None:
        _put(conn, one)
        content = {"principal": one.principal, "verb": one.verb, "classes": list(one.classes)}
        self._ledger.append("grant", one.thing, (), content, by=by, conn=conn)

    def _classify(self, conn: Connection, thing: str, column: str, of: str, by: Principal) -> None:
        mine = (column_classes.c.thing == thing) & (column_classes.c.column == column)
        row = {
            "thing": thing, "column": column, "class": of, "set_us": self._clock.now_us(),
            "set_by": str(by),
        }  # fmt: skip
        conn.execute(delete(column_classes).where(mine))
        conn.execute(insert(column_classes).values(row))
        content = {"column": column, "class": of}
        self._ledger.append("classify", thing, (), content, by=by, conn=conn)

    def _lock(self, conn: Connection, thing: str, by: Principal) -> None:
        if not _locked(conn, thing):
            _put(conn, Permission(thing, "", _LOCKED, (), self._clock.now_us(), str(by)))
            self._ledger.append("restrict", thing, (), {}, by=by, conn=conn)


def _called(classes: Mapping[str, str], renamed: Renamed) -> dict[str, str]:
    """Return the classes by what columns are called here; a row that kept the old name keeps its class."""
    found = dict(classes)
    for old, new in renamed.items():
        if old in classes:
            found[new] = max(classes[old], found.get(new), key=_rank) or classes[old]
    return found


def _rank(of: str | None) -> int:
    return CLASSES.index(of or "internal")


def _readers(
    conn: Connection, closed: list[str], thing: str, at_us: int, by: str
) -> list[Permission]:
    """Return who may read all of these, each with the classes that it sees in all of them."""
    told: list[dict[str, set[str]]] = []
    for one in closed:
        query = select(permissions).where(permissions.c.thing == one, permissions.c.verb == "read")
        rows = conn.execute(query).all()
        told.append({row.principal: set(json.loads(row.classes)) for row in rows})
    both = set.intersection(*(set(one) for one in told))
    return [
        Permission(
            thing, who, "read",
            tuple(sorted(set.intersection(*(one[who] for one in told)), key=CLASSES.index)),
            at_us, by,
        )
        for who in sorted(both)
    ]  # fmt: skip


def _owns(by: Principal) -> bool:
    """Whether it is the owner, also where a Run of theirs acts, which knows no roles."""
    owners = {(one.kind, one.name) for one in (SYSTEM, local_principal())}
    return "owner" in by.roles or (by.kind, by.name) in owners


def _means(named: str, by: Principal) -> bool:
    if named.startswith("group:"):
        group = named.removeprefix("group:")
        return by.group == group or by.group.startswith(group + "/")
    return named == str(by)


def _put(conn: Connection, one: Permission) -> None:
    conn.execute(delete(permissions).where(_is(one.thing, one.principal, one.verb)))
    row = {name: getattr(one, name) for name in Permission.__slots__}
    conn.execute(insert(permissions).values({**row, "classes": json.dumps(one.classes)}))


def _is(thing: str, principal: str, verb: str) -> Any:
    return (
        (permissions.c.thing == thing)
        & (permissions.c.principal == principal)
        & (permissions.c.verb == verb)
    )


def _locked(conn: Connection, thing: str) -> bool:
    return (
        conn.execute(select(permissions.c.thing).where(_is(thing, "", _LOCKED))).first() is not None
    )


def _classes(conn: Connection, thing: str) -> dict[str, str]:
    query = select(column_classes.c.column, column_classes.c["class"])
    rows = conn.execute(
        query.where(column_classes.c.thing == thing).order_by(column_classes.c.column)
    )
    return {row[0]: row[1] for row in rows}


def _permission(row: Row[Any]) -> Permission:
    classes = tuple(json.loads(row.classes))
    return Permission(row.thing, row.principal, row.verb, classes, row.given_us, row.given_by)


def _thing(name: str) -> str:
    kind, colon, rest = name.partition(":")
    if colon and kind == FILESET:
        return f"{FILESET}/{check_name(rest)}"
    return f"dataset/{check_name(name)}"


def _principal(text: str) -> str:
    text = nfc(text)
    if not _NAME.fullmatch(text) or not text.isprintable():
        raise BadPrincipalError(principal=ascii(text)[1:-1][:120])
    return text


def _class(name: str) -> str:
    if name not in CLASSES:
        raise BadClassError(name=name[:80])
    return name
