"""Anthropic's API in small, from platform.claude.com/docs/en/api/messages.

`/v1/messages`, `/v1/messages/count_tokens`; both versions (`/docs/en/api/versioning`).

Acts: ok (words; a signed thought first where thinking is asked for), json (an object), tools
(two calls of the first tool), search (it uses a tool of its own), length (cut short by the limit), status-<n>, error (in
mid-stream), stall, cut.
"""

import json
from urllib.parse import urlsplit

from simulators.providers.serving import CUT, STALL, act_number
from simulators.providers.strict import BadRequestError, base64_data, between, check, some

KEY = "test-anthropic-key"
VERSIONS = ("2023-06-01", "2026-10-21")
WORDS = ["Hello", " wörld", " 你好", " 🎡"]
JSON = '{"city":"Ulm"}'
SIGNATURE = "EqQBCgIYAhIM1gbcDa9GJwZA2b3hGgxBdjrkzLoky3dl1pk="
REDACTED = "EmwKAhgBEgy3va3pzix/LafPsn4aDFIT2Xlxh0L5L8rLVyIwxtE3rAFBa8cr3qpP"
USAGE = {
    "input_tokens": 5, "cache_creation_input_tokens": 3, "cache_read_input_tokens": 4,
    "cache_creation": {"ephemeral_5m_input_tokens": 3, "ephemeral_1h_input_tokens": 0},
    "output_tokens": 5, "service_tier": "standard",
}  # fmt: skip
LIMITS = {
    "request-id": "req_0123", "anthropic-ratelimit-requests-limit": "50",
    "anthropic-ratelimit-requests-remaining": "49",
    "anthropic-ratelimit-requests-reset": "2026-11-21T12:00:00Z",
    "anthropic-ratelimit-tokens-limit": "50000",
    "anthropic-ratelimit-tokens-remaining": "49000",
    "anthropic-ratelimit-tokens-reset": "2026-11-21T12:00:00Z",
}  # fmt: skip
_JSON = {"content-type": "application/json", **LIMITS}
_SSE = {"content-type": "text/event-stream; charset=utf-8", **LIMITS}
_NAME, _ID = r"[a-zA-Z0-9_-]{1,128}", r"[a-zA-Z0-9_-]+"
_CACHE = {"type!": {"ephemeral"}, "ttl": {"5m", "1h"}}
_SOURCES = {
    "base64": {"type!": str, "media_type!": r"image/(png|jpeg|gif|webp)", "data!": base64_data},
    "url": {"type!": str, "url!": r"https?://.+"},
    "file": {"type!": str, "file_id!": str},
}  # fmt: skip
_PAPERS = {
    **_SOURCES,
    "base64": {"type!": str, "media_type!": {"application/pdf"}, "data!": base64_data},
    "text": {"type!": str, "media_type!": {"text/plain"}, "data!": str},
}


def _by_type(shapes):
    def look(value, where):
        check(value, dict, where)
        if value.get("type") not in shapes:
            raise BadRequestError(
                f"{where}: Input tag '{value.get('type')}' found using 'type' does not match any "
                f"of the expected tags: {sorted(shapes)}"
            )
        check(value, shapes[value["type"]], where)

    return look


def _filled(value, where):
    check(value, str, where)
    if not value.strip():
        raise BadRequestError(f"{where}: text content blocks must contain non-whitespace text")


def _signature(value, where):
    if value != SIGNATURE:
        raise BadRequestError(f"{where}: Invalid `signature` in `thinking` block")


def _redacted(value, where):
    if value != REDACTED:
        raise BadRequestError(f"{where}: Invalid `data` in `redacted_thinking` block")


_TEXT = {"type!": str, "text!": _filled, "cache_control": _CACHE, "citations": list}
_IMAGE = {"type!": str, "source!": _by_type(_SOURCES), "cache_control": _CACHE}
_DOCUMENT = {"type!": str, "source!": _by_type(_PAPERS), "title": str, "context": str,
             "cache_control": _CACHE, "citations": dict}  # fmt: skip


def _content(shapes):
    each = _by_type(shapes)

    def look(value, where):
        if isinstance(value, str):
            _filled(value, where)
        else:
            check(value, some([each]), where)

    return look


_BLOCKS = {
    "user": {"text": _TEXT, "image": _IMAGE, "document": _DOCUMENT, "tool_result": {
        "type!": str, "tool_use_id!": _ID, "is_error": bool, "cache_control": _CACHE,
        "content": _content({"text": _TEXT, "image": _IMAGE, "document": _DOCUMENT})}},
    "assistant": {
        "text": _TEXT,
        "tool_use": {"type!": str, "id!": _ID, "name!": _NAME, "input!": dict,
                     "cache_control": _CACHE, "caller": dict},
        "thinking": {"type!": str, "thinking!": str, "signature!": _signature},
        "redacted_thinking": {"type!": str, "data!": _redacted}},
    "system": {"text": _TEXT},
}  # fmt: skip


