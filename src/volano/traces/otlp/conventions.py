"""What the conventions call things: data, no code. The current name stands first in each row.

The four dialects, as found in the wild:

    genai         OpenTelemetry's semantic conventions for generative AI, 1.37 and later
    genai-1.36    the same before: `gen_ai.system`, indexed prompts, messages as events
    openinference Arize's conventions (Phoenix and its instrumentations)
    openllmetry   Traceloop's conventions

Sources: open-telemetry/semantic-conventions-genai (schema 1.42), its registry of
deprecated attributes; Arize-ai/openinference spec/semantic_conventions.md;
traceloop/openllmetry semconv_ai. `volano.*` is our own, `langfuse.*` is taken
along because many applications have it.
"""

from typing import Literal

Side = Literal["input", "output"]

DIALECTS = ("openinference", "openllmetry", "genai-1.36", "genai")

MARKS: tuple[tuple[str, str], ...] = (
    ("openinference.span.kind", "openinference"),
    ("llm.model_name", "openinference"),
    ("llm.token_count.prompt", "openinference"),
    ("embedding.model_name", "openinference"),
    ("traceloop.span.kind", "openllmetry"),
    ("traceloop.entity.name", "openllmetry"),
    ("traceloop.workflow.name", "openllmetry"),
    ("llm.request.type", "openllmetry"),
    ("llm.usage.total_tokens", "openllmetry"),
    ("llm.is_streaming", "openllmetry"),
    ("gen_ai.system", "genai-1.36"),
    ("gen_ai.usage.prompt_tokens", "genai-1.36"),
    ("gen_ai.provider.name", "genai"),
    ("gen_ai.operation.name", "genai"),
    ("mcp.method.name", "genai"),
)
"""An attribute that tells its dialect; the first that is there decides."""

COLUMNS: dict[str, tuple[tuple[str, str], ...]] = {
    "service": (("service.name", "text"),),
    "release": (
        ("volano.release", "text"),
        ("langfuse.release", "text"),
        ("service.version", "text"),
    ),
    "environment": (
        ("volano.environment", "text"),
        ("langfuse.environment", "text"),
        ("deployment.environment.name", "text"),
        ("deployment.environment", "text"),
    ),
    "session": (
        ("volano.session", "text"),
        ("gen_ai.conversation.id", "text"),
        ("session.id", "text"),
        ("langfuse.session.id", "text"),
        ("traceloop.association.properties.session_id", "text"),
        ("traceloop.association.properties.conversation_id", "text"),
        ("mcp.session.id", "text"),
    ),
    "unit": (
        ("volano.user", "text"),
        ("user.id", "text"),
        ("enduser.id", "text"),
        ("langfuse.user.id", "text"),
        ("gen_ai.user", "text"),
        ("traceloop.association.properties.user_id", "text"),
        ("llm.user", "text"),
    ),
    "model": (
        ("gen_ai.request.model", "text"),
        ("llm.model_name", "text"),
        ("embedding.model_name", "text"),
        ("reranker.model_name", "text"),
        ("gen_ai.response.model", "text"),
    ),
    "answered_by": (("gen_ai.response.model", "text"),),
    "provider": (
        ("gen_ai.provider.name", "provider"),
        ("gen_ai.system", "provider"),
        ("llm.provider", "provider"),
        ("llm.system", "provider"),
    ),
    "prompt_tokens": (
        ("gen_ai.usage.input_tokens", "count"),
        ("gen_ai.usage.prompt_tokens", "count"),
        ("llm.token_count.prompt", "count"),
    ),
    "completion_tokens": (
        ("gen_ai.usage.output_tokens", "count"),
        ("gen_ai.usage.completion_tokens", "count"),
        ("llm.token_count.completion", "count"),
    ),
    "cached_tokens": (
        ("gen_ai.usage.cache_read.input_tokens", "count"),
        ("gen_ai.usage.cache_read_input_tokens", "count"),
        ("llm.token_count.prompt_details.cache_read", "count"),
    ),
    "cache_written": (
        ("gen_ai.usage.cache_creation.input_tokens", "count"),
        ("gen_ai.usage.cache_creation_input_tokens", "count"),
        ("llm.token_count.prompt_details.cache_write", "count"),
    ),
    "reasoning_tokens": (
        ("gen_ai.usage.reasoning.output_tokens", "count"),
        ("gen_ai.usage.reasoning_tokens", "count"),
        ("llm.token_count.completion_details.reasoning", "count"),
    ),
    "finish": (
        ("gen_ai.response.finish_reasons", "first"),
        ("gen_ai.completion.0.finish_reason", "text"),
        ("llm.finish_reason", "text"),
    ),
    "ttft_us": (("gen_ai.response.time_to_first_chunk", "seconds"),),
    "error": (("exception.message", "text"), ("error.message", "text"), ("error.type", "text")),
    "said_nano": (("llm.cost.total", "money"), ("gen_ai.usage.cost", "money")),
}
"""Column -> the attributes that it is read from, the best first, and how each is read."""

