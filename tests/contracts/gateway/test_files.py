"""Documents pass through every door to every provider; asyncio's clients work as well."""

import asyncio

import anthropic
import openai
import pytest

from simulators.workers import KEY

PDF = "JVBERi0xLjQKJeLjz9MKdHJhaWxlcjw8L1Jvb3QgMSAwIFI+PgolJUVPRgo="
URL = f"data:application/pdf;base64,{PDF}"


def test_a_document_passes(openai_client, anthropic_client, channel, providers):
    def arrived() -> bool:
        return PDF in providers[channel].seen[-1].body.decode()

    part = {"type": "file", "file": {"file_data": URL, "filename": "a.pdf"}}
    words = {"type": "text", "text": "Read it."}
    openai_client.chat.completions.create(
        model=channel, messages=[{"role": "user", "content": [words, part]}]
    )
    assert arrived()
    part = {"type": "input_file", "file_data": URL, "filename": "a.pdf"}
    words = {"type": "input_text", "text": "Read it."}
    openai_client.responses.create(
        model=channel, input=[{"role": "user", "content": [words, part]}]
    )
    assert arrived()
    source = {"type": "base64", "media_type": "application/pdf", "data": PDF}
    part = {"type": "document", "source": source, "title": "a.pdf"}
    words = {"type": "text", "text": "Read it."}
    anthropic_client.messages.create(
        model=channel, max_tokens=99, messages=[{"role": "user", "content": [words, part]}]
    )
    assert arrived()


def test_a_file_kept_at_one_provider_is_refused_by_others(openai_client, providers):
    part = {"type": "file", "file": {"file_id": "file-abc"}}
    for channel in ("gemini", "bedrock"):
        with pytest.raises(openai.BadRequestError, match="says nothing to it"):
            openai_client.chat.completions.create(
                model=channel, messages=[{"role": "user", "content": [part]}]
            )


async def _streams(gateway, channel):
    user = [{"role": "user", "content": "Hi"}]
    async with openai.AsyncOpenAI(base_url=gateway.url, api_key=KEY, max_retries=0) as client:
        stream = await client.chat.completions.create(model=channel, messages=user, stream=True)
        said = [c.delta.content or "" async for event in stream for c in event.choices]
    url = gateway.url.removesuffix("/v1")
    ask = {"model": channel, "max_tokens": 99, "messages": user}
    claude = anthropic.AsyncAnthropic(base_url=url, api_key=KEY, max_retries=0)
    async with claude, claude.messages.stream(**ask) as events:
        text = await events.get_final_text()
    return "".join(said), text


@pytest.mark.parametrize("channel", ["anthropic", "openai.chat"])
def test_the_clients_of_asyncio(gateway, channel, providers):
    first, second = asyncio.run(_streams(gateway, channel))
    assert first == second == "Hello wörld 你好 🎡"
