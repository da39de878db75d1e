"""One player is asked: pieces, then a take; priced, held to budgets, recorded unless the gateway does."""

import json
from contextlib import contextmanager
from types import SimpleNamespace

import pytest

from volano.core.clock import ManualClock
from volano.core.money import Money
from volano.core.ports.chat import Answer
from volano.core.principal import Principal
from volano.costs.price import Price, Rates
from volano.evals.playground.asking import Asking, wanted
from volano.evals.playground.players import CHANNEL, FLOW, MODEL, TARGET, Player
from volano.evals.playground.sketch import Sketch
from volano.prompts.prompt import Prompt
from volano.serving import ChatUnavailableError
from volano.traces.frame import decode_call

ANNA = Principal("person", "anna", "shop/support")
KEY = "sk-proj-0123456789abcdef"
OURS = SimpleNamespace(ref="router@1", digest="d")


class World:
    """Everything that is asked, and what it would be told."""

    def __init__(self, *pieces, left=1, subject="group:shop"):
        self.pieces, self.sent, self.frames, self.opened = pieces, [], [], []
        self.hung_up = False
        budget = SimpleNamespace(subject=subject, left=Money(left, "USD"))
        self.asking = Asking(
            chat_in=lambda *given: self.open("channel", *given), chat_at=lambda *given: self.open("target", *given),
            warm=SimpleNamespace(chat=lambda model: self.open("engine", model.ref)),
            price_of=lambda target, _model: Price(Rates(2_000_000, 4_000_000)) if target else None,
            provider_of=lambda _target: "openai",
            costs=SimpleNamespace(budgets=lambda: [budget]),
            frames=SimpleNamespace(append=lambda kind, payload: self.frames.append((kind, payload))),
            clock=ManualClock(), held=lambda: [KEY],
        )  # fmt: skip

    @contextmanager
    def open(self, *what):
        self.opened.append(what)
        try:
            yield self
        finally:
            self.hung_up = True

    def stream(self, **sent):
        self.sent.append(sent)
        for piece in self.pieces:
            if isinstance(piece, Exception):
                raise piece
            yield piece

    def ask(self, player, sketch=None):
        *texts, take = self.asking.ask(player, sketch or Sketch(values={"input": "Hol?"}), by=ANNA)
        return texts, take


def test_pieces_come_first_and_the_take_says_tokens_and_cost():
    world = World("Hal", "ló", Answer("Halló", "stop", 10, 5))
    texts, take = world.ask(Player("openai:gpt", TARGET, "openai:gpt", target="openai", far="gpt"))
    assert (texts, take.text, take.state) == (["Hal", "ló"], "Halló", "answered")
    assert (take.prompt_tokens, take.completion_tokens) == (10, 5)
    assert (take.cost_nano, take.currency) == (40, "USD")
    assert world.opened == [("target", "openai", "gpt")]
    assert take.first_us <= take.latency_us


def test_a_call_that_the_gateway_does_not_see_is_recorded_with_its_group_and_tag():
    world = World("да", Answer("да", "stop", 1, 1))
    _, take = world.ask(
        Player("m", MODEL, "router@1", OURS), Sketch(values={"input": "ő"}, ref="answer@2")
    )
    [(_kind, payload)] = world.frames
    call = decode_call(payload)
    assert (call.id, call.group, call.outcome) == (take.trace, "shop/support", "ok")
    assert call.tags == {"playground": "answer@2", "replay": "playground"}
    assert (call.model, call.provider, call.channel) == ("router@1", "engine", "")
    assert json.loads(call.request)["messages"][0]["content"] == "ő"
    assert json.loads(call.response)["choices"][0]["message"]["content"] == "да"


def test_a_channel_is_recorded_by_the_gateway_alone():
    world = World("x", Answer("x"))
    _, take = world.ask(Player("support", CHANNEL, "support"))
    assert world.frames == []
    assert world.opened == [("channel", "support", take.trace, "unsaved", ANNA)]
    assert take.channel == "support"


