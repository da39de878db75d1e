"""A step is traced, and the program does not notice."""

import asyncio
import contextvars
import functools
import gc
import json
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import volano
from volano.client.tracing.parent import from_header
from volano.client.tracing.span import NOWHERE, current_span
from volano.client.tracing.taken import MAX_CHARS, MAX_NODES, taken

UP = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def spans(door, count):
    assert volano.flush(10)
    return {span.name: span for span in door.wait(count)}


def test_a_function_is_a_span_with_what_goes_in_and_out(door, setup):
    @volano.trace(kind="retriever")
    def look_up(question, *more, limit=3):
        """Find."""
        return [f"Antwort auf {question}", {"n": limit, "more": list(more)}]

    assert look_up.__name__ == "look_up"
    assert look_up.__doc__ == "Find."
    assert look_up("哪里?", 1, limit=2)[1] == {"n": 2, "more": [1]}
    found = spans(door, 1)["look_up"]
    said = found.attributes
    assert json.loads(said["input.value"]) == {"question": "哪里?", "more": [1], "limit": 2}
    assert json.loads(said["output.value"])[0] == "Antwort auf 哪里?"
    assert said["gen_ai.operation.name"] == "retrieval"
    assert found.kind == 3
    assert found.resource["service.name"] == "shop"
    assert 0 < found.ended_ns - found.began_ns < 10**10
    (seen,) = door.seen
    assert seen.headers["authorization"] == "Bearer vk_test"


def test_a_block_nests_and_says_what_it_knows(door, setup):
    with (
        volano.trace("answer", kind="agent") as outer,
        volano.trace("chat", kind="llm", temperature=0.5) as inner,
    ):
        inner.set(model="gpt-5", input_tokens=12, output="да", prompt="support@3")
        inner.set({"shop.basket": 2.5, "shop.ids": ["a", "b"], "shop.big": 1 << 70})
        assert current_span() is inner
        assert inner.traceparent == f"00-{outer.trace_id}-{inner.span_id}-01"
    assert current_span() is NOWHERE
    assert inner.set(late=1) is inner
    found = spans(door, 2)
    chat, answer = found["chat"], found["answer"]
    assert (chat.trace_id, chat.parent, answer.parent) == (outer.trace_id, outer.span_id, "")
    said = chat.attributes
    assert (said["gen_ai.request.model"], said["gen_ai.usage.input_tokens"]) == ("gpt-5", 12)
    assert said["gen_ai.request.temperature"] == 0.5
    assert (said["output.value"], said["gen_ai.prompt.name"]) == ("да", "support@3")
    assert (said["shop.basket"], said["shop.ids"]) == (2.5, ["a", "b"])
    assert said["shop.big"] == "0x400000000000000000"
    assert "late" not in said
    assert answer.attributes["gen_ai.agent.name"] == "answer"


def test_tags_go_along_with_calls_of_the_gateway(setup):
    tags = {
        "region": "eu",
        "plan": "",
        "Team": "red",
        "stadt": "Győr",
        "a b": "c",
        "crlf": "x\r\ny: z",
        "customer": " ACME ",
    }
    with volano.session("chat\n17", user="ann", tags=tags), volano.trace("a") as span:
        found = span.headers
    assert {name: value for name, value in found.items() if name != "traceparent"} == {
        "x-volano-unit": "ann", "x-volano-tag-region": "eu", "x-volano-tag-customer": "ACME",
    }  # fmt: skip


def test_a_session_holds_for_all_within(door, setup):
    with volano.session("chat-17", user="ann", tags={"plan": "pro"}, release="2.1"):
        narrower = volano.session(tags=["beta"], environment="staging")
        with volano.trace("a"), narrower, volano.trace("b") as span:
            assert span.headers["x-volano-unit"] == "ann"
        volano.trace("c", session="other", tags="x")(lambda: volano.trace("d")(lambda: 0)())()
    with volano.trace("e"):
        pass
    found = spans(door, 5)
    b = found["b"]
    assert (b.attributes["session.id"], b.attributes["user.id"]) == ("chat-17", "ann")
    assert (b.attributes["volano.tag.plan"], b.attributes["volano.tag.beta"]) == ("pro", "true")
    assert b.resource["service.version"] == "2.1"
    assert b.resource["deployment.environment.name"] == "staging"
    assert "deployment.environment.name" not in found["a"].resource
    assert found["c"].attributes["gen_ai.conversation.id"] == "other"
    assert not any(name.startswith(("session", "user")) for name in found["e"].attributes)