def _message(value, where):
    check(value.get("role"), set(_BLOCKS), f"{where}.role")
    check(value, {"role!": str, "content!": _content(_BLOCKS[value["role"]])}, where)


def _system(value, where):
    _content({"text": _TEXT})(value, where)


def _closed(value, where):
    check(value, dict, where)
    if value.get("type") == "object" and value.get("additionalProperties") is not False:
        raise BadRequestError(
            f"{where}: For 'object' type, 'additionalProperties' must be explicitly set to false"
        )


_TOOL = {
    "type": {"custom"}, "name!": _NAME, "description": str, "strict": bool,
    "input_schema!": {"type!": {"object"}, "properties": dict, "required": [str],
                      "additionalProperties": bool, "$defs": dict},
    "cache_control": _CACHE,
}  # fmt: skip
_SEARCH = {"type!": {"web_search_20250305"}, "name!": {"web_search"}, "max_uses": int}


def _tool(value, where):
    check(value, _SEARCH if value.get("type") == "web_search_20250305" else _TOOL, where)


_SCHEMA = {
    "model!": str, "messages!": some([_message]), "system": _system,
    "max_tokens": between(1, 1 << 20, int), "stream": bool, "temperature": between(0, 1),
    "top_p": between(0, 1), "top_k": between(0, 1 << 20, int), "stop_sequences": [_filled],
    "metadata": {"user_id": r".{0,256}"}, "service_tier": {"auto", "standard_only"},
    "tools": some([_tool]),
    "tool_choice": {"type!": {"auto", "any", "tool", "none"}, "name": _NAME,
                    "disable_parallel_tool_use": bool},
    "thinking": _by_type({
        "enabled": {"type!": str, "budget_tokens!": between(1024, 1 << 20, int), "display": str},
        "adaptive": {"type!": str, "display": {"summarized", "omitted"}},
        "disabled": {"type!": str}}),
    "output_config": {"effort": {"low", "medium", "high", "xhigh", "max"},
                      "format": {"type!": {"json_schema"}, "schema!": _closed}},
    "cache_control": _CACHE,
}  # fmt: skip


def check_body(body: dict, *, counting: bool = False) -> None:
    """Raises BadRequestError where the real API would answer 400."""
    check(body, _SCHEMA, "")
    if counting and "max_tokens" in body:
        raise BadRequestError("max_tokens: Extra inputs are not permitted")
    if not counting and "max_tokens" not in body:
        raise BadRequestError("max_tokens: Field required")
    if body["messages"][0]["role"] != "user":
        raise BadRequestError("messages: first message must use the user role")
    thinking = body.get("thinking", {})
    if thinking.get("budget_tokens", 0) >= body.get("max_tokens", 1 << 30):
        raise BadRequestError("`max_tokens` must be greater than `thinking.budget_tokens`.")
    choice = body.get("tool_choice")
    if choice and not body.get("tools"):
        raise BadRequestError("tool_choice may only be specified while providing tools.")
    if choice and ("name" in choice) != (choice["type"] == "tool"):
        raise BadRequestError("tool_choice.name: belongs to the type `tool`")
    _check_tools(body["messages"])


def check_version(body: dict, version: str) -> None:
    """Raises BadRequestError: this version of the API has no such field any more."""
    for name in ("temperature", "top_p", "top_k") if version == VERSIONS[-1] else ():
        if name in body:
            raise BadRequestError(f"{name}: Extra inputs are not permitted")


def _check_tools(messages: list[dict]) -> None:
    wanted: list[str] = []
    for at, message in enumerate(messages):
        blocks = message["content"] if isinstance(message["content"], list) else []
        results = [b["tool_use_id"] for b in blocks if b["type"] == "tool_result"]
        if set(wanted) - set(results):
            raise BadRequestError(
                f"messages.{at - 1}: `tool_use` ids were found without `tool_result` blocks "
                f"immediately after: {wanted}."
            )
        if set(results) - set(wanted):
            raise BadRequestError(f"messages.{at}: unexpected `tool_use_id` in `tool_result`")
        wanted = [b["id"] for b in blocks if b["type"] == "tool_use"]
    if wanted:
        raise BadRequestError("`tool_use` ids were found without `tool_result` blocks")


