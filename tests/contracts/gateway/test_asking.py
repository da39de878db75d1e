"""Finer wishes: choices of tools, what tools answer, histories, refusals by name, flows."""

import json
import re

import anthropic
import openai
import pytest

from contracts.gateway.doors import PICTURE, SOUND, TOOL, Chat, Messages, Responses

PICTURE_URL = f"data:image/png;base64,{PICTURE}"


def asked(providers, channel) -> str:
    return providers[channel].seen[-1].body.decode()


CHOICES = {
    "openai.chat": {"any": "required", "none": "none", "auto": "auto",
                    "tool": {"type": "function", "function": {"name": TOOL}}},
    "openai.responses": {"any": "required", "none": "none", "auto": "auto",
                         "tool": {"type": "function", "name": TOOL}},
    "anthropic.messages": {"any": {"type": "any"}, "none": {"type": "none"},
                           "auto": {"type": "auto"}, "tool": {"type": "tool", "name": TOOL}},
}  # fmt: skip
SAID = {
    "openai.chat": {"any": '"required"', "none": '"tool_choice":"none"',
                    "auto": '"tool_choice":"auto"', "tool": '"function":{"name":'},
    "openai.responses": {"any": '"required"', "none": '"tool_choice":"none"',
                         "auto": '"tool_choice":"auto"', "tool": '"tool_choice":{"'},
    "anthropic": {"any": '"any"', "none": '"type":"none"', "auto": '"auto"', "tool": '"tool"'},
    "gemini": {"any": '"ANY"', "none": '"NONE"', "auto": '"AUTO"',
               "tool": '"allowedFunctionNames"'},
    "bedrock": {"any": '"any":{}', "none": '"messages"', "auto": '"auto":{}', "tool": '"tool":{'},
}  # fmt: skip


@pytest.mark.parametrize("choice", ["any", "none", "auto", "tool"])
def test_a_choice_of_tools_is_said(door, channel, choice, providers):
    if (door.name, channel, choice) == ("openai.responses", "gemini", "auto"):
        pytest.skip("strict tools are VALIDATED there")
    wish = CHOICES[door.name][choice]
    assert door.ask(channel, tools=True, tool_choice=wish).text
    said = asked(providers, channel).replace(" ", "")
    assert SAID[channel][choice] in said
    if (channel, choice) == ("bedrock", "none"):
        assert TOOL not in said


def test_no_archive_keeps_what_the_client_did_not_give_to_keep(door, providers):
    """OpenAI's Responses API keeps answers where nobody says otherwise; the other APIs do not."""
    providers.act("openai.responses", "ok")
    assert door.ask("openai.responses").text
    assert json.loads(asked(providers, "openai.responses"))["store"] is False


def test_older_geminis_calls_get_ids(door, streamed, providers):
    providers.act("gemini-2", "tools")
    said = door.ask("gemini-2", tools=True, stream=streamed)
    assert len({call.id for call in said.calls}) == 2
    for then in ("gemini-2", "anthropic", "bedrock", "openai.chat", "openai.responses"):
        providers.act(then, "ok")
        history = [*said.turn, *door.results(said.calls)]
        assert door.ask(then, tools=True, history=history).text


@pytest.mark.parametrize("channel", ["openai.chat", "openai.responses", "gemini", "bedrock"])
def test_a_users_words_beside_results_and_a_tools_failure(anthropic_client, channel, providers):
    door = Messages(anthropic_client)
    providers.act(channel, "tools")
    said = door.ask(channel, tools=True)
    (turn,) = door.results(said.calls)
    turn["content"][0]["is_error"] = True
    turn["content"].append({"type": "text", "text": "And now?"})
    providers.act(channel, "ok")
    assert door.ask(channel, tools=True, history=[*said.turn, turn]).text
    assert "And now?" in asked(providers, channel)


