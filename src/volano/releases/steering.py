"""What a person does with a rollout under way: pause it, let it go on, skip a step.

A pause holds the share where it is and stops the time of the step. It does not stop what
protects users: proven harm and the guard take a paused rollout back as ever. Skipping goes
to the next step although gates wait, with a reason that stays in its story; it is refused
where harm is proven.
"""

from volano.core.principal import Principal
from volano.releases.errors import (
    ComparesError,
    NoReasonError,
    NothingMovesError,
    NotPausedError,
    NotUnderWayError,
)
from volano.releases.keeper import Releases
from volano.releases.progress import Rollout
from volano.releases.reconciler import Reconciler


class Steering:
    """Steers rollouts by hand."""

    def __init__(self, releases: Releases, reconciler: Reconciler):
        self._releases = releases
        self._reconciler = reconciler

    def pause(self, channel: str, *, why: str = "", by: Principal) -> Rollout:
        """Hold a rollout where it is, until it is resumed. Harm still takes it back.

        Raises:
            UnknownChannelError: nothing was ever promoted to it.
            NothingMovesError: the channel does not move.
            NotUnderWayError: it still warms up.
            ComparesError: it is an experiment.
            RolloutOverError, RolloutMovedError: it ended, or moved on, in this very moment.
        """
        return self._releases.steer(self._moving(channel, "pause"), "paused", why, by=by)

    def resume(self, channel: str, *, why: str = "", by: Principal) -> Rollout:
        """Let a paused rollout go on. The time of its step begins anew.

        Raises:
            NotPausedError: it is not paused.
            As `pause`.
        """
        rollout = self._moving(channel, "resume")
        if rollout.state != "paused":
            raise NotPausedError(channel=channel)
        return self._releases.steer(rollout, "resumed", why, by=by)

    def skip(self, channel: str, *, why: str, by: Principal) -> Rollout:
        """Go to the next step although gates wait; from the last step but one, to the end.

        A paused rollout goes on with it.

        Raises:
            NoReasonError: nothing is said for it.
            HarmProvenError: the evidence says that it must go back.
            As `pause`.
        """
        if not why.strip():
            raise NoReasonError(channel=channel)
        rollout = self._moving(channel, "skip")
        self._reconciler.step_over(rollout, why, by=by)
        return self._releases.rollout(rollout.id)

    def _moving(self, channel: str, what: str) -> Rollout:
        found = self._releases.channel(channel)
        if found.rollout_id is None:
            raise NothingMovesError(channel=channel)
        rollout = self._releases.rollout(found.rollout_id)
        if rollout.is_experiment:
            raise ComparesError(channel=channel, what=what)
        if rollout.state == "warming":
            raise NotUnderWayError(channel=channel, what=what)
        return rollout
