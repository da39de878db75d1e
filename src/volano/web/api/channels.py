"""`volano channel …`: the names that clients call."""

from volano.web.api.verb import Param, Verb

VERBS = (
    Verb(
        "channel", "list", "releases.channels", "/channels", "List channels.",
        columns=("name", "stable_ref", "candidate_ref", "share", "updated_us"),
    ),
    Verb(
        "channel", "show", "releases.channel", "/channels/{name}", "Show a channel.",
        (Param("name", "the channel", first=True, required=True),),
    ),
)  # fmt: skip
