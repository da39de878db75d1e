"""Calls and spans in one list, as a filter chooses them; what differs; what is followed."""

import json

import pytest
import zstandard

from volano.gateway.door import DOORS
from volano.traces import Call, HotStore, Kind, Recorder, Spool, Traces, encode
from volano.traces.curl import PATHS, as_curl
from volano.traces.difference import Piece, words
from volano.traces.errors import FilterError, NoRequestError, UnknownTraceError
from volano.traces.sealed.records import Records
from volano.traces.search.indexer import Indexer, catch_up, read_records

REQUEST = {"messages": [{"role": "user", "content": "Where is my refund? 退款"}]}


def a_call(n, *, asked="", answered="", **more):
    request = json.dumps({"messages": [{"role": "user", "content": asked}]}).encode()
    response = json.dumps({"choices": [{"message": {"content": answered}}]}).encode()
    return Call(
        **{
            "id": f"{n + 1:032x}", "span_id": f"{n + 1:016x}", "began_us": n * 1000,
            "ended_us": n * 1000 + 100, "request": request, "response": response,
        }
        | more
    )  # fmt: skip


@pytest.fixture
def hot(tmp_path):
    """Return the records, with ways to put calls and spans into them."""
    store = HotStore(tmp_path / "hot.db")
    recorder = Recorder(tmp_path / "spool", store)

    def calls(*given):
        with Spool(tmp_path / "spool", "w") as spool:
            for call in given:
                spool.append(Kind.CALL, encode(call))
        recorder.drain()

    def span(n, trace, *, parent=None, name="step", at_us=0, attributes=None, **more):
        row = {
            "seq": n, "id": f"{trace + 1:032x}", "span_id": f"{n:016x}", "parent_span_id": parent,
            "name": name, "kind": "chain", "began_us": at_us, "ended_us": at_us + 50,
            "latency_us": 50, "outcome": "ok", "tags": "{}",
            "attributes": zstandard.compress(json.dumps(attributes or {}).encode()),
        } | more  # fmt: skip
        needed = ("key_id", "group", "service", "environment", "release", "session", "unit",
                  "model", "provider", "dialect")  # fmt: skip
        row = dict.fromkeys(needed, "") | row
        names = ", ".join(f'"{name}"' for name in row)
        store.conn.execute(
            f"INSERT INTO spans ({names}) VALUES ({', '.join('?' * len(row))})", [*row.values()]
        )

    def index():
        catch_up(Indexer(tmp_path / "search.db", read_records(Records(tmp_path / "hot.db"))), 10)

    traces = Traces(tmp_path / "hot.db")
    traces.calls_in, traces.span_in, traces.index = calls, span, index
    yield traces
    recorder.close()
    store.close()


def ids(rows):
    return [int(row.id, 16) - 1 for row in rows]


def test_a_list_of_traces_shows_roots_and_a_filter_shows_what_it_chooses(hot):
    hot.calls_in(
        a_call(0, channel="a"),
        a_call(1, parent_span_id="f" * 16),  # of an application that sends no spans
        a_call(2, parent_span_id=f"{7:016x}"),  # below the root that is span 7
    )
    hot.span_in(7, 2, at_us=1500, name="agent", attributes={"gen_ai.request.temperature": 0.9})
    hot.span_in(8, 2, at_us=1600, name="tool", parent=f"{7:016x}", outcome="error")
    page = hot.page()
    assert ids(page.rows) == [2, 1, 0]
    assert page.rows[0].name == "agent"
    assert page.next is None
    assert [r.name for r in hot.page("kind = chain").rows] == ["tool", "agent"]
    assert [r.name for r in hot.page('attr."gen_ai.request.temperature" >= 0.7').rows] == ["agent"]
    assert ids(hot.page("failed = true").rows) == [2]
    assert ids(hot.page("channel = a").rows) == [0]
    assert [row["kind"] for row in hot.find()] == ["chain", "call", "call"]
    assert [row["id"] for row in hot.find(where="failed = true", outcome="error")]
    with pytest.raises(FilterError):
        hot.page("chanel = a")


def test_pages_go_on_where_the_last_one_ended(hot):
    hot.calls_in(*(a_call(n) for n in range(0, 30, 2)))
    for n in range(1, 30, 2):
        hot.span_in(n, n, at_us=n * 1000)
    seen, before = [], None
    for _ in range(10):
        page = hot.page(before=before, limit=7)
        seen += ids(page.rows)
        if (before := page.next) is None:
            break
    assert seen == list(range(29, -1, -1))
    assert ids(hot.page(since_us=5_000, until_us=8_000).rows) == [7, 6, 5]
    assert len(hot.page(before="nonsense", limit=3).rows) == 3


