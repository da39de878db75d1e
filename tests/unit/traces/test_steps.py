"""A trace read level by level, as a graph, and a session as a conversation."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.agent_run import RUN, SESSION, record, step
from support.otlp import NOW_US, as_protobuf, span
from volano.traces import Call, HotStore, Kind, Recorder, Spool, encode
from volano.traces.conversation import Said, asked, fresh, told
from volano.traces.errors import UnknownSessionError, UnknownTraceError
from volano.traces.frame import Spans as Frame
from volano.traces.graph import START, graph
from volano.traces.sessions import Sessions
from volano.traces.steps import Steps


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    return record(tmp_path_factory.mktemp("run"))


def sent(folder, *spans):
    hot = HotStore(folder / "hot.db")
    with Spool(folder / "spool", "w") as spool:
        spool.append(
            Kind.SPANS, encode(Frame(body=as_protobuf(*spans), received_us=NOW_US + 5_000_000))
        )
        recorder = Recorder(folder / "spool", hot)
        recorder.drain()
        recorder.close()
    hot.close()
    return Steps(folder / "hot.db")


def test_calls_and_spans_stand_in_one_tree_page_by_page(recorded):
    steps = Steps(recorded)
    outline = steps.outline(RUN)
    assert (outline.calls, outline.spans, outline.failed) == (1, 39, 1)
    [root] = steps.roots(RUN).steps
    assert (root.span_id, root.children) == (step(1), 1)
    [call] = steps.below(RUN, step(10)).steps
    assert (call.what, call.name) == ("call", "support")
    seen, after = [], None
    while True:
        page = steps.below(RUN, step(22), limit=7, after=after)
        seen += [one.span_id for one in page.steps]
        if (after := page.following) is None:
            break
    assert seen == [step(100 + n) for n in range(30)]
    assert [one.span_id for one in steps.above(RUN, step(30))] == [step(1), step(2), step(10)]
    assert [one.span_id for one in steps.failed(RUN).steps] == [step(21)]


def test_orphans_and_circles_are_shown(tmp_path):
    trace = "ee" * 16
    steps = sent(
        tmp_path,
        span("late", trace=trace, id=step(5), parent=step(99)),
        span("below it", trace=trace, id=step(6), parent=step(5)),
        span("a", trace="aa" * 16, id=step(1), parent=step(2)),
        span("b", trace="aa" * 16, id=step(2), parent=step(1)),
    )
    assert [one.name for one in steps.roots(trace).steps] == ["late"]
    assert len(steps.roots("aa" * 16).steps) == 1
    assert len(steps.above("aa" * 16, step(1))) == 1


def test_nothing_recorded_is_no_such_trace(tmp_path):
    with pytest.raises(UnknownTraceError):
        Steps(tmp_path / "hot.db").outline("x")
    assert Sessions(tmp_path / "hot.db").list() == ()
    with pytest.raises(UnknownSessionError):
        Sessions(tmp_path / "hot.db").get("x")


def test_a_graph_passes_through_what_is_no_actor(recorded):
    found = graph(Steps(recorded).all(RUN, limit=1000))
    agent = ("agent", "agent support")
    assert found.edges[(START, agent)].times == 1
    assert found.edges[(agent, ("llm", "gpt-5"))].times == 3
    assert found.edges[(agent, ("tool", "execute_tool track"))].failed == 1
    assert found.edges[(("llm", "gpt-5"), ("call", "support"))].nano == {"USD": 1_200_000}
    assert not any(name == "other" for name, _ in found.nodes)


def test_a_session_says_only_what_is_new_in_each_turn(recorded):
    sessions = Sessions(recorded)
    turns = sessions.show("chat-1").turns
    assert [[one.text for one in turn.said] for turn in turns] == [
        ["Answer kindly.", "Wo ist mein Päckchen?", "Unterwegs."],
        ["Seit wann?", "Seit gestern."],
        ["спасибо", "Пожалуйста!"],
    ]
    first = sessions.show("chat-1", limit=1)
    rest = sessions.show("chat-1", after=first.following)
    assert (first.total, rest.turns) == (3, turns[1:])


def test_sessions_are_listed_by_when_they_were_seen_last(recorded):
    found = Sessions(recorded).list()
    assert [one.id for one in found] == ["chat-1", SESSION]
    assert (found[0].turns, found[0].nano, found[0].unit) == (3, {"USD": 1_500_000}, "user-7")
    assert (found[1].turns, found[1].failed) == (1, 0)
    going_on = f"{found[0].last_us}:{found[0].id}"
    assert Sessions(recorded).list(before=going_on) == found[1:]


talk = st.lists(st.builds(Said, st.sampled_from(["user", "assistant"]), st.sampled_from("abc")))


@given(talk, talk, st.integers(0, 9))
def test_what_was_said_before_is_not_new_whatever_was_dropped_of_it(history, new, dropped):
    new = [*(one for one in new if not one.answers)]
    asked_now = [*history[dropped:], *new]
    found = fresh(history, asked_now)
    assert [*found][len(found) - len(new) :] == new
    if history and history[-1].answers:
        assert [*found] == new


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"system": "s", "messages": [{"role": "user", "content": [{"type": "text", "text": "喂"}]}]},
         [("system", "s"), ("user", "喂")]),
        ({"instructions": "s", "input": "q"}, [("system", "s"), ("user", "q")]),
        ({"input": [{"type": "function_call_output", "output": "7"}]}, [("tool", "7")]),
        ({"messages": [{"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": "{}"}}]}]},
         [("assistant", "f({})")]),
        ({"messages": [{"role": "assistant", "content": [{"type": "tool_use", "name": "f", "input": {"a": 1}}]}]},
         [("assistant", 'f({"a": 1})')]),
        ({"messages": 7}, []),
        ([], []),
    ],
)  # fmt: skip
def test_requests_of_every_api_are_read(body, said):
    assert [(one.role, one.text) for one in asked(json.dumps(body).encode())] == said


def test_spans_of_every_dialect_are_read():
    parts = [{"role": "user", "parts": [{"type": "text", "content": "q"}]}]
    for attributes in (
        {"gen_ai.input.messages": json.dumps(parts)},
        {"llm.input_messages.0.message.role": "user", "llm.input_messages.0.message.content": "q"},
        {"gen_ai.prompt.0.role": "user", "gen_ai.prompt.0.content": "q"},
        {"input.value": '{"messages": [{"role": "user", "content": "q"}]}'},
        {"input.value": "q"},
    ):
        assert [(one.role, one.text) for one in told("input", attributes)] == [("user", "q")]


def test_a_session_moves_up_with_each_call(tmp_path):
    hot = HotStore(tmp_path / "hot.db")
    with Spool(tmp_path / "spool", "w") as spool:
        for n in range(3):
            spool.append(
                Kind.CALL,
                encode(
                    Call(id=f"{n + 1:032x}", span_id=step(1), began_us=n, ended_us=n, session="s")
                ),
            )
        recorder = Recorder(tmp_path / "spool", hot)
        recorder.drain()
        recorder.close()
    hot.close()
    assert Sessions(tmp_path / "hot.db").get("s").last_us == 2
