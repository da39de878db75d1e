"""Rules and holds: how long what is kept, and what is kept whatever they say; as conditions in SQL."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec

DAY_US = 86_400_000_000
_NEVER = -(1 << 62)


class Rule(msgspec.Struct, frozen=True, omit_defaults=True):
    """Rows are kept `days` days, their bodies `body_days`; 0 is for good, for bodies: as the rows."""

    id: str
    days: int
    body_days: int = 0
    channel: str = ""
    group: str = ""
    tag: str = ""
    """`name=value`."""

    @property
    def conditions(self) -> int:
        """How many conditions it has; the rule with the most decides."""
        return sum(map(bool, (self.channel, self.group, self.tag)))

    def when(self, have: Sequence[str]) -> str:
        """Return SQL that is true for its rows, in a table with these columns."""
        parts = []
        if self.channel:
            parts.append(_is("channel", self.channel, have))
        if self.group:
            parts.append(_in_group(self.group, have))
        if self.tag:
            name, _, value = self.tag.partition("=")
            quoted = name.replace("\\", "\\\\").replace('"', '\\"')
            path = _literal(f'$."{quoted}"')
            parts.append(f"coalesce(json_extract_string(tags, {path}) = {_literal(value)}, FALSE)")
        return " AND ".join(parts) or "TRUE"


class Hold(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is kept: of a trace, a session, a channel, a group, a time; all that is said must hold."""

    id: str
    trace: str = ""
    session: str = ""
    channel: str = ""
    group: str = ""
    since_us: int = 0
    until_us: int = 0

    def when(self, have: Sequence[str]) -> str:
        """Return SQL that is true for the rows that it keeps."""
        parts = [
            _is(column, value, have)
            for column, value in (
                ("id", self.trace), ("session", self.session), ("channel", self.channel),
            )
            if value
        ]  # fmt: skip
        if self.group:
            parts.append(_in_group(self.group, have))
        if self.since_us:
            parts.append(f"began_us >= {self.since_us:d}")
        if self.until_us:
            parts.append(f"began_us < {self.until_us:d}")
        return " AND ".join(parts) or "TRUE"


class Policy(msgspec.Struct, frozen=True):
    """All rules and holds of one moment."""

    rules: tuple[Rule, ...] = ()
    holds: tuple[Hold, ...] = ()

    def may_touch(self, min_us: int, today_us: int) -> bool:
        """Whether anything in a file whose oldest row began then may have to go today."""
        ages = [n for rule in self.rules for n in (rule.days, rule.body_days) if n]
        return bool(ages) and min_us < today_us - min(ages) * DAY_US

    def expired(self, have: Sequence[str], today_us: int) -> str:
        """Return SQL that is true for rows whose time is over."""
        return self._before(have, today_us, bodies=False)

    def bodies_expired(self, have: Sequence[str], today_us: int) -> str:
        """Return SQL that is true for rows whose bodies' time is over."""
        return self._before(have, today_us, bodies=True)

    def held(self, have: Sequence[str]) -> str:
        """Return SQL that is true for rows that someone holds."""
        return " OR ".join(f"({hold.when(have)})" for hold in self.holds) or "FALSE"

    def _before(self, have: Sequence[str], today_us: int, *, bodies: bool) -> str:
        def days(rule: Rule) -> int:
            return (rule.body_days if bodies else 0) or rule.days

        def until_us(rule: Rule) -> int:
            return today_us - days(rule) * DAY_US if days(rule) else _NEVER

        by_rank = sorted(self.rules, key=lambda rule: (-rule.conditions, until_us(rule)))
        if not by_rank:
            return "FALSE"
        cases = " ".join(f"WHEN {rule.when(have)} THEN {until_us(rule):d}" for rule in by_rank)
        return f"began_us < CASE {cases} ELSE {_NEVER:d} END"


def _is(column: str, value: str, have: Sequence[str]) -> str:
    return f'"{column}" = {_literal(value)}' if column in have else "FALSE"


def _in_group(group: str, have: Sequence[str]) -> str:
    if "group" not in have:
        return "FALSE"
    return f'("group" = {_literal(group)} OR starts_with("group", {_literal(group + "/")}))'


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def write_policy(path: Path, rules: Iterable[Rule], holds: Iterable[Hold]) -> None:
    """Put rules and holds where the recorder reads them. Control only."""
    beside = path.with_name(path.name + ".new")
    beside.write_bytes(msgspec.json.encode(Policy(tuple(rules), tuple(holds))))
    beside.replace(path)
