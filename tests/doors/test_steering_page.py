"""A person steers a rollout from its page: only what is possible is offered, and it is done by keyboard too."""

import itertools
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlencode

import pytest

from doors.test_console import CHROMIUM, QUIET, VIOLATIONS, tab, text_of
from support.served import served
from volano.core.principal import SYSTEM
from volano.web.control import build

CHANNEL = "ügyfél"


@pytest.fixture(scope="module")
def releases(app) -> list[str]:
    """Three releases, the first of which serves a channel."""
    flow = app.releases.flow_of(app.releases.list()[0]).ref
    made = [app.releases.cut("desk", flow=flow, notes=str(n), by=SYSTEM).ref for n in range(3)]
    first = app.releases.promote(made[0], channel=CHANNEL, plan="100%", by=SYSTEM)
    app.releases.end(first, "arrived", {"reason": "the first"}, by=SYSTEM)
    return made


@pytest.fixture
def moving(app, releases) -> Iterator:
    """A rollout of the second release at its first step."""
    rollout = app.releases.promote(releases[1], channel=CHANNEL, plan="10%,50%,100%", by=SYSTEM)
    yield app.releases.advance(rollout, step=0, content={"reason": "it answers"}, by=SYSTEM)
    settle(app, releases[0])


@pytest.fixture
def switched(app, releases) -> Iterator:
    """A rollout that arrived, and keeps hot what it replaced."""
    rollout = app.releases.promote(releases[1], channel=CHANNEL, plan="switch keep 24h", by=SYSTEM)
    yield app.releases.end(rollout, "arrived", {"reason": "all at once"}, by=SYSTEM)
    settle(app, releases[0])


def settle(app, ref: str) -> None:
    """Let the channel serve this release again, and nothing move."""
    if app.releases.channel(CHANNEL).rollout_id is not None:
        app.releases.abort(CHANNEL, by=SYSTEM)
    if app.releases.channel(CHANNEL).stable_ref != ref:
        back = app.releases.rollback(CHANNEL, to=ref, by=SYSTEM)
        if back.is_active:
            app.releases.end(back, "arrived", {"reason": "as it was"}, by=SYSTEM)


def steer(door, rollout, do: str, **more: str):
    typed = door.with_(content_type="application/x-www-form-urlencoded")
    said = {"rollout": rollout.id, "step": str(rollout.step), "do": do, **more}
    return typed.post("/rollouts/steer", urlencode(said).encode())


def offers(door, rollout) -> list[str]:
    """The words on the buttons of a rollout's page."""
    page = door.get(f"/item/rollouts/{rollout.id}").body.decode()
    return [
        text_of(one.partition("</summary>")[0])
        for one in page.split('<summary class="button">')[1:]
    ]


def test_only_what_is_possible_is_offered(app, console, releases, moving):
    assert offers(console, moving) == ["Pause", "Skip this step", "Take it back"]
    app.steering.pause(CHANNEL, by=SYSTEM)
    assert offers(console, moving) == ["Go on", "Skip this step", "Take it back"]
    app.releases.abort(CHANNEL, by=SYSTEM)
    assert offers(console, moving) == []
    again = app.releases.promote(releases[1], channel=CHANNEL, plan="10%,100%", by=SYSTEM)
    assert offers(console, again) == ["Take it back"]  # it warms up
    app.releases.abort(CHANNEL, by=SYSTEM)


def test_each_button_does_what_it_says_and_keeps_the_reason(app, console, moving):
    page = f"/item/rollouts/{moving.id}"
    answer = steer(console, moving, "pause", why="Péntek este")
    assert (answer.status, answer.headers["location"]) == (303, page)
    assert app.releases.rollout(moving.id).state == "paused"
    assert "Péntek este" in console.get(page).body.decode()
    assert steer(console, moving, "resume").status == 303
    assert app.releases.rollout(moving.id).state == "moving"
    assert steer(console, moving, "skip", why=" ").status == 400
    assert steer(console, moving, "skip", why="看过了").status == 303
    assert app.releases.rollout(moving.id).step == 1
    assert "看过了" in console.get(page).body.decode()
    assert steer(console, moving, "abort", why="enough").status == 303
    ended = app.releases.rollout(moving.id)
    assert (ended.state, ended.outcome["reason"]) == ("aborted", "enough")


