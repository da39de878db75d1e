"""All dialects by name: those that doors speak, those that targets understand."""

from volano.wire.dialect import Served, Spoken
from volano.wire.dialects.anthropic import MESSAGES
from volano.wire.dialects.bedrock import BEDROCK
from volano.wire.dialects.gemini import GEMINI
from volano.wire.dialects.gemini_embeddings import GEMINI_EMBEDDINGS
from volano.wire.dialects.openai_chat import CHAT
from volano.wire.dialects.openai_completions import COMPLETIONS
from volano.wire.dialects.openai_embeddings import EMBEDDINGS
from volano.wire.dialects.openai_responses import RESPONSES
from volano.wire.embeddings import ServedEmbeddings, SpokenEmbeddings

_SERVED: tuple[Served, ...] = (CHAT, RESPONSES, COMPLETIONS, MESSAGES)
_SPOKEN: tuple[Spoken, ...] = (CHAT, RESPONSES, MESSAGES, GEMINI, BEDROCK, COMPLETIONS)
_EMBEDDING: tuple[SpokenEmbeddings, ...] = (EMBEDDINGS, GEMINI_EMBEDDINGS)

SERVED: dict[str, Served] = {dialect.name: dialect for dialect in _SERVED}
"""What a client may speak to have a model write."""
SPOKEN: dict[str, Spoken] = {dialect.name: dialect for dialect in _SPOKEN}
"""What a target may be spoken to in, to write."""
SERVED_EMBEDDINGS: dict[str, ServedEmbeddings] = {EMBEDDINGS.name: EMBEDDINGS}
"""What a client may speak to have texts embedded."""
SPOKEN_EMBEDDINGS: dict[str, SpokenEmbeddings] = {one.name: one for one in _EMBEDDING}
"""What a target may be spoken to in, to embed."""
