"""Google's Gemini API in small, from ai.google.dev/api/generate-content.

Acts: ok (an answer with a thought and words), json (an object), tools (two calls of the first
function, the first signed), length (cut short by the limit), blocked (the prompt is), safety
(the answer is), status-<n>, error, stall, cut. `batchEmbedContents` is there too.
A model named `gemini-2...` gives its calls no ids, as those models do.
"""

import base64
import json
import re
from urllib.parse import parse_qs, unquote, urlsplit

from simulators.providers.serving import CUT, STALL, act_number
from simulators.providers.strict import (
    BadRequestError,
    One,
    any_json,
    base64_data,
    between,
    check,
    some,
)

KEY = "test-gemini-key"
WORDS = ["Hello", " wörld", " 你好", " 🎡"]
JSON = '{"city":"Ulm"}'
USAGE = {
    "promptTokenCount": 12, "cachedContentTokenCount": 4, "candidatesTokenCount": 5,
    "thoughtsTokenCount": 3, "totalTokenCount": 20,
    "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 10},
                            {"modality": "AUDIO", "tokenCount": 2}],
}  # fmt: skip
SIGNATURE = base64.b64encode(b"signed by gemini").decode()
DUMMY = "skip_thought_signature_validator"

_BLOB = {"mimeType!": r"\w+/[\w.+-]+", "data!": base64_data}
_FILE = {"fileUri!": r"\S+", "mimeType": r"\w+/[\w.+-]+"}
_LEVEL = {"level!": {"MEDIA_RESOLUTION_LOW", "MEDIA_RESOLUTION_MEDIUM", "MEDIA_RESOLUTION_HIGH"}}
_DATA = {"text", "inlineData", "fileData", "functionCall", "functionResponse"}
_NAME = r"[a-zA-Z_][a-zA-Z0-9_.:-]{0,127}"
_PART = {
    "text": str, "thought": bool, "thoughtSignature": str, "mediaResolution": _LEVEL,
    "inlineData": _BLOB, "fileData": _FILE,
    "functionCall": {"id": str, "name!": _NAME, "args": dict},
    "functionResponse": {"id": str, "name!": _NAME, "response!": dict,
                         "parts": [One(inlineData=_BLOB, fileData=_FILE)]},
}  # fmt: skip


def _part(value, where):
    check(value, {k: v for k, v in _PART.items() if k != "functionResponse"} | {
        "functionResponse": _PART["functionResponse"]}, where)  # fmt: skip
    if len(_DATA & set(value)) != 1:
        raise BadRequestError(f"{where}.data: required oneof field 'data' must be initialized once")
    if "mediaResolution" in value and not {"inlineData", "fileData"} & set(value):
        raise BadRequestError(f"{where}: media_resolution without media")


_SCHEMA = {
    "contents!": some([{"role!": {"user", "model"}, "parts!": some([_part])}]),
    "systemInstruction": {"role": str, "parts!": some([{"text!": str}])},
    "tools": [{"functionDeclarations!": some([
        {"name!": _NAME, "description": str, "parametersJsonSchema": dict}])}],
    "toolConfig": {"functionCallingConfig": {
        "mode": {"AUTO", "ANY", "NONE", "VALIDATED"}, "allowedFunctionNames": some([_NAME])}},
    "safetySettings": [{"category!": str, "threshold!": str}],
    "cachedContent": str,
    "serviceTier": {"flex", "standard", "priority"},
    "generationConfig": {
        "maxOutputTokens": between(1, 1 << 31, int), "temperature": between(0, 2),
        "topP": between(0, 1), "topK": between(1, 1000, int),
        "stopSequences": some([str], 0, 5), "candidateCount": between(1, 8, int),
        "seed": between(-(1 << 31), (1 << 31) - 1, int),
        "presencePenalty": between(-2, 2), "frequencyPenalty": between(-2, 2),
        "responseMimeType": {"text/plain", "application/json"}, "responseJsonSchema": any_json,
        "thinkingConfig": {"includeThoughts": bool, "thinkingBudget": between(-1, 1 << 20, int),
                           "thinkingLevel": {"MINIMAL", "LOW", "MEDIUM", "HIGH", "XHIGH"}},
    },
}  # fmt: skip


