"""`volano feedback …`: what people, programs and judges say of an answer, and what came of it."""

from volano.web.api.verb import LIMIT, Param, Verb

_TYPES = ("boolean", "number", "category", "money", "comment", "correction", "demonstration")
_ON = "trace:ID, span:TRACE/SPAN, session:ID, user:ID, or an own key such as order:4711"
_ID = Param("feedback_id", "from `volano feedback list`", first=True, required=True)
_AT = Param("at", "when it happened, UTC; now otherwise")
_IDEMPOTENT = Param("idempotency_key", "any text; said again with the same one, it counts once")

VERBS = (
    Verb(
        "feedback", "add", "feedbacks.add", "/traces/{trace_id}/feedback",
        "Say how good an answer was, or what it should have been.",
        (
            Param("trace_id", "the trace", first=True, required=True),
            Param("name", "what is judged", default="correct"),
            Param("value", "0 (bad) to 1 (good); for a metric, what it takes", "float"),
            Param("comment", "in words"),
            Param("correction", "the answer that it should have been"),
            Param("feedback_id", "a UUID; said again with the same one, it counts once"),
        ),
        changes=True, done="Feedback {id} on {trace_id}", next="volano trace show {trace_id}",
        scope="feedback",
    ),
    Verb(
        "feedback", "give", "feedbacks.give", "/feedback",
        "Say what you think of a trace, a span, a session, a user, or what an own key stands for.",
        (
            Param("subject", _ON, first=True, required=True),
            Param("name", "a metric, or a free name", default="correct"),
            Param("value", "what the metric takes; 0 to 1 for a free name", "scalar"),
            Param("comment", "in words; a judge's explanation"),
            Param("correction", "the answer that it should have been"),
            Param("source", "who says so; by default a person, for a key a program",
                  choices=("person", "program", "judge")),
            Param("source_name", "their name, such as the judge's"),
            Param("confidence", "how sure, 0 to 1", "float"),
            _AT, _IDEMPOTENT,
        ),
        changes=True, done="Feedback {id}: {name} on {subject}", next="volano feedback rates",
        scope="feedback",
    ),
    Verb(
        "feedback", "batch", "feedbacks.batch", "/feedback/batch",
        "Give much feedback at once; what breaks a rule is told by its place.",
        (Param("items", "a list of objects, each what `give` takes, at most 1000", "json",
               first=True, required=True),),
        changes=True, done="{taken} taken.", next="volano feedback rates", scope="feedback",
    ),
    Verb(
        "feedback", "outcome", "feedbacks.outcome", "/feedback/outcomes/{name}",
        "Say what the business got: a metric that is an outcome, by trace, session or own key.",
        (
            Param("name", "the outcome, such as sale", first=True, required=True),
            Param("subject", _ON, required=True),
            Param("value", "what it takes, such as 49.90 EUR", "scalar", default="true"),
            _AT, Param("comment", "in words"), _IDEMPOTENT,
        ),
        changes=True, done="Outcome {name} on {subject}", next="volano feedback rates",
        scope="feedback",
    ),
    Verb(
        "feedback", "import", "feedbacks.import_file", "/feedback/import",
        "Take feedback from a CSV or JSONL file; the same file again changes nothing.",
        (
            Param("path", "the file", "path", first=True, required=True),
            Param("key", "the column that is an own key, such as order"),
        ),
        changes=True,
        done="{rows} rows: {taken} taken ({joined} joined, {waiting} waiting)",
        next="volano feedback waiting",
    ),
    Verb(
        "feedback", "edit", "feedbacks.edit", "/feedback/{feedback_id}/edit",
        "Say it better; the old record stays, superseded.",
        (
            _ID, Param("value", "what it should say", "scalar"), Param("comment", "in words"),
            Param("correction", "the answer that it should have been"),
        ),
        changes=True, done="Feedback {supersedes} is superseded by {id}",
        next="volano feedback history {id}", scope="feedback",
    ),
    Verb(
        "feedback", "retract", "feedbacks.retract", "/feedback/{feedback_id}/retract",
        "Take feedback back; the record stays and counts no more.", (_ID,),
        changes=True, done="Feedback {supersedes} is taken back",
        next="volano feedback history {id}", scope="feedback",
    ),
    Verb(
        "feedback", "history", "feedbacks.history", "/feedback/{feedback_id}/history",
        "Show what was said before, and who said otherwise.", (_ID,),
        columns=("at_us", "by", "name", "given", "comment", "retracted", "current"), scope="read",
    ),
    Verb(
        "feedback", "list", "feedbacks.list", "/feedback", "List feedback, the newest first.",
        (
            Param("trace_id", "only on this trace"), Param("name", "only of this name"),
            Param("on", f"only on this: {_ON}"), LIMIT,
            Param("history", "also what was superseded or taken back", "flag"),
        ),
        columns=("at_us", "about", "by", "name", "value", "given", "correction", "comment"), scope="read",
    ),
    Verb(
        "feedback", "rates", "feedbacks.rates", "/feedback/rates",
        "Show counts, rates, means and sums with 95 % intervals.",
        (
            Param("by_what", "counted by what", first=True, default="all",
                  choices=("all", "release", "channel", "source", "day")),
            Param("name", "only of this name"),
            Param("since", "from this day or moment, UTC"),
            Param("source", "only from these", choices=("person", "program", "judge")),
        ),
        columns=("name", "where", "what", "n", "value", "low", "high", "amount"), scope="read",
    ),
    Verb(
        "feedback", "waiting", "feedbacks.waiting", "/feedback/waiting",
        "List feedback whose trace is not recorded yet, and what it waits for.", (LIMIT,),
        columns=("at_us", "on", "name", "given", "why"), scope="read",
    ),
    Verb(
        "feedback", "metric define", "metrics.define", "/metrics/{name}/define",
        "Say what a name means: its first version, or the next where this differs.",
        (
            Param("name", "such as thumbs", first=True, required=True),
            Param("type", "what it takes", required=True, choices=_TYPES),
            Param("level", "what it judges", default="trace",
                  choices=("span", "trace", "session", "user")),
            Param("direction", "which end is good", default="more", choices=("more", "less")),
            Param("outcome", "it says what the business got", "flag"),
            Param("unit", "of a number, such as min"),
            Param("low", "the least number", "float"), Param("high", "the largest number", "float"),
            Param("categories", "what a category may be", "list"),
            Param("good", "which categories are good", "list"),
            Param("currency", "of money, ISO 4217"),
            Param("description", "what it means"),
            Param("guidelines", "how to judge"),
        ),
        changes=True, done="{ref} takes {takes}",
        next="volano feedback give trace:ID --name {name}",
    ),
    Verb(
        "feedback", "metric list", "metrics.list", "/metrics", "List metrics, the newest version of each.",
        (Param("versions", "all versions", "flag"),),
        columns=("ref", "type", "level", "takes", "direction", "outcome", "state", "description"),
        scope="read",
    ),
    Verb(
        "feedback", "metric show", "metrics.get", "/metrics/{ref}", "Show a metric.",
        (Param("ref", "thumbs, or thumbs@1", first=True, required=True),), scope="read",
    ),
    Verb(
        "feedback", "metric retire", "metrics.retire", "/metrics/{name}/retire",
        "Take a metric out of use; what was given stays.",
        (Param("name", "the metric", first=True, required=True),),
        changes=True, done="{name} is retired", next="volano feedback metric list",
    ),
)  # fmt: skip
