"""Questions over HTTP, to a server that answers, stalls, cuts and lies."""

import asyncio

import pytest

from simulators.upstream import Upstream
from volano.core.errors import UnavailableError
from volano.evals.asking import line
from volano.evals.flight import Flight, Question, Terms
from volano.evals.over_http import HttpLine
from volano.evals.pace import Patience
from volano.serving.chat import open_chat
from volano.serving.errors import ChatRefusedError

HEARD = "Hello wörld 你好 🎡."


@pytest.fixture(scope="module")
def upstream():
    made = Upstream()
    yield made
    made.stop()


def ask(upstream, act, n=4, *, tries=3, timeout_s=10.0, key=None):
    written = []
    with open_chat(upstream.url + "/v1", act, api_key=key, fields={"top_k": 1}) as chat:
        over = line(chat, {"max_tokens": 9}, concurrency=4, timeout_s=timeout_s)
        assert isinstance(over, HttpLine)
        questions = [
            Question(str(at), [{"role": "user", "content": f"{at} вопрос"}]) for at in range(n)
        ]
        terms = Terms(4, patience=Patience(tries=tries, away=4, pause_s=0.01))
        Flight(questions, over, terms, write=written.extend, tell=lambda _: None, of=n).run()
    return sorted(written, key=lambda one: one.id)


def test_answers_come_with_tokens_time_and_model(upstream):
    upstream.seen.clear()
    found = ask(upstream, "ok", 20, key="geheim")
    assert {one.answer for one in found} == {HEARD}
    assert {(one.prompt_tokens, one.completion_tokens) for one in found} == {(7, 5)}
    assert all(one.latency_us > 0 for one in found)
    heads, body = upstream.seen[0]
    assert heads["authorization"] == "Bearer geheim"
    assert (body["model"], body["max_tokens"], body["top_k"]) == ("ok", 9, 1)
    assert {body["messages"][0]["content"] for _, body in upstream.seen} == {
        f"{at} вопрос" for at in range(20)
    }


def test_a_server_that_is_busy_for_a_moment_is_asked_again(upstream):
    assert [one.error for one in ask(upstream, "flaky-2")] == [None] * 4


@pytest.mark.parametrize(
    "act", ["status-500", "status-429", "close", "garbage", "cut", "lie", "html"]
)
def test_who_never_answers_stops_the_suite(upstream, act):
    with pytest.raises(UnavailableError):
        ask(upstream, act, tries=2, timeout_s=2)


def test_a_server_that_stalls_is_left_in_time(upstream):
    with pytest.raises(UnavailableError, match="in time"):
        ask(upstream, "stall", tries=1, timeout_s=0.3)


@pytest.mark.parametrize(("act", "of_row"), [("status-500", True), ("html", True),
                         ("status-429", False), ("status-503", False)])  # fmt: skip
def test_only_what_a_row_itself_can_cause_is_said_of_it(upstream, act, of_row):
    heard = []

    async def main():
        with open_chat(upstream.url + "/v1", act) as chat:
            over = line(chat, {"max_tokens": 9}, concurrency=1, timeout_s=10.0)
            done = asyncio.Event()

            def landed(_question, outcome):
                heard.append(outcome)
                done.set()

            over.open(asyncio.get_running_loop(), landed)
            over.send(Question("1", [{"role": "user", "content": "кто"}]))
            await done.wait()
            over.close()
            await asyncio.sleep(0)

    asyncio.run(main())
    assert [one.spoke for one in heard] == [of_row]


@pytest.mark.parametrize("status", [401, 403, 404])
def test_a_wrong_key_or_name_stops_at_once(upstream, status):
    upstream.seen.clear()
    with pytest.raises(ChatRefusedError, match=str(status)):
        ask(upstream, f"status-{status}", 50)
    assert len(upstream.seen) <= 4


def test_a_row_that_is_refused_is_an_error_of_its_own(upstream):
    found = ask(upstream, "status-400")
    assert all("status 400" in one.error for one in found)


def test_nobody_there_says_so():
    gone = Upstream()
    gone.stop()
    with pytest.raises(UnavailableError, match="cannot be reached"):
        ask(gone, "ok", tries=2)


def test_connections_are_closed_when_it_is_over():
    server = Upstream()
    ask(server, "ok", 30)
    asyncio.run(asyncio.sleep(0.05))
    assert server.connections <= 4
    assert server.open == 0
    server.stop()
