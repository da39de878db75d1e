"""Thoughts go back to who thought them, and to nobody else, whichever door they came by."""

import anthropic
import pytest

from contracts.gateway.doors import Chat, Messages, Responses
from simulators.providers import anthropic as claude
from simulators.providers import gemini, openai_responses

THINKERS = {"openai.responses": openai_responses.SECRET, "anthropic": claude.SIGNATURE,
            "gemini": gemini.SIGNATURE, "bedrock": "c2ln", "nova": "c2ln"}  # fmt: skip
THINKING = {"type": "enabled", "budget_tokens": 1024}


@pytest.fixture(params=["responses", "messages"])
def thinker_door(request, openai_client, anthropic_client):
    """The doors whose clients carry thoughts with their proofs."""
    if request.param == "messages":
        return Messages(anthropic_client)
    return Responses(openai_client)


def thoughtful(door, channel: str) -> dict:
    """What makes the provider think; Nova does so unasked and cannot be told."""
    if channel in ("nova", "gemini"):
        return {}
    return {"thinking": THINKING} if door.name == "anthropic.messages" else {
        "reasoning": {"effort": "low"}}  # fmt: skip


@pytest.mark.parametrize("first", list(THINKERS))
@pytest.mark.parametrize("then", [*THINKERS, "openai.chat"])
def test_a_thought_is_told_only_to_its_maker(thinker_door, streamed, first, then, providers):
    door = thinker_door
    providers.act(first, "tools")
    said = door.ask(first, tools=True, stream=streamed, **thoughtful(door, first))
    assert len(said.calls) == 2
    providers[first].seen.clear()
    providers.act(first, "ok")
    history = [*said.turn, *door.results(said.calls)]
    more = {} if then in ("nova", "gemini") else thoughtful(door, then)
    assert door.ask(then, tools=True, history=history, stream=streamed, **more).text
    told = providers[then].seen[-1].body.decode()
    makers = {"bedrock": "claude", "anthropic": "claude"}
    if makers.get(first, first) != makers.get(then, then):
        for secret in (THINKERS[first], claude.REDACTED, "Let me think."):
            assert secret not in told
    for mark in ("openai.", "anthropic.", "gemini.", "bedrock."):
        assert f'"{mark}' not in told


def test_its_own_maker_gets_a_thought_back(anthropic_client, openai_client, providers):
    for door, channel in ((Responses(openai_client), "anthropic"),
                          (Messages(anthropic_client), "anthropic"),
                          (Messages(anthropic_client), "gemini")):  # fmt: skip
        providers.act(channel, "tools")
        said = door.ask(channel, tools=True, **thoughtful(door, channel))
        providers.act(channel, "ok")
        history = [*said.turn, *door.results(said.calls)]
        assert door.ask(channel, tools=True, history=history, **thoughtful(door, channel)).text
        assert THINKERS[channel] in providers[channel].seen[-1].body.decode()


def test_a_client_of_chat_sends_thoughts_without_a_proof(openai_client, channel, providers):
    turn = {"role": "assistant", "content": "Hm.", "reasoning_content": "SECRETLY"}
    history = [turn, {"role": "user", "content": "And?"}]
    assert Chat(openai_client).ask(channel, history=history).text
    assert "SECRETLY" not in providers[channel].seen[-1].body.decode()


def test_a_signature_that_is_not_valid_is_the_providers_to_refuse(anthropic_client, providers):
    turn = {"role": "assistant", "content": [
        {"type": "thinking", "thinking": "x", "signature": "Eqforged"},
        {"type": "text", "text": "Hm."}]}  # fmt: skip
    history = [turn, {"role": "user", "content": "And?"}]
    with pytest.raises(anthropic.BadRequestError, match="signature"):
        Messages(anthropic_client).ask("anthropic", history=history)
