"""Frames of pages go: what stands on page after page, menus, notices; texts stay."""

import pytest

from support.stepping import FIVE, run
from volano.data import notices
from volano.data.errors import BadStepError
from volano.data.steps import boilerplate
from volano.data.steps.boilerplate import Boilerplate, source_of


def pages(host, count, frame):
    return [
        {"text": f"{frame}\n\nOldal {at}: {list(FIVE.values())[at % 5]} ({at})\n{frame}", "origin": {"url": f"https://{host}/{at}"}}
        for at in range(count)
    ]  # fmt: skip


@pytest.mark.parametrize(
    "frame", ["Bank Példa Zrt. 1234 Budapest", "Пример Банк, Москва", "示例银行股份有限公司"]
)
@pytest.mark.parametrize("shards", [1, 3])
def test_a_line_on_many_pages_of_a_host_goes(tmp_path, frame, shards):
    ran = run(Boilerplate(), pages("a.example", 10, frame), shards=shards, folder=tmp_path)
    assert len(ran) == 10
    assert all(frame not in row["text"] for row in ran)
    assert ran[0]["text"].startswith("Oldal 0: Kedves")
    assert ran.changed == {"repeated line": 10}


def test_few_pages_or_another_host_prove_nothing(tmp_path):
    rows = pages("a.example", 4, "Frame") + pages("b.example", 4, "Frame")
    ran = run(Boilerplate(), [dict(row) for row in rows], shards=2, folder=tmp_path)
    assert ran == rows


def test_a_line_that_is_rare_for_its_source_stays(tmp_path):
    rows = [{"text": f"{'Yes.' if at < 6 else at}\nrow {at}"} for at in range(100)]
    assert run(Boilerplate(least=5, share=0.2), rows, folder=tmp_path).changed == {}


def test_a_text_of_one_line_stays(tmp_path):
    assert len(run(Boilerplate(), ["OK"] * 20, folder=tmp_path)) == 20


def test_a_page_that_was_only_frame_is_dropped_and_says_so(tmp_path):
    rows = [
        *pages("a.example", 10, "A\nB"),
        {"text": "A\nB", "origin": {"url": "https://a.example/x"}},
    ]
    ran = run(Boilerplate(), rows, folder=tmp_path)
    assert ran.dropped == {"nothing but boilerplate": 1}


@pytest.mark.parametrize(
    "line",
    ["Home | About us | Contact", "Startseite › Suche › Kontakt", "Főoldal / Keresés / Belépés", "Главная • Поиск • Войти",
     "首页 | 登录 | 注册", "We use cookies to make this better.", "Diese Website verwendet Cookies.", "Oldalunk sütiket használ.",
     "Мы используем файлы cookie.", "本网站使用cookie改善体验。"],
)  # fmt: skip
def test_menus_and_notices_go_by_their_words(tmp_path, line):
    [row] = run(Boilerplate(), [f"{line}\nMaga a szöveg.\nTöbb is."], folder=tmp_path / "a")
    assert row["text"] == "Maga a szöveg.\nTöbb is."
    [row] = run(Boilerplate(notices=False), [f"{line}\nx"], folder=tmp_path / "b")
    assert row["text"] == f"{line}\nx"


@pytest.mark.parametrize(
    "line", [*FIVE.values(), "Help", "Contact", "Next: home baking", "Kapcsolat: péntekig"]
)
def test_text_is_no_menu(line):
    assert not notices.is_navigation(line)
    assert not notices.is_cookie_notice(line)


@pytest.mark.parametrize(
    ("origin", "source"),
    [({"url": "https://a.b/c?d"}, "a.b"), ({"source": "wiki", "path": "x/y"}, "wiki"),
        ({"source": "https://a.b:80/c", "line": 1}, "a.b"),
        ({"source": "docs/a.html"}, "docs"), ({"path": "/x/y.html", "line": 3}, "/x"),
     ({"file": "y.csv"}, ""), ({"url": "http://["}, "http://["), (None, ""), ("text", "")],
)  # fmt: skip
def test_what_shares_a_frame(origin, source):
    assert source_of({"origin": origin}) == source


def test_a_column_can_say_what_shares_a_frame(tmp_path):
    rows = [{"text": f"F\n{at}", "site": "s" if at < 9 else f"t{at}"} for at in range(12)]
    ran = run(Boilerplate(by="site"), rows, folder=tmp_path)
    assert sum(row["text"].startswith("F") for row in ran) == 3


def test_memory_is_bounded_by_files(tmp_path, monkeypatch):
    monkeypatch.setattr(boilerplate, "MOST_LINES_HELD", 3)
    ran = run(Boilerplate(), pages("a.example", 10, "Frame"), shards=2, folder=tmp_path)
    assert all("Frame" not in row["text"] for row in ran)


@pytest.mark.parametrize("settings", [{"least": 1}, {"share": 2}, {"column": ""}])
def test_bad_settings_are_refused(settings):
    with pytest.raises(BadStepError):
        Boilerplate(**settings)
