"""`volano release …`: pin, sign, move step by step, take back."""

from volano.web.api.verb import ARTIFACT, LIMIT, NAME, Param, Verb, ref

_CHANNEL = Param("channel", "the channel", first=True, required=True)
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
        ),
        changes=True, done="{ref}  signed", next="volano release promote {ref} --channel {name}",
    ),
    Verb(
        "release", "promote", "releases.promote", "/releases/{ref}/promote",
        "Move a channel to a release, step by step, with gates and a way back.",
        (
            ref(),
            Param("channel", "the channel to move", required=True),
            Param("plan", "shares of the steps", default="5%,25%,100%"),
            Param("require", "no step is left without data on these: errors, quality", "list",
                  default=("errors",)),
            Param("margins", 'how much worse it may be, as JSON: {"errors": 0.05, "quality": 0.05}', "json"),
            Param("unit", "what sticks to one release; user where the channel is new",
                  choices=("user", "session", "request")),
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
        "release", "verify", "releases.verify", "/releases/{ref}/verify",
        "Check signature, pins and every byte that a release stands on.",
        (ref(),), columns=ARTIFACT,
    ),
    Verb("release", "list", "releases.list", "/releases", "List releases.", (LIMIT,), columns=ARTIFACT),
    Verb("release", "show", "releases.get", "/releases/{ref}", "Show a release.", (ref(),)),
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
)  # fmt: skip
