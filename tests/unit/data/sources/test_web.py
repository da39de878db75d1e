import gzip
import json
import socket
import threading
import time
from contextlib import suppress

import pytest

from volano.data.errors import BadSourceError
from volano.data.sources import open_source
from volano.data.sources.fetch import Fetcher, FetchError, seconds_between
from volano.data.sources.keeper import Sources
from volano.data.sources.limits import Limits
from volano.data.sources.source import Around

PAGE = "<html lang=de><head><title>{0}</title></head><body><p>{0} steht auf dieser Seite.</p></body></html>"


class Clock:
    def __init__(self):
        self.waits = []

    def sleep(self, seconds):
        self.waits.append(round(seconds, 3))


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def read(clock):
    def run(spec, state=None):
        around = Around(now_us=lambda: 1_790_000_000_000_000, sleep=clock.sleep)
        source = Sources(around).open(
            {"allow_private": True, "rate": "1000/s", **spec}, state=state
        )
        aside = []
        return list(source.rows(aside.append)), aside, source

    return run


def test_a_page_with_its_title_and_where_and_when_it_was_fetched(site, read):
    site.put("/faq", PAGE.format("Grüße"), ETag='"1"', **{"Last-Modified": "Mon, 01 Jan 2026"})
    rows, aside, _ = read({"url": f"{site.url}/faq"})
    assert aside == []
    assert rows[0]["title"] == "Grüße"
    assert rows[0]["lang"] == "de"
    origin = rows[0]["origin"]
    assert origin["source"] == f"{site.url}/faq"
    assert (origin["etag"], origin["fetched"]) == ('"1"', "2026-09-21T14:13:20+00:00")
    assert len(origin["sha256"]) == 64


def test_the_content_type_or_the_name_tells_the_format(site, read):
    site.put("/a", '{"text": "eins"}\n', "application/x-ndjson")
    site.put("/b.csv", "text,n\nzwei,1\n", "text/plain; charset=utf-8")
    site.put("/c.jsonl.gz", gzip.compress(b'{"text": "drei"}\n'), "application/octet-stream")
    site.put("/d", "vier ő".encode("iso-8859-2"), "text/plain; charset=iso-8859-2")
    site.put("/e", "?", "image/png")
    body = gzip.compress(b'[{"text": "sechs"}]')
    site.put("/f", body, "application/json", **{"Content-Encoding": "gzip"})
    site.put("/g", b"x", "text/plain", **{"Content-Encoding": "br"})
    rows, aside, _ = read({"url": [f"{site.url}/{name}" for name in "abcdefg".replace("b", "B")]})
    assert [row["text"] for row in rows] == ["eins", "vier ő", "sechs"]
    rows, aside, _ = read(
        {"url": [f"{site.url}/{n}" for n in ("a", "b.csv", "c.jsonl.gz", "d", "e", "f", "g")]}
    )
    assert [row["text"] for row in rows] == ["eins", "zwei", "drei", "vier ő", "sechs"]
    assert [one.reason for one in aside] == ["unknown format", "cannot be fetched"]


def test_only_what_changed_is_read_again(site, read):
    site.put("/a", PAGE.format("A"), ETag='"1"')
    site.put("/b", PAGE.format("B"))
    spec = {"url": [f"{site.url}/a", f"{site.url}/b"]}
    rows, _, source = read(spec)
    assert len(rows) == 2
    state = json.loads(json.dumps(source.state()))
    assert state["complete"] is True
    rows, _, source = read(spec, state)
    assert rows == []
    assert site.asked[-1][0] == "/b"
    assert any(headers.get("if-none-match") == '"1"' for _, headers in site.asked)
    site.put("/a", PAGE.format("Neu"), ETag='"2"')
    rows, _, _ = read(spec, source.state())
    assert [row["title"] for row in rows] == ["Neu"]


def test_a_run_that_was_broken_off_goes_on_where_it_was(site):
    for name in "abc":
        site.put(f"/{name}", PAGE.format(name))
    spec = {"url": [f"{site.url}/{n}" for n in "abc"], "allow_private": True, "rate": "1000/s"}
    source = open_source(spec)
    rows = source.rows(print)
    next(rows)
    next(rows)
    state = source.state()
    rows.close()
    assert state["complete"] is False
    assert list(state["urls"]) == [f"{site.url}/a"]
    rest = open_source(spec, state=state)
    assert [row["title"] for row in rest.rows(print)] == ["b", "c"]
    assert rest.state()["complete"] is True


