"""Every field of a request reaches each API, is refused by name, or is listed as passed over.

The fields are those of the official clients and those that the readers know; the list is
the table in `docs/reference/headers.md`. Nothing else may be dropped.
"""

import json
import re
from copy import deepcopy
from pathlib import Path
from typing import get_type_hints

import msgspec
import pytest
from anthropic.types.beta import message_create_params as beta_messages
from anthropic.types.message_create_params import MessageCreateParamsBase
from hypothesis import given
from hypothesis import strategies as st
from openai.types import completion_create_params as old_completions
from openai.types.chat.completion_create_params import CompletionCreateParamsBase
from openai.types.responses.response_create_params import ResponseCreateParamsBase

from support.exchanges import names
from volano.gateway.naming import named, with_field
from volano.wire.dialects import openai_completions
from volano.wire.dialects.anthropic import MESSAGES, ask_reader, block_reader
from volano.wire.dialects.bedrock import BEDROCK
from volano.wire.dialects.gemini import GEMINI
from volano.wire.dialects.openai_chat import CHAT, message_reader
from volano.wire.dialects.openai_chat import ask_reader as chat_reader
from volano.wire.dialects.openai_completions import COMPLETIONS
from volano.wire.dialects.openai_responses import RESPONSES, reading
from volano.wire.exchange import CannotSayError
from volano.wire.openai import FieldError
from volano.wire.thoughts import own

DOCS = Path(__file__).parents[4] / "docs" / "reference" / "headers.md"
DOORS = {"chat": CHAT, "responses": RESPONSES, "messages": MESSAGES, "completions": COMPLETIONS}
TARGETS = {
    "Chat": (CHAT, "gpt"),
    "Responses": (RESPONSES, "gpt"),
    "Anthropic": (MESSAGES, "claude"),
    "Gemini": (GEMINI, "gemini-3-pro"),
    "Bedrock": (BEDROCK, "anthropic.claude"),
}
PNG, PDF = "data:image/png;base64,aGk=", "data:application/pdf;base64,JVBERi0="
SCHEMA = {"type": "object", "properties": {}}
FUNCTION = {"name": "f", "parameters": SCHEMA}

BASES = {
    "chat": {
        "model": "m",
        "messages": [
            {"role": "system", "content": [{"type": "text", "text": "s"}]},
            {"role": "user", "content": [
                {"type": "text", "text": "look"},
                {"type": "image_url", "image_url": {"url": PNG}},
                {"type": "file", "file": {"file_data": PDF}},
            ]},
            {"role": "assistant", "content": "so", "tool_calls": [
                {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{}"}},
            ]},
            {"role": "tool", "tool_call_id": "call_1", "content": "x"},
        ],
        "tools": [{"type": "function", "function": FUNCTION}],
        "response_format": {"type": "json_schema", "json_schema": {"name": "a", "schema": SCHEMA}},
    },
    "responses": {
        "model": "m",
        "input": [
            {"role": "user", "content": [
                {"type": "input_text", "text": "look"},
                {"type": "input_image", "image_url": PNG},
                {"type": "input_file", "file_data": PDF},
            ]},
            {"type": "message", "role": "assistant",
             "content": [{"type": "output_text", "text": "so"}]},
            {"type": "function_call", "call_id": "call_1", "name": "f", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "call_1", "output": "x"},
        ],
        "tools": [{"type": "function", **FUNCTION}],
        "text": {"format": {"type": "json_schema", "name": "a", "schema": SCHEMA}},
    },
    "messages": {
        "model": "m",
        "max_tokens": 50,
        "system": [{"type": "text", "text": "s"}],
        "messages": [
            {"role": "user", "content": [
                {"type": "text", "text": "look"},
                {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "aGk="}},
            ]},
            {"role": "assistant", "content": [
                {"type": "text", "text": "so"},
                {"type": "tool_use", "id": "call_1", "name": "f", "input": {}},
            ]},
            {"role": "user", "content": [
                {"type": "tool_result", "tool_use_id": "call_1", "content": "x"},
                {"type": "text", "text": "and"},
                {"type": "document", "source": {
                    "type": "base64", "media_type": "application/pdf", "data": "JVBERi0="}},
            ]},
        ],
        "tools": [{"name": "f", "input_schema": SCHEMA}],
    },
    "completions": {"model": "m", "prompt": "hi"},
}  # fmt: skip
MARK = {"type": "ephemeral", "ttl": "1h"}
POINT = {"mode": "explicit"}
SOUND = {"type": "input_audio", "input_audio": {"data": "aGk=", "format": "wav"}}