def test_an_error_is_noted_and_goes_on_untouched(door, setup):
    class OddError(Exception):
        def __str__(self):
            raise RuntimeError

    error = OddError()

    @volano.trace
    def fails():
        raise error

    with pytest.raises(OddError) as raised, volano.trace("outer"):
        fails()
    assert raised.value is error
    with pytest.raises(SystemExit), volano.trace("exit"):
        sys.exit(0)
    with pytest.raises(KeyError), volano.trace("key"):
        {}["ключ"]
    found = spans(door, 4)
    assert found["fails"].status == found["outer"].status == 2
    assert found["fails"].attributes["error.type"].endswith("OddError")
    (event,) = found["key"].events
    assert (event["exception.type"], event["exception.message"]) == ("KeyError", "'ключ'")
    assert "test_an_error_is_noted" in event["exception.stacktrace"]
    assert found["exit"].status == 0


def test_async_functions_and_tasks_nest(door, setup):
    @volano.trace
    async def child(n):
        await asyncio.sleep(0)
        return current_span()

    @volano.trace
    async def parent():
        return current_span(), await asyncio.gather(*(child(n) for n in range(3)))

    async def cancelled():
        task = asyncio.create_task(volano.trace("waits")(asyncio.Event().wait)())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        async with volano.trace("block"):
            return await parent()

    above, below = asyncio.run(cancelled())
    assert volano.flush(10)
    found = {span.span_id: span for span in door.wait(6)}
    assert {found[span.span_id].parent for span in below} == {above.span_id}
    waits = next(span for span in found.values() if span.name == "waits")
    assert waits.attributes["error.type"].endswith("CancelledError")


def test_generators_are_traced_while_they_run_and_pass_everything_on(door, setup):
    @volano.trace(kind="llm")
    def talk(n):
        seen = []
        for i in range(n):
            assert current_span().name == "talk"
            try:
                seen.append((yield f"{i} "))
            except ValueError as error:
                seen.append(str(error))
        return seen

    source = talk(3)
    assert next(source) == "0 "
    assert current_span() is NOWHERE
    assert source.send("a") == "1 "
    assert source.throw(ValueError("b")) == "2 "
    with pytest.raises(StopIteration) as stop:
        source.send("c")
    assert stop.value.value == ["a", "b", "c"]
    early = talk(5)
    next(early)
    early.close()
    assert volano.flush(10)
    whole, part = door.wait(2)
    assert whole.attributes["output.value"] == "0 1 2 "
    assert whole.attributes["gen_ai.response.time_to_first_chunk"] >= 0
    assert (part.attributes["output.value"], part.attributes["volano.stopped"]) == ("0 ", True)
    assert part.status == 0


def test_async_generators_too(door, setup):
    closed = []

    @volano.trace
    async def talk():
        try:
            for word in ("ein", "zwei", "drei"):
                assert current_span().name == "talk"
                await asyncio.sleep(0)
                yield word
        finally:
            closed.append(current_span().name)

    async def consume():
        assert [word async for word in talk()] == ["ein", "zwei", "drei"]
        source = talk()
        async for _ in source:
            assert current_span() is NOWHERE
            break
        await source.aclose()

    asyncio.run(consume())
    assert len(closed) == 2
    assert volano.flush(10)
    first, second = door.wait(2)
    assert first.attributes["output.value"] == "einzweidrei"
    assert second.attributes["output.value"] == "ein"


def test_threads_are_children_where_they_are_told(door, setup):
    with volano.trace("main") as span, ThreadPoolExecutor(1) as pool:
        pool.submit(contextvars.copy_context().run, volano.trace("carried")(lambda: 1)).result()
        pool.submit(volano.trace("given", parent=span)(lambda: 1)).result()
        pool.submit(volano.trace("alone")(lambda: 1)).result()
    found = spans(door, 4)
    assert found["carried"].parent == found["given"].parent == span.span_id
    assert found["alone"].parent == ""


