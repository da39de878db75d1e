"""The console's pages of prompts and the playground, over a real app: what is said, asked, saved; in a browser, too."""

import asyncio
import html
import itertools
import json
import re
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import pytest

from support.served import served
from volano.access.session import local_principal
from volano.evals.playground.take import Take
from volano.web.control import build

CHROMIUM = Path("/usr/bin/chromium")
HOSTILE = "<img src=x onerror=window.hacked=1><script>window.hacked=1</script>\u202eевил"
TEXTS = ("Hol van a csomagom?", "Wo ist mein Paket?", "Где моя посылка?", "我的包裹在哪里?")
ROUTER = "model/ticket-router@1"
ME = local_principal()


@pytest.fixture(scope="module")
def said_before(app) -> None:
    """A prompt of two versions with labels, a flow with it, and a dataset."""
    app.datasets.write(
        "kérdések", [("test", {"id": f"q{at}", "text": text, "label": "shipping"})
                     for at, text in enumerate(TEXTS)], meta={}, by=ME,
    )  # fmt: skip
    app.prompts.save("válasz", template="Ticket: {{input}}", why="First.", by=ME)
    app.prompts.save(
        "válasz",
        messages=[{"role": "system", "content": f"Be {{{{tone}}}}. {HOSTILE}"},
                  {"role": "user", "content": "{{input}}"}],
        variables={"tone": {"type": "choice", "choices": ["kind", "kurz"], "default": "kind",
                            "description": HOSTILE},
                   "words": {"type": "integer", "default": 20}, "input": "text"},
        settings={"max_tokens": 30}, why=f"Zu lang. {HOSTILE}", by=ME,
    )  # fmt: skip
    app.prompts.label("válasz@1", "production", by=ME)
    app.flows.compose("válasz", model="ticket-router@1", prompt="válasz@2", by=ME)


@pytest.fixture
def answers(app, monkeypatch) -> list:
    """Players answer at once, what an enemy would; who was asked what is kept."""
    asked = []

    def ask(player, sketch, values=None, *, by):
        asked.append(
            (
                player.name,
                sketch.render(values) if not player.own else sketch.words(values),
                str(by),
            )
        )
        yield from ("Здравствуйте ", HOSTILE)
        text = "shipping" if values else f"Здравствуйте {HOSTILE}"
        yield Take(player.name, "answered", text, prompt_tokens=3, completion_tokens=5, first_us=900,
                   latency_us=12_000, cost_nano=1_500_000, currency="EUR", trace="a" * 32)  # fmt: skip

    monkeypatch.setattr(app.playground._asking, "ask", ask)
    return asked


def read(page: bytes) -> str:
    body = re.sub(r"<(script|style|head)\b.*?</\1>", "", page.decode(), flags=re.DOTALL)
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", body)).split())


def first_line(page: bytes) -> str:
    found = re.search(r'<p class="(?:headline|sentence)"[^>]*>(.*?)</p>', page.decode(), re.DOTALL)
    return read(found[1].encode()) if found else ""


def form(*pairs: tuple[str, str]) -> bytes:
    return urlencode(pairs).encode()


def streamed(door, body: bytes) -> list[dict]:
    """Ask the stream as a browser that stays until the end; return its lines."""
    inner, whole = door.site, door.with_()

    async def stay(scope, receive, send):
        seen = False

        async def wait():
            nonlocal seen
            if seen:
                await asyncio.Event().wait()
            message = await receive()
            seen = not message.get("more_body")
            return message

        await inner(scope, wait, send)

    whole.site = stay
    answer = whole.post("/playground/ask", body)
    assert answer.headers["content-type"].startswith("application/x-ndjson")
    return [json.loads(line) for line in answer.body.decode().split("\n") if line]


# ---- the pages of prompts


def test_the_list_has_a_line_for_each_prompt_with_its_labels_and_why(console, said_before) -> None:
    page = console.get("/list/prompts")
    assert "válasz@2 changed last" in first_line(page.body)
    assert "production → @1" in read(page.body)
    assert "Zu lang." in read(page.body)
    assert (
        page.body.decode().count('href="/item/prompts/v%C3%A1lasz@') == 2
    )  # the line and the headline
    assert (
        "router"
        not in read(console.get("/list/prompts?q=PRODUCTION").body).split("Prompt Labels")[1]
    )


