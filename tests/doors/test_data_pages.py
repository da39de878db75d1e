"""The console's pages of data, over a real app: what is said, where numbers lead, who sees what."""

import html
import json
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, unquote

import pytest

from support.served import served
from volano.access.session import local_principal
from volano.data.step import Rejected
from volano.web.control import build

CHROMIUM = Path("/usr/bin/chromium")
TEXTS = (
    "Where is my order {n}? It should have arrived three days ago, and nobody answers.",
    "A {n} számú megrendelésem még mindig nem érkezett meg, kérem a segítségüket ebben.",
    "Meine Bestellung {n} ist noch immer nicht angekommen, bitte schicken Sie mir eine neue.",
    "Мой заказ {n} до сих пор не доставлен, пожалуйста, верните мне деньги за него.",
    "我的订单{n}三天前就应该到了，请问退款什么时候能到账？谢谢您的帮助。",
)
HOSTILE = "<script>window.hacked=1</script><img src=x onerror='window.hacked=1'> \u202egnp.exe"


def rows_of(n: int) -> list[dict]:
    return [
        {"id": f"t{at}-{of}", "text": text.format(n=at * 7 + 1000),
         "label": "refund" if at % 3 else "billing", "mail": f"k{at}@example.org" if not of else None}
        for at in range(n) for of, text in enumerate(TEXTS)
    ]  # fmt: skip


@pytest.fixture(scope="module")
def named(app) -> str:
    """A dataset of two versions."""
    name, me = "sorok", local_principal()
    rows = [*rows_of(12), {"text": HOSTILE, "label": "<b>odd</b>"}, *rows_of(1)]

    def placed(rows):
        return [("test" if at % 9 == 0 else "train", row) for at, row in enumerate(rows)]

    gone = [Rejected({"text": "x"}, "quality", "too short") for _ in range(30)]
    app.datasets.write(name, placed(rows), rejected=gone, meta={}, by=me)
    rows[0] = {**rows[0], "text": rows[0]["text"].replace("order", "parcel")}
    app.datasets.write(name, placed(rows[:-3]), meta={}, by=me)
    return name


def said(page: bytes) -> str:
    """What a reader reads."""
    body = re.sub(r"<(script|style|head)\b.*?</\1>", "", page.decode(), flags=re.DOTALL)
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", body)).split())


def first_line(page: bytes) -> str:
    found = re.search(r'class="(?:headline|sentence)">(.*?)</p>', page.decode(), re.DOTALL)
    return said(found[1].encode()) if found else ""


def test_a_list_says_what_there_is_and_leads_on(console, named) -> None:
    page = console.get("/data")
    assert page.status == 200
    assert f"{named}@2" in first_line(page.body)
    assert f'href="/data/{named}@2"' in page.body.decode()
    assert 'href="/data" data-letter="d" aria-current="page"' in page.body.decode()
    assert console.get("/data.json").json["datasets"][0]["versions"] >= 1
    assert "No dataset is called so." in said(console.get("/data?q=zzzz").body)


def test_a_profile_answers_and_each_of_its_numbers_leads_to_rows(console, named) -> None:
    page = console.get(f"/data/{named}@1")
    assert first_line(page.body).startswith("66 rows in 5 languages, half of them up to")
    assert "<script>window" not in page.body.decode()
    found = {html.unescape(one) for one in re.findall(r'href="(/data/[^"]*view=rows&[^"]*)"', page.body.decode())}  # fmt: skip
    assert len(found) > 20
    for href in sorted(found):
        answer = console.get(href)
        assert answer.status == 200, href
        assert "/data/sorok@1?view=rows&at=" in html.unescape(answer.body.decode()) or (
            "row-card" in answer.body.decode()
        ), href


def test_rows_are_found_in_any_language_and_page_by_page(console, named) -> None:
    page = console.get(f"/data/{named}@1?view=rows&q={quote('SZÁMÚ MEGRENDELÉSEM')}")
    assert first_line(page.body) == "13 rows fit."
    assert "<mark>számú megrendelésem</mark>" in page.body.decode()
    everything = console.get(f"/data/{named}@1?view=rows").body.decode()
    [following] = re.findall(r'rel="next" href="([^"]+)"', everything)
    later = console.get(html.unescape(following))
    assert "looked at rows 26 to 50 of 66" in said(later.body)
    none = said(console.get(f"/data/{named}@1?view=rows&q=zzzz").body)
    assert "No row fits, of 66 looked at." in none.replace("\u202f", " ")
    assert console.get(f"/data/{named}@1?view=rows&where=label").status == 400


