"""OpenAI's API in small, from developers.openai.com/api/reference.

`/v1/chat/completions`, `/v1/responses` (in `openai_responses`), `/v1/completions`,
`/v1/embeddings`.

Acts: ok (words), search (Responses only: a tool of OpenAI's own), json (an object), tools (two calls of the first function), length (cut
short by the limit), status-<n>, error (in mid-stream), stall, cut.
"""

import base64
import json
import struct
from urllib.parse import urlsplit

from simulators.providers import openai_responses
from simulators.providers.serving import CUT, STALL, act_number
from simulators.providers.strict import (
    BadRequestError,
    any_json,
    base64_data,
    between,
    check,
    some,
)

KEY = "test-openai-key"
WORDS = ["Hello", " wörld", " 你好", " 🎡"]
JSON = '{"city":"Ulm"}'
USAGE = {
    "prompt_tokens": 12, "completion_tokens": 5, "total_tokens": 17,
    "prompt_tokens_details": {"cached_tokens": 4, "cache_write_tokens": 0, "audio_tokens": 0},
    "completion_tokens_details": {"reasoning_tokens": 3, "audio_tokens": 0,
                                  "accepted_prediction_tokens": 0, "rejected_prediction_tokens": 0},
}  # fmt: skip
LIMITS = {
    "x-request-id": "req_0123", "x-ratelimit-limit-requests": "60",
    "x-ratelimit-remaining-requests": "59", "x-ratelimit-reset-requests": "1s",
    "x-ratelimit-limit-tokens": "150000", "x-ratelimit-remaining-tokens": "149984",
    "x-ratelimit-reset-tokens": "6m0s",
}  # fmt: skip
_JSON = {"content-type": "application/json", **LIMITS}
_SSE = {"content-type": "text/event-stream; charset=utf-8", **LIMITS}
_NAME = r"[a-zA-Z0-9_-]{1,64}"


def _picture(value, where):
    check(value, {"url!": str, "detail": {"auto", "low", "high"}}, where)
    head, _, data = value["url"].partition(",")
    if head.startswith("data:"):
        check(head, r"data:image/(png|jpeg|gif|webp);base64", where)
        base64_data(data, where)
    elif not head.startswith("http"):
        raise BadRequestError(f"{where}.url: invalid image URL")


def _file(value, where):
    check(value, {"file_data": r"data:[\w/.+-]+;base64,.+", "file_id": str, "filename": str}, where)


_PARTS = {
    "text": {"type!": str, "text!": str},
    "image_url": {"type!": str, "image_url!": _picture},
    "input_audio": {"type!": str, "input_audio!": {"data!": base64_data, "format!": {"wav", "mp3"}}},
    "file": {"type!": str, "file!": _file},
    "refusal": {"type!": str, "refusal!": str},
}  # fmt: skip


def _content(*kinds):
    def look(value, where):
        if isinstance(value, str):
            return
        check(value, list, where)
        for at, part in enumerate(value):
            check(part.get("type"), set(kinds), f"{where}[{at}].type")
            check(part, _PARTS[part["type"]], f"{where}[{at}]")

    return look


_CALL = {"id!": r".{1,40}", "type!": {"function"},
         "function!": {"name!": _NAME, "arguments!": str}}  # fmt: skip
_ROLES = {
    "system": {"role!": str, "content!": _content("text"), "name": _NAME},
    "developer": {"role!": str, "content!": _content("text"), "name": _NAME},
    "user": {"role!": str, "name": _NAME,
             "content!": _content("text", "image_url", "input_audio", "file")},
    "assistant": {"role!": str, "content": _content("text", "refusal"), "name": _NAME,
                  "refusal": str, "tool_calls": some([_CALL]), "annotations": list},
    "tool": {"role!": str, "content!": _content("text"), "tool_call_id!": r".{1,40}"},
}  # fmt: skip


def _message(value, where):
    check(value, dict, where)
    check(value.get("role"), set(_ROLES), f"{where}.role")
    said = {name: each for name, each in value.items() if each is not None}
    check(said, _ROLES[value["role"]], where)


def _schema(value, where):
    check(value, {"name!": _NAME, "description": str, "schema": dict, "strict": bool}, where)
    if value.get("strict") and value["schema"].get("additionalProperties") is not False:
        raise BadRequestError(f"{where}: 'additionalProperties' is required to be false")


def _format(value, where):
    shapes = {"text": {"type!": str}, "json_object": {"type!": str},
              "json_schema": {"type!": str, "json_schema!": _schema}}  # fmt: skip
    check(value.get("type"), set(shapes), f"{where}.type")
    check(value, shapes[value["type"]], where)


def _choice(value, where):
    if isinstance(value, str):
        check(value, {"auto", "none", "required"}, where)
    else:
        check(value, {"type!": {"function"}, "function!": {"name!": _NAME}}, where)


def _stop(value, where):
    check([value] if isinstance(value, str) else value, some([str], 1, 4), where)