def test_what_moved_on_meanwhile_is_not_steered(app, console, releases, moving):
    app.steering.skip(CHANNEL, why="seen by hand", by=SYSTEM)
    assert steer(console, moving, "skip", why="the same").status == 409  # of the step before
    assert app.releases.rollout(moving.id).step == 1
    app.releases.abort(CHANNEL, by=SYSTEM)
    later = app.releases.promote(releases[2], channel=CHANNEL, plan="10%,100%", by=SYSTEM)
    assert steer(console, moving, "abort").status == 409  # another moves the channel by now
    assert app.releases.rollout(later.id).is_active
    app.releases.abort(CHANNEL, by=SYSTEM)


def test_an_experiment_is_concluded_with_the_winner_that_was_shown(
    app, console, releases, monkeypatch
):
    made = app.experiments.compare(
        releases[:2], channel=CHANNEL, goal="latency:2s", mature="1m", by=SYSTEM
    )
    try:
        assert steer(console, made, "conclude").status == 400
        assert steer(console, made, "conclude", winner=releases[1]).status == 409  # not decided
        proven = {"decision": {"decided": True, "winner": 1}, "evidence": None}
        monkeypatch.setattr(app.experiments, "standing", lambda _: proven)
        assert steer(console, made, "conclude", winner=releases[0]).status == 409
        assert app.releases.rollout(made.id).is_active
        assert steer(console, made, "conclude", winner=releases[1]).status == 303
        assert app.releases.rollout(made.id).state == "concluded"
        moving = app.releases.rollout(app.releases.channel(CHANNEL).rollout_id)
        assert (moving.candidate_ref, moving.is_experiment) == (releases[1], False)
        assert steer(console, made, "conclude", winner=releases[1]).status == 409
        assert app.releases.rollout(moving.id).is_active
    finally:
        settle(app, releases[0])


def test_only_the_owners_own_pages_steer(app, relay, console, moving):
    _, text = app.keys.create("reader", scopes=("read", "approve"), by=SYSTEM)
    key = relay.with_(authorization=f"Bearer {text}")
    cross = console.with_(sec_fetch_site="cross-site")
    foreign = console.with_(origin="https://evil.example")
    for door, status in ((relay, 401), (key, 403), (cross, 403), (foreign, 403)):
        assert steer(door, moving, "abort").status == status
    for do in ("sideways", "", "return"):
        assert steer(console, moving, do).status in (400, 409)
    assert steer(console, moving, "pause", why="x" * 20_000).status == 400
    assert steer(console, replace(moving, id=""), "pause").status == 400
    assert app.releases.rollout(moving.id).state == "moving"


def test_what_is_kept_hot_is_told_and_returned_to(app, console, releases, switched):
    page = console.get(f"/item/rollouts/{switched.id}").body.decode()
    assert f"{releases[0]} is kept hot until" in text_of(page)
    assert offers(console, switched) == [f"Return to {releases[0]}"]
    assert f"{releases[0]} is kept hot until" in text_of(console.get("/").body.decode())
    later = app.releases.promote(releases[2], channel=CHANNEL, plan="10%,100%", by=SYSTEM)
    assert offers(console, switched) == []  # another moves the channel
    assert steer(console, switched, "return").status == 409
    assert app.releases.rollout(later.id).is_active
    app.releases.abort(CHANNEL, by=SYSTEM)
    answer = steer(console, switched, "return", why="customers complain")
    assert answer.status == 303
    assert app.releases.channel(CHANNEL).stable_ref == releases[0]
    [back, *_] = app.releases.rollouts(CHANNEL)
    assert answer.headers["location"] == f"/item/rollouts/{back.id}"
    assert steer(console, switched, "return").status == 409  # nothing is kept any more


def test_nothing_is_told_where_nothing_is_kept(app, console, switched):
    app.releases.drop(CHANNEL, by=SYSTEM)
    assert "kept hot" not in text_of(console.get(f"/item/rollouts/{switched.id}").body.decode())
    assert offers(console, switched) == []


# ---- a real browser


@pytest.fixture(scope="module")
def address(app) -> Iterator[str]:
    with served(build(app, "local")) as found:
        yield found


