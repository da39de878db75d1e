"""`volano review …`: answers put before people, one by one, by one metric."""

from volano.web.api.verb import Param, Verb

_QUEUE = Param("name", "the queue", first=True, required=True)
_ITEM = Param("item", "its number in the queue", "int", required=True, least=1)
_REVIEWER = Param("reviewer", "the person's name", required=True)
_VALUE = "what the metric takes"

VERBS = (
    Verb(
        "review", "queue create", "reviews.create", "/reviews/{name}/create",
        "Choose traces for review by a metric; each is seen by so many people.",
        (
            _QUEUE,
            Param("metric", "what is judged; its present version is pinned", required=True),
            Param("where", "field=value: channel, release, outcome, key, group, rollout, target, text",
                  "list"),
            Param("channel", "only calls of this channel"),
            Param("sample", "so many, drawn by chance", "int", default=50, least=1, most=2000),
            Param("guidelines", "a file that says how to judge", "path"),
            Param("text", "or the guidelines themselves"),
            Param("reviewers", "how many people see each", "int", default=2, least=1, most=20),
        ),
        changes=True, done="The queue {name} has {items} items for {reviewers} reviewers each",
        next="volano review queue show {name}",
    ),
    Verb(
        "review", "queue list", "reviews.list", "/reviews", "List queues, the newest first.",
        columns=("name", "metric", "state", "items", "done", "given", "wanted"),
    ),
    Verb(
        "review", "queue show", "reviews.show", "/reviews/{name}",
        "Show how far a queue is, how far reviewers agree, and where they differ.", (_QUEUE,),
    ),
    Verb(
        "review", "queue close", "reviews.close", "/reviews/{name}/close",
        "End a queue; what was said stays.", (_QUEUE,),
        changes=True, done="The queue {name} is closed", next="volano feedback rates",
    ),
    Verb(
        "review", "next", "reviews.next", "/reviews/{name}/next",
        "Take the next item, for ten minutes.", (_QUEUE, _REVIEWER), changes=True,
    ),
    Verb(
        "review", "answer", "reviews.answer", "/reviews/{name}/answer",
        "Give a verdict on the item you hold.",
        (
            _QUEUE, _ITEM, _REVIEWER, Param("value", _VALUE, "scalar"),
            Param("comment", "in words"),
            Param("correction", "the answer that it should have been"),
        ),
        changes=True, done="Feedback {id} on {trace_id}", next="volano feedback list",
    ),
    Verb(
        "review", "skip", "reviews.skip", "/reviews/{name}/skip", "Leave an item to others.",
        (_QUEUE, _ITEM, _REVIEWER), changes=True, done="{reviewer} skipped item {item}",
    ),
    Verb(
        "review", "undo", "reviews.undo", "/reviews/{name}/undo",
        "Take your last answer back, and have the item again.", (_QUEUE, _REVIEWER), changes=True,
        done="{reviewer} has item {item} again",
    ),
    Verb(
        "review", "resolve", "reviews.resolve", "/reviews/{name}/resolve",
        "Say the last word where reviewers differed.",
        (_QUEUE, _ITEM, Param("value", _VALUE, "scalar", required=True),
         Param("comment", "in words")),
        changes=True, done="Feedback {id} on {trace_id}", next="volano review queue list",
    ),
)  # fmt: skip
