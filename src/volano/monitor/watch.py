"""The watch: judges all rules, moves alerts from state to state, says who is to be told.

One tick is one look. A rule that cannot be judged is said to be in trouble, its alerts
stay as they are, and the others go on. State and notices are written in one transaction:
after a crash the next tick goes on from the same state, and nothing is told twice.
"""

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from volano.core.clock import Clock
from volano.core.ports.notify import Change
from volano.monitor.alert import BURNING, Alert, begun, gone_on
from volano.monitor.book import AlertBook, Silence
from volano.monitor.judge import Finding, Judge
from volano.monitor.rule import MINUTE_US, Rule

log = logging.getLogger(__name__)

_SLOW = {"anomaly": MINUTE_US, "drift": MINUTE_US}
"""Kinds that look at weeks, or at what changes seldom, are judged once a minute."""
Key = tuple[str, tuple[str, ...]]


class Watch:
    """Knows nothing that the catalog does not: `trouble` and `unsure` are for showing."""

    def __init__(self, book: AlertBook, judge: Judge, clock: Clock, url: str):
        self._book = book
        self._judge = judge
        self._clock = clock
        self._url = url
        self._judged: dict[str, tuple[int, Sequence[Finding]]] = {}
        self.trouble: dict[str, str] = {}
        self.unsure: dict[str, str] = {}

    def tick(self) -> int:
        """Look once; return how many alerts changed their state."""
        now = self._clock.now_us()
        rules, broken = self._book.rules()
        trouble = {one.name: one.why for one in broken}
        live = self._book.alerts(live=True)
        if not rules and not live:
            self.trouble = trouble
            return 0
        was: dict[str, dict[tuple[str, ...], Alert]] = {}
        names = {rule.name: rule for rule in rules}
        for alert in reversed(live):
            found = names.get(alert.rule)
            was.setdefault(alert.rule, {})[_group(found, alert)] = alert
        after: list[tuple[Rule | None, Alert | None, Alert | None]] = []
        for rule in rules:
            findings = self._find(rule, now, trouble)
            if findings is not None:
                after += _moved(rule, was.get(rule.name, {}), findings, now)
            else:
                after += [(rule, alert, alert) for alert in was.get(rule.name, {}).values()]
        for name in was.keys() - names.keys() - trouble.keys():
            after += [(None, alert, _over(alert, now)) for alert in was[name].values()]
        self.trouble = trouble
        return self._write(after, now)

    def _find(self, rule: Rule, now: int, trouble: dict[str, str]) -> Sequence[Finding] | None:
        last, found = self._judged.get(rule.name, (0, ()))
        if not 0 <= now - last < _SLOW.get(rule.kind, 0):
            try:
                found = self._judge(rule, now)
            except Exception as error:
                if rule.name not in self.trouble:
                    log.exception("The rule %s could not be judged; it is tried again.", rule.name)
                trouble[rule.name] = str(error) or type(error).__name__
                return None
            self._judged[rule.name] = (now, found)
        unsure = next((one.told for one in found if one.bad is None), "")
        self.unsure = {**self.unsure, rule.name: unsure}
        return found

    def _write(
        self, after: Sequence[tuple[Rule | None, Alert | None, Alert | None]], now: int
    ) -> int:
        silences = self._book.silences(now)
        everyone = [*self._book.receivers()]
        burning = Counter(a.rule for _, _, a in after if a is not None and a.state in BURNING)
        changed, gone, told, moves = [], [], [], 0
        for rule, old, new in after:
            if new is None:
                if old is not None and old.id:
                    gone.append(old)
                continue
            moved = old is None or (old.state, old.well_us) != (new.state, new.well_us)
            moves += old is None or old.state != new.state
            if again := _due(rule, new, silences, now):
                receivers = [
                    r for r in (rule.receivers if rule else ()) or everyone if r in everyone
                ]
                state = "resolved" if new.state == "resolved" else "firing"
                more = {"state": state, "again": again == "again", "burning": burning[new.rule],
                        "now_us": now}  # fmt: skip
                new = replace(new, notified_us=now)
                told.append((receivers, new, more))
                moved = True
            if moved:
                changed.append(new)
        if changed or gone:
            self._book.write(changed, gone, told, now_us=now, tell=self._change)
        return moves + len(gone)

    def _change(self, alert: Alert, id_: int, **said: Any) -> Change:
        return Change(
            alert=id_, rule=alert.rule, state=said["state"], severity=alert.severity,
            labels=alert.labels, told=alert.told, at_us=said["now_us"],
            since_us=alert.fired_us or alert.pending_us, url=f"{self._url}/alerts#alert-{id_}",
            burning=said["burning"], again=said["again"],
        )  # fmt: skip


def _moved(
    rule: Rule, was: Mapping[tuple[str, ...], Alert], findings: Sequence[Finding], now: int
) -> list[tuple[Rule | None, Alert | None, Alert | None]]:
    """Return each alert of a rule before and after this look."""
    found = {one.by: one for one in findings}
    after: list[tuple[Rule | None, Alert | None, Alert | None]] = [
        (rule, alert, gone_on(alert, rule, found.get(by), now)) for by, alert in was.items()
    ]
    return after + [
        (rule, None, begun(rule, {**rule.labels, **dict(zip(_names(rule), by, strict=False))}, one, now))
        for by, one in found.items()
        if one.bad and by not in was
    ]  # fmt: skip


def _due(rule: Rule | None, alert: Alert, silences: Sequence[Silence], now: int) -> str:
    """Say whether somebody is to be told now: `first`, `again` or not at all."""
    if alert.state == "resolved":
        return "first" if alert.notified_us is not None else ""
    if alert.state != "firing" or any(one.covers(alert) for one in silences):
        return ""
    if alert.notified_us is None:
        return "first"
    return "again" if rule is not None and now - alert.notified_us >= rule.repeat_us else ""


def _over(alert: Alert, now: int) -> Alert | None:
    if alert.state == "pending":
        return None
    return replace(alert, state="resolved", resolved_us=now, told="the rule was taken away")


def _names(rule: Rule) -> Sequence[str]:
    return ("watch", "subject") if rule.kind == "drift" else rule.by


def _group(rule: Rule | None, alert: Alert) -> tuple[str, ...]:
    if rule is None:
        return (str(alert.id),)
    return tuple(alert.labels.get(name, "") for name in _names(rule) if name in alert.labels)