@pytest.mark.parametrize(
    "parent", [UP, {"Traceparent": UP}, UP.encode(), UP.replace("00-", "cc-", 1) + "-more"]
)
def test_a_traceparent_that_came_is_taken_up(setup, parent):
    with volano.trace("in", parent=parent) as span:
        assert (span.trace_id, f"{span.parent_number:016x}") == (UP[3:35], UP[36:52])


@pytest.mark.parametrize(
    "text", ["", "00-" + "0" * 32 + UP[35:], UP + "-x", UP.upper(), UP[:-1], "ff" + UP[2:], 7, {}]
)
def test_a_bad_traceparent_is_none(setup, text):
    assert from_header(text) is None
    with volano.trace("in", parent=text) as span:
        assert span.parent_number == 0


def test_methods_partials_and_odd_callables(door, setup):
    class Shop:
        @volano.trace
        def sell(self, what):
            return what

        @volano.trace
        @staticmethod
        def open(what):
            return what

        @volano.trace
        @classmethod
        def close(cls, what):
            return what

    class Caller:
        async def __call__(self, x):
            return x

    assert (Shop().sell("a"), Shop.open("b"), Shop.close("c")) == ("a", "b", "c")
    assert volano.trace("partial")(functools.partial(lambda a, b: a + b, 1))(2) == 3
    assert asyncio.run(volano.trace("caller")(Caller())(4)) == 4
    assert volano.trace(Shop) is Shop
    found = spans(door, 5)
    assert json.loads(found["sell"].attributes["input.value"]) == {"what": "a"}
    assert json.loads(found["close"].attributes["input.value"]) == {"what": "c"}
    assert found["caller"].attributes["output.value"] == "4"


def test_opentelemetrys_span_is_the_parent_where_it_is_the_inner_one(setup):
    from opentelemetry.sdk.trace import TracerProvider

    otel = TracerProvider().get_tracer("t")
    with otel.start_as_current_span("request") as request:
        above = request.get_span_context()
        with volano.trace("ours") as ours:
            assert (ours.trace_number, ours.parent_number) == (above.trace_id, above.span_id)
            with volano.trace("below") as below:
                assert below.parent_number == ours.span_number
            with otel.start_as_current_span("theirs") as theirs, volano.trace("deep") as deep:
                assert deep.parent_number == theirs.get_span_context().span_id
    other = otel.start_as_current_span("another trace")
    with volano.trace("ours") as ours, other, volano.trace("below") as below:
        assert below.parent_number == ours.span_number


def test_opentelemetry_is_not_imported():
    import subprocess

    code = (
        "import volano, sys\nwith volano.trace('a'): pass\n"
        "assert not any(m.startswith('opentelemetry') for m in sys.modules)"
    )
    environment = {"PYTHONPATH": "src", "VOLANO_KEY": "k", "VOLANO_URL": "http://127.0.0.1:1"}
    subprocess.run([sys.executable, "-c", code], check=True, env=environment, capture_output=True)


class Hostile:
    """An object that must not be touched."""

    def __repr__(self):
        raise AssertionError

    __str__ = __len__ = __iter__ = __eq__ = __hash__ = __getattr__ = __bool__ = __repr__


@dataclass
class Order:
    item: str
    api_key: str
    of: object


def test_what_is_taken_is_a_copy_without_running_the_users_code():
    order = Order("tea", "sk-1", Hostile())
    copy, _ = taken({"order": order, 3: (1, b"xx"), "nan": float("inf")})
    assert copy["order"]["item"] == "tea"
    assert copy["order"]["of"].endswith("Hostile>")
    assert copy["3"] == [1, "<2 bytes>"]
    loop: list = []
    loop.append(loop)
    assert json.dumps(taken(loop)[0])


@settings(max_examples=40)
@given(st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner, max_size=9) | st.dictionaries(st.text(), inner, max_size=9),
    max_leaves=200,
))  # fmt: skip
def test_what_is_taken_has_limits(value):
    copy, size = taken(value)
    text = json.dumps(copy)
    assert text.count("… (") <= MAX_NODES
    assert size <= MAX_CHARS + (MAX_NODES + 20) * 100


