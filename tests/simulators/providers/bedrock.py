"""Amazon Bedrock's Converse and ConverseStream in small, from the Bedrock Runtime API reference.

Acts: ok (a thought and words), json (an object), tools (two calls of the first tool), length
(cut short by the limit), guarded (a guardrail intervened), status-<n>, error (an exception in
mid-stream), stall, cut.

The signature is made anew from the secret key by this file's own code and compared.
"""

import hashlib
import hmac
import json
import re
from urllib.parse import quote, unquote, urlsplit

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
from volano.wire.eventstream import encode

ACCESS_KEY = "AKIDEXAMPLE"
SECRET_KEY = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
REGION = "us-east-1"
WORDS = ["Hello", " wörld", " 你好", " 🎡"]
JSON = '{"city":"Ulm"}'
USAGE = {
    "inputTokens": 8, "outputTokens": 5, "totalTokens": 20, "cacheReadInputTokens": 4,
    "cacheWriteInputTokens": 3, "cacheDetails": [{"ttl": "1h", "inputTokens": 2},
                                                 {"ttl": "5m", "inputTokens": 1}],
}  # fmt: skip

_SOURCE = One(bytes=base64_data, s3Location={"uri!": "s3://.+", "bucketOwner": r"\d{12}"})
_POINT = {"type!": {"default"}, "ttl": {"5m", "1h"}}
_IMAGE = {"format!": {"png", "jpeg", "gif", "webp"}, "source!": _SOURCE}
_VIDEO = {"format!": {"mkv", "mov", "mp4", "webm", "flv", "mpeg", "mpg", "wmv", "three_gp"},
          "source!": _SOURCE}  # fmt: skip
_AUDIO = {"format!": {"mp3", "opus", "wav", "aac", "flac", "mp4", "ogg", "mkv", "mka", "x-aac",
                      "m4a", "mpeg", "mpga", "pcm", "webm"}, "source!": _SOURCE}  # fmt: skip
_DOCUMENT = {
    "format": {"pdf", "csv", "doc", "docx", "xls", "xlsx", "html", "txt", "md"},
    "name!": r"(?!.*\s\s)[a-zA-Z0-9\s()\[\]-]{1,200}", "source!": _SOURCE,
}  # fmt: skip
_ID, _NAME = r"[a-zA-Z0-9_.:-]{1,64}", r"[a-zA-Z0-9_-]{1,64}"
_FILLED = r".+"
_BLOCK = One(
    text=_FILLED, image=_IMAGE, document=_DOCUMENT, video=_VIDEO, audio=_AUDIO, cachePoint=_POINT,
    toolUse={"toolUseId!": _ID, "name!": _NAME, "input!": dict},
    toolResult={
        "toolUseId!": _ID, "status": {"success", "error"},
        "content!": [One(text=_FILLED, json=dict, image=_IMAGE, document=_DOCUMENT, video=_VIDEO)],
    },
    reasoningContent=One(
        reasoningText={"text!": str, "signature": str}, redactedContent=base64_data
    ),
)  # fmt: skip
_META = r"[a-zA-Z0-9\s:_@$#=/+,\-.]{0,256}"


def _metadata(value, where):
    some(dict, 1, 16)(value, where)
    for name, each in value.items():
        check(name, _META.replace("{0", "{1"), where)
        check(each, _META, f"{where}.{name}")


_SCHEMA = {
    "messages!": some([{"role!": {"user", "assistant", "system"}, "content!": some([_BLOCK])}]),
    "system": [One(text=_FILLED, cachePoint=_POINT)],
    "inferenceConfig": {"maxTokens": between(1, 1 << 31, int), "temperature": between(0, 1),
                        "topP": between(0, 1), "stopSequences": some([_FILLED], 0, 2500)},
    "toolConfig": {
        "tools!": some([One(cachePoint=_POINT, toolSpec={
            "name!": _NAME, "description": _FILLED, "inputSchema!": {"json!": dict},
            "strict": bool})]),
        "toolChoice": One(auto={}, any={}, tool={"name!": _NAME}),
    },
    "guardrailConfig": {"guardrailIdentifier": str, "guardrailVersion": str, "trace": str},
    "additionalModelRequestFields": any_json,
    "additionalModelResponseFieldPaths": some([r"/.+"], 0, 10),
    "requestMetadata": _metadata,
    "performanceConfig": {"latency": {"standard", "optimized"}},
    "serviceTier": {"type!": {"priority", "default", "flex", "reserved"}},
    "outputConfig": {
        "effort": {"low", "medium", "high", "xhigh", "max"},
        "textFormat": {"type!": {"json_schema"}, "structure!": One(
            jsonSchema={"schema!": _FILLED, "name": str, "description": str})},
    },
}  # fmt: skip


