"""Embeddings and the old completions, through the official client."""

import openai
import pytest
from openai.types import Completion, CreateEmbeddingResponse

TEXT = "Hello wörld 你好 🎡"


@pytest.mark.parametrize("channel", ["openai", "gemini"])
@pytest.mark.parametrize("asked", [{}, {"encoding_format": "float"}, {"dimensions": 7}])
def test_texts_are_embedded(openai_client, channel, asked, providers):
    said = openai_client.embeddings.create(model=channel, input=["a", "b"], **asked)
    CreateEmbeddingResponse.model_validate(said.to_dict())
    assert [row.index for row in said.data] == [0, 1]
    assert said.data[1].embedding == [0.5] * asked.get("dimensions", 4)


def test_tokens_can_be_embedded_only_by_openai(openai_client, providers):
    assert openai_client.embeddings.create(model="openai", input=[[1, 2], [3]]).data
    with pytest.raises(openai.BadRequestError, match="tokens") as caught:
        openai_client.embeddings.create(model="gemini", input=[[1, 2], [3]])
    assert caught.value.body["param"] == "input"


@pytest.mark.parametrize("channel", ["anthropic", "bedrock"])
def test_who_cannot_embed_says_so(openai_client, channel, providers):
    with pytest.raises(openai.BadRequestError, match="cannot serve /v1/embeddings"):
        openai_client.embeddings.create(model=channel, input="a")


@pytest.mark.parametrize("channel", ["openai", "gemini"])
def test_failures_of_embeddings_are_the_clients_own_errors(openai_client, channel, providers):
    for status, error in ((429, openai.RateLimitError), (500, openai.InternalServerError)):
        providers.act(channel, f"status-{status}")
        with pytest.raises(error):
            openai_client.embeddings.create(model=channel, input="a")


@pytest.mark.parametrize("channel", ["openai", "openai.chat", "anthropic", "gemini", "bedrock"])
def test_the_old_completions(openai_client, channel, streamed, providers):
    asked = {"model": channel, "prompt": "Say hello.", "max_tokens": 30}
    if not streamed:
        said = openai_client.completions.create(**asked)
        Completion.model_validate(said.to_dict())
        assert said.choices[0].text == TEXT
        assert said.usage.completion_tokens > 0
        return
    options = {"include_usage": True}
    with openai_client.completions.create(**asked, stream=True, stream_options=options) as events:
        found = list(events)
    text = "".join(choice.text for event in found for choice in event.choices)
    assert text == TEXT
    assert found[-1].usage.completion_tokens > 0
    assert [c.finish_reason for e in found for c in e.choices if c.finish_reason] == ["stop"]


@pytest.mark.parametrize("channel", ["openai", "anthropic", "gemini"])
def test_a_cut_stream_of_completions_is_an_error(openai_client, channel, providers):
    providers.act(channel, "cut")
    asked = {"model": channel, "prompt": "Say hello.", "max_tokens": 30}
    with pytest.raises(openai.APIError):
        list(openai_client.completions.create(**asked, stream=True))