def test_large_values_are_cut(door, setup):
    with volano.trace("big") as span:
        span.set(input="x" * 100_000, output=["y" * 9_000] * 5, many=list(range(10_000)))
    said = spans(door, 1)["big"].attributes
    assert said["input.value"].endswith("… (83616 more)")
    assert len(said["output.value"]) < MAX_CHARS + 200
    assert len(json.loads(said["many"])) <= MAX_NODES + 1


def test_secrets_are_hidden_and_the_hook_sees_the_rest(door, setup):
    def redact(name, value):
        if name == "output":
            return {"said": len(value)}
        return "***" if value == "4711" else 1 / (value != "boom") and value

    setup(redact=redact)
    with volano.trace("pay") as span:
        span.set({"Authorization": "Bearer x", "pin": "4711", "odd": "boom"}, half="\ud83d")
        span.set(input={"password": "p", "deep": [{"API_KEY": "k", "n": 1}]}, output="a name")
    said = spans(door, 1)["pay"].attributes
    assert said["Authorization"] == said["odd"] == "[redacted]"
    assert (said["pin"], said["half"]) == ("***", "?")
    assert said["output.value"] == '{"said":6}'
    assert json.loads(said["input.value"]) == {
        "password": "[redacted]", "deep": [{"API_KEY": "[redacted]", "n": 1}],
    }  # fmt: skip


def test_sampling_follows_the_trace(door, setup):
    setup(sample=0.25)
    kept = 0
    for _ in range(400):
        with volano.trace("root") as root, volano.trace("leaf") as leaf:
            assert root.recorded == leaf.recorded == ((root.trace_number & 2**64 - 1) < 2**62)
            assert root.traceparent.endswith("1" if root.recorded else "0")
        kept += root.recorded
    assert 50 < kept < 150
    assert volano.flush(10)
    assert len(door.wait(2 * kept)) == 2 * kept
    setup(sample=0)
    with volano.trace("up", parent=UP) as span:
        assert span.recorded
    with volano.trace("up", parent=UP[:-1] + "0") as span:
        assert not span.recorded


def test_off_is_off(door, setup):
    setup(on=False)

    @volano.trace
    def f(x):
        return x, current_span()

    value, span = f(Hostile())
    assert isinstance(value, Hostile)
    assert span.trace_id != "0" * 32
    volano.feedback(value=1, trace="ab" * 16)
    assert volano.flush(1)
    assert door.seen == []


def test_a_generator_that_nobody_ends_ends_when_it_is_collected(door, setup):
    source = volano.trace("left")(lambda: (yield "x"))()
    next(source)
    del source
    gc.collect()
    assert spans(door, 1)["left"].attributes["output.value"] == "x"


def test_deep_recursion_still_ends_in_the_users_own_error(setup):
    @volano.trace
    def down(n):
        return down(n + 1)

    with pytest.raises(RecursionError):
        down(0)
    assert current_span() is NOWHERE


def test_steps_left_in_another_context_do_no_harm(setup):
    step = volano.trace("odd")
    contextvars.copy_context().run(step.__enter__)
    thread = threading.Thread(target=step.__exit__, args=(None, None, None))
    thread.start()
    thread.join()
    assert step.__exit__(None, None, None) is None
    assert current_span() is NOWHERE


def test_kinds_are_said_in_the_fields_words(door, setup):
    said = {}
    for kind in ("llm", "tool", "chain", "guardrail", "other", "abacus"):
        with volano.trace(kind, kind=kind) as span:
            span.set(input=[{"role": "user", "content": "да"}], output={"n": 1})
    for name, span in spans(door, 6).items():
        said[name] = {k: v for k, v in span.attributes.items() if not k.startswith("output.")}
    text = '[{"role":"user","content":"да"}]'
    assert said == {
        "llm": {
            "gen_ai.operation.name": "chat",
            "gen_ai.input.messages": '[{"role":"user","parts":[{"type":"text","content":"да"}]}]',
        },
        "tool": {
            "gen_ai.operation.name": "execute_tool",
            "gen_ai.tool.name": "tool",
            "gen_ai.tool.call.arguments": text,
            "gen_ai.tool.call.result": '{"n":1}',
        },
        "chain": {"gen_ai.operation.name": "invoke_workflow", "input.value": text},
        "guardrail": {"openinference.span.kind": "GUARDRAIL", "input.value": text},
        "other": {"input.value": text},
        "abacus": {"volano.kind": "abacus", "input.value": text},
    }
