"""The desk of an engine: requests read strictly, text given out whole, templates held in."""

import asyncio
import json

import pytest

from volano.adapters.engines.desk.asked import BadRequestError, Sampling, read

tokenizers = pytest.importorskip("tokenizers", reason="the desk needs tokenizers")

from volano.adapters.engines.desk.spelling import Spelling  # noqa: E402
from volano.adapters.engines.desk.stepping import draw, stepper  # noqa: E402
from volano.adapters.engines.desk.turn import Turn  # noqa: E402
from volano.adapters.engines.desk.waiting import CrowdedError, Waiting  # noqa: E402
from volano.adapters.engines.desk.wording import Wording  # noqa: E402
from volano.models.training.tokenizer import learn  # noqa: E402

TEXTS = ["árvíztűrő tükörfúrógép 票务系统 Заказ не пришёл 🙂", "plain words and 4711"]


@pytest.fixture(scope="module")
def tokenizer():
    return learn(TEXTS, vocab=280)


def asked(chat=True, **body):
    usual = {"messages": [{"role": "user", "content": "Hi"}]} if chat else {"prompt": "Hi"}
    return read(json.dumps({**usual, **body}).encode(), chat=chat)


def test_a_request_is_read():
    said = asked(temperature=0, top_p=0.5, seed=3, stop="\n", max_completion_tokens=7, stream=True)
    assert said.sampling == Sampling(0.0, 0.5, 3)
    assert (said.max_tokens, said.stops, said.stream) == (7, ("\n",), True)
    parts = [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]
    assert asked(messages=[{"role": "user", "content": parts}]).messages[0]["content"] == "ab"
    assert asked(False, prompt=[1, 2]).prompt == (1, 2)
    assert asked(max_tokens=-1).max_tokens is None


@pytest.mark.parametrize(
    "body",
    [
        {"messages": []},
        {"messages": "Hi"},
        {"messages": [{"role": "user", "content": [{"type": "image_url"}]}]},
        {"messages": [{"content": "Hi"}]},
        {"temperature": True},
        {"temperature": -1},
        {"temperature": "hot"},
        {"top_p": 2},
        {"seed": 1.5},
        {"max_tokens": 0},
        {"max_tokens": 10**9},
        {"stop": [""]},
        {"stop": ["x"] * 99},
        {"n": 2},
        {"tools": [{}]},
        {"logit_bias": {"1": 5}},
        {"presence_penalty": 0.5},
        {"response_format": {"type": "json_object"}},
        {"stream_options": 3},
    ],
)
def test_what_cannot_be_done_is_refused(body):
    with pytest.raises(BadRequestError):
        asked(**body)


@pytest.mark.parametrize("text", TEXTS)
def test_text_comes_whole_however_it_is_cut_into_tokens(tokenizer, text):
    spelling = Spelling(tokenizer, ())
    pieces = [spelling.add(token) for token in tokenizer.encode(text).ids]
    assert "".join(pieces) + spelling.end() == text
    assert not any("\ufffd" in piece for piece in pieces)


@pytest.mark.parametrize(
    ("stops", "said"),
    [
        (("words",), "plain "),
        (("s an",), "plain word"),
        (("and", "words"), "plain "),
        (("7119",), TEXTS[1]),  # begins, and does not come
        (("plain",), ""),
    ],
)
def test_text_ends_before_the_first_stop(tokenizer, stops, said):
    spelling, text = Spelling(tokenizer, stops), ""
    for token in tokenizer.encode(TEXTS[1]).ids:
        text += spelling.add(token)
        if spelling.stopped:
            break
    assert text + spelling.end() == said


def test_a_broken_letter_does_not_hold_up_the_rest(tokenizer):
    half = tokenizer.encode("é").ids[:1] * 12
    spelling = Spelling(tokenizer, ())
    assert "\ufffd" in "".join(spelling.add(token) for token in half) + spelling.end()


def folder_with(tmp_path, tokenizer, **manners):
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    (tmp_path / "config.json").write_text(json.dumps({"bos_token_id": 1, "eos_token_id": [2]}))
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(manners))
    return Wording(tmp_path)