@pytest.mark.parametrize(
    ("channel", "can"), [("openai.chat", False), ("openai.responses", True), ("anthropic", True),
                         ("gemini", True), ("bedrock", True)],
)  # fmt: skip
def test_a_picture_as_a_tools_answer(anthropic_client, channel, can, providers):
    door = Messages(anthropic_client)
    providers.act(channel, "tools")
    said = door.ask(channel, tools=True)
    (turn,) = door.results(said.calls)
    source = {"type": "base64", "media_type": "image/png", "data": PICTURE}
    turn["content"][0]["content"] = [{"type": "image", "source": source}]
    providers.act(channel, "ok")
    if can:
        assert door.ask(channel, tools=True, history=[*said.turn, turn]).text
        assert PICTURE in asked(providers, channel)
    else:
        with pytest.raises(door.errors.BadRequestError, match=r"messages\[2\]\.content\[0\]"):
            door.ask(channel, tools=True, history=[*said.turn, turn])


def test_the_systems_words_in_the_midst(openai_client, channel, providers):
    history = [{"role": "assistant", "content": "Hm."}, {"role": "system", "content": "Be brief."},
               {"role": "user", "content": "And?"}]  # fmt: skip
    door = Chat(openai_client)
    if channel == "gemini":
        with pytest.raises(openai.BadRequestError, match="only before"):
            door.ask(channel, history=history)
    else:
        assert door.ask(channel, history=history).text
        assert "Be brief." in asked(providers, channel)


@pytest.mark.parametrize(
    ("act", "channel"), [("safety", "gemini"), ("blocked", "gemini"), ("guarded", "bedrock")]
)
def test_a_filtered_answer_says_so(door, act, channel, streamed, providers):
    providers.act(channel, act)
    words = {"openai.chat": "content_filter", "openai.responses": "content_filter",
             "anthropic.messages": "refusal"}  # fmt: skip
    assert door.ask(channel, stream=streamed).finish == words[door.name]


def test_cached_tokens_are_told(openai_client, anthropic_client, channel, providers):
    ask = {"model": channel, "messages": [{"role": "user", "content": "Hi"}]}
    chat = openai_client.chat.completions.create(**ask).usage
    assert chat.prompt_tokens_details.cached_tokens == 4
    assert chat.total_tokens == chat.prompt_tokens + chat.completion_tokens
    said = openai_client.responses.create(model=channel, input="Hi").usage
    assert said.input_tokens_details.cached_tokens == 4
    assert anthropic_client.messages.create(**ask, max_tokens=99).usage.cache_read_input_tokens == 4


@pytest.mark.parametrize(
    ("channel", "wish", "param"),
    [
        ("anthropic", {"seed": 5}, "seed"),
        ("anthropic", {"n": 2}, "n"),
        ("anthropic", {"response_format": {"type": "json_object"}}, "response_format"),
        ("anthropic", {"logit_bias": {"5": 1}}, "logit_bias"),
        ("anthropic", {"modalities": ["text", "audio"]}, "modalities"),
        ("gemini", {"temperature": 0.5, "functions": [{"name": "f"}]}, "functions"),
        ("gemini", {"tools": [{"type": "function", "function": {"name": "f"}}],
                    "parallel_tool_calls": False}, "parallel_tool_calls"),
        ("bedrock", {"temperature": 1.5}, "temperature"),
        ("bedrock", {"presence_penalty": 1}, "presence_penalty"),
        ("bedrock", {"reasoning_effort": "minimal"}, "reasoning_effort"),
        ("openai.responses", {"frequency_penalty": 1}, "frequency_penalty"),
        ("anthropic", {"prediction": {"type": "content", "content": "x"}}, "prediction"),
        ("anthropic", {"store": True}, "store"),
        ("gemini", {"tools": [{"type": "custom", "custom": {"name": "c"}}]}, "tools[0].type"),
        ("anthropic", {"messages": [{"role": "user", "content": [
            {"type": "text", "text": "Listen."},
            {"type": "input_audio", "input_audio": {"data": SOUND, "format": "wav"}}]}]},
         "messages[0].content[1].input_audio"),
        ("bedrock", {"messages": [{"role": "system", "content": "s"}, {"role": "user", "content": [
            {"type": "image_url", "image_url": {"url": "https://example.org/a.png"}}]}]},
         "messages[1].content[0].image_url"),
        ("bedrock", {"messages": [{"role": "user", "content": "x", "name": "ada"}]},
         "messages[0].name"),
        ("gemini", {"messages": [{"role": "user", "content": "x", "name": "ada"}]},
         "messages[0].name"),
    ],
)  # fmt: skip
def test_chats_fields_are_refused_by_name(openai_client, channel, wish, param, providers):
    ask = {"model": channel, "messages": [{"role": "user", "content": "Hi"}], **wish}
    with pytest.raises(openai.BadRequestError) as caught:
        openai_client.chat.completions.create(**ask)
    assert caught.value.body["param"] == param
    assert f"`{param}`" in caught.value.body["message"]
    assert providers[channel].seen == []


