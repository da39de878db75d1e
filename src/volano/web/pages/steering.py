"""What a person does with a rollout from its page: pause, go on, skip, take back, return.

Only what is possible where it stands is offered. Each deed unfolds first, with what it does and
a field for the reason, and is done by a second button.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any
from urllib.parse import parse_qs

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from volano.core.errors import ForbiddenError, InvalidError, VolanoError
from volano.core.principal import Principal
from volano.releases.errors import (
    NothingKeptError,
    RolloutInProgressError,
    RolloutMovedError,
    RolloutOverError,
)
from volano.web.pages import links, render, words
from volano.web.pages.i18n import gettext as _
from volano.web.pages.view import Deed, Steer
from volano.web.sign_in import visitor

ADDRESS = "/rollouts/steer"
_MOST_BYTES = 16 << 10


class OwnerSteerError(ForbiddenError):
    """Only the owner may steer rollouts here, and no key."""

    hint = "Use the console's own session, or `volano release pause`."


class BadSteerError(InvalidError):
    """This form does not say which rollout, or what to do with it."""

    hint = "Use the buttons of the rollout's page."


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


def steer(app: Any, now: Callable[[], int]) -> Callable[[Request], Awaitable[Response]]:
    """Return the handler of the forms: it does one thing and leads to the rollout's page."""

    async def handler(request: Request) -> Response:
        try:
            who = visitor(request)
            if not who.may("admin"):
                raise OwnerSteerError
            said = await _said(request)
            rollout = await run_in_threadpool(_do, app, said, who.principal)
        except VolanoError as error:
            return render.failure(app, request, error, now())
        return RedirectResponse(links.item("rollouts", rollout.id), 303)

    return handler


def _do(app: Any, said: Mapping[str, str], by: Principal) -> Any:
    """Do what a form says; what it was shown for must still stand as it did."""
    deeds = {
        "pause": app.steering.pause,
        "resume": app.steering.resume,
        "skip": app.steering.skip,
        "abort": app.releases.abort,
        "return": app.releases.rollback,
    }
    do, shown, why = said.get("do", ""), said.get("rollout", ""), said.get("why", "").strip()
    if do not in deeds or not shown:
        raise BadSteerError
    rollout = app.releases.rollout(shown)
    if do == "return":
        _check_kept(app, rollout)
    elif rollout.ended_us is not None:
        raise RolloutOverError(rollout=rollout.id, channel=rollout.channel, state=rollout.state)
    elif do == "skip" and said.get("step") != str(rollout.step):
        raise RolloutMovedError(rollout=rollout.id, channel=rollout.channel)
    return deeds[do](rollout.channel, why=why, by=by)


def _check_kept(app: Any, rollout: Any) -> None:
    channel = app.releases.channel(rollout.channel)
    if kept(app, rollout) is None:
        raise NothingKeptError(channel=channel.name)
    if channel.rollout_id is not None:
        raise RolloutInProgressError(channel=channel.name, candidate=channel.candidate_ref)


async def _said(request: Request) -> dict[str, str]:
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > _MOST_BYTES:
            raise BadSteerError
    fields = parse_qs(body.decode("utf-8", "replace"))
    return {name: values[0] for name, values in fields.items()}
