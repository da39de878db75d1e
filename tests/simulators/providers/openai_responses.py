"""OpenAI's Responses API in small, from developers.openai.com/api/reference/resources/responses.

Part of `openai`: `answer(body, act)` gives (status, whole answer or the pieces of a stream).
A thought comes first, with its secret part where that is asked for; a thought that is sent
back must bear the secret that was made here.
"""

import json

from simulators.providers.serving import CUT, STALL
from simulators.providers.strict import BadRequestError, base64_data, between, check, some

WORDS = ["Hello", " wörld", " 你好", " 🎡"]
JSON = '{"city":"Ulm"}'
SECRET = "gAAAAABopenai-secret-of-a-thought_=="
USAGE = {"input_tokens": 12, "input_tokens_details": {"cached_tokens": 4, "cache_write_tokens": 0},
         "output_tokens": 5, "output_tokens_details": {"reasoning_tokens": 3},
         "total_tokens": 17}  # fmt: skip
_NAME = r"[a-zA-Z0-9_-]{1,64}"
_ID = r".{1,64}"


def _picture(value, where):
    head, _, data = value.partition(",")
    if head.startswith("data:"):
        check(head, r"data:image/(png|jpeg|gif|webp);base64", where)
        base64_data(data, where)
    elif not head.startswith("http"):
        raise BadRequestError(f"{where}: invalid image URL")


_TEXT = {"type!": str, "text!": str}
_IMAGE = {"type!": str, "image_url": _picture, "file_id": str, "detail": {"auto", "low", "high"}}
_FILE = {"type!": str, "file_data": str, "file_id": str, "file_url": str, "filename": str}
_HEARD = {"input_text": _TEXT, "input_image": _IMAGE, "input_file": _FILE}
_SPOKEN = {"output_text": {**_TEXT, "annotations": list, "logprobs": list},
           "refusal": {"type!": str, "refusal!": str}}  # fmt: skip


def _content(shapes):
    def look(value, where):
        if isinstance(value, str):
            return
        check(value, some(list), where)
        for at, part in enumerate(value):
            if part.get("type") not in shapes:
                raise BadRequestError(
                    f"Invalid value: '{part.get('type')}'. Supported values are: {sorted(shapes)}."
                )
            check(part, shapes[part["type"]], f"{where}[{at}]")

    return look


def _message(value, where):
    shapes = _SPOKEN if value.get("role") == "assistant" else _HEARD
    check(value, {"type": str, "role!": {"user", "assistant", "system", "developer"}, "id": str,
                  "status": str, "content!": _content(shapes)}, where)  # fmt: skip


def _thought(value, where):
    text = {"type!": {"summary_text"}, "text!": str}
    check(value, {"type!": str, "id": str, "summary!": [text], "encrypted_content": str,
                  "content": list, "status": str}, where)  # fmt: skip
    if value.get("encrypted_content", SECRET) != SECRET:
        raise BadRequestError("The encrypted content could not be verified.")
    if "encrypted_content" not in value and "id" not in value:
        raise BadRequestError(f"{where}.id: missing required parameter")


_ITEMS = {
    "message": _message,
    "reasoning": _thought,
    "function_call": {"type!": str, "id": str, "call_id!": _ID, "name!": _NAME, "arguments!": str,
                      "status": str},
    "function_call_output": {"type!": str, "id": str, "call_id!": _ID, "status": str,
                             "output!": _content(_HEARD)},
}  # fmt: skip


def _item(value, where):
    check(value, dict, where)
    kind = value.get("type", "message")
    check(kind, set(_ITEMS), f"{where}.type")
    check(value, _ITEMS[kind], where)


def _input(value, where):
    if not isinstance(value, str):
        check(value, some([_item]), where)


def _format(value, where):
    shapes = {
        "text": {"type!": str}, "json_object": {"type!": str},
        "json_schema": {"type!": str, "name!": _NAME, "schema!": dict, "description": str,
                        "strict": bool},
    }  # fmt: skip
    check(value.get("type"), set(shapes), f"{where}.type")
    check(value, shapes[value["type"]], where)


def _choice(value, where):
    if isinstance(value, str):
        check(value, {"auto", "none", "required"}, where)
    else:
        check(value, {"type!": {"function"}, "name!": _NAME}, where)


_TOOLS = {
    "function": {"type!": str, "name!": _NAME, "description": str, "parameters!": dict,
                 "strict!": bool},
    "web_search": {"type!": str, "search_context_size": str},
}  # fmt: skip


def _tool(value, where):
    check(value.get("type"), set(_TOOLS), f"{where}.type")
    check(value, _TOOLS[value["type"]], where)


_SCHEMA = {
    "model!": str, "input!": _input, "instructions": str, "stream": bool, "store": bool,
    "max_output_tokens": between(16, 1 << 20, int), "temperature": between(0, 2),
    "top_p": between(0, 1), "parallel_tool_calls": bool, "tool_choice": _choice,
    "tools": some([_tool]),
    "text": {"format": _format, "verbosity": {"low", "medium", "high"}},
    "reasoning": {"effort": {"none", "minimal", "low", "medium", "high", "xhigh"},
                  "summary": {"auto", "concise", "detailed"}},
    "include": [{"reasoning.encrypted_content"}], "user": str, "safety_identifier": str,
    "metadata": dict, "service_tier": {"auto", "default", "flex", "priority"},
    "truncation": {"auto", "disabled"}, "prompt_cache_key": str,
    "stream_options": {"include_obfuscation": bool},
}  # fmt: skip


