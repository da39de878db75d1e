"""`GET /metrics`: all numbers of one folder's platform, for Prometheus.

It shows which channels there are, how much they are used and what they cost.
So a scraper needs what any reader of traces needs: a key with the scope `read`.
"""

import asyncio
from collections import Counter
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from volano import __version__
from volano.app import App
from volano.core.errors import ForbiddenError, UnauthenticatedError
from volano.monitor.machine import GAUGES
from volano.traces.backlog import backlog
from volano.web.sign_in import NoSessionError, visitor
from volano.wire.prometheus import CONTENT_TYPE, Page

SCOPE = "read"
_SPEND_BY = ("channel", "release", "model", "currency")


class NotForKeyError(ForbiddenError):
    """This key may not read metrics."""

    hint = "Make one for the scraper: volano key create prometheus --scopes read"


class NoScraperError(UnauthenticatedError):
    """Metrics want a key with the scope `read`, or the console's session."""

    hint = (
        "Make a key with `volano key create prometheus --scopes read`, and send it as "
        "`Authorization: Bearer vk_…`."
    )


async def metrics(request: Request) -> Response:
    """Answer one scrape, to the owner and to keys that may read.

    Raises:
        NoScraperError: neither session nor key.
        UnauthenticatedError, ForbiddenError: the key is not good, or not from here.
        NotForKeyError: the key lacks the scope.
    """
    try:
        reader = visitor(request)
    except NoSessionError as error:
        raise NoScraperError from error
    if not reader.may(SCOPE):
        raise NotForKeyError
    text = await asyncio.to_thread(page, request.app.state.app)
    return Response(text, headers={"content-type": CONTENT_TYPE, "cache-control": "no-store"})


def page(app: App) -> str:
    """Return all metrics as text."""
    made = Page()
    made.gauge("volano_info", "Which volano this is.", [({"version": __version__}, 1)])
    app.gateway.tell(made)
    _add_records(made, app)
    _add_alerts(made, app)
    _add_machine(made, app)
    return made.text()


def _add_machine(made: Page, app: App) -> None:
    """Add what the newest look at this host and its engines says."""
    look = app.machine.newest(app.clock.now_us())
    if look is None:
        return
    for one in GAUGES.values():
        if one.of_engines:
            said = [({"engine": name}, one.read(look, name)) for name in sorted(look.engines)]
        else:
            said = [(dict[str, str](), one.read(look))]
        made.gauge(f"volano_{one.name}_ratio", one.says,
                   [(labels, value) for labels, value in said if value is not None])  # fmt: skip


def _add_alerts(made: Page, app: App) -> None:
    """Add what burns and what is left of error budgets, for those who alert elsewhere too."""
    alerts = Counter((a.rule, a.severity, a.state) for a in app.alerts.list())
    rules, receivers, slos = app.alerts.rules(), app.alerts.receivers(), app.slos.list()
    made.gauge(
        "volano_alerts", "Alerts that are pending, firing or acknowledged.",
        [
            ({"rule": rule, "severity": severity, "state": state}, n)
            for (rule, severity, state), n in sorted(alerts.items())
        ],
    )  # fmt: skip
    made.gauge("volano_alert_rule_trouble", "Whether a rule cannot be judged now.",
               [({"rule": rule["name"]}, int(rule["trouble"])) for rule in rules])  # fmt: skip
    made.gauge("volano_alert_notices_waiting", "Changes of alerts that a receiver has not taken yet.",
               [({"receiver": one["name"]}, one["waiting"]) for one in receivers])  # fmt: skip
    for name, says, key in (
        ("volano_slo_target_ratio", "The share of calls that shall go well.", "target"),
        ("volano_slo_ratio", "The share of calls that went well within the window.", "is"),
        ("volano_slo_budget_left_ratio", "What is left of the error budget; below 0: overspent.",
         "left"),
        ("volano_slo_burn_rate", "How many times too fast the budget went in the last hour.",
         "burn_rate_1h"),
    ):  # fmt: skip
        made.gauge(name, says, [({"slo": s["name"]}, s[key]) for s in slos if s[key] is not None])


def _add_records(made: Page, app: App) -> None:
    """Add what the records say: it survives a restart of everything."""
    behind = backlog(app.settings.path("spool"), app.settings.path("records", "hot.db"))
    made.gauge("volano_spool_bytes", "Bytes in the spool.", [({}, behind.spooled)])
    made.gauge("volano_spool_waiting_bytes", "Bytes in the spool that are not recorded yet.",
               [({}, behind.waiting)])  # fmt: skip
    spent: list[tuple[dict[str, str], Any]] = [
        (dict(zip(_SPEND_BY, by, strict=True)), sums) for by, sums in app.traces.spend(by=_SPEND_BY)
    ]
    calls: dict[tuple[str, ...], list[int]] = {}
    for said, sums in spent:
        place = calls.setdefault(tuple(said[name] for name in _SPEND_BY[:3]), [0, 0, 0, 0])
        for n, more in enumerate(
            (sums.calls, sums.unpriced, sums.prompt_tokens, sums.completion_tokens)
        ):
            place[n] += more
    named = [(dict(zip(_SPEND_BY, by, strict=False)), sums) for by, sums in calls.items()]
    made.counter("volano_recorded_calls_total", "Calls that are in the records.",
                 [(said, sums[0]) for said, sums in named])  # fmt: skip
    made.counter("volano_unpriced_calls_total", "Of these, calls whose cost is not known.",
                 [(said, sums[1]) for said, sums in named])  # fmt: skip
    made.counter(
        "volano_tokens_total", "Tokens of the recorded calls.",
        [
            ({**said, "kind": kind}, sums[n])
            for said, sums in named
            for n, kind in ((2, "prompt"), (3, "completion"))
        ],
    )  # fmt: skip
    made.counter(
        "volano_cost_total", "What the recorded calls cost, in whole units of the currency.",
        [(said, sums.nano / 1e9) for said, sums in spent if said["currency"]],
    )  # fmt: skip
