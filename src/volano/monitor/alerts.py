"""Alerts: the verbs. Rules come from files, alerts from rules, peace from silences."""

import json
from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import Any

from volano.core.clock import Clock
from volano.core.ports.notify import Change, Notice, Receivers
from volano.core.principal import Principal
from volano.monitor.alert import BURNING, Alert
from volano.monitor.amount import BadAmountError, span, window
from volano.monitor.book import AlertBook
from volano.monitor.errors import (
    BadRulesError,
    BadWindowError,
    NoAlertError,
    NoReceiverError,
    NoSilenceError,
    NotBurningError,
    NothingToSilenceError,
    NotToldError,
    RulesThereError,
)
from volano.monitor.kpi import guess
from volano.monitor.outbox import Outbox
from volano.monitor.rulebook import Problem, Rulebook, read_rules
from volano.monitor.slos import SLOs
from volano.monitor.watch import Watch
from volano.store.ledger import Ledger


class Alerts:
    """The alerts of one workspace. Its watch ticks in control."""

    def __init__(
        self,
        *,
        book: AlertBook,
        ledger: Ledger,
        slos: SLOs,
        receivers: Receivers,
        watch: Watch,
        outbox: Outbox,
        clock: Clock,
        home: Path,
        workspace: str,
        url: str,
    ):
        self._book = book
        self._ledger = ledger
        self._slos = slos
        self._receivers = receivers
        self._watch = watch
        self._outbox = outbox
        self._clock = clock
        self._home = home
        self._workspace = workspace
        self._url = url

    # rules

    def init(self, *, by: Principal) -> dict[str, str]:  # noqa: ARG002 - it writes a file of the caller's own
        """Write a file of rules to begin with; nothing is applied yet.

        Raises:
            RulesThereError: there is one.
        """
        path = self._home / "alerts" / "gateway.yaml"
        text = resources.files("volano.monitor").joinpath("begin.yaml").read_text(encoding="utf-8")
        path.parent.mkdir(exist_ok=True)
        try:
            with path.open("x", encoding="utf-8") as file:
                file.write(text)
        except FileExistsError as error:
            raise RulesThereError(path="alerts/gateway.yaml") from error
        return {"path": "alerts/gateway.yaml"}

    def check(self, path: Path) -> Sequence[dict[str, Any]]:
        """Return what is wrong in a file or folder of rules, line by line; or that each is well."""
        found = self._read(path)
        return [{"file": one.file, "line": one.line, "why": one.why} for one in found.problems] or [
            {"file": file, "line": None, "why": "well"} for file in found.files
        ]

    def apply(self, path: Path, *, by: Principal) -> dict[str, Any]:
        """Take over the rules of a file or folder; those that it had and has no more go.

        Raises:
            BadRulesError: a line is wrong; nothing is changed.
            NoRulesError: there is no file.
        """
        found = self._read(path)
        if found.problems:
            raise BadRulesError(problems="\n".join(map(str, found.problems)))
        now = self._clock.now_us()
        gone = {kind: self._gone(kind, path, found) for kind in ("rule", "receiver")}
        with self._book.db.write() as conn:
            for kind, new in (("rule", found.rules), ("receiver", found.receivers)):
                self._book.replace(kind, new, gone[kind], now_us=now, by=by, conn=conn)
            facts = {
                "rules": [*found.rules], "receivers": [*found.receivers], "gone": gone["rule"],
            }  # fmt: skip
            self._ledger.append("apply", f"alerts/{path.name}", (), facts, by=by, conn=conn)
        return {
            "rules": len(found.rules), "receivers": len(found.receivers), "gone": gone["rule"],
            "files": found.files,
        }  # fmt: skip

    def rules(self) -> Sequence[dict[str, Any]]:
        """Return the rules, whether each can be judged, and where it stands."""
        burning: dict[str, int] = {}
        for alert in self._book.alerts(live=True):
            burning[alert.rule] = burning.get(alert.rule, 0) + (alert.state in BURNING)
        good, bad = self._book.rules()
        sources = {row.name: row.source for row in self._book.said("rule")}
        return [
            *(
                {
                    "name": rule.name, "kind": rule.kind, "severity": rule.severity,
                    "burning": burning.get(rule.name, 0),
                    "state": self._watch.trouble.get(rule.name)
                    or self._watch.unsure.get(rule.name) or "well",
                    "trouble": rule.name in self._watch.trouble,
                    "summary": rule.summary, "file": sources[rule.name],
                }
                for rule in good
            ),
            *(
                {"name": one.name, "kind": "", "severity": "", "burning": burning.get(one.name, 0),
                 "state": one.why, "trouble": True, "summary": "", "file": sources[one.name]}
                for one in bad
            ),
        ]  # fmt: skip

    # alerts

    def list(self, *, all: bool = False, limit: int = 20) -> Sequence[Alert]:  # noqa: A002 - the sentence's word
        """Return what burns and what is pending, the newest first; with `all` also what is over."""
        live = self._book.alerts(live=True)
        return [*live, *(self._book.alerts(live=False, limit=limit) if all else ())][
            : max(limit, len(live))
        ]

    def show(self, id: int) -> dict[str, Any]:  # noqa: A002 - the sentence's word
        """Return an alert, its rule, and what is silent about it.

        Raises:
            NoAlertError: there is none.
        """
        alert = self._get(id)
        silences = [
            one.id for one in self._book.silences(self._clock.now_us()) if one.covers(alert)
        ]
        said = {row.name: json.loads(row.said) for row in self._book.said("rule")}
        return {**alert.to_dict(), "silenced_by": silences, "says": said.get(alert.rule)}

    def ack(self, id: int, *, by: Principal) -> dict[str, Any]:  # noqa: A002 - the sentence's word
        """Say that somebody cares: it is not told of again until it is over.

        Raises:
            NoAlertError: there is none.
            NotBurningError: it does not burn.
        """
        alert = self._get(id)
        if alert.state not in BURNING:
            raise NotBurningError(id=id, state=alert.state)
        if alert.state == "firing":
            self._book.acknowledge(alert, now_us=self._clock.now_us(), by=by)
        return self._get(id).to_dict()

    # silences

    def silence(
        self, *, rule: str = "", where: Sequence[str] = (), until: str = "1h", why: str = "",
        by: Principal,
    ) -> dict[str, Any]:  # fmt: skip
        """Tell nobody of alerts of a rule, or with these values, for a while.

        Raises:
            NothingToSilenceError: neither is given.
            BadWindowError: `until` is no time such as 2h.
        """
        labels = dict(_pair(text) for text in where)
        if not rule and not labels:
            raise NothingToSilenceError
        try:
            for_us = window(until, most_s=90 * 86_400)
        except BadAmountError as error:
            raise BadWindowError(window=until[:40], why=error.message) from error
        now = self._clock.now_us()
        given = {"rule": rule or "*", "labels": labels, "why": why[:500], "since_us": now,
                 "until_us": now + for_us}  # fmt: skip
        return {"id": self._book.silence(given, by=by), **given, "for": span(for_us)}

    def unsilence(self, id: int, *, by: Principal) -> dict[str, int]:  # noqa: A002 - the sentence's word
        """End a silence; what still burns is told of at the next look.

        Raises:
            NoSilenceError: none of this id goes on.
        """
        if not self._book.unsilence(id, now_us=self._clock.now_us(), by=by):
            raise NoSilenceError(id=id)
        return {"id": id}

    def silences(self) -> Sequence[Any]:
        """Return the silences that go on."""
        return self._book.silences(self._clock.now_us())

    # receivers

    def receivers(self) -> Sequence[dict[str, Any]]:
        """Return whom alerts are told, and what waits for them."""
        waiting = {one["receiver"]: one for one in self._outbox.waiting()}
        none = {"waiting": 0, "given_up": 0, "error": ""}
        return [
            {"name": name, "kind": said.get("kind", ""), **none, **waiting.get(name, {})}
            for name, said in self._book.receivers().items()
        ]

    def test(self, receiver: str, *, by: Principal) -> dict[str, str]:
        """Tell a receiver something harmless, now.

        Raises:
            NoReceiverError: there is none of this name.
            NotToldError: it did not take it; says why.
        """
        known = self._book.receivers()
        if receiver not in known:
            raise NoReceiverError(name=receiver[:60], guess=guess(receiver, known))
        now = self._clock.now_us()
        change = Change(
            0, "test", "test", "info", {}, f"{by} tries whether this arrives", now, now, self._url
        )
        notice = Notice(f"test-{now}", self._workspace, [change], f"{self._url}/alerts")
        try:
            self._receivers(known[receiver])(notice)
        except Exception as error:
            why = str(error) or type(error).__name__
            raise NotToldError(name=receiver, why=why) from error
        with self._book.db.write() as conn:
            self._ledger.append("test", f"receiver/{receiver}", (), {}, by=by, conn=conn)
        return {"receiver": receiver}

    def _get(self, id_: int) -> Alert:
        found = self._book.alert(id_)
        if found is None:
            raise NoAlertError(id=id_)
        return found

    def _read(self, path: Path) -> Rulebook:
        slos = [one.name for one in self._slos.promised()]
        found = read_rules(
            path, receivers=self._receivers, slos=slos, known=[*self._book.receivers()]
        )
        for name, (file, said) in found.rules.items():
            other = next((r.source for r in self._book.said("rule") if r.name == name), file)
            if not _within(other, path) and other != file:
                line = getattr(said, "line", 1)
                found.problems.append(
                    Problem(file, line, f"the rule `{name}` stands in {other} too")
                )
        return found

    def _gone(self, kind: str, path: Path, found: Rulebook) -> Sequence[str]:
        new = found.rules if kind == "rule" else found.receivers
        return [
            row.name
            for row in self._book.said(kind)
            if row.name not in new and _within(row.source, path)
        ]


def _within(source: str, path: Path) -> bool:
    return source == str(path) or Path(source).parent == path


def _pair(text: str) -> tuple[str, str]:
    name, found, value = text.partition("=")
    if not found:
        raise NothingToSilenceError
    return name.strip(), value