def test_what_was_left_out_comes_with_its_reason(console, named) -> None:
    console.get(f"/data/{named}@1")
    page = console.get(f"/data/{named}@1?view=rejected")
    assert first_line(page.body) == "30 rows were left out; most often: quality: too short."
    assert "reason=too+short" in page.body.decode()
    assert "volano data prepare" in said(console.get(f"/data/{named}@2?view=rejected").body)


def test_two_versions_side_by_side_with_the_changed_words_marked(console, named) -> None:
    page = console.get(f"/data/diff?old={named}@1&new={named}@2")
    assert "changed" in first_line(page.body)
    assert "<del>order</del><ins>parcel</ins>" in page.body.decode()
    assert "Which two versions?" in first_line(console.get("/data/diff").body)
    assert console.get(f"/data/diff?old={named}@1&new=nix@1").status == 404


EVIL = """---
license: <script>alert(1)</script>
---
<img src=x onerror=alert(1)> [click](javascript:alert(1)) <a href="javascript:alert(1)">here</a>
<svg onload=alert(1)> ![x](javascript:alert(1)) <iframe srcdoc="<script>alert(1)</script>">
"""


def test_a_card_of_others_runs_nothing_in_a_page(console, app, tmp_path) -> None:
    folder = tmp_path / "hub"
    folder.mkdir()
    (folder / "README.md").write_text(EVIL)
    (folder / "train.jsonl").write_text(json.dumps({"text": EVIL, "label": EVIL}) + "\n")
    made = app.exchange.read("böse", folder, form="hf", by=local_principal()).value
    app.cards.edit("böse", folder / "README.md", by=local_principal())
    assert "onerror=alert" in app.cards.show(made.ref)  # it is there, for who asks for its text
    shown = 0
    for path in (f"/data/{made.ref}", f"/data/{made.ref}?view=rows", f"/data/{made.ref}?view=lineage",
                 f"/item/datasets/{made.ref}", "/data"):  # fmt: skip
        answer = console.get(path)
        assert answer.status in (200, 303), path
        page = answer.body.decode()
        shown += "onerror=alert" in html.unescape(page)
        for tag in re.findall(r"<[a-zA-Z][^>]*>", page):
            assert not re.search(r"javascript:|\son\w+=|srcdoc", tag), (path, tag)
        assert "<script>alert" not in page, path
    assert shown  # as text, at least where its rows are


LINEAGE = ("What it came from", "What came of it", "Versions")


def sections(page):
    """Return what stands below each title."""
    return dict(re.findall(r"<h2[^>]*>([^<]+)</h2>(.*?)(?=<h2|\Z)", page.body.decode(), re.DOTALL))


def test_lineage_is_a_picture_and_a_table_each_way(console, named, app) -> None:
    app.versions.branch(f"{named}@2", "ág", by=local_principal())
    app.versions.branch("ág@1", "levél", by=local_principal())
    page = console.get(f"/data/{named}@2?view=lineage")
    assert 'class="node k-dataset root"' in page.body.decode()
    assert f'href="/data/{quote("ág")}@1"' in page.body.decode()
    assert "branch of" in said(page.body)
    parts = sections(page)
    came_from, came_of, versions = (parts[one] for one in LINEAGE)
    assert "ág@1" not in said(came_from.encode())
    assert f'href="/data/{quote("ág")}@1"' in came_of
    assert came_of.index("ág@1") < came_of.index("levél@1")  # the nearest first
    assert f'href="/data/{named}@1?view=lineage"' in versions
    parts = sections(console.get("/data/levél@1?view=lineage"))
    came_from, came_of, versions = (parts[one] for one in LINEAGE)
    assert f"{named}@2" in came_from
    assert "ág@1" in came_from
    assert "Nothing is known to have come of it." in came_of
    for href in re.findall(r'href="(/[^"]+)"', came_from + versions):
        assert console.get(unquote(html.unescape(href))).status == 200, href


def test_rows_are_shown_as_the_reader_may_see_them(app, relay, named) -> None:
    """The pages want the owner's session; a key that gets as far sees what it is cleared for."""
    app.permissions.classify(named, "text", "personal", by=local_principal())
    _, text = app.keys.create("lupe", scopes=("data",), by=local_principal())
    reader = relay.with_(authorization=f"Bearer {text}")
    for path in (f"/data/{named}@1", f"/data/{named}@1?view=rows", f"/data/{named}@1?view=rejected",
                 f"/data/diff?old={named}@1&new={named}@2", f"/data/{named}@1?view=rows&at=train:0"):  # fmt: skip
        body = reader.get(path).body.decode()
        assert "megrendelésem" not in body, path
        assert "parcel" not in body, path
    assert "No row fits" in said(reader.get(f"/data/{named}@1?view=rows&q=bestellung").body)
    assert reader.get(f"/item/datasets/{named}@1").headers["location"] == f"/data/{named}@1"
    app.permissions.restrict(named, by=local_principal())
    for path in (f"/data/{named}@1", f"/data/{named}@1?view=lineage"):
        assert reader.get(path).status == 403, path
    for path in ("/data", "/data/diff"):
        assert named not in said(reader.get(path).body), path
    app.permissions.open(named, by=local_principal())
    app.permissions.classify(named, "text", "internal", by=local_principal())