def test_words_are_found_in_the_index_and_in_what_is_not_indexed_yet(hot, monkeypatch):
    monkeypatch.setattr("volano.traces.found.SCAN_ROWS", 2)
    monkeypatch.setattr("volano.traces.found._MATCHES", (1, 2))
    hot.calls_in(*(a_call(n, asked="退款 árvíz" if n % 2 else "x", channel="c") for n in range(10)))
    for covered in (0, 10, 14):
        if covered:
            hot.index()
        if covered == 14:
            hot.calls_in(*(a_call(n, answered="我要退款了", channel="d") for n in range(10, 14)))
            hot.span_in(1, 20, name="退款", at_us=20_000)
        new = [20, 13, 12, 11, 10] if covered == 14 else []
        assert ids(hot.page(text="退款").rows) == [*new, 9, 7, 5, 3, 1]
        assert ids(hot.page("channel = c and text ~ arviz", limit=3).rows) == [9, 7, 5]
        assert ids(hot.list(text="退款", channel="c", limit=2)) == [9, 7]
        assert ids(hot.page("id = " + f"{2:032x}", text="退款").rows) == [1]
        assert ids(hot.page("output ~ 退款").rows) == new[1:]
        assert ids(hot.page("not text ~ 退款", text="x").rows) == [8, 6, 4, 2, 0]
        sums = hot.histogram(text="退款", since_us=0, until_us=10**6, each_us=5_000)
        assert hot.histogram(text="\ufffd !", since_us=0, until_us=10**6, each_us=5_000) == ()
        assert hot.page(text="\ufffd !").rows == ()
        assert [(s.at_us, s.calls) for s in sums][:2] == [(0, 2), (5_000, 3)]
        assert sum(s.calls for s in sums) == 5 + len(new)


def test_following_shows_each_row_once(hot):
    hot.calls_in(a_call(0))
    begin = hot.tail().next
    assert hot.tail().rows == hot.tail(after=begin).rows == ()
    hot.calls_in(a_call(1, channel="a"), a_call(2), a_call(3, channel="a"))
    hot.span_in(1, 5, at_us=2500)
    first = hot.tail(after=begin, limit=2)
    second = hot.tail(after=first.next)
    assert ids(first.rows) + ids(second.rows) == [1, 2, 5, 3]
    assert ids(hot.tail(where="channel = a", after=begin).rows) == [1, 3]
    assert hot.tail(where="channel = b", after=begin).next == second.next


def test_a_difference_names_fields_words_and_steps(hot):
    hot.calls_in(
        a_call(0, asked="Where is my order 3312?", answered="我要退款", channel="c", release="a@1"),
        a_call(
            1, asked="Where is my parcel 3312?", answered="我想退货", channel="c", release="a@2"
        ),
    )
    hot.span_in(1, 1, name="lookup", at_us=1_050)
    found = hot.diff(f"{1:032x}", f"{2:032x}")
    assert ("release", "a@1", "a@2") in [(c.name, c.a, c.b) for c in found.fields]
    assert [(p.of, p.text) for p in found.input] == [
        ("both", "Where is my "), ("a", "order"), ("b", "parcel"), ("both", " 3312?"),
    ]  # fmt: skip
    assert "".join(p.text for p in found.output if p.of != "b") == "我要退款"
    assert ("a", "要") in [(p.of, p.text) for p in found.output]
    assert [(s.name, s.a_us is None, s.b_us is None) for s in found.steps] == [
        ("c", False, False), ("lookup", True, False),
    ]  # fmt: skip
    assert not found.same
    assert hot.diff(f"{1:032x}", f"{1:032x}").same
    with pytest.raises(UnknownTraceError):
        hot.diff(f"{1:032x}", "nothing")


def test_long_texts_are_compared_in_bounded_time():
    a, b = "a b " * 6_000, "a c " * 6_000
    pieces = words(a, b)
    assert "".join(p.text for p in pieces if p.of != "b") == a
    assert "".join(p.text for p in pieces if p.of != "a") == b
    assert words("same", "same") == (Piece("both", "same"),)


def test_a_call_is_said_again_by_curl(hot):
    hot.calls_in(a_call(0, asked="it's 退款 $HOME `ls`", door="openai.chat", streamed=True))
    trace = hot.last()
    body = hot.bodies(trace).request
    told = as_curl(trace, body, "http://127.0.0.1:7070")
    assert told.startswith("curl -N http://127.0.0.1:7070/v1/chat/completions")
    assert '"Authorization: Bearer $VOLANO_KEY"' in told
    assert "base64 -d" in as_curl(trace, b"\xff\xfe", "http://x")
    with pytest.raises(NoRequestError):
        as_curl(trace, b"", "http://x")
    assert {d.name: d.path.decode() for d in DOORS} == PATHS
