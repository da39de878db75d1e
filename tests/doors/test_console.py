"""The console, through HTTP and through a real browser (Debian's Chromium).

The browser tests skip, with a reason, where there is no Chromium; the others
always run. The workspaces are in `console_workspace`.
"""

import asyncio
import html
import inspect
import itertools
import re
import sys
import time
from collections.abc import Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import copy_context
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote, urlencode

import httpx2
import pytest
from starlette.applications import Starlette

from doors import console_workspace as workspace
from support import agent_run
from support.served import served
from volano.core.clock import ManualClock
from volano.core.manifest import Parent
from volano.core.principal import Principal
from volano.costs.keeper import Costs
from volano.evals.judges.keeper import Judges
from volano.evals.keeper import Evals
from volano.feedback.keeper import Feedbacks
from volano.feedback.metrics import Metrics
from volano.feedback.reviews import Reviews
from volano.gateway.keeper import Gateway
from volano.gateway.targets import Targets
from volano.jobs.keeper import Runs
from volano.models.cards import ModelCards
from volano.models.lives import Lives
from volano.models.trainer import Trainer
from volano.monitor.alerts import Alerts
from volano.monitor.diagnosis import Diagnoses
from volano.monitor.drift import Drift
from volano.monitor.period import Periods
from volano.monitor.scorecard import Scorecard
from volano.monitor.slos import SLOs
from volano.serving.keeper import Engines
from volano.store.blobs import Blobs
from volano.store.catalog import Catalog
from volano.store.db import Database
from volano.store.ledger import Ledger
from volano.traces.keeper import Traces
from volano.traces.sessions import Sessions
from volano.traces.steps import Steps
from volano.traces.views import View, Views
from volano.web import vendor
from volano.web.pages import assets, i18n, live, loop, render, routes, static_route, words
from volano.web.pages.assets import STATIC
from volano.web.pages.nouns import NOUNS

CHROMIUM = Path("/usr/bin/chromium")
QUIET = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
NOW = workspace.NOW_US
HOSTILE_TRACE = f"{4:032x}"
BACK, MOVING = workspace.uuid(4), workspace.uuid(9)

ITEMS = {
    "dataset": "/item/datasets/tickets@2",
    "prompt": "/item/prompts/router-prompt@1",
    "model": "/item/models/router@2",
    "form of a model": "/item/models/router-small@1",
    "pointer": "/item/models/hosted@1",
    "flow": "/item/flows/support-flow@2",
    "report": "/item/reports/router-on-tickets@2",
    "search": "/item/reports/router-search@1",
    "release": "/item/releases/support@3",
    "rollout": f"/item/rollouts/{BACK}",
    "trace": f"/item/traces/{HOSTILE_TRACE}",
    "failed trace": f"/item/traces/{17:032x}",
    "agent's run": f"/item/traces/{agent_run.RUN}",
    "suite": "/item/reports/support-suite@2",
    "session": "/item/sessions/chat-1",
    "feedback": f"/item/feedback/{workspace.uuid(60)}",
    "queue": "/item/reviews/first",
    "failed run": f"/item/runs/{workspace.uuid(2)}",
    "running run": f"/item/runs/{workspace.uuid(3)}",
    "long name": f"/item/datasets/{quote(workspace.LONG)}@1",
    "chinese name": f"/item/prompts/{quote('客服-提示')}@1",
}
LISTS = {noun: f"/list/{noun}" for noun in NOUNS}
OTHERS = {
    "loop": "/",
    "find": "/find?q=router",
    "not here": "/item/models/rooter@9",
    "traffic": "/traffic",
    "alerts": "/alerts",
    "kpis": "/kpis?window=30d&channel=support&by=tag.team",
    "a slow hour": "/kpis?window=1h",
    "report": "/report?since=7d",
    "filtered": "/list/traces?where=failed+%3D+true&since=7d&live=1",
    "two traces": f"/traces/diff?a={1:032x}&b={4:032x}",
    "two models": "/models/compare?a=router@1&b=router@2",
    "which models": "/models/compare?a=router@1",
    "reports": "/reports/compare?a=support-suite@1&b=support-suite@2&b=support-suite@3",
    "which reports": "/reports/compare?a=support-suite@1",
    "answers": "/reports/answers?report=support-suite@2&only=wrong",
    "drift": "/drift",
    "evaluators": "/evaluators",
    "an evaluator": "/evaluators/quality",
    "judges": "/judges",
    "a look": f"/drift/{workspace.uuid(71)}",
    "a look of little": "/drift/quiet",
    "review": "/review/first?as=anna",
    "step of a run": f"/item/traces/{agent_run.RUN}?at={agent_run.step(21)}&step={agent_run.step(21)}",
    "graph of a run": f"/item/traces/{agent_run.RUN}?view=graph",
    "money": "/money",
}
PAGES = {**OTHERS, **LISTS, **ITEMS}


def asgi(app: Any, now_us: int = NOW) -> Starlette:
    return Starlette(routes=[*routes(app, ManualClock(now_us)), static_route()])