@pytest.mark.parametrize("channel", ["anthropic", "gemini", "bedrock", "openai.chat"])
def test_what_is_not_stored_is_not_said_to_be(openai_client, channel, streamed, providers):
    create = openai_client.responses.create
    with pytest.raises(openai.BadRequestError, match="leave `store` out, or say false") as caught:
        create(model=channel, input="Hi", store=True, stream=streamed)
    assert caught.value.body["param"] == "store"
    assert providers[channel].seen == []
    for wish in ({}, {"store": False}):
        said = create(model=channel, input="Hi", stream=streamed, **wish)
        said = list(said)[-1].response if streamed else said
        assert said.to_dict()["store"] is False


@pytest.mark.parametrize(
    ("channel", "wish", "param"),
    [
        ("anthropic", {"previous_response_id": "resp_1"}, "previous_response_id"),
        ("gemini", {"background": True}, "background"),
        ("gemini", {"tools": [{"type": "web_search"}]}, "tools[0].type"),
        ("openai.chat", {"conversation": "conv_1"}, "conversation"),
        ("anthropic", {"text": {"format": {"type": "json_object"}}}, "text.format"),
        ("bedrock", {"reasoning": {"effort": "minimal"}}, "reasoning.effort"),
    ],
)  # fmt: skip
def test_fields_of_responses_are_refused_by_name(openai_client, channel, wish, param, providers):
    with pytest.raises(openai.BadRequestError) as caught:
        openai_client.responses.create(model=channel, input="Hi", **wish)
    assert caught.value.body["param"] == param
    assert providers[channel].seen == []


SERVER_TOOL = {"type": "web_search_20250305", "name": "web_search"}
CUSTOM = {"name": "f", "input_schema": {"type": "object"}}
ONE = {"tools": [CUSTOM], "tool_choice": {"type": "auto", "disable_parallel_tool_use": True}}


@pytest.mark.parametrize(
    ("channel", "wish", "param"),
    [
        ("openai.chat", {"tools": [SERVER_TOOL]}, "tools[0].type"),
        ("bedrock", {"system": "s", "messages": [{"role": "user", "content": [
            {"type": "text", "text": "Read."},
            {"type": "document", "source": {"type": "url", "url": "https://example.org/a.pdf"}}]}]},
         "`messages[0].content[1].source`: Bedrock fetches nothing from the web"),
        ("gemini", {"container": "c_1"}, "container"),
        ("gemini", ONE, "tool_choice.disable_parallel_tool_use"),
        ("openai.responses", {"stop_sequences": ["#"]}, "stop_sequences"),
        ("gemini", {"stop_sequences": list("abcdef")}, "stop_sequences"),
        ("gemini", {"output_config": {"effort": "max"}}, "output_config.effort"),
    ],
)  # fmt: skip
def test_fields_of_messages_are_refused_by_name(anthropic_client, channel, wish, param, providers):
    ask = {"model": channel, "max_tokens": 9, "messages": [{"role": "user", "content": "Hi"}]}
    with pytest.raises(anthropic.BadRequestError, match=re.escape(param)):
        anthropic_client.messages.create(**{**ask, **wish})
    assert providers[channel].seen == []


