"""What an engine's error says about the client's own request."""

import json

import pytest

from volano.serving.refusal import refusal_of


def said(message, **more):
    return json.dumps({"error": {"message": message, **more}}).encode()


def test_a_prompt_that_is_too_long_says_how_long():
    body = said("…", type="exceed_context_size_error", n_prompt_tokens=900, n_ctx=512)
    refusal = refusal_of(400, body)
    assert refusal.code == "context_length_exceeded"
    assert "900" in refusal.message
    assert "512" in refusal.message


@pytest.mark.parametrize(
    ("message", "param"),
    [
        ("Failed to parse messages: Missing 'role' in message: {}", "messages"),
        ("Failed to parse tools: Missing tool type: 1", "tools"),
        ("image input is not supported - hint: mmproj", "messages"),
        ("audio input is not supported", "messages"),
    ],
)
def test_a_clients_slip_is_told_as_a_500_and_is_none(message, param):
    refusal = refusal_of(500, said(message))
    assert (refusal.status, refusal.param) == (400, param)


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (500, said("out of memory")), (503, said("Loading model")), (404, said("Failed to parse x: y")),
        (500, b"<html>"), (500, b"[]"), (500, b'{"error":"text"}'), (400, b""), (500, b"[" * 100_000),
    ],
)  # fmt: skip
def test_the_engines_own_failures_stay_its_own(status, body):
    assert refusal_of(status, body) is None


def test_what_else_it_refuses_is_passed_on():
    assert refusal_of(400, said("Field 'n': too large")).message == "Field 'n': too large."