def apart(work: Coroutine[Any, Any, Any]) -> Any:
    """Run it on a thread of its own: Playwright keeps a loop running on this one."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(copy_context().run, asyncio.run, work).result()


def get(app: Any, path: str, **headers: str) -> httpx2.Response:
    async def ask() -> httpx2.Response:
        transport = httpx2.ASGITransport(asgi(app))
        async with httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            return await client.get(path, headers=headers)

    return apart(ask())


def text_of(page: str, between: str = " ") -> str:
    """What a reader reads, without tags, all kinds of space alike."""
    body = re.sub(r"<(script|style|head)\b.*?</\1>", "", page, flags=re.DOTALL)
    return " ".join(html.unescape(re.sub(r"<[^>]+>", between, body)).split())


def headline(page: str) -> str:
    found = re.search(r'<p class="(?:headline[^"]*|sentence)">(.*?)</p>', page, re.DOTALL)
    assert found is not None
    return text_of(found[1], "")


# ---- every page, lived in and empty


@pytest.mark.parametrize("name", PAGES)
def test_every_page_answers_in_its_first_line(name: str) -> None:
    answer = get(workspace.lived(), PAGES[name])
    assert answer.status_code == (404 if name == "not here" else 200)
    assert len(headline(answer.text)) > 10


@pytest.mark.parametrize("noun", NOUNS)
def test_an_empty_list_shows_the_command_that_fills_it(noun: str) -> None:
    page = get(workspace.empty(), f"/list/{noun}").text
    assert re.search(r'<pre class="command"><code>(volano|curl) ', page)
    assert "<table" not in page


def test_the_loop_says_what_serves_and_what_was_taken_back() -> None:
    said = headline(get(workspace.lived(), "/").text)
    assert said == "support serves support@2; support@3 was taken back 2 min ago."


def test_the_loop_says_how_far_a_moving_release_is() -> None:
    said = headline(get(workspace.moving(), "/").text)
    assert said == (
        "support serves support@2; support@4 has 25 %, step 2 of 3: one gate waits for evidence."
    )


def test_an_empty_loop_says_so_and_how_to_begin() -> None:
    page = get(workspace.empty(), "/").text
    assert headline(page) == "Nothing serves yet."
    assert "volano demo" in page


def test_each_station_of_the_wheel_leads_to_its_list() -> None:
    page = get(workspace.lived(), "/").text
    found = re.findall(r'<li class="station[^"]*"><a href="([^"]+)"><b[^>]*>([^<]+)</b>', page)
    assert [href.split("?")[0] for href, _count in found] == [
        "/list/datasets", "/list/prompts", "/list/models", "/list/flows", "/list/reports",
        "/list/releases", "/list/traces", "/list/traces", "/list/feedback",
    ]  # fmt: skip
    assert dict(found)["/list/datasets"] == "223"
    for href, _count in found:
        assert get(workspace.lived(), html.unescape(href)).status_code == 200


# ---- lists


def walk(app: Any, path: str) -> list[str]:
    """Follow `Older` to the end; return the address of each row."""
    seen: list[str] = []
    while path:
        page = get(app, path).text
        seen += re.findall(r'<td class="[^"]*lead">.*?href="([^"]+)"', page, re.DOTALL)
        older = re.search(r'rel="next" href="([^"]+)"', page)
        path = html.unescape(older[1]) if older else ""
    return seen


@pytest.mark.parametrize(("noun", "rows"), [("traces", 240), ("datasets", 223), ("feedback", 60)])
def test_older_leads_through_all_rows_once(noun: str, rows: int) -> None:
    seen = walk(workspace.lived(), f"/list/{noun}?limit=37")
    assert len(seen) == len(set(seen)) == rows


def test_filters_live_in_the_address_and_survive_paging() -> None:
    seen = walk(workspace.lived(), "/list/traces?outcome=failed&limit=5")
    assert len(seen) == len(set(seen)) == 22
    page = get(workspace.lived(), "/list/traces?outcome=failed&limit=5").text
    assert '<option value="failed" selected>' in page


def test_a_wrong_filter_is_told_in_place_with_what_was_meant() -> None:
    page = get(workspace.lived(), "/list/traces?where=chanel+%3D+support")
    assert page.status_code == 200
    assert "did you mean `channel`" in html.unescape(page.text)
    assert re.search(r"<pre>chanel = support\n\^</pre>", page.text)


def test_a_filter_a_view_and_a_picture_narrow_the_list() -> None:
    app = workspace.lived()
    app.views.rows = [View("bad", "failed = true", "", 0, "person:anna")]
    page = get(app, "/list/traces?where=failed+%3D+true").text
    assert len(re.findall(r'lead">', page)) == 22
    assert re.search(r'where=failed[^"]*" aria-current="true"><bdi>bad', page)
    columns = re.findall(r'<a href="([^"]+)" aria-label="[^"]*failed">', page)
    assert columns
    seen = sum(len(walk(app, html.unescape(href))) for href in columns)
    assert seen == 22
    live = get(app, "/list/traces?where=failed+%3D+true&live=1").text
    assert 'hx-sse:connect="/loop/events?traces=where' in live


def test_two_traces_are_compared_word_by_word() -> None:
    page = get(workspace.lived(), f"/traces/diff?a={1:032x}&b={4:032x}").text
    assert re.search(r"<del>.*</del>", page) and re.search(r"<ins>.*</ins>", page)
    assert "window.hacked=1</script>" not in page
    assert get(workspace.lived(), "/traces/diff").status_code == 200
    assert get(workspace.lived(), f"/traces/diff?a={1:032x}").status_code == 200
    assert get(workspace.lived(), f"/traces/diff?a={1:032x}&b=x").status_code == 404


def test_a_text_filter_finds_hungarian_whatever_the_case() -> None:
    page = get(workspace.lived(), "/list/traces?q=ÁRVÍZTŰRŐ").text
    assert page.count("árvíztűrő tükörfúrógép") == 40


@pytest.mark.parametrize(
    "query", ["before=x", "limit=0", "limit=99999999999999999999", "limit=-1", "q=%00", "since=x",
              "before=99999999999999999999999", "outcome=%3Cscript%3E", "q=" + "a" * 5000]
)  # fmt: skip
@pytest.mark.parametrize("noun", NOUNS)
def test_a_strange_query_is_no_accident(noun: str, query: str) -> None:
    assert get(workspace.lived(), f"/list/{noun}?{query}").status_code == 200


# ---- details


def test_lineage_goes_up_to_the_rows_and_tells_each_subtree_once() -> None:
    page = text_of(get(workspace.lived(), ITEMS["release"]).text)
    assert "trained on tickets@2" in page
    assert "feedback on router@1" in page
    assert page.count("base tickets@1") == 1
    assert "as above" in page


def test_lineage_goes_down_to_what_uses_it() -> None:
    page = get(workspace.lived(), ITEMS["dataset"]).text
    assert '/item/models/router@4"' in page.partition("Used by")[2]


def test_a_broken_signature_is_said_aloud() -> None:
    page = text_of(get(workspace.lived(), ITEMS["release"]).text)
    assert "not valid" in page
    assert "changed after it was signed" in page


def test_a_release_room_that_says_nothing_of_signatures_claims_nothing() -> None:
    app = workspace.lived()
    app.releases = SimpleNamespace(channels=app.releases.channels, rollouts=app.releases.rollouts)
    assert "not checked here" in text_of(get(app, ITEMS["release"]).text)


def test_scores_are_drawn_and_also_a_table() -> None:
    page = get(workspace.lived(), ITEMS["report"]).text
    assert 'role="img" aria-label="0.974 [0.919, 1.000]"' in page
    assert '<td class="n">0.9740</td>' in page


def test_a_rollout_that_went_back_shows_why() -> None:
    page = text_of(get(workspace.lived(), ITEMS["rollout"]).text)
    assert "support@3 was taken back from support after 49.0 s" in page
    assert "taken back here" in page
    assert "no harm in quality says no" in page
    assert "e-value 183" in page


def test_a_trace_shows_route_share_latency_and_what_was_said() -> None:
    row = next(r for r in workspace.lived().traces.rows if r.arm == "candidate")
    page = text_of(get(workspace.lived(), f"/item/traces/{row.id}").text)
    for piece in ("arm candidate", "share then 25 %", "first token 31 ms", "tokens out 33"):
        assert piece in page


def test_the_last_trace_has_a_short_address() -> None:
    assert get(workspace.lived(), "/item/traces/last").status_code == 200
    assert get(workspace.empty(), "/item/traces/last").status_code == 404


def test_a_body_that_is_no_json_is_shown_as_it_is() -> None:
    app = workspace.lived()
    app.traces.said[17] = workspace.Bodies(b"\xff\xfe not json", b"")
    page = get(app, ITEMS["failed trace"])
    assert page.status_code == 200
    assert "not json" in page.text


# ---- models


def test_models_say_who_serves_and_what_may_follow() -> None:
    app = workspace.lived()
    said = headline(get(app, "/list/models").text)
    assert said.startswith("2 of 6 models serve traffic; the newest is router@4")
    page = text_of(get(app, ITEMS["model"]).text)
    assert "volano model state router@2 legacy" in page
    assert "2 of 4 slots busy" in page
    revoked = get(app, "/item/models/router@1").text
    assert "What may follow" not in revoked


def test_only_a_model_whose_weights_are_here_is_offered_a_smaller_form():
    page = get(workspace.lived(), ITEMS["pointer"]).text
    assert "volano model compress" not in page
    assert "its trained weights are not here" in text_of(page)


def test_a_form_tells_its_proof_and_leads_to_its_parent() -> None:
    page = get(workspace.lived(), ITEMS["form of a model"]).text
    assert "/models/compare?a=router%402&amp;b=router-small%401" in page
    said = text_of(page)
    assert "99 of 100 greedy answers are equal" in said
    assert "3 of the 240 rows of test were learned from too" in said
    assert "0.31 Wh, between 0.1 and 0.9" in said


def test_two_models_show_the_rows_newly_wrong_and_where_they_are() -> None:
    page = get(workspace.lived(), OTHERS["two models"]).text
    assert "8 rows newly wrong; 8 newly right" in page
    assert 'href="/data/tickets@2?view=rows&amp;at=test%3A7"' in page
    found = get(workspace.lived(), OTHERS["two models"].replace("?", ".json?")).json()
    assert found["flips"]["negative"] == 8
    alone = get(workspace.lived(), "/models/compare?a=router@1&b=hosted@1").text
    assert "volano eval run" in alone
    assert get(workspace.lived(), "/models/compare?a=router@1&b=none@9").status_code == 404


def test_a_report_says_what_came_back_and_leads_to_its_rows() -> None:
    page = get(workspace.lived(), ITEMS["suite"]).text
    assert "4 of 240 rows were seen in training" in page
    assert 'href="/reports/answers?report=support-suite%402&amp;only=error"' in page
    assert "exact match unmeasured: no answer: nem jött válasz" in page
    assert "support-suite%402&amp;slice=language%3Dhu" in page
    assert "Within a row" in page


def test_the_rows_of_a_report_are_narrowed_in_the_address() -> None:
    def found(**query: str) -> Any:
        asked = urlencode({"report": "support-suite@2", **query})
        return get(workspace.lived(), f"/reports/answers.json?{asked}").json()["found"]

    assert found() == 120
    assert found(only="error") == found(only="unmeasured", score="exact_match") == 1
    assert found(only="critical") == 3
    assert found(slice="language=hu") == 30
    assert found(only="wrong", slice="language=hu") < found(only="wrong") < 120
    assert found(only="seen") == 1
    assert get(workspace.lived(), "/reports/answers?report=none@1").status_code == 404


def test_reports_side_by_side_show_intervals_and_the_rows_that_fell() -> None:
    page = get(workspace.lived(), OTHERS["reports"]).text
    assert "Changes with 95 % intervals around zero" in page
    assert "rows fell" in page
    assert "<del>" in page
    assert "<ins>" in page
    assert "no other beats it" in page
    told = get(workspace.lived(), OTHERS["reports"].replace("?", ".json?")).json()
    assert told["scores"][0]["clusters"] == 20
    alone = get(workspace.lived(), OTHERS["which reports"]).text
    assert "volano eval compare" in alone


def test_a_training_run_draws_its_curve_and_says_how_long_it_takes() -> None:
    page = get(workspace.lived(), ITEMS["running run"]).text
    assert "about 84.0 s left" in headline(page)
    drawn = re.search(r'<svg class="front curve".*?</svg>', page, re.DOTALL)
    assert drawn is not None
    assert drawn[0].count("<circle") == 6 + 2
    assert "The curve in numbers" in page
    app = workspace.lived()
    app.trainer.curves[workspace.uuid(3)] = app.trainer.curves[workspace.uuid(3)][:1]
    assert "front curve" not in get(app, ITEMS["running run"]).text


# ---- traffic


def test_traffic_says_how_much_passes_and_what_failed() -> None:
    page = get(workspace.lived(), "/traffic?since=1d").text
    said = headline(page)
    assert re.fullmatch(r"\d+ calls in the last day, \d+ failed; 2\.5/s now\.", said)
    for piece in ("By channel", "By target", "By key", "passed over", "switched off", "Turn on"):
        assert piece in page
    assert headline(get(workspace.empty(), "/traffic").text) == "Nobody called in the last hour."


def by(page: str, what: str) -> str:
    """The section of a page that has this title."""
    return page.split(f"<h2>{what}</h2>")[1].split("<h2>")[0]


def test_traffic_says_keys_and_engines_by_name_and_what_has_no_price() -> None:
    page = get(workspace.lived(), "/traffic?since=1d").text
    key = '<bdi>shop – webáruház</bdi></a> <span class="sub">k3xq7b2a</span>'
    assert key in by(page, "By key")
    assert '<bdi>router@2</bdi></a> <span class="sub">engine-3f2a</span>' in by(page, "By target")
    assert "2 unpriced" in by(page, "By channel")
    assert "2 unpriced" in by(page, "Now")


def test_channels_that_clients_made_up_have_one_row_together() -> None:
    app = workspace.lived()
    for n in range(3):
        strange = replace(
            app.traces.rows[-1], channel=f"made-up-{n}", release="", outcome="refused"
        )
        app.traces.rows.append(strange)
    channels = by(get(app, "/traffic?since=1d").text, "By channel")
    assert "made-up" not in channels
    assert channels.count("<bdi>unknown</bdi>") == 1


def test_a_switch_says_that_it_is_for_all_models_of_its_target() -> None:
    targets = by(get(workspace.lived(), "/traffic?since=1d").text, "Targets")
    assert targets.count('name="target" value="openai"') == 1
    assert targets.count("all 2 models") == targets.count("as above") == 1


def test_traffic_leads_to_its_traces_and_is_json_too() -> None:
    page = get(workspace.lived(), "/traffic?since=1d").text
    for href in set(re.findall(r'href="(/list/traces[^"]+)"', page)):
        assert get(workspace.lived(), html.unescape(href)).status_code == 200
    found = get(workspace.lived(), "/traffic.json?since=1d").json()
    assert {one["name"] for one in found["sums"]["channel"]} >= {"support"}
    assert get(workspace.lived(), "/traffic?since=%3Cb%3E").status_code == 200


# ---- money


def test_money_says_what_it_cost_and_where_it_goes() -> None:
    page = get(workspace.lived(), "/money?since=7d&by=model").text
    assert re.fullmatch(
        r"The last 7 days cost 0\.\d+ EUR \+ \d\d\.\d\d USD; 82 % of it went to model gpt-4o; "
        r"9 calls have no price\.",
        headline(page),
    )
    for piece in ("empty by 2026-11-27 14:00 at this rate", "group:*", "9 of 10 times",
                  "CO₂e", "Without a price", "volano cost what-if"):  # fmt: skip
        assert piece in page
    assert headline(get(workspace.empty(), "/money").text) == "Nothing was called yet."
    assert "<td" not in get(workspace.lived(), "/money?of=channel:nobody&since=1d").text.partition(
        "Where it goes")[2].partition("Unlike")[0]  # fmt: skip


def test_money_says_what_applications_report_and_goes_by_region() -> None:
    page = get(workspace.lived(), "/money").text
    assert "Past the gateway, as applications report" in page
    assert "12.34 USD" in page
    assert "40 spans in the last day" in page
    assert "<script" not in page.partition("as applications report")[2].partition("</section>")[0]
    assert "as applications report" not in get(workspace.empty(), "/money").text


def test_moneys_numbers_lead_to_their_traces_and_its_filters_are_in_the_address() -> None:
    page = get(workspace.lived(), "/money?since=7d").text
    hrefs = set(re.findall(r'href="((?:/list/traces|/money)[^"]+)"', page))
    assert any("day=2026-11-" in href for href in hrefs)
    for href in hrefs:
        assert get(workspace.lived(), html.unescape(href)).status_code == 200
    only = get(workspace.lived(), "/money?of=channel:support&by=model").text
    assert "channel:support" in only
    assert "mistral-large" not in only
    assert get(workspace.lived(), "/money?of=%3Cb%3E&by=x&since=y").status_code == 200
    found = get(workspace.lived(), "/money.json?since=7d").json()
    assert found["query"] == {"by": "channel", "since": "7d", "of": ""}
    assert {one["answer"] for one in found["forecast"]} == {"forecast"}


# ---- one address, two formats


@pytest.mark.parametrize("name", [*LISTS, *ITEMS])
def test_the_same_address_gives_json(name: str) -> None:
    path = PAGES[name]
    by_suffix = get(workspace.lived(), path + ".json")
    by_accept = get(workspace.lived(), path, accept="application/json")
    assert by_suffix.headers["content-type"] == "application/json"
    assert {**by_suffix.json(), "next": ""} == {**by_accept.json(), "next": ""}


def test_json_lists_say_where_they_go_on() -> None:
    first = get(workspace.lived(), "/list/traces.json?limit=100").json()
    second = get(workspace.lived(), first["next"]).json()
    assert first["rows"][-1]["seq"] == second["rows"][0]["seq"] + 1


def test_the_loop_as_json_has_the_counts() -> None:
    stations = get(workspace.lived(), "/loop.json").json()["stations"]
    assert {each["key"]: each["count"] for each in stations}["traces"] == 240


def test_a_rollout_shows_what_its_release_brought_along() -> None:
    page = text_of(get(workspace.lived(), PAGES["rollout"]).text)
    assert "Brought along" in page
    assert f"{workspace.LONG} {workspace.uuid(1)[:13]}" in page
    assert "2.0 h" in page
    assert "support-quality@3, faq@1" in page
    assert f"Gates at {workspace.LONG}" in page
    assert "went without support/canary" in page
    other = text_of(get(workspace.lived(), f"/item/rollouts/{workspace.uuid(2)}").text)
    assert "Brought along" not in other
    assert "Emergency" not in other


def test_a_release_says_how_it_stands() -> None:
    page = text_of(get(workspace.lived(), PAGES["release"]).text)
    assert "served by no channel" in page
    assert "deprecated until 2027-03-01" in page


def test_an_error_as_json_has_code_and_hint() -> None:
    answer = get(workspace.lived(), "/item/models/rooter@9.json")
    assert answer.status_code == 404
    assert answer.json()["error"]["hint"]


def test_find_goes_straight_to_what_is_named() -> None:
    app = workspace.lived()
    for q, to in (("tickets@2", "/item/datasets/tickets@2"),
                  (HOSTILE_TRACE, f"/item/traces/{HOSTILE_TRACE}"),
                  (BACK, f"/item/rollouts/{BACK}")):  # fmt: skip
        answer = get(app, f"/find?q={q}")
        assert (answer.status_code, answer.headers["location"]) == (303, to)


# ---- hostile text


@pytest.mark.parametrize("name", PAGES)
def test_what_users_wrote_never_becomes_markup(name: str) -> None:
    page = get(workspace.lived(), PAGES[name]).text
    assert "<script>window" not in page
    assert "<img" not in page
    assert "<hx-partial" not in page


@pytest.mark.parametrize("name", PAGES)
def test_nothing_inline_that_the_policy_forbids(name: str) -> None:
    answer = get(workspace.lived(), PAGES[name])
    assert "script-src 'self'" in answer.headers["content-security-policy"]
    tags = re.findall(r"<[a-z][^>]*>", answer.text)
    assert not [tag for tag in tags if re.search(r"\s(style|on\w+)=", tag)]
    assert not re.search(r"<script(?![^>]*\bsrc=)", answer.text)


def test_turning_and_hidden_characters_are_made_visible() -> None:
    page = get(workspace.lived(), ITEMS["trace"]).text
    assert "\u202e" not in page
    assert "\u200b" not in page
    assert '<span class="hidden-char" title="right-to-left override">U+202E</span>' in page


def test_joiners_and_right_to_left_letters_stay_as_they_are() -> None:
    assert words.visible(workspace.ARABIC) == workspace.ARABIC
    assert words.visible("👩\u200d👧 می\u200cخواهم") == "👩\u200d👧 می\u200cخواهم"
    assert "U+E0041" in words.visible("a\U000e0041b")
    assert "U+0007" in words.visible("a\x07b")


def test_the_stream_escapes_too() -> None:
    picture = loop.look(workspace.lived(), NOW)
    assert "<script>" not in render.part("loop_live.html", NOW, picture=picture)


# ---- the stream


class Line:
    """A request that listens until told to leave."""

    def __init__(self, looks: int):
        self._looks = looks

    async def is_disconnected(self) -> bool:
        self._looks -= 1
        return self._looks < 0


def heard(draws: list[tuple[str, str]], seen: str) -> list[str]:
    """What the stream says while these states are drawn one after the other."""
    states = iter(draws)

    async def listen() -> list[str]:
        stream = live.stream(Line(len(draws)), lambda: next(states), seen)
        return [said async for said in stream]

    return [said for said in apart(listen()) if not said.startswith(":")]


def test_the_stream_speaks_only_when_something_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "EVERY_S", 0)
    assert heard([("a", "<p>1</p>"), ("a", "<p>1</p>"), ("b", "<p>2</p>")], "") == [
        "id: a\ndata: <p>1</p>\n\n",
        "id: b\ndata: <p>2</p>\n\n",
    ]


def test_a_tab_that_comes_back_gets_nothing_old(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "EVERY_S", 0)
    assert heard([("a", "<p>1</p>"), ("b", "<p>2</p>")], "a") == ["id: b\ndata: <p>2</p>\n\n"]


def test_the_picture_keeps_its_name_while_only_time_passes() -> None:
    app = workspace.empty()
    assert loop.look(app, NOW).digest == loop.look(app, NOW + 7 * workspace.MIN).digest
    app.ledger.rows.append(workspace.Event(1, NOW, "person:anna", "record", "dataset/a@1"))
    assert loop.look(app, NOW).digest != loop.look(workspace.empty(), NOW).digest


def test_all_tabs_share_one_reading() -> None:
    app, looks = workspace.empty(), []
    counts = app.catalog.counts
    app.catalog.counts = lambda: looks.append(1) or counts()
    pulse = live.Pulse(app, lambda: NOW)
    for _tab in range(20):
        pulse.look()
    assert len(looks) == 1


# ---- words


def test_durations_and_counts_read_well() -> None:
    assert [words.duration(us) for us in (740, 31_200, 5_004_000, 96_000_000, 7_300_000_000,
                                                 14 * 86_400_000_000, 220_000_000_000)] == [
        "740\u202fµs", "31\u202fms", "5.00\u202fs", "96.0\u202fs", "2.0\u202fh", "14\u202fd", "2.5\u202fd",
    ]  # fmt: skip
    assert [words.short_count(n) for n in (999, 1_240, 34_500, 5_600_000)] == [
        "999", "1.2k", "34k", "5.6M",
    ]  # fmt: skip


def test_another_language_reaches_headlines_and_templates() -> None:
    class Loud(i18n.NullTranslations):
        def gettext(self, message: str) -> str:
            return message.upper() if "{" not in message else message

        def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
            return msgid1 if n == 1 else msgid2

    with i18n.use(Loud()):
        page = get(workspace.empty(), "/").text
    assert headline(page) == "NOTHING SERVES YET."
    assert "SET IT GOING" in page


# ---- vendoring


def npm_that(does: str) -> list[str]:
    return [sys.executable, "-c", does]


def test_vendoring_copies_what_the_pages_ask_for(tmp_path: Path) -> None:
    (tmp_path / "package.json").write_text("{}")
    (tmp_path / "package-lock.json").write_text("{}")
    install = "import pathlib\n" + "\n".join(
        f"p = pathlib.Path('node_modules', {source!r}); "
        "p.parent.mkdir(parents=True, exist_ok=True); p.write_text('x')"
        for source in vendor.FILES.values()
    )
    made = vendor.vendor(tmp_path, tmp_path / "out", npm=npm_that(install))
    assert sorted(path.name for path in made) == sorted(vendor.FILES)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == sorted(vendor.FILES)


def test_an_npm_that_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "package.json").write_text("{}")
    (tmp_path / "package-lock.json").write_text("{}")
    with pytest.raises(SystemExit, match="exit code 7"):
        vendor.vendor(tmp_path, tmp_path / "out", npm=npm_that("raise SystemExit(7)"))
    assert not (tmp_path / "out").exists()


def test_without_vendored_scripts_pages_ask_for_none(monkeypatch: pytest.MonkeyPatch) -> None:
    real = assets.url
    monkeypatch.setitem(
        render.environment().globals, "static", lambda n: None if "vendor" in n else real(n)
    )
    page = get(workspace.lived(), "/").text
    assert "vendor" not in page
    assert "console.js" in page


def test_the_alerts_say_what_burns_and_lead_to_its_traces() -> None:
    page = get(workspace.lived(), "/alerts").text
    assert headline(page) == "2 alerts burn, first of all failing (support), since 4 min ago."
    assert "/list/traces?channel=support&amp;since=1h&amp;outcome=failed" in page
    assert page.count('value="ack"') == 1
    assert headline(get(workspace.empty(), "/alerts").text) == "Nothing is watched yet."
    assert "volano alert init" in get(workspace.empty(), "/alerts").text
    assert get(workspace.lived(), "/alerts.json").json()["alerts"][1]["state"] == "firing"


# ---- the fakes speak like the real keepers


@pytest.mark.parametrize(
    ("fake", "real", "verbs"),
    [
        (workspace.Catalog, Catalog,
         ("list", "get", "find", "by_digest", "read", "lineage", "children", "counts")),
        (workspace.Traces, Traces,
         ("last", "get", "list", "counts", "bodies", "traffic", "stretches", "page", "histogram",
          "tail", "steps", "diff")),
        (workspace.Views, Views, ("list",)),
        (workspace.Spends, Traces, ("spend", "used")),
        (workspace.Costs, Costs, ("budgets",)),
        (workspace.Gateway, Gateway, ("status", "health")),
        (workspace.Targets, Targets, ("list",)),
        (workspace.Drift, Drift, ("list", "show", "references")),
        (workspace.Feedbacks, Feedbacks, ("list", "get", "history", "joined", "rates")),
        (workspace.Reviews, Reviews, ("list", "show", "next", "metric")),
        (workspace.Ledger, Ledger, ("list",)),
        (workspace.Runs, Runs, ("list", "get", "log")),
        (workspace.Lives, Lives, ("list", "history", "state_of", "users")),
        (workspace.Trainer, Trainer, ("curve",)),
        (workspace.Engines, Engines, ("list",)),
        (workspace.Alerts, Alerts, ("list", "rules", "receivers", "silences")),
        (workspace.SLOs, SLOs, ("list",)),
        (workspace.Scorecard, Scorecard, ("board", "slices", "values")),
        (workspace.Periods, Periods, ("show",)),
        (workspace.Diagnoses, Diagnoses, ("show",)),
    ],
)  # fmt: skip
def test_the_workspace_speaks_like_the_real_keepers(fake: type, real: type, verbs: tuple) -> None:
    for verb in verbs:
        ours = set(inspect.signature(getattr(fake, verb)).parameters) - {"role"}
        theirs = set(inspect.signature(getattr(real, verb)).parameters)
        assert ours <= theirs, f"{real.__name__}.{verb} has no {ours - theirs}"


def test_kpis_show_the_host_and_its_engines() -> None:
    page = get(workspace.lived(), "/kpis").text
    section = page.partition("What does it run on?")[2]
    assert re.search(r"Disk full</h3>\s*<p class=\"value\"><span>81\u202f%", section)
    assert "GPU memory taken" in section
    assert "Work waits for memory" not in section, "this host does not tell it"
    assert "69917c01e5c5" in section.partition("Engines, of the whole host")[2]
    assert "What does it run on?" not in get(workspace.empty(), "/kpis").text


def test_kpis_lead_to_the_rows_behind_them() -> None:
    page = get(workspace.lived(), "/kpis?window=7d&model=gpt-5").text
    shown = headline(page)
    assert "went well in the last 7 days" in shown
    assert "not measured" in text_of(page)
    assert "/list/traces?where=model+%3D+gpt-5+and+latency+%3E%3D" in html.unescape(page)
    assert "/list/feedback?since=7d" in page
    tagged = get(workspace.lived(), "/kpis?by=tag.team").text
    assert "where=tag.%22team%22+%3D+support%402" in html.unescape(tagged)
    found = get(workspace.lived(), "/kpis.json").json()["kpis"]
    assert found["task_completion"]["now"]["low"] < found["task_completion"]["now"]["value"]
    said = get(workspace.empty(), "/kpis").text
    assert headline(said) == "Nobody called in the last 7 days."
    assert "volano feedback metric define task" in said


# ---- a real browser


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    if not CHROMIUM.exists():
        pytest.skip(f"no {CHROMIUM}: the console was not looked at in a browser")
    sync_playwright = pytest.importorskip("playwright.sync_api").sync_playwright
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=QUIET)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def house() -> Iterator[str]:
    with served(asgi(workspace.lived())) as address:
        yield address


@contextmanager
def tab(browser: Any, **how: Any) -> Iterator[Any]:
    context = browser.new_context(**{"viewport": {"width": 1440, "height": 900}, **how})
    page = context.new_page()
    page.complaints = []
    page.on("pageerror", lambda error: page.complaints.append(str(error)))
    page.on(
        "console",
        lambda said: page.complaints.append(said.text)
        if said.type == "error" and "404" not in said.text else None,
    )  # fmt: skip
    try:
        yield page
    finally:
        context.close()


VIOLATIONS = (
    "axe.run({resultTypes: ['violations']}).then(found => ({violations: found.violations}))"
)
SEEN = {
    **OTHERS,
    "traces": "/list/traces",
    "voices": "/list/feedback",
    "datasets": "/list/datasets",
    "rollouts": "/list/rollouts",
    "models": "/list/models",
    **ITEMS,
}
UNSEEN = ("pointer", "which models")
"""Like others that are looked at."""  # fmt: skip


@pytest.mark.parametrize("name", [name for name in SEEN if name not in UNSEEN])
def test_axe_finds_nothing_and_nothing_overflows(chromium: Any, house: str, name: str) -> None:
    """One visit, seen narrow and wide, light and dark; it is drawn where room is scarcest."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    how = {"viewport": {"width": 390, "height": 844}, "reduced_motion": "reduce"}
    with tab(chromium, **how) as page:
        page.goto(house + SEEN[name])
        page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
        page.evaluate(axe.Axe().axe_script)
        for width, scheme in itertools.product((390, 1440), ("light", "dark")):
            page.set_viewport_size({"width": width, "height": 844})
            page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
            seen = f"{name}, {scheme}, {width} px wide"
            wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
            assert wide <= 0, f"{seen}: overflows by {wide} px"
            found = axe.AxeResults(page.evaluate(VIOLATIONS))
            assert not found.response["violations"], f"{seen}: {found.generate_report()}"
        assert page.complaints == []
        assert page.evaluate("window.hacked") is None