def answer(path: str, headers: dict[str, str], body: bytes, act: str):
    place = urlsplit(path).path
    if headers.get(":method") != "POST" or not place.startswith("/v1/messages"):
        return _error(404, "not_found_error", "Not found")
    if headers.get("x-api-key") != KEY:
        return _error(401, "authentication_error", "invalid x-api-key")
    version = headers.get("anthropic-version", "")
    if version not in VERSIONS:
        return _error(400, "invalid_request_error", "anthropic-version: is not a valid version")
    if act.startswith("status-"):
        return _status(act_number(act))
    try:
        asked = json.loads(body)
        check_version(asked, version)
        check_body(asked, counting=place.endswith("/count_tokens"))
    except (BadRequestError, ValueError) as error:
        return _error(400, "invalid_request_error", str(error))
    if place.endswith("/count_tokens"):
        return 200, _JSON, b'{"input_tokens":2095}'
    if asked.get("stream"):
        return 200, _SSE, _stream(asked, act)
    data = json.dumps(_whole(asked, act), ensure_ascii=False).encode()
    if act in ("stall", "cut"):
        return 200, _JSON, [data[:30], STALL if act == "stall" else CUT]
    return 200, _JSON, data


def _words(act: str) -> list[str]:
    return [JSON[:5], JSON[5:]] if act == "json" else WORDS


def _whole(asked: dict, act: str) -> dict:
    content: list[dict] = []
    if asked.get("thinking", {}).get("type") in ("enabled", "adaptive"):
        thought = {"type": "thinking", "thinking": "Let me think.", "signature": SIGNATURE}
        content = [thought, {"type": "redacted_thinking", "data": REDACTED}]
    if act == "search":
        use = {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search",
               "input": {"query": "Ulm"}, "caller": {"type": "direct"}}  # fmt: skip
        found = {"type": "web_search_result", "url": "https://ulm.de", "title": "Ulm",
                 "encrypted_content": "Eq", "page_age": None}  # fmt: skip
        content += [use, {"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1",
                          "content": [found], "caller": {"type": "direct"}}]  # fmt: skip
    if act == "tools":
        name = asked["tools"][0]["name"]
        content += [{"type": "tool_use", "id": f"toolu_{at}", "name": name, "input": {"city": city}}
                    for at, city in enumerate(("Ulm", "köln"))]  # fmt: skip
    else:
        content.append({"type": "text", "text": "".join(_words(act))})
    reason = {"tools": "tool_use", "length": "max_tokens"}.get(act, "end_turn")
    stops = asked.get("stop_sequences") if reason == "end_turn" else None
    return {"id": "msg_1", "type": "message", "role": "assistant", "model": asked["model"],
            "content": content, "stop_reason": "stop_sequence" if stops else reason,
            "stop_sequence": stops[0] if stops else None, "usage": USAGE}  # fmt: skip


def _stream(asked: dict, act: str):
    whole = _whole(asked, act)
    start = {**whole, "content": [], "stop_reason": None, "stop_sequence": None,
             "usage": {**USAGE, "output_tokens": 1}}  # fmt: skip
    yield _event("message_start", message=start)
    yield _event("ping")
    for at, block in enumerate(whole["content"]):
        yield from _block(at, block, act)
    stop = {name: whole[name] for name in ("stop_reason", "stop_sequence")}
    yield _event("message_delta", delta=stop, usage={"output_tokens": 5})
    yield _event("message_stop")


def _block(at: int, block: dict, act: str):
    def delta(kind: str, **fields) -> bytes:
        return _event("content_block_delta", index=at, delta={"type": kind, **fields})

    empty = {"text": {"text": ""}, "tool_use": {"input": {}}, "server_tool_use": {"input": {}},
             "thinking": {"thinking": "", "signature": ""}}.get(block["type"], {})  # fmt: skip
    yield _event("content_block_start", index=at, content_block={**block, **empty})
    if block["type"] == "thinking":
        for piece in ("Let me ", "think."):
            yield delta("thinking_delta", thinking=piece)
        yield delta("signature_delta", signature=block["signature"])
    elif block["type"] in ("tool_use", "server_tool_use"):
        said = json.dumps(block["input"])
        for piece in ("", said[:5], said[5:]):
            yield delta("input_json_delta", partial_json=piece)
    elif block["type"] == "text":
        for count, word in enumerate(_words(act)):
            yield delta("text_delta", text=word)
            if count == 1 and act in ("stall", "cut"):
                yield STALL if act == "stall" else CUT
            if count == 1 and act == "error":
                yield _event("error", error={"type": "overloaded_error", "message": "Overloaded"})
                yield CUT
    yield _event("content_block_stop", index=at)


def _event(kind: str, **fields) -> bytes:
    said = json.dumps({"type": kind, **fields}, ensure_ascii=False)
    return f"event: {kind}\ndata: {said}\n\n".encode()


_STATUSES = {
    400: "invalid_request_error", 401: "authentication_error", 403: "permission_error",
    404: "not_found_error", 413: "request_too_large", 429: "rate_limit_error", 500: "api_error",
    529: "overloaded_error",
}  # fmt: skip


def _status(number: int):
    return _error(number, _STATUSES.get(number, "api_error"), f"This is what a {number} says.")


def _error(number: int, kind: str, message: str):
    headers = {**_JSON, "retry-after": "20"} if number == 429 else _JSON
    said = {"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_0123"}
    return number, headers, json.dumps(said).encode()