def test_robots_are_heeded_and_read_once(site, read, clock):
    site.put("/robots.txt", "User-agent: *\nDisallow: /private\nCrawl-delay: 7\n", "text/plain")
    for name in ("a", "b", "private/c"):
        site.put(f"/{name}", PAGE.format(name))
    rows, aside, _ = read({"url": [f"{site.url}/{n}" for n in ("a", "private/c", "b")]})
    assert [row["title"] for row in rows] == ["a", "b"]
    assert [one.reason for one in aside] == ["forbidden by robots.txt"]
    assert site.paths() == ["/a", "/b"]
    assert len([path for path, _ in site.asked if path == "/robots.txt"]) == 1
    assert 6.5 < max(clock.waits) <= 7
    rows, aside, _ = read({"url": f"{site.url}/private/c", "robots": False})
    assert len(rows) == 1


def test_robots_that_cannot_be_had_forbid_all(site, read):
    site.put("/robots.txt", "", "text/plain", status=500)
    site.put("/a", PAGE.format("a"))
    rows, aside, _ = read({"url": f"{site.url}/a"})
    assert rows == []
    assert aside[0].reason == "forbidden by robots.txt"


def test_failures_are_set_aside_and_busy_servers_asked_again(site, read, clock):
    site.put("/busy", "", status=503, **{"Retry-After": "3"})
    site.put("/round", "", status=302, Location="/round")
    site.put("/moved", "", status=301, Location="/a")
    site.put("/a", PAGE.format("a"))
    names = ("busy", "gone", "round", "moved")
    rows, aside, _ = read({"url": [f"{site.url}/{name}" for name in names]})
    assert rows[0]["origin"]["redirected"] == f"{site.url}/a"
    assert [one.detail for one in aside] == ["status 503", "status 404", "more than 5 redirects"]
    assert clock.waits.count(3.0) == 2


def test_an_answer_over_the_limit_is_not_kept(site, read):
    site.put("/a", b"x" * 5000, "text/plain")
    rows, aside, _ = read({"url": f"{site.url}/a", "limits": {"download": 4000}})
    assert rows == []
    assert aside[0].reason == "too large"


INTERIM = b"HTTP/1.1 103 Early Hints\r\n\r\n"
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\n"


@pytest.mark.parametrize(
    ("begin", "drip"),
    [
        (b"", INTERIM),
        (b"HTTP/1.1 200 OK\r\nx: ", b"x"),
        (HEAD + b"content-length: 1000\r\n\r\n", b"x"),
        (HEAD + b"\r\n", b"x"),
        (HEAD + b"transfer-encoding: chunked\r\n\r\n5;", b"x"),
    ],
    ids=["interim answers", "a header", "a body", "a body without a length", "no chunk at all"],
)
@pytest.mark.parametrize("robots", [True, False], ids=["robots", "page"])
def test_a_server_that_drips_is_cut_off(begin, drip, robots):
    over = threading.Event()

    def serve():
        while not over.is_set():
            try:
                client, _ = server.accept()
            except OSError:
                return
            with client, suppress(OSError):
                client.recv(65536)
                client.sendall(begin)
                while not over.wait(0.02):
                    client.sendall(drip)

    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.2)
        thread = threading.Thread(target=serve)
        thread.start()
        url = f"http://127.0.0.1:{server.getsockname()[1]}/"
        fetcher = Fetcher(Limits(), 0, allow_private=True, robots=robots, patience_s=0.5)
        began = time.monotonic()
        try:
            with pytest.raises(FetchError) as error, fetcher.get(url):
                pass
        finally:
            over.set()
            thread.join()
            fetcher.close()
    assert time.monotonic() - began < 10
    told = (error.value.reason, error.value.detail)
    if told != ("forbidden by robots.txt", ""):  # its rules cannot be had
        assert told[0] == "cannot be fetched"
        assert "seconds" in told[1]
    assert "volano-patience" not in [one.name for one in threading.enumerate()]


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "10.0.0.8", "169.254.169.254", "192.168.1.1", "::1", "::ffff:127.0.0.1", "0.0.0.0", "fd00::1", "224.0.0.1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::7f00:1", "::127.0.0.1", "::ffff:0:127.0.0.1", "fec0::1", "2002:7f00:1::"],
)  # fmt: skip
def test_private_addresses_are_refused_also_behind_a_public_name(address):
    asked = []

    def resolve(host, port):
        asked.append(host)
        return ["93.184.216.34", address]

    fetcher = Fetcher(Limits(), robots=False, resolve=resolve, sleep=asked.append)
    with pytest.raises(FetchError) as caught, fetcher.get("http://public.example/a"):
        pass
    assert caught.value.reason == "private address"
    assert asked == ["public.example"]