@pytest.mark.parametrize("kind", ["moving", "empty"])
@pytest.mark.parametrize("width", [1440, 390])
def test_axe_finds_nothing_in_other_workspaces(chromium: Any, kind: str, width: int) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    paths = {"moving": ["/", f"/item/rollouts/{MOVING}"], "empty": ["/", "/list/traces"]}[kind]
    app = getattr(workspace, kind)()
    with (
        served(asgi(app)) as address,
        tab(chromium, viewport={"width": width, "height": 844}) as page,
    ):
        for path in paths:
            page.goto(address + path)
            found = axe.run(page)
            assert not found.response["violations"], f"{path}: {found.generate_report()}"


def test_the_cost_of_traffic_is_in_sight(chromium: Any) -> None:
    """Also beside long numbers: what a table has too much of is scrolled to, never the cost."""
    app = workspace.lived()
    summed = app.traces.traffic
    app.traces.traffic = lambda *given: [
        replace(one, prompt_tokens=123_456_789, unpriced=12_345, nano={"USD": 10**12, "EUR": 1})
        for one in summed(*given)
    ]
    with (
        served(asgi(app)) as address,
        tab(chromium, viewport={"width": 1300, "height": 900}) as page,
    ):
        page.goto(f"{address}/traffic?since=1d")
        heads = page.locator("th", has_text="Cost")
        assert heads.count() == 3
        for n in range(3):
            box, frame = (
                heads.nth(n).evaluate(f"e => {what}.getBoundingClientRect().right")
                for what in ("e", "e.closest('.scroll')")
            )
            assert box <= frame


