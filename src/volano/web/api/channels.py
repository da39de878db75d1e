"""`volano channel …`: the names that clients call."""

from volano.web.api.models import STRATEGIES
from volano.web.api.verb import Param, Verb

VERBS = (
    Verb(
        "channel", "open", "open_channel", "/channels/{name}/open",
        "Open a channel to a model in one step: flow, signed release and channel.",
        (
            Param("name", "what clients will call", first=True, required=True),
            Param("model", "a registered model"),
            Param("at", "instead of it: where models are asked, such as openai:gpt-5", "list",
                  default=()),
            Param("strategy", "with --at: in which order", default="ordered", choices=STRATEGIES),
            Param("weights", "with --at: a share for each", "list", default=()),
        ),
        changes=True, done="{channel} {says}",
        next="volano key create NAME --scopes chat:{channel}",
    ),
    Verb(
        "channel", "list", "releases.channels", "/channels", "List channels.",
        columns=("name", "stable_ref", "candidate_ref", "share", "updated_us"),
    ),
    Verb(
        "channel", "show", "releases.channel", "/channels/{name}", "Show a channel.",
        (Param("name", "the channel", first=True, required=True),),
    ),
)  # fmt: skip