def test_a_redirect_to_a_private_address_is_refused(site):
    site.put("/a", "", status=302, Location="http://localhost:1/secret")
    addresses = {"127.0.0.1": ["127.0.0.1"], "localhost": ["127.0.0.1"]}
    fetcher = Fetcher(Limits(), robots=False, each_s=0.0, resolve=lambda h, _: addresses[h])
    with pytest.raises(FetchError) as caught, fetcher.get(f"{site.url}/a"):
        pass
    assert caught.value.reason == "private address"
    assert site.asked == []


def test_the_connection_goes_to_the_address_that_was_looked_at(site):
    site.put("/a", "x", "text/plain")
    fetcher = Fetcher(
        Limits(), robots=False, allow_private=True, resolve=lambda _host, _port: ["127.0.0.1"]
    )
    with fetcher.get(f"http://no.such.name.example:{site.server_port}/a") as page:
        assert page.path.read_bytes() == b"x"
    assert site.asked[0][1]["host"] == f"no.such.name.example:{site.server_port}"


def test_without_leave_the_local_server_is_not_asked(site, read):
    site.put("/a", PAGE.format("a"))
    rows, aside, _ = read({"url": f"{site.url}/a", "allow_private": False})
    assert (rows, aside[0].reason, site.asked) == ([], "private address", [])
    assert aside[0].detail == "127.0.0.1; `allow_private: true` lets your own network in"


@pytest.mark.parametrize(
    "spec",
    [
        {"url": "ftp://example.org/a"}, {"url": "https://u:p@example.org/"}, {"url": "/etc/passwd"},
        {"url": "https://example.org", "rate": "fast"}, {"url": "https://example.org", "rate": "0/s"},
        {"url": []}, {"sitemap": "file:///etc/passwd"}, {"url": "https://example.org", "retries": 1},
    ],
)  # fmt: skip
def test_specs_that_cannot_be(spec):
    with pytest.raises(BadSourceError) as caught:
        open_source(spec)
    assert "u:p" not in str(caught.value.message)


def test_rates():
    assert seconds_between("2/s") == 0.5
    assert seconds_between("30/m") == 2.0


MAP = '<?xml version="1.0"?><urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">{}</urlset>'


def test_a_sitemap_with_others_in_it(site, read):
    index = '<sitemapindex xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">{}</sitemapindex>'
    maps = [f"<sitemap><loc>{site.url}/{n}.xml</loc></sitemap>" for n in ("one", "two")]
    site.put("/sitemap.xml", index.format("".join(maps)), "application/xml")
    pages = ["/faq/a", "/faq/b", "/blog/c", "/faq/a"]
    listed = "".join(
        f"<url><loc> {site.url}{page} </loc><lastmod>x</lastmod></url>" for page in pages
    )
    site.put("/one.xml", MAP.format(listed), "application/xml")
    other = MAP.format("<url><loc>http://elsewhere.example/x</loc></url>")
    site.put("/two.xml", gzip.compress(other.encode()), "application/gzip")
    for page in pages:
        site.put(page, PAGE.format(page))
    rows, aside, source = read({"sitemap": f"{site.url}/sitemap.xml"})
    assert [row["title"] for row in rows] == ["/faq/a", "/faq/b", "/blog/c"]
    assert [one.reason for one in aside] == ["another host"]
    again, _, _ = read({"sitemap": f"{site.url}/sitemap.xml"}, source.state())
    assert again == []
    rows, _, _ = read({"sitemap": f"{site.url}/sitemap.xml", "include": "/faq/*", "most": 1})
    assert [row["title"] for row in rows] == ["/faq/a"]