def check_body(body: dict, model: str = "gemini-3-pro") -> None:
    """Raises BadRequestError where the real API would answer 400."""
    check(body, _SCHEMA, "request")
    config = body.get("generationConfig", {})
    if "responseJsonSchema" in config and config.get("responseMimeType") != "application/json":
        raise BadRequestError("response_json_schema needs response_mime_type application/json")
    if {"thinkingBudget", "thinkingLevel"} <= set(config.get("thinkingConfig", {})):
        raise BadRequestError("You can only set only one of thinking budget and thinking level.")
    calling = body.get("toolConfig", {}).get("functionCallingConfig", {})
    if calling and not body.get("tools"):
        raise BadRequestError("Function calling config is set without function_declarations.")
    named = {f["name"] for t in body.get("tools", ()) for f in t["functionDeclarations"]}
    if calling.get("allowedFunctionNames") and calling["mode"] not in ("ANY", "VALIDATED"):
        raise BadRequestError("allowed_function_names only with ANY or VALIDATED")
    if set(calling.get("allowedFunctionNames", ())) - named:
        raise BadRequestError("allowed_function_names is not a subset of the declarations")
    _check_turns(body["contents"], model)


_FREE = ("args", "response", "parametersJsonSchema", "responseJsonSchema")


def _camel(value):
    """Protocol buffers' JSON takes `snake_case` names too; the official client mixes them."""
    if isinstance(value, list):
        return [_camel(each) for each in value]
    if not isinstance(value, dict):
        return value
    named = {re.sub("_([a-z])", lambda m: m[1].upper(), k): v for k, v in value.items()}
    return {name: each if name in _FREE else _camel(each) for name, each in named.items()}


def _check_turns(contents: list[dict], model: str) -> None:
    asked: list[tuple] = []
    previous = ""
    for content in contents:
        if content["role"] == previous:
            raise BadRequestError("roles must alternate")
        previous = content["role"]
        parts = content["parts"]
        calls = [p for p in parts if "functionCall" in p]
        results = [p["functionResponse"] for p in parts if "functionResponse" in p]
        if calls and content["role"] != "model":
            raise BadRequestError("function calls are the model's")
        if results:
            got = sorted((r.get("id"), r["name"]) for r in results)
            if got != sorted(asked):
                raise BadRequestError(
                    "the number of function response parts is not equal to the number of function "
                    "call parts of the function call turn"
                )
        asked = [(p["functionCall"].get("id"), p["functionCall"]["name"]) for p in calls]
        if calls and "gemini-2" not in model:
            _check_signature(calls[0])
        for part in parts:
            if "thoughtSignature" in part and part["thoughtSignature"] not in (DUMMY, SIGNATURE):
                raise BadRequestError("Thought signature is not valid.")


def _check_signature(part: dict) -> None:
    if "thoughtSignature" not in part:
        raise BadRequestError("Function call is missing a thought_signature in functionCall parts.")


