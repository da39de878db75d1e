"""`volano session …`: conversations, turn by turn."""

from volano.web.api.verb import LIMIT, Param, Verb

VERBS = (
    Verb(
        "session", "list", "sessions.list", "/sessions", "List sessions, the one seen last first.",
        (LIMIT, Param("before", "go on after this one: its last_us:id")),
        columns=("id", "last_us", "unit", "turns", "failed"), scope="read",
    ),
    Verb(
        "session", "show", "sessions.show", "/sessions/{session}",
        "Show a session as a conversation: what is new in each turn.",
        (
            Param("session", "the session", first=True, required=True),
            LIMIT,
            Param("after", "go on after this turn: what `following` says"),
        ),
        scope="read",
    ),
)  # fmt: skip
