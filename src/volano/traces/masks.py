"""Masks: the verbs. What is hidden in calls and spans before they are recorded.

The rules lie in the catalog; the recorder reads them from one file that is written whole after
each change. When a verb returns, the file says it: what is recorded from then on is masked so.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import insert, select, update

from volano.core.clock import Clock
from volano.core.ids import uuid7
from volano.core.ports.mask import Detect
from volano.core.principal import Principal
from volano.core.text import nfc
from volano.store.db import Database
from volano.store.ledger import Ledger
from volano.traces.errors import BadMaskError, MaskExistsError, NoMaskError
from volano.traces.mask.detectors import DETECTORS
from volano.traces.mask.rule import PARTS, Kind, MaskRule, Where, write_rules
from volano.traces.mask.texts import Texts, check_pattern
from volano.traces.policy_tables import masks

MOST_CHARS = 100
MOST_RULES = 50
_NAME = re.compile(r"[\w.-]{1,64}")


@dataclass(frozen=True, slots=True)
class Mask:
    """A rule as people see it. `finds` is a regular expression, an attribute's name, a detector's."""

    name: str
    kind: Kind
    finds: str
    replace: str
    where: Where
    channel: str
    set_us: int
    set_by: str


class Masks:
    """The rules of one workspace. Without any, all is recorded as it was said."""

    def __init__(
        self, db: Database, ledger: Ledger, clock: Clock, path: Path,
        detectors: Mapping[str, Detect] = DETECTORS,
    ):  # fmt: skip
        self._db, self._ledger, self._clock = db, ledger, clock
        self._path, self._detectors = path, detectors

    def publish(self) -> None:
        """Write the file that the recorder reads, whole. Control only."""
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_rules(self._path, self._rules())

    def add(
        self, name: str, *, regex: str = "", attribute: str = "", replace: str = "",
        channel: str = "", where: Where = "all", by: Principal,
    ) -> Mask:  # fmt: skip
        """Hide what a regular expression fits, the value of an attribute, or what a detector finds.

        A name alone is a detector's: email, phone, iban, card, secret.

        Raises:
            BadMaskError: the name, pattern or replacement is no good.
            MaskExistsError: there is a rule of this name.
        """
        kind, pattern = self._kind(name, regex, attribute)
        replace = nfc(replace) or f"[{name}]"
        if not _NAME.fullmatch(name):
            raise BadMaskError(why="a name is 1 to 64 letters, digits, dots or dashes")
        if where not in PARTS:
            raise BadMaskError(why=f"where is one of {', '.join(PARTS)}")
        if len(replace) > MOST_CHARS or not replace.isprintable():
            raise BadMaskError(why=f"a replacement is 1 to {MOST_CHARS} visible characters")
        now = self._clock.now_us()
        row = {"id": uuid7(now), "name": name, "kind": kind, "pattern": pattern, "replace": replace,
               "channel": nfc(channel.strip())[:500], "where": where, "set_us": now,
               "set_by": str(by)}  # fmt: skip
        with self._db.write() as conn:
            names = [one.name for one in conn.execute(_STANDING)]
            if name in names:
                raise MaskExistsError(mask=name)
            if len(names) >= MOST_RULES:
                raise BadMaskError(why=f"there are {MOST_RULES} rules already")
            conn.execute(insert(masks).values(row))
            content = {key: row[key] for key in _SAID}
            self._ledger.append("add", f"mask/{name}", (), content, by=by, conn=conn)
        self.publish()
        return _mask(row)

    def remove(self, name: str, *, by: Principal) -> Mask:
        """Hide this no longer in what is recorded from now on.

        Raises:
            NoMaskError: there is no such rule.
        """
        with self._db.write() as conn:
            row = conn.execute(_STANDING.where(masks.c.name == name)).first()
            if row is None:
                raise NoMaskError(mask=ascii(name)[1:-1][:80])
            gone = update(masks).where(masks.c.id == row.id)
            conn.execute(gone.values(removed_us=self._clock.now_us()))
            self._ledger.append("remove", f"mask/{name}", (), {}, by=by, conn=conn)
        self.publish()
        return _mask(row._asdict())

    def test(self, *, text: str, channel: str = "") -> dict[str, Any]:
        """Return what would be recorded of a text in place of it.

        Raises:
            WithheldError: it would be withheld.
        """
        rules = [rule for rule in self._rules() if rule.channel in ("", channel)]
        masked = Texts(rules, self._detectors).hide([text]).get(text, text)
        return {"masked": masked, "hidden": masked != text, "rules": [rule.name for rule in rules]}

    def _rules(self) -> tuple[MaskRule, ...]:
        with self._db.read() as conn:
            rows = [row._asdict() for row in conn.execute(_STANDING)]
        fields = MaskRule.__struct_fields__
        return tuple(MaskRule(**{name: row[name] for name in fields}) for row in rows)

    def _kind(self, name: str, regex: str, attribute: str) -> tuple[Kind, str]:
        if regex and attribute:
            raise BadMaskError(why="say a regular expression or an attribute, not both")
        if regex:
            check_pattern(regex)
            return "regex", regex
        if attribute:
            if len(attribute) > MOST_CHARS or attribute == "*":
                raise BadMaskError(why="an attribute has a name, which may end in *")
            return "attribute", attribute
        if name not in self._detectors:
            known = ", ".join(self._detectors)
            raise BadMaskError(why=f"say --regex or --attribute; by name alone there are {known}")
        return "detect", name

    def list(self) -> list[Mask]:
        """Return the rules in the order in which they are applied."""
        with self._db.read() as conn:
            return [_mask(row._asdict()) for row in conn.execute(_STANDING)]


_STANDING = select(masks).where(masks.c.removed_us.is_(None)).order_by(masks.c.set_us, masks.c.id)
_SAID = ("kind", "pattern", "replace", "channel", "where")


def _mask(row: Mapping[str, Any]) -> Mask:
    return Mask(
        row["name"], row["kind"], row["pattern"], row["replace"], row["where"], row["channel"],
        row["set_us"], row["set_by"],
    )  # fmt: skip
