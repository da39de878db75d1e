"""Rows: a frame's call becomes what the table takes."""

import json
from collections.abc import Callable
from dataclasses import replace
from operator import itemgetter
from typing import Any

import msgspec
import zstandard

from volano.core.ports.annotate import Annotate
from volano.traces.content import Content, read_content
from volano.traces.embeddings import read_embeddings
from volano.traces.errors import WithheldError
from volano.traces.frame import Begin, Call
from volano.traces.mask.masking import WITHHELD, Masking
from volano.traces.messages import read_count, read_messages
from volano.traces.responses import read_responses
from volano.traces.tables import COLUMNS, UNSEEN
from volano.traces.trace import ESTIMATED

CUT = "cut"
_ZSTD_LEVEL = 3
_EMPTY = Content()
_values = itemgetter(*COLUMNS, *UNSEEN)

READERS: dict[str, Callable[[bytes, bytes], Content]] = {
    "openai.chat": read_content,
    "openai.completions": read_content,
    "openai.responses": read_responses,
    "openai.embeddings": read_embeddings,
    "anthropic.messages": read_messages,
    "anthropic.count_tokens": read_count,
}
"""How the bodies of a door are read; a door that is not here is tried as a chat."""


class Rows:
    """Makes rows of what the rules of masking left, with what a higher room adds (prices, language)."""

    def __init__(self, annotate: Annotate | None = None, masking: Masking | None = None):
        self._annotate, self._masking = annotate, masking
        self._squeeze = zstandard.ZstdCompressor(level=_ZSTD_LEVEL).compress

    def make(self, call: Call, life: str = "") -> tuple[Any, ...]:
        """Return the values of one row.

        Raises whatever `annotate` raises: then `withheld` gives a row that shows nothing
        which should perhaps have been masked.
        """
        content = READERS.get(call.door, read_content)(call.request, call.response)
        if self._masking is not None and self._masking.active:
            call, content = self._masked(self._masking, call, content)
        row = self._plain(call, content, life)
        if self._annotate is not None:
            row = self._annotate(row)
        row["tags"] = json.dumps(row["tags"], ensure_ascii=False) if row["tags"] else "{}"
        row["request"] = self._squeeze(row["request"]) if row["request"] else None
        row["response"] = self._squeeze(row["response"]) if row["response"] else None
        return _values(row)

    def _masked(self, masking: Masking, call: Call, whole: Content) -> tuple[Call, Content]:
        """Return what the rules leave: texts are read anew out of it, numbers are those of the whole."""
        try:
            call = masking.call(call)
            left = READERS.get(call.door, read_content)(call.request, call.response)
            texts = {"input_text": left.input_text, "output_text": left.output_text,
                     "channel": call.channel}  # fmt: skip
            texts = masking.texts(texts)
            said = replace(whole, input_text=texts["input_text"], output_text=texts["output_text"])
        except WithheldError:
            said = replace(whole, input_text=None, output_text=None)
            call = msgspec.structs.replace(
                call, request=b"", response=b"", tags={"masking": WITHHELD}, unit="", session="",
                error=call.error and WITHHELD,
            )  # fmt: skip
        return call, said

    def withheld(self, call: Call, life: str = "") -> tuple[Any, ...]:
        """Return the row of this call without any of its content."""
        row = self._plain(call, _EMPTY, life)
        if row["cost_nano"] is None:
            row["cost_nano"] = call.held_nano
        return _values(row | {"tags": "{}", "unit": "", "request": None, "response": None})

    @staticmethod
    def _plain(call: Call, content: Content, life: str) -> dict[str, Any]:
        row = msgspec.structs.asdict(call)
        row["latency_us"] = max(0, call.ended_us - call.began_us)
        row["ttft_us"] = None if call.first_us is None else max(0, call.first_us - call.began_us)
        row["input_text"] = content.input_text
        row["output_text"] = content.output_text
        row["prompt_tokens"] = content.prompt_tokens
        row["completion_tokens"] = content.completion_tokens
        row["finish"] = content.finish
        usage = content.usage
        if usage is None and call.usage is not None:
            usage = call.usage
            row["prompt_tokens"], row["completion_tokens"] = usage.input, usage.output
            if call.estimated:
                row["tags"] = call.tags | ESTIMATED
        row["usage"] = usage
        row["cached_tokens"] = None if usage is None else usage.cached
        row["reasoning_tokens"] = None if usage is None else usage.reasoning
        row["life"] = life
        row["held"] = ",".join(map(str, call.held))
        row["cost_currency"] = call.cost_currency or None
        row["priced_by"] = call.priced_by or None
        return row


def cut_call(begin: Begin, *, worker: str, ended_us: int) -> Call:
    """Return the call of a stream whose worker died: what is known is how it began."""
    return Call(
        **msgspec.structs.asdict(begin),
        ended_us=max(begin.began_us, ended_us),
        outcome=CUT,
        error=f"The worker ended before the {'stream' if begin.streamed else 'answer'} did.",
        worker=worker,
    )