def test_without_scripts_links_and_forms_do_everything(chromium: Any, house: str) -> None:
    with tab(chromium, java_script_enabled=False, viewport={"width": 390, "height": 844}) as page:
        page.goto(house)
        page.get_by_role("button", name="Menu").click()
        page.get_by_role("navigation").get_by_role("link", name="Traces").click()
        page.get_by_label("Outcome").select_option("cut")
        page.get_by_role("button", name="Show").click()
        assert "outcome=cut" in page.url
        assert page.locator("tbody tr").count() == 8
        page.get_by_role("link", name="Clear").click()
        page.get_by_role("link", name="Older").click()
        assert "before=191" in page.url
        page.locator("tbody tr td.lead a").first.click()
        assert page.get_by_role("heading", name="What was said").is_visible()
        page.get_by_role("searchbox", name="Find anything").fill("tickets@2")
        page.get_by_role("searchbox", name="Find anything").press("Enter")
        assert page.url.endswith("/item/datasets/tickets@2")


def test_keys_find_go_and_step(chromium: Any, house: str) -> None:
    with tab(chromium) as page:
        page.goto(house)
        page.keyboard.press("/")
        assert page.evaluate("document.activeElement.id") == "find"
        page.keyboard.type("g r")
        assert page.url == f"{house}/"
        page.keyboard.press("Escape")
        page.keyboard.press("g")
        page.keyboard.press("t")
        page.wait_for_url("**/list/traces")
        page.keyboard.press("j")
        page.keyboard.press("j")
        page.keyboard.press("k")
        page.keyboard.press("Enter")
        page.wait_for_url(f"**/item/traces/{240:032x}")
        page.keyboard.press("?")
        assert page.get_by_role("dialog", name="Keys").is_visible()
        page.keyboard.press("Escape")
        assert not page.get_by_role("dialog").is_visible()
        page.keyboard.press("u")
        page.wait_for_url("**/list/traces")