def answer(path: str, headers: dict[str, str], body: bytes, act: str):
    url = urlsplit(path)
    head, _, verb = unquote(url.path).rpartition(":")
    query = parse_qs(url.query)
    version, _, model = head.partition("/models/")
    if headers.get(":method") != "POST" or version not in ("/v1", "/v1beta"):
        return _error(404, "NOT_FOUND", "Requested entity was not found.")
    streamed = verb == "streamGenerateContent"
    if verb not in ("generateContent", "streamGenerateContent", "batchEmbedContents") or not model:
        return _error(404, "NOT_FOUND", f"models/{model} is not found for API version v1beta.")
    given = headers.get("x-goog-api-key") or "".join(query.get("key", []))
    if not given:
        return _error(403, "PERMISSION_DENIED", "Method doesn't allow unregistered callers.")
    if given != KEY:
        info = {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID"}
        return _error(400, "INVALID_ARGUMENT", "API key not valid.", [info])
    if act.startswith("status-"):
        return _status(act_number(act))
    try:
        asked = _camel(json.loads(body))
        if verb == "batchEmbedContents":
            return _embed(asked, model)
        check_body(asked, model)
        if streamed and query.get("alt") != ["sse"]:
            raise BadRequestError("this simulator streams only with alt=sse")
    except (BadRequestError, ValueError) as error:
        return _error(400, "INVALID_ARGUMENT", str(error))
    if streamed:
        head = {"content-type": "text/event-stream"}
        return 200, head, _stream(model, asked, act)
    if act in ("stall", "cut"):
        data = json.dumps(_whole(model, asked, "ok")).encode()
        return 200, _JSON, [data[:30], STALL if act == "stall" else CUT]
    return 200, _JSON, json.dumps(_whole(model, asked, act), ensure_ascii=False).encode()


_JSON = {"content-type": "application/json; charset=UTF-8"}


def _response(model: str, parts: list | None, *, finish: str | None = None, usage=USAGE) -> dict:
    candidate: dict = {"index": 0}
    if parts is not None:
        candidate["content"] = {"parts": parts, "role": "model"}
    if finish:
        candidate["finishReason"] = finish
    return {"candidates": [candidate], "usageMetadata": usage, "modelVersion": model,
            "responseId": "mAitaLmkHPPlz7IPvtfUqQ4"}  # fmt: skip


def _calls(model: str, asked: dict) -> list[dict]:
    name = asked["tools"][0]["functionDeclarations"][0]["name"]
    calls = [{"functionCall": {"name": name, "args": {"city": city}}} for city in ("Ulm", "köln")]
    if "gemini-2" not in model:
        calls[0]["thoughtSignature"] = SIGNATURE
        for at, call in enumerate(calls):
            call["functionCall"]["id"] = f"fc{at}x"
    return calls


def _blocked(model: str) -> dict:
    return {"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}, "modelVersion": model,
            "usageMetadata": {"promptTokenCount": 12, "totalTokenCount": 12},
            "responseId": "mAitaLmkHPPlz7IPvtfUqQ4"}  # fmt: skip


def _whole(model: str, asked: dict, act: str) -> dict:
    if act == "blocked":
        return _blocked(model)
    if act == "safety":
        return _response(model, None, finish="SAFETY")
    if act == "tools":
        return _response(model, _calls(model, asked), finish="STOP")
    thought = {"text": "Let me think.", "thought": True}
    words = {"text": "".join(_words(act)), "thoughtSignature": SIGNATURE}
    return _response(model, [thought, words], finish=_finish(act))


def _words(act: str) -> list[str]:
    return [JSON[:5], JSON[5:]] if act == "json" else WORDS


def _finish(act: str) -> str:
    return "MAX_TOKENS" if act == "length" else "STOP"


_EMBED = {"requests!": some([{
    "model!": r"models/[\w.-]+", "content!": {"parts!": some([{"text!": str}])},
    "taskType": str, "outputDimensionality": between(1, 3072, int), "title": str}])}  # fmt: skip


def _embed(asked: dict, model: str):
    check(asked, _EMBED, "request")
    if {each["model"] for each in asked["requests"]} != {f"models/{model}"}:
        raise BadRequestError("the model in a request is not that of the path")
    said = [{"values": [0.5] * each.get("outputDimensionality", 4)} for each in asked["requests"]]
    return 200, _JSON, json.dumps({"embeddings": said}).encode()


def _stream(model: str, asked: dict, act: str):
    early = {"promptTokenCount": 12, "totalTokenCount": 12}
    if act in ("blocked", "safety"):
        yield _event(_whole(model, asked, act))
        return
    yield _event(_response(model, [{"text": "Let me ", "thought": True}], usage=early))
    yield _event(_response(model, [{"text": "think.", "thought": True}], usage=early))
    if act == "tools":
        yield _event(_response(model, _calls(model, asked), finish="STOP"))
        return
    for at, word in enumerate(_words(act)):
        yield _event(_response(model, [{"text": word}], usage=early))
        if at == 1 and act == "stall":
            yield STALL
        if at == 1 and act == "cut":
            yield CUT
        if at == 1 and act == "error":
            status = {"code": 503, "message": "The model is overloaded.", "status": "UNAVAILABLE"}
            yield _event({"error": status})
            return
    last = [{"text": "", "thoughtSignature": SIGNATURE}]
    yield _event(_response(model, last, finish=_finish(act)))


def _event(value: dict) -> bytes:
    return b"data: " + json.dumps(value, ensure_ascii=False).encode() + b"\r\n\r\n"


_STATUSES = {
    400: ("INVALID_ARGUMENT", "Request contains an invalid argument."),
    403: ("PERMISSION_DENIED", "The caller does not have permission."),
    404: ("NOT_FOUND", "Requested entity was not found."),
    429: ("RESOURCE_EXHAUSTED", "You exceeded your current quota."),
    500: ("INTERNAL", "An internal error has occurred."),
    503: ("UNAVAILABLE", "The model is overloaded. Please try again later."),
    504: ("DEADLINE_EXCEEDED", "Deadline expired."),
}


def _status(number: int):
    status, message = _STATUSES.get(number, ("UNKNOWN", "Unknown."))
    if number != 429:
        return _error(number, status, message)
    details = [
        {"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": []},
        {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "7s"},
    ]
    return _error(number, status, message, details, {"retry-after": "7"})


def _error(number: int, status: str, message: str, details: list | None = None, more=None):
    error = {"code": number, "message": message, "status": status}
    if details:
        error["details"] = details
    return number, {**_JSON, **(more or {})}, json.dumps({"error": error}, indent=2).encode()