def check_body(body: dict, model: str = "anthropic.claude") -> None:
    """Raises BadRequestError where the real API would answer with a ValidationException."""
    check(body, _SCHEMA, "request")
    more = body.get("additionalModelRequestFields", {})
    if "anthropic." not in model and "thinking" in more:
        raise BadRequestError("extraneous key [thinking] is not permitted")
    if "outputConfig" in body and "textFormat" in body["outputConfig"]:
        json.loads(body["outputConfig"]["textFormat"]["structure"]["jsonSchema"]["schema"])
    _check_turns(body["messages"])
    used = any(
        {"toolUse", "toolResult"} & set(block)
        for message in body["messages"] for block in message["content"]
    )  # fmt: skip
    if used and "toolConfig" not in body:
        raise BadRequestError(
            "The toolConfig field must be defined when using toolUse and toolResult content blocks."
        )
    named = {t["toolSpec"]["name"] for t in body.get("toolConfig", {}).get("tools", ())
             if "toolSpec" in t}  # fmt: skip
    chosen = body.get("toolConfig", {}).get("toolChoice", {}).get("tool")
    if chosen and chosen["name"] not in named:
        raise BadRequestError("toolChoice names no tool of tools")


def _check_turns(messages: list[dict]) -> None:
    if messages[0]["role"] != "user":
        raise BadRequestError("A conversation must start with a user message.")
    names: list[str] = []
    asked: list[str] = []
    previous = ""
    for message in messages:
        blocks, role = message["content"], message["role"]
        if role == previous:
            raise BadRequestError("A conversation must alternate between user and assistant roles.")
        previous = role
        kinds = [next(iter(block)) for block in blocks]
        if role != "user" and {"image", "document", "video", "audio", "toolResult"} & set(kinds):
            raise BadRequestError("only the user's messages hold such blocks")
        if role != "assistant" and {"toolUse", "reasoningContent"} & set(kinds):
            raise BadRequestError("only the assistant's messages hold such blocks")
        if "document" in kinds and "text" not in kinds:
            raise BadRequestError("A document needs a text block in the same message.")
        if "cachePoint" in kinds[:1]:
            raise BadRequestError("a cache point needs something before it")
        names += [block["document"]["name"] for block in blocks if "document" in block]
        results = [b["toolResult"]["toolUseId"] for b in blocks if "toolResult" in b]
        if sorted(results) != sorted(asked):
            raise BadRequestError(f"Expected toolResult blocks for the Ids: {asked}")
        asked = [block["toolUse"]["toolUseId"] for block in blocks if "toolUse" in block]
    if len(set(names)) != len(names):
        raise BadRequestError("Document names must be unique.")


def check_signature(path: str, headers: dict[str, str], body: bytes) -> str:
    """The type of the exception that AWS would answer with; empty where the signature is right."""
    said = headers.get("authorization", "")
    found = re.fullmatch(
        r"AWS4-HMAC-SHA256 Credential=(\S+?)/(\d{8})/(\S+?)/(\w+)/aws4_request, "
        r"SignedHeaders=(\S+), Signature=([0-9a-f]{64})",
        said,
    )
    if not found:
        return "MissingAuthenticationTokenException" if not said else "IncompleteSignatureException"
    access, day, region, service, names, signature = found.groups()
    if access != ACCESS_KEY or (region, service) != (REGION, "bedrock"):
        return "UnrecognizedClientException"
    url = urlsplit(path)
    lines = "".join(f"{n}:{' '.join(headers.get(n, '').split())}\n" for n in names.split(";"))
    query = "&".join(sorted(url.query.split("&"))) if url.query else ""
    canonical = "\n".join((headers[":method"], quote(url.path, safe="/~"), query, lines, names,
                           hashlib.sha256(body).hexdigest()))  # fmt: skip
    stamp = headers.get("x-amz-date", "")
    scope = f"{day}/{region}/{service}/aws4_request"
    to_sign = (
        f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    )
    key = b"AWS4" + SECRET_KEY.encode()
    for word in (day, region, service, "aws4_request", to_sign):
        key = hmac.new(key, word.encode(), hashlib.sha256).digest()
    right = key.hex() == signature and "host" in names.split(";") and stamp.startswith(day)
    return "" if right else "InvalidSignatureException"


def answer(path: str, headers: dict[str, str], body: bytes, act: str):
    found = re.fullmatch(r"/model/([^/]+)/(converse|converse-stream)", urlsplit(path).path)
    if not found or headers.get(":method") != "POST":
        return _error(404, "UnknownOperationException", "")
    if headers.get("authorization", "").startswith("Bearer "):
        if headers["authorization"] != f"Bearer {SECRET_KEY}":
            return _error(403, "AccessDeniedException", "Authentication failed: API Key not valid")
    elif wrong := check_signature(path, headers, body):
        said = "The request signature we calculated does not match the signature you provided."
        return _error(403, wrong, said)
    if act.startswith("status-"):
        return _status(act_number(act))
    model = unquote(found[1])
    try:
        if headers.get("content-type") != "application/json":
            raise BadRequestError("content-type must be application/json")
        asked = json.loads(body)
        check_body(asked, model)
    except (BadRequestError, ValueError) as error:
        return _error(400, "ValidationException", str(error))
    if found[2] == "converse-stream":
        return 200, {"content-type": "application/vnd.amazon.eventstream"}, _stream(asked, act)
    if act in ("stall", "cut"):
        return 200, _JSON, [b'{"output":{"mess', STALL if act == "stall" else CUT]
    return 200, _JSON, json.dumps(_whole(asked, act), ensure_ascii=False).encode()


