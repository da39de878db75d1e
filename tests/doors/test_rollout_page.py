"""The page of a rollout reads as a story: steps, evidence with its bounds, decisions and their inputs."""

import itertools
import os
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from doors.console_rollout import BACK, ID, rolling
from doors.test_console import VIOLATIONS, asgi, chromium, get, tab, text_of  # noqa: F401
from support.served import served
from volano.web.pages.rollout_evidence import picture

PAGE, ENDED = f"/item/rollouts/{ID}", f"/item/rollouts/{BACK}"


def test_steps_say_what_they_are() -> None:
    text = text_of(get(rolling(), PAGE).text)
    assert "shadow 5 % passed" in text.replace("\u202f", " ")
    assert "here now" in text


def test_evidence_is_drawn_under_way_and_after_the_end() -> None:
    moving, ended = (text_of(get(rolling(), page).text) for page in (PAGE, ENDED))
    for text in (moving, ended):
        assert "Evidence: errors" in text
        assert "Evidence: quality" in text
    assert "5.0 points allowed" in moving
    assert "80 takes it back" in ended


def test_each_decision_shows_what_it_was_made_on() -> None:
    moving, ended = get(rolling(), PAGE).text, get(rolling(), ENDED).text
    assert moving.count('<details class="inputs">') == 2
    assert text_of(moving).count("enough units") == 3  # with the gates as they stand
    assert ended.count('<details class="inputs">') == 1


def test_a_rollout_without_evidence_draws_none() -> None:
    app = rolling()
    app.reconciler.curves = lambda rollout: []
    assert "Evidence:" not in text_of(get(app, PAGE).text)


def test_the_drawing_is_sound() -> None:
    curves = {
        "promotion": {"limit": 0.05, "points": [[10, 50_000, -1.0, 1.0], [20, 50_000, -0.1, 0.04],
                                                [30, 250_000, -1.0, 1.0]]},
        "harm": {"limit": 40.0, "points": [[10, 50_000, 1.0], [20, 50_000, 1e9]]},
    }  # fmt: skip
    root = ET.fromstring(picture("<errors> & more", curves))
    classes = [one.get("class") for one in root.iter()]
    assert classes.count("band") == 2
    assert classes.count("limit") == 2
    assert "40 takes it back" in (root.get("aria-label") or "")
    assert picture("errors", {}) == ""


def test_axe_finds_nothing_and_nothing_overflows(chromium: Any) -> None:  # noqa: F811
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    with (
        served(asgi(rolling())) as address,
        tab(chromium, viewport={"width": 390, "height": 844}) as page,
    ):
        for name, at in (("moving", PAGE), ("back", ENDED)):
            page.goto(address + at)
            page.evaluate(axe.Axe().axe_script)
            for inputs in page.query_selector_all("details.inputs"):
                inputs.evaluate("it => it.open = true")
            for width, scheme in itertools.product((390, 1440), ("light", "dark")):
                page.set_viewport_size({"width": width, "height": 844})
                page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
                assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
                found = axe.AxeResults(page.evaluate(VIOLATIONS))
                assert not found.response["violations"], found.generate_report()
                if shown := os.environ.get("VOLANO_SHOTS"):
                    shot = Path(shown) / f"{name}-{width}-{scheme}.png"
                    page.screenshot(path=shot, full_page=True)
        assert page.complaints == []