def test_a_model_made_here_is_asked_what_the_last_message_says(tmp_path, tokenizer):
    wording = folder_with(tmp_path, tokenizer)
    said = asked(
        messages=[{"role": "system", "content": "no"}, {"role": "user", "content": "{{ a }}"}]
    )
    assert wording.tokens(said) == [1, *tokenizer.encode("{{ a }}").ids]
    assert wording.ends == {2}


def test_a_chat_template_writes_the_prompt(tmp_path, tokenizer):
    template = (
        "{{ bos_token }}{% for m in messages %}[{{ m.role }}] {{ m.content }}\n{% endfor %}A:"
    )
    wording = folder_with(tmp_path, tokenizer, bos_token="<s>", chat_template=template)
    text = wording.text(asked().messages)
    assert text == "<s>[user] Hi\nA:"
    assert wording.encode(text).count(1) == 1, "the mark of beginning is there once"


@pytest.mark.parametrize(
    "template",
    [
        "{{ ''.__class__.__mro__[1].__subclasses__() }}",
        "{{ messages.append(1) }}",
        "{{ raise_exception('no system here') }}",
        "{% for i in range(10**9) %}x{% endfor %}",
        "{% for i in range(99999) %}{{ 'x' * 1000 }}{% endfor %}",
        "{{ 1 / 0 }}",
    ],
)
def test_a_template_can_do_no_more_than_write(tmp_path, tokenizer, template):
    wording = folder_with(tmp_path, tokenizer, chat_template=template)
    with pytest.raises(BadRequestError, match="template"):
        wording.tokens(asked())


def test_the_next_token_is_drawn_from_the_nucleus():
    np = pytest.importorskip("numpy")
    row, dice = np.log(np.array([0.5, 0.3, 0.15, 0.05])), np.random.default_rng(0)
    drawn = [draw(row, Sampling(1.0, 0.75), dice) for _ in range(200)]
    assert set(drawn) == {0, 1}
    assert {draw(row, Sampling(1.0, 0.0), dice) for _ in range(20)} == {0}
    assert draw(row, Sampling(0.0), dice) == 0


def turn(tokenizer, loop, prompt, room=5, **sampling):
    return Turn(
        prompt, Sampling(0.0, **sampling), room=room, ends=frozenset({2}),
        spelling=Spelling(tokenizer, ()), loop=loop,
    )  # fmt: skip


def test_turns_that_come_later_join_and_the_failed_do_not_stop_the_next(tokenizer):
    np = pytest.importorskip("numpy")
    calls = []

    def logits(turns):
        calls.append(len(turns))
        if any(one.prompt == [9] for one in turns):
            raise RuntimeError("out of memory")
        return np.eye(300)[[(one.prompt + one.said)[-1] + 1 for one in turns]]

    async def ask():
        loop, waiting = asyncio.get_running_loop(), Waiting(4)
        turns = [turn(tokenizer, loop, [first]) for first in (50, 60, 70)]
        for one in turns:
            waiting.add(one)
        worker = stepper(waiting, logits, most=2)
        for one in turns:
            while not (await asyncio.wait_for(one.pieces.get(), 10)).reason:
                pass
        bad = turn(tokenizer, loop, [9])
        waiting.add(bad)
        failed = await asyncio.wait_for(bad.pieces.get(), 10)
        good = turn(tokenizer, loop, [1])
        waiting.add(good)
        ended = await asyncio.wait_for(good.pieces.get(), 10)
        waiting.close()
        await asyncio.to_thread(worker.join, 10)
        return turns, failed, ended, waiting

    turns, failed, ended, waiting = asyncio.run(ask())
    assert [one.said for one in turns] == [list(range(n + 1, n + 6)) for n in (50, 60, 70)]
    assert max(calls) == 2
    assert (failed.reason, failed.text) == ("failed", "RuntimeError: out of memory")
    assert ended.reason == "stop"
    assert waiting.busy == 0


def test_a_queue_has_an_end(tokenizer):
    async def fill():
        waiting, loop = Waiting(1), asyncio.get_running_loop()
        waiting.add(turn(tokenizer, loop, [1]))
        with pytest.raises(CrowdedError):
            waiting.add(turn(tokenizer, loop, [1]))

    asyncio.run(fill())