_CHAT = {
    "model!": str, "messages!": some([_message]), "stream": bool,
    "stream_options": {"include_usage": bool, "include_obfuscation": bool},
    "max_tokens": between(1, 1 << 20, int), "max_completion_tokens": between(1, 1 << 20, int),
    "temperature": between(0, 2), "top_p": between(0, 1), "n": between(1, 8, int),
    "presence_penalty": between(-2, 2), "frequency_penalty": between(-2, 2), "seed": int,
    "stop": _stop, "response_format": _format, "tool_choice": _choice,
    "parallel_tool_calls": bool, "user": str, "safety_identifier": str, "metadata": dict,
    "store": bool, "service_tier": {"auto", "default", "flex", "priority"},
    "reasoning_effort": {"none", "minimal", "low", "medium", "high", "xhigh"},
    "verbosity": {"low", "medium", "high"}, "prompt_cache_key": str, "logit_bias": dict,
    "logprobs": bool, "top_logprobs": int, "modalities": some([{"text"}]),
    "tools": some([{"type!": {"function"}, "function!": {
        "name!": _NAME, "description": str, "parameters": dict, "strict": bool}}]),
}  # fmt: skip


def check_chat(body: dict) -> None:
    """Raises BadRequestError where the real API would answer 400."""
    check(body, _CHAT, "")
    if "stream_options" in body and not body.get("stream"):
        raise BadRequestError("stream_options is only allowed when stream is enabled")
    for name in ("tool_choice", "parallel_tool_calls"):
        if name in body and not body.get("tools"):
            raise BadRequestError(f"'{name}' is only allowed when 'tools' are specified.")
    wanted: list[str] = []
    for at, message in enumerate(body["messages"]):
        if message["role"] == "tool":
            if message["tool_call_id"] not in wanted:
                raise BadRequestError(
                    f"messages.[{at}].role: messages with role 'tool' must be a response to a "
                    "preceding message with 'tool_calls'."
                )
            wanted.remove(message["tool_call_id"])
            continue
        if wanted:
            raise BadRequestError(f"tool_call_ids did not have response messages: {wanted}")
        wanted = [call["id"] for call in message.get("tool_calls") or ()]


_COMPLETIONS = {
    "model!": str, "prompt!": any_json, "stream": bool, "stream_options": {"include_usage": bool},
    "max_tokens": between(1, 1 << 20, int), "temperature": between(0, 2), "top_p": between(0, 1),
    "stop": _stop, "n": between(1, 8, int), "user": str, "seed": int, "echo": bool,
    "suffix": str, "best_of": int, "logprobs": int,
    "presence_penalty": between(-2, 2), "frequency_penalty": between(-2, 2),
}  # fmt: skip
_EMBEDDINGS = {"model!": str, "input!": any_json, "dimensions": between(1, 3072, int),
               "encoding_format": {"float", "base64"}, "user": str}  # fmt: skip


def answer(path: str, headers: dict[str, str], body: bytes, act: str):
    place = urlsplit(path).path
    if headers.get(":method") != "POST" or place not in _PLACES:
        return error(404, f"Invalid URL (POST {place})")
    if headers.get("authorization") != f"Bearer {KEY}":
        return error(401, "Incorrect API key provided.", code="invalid_api_key")
    if headers.get("content-type") != "application/json":
        return error(400, "we could not parse the JSON body of your request")
    if act.startswith("status-"):
        return _status(act_number(act))
    try:
        return _PLACES[place](json.loads(body), act)
    except (BadRequestError, ValueError) as wrong:
        return error(400, str(wrong))


def _chat(body: dict, act: str):
    check_chat(body)
    usage = bool((body.get("stream_options") or {}).get("include_usage"))
    if body.get("stream"):
        return 200, _SSE, _chat_stream(body, act, usage=usage)
    return _plain(_completion(body, act), act)


def _plain(whole: dict, act: str):
    data = json.dumps(whole, ensure_ascii=False).encode()
    if act in ("stall", "cut"):
        return 200, _JSON, [data[:30], STALL if act == "stall" else CUT]
    return 200, _JSON, data


def _calls(body: dict) -> list[dict]:
    name = body["tools"][0]["function"]["name"]
    return [{"id": f"call_{at}abc", "type": "function",
             "function": {"name": name, "arguments": json.dumps({"city": city})}}
            for at, city in enumerate(("Ulm", "köln"))]  # fmt: skip


_FINISHES = {"tools": "tool_calls", "length": "length"}


def _completion(body: dict, act: str) -> dict:
    message: dict = {"role": "assistant", "content": "".join(_words(act)), "refusal": None,
                     "annotations": []}  # fmt: skip
    if act == "tools":
        message |= {"content": None, "tool_calls": _calls(body)}
    choice = {"index": 0, "message": message, "logprobs": None,
              "finish_reason": _FINISHES.get(act, "stop")}  # fmt: skip
    return {"id": "chatcmpl-1", "object": "chat.completion", "created": 1_795_000_000,
            "model": body["model"], "choices": [choice], "usage": USAGE,
            "service_tier": "default", "system_fingerprint": "fp_1"}  # fmt: skip