def test_the_loop_lives_without_a_reload(chromium: Any) -> None:
    if not (STATIC / "vendor" / "htmx.min.js").exists():
        pytest.skip("htmx is not vendored: run `python -m volano.web.vendor`")
    app = workspace.moving()
    with served(asgi(app)) as address, tab(chromium) as page:
        page.goto(address)
        page.evaluate("window.stayed = true")
        page.get_by_text("one gate waits for evidence.").wait_for()
        moved = app.releases.moved[-1]
        app.releases.moved[-1] = replace(moved, state="done", share=1_000_000, ended_us=NOW - 1)
        app.releases.all[0] = workspace.Channel("support", "support@4")
        page.locator(".headline", has_text="support serves support@4, since").wait_for()
        assert page.evaluate("window.stayed") is True
        assert page.complaints == []


def test_a_rollouts_page_lives_too(chromium: Any) -> None:
    if not (STATIC / "vendor" / "htmx.min.js").exists():
        pytest.skip("htmx is not vendored: run `python -m volano.web.vendor`")
    app = workspace.moving()
    with served(asgi(app)) as address, tab(chromium) as page:
        page.goto(f"{address}/item/rollouts/{MOVING}")
        page.get_by_text("here now").wait_for()
        moved = app.releases.moved[-1]
        app.releases.moved[-1] = replace(moved, state="back", share=0, ended_us=NOW - 1)
        page.locator(".state.bad", has_text="taken back").first.wait_for()