def test_a_sitemap_with_entities_or_without_end_is_set_aside(site, read):
    bomb = '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]>' + MAP.format("&b;")
    site.put("/a.xml", bomb, "application/xml")
    site.put("/b.xml", "<urlset><url><loc>", "application/xml")
    loop = f"<sitemapindex><sitemap><loc>{site.url}/c.xml</loc></sitemap></sitemapindex>"
    site.put("/c.xml", loop, "application/xml")
    for name, reason in (("a", "broken file"), ("b", "broken file"), ("c", "nested too deeply")):
        rows, aside, _ = read({"sitemap": f"{site.url}/{name}.xml"})
        assert rows == []
        assert [one.reason for one in aside] == [reason]


def test_a_key_comes_from_the_environment_and_stands_in_no_row_and_no_state(
    site, read, monkeypatch
):
    monkeypatch.setenv("FEED_KEY", "titok-1")
    site.put("/a?page=2&key=titok-1", PAGE.format("A"), ETag='"1"')
    spec = {"url": f"{site.url}/a?page=2&key=${{FEED_KEY}}"}
    rows, aside, source = read(spec)
    assert aside == []
    assert rows[0]["origin"]["source"] == spec["url"]
    assert "redirected" not in rows[0]["origin"]
    state = json.dumps(source.state())
    assert "titok-1" not in json.dumps(rows) + state
    monkeypatch.setenv("FEED_KEY", "titok-2")  # another key, the same page
    site.put("/a?page=2&key=titok-2", PAGE.format("A"), ETag='"1"')
    rows, aside, _ = read(spec, json.loads(state))
    assert (rows, aside) == ([], [])
    path, headers = site.asked[-1]
    assert (path, headers.get("if-none-match")) == ("/a?page=2&key=titok-2", '"1"')


def test_a_new_key_changes_no_row_and_no_key_is_kept_with_the_answers(
    site, read, monkeypatch, tmp_path
):
    found = []
    for key in ("titok-1", "titok-2"):
        monkeypatch.setenv("FEED_KEY", key)
        site.put(f"/a?key={key}", PAGE.format("A"), ETag='"1"')
        source = open_source(
            {"url": f"{site.url}/a?key=${{FEED_KEY}}", "allow_private": True, "rate": "1000/s"}
        )
        source.keep_in(tmp_path)
        found.append(list(source.rows(print)))
    assert found[0] == found[1] != []
    kept = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert kept
    assert b"titok" not in kept


def test_a_key_in_a_path_or_under_another_name_is_told_nowhere(site, read, monkeypatch, tmp_path):
    monkeypatch.setenv("TOKEN", "tit/ok é1")
    moved = "/tit/ok%20%C3%A91/a.jsonl?k=tit%2Fok+%c3%a91&v=2"
    site.put(moved, '{"text": "a"}', "text/plain")
    site.put("/tit/ok%20%C3%A91/rows?code=tit/ok%20%C3%A91", "", status=302, Location=moved)
    source = open_source(
        {"url": f"{site.url}/${{TOKEN}}/rows?code=${{TOKEN}}", "allow_private": True, "rate": "1000/s"}
    )  # fmt: skip
    source.keep_in(tmp_path)
    (row,) = source.rows(print)
    assert row["origin"]["redirected"] == f"{site.url}/${{TOKEN}}/a.jsonl?k=${{TOKEN}}&v=2"
    kept = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert kept
    assert not any(b"ok%20" in one or b"k=tit" in one for one in (kept, json.dumps(row).encode()))


def test_an_answer_that_was_kept_with_a_signature_is_told_and_kept_without(site, tmp_path):
    signed = f"{site.url}/b?sig=titok&v=7"
    spec = {"url": f"{site.url}/a", "allow_private": True, "rate": "1000/s"}
    site.put("/a", "", status=302, Location=signed)
    site.put("/b?sig=titok&v=7", PAGE.format("B"), ETag='"1"')

    def rows():
        source = open_source(spec)
        source.keep_in(tmp_path)
        return list(source.rows(print))

    first = rows()
    (told,) = tmp_path.rglob("*.json")
    told.write_text(told.read_text().replace(f"{site.url}/b?sig=***&v=7", signed))
    assert "titok" in told.read_text()
    assert rows() == first
    assert first[0]["origin"]["redirected"] == f"{site.url}/b?sig=***&v=7"
    assert "titok" not in told.read_text()


