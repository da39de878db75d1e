"""The door of an engine: OpenAI's chat completions and completions, plain and as a stream.

Beside them `/health`, `/metrics` (Prometheus), `/tokenize` and `/v1/models`, as
llama.cpp's server has them, so that whoever stands before an engine need not
know which one it is.
"""

import asyncio
import json
import logging
import secrets
import time
from collections.abc import AsyncIterator
from typing import Any

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from volano.adapters.engines.desk.asked import Asked, BadRequestError, read
from volano.adapters.engines.desk.spelling import Spelling
from volano.adapters.engines.desk.turn import Turn
from volano.adapters.engines.desk.waiting import CrowdedError, Waiting
from volano.adapters.engines.desk.wording import Wording
from volano.wire.prometheus import CONTENT_TYPE, Page

log = logging.getLogger(__name__)

MAX_BODY = 32 << 20
RETRY_S = 1


class Door:
    """Answers requests for one model. `context` counts the tokens of one conversation."""

    def __init__(self, wording: Wording, waiting: Waiting, *, alias: str, context: int, slots: int):
        self._wording = wording
        self._waiting = waiting
        self._alias = alias
        self._context = context
        self._slots = slots
        self._begun_s = int(time.time())
        self.draining = False

    def site(self) -> Starlette:
        """Return the application."""
        return Starlette(
            routes=[
                Route("/v1/chat/completions", self._chat, methods=["POST"]),
                Route("/v1/completions", self._completions, methods=["POST"]),
                Route("/tokenize", self._tokenize, methods=["POST"]),
                Route("/v1/models", self._models),
                Route("/health", self._health),
                Route("/metrics", self._metrics),
            ]
        )

    async def _chat(self, request: Request) -> Response:
        return await self._answer(request, chat=True)

    async def _completions(self, request: Request) -> Response:
        return await self._answer(request, chat=False)

    async def _answer(self, request: Request, *, chat: bool) -> Response:
        try:
            asked = read(await _body(request), chat=chat)
            tokens = self._wording.tokens(asked)
        except BadRequestError as error:
            return _refusal(str(error))
        if not tokens:
            return _refusal("The prompt is empty")
        if len(tokens) >= self._context:
            return self._too_long(len(tokens))
        turn = self._turn(asked, tokens)
        try:
            self._waiting.add(turn)
        except CrowdedError:
            return _busy()
        form = _Form(self._alias, turn, chat=chat)
        if asked.stream:
            events = _events(turn, form, include_usage=asked.include_usage)
            return StreamingResponse(events, media_type="text/event-stream")
        return await _whole(request, turn, form)

    def _turn(self, asked: Asked, tokens: list[int]) -> Turn:
        room = self._context - len(tokens)
        return Turn(
            tokens,
            asked.sampling,
            room=min(room, asked.max_tokens or room),
            ends=self._wording.ends,
            spelling=Spelling(self._wording.tokenizer, asked.stops),
            loop=asyncio.get_running_loop(),
        )

    def _too_long(self, count: int) -> Response:
        """Say so in llama.cpp's words, which `serving.refusal` knows."""
        said = {
            "code": 400,
            "type": "exceed_context_size_error",
            "message": f"request ({count} tokens) exceeds the available context size "
            f"({self._context} tokens)",
            "n_prompt_tokens": count,
            "n_ctx": self._context,
        }
        return JSONResponse({"error": said}, status_code=400)

    async def _tokenize(self, request: Request) -> Response:
        try:
            body = json.loads(await _body(request))
            text = body.get("content", body.get("prompt"))
        except (ValueError, AttributeError, RecursionError, BadRequestError):
            text = None
        if not isinstance(text, str):
            return _refusal("Failed to parse content: it is a text")
        special = body.get("add_special") is True
        tokenizer = self._wording.tokenizer
        ids = (
            self._wording.encode(text)
            if special
            else tokenizer.encode(text, add_special_tokens=False).ids
        )
        return JSONResponse({"tokens": ids})

    async def _models(self, _: Request) -> Response:
        model = {"id": self._alias, "object": "model", "owned_by": "volano"}
        return JSONResponse({"object": "list", "data": [{**model, "created": self._begun_s}]})

    async def _health(self, _: Request) -> Response:
        if self.draining:
            return JSONResponse({"status": "draining"}, status_code=503)
        return JSONResponse({"status": "ok"})

    async def _metrics(self, _: Request) -> Response:
        page, counts, waiting = Page(), self._waiting.counts, self._waiting
        name = "volano_engine"
        for key, says, value in (
            ("requests", "Answers that ended.", counts.requests),
            ("prompt_tokens", "Tokens read.", counts.prompt_tokens),
            ("tokens", "Tokens written.", counts.tokens),
            ("busy_seconds", "Time spent computing.", counts.seconds),
        ):
            page.counter(f"{name}_{key}_total", says, [({}, value)])
        for key, says, value in (
            ("slots", "Answers computed at once, at most.", self._slots),
            ("busy", "Answers being computed.", waiting.busy),
            ("queued", "Requests that wait.", waiting.queued),
        ):
            page.gauge(f"{name}_{key}", says, [({}, value)])
        return PlainTextResponse(page.text(), media_type=CONTENT_TYPE)


