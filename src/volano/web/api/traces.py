"""`volano trace …`: what happened in each request."""

from volano.web.api.verb import LIMIT, Param, Verb

_COLUMNS = (
    "id",
    "began_us",
    "channel",
    "release",
    "outcome",
    "latency_us",
    "input_text",
    "output_text",
)

VERBS = (
    Verb("trace", "last", "last_trace", "/traces/last", "Show the newest trace.", scope="read"),
    Verb(
        "trace", "list", "traces.list", "/traces", "List traces, the newest first.",
        (
            Param("channel", "only of this channel"),
            Param("release", "only of this release"),
            Param("outcome", "only these", choices=("ok", "error", "cut", "left", "refused")),
            Param("text", "only with this in input or output"),
            LIMIT,
        ),
        columns=_COLUMNS, scope="read",
    ),
    Verb(
        "trace", "show", "trace", "/traces/{id}", "Show one trace.",
        (Param("id", "the trace id, from the x-volano-trace header", first=True, required=True),),
        scope="read",
    ),
    Verb(
        "trace", "to-dataset", "curator.take", "/traces/{id}/to-dataset",
        "Add a trace to the next version of a dataset, with its correction where there is one.",
        (
            Param("id", "the trace id", first=True, required=True),
            Param("dataset", "the name of the dataset; a new name begins one", first=True, required=True),
            Param("label", "what should be answered; else the newest correction, else the answer"),
        ),
        changes=True, done="{ref}  {meta[counts][train]} train, {meta[counts][test]} test rows",
        next="volano data rows {ref}",
    ),
    Verb(
        "trace", "replay", "replays.replay", "/traces/{id}/replay",
        "Ask a recorded request again, and show the old and the new answer.",
        (
            Param("id", "the trace id", first=True, required=True),
            Param("release", "the release to ask; one that a channel serves"),
            Param("channel", "the channel to ask; else the recorded one"),
            Param("span", "which call of the trace; else the newest"),
        ),
        changes=True,
    ),
)  # fmt: skip
