"""A Span: one step of an application's work, as it was sent to us (OTLP) and is read back."""

from dataclasses import dataclass
from typing import Literal

SpanKind = Literal[
    "llm", "embedding", "retriever", "reranker", "tool", "agent", "chain",
    "guardrail", "evaluator", "prompt", "other",
]  # fmt: skip
"""What a step is. OpenInference's words in lower case; `other` is any step that is no model's work."""


@dataclass(frozen=True, slots=True)
class Span:
    """One step. `seq` grows with the order of recording; times are microseconds UTC.

    `release` is the version that the application says it is (`service.version`), `unit` the
    user it worked for, `dialect` the convention its attributes were written in. `outcome` is
    ok or error. `cost_nano` is in nano-units of its currency; None: no price or no usage is known.
    """

    seq: int
    id: str
    span_id: str
    parent_span_id: str | None
    name: str
    kind: SpanKind
    began_us: int
    ended_us: int
    latency_us: int
    ttft_us: int | None
    key_id: str
    group: str
    service: str
    environment: str
    release: str
    session: str
    unit: str
    model: str
    provider: str
    outcome: str
    error: str | None
    finish: str | None
    prompt_tokens: int | None
    completion_tokens: int | None
    cached_tokens: int | None
    reasoning_tokens: int | None
    cost_nano: int | None
    cost_currency: str | None
    priced_by: str | None
    tags: dict[str, str]
    dialect: str
    input_text: str | None
    output_text: str | None
