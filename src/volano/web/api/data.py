"""`volano data …`: rows become versioned datasets."""

from volano.web.api.verb import ARTIFACT, LIMIT, NAME, Param, Verb, ref

RECIPE = Param("recipe", "the recipe's YAML", "path", first=True, required=True)

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
        "data", "prepare", "recipes.prepare", "/recipes/prepare",
        "Make the next version of a dataset by a recipe, as a Run.",
        (
            RECIPE,
            Param("name", "the dataset; the recipe's own when not given"),
            Param("sample", "take only the first so many rows", "int", least=1),
            Param("workers", "processes; 0 leaves one core to others", "int", default=0, least=0, most=1024),
            Param("wait", "return when it is done, and fail when it fails", "flag", default=False),
        ),
        changes=True, done="Run {id}  {kind} {name} {state}  {outputs[ref]}",
        next="volano run show {id}",
    ),
    Verb(
        "data", "preview", "recipes.preview", "/recipes/preview",
        "Show what each step of a recipe does to a few rows; keep nothing.",
        (RECIPE, Param("rows", "rows to look at", "int", default=20, least=1, most=1000)),
    ),
    Verb(
        "data", "report", "recipes.report", "/datasets/{ref}/report",
        "Show how many rows each step of a dataset's recipe let through, and why not the others.",
        (ref(),),
    ),
    Verb(
        "data", "rejected", "recipes.rejected", "/datasets/{ref}/rejected",
        "Show rows that a dataset's recipe left out.",
        (
            ref(), Param("reason", "only those left out for this reason"),
            Param("step", "only those left out by this step"), LIMIT,
        ),
        columns=("step", "reason", "detail", "of", "row"),
    ),
    Verb(
        "data", "cache show", "recipes.cache", "/recipes/cache",
        "Show how much the cache of recipes holds.",
    ),
    Verb(
        "data", "cache clear", "recipes.clear_cache", "/recipes/cache/clear",
        "Throw the cache of recipes away; the next run does everything anew.",
        changes=True, done="{bytes} bytes gone: {shards} shards, {entries} entries.",
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
