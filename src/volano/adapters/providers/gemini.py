"""Google's Gemini API: https://ai.google.dev/api/generate-content.

Embeddings: https://ai.google.dev/api/embeddings. It sends no headers about limits; a 429 says in its body how long to wait.
"""

from volano.gateway.provider import Lines, Provider, registered


def x_goog_api_key(key: str) -> Lines:
    """Return Google's line for a key; in the query it would stand in logs."""
    return {"x-goog-api-key": key}


GEMINI = registered(
    Provider(
        "gemini",
        {
            "gemini.generate": "/models/{model}:generateContent",
            "gemini.embeddings": "/models/{model}:batchEmbedContents",
        },
        stream_paths={"gemini.generate": "/models/{model}:streamGenerateContent?alt=sse"},
        url="https://generativelanguage.googleapis.com/v1beta",
        prefix="/v1beta",
        key_env="GEMINI_API_KEY",
        auth=x_goog_api_key,
    )
)
