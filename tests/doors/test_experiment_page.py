"""The page of an experiment: the verdict first, curves that are also numbers, checks."""

import itertools
import os
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from doors.console_experiment import ID, NAMES, compared
from doors.test_console import VIOLATIONS, asgi, chromium, get, headline, tab, text_of  # noqa: F401
from support.served import served
from volano.releases.experiment.measure import Measure
from volano.web.pages.experiments import picture

PAGE = f"/item/rollouts/{ID}"
GOAL = Measure("sale", "yes", "any", "more")


def test_the_verdict_is_the_first_line() -> None:
    page = get(compared(), PAGE).text
    assert headline(page).startswith("support@3 does better than support@2 in sale by ")
    assert "valid at every look" in headline(page)


def test_before_anything_is_proven_it_says_what_lacks() -> None:
    assert headline(get(compared(300), PAGE).text).startswith("Not decided: support@3 against")
    assert "nothing is compared" in headline(get(_warming(), PAGE).text)


def test_arms_pending_units_and_the_split_are_there() -> None:
    text = text_of(get(compared(), PAGE).text)
    for said in ("The arms", "Pending", "the split is as asked", "no harm in latency", "tag:внутри",
                 "smallest difference 2.0 points", *NAMES):  # fmt: skip
        assert said in text, said


def test_the_same_as_json() -> None:
    told = get(compared(), PAGE + ".json").json()["item"]
    assert told["evidence"]["arms"][1]["pending"] > 0
    assert told["decision"]["decided"] is False


def test_the_drawing_is_sound_and_has_the_zero_line() -> None:
    root = ET.fromstring(picture([(200, 0.01, -0.05, 0.07), (400, 0.03, 0.01, 0.05)], GOAL, "<b>&"))
    classes = [one.get("class") for one in root.iter()]
    assert {"band", "zero", "edge"} <= set(classes)
    assert "between 1.0 points and 5.0 points" in (root.get("aria-label") or "")


def test_what_is_decided_and_holds_can_be_concluded_with_its_winner() -> None:
    page = get(_decided(), PAGE).text
    assert "Conclude with support@3" in text_of(page)
    assert "volano release conclude support --winner support@3" in text_of(page)
    assert '<input type="hidden" name="winner" value="support@3">' in page
    assert text_of(page).index("Conclude now") < text_of(page).index("Take it back")
    assert "goes on to all of support by 25%,100%" in text_of(page)
    same = text_of(get(_decided(0), PAGE).text)
    assert "support@2 serves all of support as before" in same
    assert "Conclude" not in text_of(get(compared(), PAGE).text)  # one arm is not decided yet


def test_axe_finds_nothing_and_nothing_overflows(chromium: Any) -> None:  # noqa: F811
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    with (
        served(asgi(_decided())) as address,
        tab(chromium, viewport={"width": 390, "height": 844}) as page,
    ):
        page.goto(address + PAGE)
        page.evaluate(axe.Axe().axe_script)
        page.get_by_text("Conclude with").click()
        for width, scheme in itertools.product((390, 1440), ("light", "dark")):
            page.set_viewport_size({"width": width, "height": 844})
            page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
            assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
            found = axe.AxeResults(page.evaluate(VIOLATIONS))
            assert not found.response["violations"], found.generate_report()
            if shown := os.environ.get("VOLANO_SHOTS"):
                page.screenshot(path=Path(shown) / f"{width}-{scheme}.png", full_page=True)
        assert page.complaints == []


def _decided(winner: int = 1) -> Any:
    app = compared()
    told = app.experiments.standing(None)
    told["decision"] |= {"decided": True, "winner": winner}
    return app


def _warming() -> Any:
    app = compared(10)
    app.experiments.standing = lambda rollout: {"decision": None, "evidence": None}
    return app
