"""`volano evaluator …`: what live answers are worth, from a sample of them."""

from volano.web.api.verb import Param, Verb

_NAME = Param("name", "the evaluator's name", first=True, required=True)

VERBS = (
    Verb(
        "evaluator", "add", "evaluators.add", "/evaluators",
        "Begin to evaluate a sample of live calls, from a YAML file.",
        (
            Param("path", "the evaluator in YAML", "path", first=True),
            Param("text", "the YAML itself, in place of a file"),
        ),
        changes=True, done="{ref} looks at what is recorded from now on.",
        next="volano evaluator status {name}",
    ),
    Verb(
        "evaluator", "list", "evaluators.list", "/evaluators", "List evaluators, and how each goes.",
        columns=("name", "ref", "state", "sample", "evaluated", "budget_ended", "backlog",
                 "trouble"),
    ),
    Verb(
        "evaluator", "show", "evaluators.show", "/evaluators/{name}",
        "Show what an evaluator looks at, by what, and within which budget.", (_NAME,),
    ),
    Verb(
        "evaluator", "status", "evaluators.status", "/evaluators/{name}/status",
        "Say what was evaluated, what was not and why, what today cost, and the backlog.",
        (_NAME, Param("last", "counts of this long, such as 6h", default="1d")),
    ),
    Verb(
        "evaluator", "scores", "evaluators.scores", "/evaluators/{name}/scores",
        "Say what all calls would score: as a whole, by slice, over time; and the worst traces.",
        (
            _NAME,
            Param("last", "of this long, such as 7d", default="7d"),
            Param("score", "only this score"),
            Param("worst", "so many traces", "int", default=10, least=0, most=200),
        ),
    ),
    Verb(
        "evaluator", "pause", "evaluators.pause", "/evaluators/{name}/pause",
        "Look at nothing until it is resumed.", (_NAME,),
        changes=True, done="{ref} is paused.", next="volano evaluator resume {name}",
    ),
    Verb(
        "evaluator", "resume", "evaluators.resume", "/evaluators/{name}/resume",
        "Go on with what is recorded from now on.", (_NAME,),
        changes=True, done="{ref} is at work.", next="volano evaluator status {name}",
    ),
    Verb(
        "evaluator", "remove", "evaluators.remove", "/evaluators/{name}/remove",
        "End an evaluator; its scores stay on the traces.", (_NAME,),
        changes=True, done="{ref} looks at nothing any more.", next="volano evaluator list",
    ),
    Verb(
        "evaluator", "backfill", "evaluators.backfill", "/evaluators/{name}/backfill",
        "Look at a past period too, within the same budget of each day.",
        (
            _NAME,
            Param("since", "from this moment, or how long ago", required=True),
            Param("until", "until then; now otherwise"),
        ),
        changes=True, done="{name} reads that period too.", next="volano evaluator status {name}",
    ),
)  # fmt: skip