def test_a_page_lives_however_late_its_scripts_come(chromium: Any) -> None:
    if not (STATIC / "vendor" / "htmx.min.js").exists():
        pytest.skip("htmx is not vendored: run `python -m volano.web.vendor`")

    def late(route: Any) -> None:
        time.sleep(0.5)
        route.continue_()

    with served(asgi(workspace.moving())) as address, tab(chromium) as page:
        page.route("**/hx-sse.min.js*", late)
        with page.expect_request("**/loop/events*"):
            page.goto(address)


def test_the_wheel_stands_still_for_who_wants_no_motion(chromium: Any, house: str) -> None:
    turning = "getComputedStyle(document.querySelector('.drawing .turns')).animationName"
    with tab(chromium) as page:
        page.goto(house)
        assert page.evaluate(turning) == "turn"
    with tab(chromium, reduced_motion="reduce") as page:
        page.goto(house)
        assert page.evaluate(turning) == "none"


def test_times_are_relative_with_the_exact_one_on_hover(chromium: Any, house: str) -> None:
    with tab(chromium) as page:
        page.clock.install(time=(NOW + 10 * workspace.MIN) / 1e6)
        page.goto(house)
        tag = page.locator(".headline time")
        assert tag.get_attribute("datetime") == words.iso(
            NOW - 2 * workspace.MIN - 11 * workspace.S
        )
        assert tag.text_content() == "12 min ago"
        assert "2026" in tag.get_attribute("title")