SAMPLES = {
    "chat": {
        "model": None, "messages": None, "stream": True, "n": 2, "seed": 3, "stop": ["x"],
        "temperature": 0.5, "top_p": 0.5, "max_tokens": 5, "max_completion_tokens": 5,
        "presence_penalty": 0.5, "frequency_penalty": 0.5, "logprobs": True, "top_logprobs": 2,
        "logit_bias": {"1": 2}, "verbosity": "low", "reasoning_effort": "low",
        "service_tier": "priority", "parallel_tool_calls": False, "tool_choice": "required",
        "functions": [{"name": "f"}], "function_call": "auto", "modalities": ["text", "audio"],
        "audio": {"voice": "x", "format": "wav"}, "moderation": {"model": "x"},
        "web_search_options": {}, "prediction": {"type": "content", "content": "x"},
        "store": True, "metadata": {"order": "7"}, "user": "ada", "safety_identifier": "ada",
        "prompt_cache_key": "k", "prompt_cache_options": {"mode": "x"},
        "prompt_cache_retention": "24h",
        "stream_options.include_usage": True, "stream_options.include_obfuscation": False,
        "response_format.type": None, "response_format.json_schema.name": "b",
        "response_format.json_schema.description": "what it is",
        "response_format.json_schema.schema": {"type": "object", "title": "t"},
        "response_format.json_schema.strict": True,
        "tools[0]": {"type": "custom", "custom": {"name": "c"}},
        "tools[0].type": None, "tools[0].function.name": None,
        "tools[0].function.description": "d", "tools[0].function.strict": True,
        "tools[0].function.parameters": {"type": "object", "title": "t"},
        "tools[0].cache_control": MARK,
        "messages[0].content[0].cache_control": MARK,
        "messages[1].name": "bob", "messages[1].role": None,
        "messages[1].content[0].text": "other", "messages[1].content[1]": SOUND,
        "messages[1].content[0].prompt_cache_breakpoint": POINT,
        "messages[1].content[1].image_url.url": PNG + "aGk=",
        "messages[1].content[1].image_url.detail": "high",
        "messages[1].content[2].file.filename": "a.pdf",
        "messages[1].content[2].file.file_data": PDF + "aGk=",
        "messages[1].content[2].file": {"file_id": "file-1"},
        "messages[2].refusal": "no", "messages[2].annotations": [{"type": "url_citation"}],
        "messages[2].reasoning_content": "hm", "messages[2].reasoning": "hm",
        "messages[2].audio": {"id": "a"}, "messages[2].function_call": {"name": "f"},
        "messages[2].tool_calls[0].function.arguments": '{"a":1}',
        "messages[2].tool_calls[0].index": 0,
        "messages[3].content": "y",
    },
    "responses": {
        "model": None, "input": "hi", "instructions": "be brief", "stream": True,
        "max_output_tokens": 5, "temperature": 0.5, "top_p": 0.5, "top_logprobs": 2,
        "tool_choice": "required", "parallel_tool_calls": False, "service_tier": "priority",
        "user": "ada", "safety_identifier": "ada", "metadata": {"order": "7"}, "store": True,
        "background": True, "truncation": "auto", "max_tool_calls": 3,
        "include": ["code_interpreter_call.outputs"], "stream_options.include_obfuscation": False,
        "prompt": {"id": "p"}, "previous_response_id": "r", "conversation": "c",
        "context_management": [{"type": "compaction"}], "moderation": {"model": "x"},
        "access_programs": {"cyber": "standard"}, "image": {"quality": "low"},
        "prompt_cache_key": "k", "prompt_cache_options": {"mode": "x"},
        "prompt_cache_retention": "24h",
        "text.verbosity": "low", "text.format.name": "b", "text.format.description": "what it is",
        "text.format.schema": {"type": "object", "title": "t"}, "text.format.strict": True,
        "text.format.type": None,
        "reasoning.effort": "low", "reasoning.summary": "auto", "reasoning.generate_summary": "auto",
        "reasoning.context": "x", "reasoning.mode": "x",
        "tools[0]": {"type": "web_search"}, "tools[0].type": None, "tools[0].name": None,
        "tools[0].description": "d", "tools[0].strict": True, "tools[0].async": True,
        "tools[0].defer_loading": True, "tools[0].allowed_callers": ["code"],
        "tools[0].output_schema": SCHEMA, "tools[0].parameters": {"type": "object", "title": "t"},
        "input[0].type": None, "input[0].role": None, "input[0].name": None,
        "input[0].content[0].text": "other", "input[0].content[1]": SOUND,
        "input[0].content[0].prompt_cache_breakpoint": {**POINT, "ttl": "30m"},
        "input[0].content[1].detail": "high", "input[0].content[1].image_url": PNG + "aGk=",
        "input[0].content[2].filename": "a.pdf", "input[0].content[2].file_data": PDF + "aGk=",
        "input[0].content[2]": {"type": "input_file", "file_url": "https://example.org/a.pdf"},
        "input[0].content[1].file_id": "file-1",
        "input[1].id": "msg_1", "input[1].status": "completed", "input[1].phase": "x",
        "input[1].content[0].annotations": [{"type": "url_citation"}],
        "input[1].content[0].logprobs": [{}],
        "input[1].content[0]": {"type": "refusal", "refusal": "no"},
        "input[2].arguments": '{"a":1}', "input[2].namespace": "x", "input[2].async": True,
        "input[2].caller": {"type": "program"}, "input[3].output": "y", "input[3].name": "f",
        "input[1]": {"type": "reasoning", "summary": [{"type": "summary_text", "text": "x"}]},
    },
    "messages": {
        "model": None, "messages": None, "max_tokens": 5, "stream": True, "system": "other",
        "temperature": 0.5, "top_p": 0.5, "top_k": 5, "stop_sequences": ["x"],
        "tool_choice": {"type": "any"}, "service_tier": "standard_only",
        "thinking": {"type": "enabled", "budget_tokens": 2000}, "metadata.user_id": "ada",
        "cache_control": MARK, "container": "c", "diagnostics": {"x": 1}, "inference_geo": "eu",
        "speed": "fast", "user_profile_id": "u", "workspace_id": "w", "betas": ["x"],
        "billing_policy": {"x": 1}, "compaction": {"x": 1}, "context_management": {"edits": []},
        "fallback_credit_token": "x", "fallbacks": ["x"], "mcp_servers": [{"type": "url"}],
        "thread": "x",
        "output_config.effort": "low", "output_config.task_budget": {"total": 5},
        "output_config.format": {"type": "json_schema", "schema": SCHEMA},
        "output_format": {"type": "json_schema", "schema": SCHEMA},
        "tool_choice.disable_parallel_tool_use": None, "thinking.display": None,
        "tools[0].type": None, "tools[0]": {"type": "web_search_20250305", "name": "web_search"},
        "tools[0].description": "d", "tools[0].strict": True, "tools[0].cache_control": MARK,
        "tools[0].eager_input_streaming": True, "tools[0].input_examples": [{}],
        "tools[0].defer_loading": True, "tools[0].allowed_callers": ["code"],
        "tools[0].input_schema": {"type": "object", "title": "t"}, "tools[0].name": None,
        "system[0].cache_control": MARK, "messages[0].role": None,
        "messages[0].content[0].text": "other", "messages[0].content[0].cache_control": MARK,
        "messages[0].content[1].source": {"type": "url", "url": "https://example.org/a.png"},
        "messages[0].content[1].transformations": [{}],
        "messages[1].content[0].citations": [{"type": "char_location"}],
        "messages[1].content[0]": {"type": "redacted_thinking", "data": "anthropic.x"},
        "messages[1].content[1].caller": {"type": "direct"},
        "messages[1].content[1].toolset_name": "x", "messages[1].content[1].input": {"a": 1},
        "messages[2].content[0].is_error": True, "messages[2].content[0].content": "y",
        "messages[2].content[2].title": "a", "messages[2].content[2].context": "x",
        "messages[2].content[2].citations": {"enabled": True},
        "messages[2].content[2].source": {"type": "file", "file_id": "file-1"},
    },
    "completions": {
        "model": None, "prompt": "ho", "stream": True, "n": 2, "seed": 3, "stop": ["x"],
        "temperature": 0.5, "top_p": 0.5, "max_tokens": 5, "presence_penalty": 0.5,
        "frequency_penalty": 0.5, "logprobs": 2, "logit_bias": {"1": 2}, "user": "ada",
        "suffix": "x", "echo": True, "best_of": 2,
        "stream_options.include_usage": True, "stream_options.include_obfuscation": False,
    },
}  # fmt: skip
"""Each field with a value that is not its default; None: every request shows that it is carried."""

