"""`volano span …`: what applications sent of their own work (OTLP)."""

from volano.web.api.verb import LIMIT, Param, Verb

_COLUMNS = ("id", "span_id", "began_us", "service", "kind", "name", "outcome", "latency_us")

VERBS = (
    Verb(
        "span", "list", "spans.list", "/spans", "List spans, the newest first.",
        (
            Param("service", "only of this service"),
            Param("session", "only of this session"),
            Param("kind", "only of this kind: llm, tool, agent, chain, retriever, …"),
            Param("outcome", "only these", choices=("ok", "error")),
            LIMIT,
        ),
        columns=_COLUMNS, scope="read",
    ),
    Verb(
        "span", "show", "spans.show", "/spans/{trace}/{span}", "Show one span and all that was said of it.",
        (
            Param("trace", "the trace id", first=True, required=True),
            Param("span", "the span id", first=True, required=True),
        ),
        scope="read",
    ),
    Verb(
        "span", "refused", "spans.refused", "/spans/refused", "List spans that could not be kept, and why.",
        (LIMIT,),
        columns=("at_us", "key_id", "name", "why"), scope="read",
    ),
)  # fmt: skip
