"""`volano retention …` and `volano hold …`: how long traces are kept, and which whatever that says."""

from volano.web.api.verb import LIMIT, Param, Verb

_OF = (
    Param("channel", "of this channel"),
    Param("group", "of this group and those below it"),
)

VERBS = (
    Verb(
        "retention", "list", "retentions.list", "/retention",
        "List the rules, those that decide first first.",
        columns=("id", "of", "days", "body_days", "set_by", "set_us"),
    ),
    Verb(
        "retention", "set", "retentions.set", "/retention/set",
        "Say how many days traces are kept; 0 is for good. The rule with most conditions decides.",
        (
            Param("days", "days that calls and spans are kept", "int", required=True, least=0),
            Param("body_days", "days that what was said is kept, when fewer", "int", default=0,
                  least=0),
            *_OF,
            Param("tag", "with this tag, name=value"),
        ),
        changes=True, done="Traces ({of}) are kept {days} days, 0 being for good.",
        next="volano retention list",
    ),
    Verb(
        "retention", "remove", "retentions.remove", "/retention/{id}/remove",
        "Take a rule away.",
        (Param("id", "the rule's id, from `volano retention list`", first=True, required=True),),
        changes=True, done="The rule {id} ({of}) is gone.", next="volano retention list",
    ),
    Verb(
        "retention", "log", "traces.deletions", "/retention/log",
        "List what was deleted, the newest first.", (LIMIT,),
        columns=("at_us", "table", "day", "rows", "bodies"),
    ),
    Verb(
        "hold", "list", "holds.list", "/holds", "List what is held.",
        columns=("id", "of", "reason", "added_by", "added_us"),
    ),
    Verb(
        "hold", "add", "holds.add", "/holds/add",
        "Keep traces of which all that is said here is true, whatever retention says.",
        (
            Param("trace", "the trace of this id"),
            Param("session", "of this session"),
            *_OF,
            Param("since", "that began on this day or at this moment or later, UTC"),
            Param("until", "that began before this day or moment, UTC"),
            Param("reason", "why", required=True),
        ),
        changes=True, done="Held ({of}): {reason}.", next="volano hold release {id}",
    ),
    Verb(
        "hold", "release", "holds.release", "/holds/{id}/release",
        "Hold it no longer.",
        (Param("id", "the hold's id, from `volano hold list`", first=True, required=True),),
        changes=True, done="Held no longer ({of}).", next="volano hold list",
    ),
)  # fmt: skip