ALSO = [
    ("messages", "thinking", {}, {"thinking": {"type": "adaptive"}}),
    ("messages", "thinking.display", {"thinking": {"type": "adaptive"}},
     {"thinking": {"type": "adaptive", "display": "summarized"}}),
    ("chat", "safety_identifier", {"user": "ada"}, {"safety_identifier": "bob"}),
    ("responses", "safety_identifier", {"user": "ada"}, {"safety_identifier": "bob"}),
    ("messages", "messages[]", {}, {"messages": [
        {"role": "assistant", "content": [{"type": "thinking", "thinking": "t", "signature": "x"}]},
        {"role": "user", "content": "x"}]}),
    ("responses", "include", {}, {"include": ["reasoning.encrypted_content"]}),
]  # fmt: skip
"""(door, field, beside what, with what): passed over so, though carried in other cases."""


def changed(body, path, value):
    """The body with this field set."""
    body = deepcopy(body)
    at, steps = body, re.findall(r"[a-z_]+|\[\d+\]", path)
    keys = [int(step[1:-1]) if step[0] == "[" else step for step in steps]
    for key in keys[:-1]:
        at = at.setdefault(key, {}) if isinstance(key, str) else at[key]
    at[keys[-1]] = value
    return body


def request(door, target, body):
    """(what the target is asked, where, and what the gateway itself does)."""
    dialect, model = TARGETS[target]
    ask = DOORS[door].read_ask(json.dumps(body).encode())
    turns = own(ask.turns, door=DOORS[door].name, dialect=dialect.name, model=model)
    usage = ask.wants_usage and not ask.stream
    ask = msgspec.structs.replace(ask, model=model, turns=turns, wants_usage=True)
    try:
        said = json.loads(dialect.write_ask(ask))
    except CannotSayError as error:
        error.param = named(error.param, DOORS[door].name, ask)
        raise
    return said, dialect.path(ask) if hasattr(dialect, "path") else "", usage


