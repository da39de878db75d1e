"""`volano channel …`: the names that clients call."""

from volano.web.api.models import STRATEGIES
from volano.web.api.verb import Param, Verb

_NAME = Param("name", "the channel", first=True, required=True)

LIMITS = (
    Param("new_fields", "answers may have fields that a closed schema did not have", "flag"),
    Param("critical", "the column that marks critical rows; `critical` when not given"),
    Param(
        "flips",
        "so many rows may fall; any number when not given, but no critical one",
        "int",
        least=0,
    ),
    Param(
        "failures",
        "so many recorded requests may fail that went well; none when not given",
        "int",
        least=0,
    ),
    Param("cost", "at most so many times as dear; 1.5 when not given", "float"),
    Param("latency", "p95 at most so many times as long; 2 when not given", "float"),
    Param("least", "from fewer requests nothing is concluded; 10 when not given", "int", least=1),
    Param("suites", "names of suites, with commas, whose reports it must pin; any when not given"),
)

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
            Param("latency_ms", "with --strategy cheapest: among those whose first words come within "
                  "this time, if any", "int", least=1, most=3_600_000),
            Param("fallback", "asked when none of those answers, one after the other", "list",
                  default=()),
        ),
        changes=True, done="{channel} {says}",
        next="volano key create NAME --scopes chat:{channel}",
    ),
    Verb(
        "channel", "list", "releases.channels", "/channels", "List channels.",
        columns=("name", "stable_ref", "candidate_ref", "share", "updated_us"),
    ),
    Verb(
        "channel", "show", "standings.channel", "/channels/{name}",
        "Show a channel, and whether it should be left.",
        (_NAME,),
    ),
    Verb(
        "channel", "approvals", "approvals.require", "/channels/{channel}/approvals",
        "Let a channel move only when so many people agree, without who cut the release.",
        (
            Param("channel", "the channel", first=True, required=True),
            Param("needed", "how many", "int", default=1, least=1, most=20),
            Param("approvers", "only these: person:anna, service:key/boris; anybody when not given",
                  "list", default=()),
            Param("off", "ask nobody any more", "flag", default=False),
        ),
        changes=True, done="{channel} asks {needed} people before it moves.",
        next="volano release approve RELEASE --channel {channel}",
    ),
    Verb(
        "channel", "checks", "demands.require", "/channels/{channel}/checks",
        "Let a channel move only to releases whose check said that they break nobody.",
        (
            Param("channel", "the channel", first=True, required=True),
            Param("require", "which gates must say yes: suites, schema, variables, flips, replay, context, "
                  "envelope; all when not given", "list", default=()),
            *LIMITS,
            Param("off", "demand nothing any more", "flag", default=False),
        ),
        changes=True, done="{channel} demands of a release before it moves: {says}.",
        next="volano release check RELEASE --channel {channel}",
    ),
    Verb(
        "channel", "demands", "demands.list", "/channel-demands",
        "List the channels that demand checks of releases.",
        columns=("channel", "gates", "limits", "set_us", "set_by"),
    ),
    Verb(
        "channel", "rules", "approvals.rules", "/channel-rules", "List the channels that ask people.",
        columns=("channel", "needed", "approvers", "set_us", "set_by"),
    ),
    Verb(
        "channel", "environments", "environments.order", "/channels/{channel}/environments",
        "Say through which channels a release goes, one after the other, before this one.",
        (
            Param("channel", "the last of them", first=True, required=True),
            Param("order", "all of them in order: support/dev,support/staging,support", "list", default=()),
            Param("least_time", "it serves each of them so long before it goes on: 2h, 1d", default="0"),
            Param("least_calls", "and answers so many calls", "int", default=0, least=0, most=1_000_000_000),
            Param("off", "it goes where it likes again", "flag", default=False),
        ),
        changes=True, done="{channel}: {says}.", next="volano channel orders",
    ),
    Verb(
        "channel", "orders", "environments.list", "/environment-orders",
        "List the orders of environments.",
        columns=("channel", "environments", "least_us", "least_calls", "set_us", "set_by"),
    ),
    Verb(
        "channel", "callers", "callers.callers", "/channels/{channel}/callers",
        "Show which keys called a channel in the last days, and when last.",
        (
            Param("channel", "the channel", first=True, required=True),
            Param("days", "so many days back", "int", default=7, least=1, most=3650),
        ),
        columns=("key", "name", "group", "calls", "last_us"),
    ),
    Verb(
        "channel", "deprecate", "deprecations.deprecate_channel", "/channels/{channel}/deprecate",
        "Say that a channel should be left: its callers are told with each answer.",
        (
            Param("channel", "the channel", first=True, required=True),
            Param("on", "the day after which it may be gone (2027-03-01, 90d), or never", required=True),
            Param("successor", "the channel that follows"),
            Param("why", "the reason", default=""),
        ),
        changes=True, done="{name} is {says}.", next="volano channel callers {name}",
    ),
    Verb(
        "channel", "undeprecate", "deprecations.undeprecate_channel", "/channels/{channel}/undeprecate",
        "Take back that a channel should be left.",
        (Param("channel", "the channel", first=True, required=True),),
        changes=True, done="{name} is not deprecated any more.", next="volano channel show {name}",
    ),
    Verb(
        "channel", "close", "retirements.close", "/channels/{channel}/close",
        "Take a channel that nobody uses away from the gateway.",
        (
            Param("channel", "the channel", first=True, required=True),
            Param("quiet", "nobody has called it for so long; 0s asks for nothing", default="7d"),
            Param("why", "the reason", default=""),
        ),
        changes=True, done="{channel} is closed; it served {served}{says}.", next="volano channel list",
    ),
    Verb(
        "channel", "cache", "releases.cache", "/channels/{channel}/cache",
        "Give answers again to the same question, for a time; what was kept until now is forgotten.",
        (
            Param("channel", "the channel", first=True, required=True),
            Param("ttl", "for how many seconds", "int", least=1, most=2_592_000),
            Param("scope", "who may get an answer that another got: callers of the same group, of "
                  "the channel, or of the release in any channel", default="group",
                  choices=("group", "channel", "release")),
            Param("off", "answer each call anew", "flag", default=False),
        ),
        changes=True, done="{channel}: {says}.", next="volano channel show {channel}",
    ),
)  # fmt: skip
