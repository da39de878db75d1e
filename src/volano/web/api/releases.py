"""`volano release …`: pin, sign, move step by step, take back."""

from volano.web.api.channels import LIMITS
from volano.web.api.verb import ARTIFACT, LIMIT, NAME, Param, Verb, ref

_CHANNEL = Param("channel", "the channel", first=True, required=True)
_ON = Param("on", "the day after which it may be gone (2027-03-01, 90d), or never", required=True)
_WHY = Param("why", "the reason", default="")
_ROLLOUT = (
    "id",
    "channel",
    "candidate_ref",
    "baseline_ref",
    "state",
    "step",
    "share",
    "created_us",
)

VERBS = (
    Verb(
        "release", "cut", "releases.cut", "/releases/{name}/cut",
        "Pin a flow, its parts and its reports into the next signed release.",
        (
            NAME,
            Param("flow", "the flow to pin", required=True),
            Param("reports", "reports that speak for it", "list", default=()),
            Param("notes", "words for its card: what is new in it, and why", default=""),
        ),
        changes=True, done="{ref}  signed", next="volano release promote {ref} --channel {name}",
    ),
    Verb(
        "release", "promote", "releases.promote", "/releases/{ref}/promote",
        "Move a channel to a release, step by step, with gates and a way back.",
        (
            ref(),
            Param("channel", "the channel to move", required=True),
            Param("plan", "its steps: 5% cohort,25% 10m..2h,100%; shadow 5% 300 pairs,5%,100%; switch verify 20 keep 24h; "
                  "rolling; 5%,25%,100% when not given"),
            Param("plan_file", "a YAML file that says all of the plan: steps, gates, guard, scope, unit, max_wait; "
                  "instead of the options for these", "document"),
            Param("require", "no step is left without data on these, named as in the margins; errors when not given",
                  "list"),
            Param("margins", 'what is watched, and how much worse it may be, as JSON: '
                  '{"errors": 0.05, "quality": 0.05, "p95": 0.1, "cost": 0.15, "thumbs 24h": 0.03}', "json"),
            Param("unit", "what sticks to one release; user where the channel is new",
                  choices=("user", "session", "request")),
            Param("scope", 'which calls it is about until it arrives, as JSON: {"languages": ["hu"], "tags": ["tier=gold"]}; '
                  "also keys, groups, regions", "json"),
            Param("after", "the environment that it must have arrived on; its evidence is carried along",
                  default=""),
            Param("emergency", "a reason to go without the people whom the channel asks, and without the "
                  "environment before", default=""),
        ),
        changes=True, done="{candidate_ref} moves to {channel}: rollout {id}",
        next="volano release status {channel}",
    ),
    Verb(
        "release", "compare", "experiments.compare", "/channels/{channel}/compare",
        "Compare releases on a channel, unit by unit: first what it serves, then its rivals.",
        (
            Param("arms", "the releases: first what the channel serves", "list", first=True, required=True),
            Param("channel", "the channel", required=True),
            Param("goal", "what decides: a name of feedback, errors, refusals, latency:2s, ttft:1s, cost:0.05",
                  required=True),
            Param("shares", "of the arms, in percent; even when not given", "list", default=()),
            Param("unit", "what sticks to an arm and is counted once", default="user",
                  choices=("user", "session", "request")),
            Param("guardrails", "an arm that does harm in one of these is taken out", "list",
                  default=("errors",)),
            Param("detect", "the smallest difference that matters: 2%, or a number in the goal's unit"),
            Param("mature", "what comes of a unit within this time counts", default="24h"),
            Param("max_wait", "when it is overdue", default="14d"),
            Param("exclude", "who is left out: tag:NAME, tag:NAME=VALUE, user:ID, group:PATH, key:ID", "list",
                  default=()),
            Param("then", "when it is decided", default="hold", choices=("hold", "promote")),
            Param("plan", "the steps by which a winner is promoted", default="25%,100%"),
        ),
        changes=True, done="{channel} compares {candidate_ref} with {baseline_ref}: rollout {id}",
        next="volano release status {channel}",
    ),
    Verb(
        "release", "conclude", "experiments.conclude", "/channels/{channel}/conclude",
        "End the experiment on a channel; a winner that is not served yet begins its rollout.",
        (
            _CHANNEL,
            Param("winner", "the release that goes on; the verdict's when not given"),
            Param("plan", "the steps by which it is promoted; the experiment's when not given"),
        ),
        changes=True, done="{channel}: {candidate_ref} is {state}, rollout {id}",
        next="volano release status {channel}",
    ),
    Verb(
        "release", "abort", "releases.abort", "/channels/{channel}/abort",
        "Take the candidate of a moving channel back at once.",
        (_CHANNEL, Param("why", "the reason, for the record", default="")),
        changes=True, done="{candidate_ref} is back at 0 %: {outcome[reason]}",
        next="volano channel show {channel}",
    ),
    Verb(
        "release", "pause", "steering.pause", "/channels/{channel}/pause",
        "Hold a rollout where it is, until it is resumed; harm still takes it back.",
        (_CHANNEL, Param("why", "the reason, for the record", default="")),
        changes=True, done="{candidate_ref} stays where it is on {channel}: {state}",
        next="volano release resume {channel}",
    ),
    Verb(
        "release", "resume", "steering.resume", "/channels/{channel}/resume",
        "Let a paused rollout go on; the time of its step begins anew.",
        (_CHANNEL, Param("why", "the reason, for the record", default="")),
        changes=True, done="{candidate_ref} moves on {channel} again",
        next="volano release status {channel}",
    ),
    Verb(
        "release", "skip", "steering.skip", "/channels/{channel}/skip",
        "Go to a rollout's next step although gates wait, to its end from the last; not where harm is proven.",
        (_CHANNEL, Param("why", "the reason, for the record", required=True)),
        changes=True, done="{candidate_ref} goes on, on {channel}: {state}",
        next="volano release status {channel}",
    ),
    Verb(
        "release", "rollback", "releases.rollback", "/channels/{channel}/rollback",
        "Take a channel back to what it served before, at once and without gates, also weeks later.",
        (
            _CHANNEL,
            Param("to", "an earlier release of it; the one before, when not given"),
            Param("why", "the reason, for the record", default=""),
        ),
        changes=True, done="{channel} goes back: rollout {id}",
        next="volano release status {channel}",
    ),
    Verb(
        "release", "drop", "releases.drop", "/channels/{channel}/drop",
        "Keep what a channel served before no longer hot; it can still be gone back to.",
        (_CHANNEL, Param("why", "the reason, for the record", default="")),
        changes=True, done="{release} is no longer kept hot.", next="volano channel show {channel}",
    ),
    Verb(
        "release", "diff", "differences.between", "/releases/{a}/diff",
        "Show how a release differs from another: words, settings, weights, rows of data, scores, price.",
        (
            Param("a", "the older release", first=True, required=True),
            Param("b", "the newer release", first=True, required=True),
        ),
        reads=True,
    ),
    Verb(
        "release", "verdict", "outlooks.verdict", "/channels/{channel}/verdict",
        "Say in one word and one number what a channel's last rollout says: for other controllers.",
        (_CHANNEL,), gate=True, scope="read",
    ),
    Verb(
        "release", "confirm", "outlooks.confirm", "/channels/{channel}/confirm",
        "Answer a webhook: well where the verdict is success, refused otherwise.", (_CHANNEL,),
        changes=True, done="{channel}: {verdict}. {reason}", scope="read",
    ),
    Verb(
        "release", "dora", "deliveries.figures", "/delivery",
        "Show how often releases arrive, how soon, how many go wrong, how soon that is mended.",
        (
            Param("days", "so many days back", "int", default=30, least=1, most=3650),
            Param("channel", "only this channel"),
        ),
        scope="read",
    ),
    Verb(
        "release", "check", "release_checks.check", "/releases/{ref}/check",
        "Check whether a release would break those who call another: suites, contracts, flips, replay, context, envelope.",
        (
            ref(),
            Param("channel", "against what this channel serves, with its recorded requests"),
            Param("against", "against this release"),
            Param("only", "only these: suites, schema, variables, flips, replay, context, envelope", "list", default=()),
            Param("requests", "so many recorded requests are asked of both", "int", default=50, least=1, most=500),
            Param("budget", "what asking may cost, in the currency of the prices", "float"),
            *LIMITS,
        ),
        changes=True, waits=True, done="{kind} {name} is {state}: Run {id}", next="volano run wait {id}",
    ),
    Verb(
        "release", "checks", "demands.checks", "/release-checks", "List the checks that were made, and what came of them.",
        (Param("channel", "only for this channel"), Param("release", "only of this release"), LIMIT),
        columns=("at_us", "release_ref", "baseline_ref", "channel", "outcome", "why", "run"),
    ),
    Verb(
        "release", "approve", "approvals.approve", "/releases/{ref}/approve",
        "Agree that a channel may move to a release; after an emergency, that it was right.",
        (ref(), Param("channel", "the channel", required=True), Param("why", "a word on it", default="")),
        changes=True, done="{by} agrees: {release_ref} on {channel}",
        next="volano release approvals --channel {channel}", scope="approve",
    ),
    Verb(
        "release", "approvals", "approvals.list", "/approvals",
        "List who agreed to what, which of it counts, and what is still owed.",
        (Param("channel", "only of this channel"), LIMIT),
        columns=("at_us", "channel", "release_ref", "kind", "by", "valid", "owed", "why"),
        scope="approve",
    ),
    Verb(
        "release", "freeze", "freezes.freeze", "/freezes/freeze",
        "Let no rollout begin on channels for a time; going back stays allowed.",
        (
            Param("channels", "which, such as 'support*'", first=True, default="*"),
            Param("since", "from this moment or day, with zone, or so long from now; else now"),
            Param("until", "until this moment or day, or so long from now (3d); else until it is lifted"),
            Param("why", "the reason", required=True),
        ),
        changes=True, done="{channels} is frozen: {why}", next="volano release thaw {id}",
    ),
    Verb(
        "release", "freezes", "freezes.list", "/freezes", "List the freezes that are not over.",
        columns=("id", "channels", "from_us", "until_us", "why", "by"),
    ),
    Verb(
        "release", "thaw", "freezes.thaw", "/freezes/{id}/thaw", "Lift a freeze.",
        (Param("id", "its id, or the beginning of it", first=True, required=True),),
        changes=True, done="{channels} moves again.", next="volano release freezes",
    ),
    Verb(
        "release", "verify", "releases.verify", "/releases/{ref}/verify",
        "Check signature, pins and every byte that a release stands on.",
        (ref(),), columns=ARTIFACT,
    ),
    Verb(
        "release", "envelope", "releases.envelope", "/releases/{ref}/envelope",
        "Print the signed in-toto statement of a release, and the key to check it with.", (ref(),),
    ),
    Verb(
        "release", "card", "releases.card", "/releases/{ref}/card",
        "Print the card that is signed with a release: pins, settings, scores, licences, limits.", (ref(),),
    ),
    Verb("release", "list", "releases.list", "/releases", "List releases.", (LIMIT,), columns=ARTIFACT),
    Verb(
        "release", "show", "standings.show", "/releases/{ref}",
        "Show a release: what it is, its life, and where it arrived.", (ref(),),
    ),
    Verb(
        "release", "deprecate", "deprecations.deprecate", "/releases/{ref}/deprecate",
        "Say that a release should be left: callers are told with each answer.",
        (ref(), _ON, Param("successor", "the release that follows"), _WHY),
        changes=True, done="{name} is {says}.", next="volano release deprecations",
    ),
    Verb(
        "release", "undeprecate", "deprecations.undeprecate", "/releases/{ref}/undeprecate",
        "Take back that a release should be left.", (ref(),),
        changes=True, done="{name} is not deprecated any more.", next="volano release show {name}",
    ),
    Verb(
        "release", "deprecations", "deprecations.list", "/deprecations",
        "List the releases and channels that should be left, and what follows.",
        columns=("name", "since_us", "until_us", "successor", "why", "by"),
    ),
    Verb(
        "release", "retire", "retirements.retire", "/releases/{ref}/retire",
        "Let a release that nothing uses never serve again.", (ref(), _WHY),
        changes=True, done="{ref} is retired: it never serves again.", next="volano release retired",
    ),
    Verb(
        "release", "retired", "retirements.list", "/retired-releases", "List the retired releases.",
        (LIMIT,), columns=("ref", "at_us", "why", "by"),
    ),
    Verb(
        "release", "rollouts", "releases.rollouts", "/rollouts", "List rollouts.",
        (Param("channel", "only of this channel"), LIMIT), columns=_ROLLOUT,
    ),
    Verb(
        "release", "rollout", "releases.rollout", "/rollouts/{rollout_id}", "Show one rollout.",
        (Param("rollout_id", "its id, or the beginning of it", first=True, required=True),),
    ),
    Verb(
        "release", "events", "releases.rollout_events", "/rollouts/{rollout_id}/events",
        "Show what happened to a rollout, in order.",
        (Param("rollout_id", "its id, or the beginning of it", first=True, required=True),),
        columns=("n", "at_us", "kind", "content"),
    ),
    Verb(
        "release", "status", "reconciler.status", "/channels/{channel}/status",
        "Show where a channel's last rollout is, and what each gate says.", (_CHANNEL,),
    ),
    Verb(
        "release", "pairs", "pairings.list", "/channels/{channel}/pairs",
        "Show what a shadowed candidate answered beside what users got, the most different first.",
        (_CHANNEL, LIMIT),
    ),
)  # fmt: skip