def test_a_whole_address_is_told_by_its_variable_also_where_it_moved(site, read, monkeypatch):
    monkeypatch.setenv("FEED", f"{site.url}/titok/a")
    site.put("/titok/a", "", status=302, Location="/titok/b.jsonl?code=titok")
    site.put("/titok/b.jsonl?code=titok", '{"text": "a"}', "text/plain")
    rows, aside, source = read({"url": "${FEED}"})
    assert aside == []
    assert rows[0]["origin"]["source"] == "${FEED}"
    assert "titok" not in json.dumps([rows, source.state()])


def test_a_sitemap_whose_pages_repeat_its_key_tells_them_without(site, read, monkeypatch):
    monkeypatch.setenv("FEED_KEY", "titok-titok")
    monkeypatch.setenv("IN", "en")
    pages = "".join(
        f"<url><loc>{site.url}{path}</loc></url>" for path in ("/titok-titok/en/agenda",)
    )
    site.put("/titok-titok/en/map", f"<urlset>{pages}</urlset>", "application/xml")
    site.put("/titok-titok/en/agenda", PAGE.format("A"))
    rows, _, _ = read({"sitemap": f"{site.url}/${{FEED_KEY}}/${{IN}}/map"})
    assert [row["origin"]["source"] for row in rows] == [f"{site.url}/${{FEED_KEY}}/${{IN}}/agenda"]


def test_a_variable_may_be_the_whole_address(site, read, monkeypatch):
    monkeypatch.setenv("FEED", f"{site.url}/a?sig=titok&page=2")
    site.put("/a?sig=titok&page=2", PAGE.format("A"))
    rows, _, source = read({"url": "${FEED}"})
    assert rows[0]["origin"]["source"] == "${FEED}"
    assert "redirected" not in rows[0]["origin"]
    assert "titok" not in json.dumps([rows, source.state()])
    monkeypatch.delenv("FEED")
    with pytest.raises(BadSourceError, match="`FEED` of the address is not set") as refused:
        read({"url": "${FEED}"})
    assert "Set `FEED`" in refused.value.advice


def test_where_a_page_moved_to_is_told_without_what_signs_it(site, read):
    signed = "/b?X-Amz-Signature=titok&versionId=7"
    site.put("/a", "", status=302, Location=signed)
    site.put(signed, PAGE.format("B"))
    site.put("/c", "", status=302, Location="http://anna:titok@127.0.0.1/")
    rows, aside, _ = read({"url": [f"{site.url}/a", f"{site.url}/c"]})
    assert rows[0]["origin"]["redirected"] == f"{site.url}/b?X-Amz-Signature=***&versionId=7"
    assert [one.row["origin"]["source"] for one in aside] == [f"{site.url}/c"]
    assert "titok" not in json.dumps(rows) + str(aside)


def test_a_sitemap_cannot_ask_for_variables(site, read, monkeypatch):
    monkeypatch.setenv("FEED_KEY", "titok")
    listed = ["/a?v=${FEED_KEY}", "/b?token=t1&amp;page=2"]
    places = "".join(f"<url><loc>{site.url}{path}</loc></url>" for path in listed)
    places += "<url><loc>http://anna:titok@elsewhere/</loc></url>"
    site.put("/map?key=titok", f"<urlset>{places}</urlset>", "application/xml")
    site.put("/b?token=t1&page=2", PAGE.format("B"))
    rows, aside, _ = read({"sitemap": f"{site.url}/map?key=${{FEED_KEY}}"})
    assert [row["origin"]["source"] for row in rows] == [f"{site.url}/b?token=***&page=2"]
    told = [one.row["origin"]["source"] for one in aside]
    assert told == [f"{site.url}/a?v=${{FEED_KEY}}", "http://elsewhere/"]
    assert not any("titok" in path for path in site.paths() if not path.startswith("/map"))
