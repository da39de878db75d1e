"""Every door to every provider, with the official clients: words, tools, forms, pictures."""

import json

import pytest

from contracts.gateway.doors import PICTURE, SOUND, TOLD, TOOL, Chat

TEXT = "Hello wörld 你好 🎡"
FINISHED = {
    "openai.chat": "stop",
    "openai.responses": "completed",
    "anthropic.messages": "end_turn",
}
CUT_SHORT = {"openai.chat": "length", "openai.responses": "max_output_tokens",
             "anthropic.messages": "max_tokens"}  # fmt: skip
CALLED = {"openai.chat": "tool_calls", "openai.responses": "completed",
          "anthropic.messages": "tool_use"}  # fmt: skip


def asked(providers, channel) -> str:
    """What the provider was asked last, as text."""
    return providers[channel].seen[-1].body.decode()


def test_words(door, channel, streamed, providers):
    said = door.ask(channel, stream=streamed)
    assert said.text == TEXT
    assert said.finish == FINISHED[door.name]
    assert said.calls == []
    assert said.tokens is not None
    assert min(said.tokens) > 0


def test_the_same_tokens_are_told_plain_and_streamed(door, channel, providers):
    assert door.ask(channel).tokens == door.ask(channel, stream=True).tokens


def test_tools_are_called_and_answered(door, channel, streamed, providers):
    providers.act(channel, "tools")
    said = door.ask(channel, tools=True, stream=streamed)
    assert [(c.name, c.arguments) for c in said.calls] == [
        (TOOL, {"city": "Ulm"}), (TOOL, {"city": "köln"}),
    ]  # fmt: skip
    assert len({call.id for call in said.calls}) == 2
    assert said.finish == CALLED[door.name]
    providers.act(channel, "ok")
    history = [*said.turn, *door.results(said.calls)]
    after = door.ask(channel, tools=True, history=history, stream=streamed)
    assert after.text == TEXT
    assert asked(providers, channel).count(TOLD) == 2


def test_an_answer_by_a_schema(door, channel, streamed, providers):
    providers.act(channel, "json")
    said = door.ask(channel, schema=True, stream=streamed)
    assert json.loads(said.text) == {"city": "Ulm"}
    assert '"city' in asked(providers, channel).replace("\\", "")


def test_a_picture(door, channel, providers):
    assert door.ask(channel, picture=True).text == TEXT
    assert PICTURE in asked(providers, channel)


def test_the_systems_words(door, channel, providers):
    assert door.ask(channel, system="Be brief.").text == TEXT
    assert "Be brief." in asked(providers, channel)


def test_the_limit_of_tokens_is_said_and_its_end_is_told(door, channel, streamed, providers):
    providers.act(channel, "length")
    said = door.ask(channel, max_tokens=77, stream=streamed)
    assert said.finish == CUT_SHORT[door.name]
    assert ":77" in asked(providers, channel).replace(" ", "")


def test_stop_sequences_are_said_or_refused_by_name(door, channel, providers):
    if door.name == "openai.responses":
        pytest.skip("this API has no stop sequences")
    if channel != "openai.responses":
        assert door.ask(channel, stop=["###"]).text == TEXT
        assert '["###"]' in asked(providers, channel)
        return
    with pytest.raises(door.errors.BadRequestError, match="stop"):
        door.ask(channel, stop=["###"])
    assert providers[channel].seen == []


@pytest.mark.parametrize(
    ("channel", "heard"),
    [("openai.chat", True), ("gemini", True), ("bedrock", True),
     ("openai.responses", False), ("anthropic", False)],
)  # fmt: skip
def test_a_sound_is_passed_on_or_refused_by_name(channel, heard, openai_client, providers):
    chat = Chat(openai_client)
    if heard:
        assert chat.ask(channel, sound=True).text == TEXT
        assert SOUND in asked(providers, channel)
        return
    with pytest.raises(chat.errors.BadRequestError) as caught:
        chat.ask(channel, sound=True)
    assert "content" in caught.value.body["param"]
    assert "input_audio" in caught.value.body["param"]
    assert providers[channel].seen == []


def test_what_a_provider_cannot_be_told_is_refused_by_name(door, providers):
    if door.name == "anthropic.messages":
        with pytest.raises(door.errors.BadRequestError, match="top_k"):
            door.ask("openai.chat", extra_body={"top_k": 3})
    else:
        with pytest.raises(door.errors.BadRequestError) as caught:
            door.ask("anthropic", top_logprobs=3, **(
                {"logprobs": True} if door.name == "openai.chat" else {}))  # fmt: skip
        assert "logprobs" in caught.value.body["param"]