@pytest.mark.parametrize(
    ("pieces", "state", "text"),
    [((Answer("  "),), "empty", "  "), (("a", Answer("a", "length")), "cut", "a"), (("a",), "cut", "a"),
     ((Answer("", "content_filter"),), "refused", ""),
     (("a", ChatUnavailableError(address="x", reason="fort")), "error", "a")],
)  # fmt: skip
def test_every_end_is_a_state(pieces, state, text):
    world = World(*pieces)
    _, take = world.ask(Player("m", MODEL, "router@1", OURS))
    assert (take.state, take.text) == (state, text)
    call = decode_call(world.frames[0][1])
    assert call.outcome == ("error" if state == "error" else "ok")
    assert ("fort" in take.error) == (state == "error")


def test_a_spent_budget_asks_nobody():
    player = Player("m", MODEL, "router@1", OURS)
    world = World("x", left=0)
    _, take = world.ask(player)
    assert take.state == "error"
    assert "group:shop is spent" in take.error
    assert world.opened == []
    assert World("x", Answer("x"), left=0, subject="group:bank").ask(player)[1].state == "answered"


@pytest.mark.parametrize("at", range(1, len(KEY)))
def test_a_key_that_a_server_repeats_is_not_told_also_in_two_pieces(at):
    world = World(
        f"a kulcs: {KEY[:at]}", f"{KEY[at:]} s", "ok", Answer(f"a kulcs: {KEY} sok", "stop")
    )
    texts, take = world.ask(Player("m", MODEL, "router@1", OURS))
    assert ("".join(texts), take.text) == ("a kulcs: *** sok", "a kulcs: *** sok")
    assert KEY.encode() not in world.frames[0][1]


def test_a_key_in_a_refusal_or_cut_off_is_not_told():
    refused = ChatUnavailableError(address="x", reason=f"Incorrect API key: {KEY}")
    world = World("a ", KEY[:12], refused)
    texts, take = world.ask(Player("m", MODEL, "router@1", OURS))
    assert ("".join(texts), take.text) == ("a ***", "a ***")
    assert "Incorrect API key: ***" in take.error
    assert KEY[:8].encode() not in world.frames[0][1]


def test_who_goes_hangs_up_and_leaves_what_came_on_record():
    world = World("első ", "második", Answer("", "stop"))
    pieces = world.asking.ask(
        Player("m", MODEL, "router@1", OURS), Sketch(values={"input": "a"}), by=ANNA
    )
    next(pieces)
    pieces.close()
    assert world.hung_up
    assert b"els\xc5\x91" in world.frames[0][1]


def test_who_brings_a_prompt_is_given_the_words_and_the_variables_that_it_has():
    sketch = Sketch(
        Prompt(messages=({"role": "user", "content": "{{tone}} {{input}}"},)),
        {"tone": "nett", "input": "你好"},
    )
    own = Prompt(
        messages=({"role": "user", "content": "{{input}} {{tone}}!"},), settings={"seed": 1}
    )
    told = wanted(Player("c", CHANNEL, "c", prompt=own), sketch)
    assert told == {
        "messages": [{"role": "user", "content": "你好"}],
        "variables": {"tone": "nett"},
    }
    assert wanted(Player("c", CHANNEL, "c"), sketch) == {"messages": told["messages"]}
    flow = wanted(Player("f", FLOW, "f@1", OURS, own), sketch)
    assert (flow["messages"][0]["content"], flow["seed"]) == ("你好 nett!", 1)
    assert wanted(Player("m", MODEL, "m@1", OURS), sketch)["messages"][0]["content"] == "nett 你好"


def test_a_schema_is_asked_for():
    told = wanted(
        Player("m", MODEL, "m@1", OURS), Sketch(Prompt(schema={"type": "object"}), {"input": ""})
    )
    assert told["response_format"]["type"] == "json_schema"