def test_a_page_says_all_of_a_version(console, said_before) -> None:
    page = console.get("/item/prompts/válasz@2")
    seen = read(page.body)
    assert first_line(page.body).startswith("2 messages, 3 variables, made just now by")
    assert '<mark class="slot">{{tone}}</mark>' in page.body.decode()
    assert "one of kind, kurz kind" in seen
    assert "Be kind." in seen
    assert "«input»" in seen
    assert "flow" in seen.partition("Who uses it")[2].partition("How good")[0]
    assert "compare" in seen
    assert "<script>window" not in page.body.decode()
    assert "U+202E" in page.body.decode()
    older = read(console.get("/item/prompts/válasz@1").body)
    assert "No flow yet." in older
    assert console.get("/item/prompts/válasz@2.json").json["item"]["messages"][1]["role"] == "user"


def test_two_versions_are_shown_word_by_word_and_as_they_are_sent(console, said_before) -> None:
    page = console.get("/prompts/diff?" + urlencode({"old": "válasz@1", "new": "válasz@2"}))
    assert first_line(page.body).startswith("2 messages changed and")
    assert "<del>Ticket: </del>{{input}}" in page.body.decode()
    assert "max_tokens" in read(page.body)
    assert "<script>window" not in page.body.decode()
    assert first_line(console.get("/prompts/diff").body) == "Which two versions?"
    assert console.get("/prompts/diff?old=none@1&new=none@2").status == 404
    same = console.get("/prompts/diff?" + urlencode({"old": "válasz@1", "new": "válasz@1"}))
    assert first_line(same.body) == "They say the same."


# ---- the playground's form


def test_an_address_fills_the_form_and_asks_nobody(console, said_before, answers) -> None:
    query = urlencode(
        [
            ("prompt", "válasz"),
            ("model", ROUTER),
            ("v.tone", "kurz"),
            ("v.input", "árvíztűrő"),
            ("do", "run"),
        ]
    )
    page = console.get(f"/playground?{query}")
    assert first_line(page.body) == "válasz@2 is ready for one model."
    assert "<option selected>kurz</option>" in page.body.decode()
    assert 'value="model/ticket-router@1" checked' in page.body.decode()
    assert "Be kurz." in read(page.body)
    assert answers == []
    assert console.get("/playground").status == 200
    assert console.get("/playground?prompt=none").status == 404


@pytest.mark.parametrize("path", ["/playground", "/playground/ask"])
def test_only_the_owners_own_pages_may_ask(path, relay, console, app, answers) -> None:
    body = form(("said", "{{input}}"), ("role", "user"), ("model", ROUTER), ("do", "run"))
    assert relay.post(path, body).status == 401
    _, text = app.keys.create("lupe", scopes=("chat:*", "read", "prompts"), by=ME)
    assert relay.with_(authorization=f"Bearer {text}").post(path, body).status == 403
    assert console.with_(sec_fetch_site="cross-site").post(path, body).status == 403
    assert console.with_(origin="https://evil.example").post(path, body).status == 403
    assert answers == []


def test_a_plain_form_gets_whole_answers_as_text(console, said_before, answers) -> None:
    body = form(("prompt", "válasz@2"), ("v.input", "你好"), ("model", ROUTER),
                ("model", "flow/válasz@1"), ("do", "run"))  # fmt: skip
    page = console.post("/playground", body)
    assert page.status == 200
    assert first_line(page.body).startswith("2 of 2 answered all the same; ")
    assert "<script>window" not in page.body.decode()
    assert "<img" not in page.body.decode()
    assert read(page.body).count("0.0015 EUR") == 2
    by_name = {name: sent for name, sent, _by in answers}
    assert by_name[ROUTER][1] == {"role": "user", "content": "你好"}
    assert by_name["flow/válasz@1"] == "你好"
    assert {by for _n, _s, by in answers} == {str(ME)}