class _Form:
    """The frames of one answer, in OpenAI's shape."""

    def __init__(self, model: str, turn: Turn, *, chat: bool):
        self._chat = chat
        self._turn = turn
        self._head = {
            "id": f"{'chatcmpl' if chat else 'cmpl'}-{secrets.token_hex(12)}",
            "created": int(time.time()),
            "model": model,
        }

    def usage(self) -> dict[str, int]:
        read_, said = len(self._turn.prompt), len(self._turn.said)
        return {"prompt_tokens": read_, "completion_tokens": said, "total_tokens": read_ + said}

    def whole(self, text: str, reason: str) -> dict[str, Any]:
        message = (
            {"message": {"role": "assistant", "content": text}} if self._chat else {"text": text}
        )
        choice = {"index": 0, **message, "logprobs": None, "finish_reason": reason}
        kind = "chat.completion" if self._chat else "text_completion"
        return {**self._head, "object": kind, "choices": [choice], "usage": self.usage()}

    def chunk(self, text: str, reason: str | None = None, *, first: bool = False) -> dict[str, Any]:
        if self._chat:
            role = {"role": "assistant"} if first else {}
            content = {"content": text} if text or first else {}
            part: dict[str, Any] = {"delta": {**role, **content}}
        else:
            part = {"text": text}
        choice = {"index": 0, **part, "logprobs": None, "finish_reason": reason}
        return {**self._head, "object": self._kind, "choices": [choice]}

    def last(self) -> dict[str, Any]:
        return {**self._head, "object": self._kind, "choices": [], "usage": self.usage()}

    @property
    def _kind(self) -> str:
        return "chat.completion.chunk" if self._chat else "text_completion"


async def _whole(request: Request, turn: Turn, form: _Form) -> Response:
    """Wait for the whole answer; a client that goes away ends its turn."""
    gone = asyncio.create_task(_gone(request, turn))
    text = ""
    try:
        while True:
            piece = await turn.pieces.get()
            if piece.reason == "failed":
                return _failure(piece.text)
            text += piece.text
            if piece.reason:
                return JSONResponse(form.whole(text, piece.reason))
    finally:
        gone.cancel()


async def _gone(request: Request, turn: Turn) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
    turn.leave()


async def _events(turn: Turn, form: _Form, *, include_usage: bool) -> AsyncIterator[bytes]:
    try:
        yield _event(form.chunk("", first=True))
        while True:
            piece = await turn.pieces.get()
            if piece.reason == "failed":
                yield _event(json.loads(bytes(_failure(piece.text).body)))
                return
            if piece.text:
                yield _event(form.chunk(piece.text))
            if piece.reason:
                yield _event(form.chunk("", piece.reason))
                break
        if include_usage:
            yield _event(form.last())
        yield b"data: [DONE]\n\n"
    finally:
        turn.leave()


def _event(value: dict[str, Any]) -> bytes:
    return (
        b"data: " + json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode() + b"\n\n"
    )


async def _body(request: Request) -> bytes:
    read_ = bytearray()
    try:
        async for piece in request.stream():
            read_ += piece
            if len(read_) > MAX_BODY:
                raise BadRequestError(reason=f"The body is larger than {MAX_BODY} bytes")
    except ClientDisconnect as error:
        raise BadRequestError(reason="The client went away") from error
    return bytes(read_)


def _refusal(reason: str) -> Response:
    said = {"message": reason, "type": "invalid_request_error", "param": None, "code": 400}
    return JSONResponse({"error": said}, status_code=400)


def _failure(reason: str) -> Response:
    said = {"message": reason, "type": "server_error", "param": None, "code": 500}
    return JSONResponse({"error": said}, status_code=500)


def _busy() -> Response:
    said = {"message": "Too many requests wait", "type": "server_error", "param": None, "code": 503}
    return JSONResponse({"error": said}, status_code=503, headers={"retry-after": str(RETRY_S)})