_JSON = {"content-type": "application/json", "x-amzn-requestid": "7d0e1c5a-0000"}


def _calls(asked: dict) -> list[dict]:
    name = asked["toolConfig"]["tools"][0]["toolSpec"]["name"]
    return [{"toolUseId": f"tooluse_{at}", "name": name, "input": {"city": city}}
            for at, city in enumerate(("Ulm", "köln"))]  # fmt: skip


def _whole(asked: dict, act: str) -> dict:
    text = "".join(_words(act))
    stops = {"tools": "tool_use", "guarded": "guardrail_intervened", "length": "max_tokens"}
    stop = stops.get(act, "end_turn")
    if act == "tools":
        content = [{"toolUse": call} for call in _calls(asked)]
    else:
        thought = {"reasoningText": {"text": "Let me think.", "signature": "c2ln"}}
        content = [{"reasoningContent": thought}, {"text": text}]
    answered = {"output": {"message": {"role": "assistant", "content": content}},
                "stopReason": stop, "usage": USAGE, "metrics": {"latencyMs": 7}}  # fmt: skip
    if stops := asked.get("inferenceConfig", {}).get("stopSequences"):
        answered["stopReason"] = "stop_sequence" if stop == "end_turn" else stop
        if "/stop_sequence" in asked.get("additionalModelResponseFieldPaths", ()):
            answered["additionalModelResponseFields"] = {"stop_sequence": stops[0]}
    return answered


def _words(act: str) -> list[str]:
    return [JSON[:5], JSON[5:]] if act == "json" else WORDS


def _stream(asked: dict, act: str):
    whole = _whole(asked, act)
    yield event("messageStart", {"role": "assistant"})
    if act == "tools":
        for at, call in enumerate(_calls(asked)):
            start = {"toolUse": {"toolUseId": call["toolUseId"], "name": call["name"]}}
            yield event("contentBlockStart", {"start": start, "contentBlockIndex": at})
            said = json.dumps(call["input"])
            for piece in ("", said[:5], said[5:]):
                yield _delta(at, {"toolUse": {"input": piece}})
            yield event("contentBlockStop", {"contentBlockIndex": at})
    else:
        for piece in ({"text": "Let me "}, {"text": "think."}, {"signature": "c2ln"}):
            yield _delta(0, {"reasoningContent": piece})
        yield event("contentBlockStop", {"contentBlockIndex": 0})
        for at, word in enumerate(_words(act)):
            yield _delta(1, {"text": word})
            if at == 1 and act == "stall":
                yield STALL
            if at == 1 and act == "cut":
                yield CUT
            if at == 1 and act == "error":
                yield exception("modelStreamErrorException", "The model broke off.")
                return
        yield event("contentBlockStop", {"contentBlockIndex": 1})
    fields = {k: whole[k] for k in ("stopReason", "additionalModelResponseFields") if k in whole}
    yield event("messageStop", fields)
    yield event("metadata", {"usage": whole["usage"], "metrics": whole["metrics"]})


def _delta(at: int, delta: dict) -> bytes:
    return event("contentBlockDelta", {"delta": delta, "contentBlockIndex": at})


def event(name: str, payload: dict) -> bytes:
    """One event; the real API pads its payloads with `p`."""
    headers = {":event-type": name, ":content-type": "application/json", ":message-type": "event"}
    return encode(headers, json.dumps({**payload, "p": "abcdefghij"}).encode())


def exception(name: str, message: str) -> bytes:
    headers = {":exception-type": name, ":content-type": "application/json",
               ":message-type": "exception"}  # fmt: skip
    return encode(headers, json.dumps({"message": message}).encode())


_STATUSES = {
    400: ("ValidationException", "The provided model identifier is invalid."),
    403: ("AccessDeniedException", "You don't have access to the model with the specified ID."),
    404: ("ResourceNotFoundException", "Could not resolve the foundation model."),
    408: ("ModelTimeoutException", "Model has timed out."),
    424: ("ModelErrorException", "The model returned an error."),
    429: ("ThrottlingException", "Too many tokens, please wait before trying again."),
    500: ("InternalServerException", "The system encountered an unexpected error."),
    503: ("ServiceUnavailableException", "Bedrock is unable to process your request."),
}


def _status(number: int):
    return _error(number, *_STATUSES.get(number, ("UnknownException", "Unknown.")))


def _error(number: int, kind: str, message: str):
    headers = {**_JSON, "x-amzn-errortype": f"{kind}:http://internal.amazon.com/coral/"}
    if number == 429:
        headers["retry-after"] = "3"
    return number, headers, json.dumps({"message": message}).encode()
