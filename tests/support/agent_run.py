"""A run of an agent as it is recorded: spans of an application, calls of the gateway below them, a session."""

import json
from pathlib import Path
from typing import Any

from support.otlp import NOW_US, as_protobuf, span
from volano.traces import Call, HotStore, Kind, Recorder, Spool, encode
from volano.traces.frame import Spans

RUN = "ab" * 16
SESSION = "chat-4471"
MS = 1000


def step(n: int) -> str:
    return f"{n:016x}"


def spans() -> list[dict[str, Any]]:
    """A support agent that looks things up, asks models, calls tools; one tool fails."""
    own = {"session.id": SESSION, "user.id": "user-7"}
    found = [
        span("agent support", {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "support", **own},
             trace=RUN, id=step(1), end=4200 * MS),
        span("POST /chat", {**own}, trace=RUN, id=step(2), parent=step(1), start=20 * MS, end=4150 * MS),
        span("retrieve orders", {"openinference.span.kind": "RETRIEVER", "input.value": "order 4471"},
             trace=RUN, id=step(3), parent=step(2), start=40 * MS, end=310 * MS),
    ]  # fmt: skip
    for n in range(3):
        begin = (350 + n * 1200) * MS
        asked = [{"role": "system", "parts": [{"type": "text", "content": "Help."}]},
                 {"role": "user", "parts": [{"type": "text", "content": "Jó napot! Hol a csomagom? (4471)"}]}]  # fmt: skip
        said = [
            {
                "role": "assistant",
                "parts": [{"type": "text", "content": f"您的订单在路上 {n}"}],
                "finish_reason": "stop",
            }
        ]
        found.append(span("chat gpt-5", {
            "gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai", "gen_ai.request.model": "gpt-5",
            "gen_ai.usage.input_tokens": 812 + n, "gen_ai.usage.output_tokens": 64,
            "gen_ai.input.messages": json.dumps(asked), "gen_ai.output.messages": json.dumps(said), **own,
        }, trace=RUN, id=step(10 + n), parent=step(2), start=begin, end=begin + 700 * MS,
            events=[("gen_ai.choice", begin // 1 + 200 * MS, {"index": 0})]))  # fmt: skip
        failed = n == 1
        found.append(span(f"execute_tool {'track' if n else 'find_order'}", {
            "gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "track" if n else "find_order",
        }, trace=RUN, id=step(20 + n), parent=step(2), start=begin + 720 * MS, end=begin + 1100 * MS,
            status=2 if failed else 0, message="The carrier did not answer <script>window.hacked=1</script>" if failed else ""))  # fmt: skip
    for n in range(30):
        found.append(span(f"GET /parcels/{n}", {}, trace=RUN, id=step(100 + n), parent=step(22),
                          start=(3480 + n * 10) * MS, end=(3490 + n * 12) * MS))  # fmt: skip
    return found


def calls() -> list[Call]:
    """The gateway's call below the first question, and three turns of a chat that repeat their history."""
    below = Call(
        id=RUN, span_id=step(30), parent_span_id=step(10), began_us=NOW_US + 360 * MS,
        ended_us=NOW_US + 1040 * MS, channel="support", release="support@2", model="router@2",
        target="engine", door="openai.chat", unit="user-7", session=SESSION,
        request=_body([("user", "Jó napot! Hol a csomagom? (4471)")]), response=_answer("úton van"),
        cost_nano=1_200_000, cost_currency="USD",
    )  # fmt: skip
    history = [("system", "Answer kindly.")]
    found = [below]
    for n, (asked, said) in enumerate([("Wo ist mein Päckchen?", "Unterwegs."), ("Seit wann?", "Seit gestern."),
                                       ("спасибо", "Пожалуйста!")]):  # fmt: skip
        history.append(("user", asked))
        at = NOW_US + (10 + n * 60) * 1_000 * MS
        found.append(Call(
            id=f"{n + 1:032x}", span_id=step(1), began_us=at, ended_us=at + 900 * MS,
            channel="support", release="support@2", door="openai.chat", unit="user-7", session="chat-1",
            request=_body(history), response=_answer(said), cost_nano=500_000, cost_currency="USD",
            outcome="ok"))  # fmt: skip
        history.append(("assistant", said))
    return found


def _body(messages: list[tuple[str, str]]) -> bytes:
    said = [{"role": role, "content": text} for role, text in messages]
    return json.dumps({"model": "support", "messages": said}, ensure_ascii=False).encode()


def _answer(text: str) -> bytes:
    usage = {"prompt_tokens": 20, "completion_tokens": 5}
    return json.dumps({"choices": [{"message": {"content": text}}], "usage": usage}).encode()


def record(folder: Path, *, more: tuple[Call, ...] = ()) -> Path:
    """Record all of it; return the file of the records."""
    hot_path = folder / "records" / "hot.db"
    hot = HotStore(hot_path)
    with Spool(folder / "spool", "worker") as spool:
        body = as_protobuf(*spans())
        spool.append(
            Kind.SPANS, encode(Spans(body=body, received_us=NOW_US + 5_000_000, key_id="k"))
        )
        for call in (*calls(), *more):
            spool.append(Kind.CALL, encode(call))
        recorder = Recorder(folder / "spool", hot)
        recorder.drain()
        recorder.close()
    hot.close()
    return hot_path
