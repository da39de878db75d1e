"""A recipe asks servers only for what has changed, also where it reads everything each time."""

import os

import pytest

from volano.data.recipe.cache import Cache
from volano.data.recipe.engine import Engine, Input
from volano.data.sources.keeper import Sources
from volano.data.sources.source import Around

PAGE = "<html><head><title>{0}</title></head><body><p>{0} steht auf dieser Seite.</p></body></html>"


@pytest.fixture
def prepare(tmp_path):
    """Prepare a source, an hour later each time."""
    hours = iter(range(100))

    def run(spec, append=False):
        now_us = 1_790_000_000_000_000 + next(hours) * 3_600_000_000
        around = Around(now_us=lambda: now_us, sleep=lambda _: None)

        def opened(state=None):
            given = {"allow_private": True, "rate": "1000/s", **spec}
            return Sources(around).open(given, state=state)

        engine = Engine(Cache(tmp_path / "cache"))
        made = engine.run([Input("pages", opened, append=append)], [])
        return list(engine.rows(made)), made

    run.cache = Cache(tmp_path / "cache")
    return run


def bodies(site):
    """Return how many questions had no condition: those whose bodies were sent."""
    return [path for path, lines in site.asked
            if path != "/robots.txt" and not {"if-none-match", "if-modified-since"} & lines.keys()]  # fmt: skip


def test_what_has_not_changed_is_not_sent_again_and_gives_the_same_rows(site, prepare):
    for name in ("a", "b"):
        site.put(f"/{name}", PAGE.format(name), ETag=f'"{name}1"')
    spec = {"url": [f"{site.url}/a", f"{site.url}/b"]}
    first, made = prepare(spec)
    assert sorted(bodies(site)) == ["/a", "/b"]
    again, same = prepare(spec)
    assert (again, same.content) == (first, made.content)
    assert len(again) == 2
    assert sorted(bodies(site)) == ["/a", "/b"]
    assert len(site.paths()) == 4
    site.put("/b", PAGE.format("neu"), ETag='"b2"')
    third, other = prepare(spec)
    assert [row["title"] for row in third] == ["a", "neu"]
    assert third[0] == first[0]
    assert third[1]["origin"]["fetched"] > first[1]["origin"]["fetched"]
    assert other.content != made.content
    assert prepare(spec)[1].content == other.content


def test_a_server_without_etags_sends_again_but_equal_pages_make_equal_rows(site, prepare):
    site.put("/a", PAGE.format("a"))
    spec = {"url": f"{site.url}/a"}
    _, made = prepare(spec)
    assert prepare(spec)[1].content == made.content
    assert bodies(site) == ["/a", "/a"]


@pytest.mark.parametrize("harm", ["changed", "gone", "cut"])
def test_a_kept_body_that_is_not_what_was_fetched_is_asked_for_anew(site, prepare, harm):
    site.put("/a", PAGE.format("a"), ETag='"1"')
    spec = {"url": f"{site.url}/a"}
    first, _ = prepare(spec)
    [body] = prepare.cache.answers.rglob("*.body")
    if harm == "gone":
        body.unlink()
    elif harm == "cut":
        os.truncate(body, 20)
    else:
        body.write_text(PAGE.format("b"))
    again, _ = prepare(spec)
    assert [row["text"] for row in again] == [row["text"] for row in first]
    assert bodies(site) == ["/a", "/a"]
    assert len(prepare(spec)[0]) == 1
    assert bodies(site) == ["/a", "/a"]


def test_a_page_that_is_gone_or_forbidden_gives_nothing_though_it_was_kept(site, prepare):
    site.put("/a", PAGE.format("a"), ETag='"1"')
    spec = {"url": f"{site.url}/a"}
    prepare(spec)
    site.put("/robots.txt", "User-agent: *\nDisallow: /\n", "text/plain")
    rows, made = prepare(spec)
    assert (rows, made.counts()["rejected"]) == ([], 1)
    del site.pages["/robots.txt"], site.pages["/a"]
    assert prepare(spec)[0] == []


def test_with_append_each_page_comes_once(site, prepare):
    site.put("/a", PAGE.format("a"), ETag='"1"')
    spec = {"url": f"{site.url}/a"}
    assert len(prepare(spec, append=True)[0]) == 1
    assert len(prepare(spec, append=True)[0]) == 1
    site.put("/a", PAGE.format("neu"), ETag='"2"')
    assert [row["title"] for row in prepare(spec, append=True)[0]] == ["a", "neu"]


def test_the_cache_keeps_the_answers_in_use_and_sweeps_the_others(site, prepare):
    site.put("/a", PAGE.format("a"), ETag='"1"')
    spec = {"url": f"{site.url}/a"}
    prepare(spec)
    site.put("/a", PAGE.format("neu"), ETag='"2"')
    prepare(spec)
    cache = prepare.cache
    assert len(list(cache.answers.rglob("*.body"))) == 2
    cache.tidy()
    assert len(list(cache.answers.rglob("*.body"))) == 1
    asked = len(bodies(site))
    assert [row["title"] for row in prepare(spec)[0]] == ["neu"]
    assert len(bodies(site)) == asked
    cache.tidy(max_bytes=0)
    assert [one for one in cache.answers.rglob("*") if one.is_file()] == []
    prepare(spec)
    cache.clear()
    assert not cache.answers.exists()
