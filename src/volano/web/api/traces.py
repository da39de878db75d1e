"""`volano trace …`: what happened in each request."""

from volano.web.api.verb import LIMIT, Param, Verb

_COLUMNS = (
    "id",
    "began_us",
    "kind",
    "name",
    "release",
    "outcome",
    "latency_us",
    "input_text",
    "output_text",
)

_WHERE = Param("where", "a filter, such as 'latency > 2s and outcome = error'", default="")
_ID = Param("id", "the trace id, from the x-volano-trace header", first=True, required=True)
_VIEW = Param("name", "the view's name", first=True, required=True)

VERBS = (
    Verb("trace", "last", "last_trace", "/traces/last", "Show the newest trace.", scope="read"),
    Verb(
        "trace", "list", "traces.find", "/traces", "List traces, the newest first.",
        (
            _WHERE,
            Param("text", 'only with these words; "a phrase", begin*', default=""),
            Param("channel", "only of this channel"),
            Param("release", "only of this release"),
            Param("outcome", "only these",
                  choices=("ok", "error", "cut", "left", "refused", "failed")),
            LIMIT,
        ),
        columns=_COLUMNS, scope="read",
    ),
    Verb(
        "trace", "tail", "traces.tail", "/traces/tail",
        "Follow what is recorded, live; Ctrl-C ends it. Over HTTP as server-sent events, "
        "or look by look with `after`.",
        (
            _WHERE,
            Param("after", "go on from here: `next` of the look before"),
            Param("limit", "how many at most", "int", default=100, least=1, most=1_000),
        ),
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
            _WHERE,
            Param("what", "what a file has", default="calls", choices=("calls", "spans")),
            Param("form", "what a folder's files are", default="parquet",
                  choices=("parquet", "jsonl")),
        ),
        changes=True, done="{calls} calls and {spans} spans are in {to}, {bytes} bytes.",
    ),
    Verb(
        "trace", "diff", "traces.diff", "/traces/{a}/diff",
        "Compare two traces: fields, words of input and output, steps.",
        (
            Param("a", "the id of one trace", first=True, required=True),
            Param("b", "the id of the other", first=True, required=True),
        ),
        scope="read",
    ),
    Verb(
        "trace", "as-curl", "as_curl", "/traces/{id}/as-curl",
        "Print the request of a trace as a curl command; the key is $VOLANO_KEY there.", (_ID,),
        scope="read",
    ),
    Verb(
        "trace", "reindex", "reindex", "/traces/reindex",
        "Build the index of texts anew, when it is damaged or a disk was restored.",
        changes=True, done="The index of texts is built anew in the background.",
        next="volano trace list --text refund",
    ),
    Verb(
        "trace", "show", "trace", "/traces/{id}", "Show one trace.", (_ID,), scope="read",
    ),
    Verb(
        "view", "save", "views.save", "/views/{name}/save",
        "Save a filter over traces under a name, for everyone who looks.",
        (_VIEW, _WHERE, Param("text", "words to look for", default="")),
        changes=True, done="{name}  {where} {text}", next="volano view show {name}",
    ),
    Verb("view", "list", "views.list", "/views", "List saved views.",
         columns=("name", "where", "text", "saved_us", "saved_by"), scope="read"),
    Verb("view", "show", "views.show", "/views/{name}", "Show a saved view.", (_VIEW,),
         scope="read"),
    Verb("view", "remove", "views.remove", "/views/{name}/remove", "Forget a saved view.",
         (_VIEW,), changes=True, done="{name} is forgotten.", next="volano view list"),
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