def test_a_stream_says_what_changes_where(console, said_before, answers) -> None:
    body = form(("prompt", "válasz@1"), ("v.input", "x"), ("model", ROUTER), ("do", "run"))
    told = streamed(console, body)
    assert [one["into"] for one in told] == [
        "results",
        "headline",
        "take-0",
        "take-0",
        "take-0",
        "headline",
    ]
    assert told[3]["text"] == HOSTILE
    assert "<script>" not in told[4]["html"]
    assert "&lt;script&gt;" in told[4]["html"]


def test_rows_are_asked_of_all_and_scored(console, said_before, answers) -> None:
    body = form(("prompt", "válasz@2"), ("model", ROUTER), ("model", "flow/válasz@1"),
                ("data", "kérdések"), ("rows", "3"), ("do", "rows"))  # fmt: skip
    told = streamed(console, body)
    cells = {one["into"] for one in told if one["into"].startswith("cell-")}
    assert cells == {f"cell-{row}-{column}" for row in range(3) for column in range(2)}
    totals = [one["html"] for one in told if one["into"].startswith("total-")]
    assert len(totals) == 2
    assert "1.000 [0.439, 1.000]" in totals[0]
    assert "Too few to say who is better" in told[-1]["html"]
    page = console.post("/playground", body)
    assert TEXTS[2] in read(page.body)
    assert TEXTS[3] not in read(page.body)
    wrong = streamed(console, form(("model", ROUTER), ("data", "none"), ("do", "rows")))
    assert "none" in wrong[-1]["html"]


def test_an_empty_answer_that_scores_nothing_is_called_so(
    console, said_before, app, monkeypatch
) -> None:
    def ask(player, sketch, values=None, *, by):
        yield Take(player.name, "refused", "", latency_us=900)

    monkeypatch.setattr(app.playground._asking, "ask", ask)
    body = form(("prompt", "válasz@1"), ("model", ROUTER), ("data", "kérdések"), ("rows", "1"),
                ("do", "rows"))  # fmt: skip
    cell = next(one for one in streamed(console, body) if one["into"] == "cell-0-0")
    assert "refused" in cell["html"]
    assert "</svg>0</b>" in cell["html"]


def test_what_is_no_prompt_is_said_and_nothing_written_is_lost(
    console, said_before, answers
) -> None:
    for text, why in (
        ("{% for %} мой текст", "message 1"),
        ("", ""),
        ("{{input}} {{nem jó}}", "message 1"),
    ):
        body = form(
            ("role", "user"), ("said", text), ("model", ROUTER), ("do", "save"), ("name", "új")
        )
        page = console.post("/playground", body)
        if why:
            assert page.status == 400
            assert why in read(page.body)
        assert html.escape(text) in page.body.decode() or not text
    wrong = console.post(
        "/playground",
        form(
            ("said", "{{input}}"),
            ("role", "user"),
            ("s.temperature", "heiß"),
            ("model", ROUTER),
            ("do", "run"),
        ),
    )
    assert wrong.status == 400
    assert "heiß" in read(wrong.body)
    assert (
        console.post("/playground", form(("said", "x"), ("role", "user"), ("do", "run"))).status
        == 400
    )
    assert answers == []


def test_a_sketch_is_saved_as_a_version_with_a_why(console, app, said_before) -> None:
    body = form(("prompt", "válasz@2"), ("role", "system"), ("said", "Új {{tone}}"), ("role", "user"),
                ("said", "{{input}}"), ("s.max_tokens", "9"), ("schema", '{"type": "object"}'),
                ("name", "válasz"), ("why", "Kürzer, bitte."), ("do", "save"))  # fmt: skip
    answer = console.post("/playground", body)
    assert (answer.status, answer.headers["location"]) == (303, "/item/prompts/v%C3%A1lasz@3")
    made = app.prompts.get("válasz")
    kept = app.prompts.read(made)
    assert made.manifest.meta["why"] == "Kürzer, bitte."
    assert kept.variables["tone"].choices == ("kind", "kurz")
    assert (kept.settings, kept.schema) == ({"max_tokens": 9}, {"type": "object"})