# ---- over the real keepers


def test_the_pages_stand_on_the_real_keepers(tmp_path: Path) -> None:
    clock = ManualClock(NOW)
    db = Database(f"sqlite:///{tmp_path / 'catalog.db'}")
    db.migrate()
    ledger = Ledger(db, clock)
    catalog = Catalog(db, Blobs(tmp_path / "blobs", db), ledger, clock)
    anna = Principal("person", "anna")
    rows = b'{"id": "1", "text": "Where is my Falcon?", "label": "shipping", "origin": null}\n'
    made = catalog.record("dataset", "tickets", files={"train.jsonl": rows}, by=anna)
    parents = (Parent("trained on", made.digest),)
    catalog.record("model", "router", files={"model.gguf": b"GGUF"}, parents=parents, by=anna)
    jobs_url = f"sqlite:///{tmp_path / 'jobs.db'}"
    app = SimpleNamespace(
        catalog=catalog,
        ledger=ledger,
        traces=Traces(tmp_path / "hot.db"),
        views=Views(db, ledger, clock),
        steps=Steps(tmp_path / "hot.db"),
        sessions=Sessions(tmp_path / "hot.db"),
        feedbacks=(feedbacks := Feedbacks(None, tmp_path / "hot.db", clock)),
        reviews=Reviews(
            db=db,
            ledger=ledger,
            clock=clock,
            traces=Traces(tmp_path / "hot.db"),
            feedbacks=feedbacks,
            metrics=Metrics(db, ledger, clock),
        ),
        runs=Runs(db, ledger, tmp_path / "jobs", clock, jobs_url=jobs_url),
        releases=workspace.Releases(),
        standings=workspace.Standings(),
        settings=SimpleNamespace(folder=tmp_path, port=7070),
        lives=(
            lives := Lives(
                db=db, catalog=catalog, ledger=ledger, clock=clock, in_use=lambda _digest: []
            )
        ),
        model_cards=ModelCards(catalog, lives),
        evals=(evals := Evals(catalog, None)),
        judges=Judges(catalog, evals, None),
    )
    assert "tickets@1" in text_of(get(app, "/").text)
    assert "Where is my Falcon?" in text_of(get(app, "/item/datasets/tickets@1").text)
    assert "trained on tickets@1" in text_of(get(app, "/item/models/router@1").text)
    lives.move("router@1", "candidate", why="Try it.", by=anna)
    page = text_of(get(app, "/item/models/router@1").text)
    assert "draft → candidate Try it." in page
    assert "volano model state router@1 active" in page
    assert "router@1 candidate" in text_of(get(app, "/list/models?state=candidate").text)
    assert "Nothing fits" in text_of(get(app, "/list/models?state=active").text)
    assert get(app, "/find?q=tickets@1").headers["location"] == "/item/datasets/tickets@1"
    for path in LISTS.values():
        assert get(app, path).status_code == 200
    missing = get(app, "/item/datasets/tikets@1")
    assert missing.status_code == 404
    assert "tickets" in text_of(missing.text)
    assert get(app, "/item/datasets/%40%40").status_code == 400
    for noun in ("traces", "runs"):
        assert get(app, f"/item/{noun}/{quote('<b>')}").status_code in (400, 404)