@pytest.fixture(scope="module")
def chromium() -> Iterator:
    if not CHROMIUM.exists():
        pytest.skip(f"no {CHROMIUM}: the buttons were not tried in a browser")
    sync_playwright = pytest.importorskip("playwright.sync_api").sync_playwright
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=QUIET)
        yield browser
        browser.close()


def to(page, name: str) -> None:
    """Walk with Tab until what has this name has the focus."""
    for _ in range(80):
        if page.evaluate("document.activeElement.textContent.trim()") == name:
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"Tab never came to {name}")


def test_by_keyboard_alone(app, address, chromium, moving):
    with tab(chromium) as page:
        page.goto(f"{address}/item/rollouts/{moving.id}")
        to(page, "Pause")
        page.keyboard.press("Enter")
        page.keyboard.press("Tab")
        page.keyboard.type("u g jó éjt")  # letters that are keys elsewhere
        page.keyboard.press("Enter")
        page.locator("summary", has_text="Go on").wait_for()
        assert app.releases.paused(app.releases.rollout(moving.id)).startswith("u g jó éjt")
        to(page, "Skip this step")
        page.keyboard.press("Enter")
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")  # without a reason nothing is sent
        assert page.evaluate("document.activeElement.matches(':invalid')")
        page.keyboard.type("looked at by hand")
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.textContent") == "Skip it"
        page.keyboard.press("Space")
        page.locator("summary", has_text="Pause").wait_for()
        assert app.releases.rollout(moving.id).step == 1
        to(page, "Take it back")
        page.keyboard.press("Space")
        to(page, "Take it back now")
        page.keyboard.press("Enter")
        page.locator(".state", has_text="aborted").first.wait_for()
        assert page.locator(".steer").count() == 0
        assert page.complaints == []


def test_what_is_half_written_survives_what_happens_meanwhile(app, address, chromium, moving):
    if not (Path(build.__code__.co_filename).parent / "static/vendor/htmx.min.js").exists():
        pytest.skip("htmx is not vendored: run `python -m volano.web.vendor`")
    with tab(chromium) as page:
        page.goto(f"{address}/item/rollouts/{moving.id}")
        page.get_by_text("Skip this step").click()
        page.locator("#deed-skip input[name=why]").fill("the night shift lo")
        app.steering.pause(CHANNEL, why="somebody else", by=SYSTEM)
        page.locator("summary", has_text="Go on").wait_for()
        assert page.locator("#deed-skip").get_attribute("open") is not None
        page.keyboard.type("oked")
        page.keyboard.press("Enter")
        page.locator("summary", has_text="Pause").wait_for()
        skipped = [one for one in app.releases.rollout_events(moving.id) if one.kind == "skipped"]
        assert skipped[0].content["reason"] == "the night shift looked"
        assert page.complaints == []


def test_without_scripts_a_return_is_a_form(app, address, chromium, releases, switched):
    with tab(chromium, java_script_enabled=False) as page:
        page.goto(f"{address}/item/rollouts/{switched.id}")
        page.get_by_text(f"Return to {releases[0]}").click()
        page.get_by_label("Reason").fill("customers complain")
        page.get_by_role("button", name="Return now").click()
        page.locator(".state", has_text="arrived").first.wait_for()
    assert app.releases.channel(CHANNEL).stable_ref == releases[0]


@pytest.mark.parametrize("kind", ["moving", "switched"])
def test_axe_finds_nothing_and_nothing_overflows(address, chromium, kind, request):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    rollout = request.getfixturevalue(kind)
    with tab(chromium, viewport={"width": 390, "height": 844}) as page:
        page.goto(f"{address}/item/rollouts/{rollout.id}")
        page.evaluate(axe.Axe().axe_script)
        for opened, width, scheme in itertools.product((0, 1), (390, 1440), ("light", "dark")):
            page.set_viewport_size({"width": width, "height": 844})
            page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
            page.evaluate(
                f"document.querySelector('.steer details:nth-child({2 if kind == 'moving' else 1})').open = {opened}"
            )
            assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
            found = axe.AxeResults(page.evaluate(VIOLATIONS))
            assert not found.response["violations"], found.generate_report()
            if shown := os.environ.get("VOLANO_SHOTS"):
                page.screenshot(path=Path(shown) / f"{kind}-{opened}-{width}-{scheme}.png")
        assert page.complaints == []
