"""What goes wrong at a provider is the official client's own exception, never a clean end."""

import pytest

CLASSES = {400: "BadRequestError", 429: "RateLimitError", 500: "InternalServerError"}


@pytest.mark.parametrize("status", list(CLASSES))
def test_a_refusal_is_the_clients_own_error(door, channel, streamed, status, providers):
    providers.act(channel, f"status-{status}")
    with pytest.raises(getattr(door.errors, CLASSES[status])) as caught:
        door.ask(channel, stream=streamed)
    assert caught.value.status_code == status
    assert caught.value.response.headers["x-volano-trace"]
    if status == 429:
        waits = {"openai.chat": "20", "openai.responses": "20", "anthropic": "20",
                 "gemini": "7", "bedrock": "3"}  # fmt: skip
        assert caught.value.response.headers["retry-after"] == waits[channel]


@pytest.mark.parametrize("status", [401, 403])
def test_our_own_credentials_are_not_the_clients_fault(door, channel, status, providers):
    providers.act(channel, f"status-{status}")
    with pytest.raises(door.errors.InternalServerError) as caught:
        door.ask(channel)
    assert caught.value.status_code == 502


def test_a_cut_stream_is_an_error(door, channel, providers):
    providers.act(channel, "cut")
    with pytest.raises(door.errors.APIError):
        door.ask(channel, stream=True)


def test_an_error_in_mid_stream_is_an_error(door, channel, providers):
    providers.act(channel, "error")
    with pytest.raises(door.errors.APIError) as caught:
        door.ask(channel, stream=True)
    assert ".." not in str(caught.value)


def test_half_an_answer_is_an_error(door, channel, providers):
    providers.act(channel, "cut")
    with pytest.raises(door.errors.InternalServerError):
        door.ask(channel)


@pytest.mark.parametrize("channel", ["anthropic"])  # as it came at one door, translated at two
def test_a_stream_that_stalls_is_an_error(door, channel, providers):
    providers.act(channel, "stall")
    with pytest.raises(door.errors.APIError):
        door.ask(channel, stream=True)


def test_after_a_failure_the_next_call_works(door, channel, providers):
    for act in ("cut", "status-500"):
        providers.act(channel, act)
        with pytest.raises(door.errors.APIError):
            door.ask(channel, stream=True)
    providers.act(channel, "ok")
    assert door.ask(channel, stream=True).text


def test_an_unknown_channel_is_not_found(door, providers):
    with pytest.raises(door.errors.NotFoundError, match="did you mean `gemini`"):
        door.ask("gemin")
