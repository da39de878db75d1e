"""Rollouts that files say: `kind: Rollout`.

    kind: Rollout
    name: support                # the channel
    release: support@43
    scope: {languages: [hu]}
    steps: [5% cohort, 25%, 100%]
    gates: {errors: {margin: 0.02}, quality: {margin: 0.05, require: true}}
    guard: 20 of 25

Applied, such a document starts one rollout, however often it is applied. It starts none over
the head of somebody: where the channel moves otherwise, where it was moved by hand since, or
where this very release was taken back, that is told as drift.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from volano.core.documents import Document
from volano.core.principal import Principal
from volano.core.ref import check_name
from volano.declared import Change
from volano.declared.change import CHANGED, NEW, SAME
from volano.releases.channel import Channel
from volano.releases.errors import (
    AlreadyServedError,
    InvalidPlanError,
    RolloutInProgressError,
    UnknownChannelError,
)
from volano.releases.keeper import Releases
from volano.releases.plan import Plan
from volano.releases.plan_file import plan_of, unit_of
from volano.releases.progress import Rollout
from volano.store.artifact import Artifact

KIND = "Rollout"
TAKEN_BACK = ("back", "aborted", "failed")
LOOKED_BACK = 200
"""So many rollouts of a channel are looked at for what happened since files moved it."""

_BESIDE = ("kind", "name", "release")
"""What such a document says besides its plan."""


class DeclaredRollouts:
    """Compares documents of rollouts with what channels serve, and starts what is new."""

    def __init__(self, releases: Callable[[], Releases]):
        self._releases_now = releases

    @property
    def _releases(self) -> Releases:
        return self._releases_now()

    def plan(
        self, document: Document, *, by: Principal, earlier: Sequence[Change] = ()  # noqa: ARG002 - as the port has it
    ) -> Change:  # fmt: skip
        """Say what a document would move.

        Raises:
            InvalidPlanError: it is no plan, and why.
            UnknownPlanJudgeError: its plan names a judge that there is not.
            UnknownArtifactError: there is no such release.
        """
        name, plan = (
            check_name(document.content["name"]),
            self._plan(document.content),
        )
        self._releases.check_plan(plan)
        release = self._releases.get(_release(document.content))
        served = self._served(name)
        if served is None:
            parts = _parts(None, release, plan)
            return Change(KIND, name, document.place, NEW, "", (), (), parts)
        if served.rollout_id is not None:
            moving = self._releases.rollout(served.rollout_id)
            if _is(moving, release, plan):
                return Change(KIND, name, document.place, SAME, release.ref)
            drift = _moves(moving, release)
        elif served.stable == release.digest:
            return Change(KIND, name, document.place, SAME, release.ref)
        else:
            drift = self._since(name, release)
        told = (drift,) if drift else ()
        parts = _parts(served, release, plan)
        return Change(KIND, name, document.place, CHANGED, served.stable_ref, (), told, parts)

    def apply(self, document: Document, change: Change, *, why: str, by: Principal) -> Change:
        """Start the rollout, unless it is on its way or has arrived.

        Where something else moves the channel, somebody said that the files are right: that is
        aborted first.
        """
        if change.action == SAME:
            return change
        content, name = document.content, change.name
        served = self._served(name)
        if served is not None and served.rollout_id is not None and change.drift:
            release = self._releases.servable(_release(content))
            self._releases.let_move(release, name, by=by)  # before anything is given up for it
            self._releases.abort(name, why=f"{document.file} says otherwise", by=by)
        origin = {"file": document.file, **({"why": why} if why else {})}
        try:
            rollout = self._releases.move(
                _release(content), channel=name, plan=self._plan(content), unit=unit_of(content),
                origin=origin, by=by,
            )  # fmt: skip
        except (RolloutInProgressError, AlreadyServedError):  # another has just applied the same
            again = self.plan(document, by=by)
            if again.action != SAME:
                raise
            return again
        return Change(
            KIND, name, change.place, change.action, rollout.candidate_ref, (), change.drift,
            change.parts,
        )  # fmt: skip

    def left(self, names: set[str]) -> list[Change]:  # noqa: ARG002 - as the port has it
        """Return nothing: a channel goes on serving what it serves when its file is gone."""
        return []

    def let_go(self, change: Change, *, by: Principal) -> None:
        """Nothing is ever left."""

    def _plan(self, content: Mapping[str, Any]) -> Plan:
        _release(content)
        return plan_of(content, self._releases.meanings, _BESIDE)

    def _served(self, name: str) -> Channel | None:
        try:
            return self._releases.channel(name)
        except UnknownChannelError:
            return None

    def _since(self, name: str, release: Artifact) -> str:
        """Say what stands against moving a channel at rest; nothing when nothing does."""
        by_hand = None
        moves = self._releases.rollouts(name, limit=LOOKED_BACK)
        for n, one in enumerate(one for one in moves if not one.is_experiment):
            if n == 0 and one.candidate == release.digest and one.state in TAKEN_BACK:
                reason = (one.outcome or {}).get("reason", "")
                return f"{one.candidate_ref} did not arrive (rollout {one.id}): {reason}"
            if self._releases.origin(one):
                return by_hand or ""
            if one.state == "arrived" and by_hand is None:
                by_hand = f"{one.by} moved it to {one.candidate_ref} since files were applied"
        return ""


def _is(moving: Rollout, release: Artifact, plan: Plan) -> bool:
    """Whether this rollout is what the document says."""
    return moving.candidate == release.digest and moving.plan.to_dict() == plan.to_dict()


def _moves(moving: Rollout, release: Artifact) -> str:
    if moving.is_experiment:
        return f"{moving.by} compares {' with '.join(moving.names)} on it (rollout {moving.id})"
    otherwise = " by other steps" if moving.candidate == release.digest else ""
    return f"it moves to {moving.candidate_ref}{otherwise} (rollout {moving.id}, by {moving.by})"


def _parts(served: Channel | None, release: Artifact, plan: Plan) -> list[Mapping[str, Any]]:
    """Return what would move, by which steps and for whom, in words."""
    was = [["-", served.stable_ref], ["", " → "]] if served else []
    steps = str(plan) if served else "100 % at once, as it is the first here"
    found: list[Mapping[str, Any]] = [
        {"part": "serves", "pieces": [*was, ["+", release.ref]]},
        {"part": "steps", "pieces": [["", steps]]},
    ]
    if plan.scope and served:
        whom = "; ".join(f"{k}: {', '.join(v)}" for k, v in plan.scope.to_dict().items())
        found.append({"part": "for", "pieces": [["", f"{whom}; at 100 % for everybody"]]})
    return found


def _release(content: Mapping[str, Any]) -> str:
    release = content.get("release")
    _need(isinstance(release, str) and bool(release), "it says no release")
    return str(release)


def _need(condition: bool, why: str) -> None:
    if not condition:
        raise InvalidPlanError(why=why)