KINDS: tuple[tuple[str, dict[str, str]], ...] = (
    (
        "openinference.span.kind",
        {
            name.upper(): name
            for name in (
                *("llm", "embedding", "retriever", "reranker", "tool", "agent", "chain"),
                *("guardrail", "evaluator", "prompt"),
            )
        },
    ),
    (
        "gen_ai.operation.name",
        {
            "chat": "llm",
            "text_completion": "llm",
            "generate_content": "llm",
            "embeddings": "embedding",
            "retrieval": "retriever",
            "execute_tool": "tool",
            "create_agent": "agent",
            "invoke_agent": "agent",
            "plan": "agent",
            "invoke_workflow": "chain",
        },
    ),
    (
        "llm.request.type",
        {"chat": "llm", "completion": "llm", "embedding": "embedding", "rerank": "reranker"},
    ),
    (
        "traceloop.span.kind",
        {"workflow": "chain", "task": "chain", "agent": "agent", "tool": "tool"},
    ),
    ("mcp.method.name", {"tools/call": "tool", "prompts/get": "prompt"}),
    (
        "langfuse.observation.type",
        {
            "generation": "llm", "embedding": "embedding", "retriever": "retriever", "tool": "tool",
            "agent": "agent", "chain": "chain", "guardrail": "guardrail", "evaluator": "evaluator",
        },
    ),
)  # fmt: skip
"""Attribute -> what its values mean; the first that is there and known decides."""

PROVIDERS = {
    "aws.bedrock": "bedrock",
    "aws_bedrock": "bedrock",
    "aws": "bedrock",
    "azure.ai.openai": "azure",
    "azure.ai.inference": "azure",
    "az.ai.openai": "azure",
    "az.ai.inference": "azure",
    "gcp.gemini": "gemini",
    "gcp.gen_ai": "gemini",
    "gcp.vertex_ai": "gemini",
    "google": "gemini",
    "google_genai": "gemini",
    "vertexai": "gemini",
    "vertex_ai": "gemini",
    "mistral_ai": "mistral",
    "mistralai": "mistral",
    "x_ai": "xai",
}
"""What the conventions call a provider, where we call it otherwise; all others in lower case."""

TAG_PREFIXES = (
    "volano.tag.",
    "langfuse.trace.metadata.",
    "traceloop.association.properties.",
)
"""What follows is the name of a tag."""

TAG_LISTS = ("volano.tags", "langfuse.trace.tags", "tag.tags")
"""Lists of names of tags."""

TAGS = {"openinference.project.name": "project", "cloud.region": "region"}
"""An attribute that is a tag, and its name."""

MESSAGES: dict[Side, tuple[str, ...]] = {
    "input": ("gen_ai.input.messages",),
    "output": ("gen_ai.output.messages",),
}
"""Lists of messages with parts, as JSON or as values."""

INDEXED: dict[Side, tuple[tuple[str, str], ...]] = {
    "input": (("gen_ai.prompt.", ""), ("llm.input_messages.", "message.")),
    "output": (("gen_ai.completion.", ""), ("llm.output_messages.", "message.")),
}
"""Messages flattened into attributes: what stands before the index, and what after it."""

VALUES: dict[Side, tuple[str, ...]] = {
    "input": (
        "gen_ai.tool.call.arguments",
        "gen_ai.retrieval.query.text",
        "gen_ai.prompt",
        "input.value",
        "traceloop.entity.input",
        "langfuse.observation.input",
        "embedding.embeddings.0.embedding.text",
        "reranker.query",
    ),
    "output": (
        "gen_ai.tool.call.result",
        "gen_ai.completion",
        "output.value",
        "traceloop.entity.output",
        "langfuse.observation.output",
        "retrieval.documents.0.document.content",
        "gen_ai.retrieval.documents",
    ),
}
"""Plain values, taken where there are no messages."""

EVENTS: dict[str, tuple[tuple[Side, str], ...]] = {
    "gen_ai.client.inference.operation.details": (
        ("input", "gen_ai.input.messages"),
        ("output", "gen_ai.output.messages"),
    ),
    "gen_ai.content.prompt": (("input", "gen_ai.prompt"),),
    "gen_ai.content.completion": (("output", "gen_ai.completion"),),
    "gen_ai.user.message": (("input", "content"), ("input", "gen_ai.event.content")),
    "gen_ai.choice": (
        ("output", "message"),
        ("output", "content"),
        ("output", "gen_ai.event.content"),
    ),
}
"""Events of a span that hold its content."""

FIRST_TOKENS = ("First Token Stream Event", "gen_ai.content.completion.chunk")
"""Events that say that the answer has begun."""

EXCEPTION = "exception"
"""The event of an exception (OpenTelemetry, exceptions on spans)."""
