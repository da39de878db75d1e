"""`volano feedback …`: what people, programs and judges say of a trace."""

from volano.web.api.verb import LIMIT, Param, Verb

VERBS = (
    Verb(
        "feedback", "add", "feedbacks.add", "/traces/{trace_id}/feedback",
        "Say how good an answer was, or what it should have been.",
        (
            Param("trace_id", "the trace", first=True, required=True),
            Param("name", "what is judged", default="correct"),
            Param("value", "0 (bad) to 1 (good)", "float"),
            Param("comment", "in words"),
            Param("correction", "the answer that it should have been"),
            Param("feedback_id", "a UUID; said again with the same one, it counts once"),
        ),
        changes=True, done="Feedback {id} on {trace_id}", next="volano trace show {trace_id}",
        scope="feedback",
    ),
    Verb(
        "feedback", "list", "feedbacks.list", "/feedback", "List feedback, the newest first.",
        (Param("trace_id", "only on this trace"), Param("name", "only of this name"), LIMIT),
        columns=("at_us", "trace_id", "by", "name", "value", "correction", "comment"), scope="read",
    ),
)  # fmt: skip
