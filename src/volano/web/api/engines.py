"""`volano engine …`: what runs models here."""

from volano.web.api.verb import Verb

VERBS = (
    Verb(
        "engine", "list", "engines.list", "/engines",
        "List engines: what each runs, its memory, its queue, its speed.",
        columns=(
            "name", "kind", "model", "state", "memory_bytes", "busy", "slots", "queued",
            "tokens_per_s",
        ),
    ),
)  # fmt: skip
