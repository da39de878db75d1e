"""Both official clients list the channels; counting tokens and versions reach Anthropic."""

import anthropic
import openai
import pytest
from anthropic.types import ModelInfo

from contracts.gateway.doors import Messages


def test_openais_client_lists_and_retrieves(openai_client):
    names = [model.id for model in openai_client.models.list()]
    assert "anthropic" in names
    assert openai_client.models.retrieve("gemini").id == "gemini"
    with pytest.raises(openai.NotFoundError):
        openai_client.models.retrieve("absent")


def test_anthropics_client_lists_and_retrieves(anthropic_client, openai_client):
    names = [model.id for model in openai_client.models.list()]
    page = anthropic_client.models.list()
    assert [model.id for model in page] == names
    assert (page.first_id, page.last_id, page.has_more) == (names[0], names[-1], False)
    found = anthropic_client.models.retrieve("gemini")
    ModelInfo.model_validate(found.to_dict())
    assert (found.id, found.display_name, found.type) == ("gemini", "gemini", "model")
    assert found.created_at.year == 2023
    with pytest.raises(anthropic.NotFoundError, match="absent"):
        anthropic_client.models.retrieve("absent")


def test_anthropics_client_turns_pages_both_ways(anthropic_client, openai_client):
    names = [model.id for model in openai_client.models.list()]
    assert [model.id for model in anthropic_client.models.list(limit=2)] == names
    first = anthropic_client.models.list(limit=3)
    assert ([m.id for m in first.data], first.has_more) == (names[:3], True)
    back = anthropic_client.models.list(limit=2, before_id=names[3])
    assert ([m.id for m in back.data], back.has_more) == (names[1:3], True)
    assert list(anthropic_client.models.list(after_id=names[-1])) == []


@pytest.mark.parametrize(
    "asked", [{"limit": 0}, {"limit": 1001}, {"after_id": "absent"}, {"before_id": "absent"},
              {"after_id": "gemini", "before_id": "gemini"}],
)  # fmt: skip
def test_a_page_that_cannot_be_is_refused_by_name(anthropic_client, asked):
    with pytest.raises(anthropic.BadRequestError, match=r"limit|after_id|before_id"):
        anthropic_client.models.list(**asked)


def test_a_key_that_is_not_known_is_each_clients_own_error(gateway, narrow_key):
    url = gateway.url.removesuffix("/v1")
    with anthropic.Anthropic(base_url=url, api_key="vk_wrong", max_retries=0) as client:
        with pytest.raises(anthropic.AuthenticationError, match="volano key"):
            client.models.list()
        with pytest.raises(anthropic.AuthenticationError):
            Messages(client).ask("anthropic")
    with anthropic.Anthropic(base_url=url, api_key=narrow_key, max_retries=0) as client:
        assert list(client.models.list()) == []
        with pytest.raises(anthropic.PermissionDeniedError):
            Messages(client).ask("anthropic")
    wrong = openai.OpenAI(base_url=gateway.url, api_key="vk_wrong", max_retries=0)
    with wrong, pytest.raises(openai.AuthenticationError):
        wrong.models.list()


def test_tokens_are_counted_by_anthropic(anthropic_client, providers):
    messages = [{"role": "user", "content": "Hi"}]
    counted = anthropic_client.messages.count_tokens(model="anthropic", messages=messages)
    assert counted.input_tokens == 2095
    assert providers["anthropic"].seen[-1].path == "/v1/messages/count_tokens"


def test_counting_is_never_streamed(anthropic_client, providers):
    messages = [{"role": "user", "content": "Hi"}]
    counted = anthropic_client.messages.count_tokens(
        model="anthropic", messages=messages, extra_body={"stream": True}
    )
    assert counted.input_tokens == 2095


def test_a_flows_words_are_counted_too(anthropic_client, providers):
    messages = [{"role": "user", "content": "Hi"}]
    counted = anthropic_client.messages.count_tokens(
        model="polite-anthropic", messages=messages, system="Be brief."
    )
    assert counted.input_tokens == 2095
    seen = providers["anthropic"].seen[-1]
    assert seen.path == "/v1/messages/count_tokens"
    assert seen.body.index(b"Be polite.") < seen.body.index(b"Be brief.")


@pytest.mark.parametrize("channel", ["openai.chat", "openai.responses", "gemini", "bedrock"])
def test_where_tokens_cannot_be_counted_a_clear_400_says_so(anthropic_client, channel, providers):
    messages = [{"role": "user", "content": "Hi"}]
    with pytest.raises(anthropic.BadRequestError, match=r"count_tokens.*add a target"):
        anthropic_client.messages.count_tokens(model=channel, messages=messages)
    assert providers[channel].seen == []


def test_betas_and_the_version_reach_anthropic(anthropic_client, streamed, providers):
    headers = {"anthropic-beta": "context-1m-2025-08-07,files-api-2025-04-14"}
    Messages(anthropic_client).ask("anthropic", stream=streamed, extra_headers=headers)
    head = providers["anthropic"].seen[-1].headers
    assert head["anthropic-beta"] == headers["anthropic-beta"]
    assert head["anthropic-version"] == anthropic_client.default_headers["anthropic-version"]
    assert head["x-api-key"] == "test-anthropic-key"
    headers = {"anthropic-version": "2021-01-01"}
    with pytest.raises(anthropic.BadRequestError, match="not a valid version"):
        Messages(anthropic_client).ask("anthropic", extra_headers=headers)
    assert "anthropic-beta" not in providers["anthropic"].seen[-1].headers


def test_the_beta_helper_of_the_client_works(anthropic_client, providers):
    said = anthropic_client.beta.messages.create(
        model="anthropic", max_tokens=9, messages=[{"role": "user", "content": "Hi"}],
        betas=["context-1m-2025-08-07"],
    )  # fmt: skip
    assert said.content[0].text
    assert providers["anthropic"].seen[-1].headers["anthropic-beta"] == "context-1m-2025-08-07"


@pytest.mark.parametrize("channel", ["openai.chat", "gemini", "bedrock"])
def test_betas_are_not_told_to_others(anthropic_client, channel, providers):
    headers = {"anthropic-beta": "context-1m-2025-08-07"}
    assert Messages(anthropic_client).ask(channel, extra_headers=headers).text
    assert not [name for name in providers[channel].seen[-1].headers if "anthropic" in name]
