"""The courier: tells a collector what happens to Runs, in a thread of its own.

The ledger is its queue, and all it keeps is how far it came. So no Run waits
for a collector, nothing is lost when volano is killed, and a collector that is
away costs no memory. An event that a collector refuses is passed over and
counted; one that is older than a day when its turn comes is, too.
"""

import json
import logging
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from volano.core.clock import Clock
from volano.core.ports.forward import Send, Sent
from volano.governance.openlineage import Teller, to_line
from volano.store.ledger import Ledger

log = logging.getLogger(__name__)

EVERY_S = 3.0
MOST_WAIT_S = 300.0
MOST_AGE_US = 24 * 3600 * 1_000_000
AT_ONCE = 200
_AGAIN = frozenset({0, 408, 425, 429})


class Courier:
    """Sends from where it came to, until it is closed. `path` holds how far that is."""

    def __init__(self, teller: Teller, ledger: Ledger, send: Send | None, path: Path, clock: Clock):
        self._teller = teller
        self._ledger = ledger
        self._send = send
        self._path = path
        self._clock = clock
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="openlineage", daemon=True)
        self._failed = 0

    def start(self) -> None:
        """Begin, where there is a collector."""
        if self._send is not None:
            self._thread.start()

    def close(self) -> None:
        """End; an event on its way is waited for a few seconds."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(5)

    def status(self) -> dict[str, Any]:
        """Return how far it is: sent, passed over, still to tell, and what went wrong last."""
        state = self._state()
        waiting = self._ledger.list(after=state["seq"], limit=1_000, under="run/")
        return {"on": self._send is not None, **state, "waiting": len(waiting)}

    def deliver(self) -> float:
        """Tell what there is to tell; return the seconds until the next time."""
        if self._send is None:
            return EVERY_S
        state = self._state()
        for told, entry in enumerate(self._teller.entries(state["seq"])):
            if told >= AT_ONCE or self._stopping.is_set():
                return 0.0
            answer = None
            event = self._teller.event(entry)
            if event is not None and self._clock.now_us() - entry.at_us <= MOST_AGE_US:
                answer = self._send(to_line(event))
                if answer.status in _AGAIN or answer.status >= 500:
                    return self._later(state, answer)
            self._came_to(state, entry.seq, event is not None, answer)
        return EVERY_S

    def _later(self, state: dict[str, Any], answer: Sent) -> float:
        self._failed += 1
        self._keep({**state, "problem": _said(answer)})
        wait_s = min(MOST_WAIT_S, EVERY_S * 2 ** min(self._failed - 1, 10))
        return min(MOST_WAIT_S, max(wait_s, answer.retry_after_s or 0.0))

    def _came_to(
        self, state: dict[str, Any], seq: int, is_event: bool, answer: Sent | None
    ) -> None:
        self._failed = 0
        state["seq"] = seq
        if answer is not None and 200 <= answer.status < 300:
            state |= {"sent": state["sent"] + 1, "problem": ""}
        elif is_event:
            problem = "too old" if answer is None else _said(answer)
            state |= {"passed_over": state["passed_over"] + 1, "problem": problem}
        self._keep(state)

    def _state(self) -> dict[str, Any]:
        """Return how far it came. A first start begins with what happens from now on."""
        try:
            found = json.loads(self._path.read_text("utf-8"))
            return {
                "seq": int(found["seq"]), "sent": int(found["sent"]),
                "passed_over": int(found["passed_over"]), "problem": str(found["problem"]),
            }  # fmt: skip
        except (OSError, ValueError, KeyError, TypeError):
            newest = self._ledger.list(limit=1)
            state = {
                "seq": newest[0].seq if newest else 0,
                "sent": 0,
                "passed_over": 0,
                "problem": "",
            }
            if self._send is not None:
                self._keep(state)
            return state

    def _keep(self, state: Mapping[str, Any]) -> None:
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        fresh = self._path.with_suffix(".new")
        fresh.write_text(json.dumps(state), "utf-8")
        fresh.replace(self._path)

    def _run(self) -> None:
        wait_s = EVERY_S
        while not self._stopping.wait(wait_s):
            try:
                wait_s = self.deliver()
            except Exception:
                log.exception("telling the lineage failed; it is tried again")
                wait_s = MOST_WAIT_S / 10


def _said(answer: Sent) -> str:
    if answer.status == 0:
        return answer.why
    return f"the collector answered {answer.status}: {answer.body[:200].decode(errors='replace')}"