# ---- evaluators


def test_evaluators_say_how_live_answers_are() -> None:
    lived = workspace.lived()
    assert "evaluated in a day" in headline(get(lived, "/evaluators").text)
    page = get(lived, "/evaluators/quality").text
    assert headline(page).startswith("helpful is worse for tag.plan")
    assert "not enough" in page
    assert "Not corrected: helpful@1 is not to be trusted alone" in page
    assert "<script>window.hacked" not in page
    assert 'href="/item/traces/0000' in page
    shorter = get(lived, "/evaluators/quality?last=1d").text
    assert shorter != page
    assert get(lived, "/evaluators/quality.json").json()["scores"][0]["score"] == "helpful"
    assert get(lived, "/evaluators/nobody").status_code == 404
    assert headline(get(workspace.empty(), "/evaluators").text).startswith("Nobody looks")
    assert "volano evaluator add FILE" in get(workspace.empty(), "/evaluators").text


def test_every_judge_says_how_far_people_agree_with_it() -> None:
    assert headline(get(workspace.empty(), "/judges").text) == "No model judges answers yet."
    assert "volano judge save FILE" in get(workspace.empty(), "/judges").text
    app = workspace.lived()
    kept = {"kind": "rubric", "model": "<b>gpt"}
    app.catalog.record("judge", "clear", meta=kept, at_us=workspace.NOW_US)
    judge = app.catalog.record("judge", "helpful", meta=kept, at_us=workspace.NOW_US)
    kappa = {"value": 0.71, "low": 0.63, "high": 0.79}
    meta = {"about": "judge", "kappa": kappa, "n": 200, "trusted": True, "verdict": "It agrees."}
    app.catalog.record(
        "report",
        "helpful-against-people",
        meta=meta,
        parents=[("judge", judge)],
        at_us=workspace.NOW_US,
    )
    app.catalog.record(
        "judge",
        "rude",
        meta={**kept, "model": "own@2", "pinned": "sha256:ab"},
        at_us=workspace.NOW_US,
    )
    for address in ("/evaluators", "/judges"):
        page = get(app, address).text
        told = text_of(page)
        asks = "rubric <b>gpt a provider may change it"
        assert f"clear@1 {asks} not checked never checked against people" in told
        assert (
            f"helpful@1 {asks} checked kappa 0.71 [0.63, 0.79] 200 helpful-against-people@1" in told
        )
        assert "rude@1 rubric own@2 pinned not checked" in told
        assert "<b>gpt" not in page
        assert 'href="/item/reports/helpful-against-people@1"' in page
    assert headline(get(app, "/judges").text) == (
        "One of 3 may be believed alone. 2 were never checked against people."
    )
    assert [one["agreement"] for one in get(app, "/judges.json").json()["judges"]][1] == (
        "kappa 0.71 [0.63, 0.79] on 200 rows"
    )


# ---- drift


def test_drift_says_whether_traffic_has_moved() -> None:
    said = headline(get(workspace.lived(), "/drift").text)
    assert said == "Yes: support (input) moved."
    assert headline(get(workspace.empty(), "/drift").text).startswith("Nothing is pinned yet")
    assert "volano drift pin NAME" in get(workspace.empty(), "/drift").text


def test_a_look_names_what_moved_and_leads_to_calls() -> None:
    page = get(workspace.lived(), "/drift/support").text
    assert headline(page) == "Yes: input moved, seen 1 h ago."
    assert "退款" in page
    assert f'href="/item/traces/{HOSTILE_TRACE}"' in page
    assert "language: han" in page
    assert "<script>window.hacked" not in page
    assert headline(get(workspace.lived(), "/drift/quiet").text).startswith("Not known:")
