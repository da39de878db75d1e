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
        "trace", "export", "exports.write", "/traces/export",
        "Write traces into a file, or calls and spans into a folder.",
        (
            Param("to", "a file that ends in .parquet or .jsonl, or a folder", "output",
                  first=True, required=True),
            Param("since", "from this day or moment on, UTC"),
            Param("until", "until this day or moment, UTC"),
            Param("channel", "only of this channel"),
            Param("group", "only of this group"),
            Param("what", "what a file has", default="calls", choices=("calls", "spans")),
            Param("form", "what a folder's files are", default="parquet",
                  choices=("parquet", "jsonl")),
        ),
        changes=True, done="{calls} calls and {spans} spans are in {to}, {bytes} bytes.",
    ),
)  # fmt: skip