def outcome(door, target, before, after):
    """carried, passed over, or the name of the field that is refused."""
    try:
        said = request(door, target, after)
    except (CannotSayError, FieldError) as error:
        return error.param
    return "carried" if said != request(door, target, before) else "passed over"


def sample(door, path, value):
    """(without the field, with it)."""
    return BASES[door], changed(BASES[door], path, value)


def general(path):
    """The path without places."""
    return re.sub(r"\[\d+\]", "[]", path)


def listed():
    """(door, field, API) of each cell of the table."""
    section = DOCS.read_text().partition("### What is passed over")[2].partition("\n## ")[0]
    rows = [row.split("|") for row in section.splitlines() if row.startswith("| `")]
    found = set()
    for _, said, where, why, _ in rows:
        assert why.strip()
        for doors, fields in re.findall(
            r"(?:^|; )\s*((?:`[^`]+`(?:, )?)+) \(([^)]+)\)", said.strip()
        ):
            for door in fields.split(", "):
                for field in re.findall(r"`([^`]+)`", doors):
                    found |= {(door, field, api) for api in where.strip().split(", ")}
    return found


def pairs():
    return [
        (door, target) for door in DOORS for target, (one, _) in TARGETS.items()
        if one is not CHAT or door != "chat"
    ]  # fmt: skip