def _words(act: str) -> list[str]:
    return [JSON[:5], JSON[5:]] if act == "json" else WORDS


def _chat_stream(body: dict, act: str, *, usage: bool):
    base = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1_795_000_000,
            "model": body["model"], "service_tier": "default", "system_fingerprint": "fp_1"}  # fmt: skip

    def chunk(delta: dict, finish: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        return _event({**base, "choices": [choice], **({"usage": None} if usage else {})})

    if act == "tools":
        yield chunk({"role": "assistant", "content": None})
        for at, call in enumerate(_calls(body)):
            said = call["function"]["arguments"]
            empty = {**call, "function": {**call["function"], "arguments": ""}}
            yield chunk({"tool_calls": [{"index": at, **empty}]})
            for piece in (said[:5], said[5:]):
                yield chunk({"tool_calls": [{"index": at, "function": {"arguments": piece}}]})
    else:
        yield chunk({"role": "assistant", "content": "", "refusal": None})
        for at, word in enumerate(_words(act)):
            yield chunk({"content": word})
            if at == 1 and act in ("stall", "cut"):
                yield STALL if act == "stall" else CUT
            if at == 1 and act == "error":
                yield _event({"error": {"message": "The server had an error.", "param": None,
                                        "type": "server_error", "code": None}})  # fmt: skip
                return
    yield chunk({}, _FINISHES.get(act, "stop"))
    if usage:
        yield _event({**base, "choices": [], "usage": USAGE})
    yield b"data: [DONE]\n\n"


def _event(value: dict) -> bytes:
    return b"data: " + json.dumps(value, ensure_ascii=False).encode() + b"\n\n"


def _completions(body: dict, act: str):
    check(body, _COMPLETIONS, "")
    base = {"id": "cmpl-1", "object": "text_completion", "created": 1_795_000_000,
            "model": body["model"]}  # fmt: skip
    if not body.get("stream"):
        choice = {"index": 0, "text": "".join(WORDS), "logprobs": None, "finish_reason": "stop"}
        return _plain({**base, "choices": [choice], "usage": USAGE}, act)
    return 200, _SSE, _completions_stream(base, body, act)


def _completions_stream(base: dict, body: dict, act: str):
    for at, word in enumerate(WORDS):
        choice = {"index": 0, "text": word, "logprobs": None,
                  "finish_reason": "stop" if at == len(WORDS) - 1 else None}  # fmt: skip
        yield _event({**base, "choices": [choice]})
        if at == 1 and act == "cut":
            yield CUT
    if (body.get("stream_options") or {}).get("include_usage"):
        yield _event({**base, "choices": [], "usage": USAGE})
    yield b"data: [DONE]\n\n"


def _embeddings(body: dict, act: str):
    check(body, _EMBEDDINGS, "")
    given = body["input"] if isinstance(body["input"], list) else [body["input"]]
    size = body.get("dimensions", 4)
    rows = []
    for at in range(len(given)):
        vector: list[float] | str = [0.5] * size
        if body.get("encoding_format") == "base64":
            vector = base64.b64encode(struct.pack(f"<{size}f", *vector)).decode()  # type: ignore[misc]
        rows.append({"object": "embedding", "index": at, "embedding": vector})
    usage = {"prompt_tokens": 6, "total_tokens": 6}
    return _plain({"object": "list", "data": rows, "model": body["model"], "usage": usage}, act)


def _responses(body: dict, act: str):
    status, whole = openai_responses.answer(body, act)
    if body.get("stream"):
        return status, _SSE, whole
    return _plain(whole, act)


_PLACES = {
    "/v1/chat/completions": _chat,
    "/v1/responses": _responses,
    "/v1/completions": _completions,
    "/v1/embeddings": _embeddings,
}
_KINDS = {
    400: ("invalid_request_error", None), 401: ("invalid_request_error", "invalid_api_key"),
    403: ("invalid_request_error", "unsupported_country_region_territory"),
    404: ("invalid_request_error", None), 429: ("requests", "rate_limit_exceeded"),
    500: ("server_error", None), 503: ("server_error", None),
}  # fmt: skip


def _status(number: int):
    return error(number, f"This is what a {number} says.", code=_KINDS.get(number, ("", None))[1])


def error(number: int, message: str, *, code: str | None = None):
    kind, _ = _KINDS.get(number, ("server_error", None))
    headers = {**_JSON, "x-ratelimit-remaining-requests": "0", "retry-after": "20",
               "retry-after-ms": "20000"} if number == 429 else _JSON  # fmt: skip
    said = {"message": message, "type": kind, "param": None, "code": code}
    return number, headers, json.dumps({"error": said}).encode()