def test_a_sketch_that_is_a_version_already_saves_nothing_and_says_so(console, app, said_before):
    same = (("prompt", "válasz@1"), ("role", "user"), ("said", "Ticket: {{input}}"))
    newer = app.prompts.get("válasz")
    saved = console.post("/playground", form(*same, ("name", "másik"), ("do", "save")))
    assert saved.status == 303
    again = console.post(
        "/playground", form(*same, ("name", "másik"), ("why", "Újra."), ("do", "save"))
    )
    assert again.status == 200
    told = "másik@1 is already that: nothing was saved. It keeps its own why."
    assert told in read(again.body)
    assert app.prompts.get("másik").number == 1
    assert app.prompts.get("válasz") == newer


def test_messages_come_and_go_without_a_script(console, answers) -> None:
    pair = (("role", "system"), ("said", "Első"), ("role", "user"), ("said", "{{input}}"))
    more = console.post("/playground", form(*pair, ("do", "add")))
    assert more.body.decode().count('name="said"') == 3
    less = console.post("/playground", form(*pair, ("do", "drop:0")))
    assert "Első" not in read(less.body)
    assert answers == []


def test_as_curl_names_the_channel_and_what_it_takes(console, said_before) -> None:
    body = form(("prompt", "válasz@2"), ("v.input", "it's"), ("model", ROUTER),
                ("model", "channel/ticket-router"), ("do", "curl"))  # fmt: skip
    seen = read(streamed(console, body)[0]["html"].encode())
    assert "volano channel open try-ticket-router --model ticket-router@1" in seen
    assert '"model": "ticket-router", "messages": [{"role": "user"' in seen
    assert "$VOLANO_KEY" in seen


def test_a_model_of_ours_really_answers_and_the_call_is_recorded(console, app, said_before) -> None:
    body = form(("prompt", "ticket-router"), ("v.input", "Hol a csomagom?"), ("model", ROUTER),
                ("model", "channel/ticket-router"), ("do", "run"))  # fmt: skip
    told = streamed(console, body)
    assert any("queue" in one.get("html", "") for one in told if one["into"] == "take-0")
    assert any(
        "volano is not up here" in one.get("html", "") for one in told if one["into"] == "take-1"
    )
    app.finish(None)
    [trace] = [one for one in app.traces.list(limit=5) if one.tags.get("playground")]
    assert (trace.tags["playground"], trace.replayed) == ("ticket-router@1", True)
    assert "Hol a csomagom?" in trace.input_text
    assert trace.completion_tokens


# ---- a real browser


@pytest.fixture(scope="module")
def address(app, said_before) -> Iterator[str]:
    with served(build(app, "local")) as found:
        yield found


@pytest.fixture(scope="module")
def chromium() -> Iterator:
    if not CHROMIUM.exists():
        pytest.skip(f"no {CHROMIUM}: the playground was not looked at in a browser")
    sync_playwright = pytest.importorskip("playwright.sync_api").sync_playwright
    with sync_playwright() as playwright:
        yield playwright.chromium.launch(
            executable_path=str(CHROMIUM), args=["--headless", "--no-sandbox", "--disable-gpu"]
        )


@pytest.fixture
def tab(chromium) -> Iterator:
    context = chromium.new_context(viewport={"width": 1440, "height": 900})
    page = context.new_page()
    page.complaints = []
    page.on("pageerror", lambda error: page.complaints.append(str(error)))
    yield page
    assert page.complaints == []
    assert page.evaluate("window.hacked") is None
    context.close()


PLAY = "/playground?" + urlencode(
    [("prompt", "válasz@2"), ("model", ROUTER), ("model", "flow/válasz@1"), ("v.input", TEXTS[0])]
)
"""The playground with two players."""


def _well(page, axe, what: str) -> None:
    for width, scheme in itertools.product((390, 1440), ("light", "dark")):
        page.set_viewport_size({"width": width, "height": 900})
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        seen = f"{what}, {scheme}, {width} px wide"
        wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert wide <= 0, f"{seen} overflows by {wide} px"
        found = axe.run(page)
        assert not found.response["violations"], f"{seen}: {found.generate_report()}"


def test_axe_finds_nothing_and_nothing_overflows(tab, address, answers) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    for path in ("/list/prompts", "/item/prompts/válasz@2", "/prompts/diff?old=válasz@1&new=válasz@2",
                 "/prompts/diff", "/playground", PLAY):  # fmt: skip
        tab.goto(address + path)
        tab.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
        _well(tab, axe, path)
    for button in ("run", "rows", "curl"):
        tab.fill("[name=data]", "kérdések")
        tab.click(f"button[value={button}]:not([hidden])")
        tab.locator("#results[aria-busy=false]").wait_for()
        _well(tab, axe, button)


