"""`volano data …`: rows become versioned datasets."""

from volano.web.api.verb import ARTIFACT, LIMIT, NAME, Param, Verb, ref

VERBS = (
    Verb(
        "data", "add", "datasets.add", "/datasets/{name}/add",
        "Read CSV or JSONL into the next version of a dataset.",
        (
            NAME,
            Param("path", "CSV or JSONL with a text and a label column", "path", first=True, required=True),
            Param("test", "a file with the test rows; else a share is split off", "path"),
            Param("test_share", "share of rows split off for tests", "float", default=0.2),
            Param("text", "name of the text column"),
            Param("label", "name of the label column"),
            Param("seed", "seed of the split", "int", default=0),
        ),
        changes=True, done="{ref}  {meta[counts][train]} train, {meta[counts][test]} test rows",
        next="volano model train NAME --data {ref}",
    ),
    Verb(
        "data", "generate", "datasets.generate", "/datasets/{name}/generate",
        "Make a dataset of synthetic customer-support tickets.",
        (
            NAME,
            Param("n", "training rows to make, before dedup", "int", default=6000),
            Param("test_n", "test rows to make", "int", default=300),
            Param("seed", "the same seed makes the same rows", "int", default=0),
        ),
        changes=True, done="{ref}  {meta[counts][train]} train, {meta[counts][test]} test rows",
        next="volano model train NAME --data {ref}",
    ),
    Verb(
        "data", "curate", "curator.curate", "/datasets/{name}/curate",
        "Add the corrections given on traces to the next version of a dataset.",
        (
            NAME,
            Param("base", "the version to build on", required=True),
            Param("channel", "take corrections from this channel's traces"),
            Param("release", "take corrections from this release's traces"),
            Param("since_us", "take corrections since then", "int", default=0),
        ),
        changes=True, done="{ref}  {meta[counts][train]} train, {meta[counts][test]} test rows",
        next="volano model tune NAME --base MODEL --data {ref}",
    ),
    Verb(
        "data", "peek", "sources.peek", "/sources/peek",
        "Show the first rows that a source gives, and what is set aside.",
        (
            Param(
                "source", "a file, pattern, folder, URL, or a spec as YAML or in a YAML file",
                "source", first=True, required=True,
            ),
            Param("limit", "how many rows at most", "int", default=5, least=1, most=1_000),
        ),
    ),
    Verb("data", "list", "datasets.list", "/datasets", "List datasets.", (LIMIT,), columns=ARTIFACT),
    Verb("data", "show", "datasets.get", "/datasets/{ref}", "Show a dataset.", (ref(),)),
    Verb(
        "data", "rows", "datasets.rows", "/datasets/{ref}/rows", "Show rows of a dataset.",
        (ref(), Param("split", "which split", default="train", choices=("train", "test"))),
        columns=("id", "text", "label"),
    ),
    Verb(
        "data", "diff", "datasets.diff", "/datasets/{ref}/diff", "Count the rows that two versions share or not.",
        (ref(), Param("other", "the version to compare with", first=True, required=True)),
    ),
)  # fmt: skip
