"""A rollout's verdict for other controllers: one word and one number, from any moment of it.

    success        1   it arrived, or this step's gates hold
    running        0   it is under way; nothing speaks against it, and nothing is proven yet
    inconclusive   0   a step takes longer than its plan allows: a person decides; `missing` says
                       what could not be shown, and how many more users it would take
    failed        -1   it was taken back, aborted, or harm is proven

Argo Rollouts reads `value` with its `web` provider (success `result == 1`, failure
`result == -1`, else inconclusive); Flagger asks whether a POST is answered with 2xx.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from volano.core.principal import Principal
from volano.releases.errors import NotProvenError
from volano.releases.reconciler import Reconciler

Word = Literal["success", "running", "inconclusive", "failed"]
VALUES: Mapping[Word, int] = {"success": 1, "running": 0, "inconclusive": 0, "failed": -1}


@dataclass(frozen=True, slots=True)
class Outlook:
    """What a channel's last rollout says.

    `missing` are the gates that wait, in words; `lacks` how many more units they want, and how
    long that takes.
    """

    channel: str
    rollout: str | None
    release: str | None
    verdict: Word
    value: int
    reason: str
    missing: tuple[str, ...]
    ok: bool
    lacks: tuple[str, ...] = ()


class Outlooks:
    """Says verdicts of channels."""

    def __init__(self, reconciler: Reconciler):
        self._reconciler = reconciler

    def verdict(self, channel: str) -> Outlook:
        """Return what the channel's last rollout says now; a channel at rest is a success.

        Raises:
            UnknownChannelError: nothing was ever promoted to it.
        """
        status = self._reconciler.status(channel)
        rollout, decision = status["rollout"], status["decision"] or {}
        if rollout is None:
            return _outlook(channel, None, "success", "Nothing moves this channel.", decision)
        if not rollout.is_active:
            word: Word = "success" if rollout.state == "arrived" else "failed"
            reason = str(decision.get("reason", rollout.state))
            return _outlook(channel, rollout, word, reason, decision)
        if not decision:
            return _outlook(channel, rollout, "running", "It is warming up.", decision)
        word = _word(str(decision.get("action", "hold")), bool(decision.get("overdue")))
        return _outlook(channel, rollout, word, str(decision["reason"]), decision)

    def confirm(self, channel: str, *, by: Principal) -> Outlook:  # noqa: ARG002 - a POST
        """Answer a webhook: well where the verdict is success, refused otherwise.

        Raises:
            UnknownChannelError: nothing was ever promoted to it.
            NotProvenError: it is not a success, or not yet.
        """
        found = self.verdict(channel)
        if not found.ok:
            raise NotProvenError(channel=channel, verdict=found.verdict, why=found.reason)
        return found


def _word(action: str, overdue: bool) -> Word:
    if action == "back":
        return "failed"
    if action in ("advance", "done"):
        return "success"
    return "inconclusive" if overdue else "running"


def _outlook(
    channel: str, rollout: Any, word: Word, reason: str, decision: Mapping[str, Any]
) -> Outlook:
    waits = [one for one in decision.get("verdicts", ()) if one["outcome"] == "wait"]
    return Outlook(
        channel,
        rollout.id if rollout else None,
        rollout.candidate_ref if rollout else None,
        word, VALUES[word], reason, tuple(one["reason"] for one in waits), ok=word == "success",
        lacks=tuple(decision.get("lacks", ())),
    )  # fmt: skip