@pytest.mark.parametrize(("door", "target"), pairs())
def test_a_field_is_carried_refused_by_name_or_listed(door, target):
    dropped = set()
    for path, value in SAMPLES[door].items():
        if value is None:
            continue
        found = outcome(door, target, *sample(door, path, value))
        if found == "passed over":
            dropped.add((door, general(path), target))
        elif found != "carried":
            root = re.match("[a-z_]+", path)[0]
            assert found is not None, path
            assert re.match("[a-z_]+", found)[0] == root, (path, found)
    for where, path, beside, fields in ALSO:
        before = {**BASES[door], **beside}
        if where == door and outcome(door, target, before, {**before, **fields}) == "passed over":
            dropped.add((door, path, target))
    assert dropped == {one for one in listed() if (one[0], one[2]) == (door, target)}


@pytest.mark.parametrize(
    ("door", "params"),
    [
        ("chat", [CompletionCreateParamsBase]),
        ("responses", [ResponseCreateParamsBase]),
        ("messages", [MessageCreateParamsBase, beta_messages.MessageCreateParamsBase]),
        ("completions", [old_completions.CompletionCreateParamsBase]),
    ],
)
def test_every_field_of_the_official_client_is_tried(door, params):
    tried = {re.match("[a-z_]+", path)[0] for path in SAMPLES[door]}
    assert {name for one in params for name in get_type_hints(one)} <= tried


@pytest.mark.parametrize(
    ("door", "modules"),
    [
        ("chat", [chat_reader, message_reader]),
        ("responses", [reading]),
        ("messages", [ask_reader, block_reader]),
    ],
)
def test_every_field_that_a_reader_knows_is_tried(door, modules):
    text = json.dumps([*SAMPLES[door], *SAMPLES[door].values(), BASES[door], ALSO])
    words = {*re.findall("[a-z_]+", text)}
    for module in modules:
        for kind in vars(module).values():
            if (
                isinstance(kind, type)
                and issubclass(kind, msgspec.Struct)
                and kind.__module__ == module.__name__
            ):
                assert {*kind.__struct_encode_fields__} <= words, kind


def test_every_field_of_the_old_completions_is_tried():
    tried = {re.match("[a-z_]+", path)[0] for path in SAMPLES["completions"]}
    assert {*openai_completions._Request.__struct_encode_fields__} <= tried


@given(st.sampled_from([pair for pair in pairs() if pair[0] != pair[1].lower()]), names)
def test_a_field_that_nobody_knows_is_refused(pair, name):
    door, target = pair
    body = {**BASES[door], f"x_{name}": 1}
    assert outcome(door, target, BASES[door], body) == f"x_{name}"


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("target", TARGETS)
def test_what_is_refused_has_the_name_in_its_text(door, target):
    assert (
        with_field("The API is deaf.", "messages[0].content")
        == "`messages[0].content`: The API is deaf."
    )
    for path, value in SAMPLES[door].items():
        try:
            request(door, target, sample(door, path, value)[1] if value else BASES[door])
        except FieldError as error:
            assert error.param
        except CannotSayError as error:
            assert f"`{error.param}`" in with_field(str(error), error.param)