@pytest.mark.parametrize("width", [390, 1440])
def test_what_is_wrong_is_said_where_it_is_seen_beside_a_small_sign(
    tab, address, answers, width
) -> None:
    tab.set_viewport_size({"width": width, "height": 900})
    tab.goto(address + PLAY)
    tab.fill("[name=data]", "nincs-ilyen")
    tab.click("button[value=rows]")
    line = tab.locator("#headline .wrong-line")
    line.wait_for()
    tab.locator("#results[aria-busy=false]").wait_for()
    box = line.bounding_box()
    assert box["y"] >= 0
    assert box["y"] + box["height"] <= 900
    assert line.locator("svg").bounding_box()["height"] < 40


def test_ctrl_enter_runs_and_the_address_remembers(tab, address, answers) -> None:
    tab.goto(address + PLAY)
    tab.fill('[name="v.input"]', TEXTS[1])
    tab.keyboard.press("Control+Enter")
    tab.get_by_text("2 of 2 answered").wait_for()
    assert tab.locator(".take .said").count() == 2
    assert "Wo+ist+mein+Paket" in tab.url
    assert "said=" not in tab.url
    tab.fill("[name=said] >> nth=1", "Frage: {{input}}")
    tab.keyboard.press("Control+Enter")
    tab.wait_for_url("**said=Frage**")
    tab.reload()
    assert tab.input_value("[name=said] >> nth=1") == "Frage: {{input}}"


def test_a_name_becomes_a_field_while_it_is_written(tab, address) -> None:
    tab.goto(f"{address}/playground")
    tab.fill("#said-0", "Légy {{ tone }}: {{ input }}")
    tab.fill("[name='v.tone']", "kedves")  # the field is there, and nobody was asked
    tab.fill("[name='v.input']", "我的包裹")
    tab.locator("#sent", has_text="Légy kedves: 我的包裹").wait_for()
    tab.fill("#said-0", "Légy {{ tone }}: {{ input }} {{ za")
    tab.locator("#sent", has_text="message 1, line 1").wait_for()
    tab.fill("#said-0", "Légy {{ tone }}: {{ input }} {{ заказ }}")
    tab.locator("[name='v.заказ']").wait_for()
    assert tab.input_value("[name='v.tone']") == "kedves"
    assert tab.evaluate("document.activeElement.id") == "said-0"


def test_stop_hangs_up_and_keeps_what_came(tab, address, app, monkeypatch) -> None:
    going, ended = threading.Event(), threading.Event()

    def ask(player, sketch, values=None, *, by):
        try:
            for n in itertools.count():
                going.set()
                yield f"слово{n} "
                time.sleep(0.01)
        finally:
            ended.set()

    monkeypatch.setattr(app.playground._asking, "ask", ask)
    tab.goto(address + PLAY)
    tab.click("button[value=run]:not([hidden])")
    tab.get_by_text("слово3").first.wait_for()
    tab.click("[data-stop]")
    tab.get_by_text("Stopped.").wait_for()
    assert "слово3" in tab.locator("#take-0").inner_text()
    assert ended.wait(60)


def test_without_scripts_the_form_asks_for_a_page(chromium, address, answers) -> None:
    context = chromium.new_context(
        java_script_enabled=False, viewport={"width": 390, "height": 900}
    )
    page = context.new_page()
    page.goto(address + PLAY)
    page.fill("input[name=data]", "kérdések")
    page.press("input[name=data]", "Enter")
    assert page.locator(".take .said").count() == 2
    page.click("button[value=rows]")
    assert page.locator(".grid-of-takes .score").count() == 8
    page.locator("summary", has_text="Save as a version").click()
    page.fill("[name=name]", "másik")
    page.fill("[name=why]", "Ohne Skript.")
    page.get_by_role("button", name="Save", exact=True).click()
    assert page.get_by_text("Ohne Skript.").first.is_visible()
    context.close()
