"""The forms of a rollout's page: pause, go on, skip, conclude, take back, return."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

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
from volano.web.forms import form
from volano.web.pages import links, render
from volano.web.pages.steering import kept
from volano.web.sign_in import visitor

_MOST_BYTES = 16 << 10


class OwnerSteerError(ForbiddenError):
    """Only the owner may steer rollouts here, and no key."""

    hint = "Use the console's own session, or `volano release pause`."


class BadSteerError(InvalidError):
    """This form does not say which rollout, or what to do with it."""

    hint = "Use the buttons of the rollout's page."


def steer(app: Any, now: Callable[[], int]) -> Callable[[Request], Awaitable[Response]]:
    """Return the handler of the forms: it does one thing and leads to the rollout's page."""

    async def handler(request: Request) -> Response:
        try:
            who = visitor(request)
            if not who.may("admin"):
                raise OwnerSteerError
            said = await form(request, most=_MOST_BYTES, refusal=BadSteerError)
            rollout = await run_in_threadpool(_do, app, said, who.principal)
        except VolanoError as error:
            return render.failure(app, request, error, now())
        return RedirectResponse(links.item("rollouts", rollout.id), 303)

    return handler


def _do(app: Any, said: Mapping[str, str], by: Principal) -> Any:
    """Do what a form says; what it was shown for must still stand as it did."""
    deeds: Mapping[str, Callable[..., Any]] = {
        "pause": app.steering.pause,
        "resume": app.steering.resume,
        "skip": app.steering.skip,
        "abort": app.releases.abort,
        "return": app.releases.rollback,
        "conclude": app.experiments.conclude,
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
    elif do == "conclude":
        _check_running(app, rollout)
        winner = _winner(said)
        _check_proven(app, rollout, winner)
        return deeds[do](rollout.channel, winner=winner, by=by)
    return deeds[do](rollout.channel, why=why, by=by)


def _winner(said: Mapping[str, str]) -> str:
    """Return the release that the person was shown: the verdict may be another by now."""
    if not (shown := said.get("winner", "")):
        raise BadSteerError
    return shown


def _check_running(app: Any, rollout: Any) -> None:
    if app.releases.channel(rollout.channel).rollout_id != rollout.id:
        raise RolloutMovedError(rollout=rollout.id, channel=rollout.channel)


def _check_proven(app: Any, rollout: Any, winner: str) -> None:
    """What late labels have ended since the page was shown is not concluded by it."""
    decision = app.experiments.standing(rollout)["decision"] or {}
    place = decision.get("winner")
    if not decision.get("decided") or place is None or rollout.names[place] != winner:
        raise RolloutMovedError(rollout=rollout.id, channel=rollout.channel)


def _check_kept(app: Any, rollout: Any) -> None:
    channel = app.releases.channel(rollout.channel)
    if kept(app, rollout) is None:
        raise NothingKeptError(channel=channel.name)
    if channel.rollout_id is not None:
        raise RolloutInProgressError(channel=channel.name, candidate=channel.candidate_ref)