@pytest.mark.parametrize("api", ["openai", "anthropic"])
def test_a_flows_words_go_before_at_every_door(door, api, streamed, providers):
    assert door.ask(f"polite-{api}", stream=streamed, system="Be brief.").text
    said = asked(providers, api)
    assert said.index("Be polite.") < said.index("Be brief.")
    paths = {"openai.chat": "/chat/completions", "openai.responses": "/responses"}
    usual = "/v1/messages" if api == "anthropic" else "/v1/chat/completions"
    own = f"/v1{paths[door.name]}" if api == "openai" and door.name in paths else usual
    assert providers[api].seen[-1].path == own


def test_a_place_is_counted_without_the_flows_words(openai_client, providers):
    content = [{"type": "text", "text": "Listen."},
               {"type": "input_audio", "input_audio": {"data": SOUND, "format": "wav"}}]  # fmt: skip
    with pytest.raises(openai.BadRequestError) as caught:
        openai_client.chat.completions.create(
            model="polite-anthropic", messages=[{"role": "user", "content": content}]
        )
    assert caught.value.body["param"] == "messages[0].content[1].input_audio"


def test_another_provider_answers_where_the_first_fails(door, streamed, providers):
    providers.act("openai.responses", "tools")
    said = door.ask("spare", tools=True, stream=streamed)
    providers.act("openai.responses", "status-500")
    history = [*said.turn, *door.results(said.calls)]
    after = door.ask("spare", tools=True, history=history, stream=streamed)
    assert after.text == "Hello wörld 你好 🎡"
    told = asked(providers, "anthropic")
    assert "Let me think." not in told
    assert said.calls[0].id in told


def test_the_helpers_of_the_clients_work(openai_client, anthropic_client, channel, providers):
    pydantic = pytest.importorskip("pydantic")
    place = pydantic.create_model("Place", __config__={"extra": "forbid"}, city=(str, ...))
    providers.act(channel, "json")
    user = [{"role": "user", "content": "Hi"}]
    chat = openai_client.chat.completions.parse(model=channel, messages=user, response_format=place)
    assert chat.choices[0].message.parsed.city == "Ulm"
    said = openai_client.responses.parse(model=channel, input="Hi", text_format=place)
    assert said.output_parsed.city == "Ulm"
    parsed = anthropic_client.messages.parse(
        model=channel, max_tokens=99, messages=user, output_format=place
    )
    assert parsed.parsed_output.city == "Ulm"
    with openai_client.chat.completions.stream(model=channel, messages=user) as events:
        assert events.get_final_completion().choices[0].message.content == '{"city":"Ulm"}'
    with openai_client.responses.stream(model=channel, input="Hi") as events:
        assert events.get_final_response().output_text == '{"city":"Ulm"}'


@pytest.mark.parametrize("door_type", [Chat, Responses])
def test_a_picture_by_address(openai_client, door_type, providers):
    client, url = openai_client, "https://example.org/a.png"
    if door_type is Chat:
        part = {"type": "image_url", "image_url": {"url": url}}
        for channel in ("anthropic", "gemini", "openai.responses"):
            client.chat.completions.create(
                model=channel, messages=[{"role": "user", "content": [part]}]
            )
            assert url in asked(providers, channel)
        with pytest.raises(openai.BadRequestError, match="send the data"):
            client.chat.completions.create(
                model="bedrock", messages=[{"role": "user", "content": [part]}]
            )
    else:
        part = {"type": "input_image", "image_url": url, "detail": "low"}
        for channel in ("anthropic", "gemini", "openai.chat"):
            client.responses.create(model=channel, input=[{"role": "user", "content": [part]}])
            assert url in asked(providers, channel)
