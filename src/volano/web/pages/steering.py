"""What can be done with a rollout from its page: pause, go on, skip, conclude, take back, return.

Only what is possible where it stands is offered. Each deed unfolds first, with what it does and
a field for the reason, and is done by a second button.
"""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from volano.web.pages import words
from volano.web.pages.i18n import gettext as _
from volano.web.pages.view import Deed, Steer

ADDRESS = "/rollouts/steer"


def kept(app: Any, rollout: Any) -> Any | None:
    """Return the release that is hot since this rollout replaced it; None where none is."""
    served = _served(app, rollout) if rollout.ended_us is not None else None
    hot = served.kept if served is not None else None
    return hot if hot is not None and hot.rollout_id == rollout.id else None


def offered(app: Any, rollout: Any, steps: Sequence[str] = ()) -> list[Steer]:
    """Return what can be done with a rollout where it stands; nothing where there is nothing.

    `steps` are the names of those of its plan; an experiment has none.
    """
    deeds = _returns(app, rollout) if rollout.ended_us is not None else _under_way(rollout, steps)
    hidden = (("rollout", rollout.id), ("step", str(rollout.step)))
    return [Steer(_("What to do with it"), ADDRESS, hidden, deeds)] if deeds else []


def compared(app: Any, rollout: Any, decision: Mapping[str, Any]) -> list[Steer]:
    """Return what can be done with an experiment: once it is decided, its winner may go on."""
    winner = decision.get("winner")
    steers = offered(app, rollout)
    if rollout.ended_us is not None or not decision.get("decided") or winner is None:
        return steers
    return [replace(one, deeds=[_concluded(rollout, winner), *one.deeds]) for one in steers]


def _concluded(rollout: Any, winner: int) -> Deed:
    release = rollout.names[winner]
    told = (
        _("The experiment ends, and {release} serves all of {channel} as before.")
        if release == rollout.baseline_ref
        else _("The experiment ends, and {release} goes on to all of {channel} by {plan}.")
    ).format(release=release, channel=rollout.channel, plan=rollout.plan.plan)
    said = shlex.join(["volano", "release", "conclude", rollout.channel, "--winner", release])
    word = _("Conclude with {release}").format(release=release)
    return Deed(
        "conclude", word, told, _("Conclude now"), keeps_reason=False, command=said,
        hidden=(("winner", release),),
    )  # fmt: skip


def _under_way(rollout: Any, steps: Sequence[str]) -> list[Deed]:
    back = _taken_back(rollout)
    if not steps or rollout.state == "warming":
        return [back]
    skip = _skip(steps[rollout.step + 1 :])
    if rollout.state == "paused":
        again = _("Its steps go on; the time of this one begins anew.")
        return [Deed("resume", _("Go on"), again, _("Let it go on")), skip, back]
    stays = _("It stays at {share} until somebody lets it go on. Harm still takes it back.").format(
        share=words.percent(rollout.share)
    )
    return [Deed("pause", _("Pause"), stays, _("Pause it")), skip, back]


def _skip(later: Sequence[str]) -> Deed:
    told = (
        _("It goes to the next step, {step}, although gates wait.").format(step=later[0])
        if later
        else _("It arrives, although gates wait.")
    )
    refused = _("It is refused where harm is proven.")
    return Deed("skip", _("Skip this step"), f"{told} {refused}", _("Skip it"), needs_reason=True)


def _taken_back(rollout: Any) -> Deed:
    told = (
        _("At once {release} serves all of {channel} again.").format(
            release=rollout.baseline_ref, channel=rollout.channel
        )
        if rollout.baseline_ref
        else _("{channel} has nothing else to serve, and is gone.").format(channel=rollout.channel)
    )
    return Deed("abort", _("Take it back"), told, _("Take it back now"))


def _returns(app: Any, rollout: Any) -> list[Deed]:
    hot, served = kept(app, rollout), _served(app, rollout)
    if hot is None or served is None or served.rollout_id is not None:
        return []
    told = _("At once {release} serves all of {channel} again, without gates.").format(
        release=hot.release, channel=rollout.channel
    )
    word = _("Return to {release}").format(release=hot.release)
    return [Deed("return", word, told, _("Return now"))]


def _served(app: Any, rollout: Any) -> Any | None:
    return next((one for one in app.releases.channels() if one.name == rollout.channel), None)