@pytest.fixture(scope="module")
def address(app) -> Iterator[str]:
    with served(build(app, "local")) as found:
        yield found


@pytest.mark.parametrize("how", [(1440, "light"), (390, "dark")])
def test_axe_finds_nothing_and_nothing_overflows(address: str, named: str, how) -> None:
    if not CHROMIUM.exists():
        pytest.skip(f"no {CHROMIUM}: the pages of data were not looked at in a browser")
    sync_playwright = pytest.importorskip("playwright.sync_api").sync_playwright
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    width, scheme = how
    paths = ("/data", f"/data/{named}@1", f"/data/{named}@1?view=rows&q=bestellung",
             f"/data/{named}@1?view=rows&at=train:0,train:1", f"/data/{named}@1?view=rejected",
             f"/data/{named}@2?view=lineage", f"/data/diff?old={named}@1&new={named}@2")  # fmt: skip
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=str(CHROMIUM), args=["--headless", "--no-sandbox", "--disable-gpu"]
        )
        page = browser.new_context(
            viewport={"width": width, "height": 844}, color_scheme=scheme
        ).new_page()
        for path in paths:
            page.goto(address + path)
            wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
            assert wide <= 0, f"{path} overflows by {wide} px"
            found = axe.run(page)
            assert not found.response["violations"], f"{path}: {found.generate_report()}"
        assert page.evaluate("window.hacked") is None
        browser.close()


def test_few_lengths_make_no_tower(app, address: str) -> None:
    """Bars as wide as the page would, by their shape, be ten times as high."""
    if not CHROMIUM.exists():
        pytest.skip(f"no {CHROMIUM}: the page was not looked at in a browser")
    sync_playwright = pytest.importorskip("playwright.sync_api").sync_playwright
    app.datasets.write("kevés", [("train", {"text": "Jó napot!"})], meta={}, by=local_principal())
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=str(CHROMIUM), args=["--headless", "--no-sandbox", "--disable-gpu"]
        )
        page = browser.new_context(viewport={"width": 1300, "height": 844}).new_page()
        page.goto(f"{address}/data/{quote('kevés')}@1")
        box = page.locator(".hist").bounding_box()
        bar = page.locator(".hist svg").bounding_box()
        assert 120 <= box["height"] <= 400 and 100 <= bar["height"] <= box["height"]
        browser.close()


def test_a_reason_is_whole_on_a_phone(app, address: str) -> None:
    if not CHROMIUM.exists():
        pytest.skip(f"no {CHROMIUM}: the page was not looked at in a browser")
    sync_playwright = pytest.importorskip("playwright.sync_api").sync_playwright
    gone = Rejected({"text": "Hol a kártyám?"}, "decontaminate", "in an evaluation", "100%", None)
    app.datasets.write(
        "vizsga", [("train", {"text": "Jó napot!"})], rejected=[gone], meta={}, by=local_principal()
    )
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=str(CHROMIUM), args=["--headless", "--no-sandbox", "--disable-gpu"]
        )
        page = browser.new_context(viewport={"width": 390, "height": 844}).new_page()
        page.goto(f"{address}/data/vizsga@1")  # reasons are counted with the profile
        page.goto(f"{address}/data/vizsga@1?view=rejected")
        reason = page.locator(".reasons .count-name")
        assert "decontaminate: in an evaluation" in reason.inner_text()
        assert reason.evaluate("one => one.scrollWidth - one.clientWidth") <= 0
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
        browser.close()


def test_a_row_that_changed_tells_no_empty_columns(console, app) -> None:
    for n in (1, 2):
        row = {"text": f"{n}. sor", "hidden": {}, "tags": [], "n": n}
        app.datasets.write("üres", [("train", row)], meta={}, by=local_principal())
    shown = said(console.get(f"/data/diff?old={quote('üres')}@1&new={quote('üres')}@2").body)
    assert "n: 2" in shown
    assert "hidden:" not in shown
    assert "tags:" not in shown
