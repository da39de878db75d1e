"""Where door and provider speak alike, all that their API knows passes, streamed too."""

import anthropic
import openai
import pytest


def test_anthropics_own_tools(anthropic_client, streamed, providers):
    providers.act("anthropic", "search")
    tool = {"type": "web_search_20250305", "name": "web_search", "max_uses": 3}
    ask = {"model": "anthropic", "max_tokens": 99, "tools": [tool],
           "messages": [{"role": "user", "content": "Hi"}]}  # fmt: skip
    if streamed:
        with anthropic_client.messages.stream(**ask) as events:
            said = events.get_final_message()
    else:
        said = anthropic_client.messages.create(**ask)
    kinds = [block.type for block in said.content]
    assert kinds == ["server_tool_use", "web_search_tool_result", "text"]
    assert said.content[0].input == {"query": "Ulm"}
    assert (said.stop_reason, said.usage.output_tokens) == ("end_turn", 5)


def test_openais_own_tools(openai_client, streamed, providers):
    providers.act("openai.responses", "search")
    ask = {"model": "openai.responses", "input": "Hi", "tools": [{"type": "web_search"}]}
    if streamed:
        with openai_client.responses.stream(**ask) as events:
            said = events.get_final_response()
    else:
        said = openai_client.responses.create(**ask)
    assert [item.type for item in said.output] == ["reasoning", "web_search_call", "message"]
    assert said.output_text


@pytest.mark.parametrize("channel", ["openai", "anthropic"])
def test_usage_of_completions_comes_only_when_asked_for(openai_client, channel, providers):
    ask = {"model": channel, "prompt": "Hi", "max_tokens": 30, "stream": True}
    events = list(openai_client.completions.create(**ask))
    assert all(event.choices for event in events)
    options = {"include_usage": True}
    events = list(openai_client.completions.create(**ask, stream_options=options))
    assert events[-1].usage.total_tokens > 0


def test_what_a_stream_told_of_its_tokens_is_on_the_trace(
    openai_client, anthropic_client, gateway, providers
):
    with openai_client.responses.with_streaming_response.create(
        model="openai.responses", input="Hi", stream=True
    ) as response:
        response.read()
        traces = [response.headers["x-volano-trace"]]
    with anthropic_client.messages.with_streaming_response.create(
        model="anthropic", max_tokens=9, messages=[{"role": "user", "content": "Hi"}], stream=True
    ) as response:
        response.read()
        traces.append(response.headers["x-volano-trace"])
    calls = {call.id: call for call in gateway.frames()}
    assert [calls[trace].outcome for trace in traces] == ["ok", "ok"]
    assert all(b'"output_tokens":5' in calls[t].response.replace(b" ", b"") for t in traces)


def test_when_an_answer_was_made_is_always_told(openai_client, channel, providers):
    ask = {"model": channel, "messages": [{"role": "user", "content": "Hi"}]}
    assert openai_client.chat.completions.create(**ask).created > 1_700_000_000
    with openai_client.chat.completions.create(**ask, stream=True) as events:
        assert {event.created > 1_700_000_000 for event in events} == {True}
    assert openai_client.responses.create(model=channel, input="Hi").created_at > 1_700_000_000


def test_their_errors_pass_as_they_came(openai_client, anthropic_client, providers):
    ask = {"messages": [{"role": "user", "content": "Hi"}]}
    providers.act("anthropic", "status-529")
    with pytest.raises(anthropic.APIStatusError) as told:
        anthropic_client.messages.create(model="anthropic", max_tokens=9, **ask)
    assert (told.value.status_code, told.value.body["request_id"]) == (529, "req_0123")
    providers.act("openai.chat", "status-429")
    with pytest.raises(openai.RateLimitError) as refused:
        openai_client.chat.completions.create(model="openai.chat", **ask)
    assert refused.value.code == "rate_limit_exceeded"
