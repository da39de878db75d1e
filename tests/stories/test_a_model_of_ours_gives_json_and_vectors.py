"""Structured answers and embeddings of a model of ours, by OpenAI's own client."""

import json
import os

import openai
import pytest

from volano.cli.demo.platform import Platform

pytestmark = pytest.mark.slow

SCHEMA = {
    "type": "object",
    "properties": {"queue": {"enum": ["billing", "shipping"]}},
    "required": ["queue"],
    "additionalProperties": False,
}
LONG, SHORT = "My Falcon has not arrived, where is order 4711? No rush.", "Hilfe 你好"


@pytest.fixture
def platform(tmp_path, monkeypatch):
    monkeypatch.setitem(os.environ, "VOLANO_ENGINE_EMBEDDINGS", "on")
    with Platform(tmp_path / "work") as running:
        yield running


def test_json_by_a_schema_and_vectors_that_do_not_depend_on_their_neighbours(platform):
    flow = platform.say("POST", "/flows/plain/compose", model="ticket-router@1")
    release = platform.say("POST", "/releases/plain/cut", flow=flow["ref"])
    platform.say("POST", f"/releases/{release['ref']}/promote", channel="plain")
    key = platform.say("POST", "/keys", name="test")["text"]
    with openai.OpenAI(base_url=f"{platform.url}/v1", api_key=key, max_retries=5) as client:
        answer = client.chat.completions.create(
            model="plain",
            messages=[{"role": "user", "content": f"Ticket: {LONG}\nJSON:"}],
            response_format={
                "type": "json_schema",
                "json_schema": {"name": "ticket", "schema": SCHEMA, "strict": True},
            },
            max_tokens=40,
        )
        said = json.loads(answer.choices[0].message.content)
        assert set(said) == {"queue"}
        assert said["queue"] in SCHEMA["properties"]["queue"]["enum"]
        alone = client.embeddings.create(model="plain", input=LONG).data[0].embedding
        both = client.embeddings.create(model="plain", input=[SHORT, LONG])
    assert len(alone) == 64
    assert both.data[1].embedding == pytest.approx(alone, abs=1e-4)
    assert both.data[0].embedding != pytest.approx(alone, abs=1e-2)
    assert both.usage.prompt_tokens > 10