def check_body(body: dict) -> None:
    """Raises BadRequestError where the real API would answer 400."""
    check(body, _SCHEMA, "")
    if isinstance(body["input"], str):
        return
    items = body["input"]
    calls = [item["call_id"] for item in items if item.get("type") == "function_call"]
    outputs = [item["call_id"] for item in items if item.get("type") == "function_call_output"]
    if set(calls) - set(outputs):
        raise BadRequestError(f"No tool output found for function call {sorted(calls)}.")
    if set(outputs) - set(calls):
        raise BadRequestError(f"No tool call found for function call output {sorted(outputs)}.")


def answer(body: dict, act: str):
    check_body(body)
    if body.get("stream"):
        return 200, _stream(body, act)
    return 200, _response(body, act, _output(body, act))


def _response(body: dict, act: str, output: list, status: str = "") -> dict:
    done = "incomplete" if act == "length" else "completed"
    return {
        "id": "resp_1", "object": "response", "created_at": 1_795_000_000, "model": body["model"],
        "status": status or done, "error": None, "output": output,
        "incomplete_details": {"reason": "max_output_tokens"} if act == "length" else None,
        "instructions": body.get("instructions"), "max_output_tokens": None, "metadata": {},
        "parallel_tool_calls": True, "temperature": 1.0, "top_p": 1.0, "tool_choice": "auto",
        "tools": [], "store": False, "truncation": "disabled", "text": {"format": {"type": "text"}},
        "reasoning": {"effort": None, "summary": None}, "background": False,
        "usage": None if status else USAGE,
    }  # fmt: skip


def _output(body: dict, act: str) -> list[dict]:
    thought: dict = {"id": "rs_1", "type": "reasoning",
                     "summary": [{"type": "summary_text", "text": "Let me think."}]}  # fmt: skip
    if "reasoning.encrypted_content" in body.get("include", ()):
        thought["encrypted_content"] = SECRET
    if act == "tools":
        name = body["tools"][0]["name"]
        return [thought] + [
            {"id": f"fc_{at}", "type": "function_call", "status": "completed", "name": name,
             "call_id": f"call_{at}abc", "arguments": json.dumps({"city": city})}
            for at, city in enumerate(("Ulm", "köln"))
        ]  # fmt: skip
    text = {"type": "output_text", "text": "".join(_words(act)), "annotations": [], "logprobs": []}
    search = {"id": "ws_1", "type": "web_search_call", "status": "completed",
              "action": {"type": "search", "query": "Ulm"}}  # fmt: skip
    before = [thought, search] if act == "search" else [thought]
    return [*before, {"id": "msg_1", "type": "message", "role": "assistant", "content": [text],
                      "status": "completed"}]  # fmt: skip


def _words(act: str) -> list[str]:
    return [JSON[:5], JSON[5:]] if act == "json" else WORDS


def _stream(body: dict, act: str):
    number = -1

    def event(kind: str, **fields) -> bytes:
        nonlocal number
        number += 1
        said = json.dumps({"type": kind, "sequence_number": number, **fields}, ensure_ascii=False)
        return f"event: {kind}\ndata: {said}\n\n".encode()

    begun = _response(body, act, [], "in_progress")
    yield event("response.created", response=begun)
    yield event("response.in_progress", response=begun)
    output = _output(body, act)
    for at, item in enumerate(output):
        place = {"output_index": at}
        say = {"item_id": item["id"], **place}
        if item["type"] == "reasoning":
            yield event("response.output_item.added", **place, item={**item, "summary": []})
            words = {**say, "summary_index": 0}
            part = {"type": "summary_text", "text": ""}
            yield event("response.reasoning_summary_part.added", **words, part=part)
            text = item["summary"][0]["text"]
            for piece in (text[:7], text[7:]):
                yield event("response.reasoning_summary_text.delta", **words, delta=piece)
            yield event("response.reasoning_summary_text.done", **words, text=text)
            yield event("response.reasoning_summary_part.done", **words, part=item["summary"][0])
        elif item["type"] == "web_search_call":
            going = {**item, "status": "in_progress"}
            yield event("response.output_item.added", **place, item=going)
            for step in ("in_progress", "searching", "completed"):
                yield event(f"response.web_search_call.{step}", **say)
        elif item["type"] == "function_call":
            going = {**item, "arguments": "", "status": "in_progress"}
            yield event("response.output_item.added", **place, item=going)
            said = item["arguments"]
            for piece in (said[:5], said[5:]):
                yield event("response.function_call_arguments.delta", **say, delta=piece)
            yield event("response.function_call_arguments.done", **say, name=item["name"],
                        arguments=said)  # fmt: skip
        else:
            going = {**item, "content": [], "status": "in_progress"}
            yield event("response.output_item.added", **place, item=going)
            words = {**say, "content_index": 0}
            full = item["content"][0]
            yield event("response.content_part.added", **words, part={**full, "text": ""})
            for count, word in enumerate(_words(act)):
                yield event("response.output_text.delta", **words, delta=word, logprobs=[])
                if count == 1 and act in ("stall", "cut"):
                    yield STALL if act == "stall" else CUT
                if count == 1 and act == "error":
                    yield event("error", code="server_error", message="It broke.", param=None)
                    return
            yield event("response.output_text.done", **words, text=full["text"], logprobs=[])
            yield event("response.content_part.done", **words, part=full)
        yield event("response.output_item.done", **place, item=item)
    last = _response(body, act, output)
    yield event(f"response.{last['status']}", response=last)
