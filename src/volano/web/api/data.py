"""`volano data …`: rows become versioned datasets."""

from volano.web.api.verb import ARTIFACT, LIMIT, NAME, Param, Verb, ref

_DATASET = Param("name", "the dataset's name", first=True, required=True)
_WHO = Param(
    "principal", "person:anna, service:key/ci, service:schedule/nightly or group:team",
    first=True, required=True,
)  # fmt: skip
_VERB = Param("verb", "read or write", first=True, required=True, choices=("read", "write"))

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
        "data", "list", "datasets.list", "/datasets", "List datasets.", (LIMIT,), columns=ARTIFACT,
        scope="data",
    ),
    Verb("data", "show", "datasets.get", "/datasets/{ref}", "Show a dataset.", (ref(),), scope="data"),
    Verb(
        "data", "rows", "datasets.rows", "/datasets/{ref}/rows", "Show rows of a dataset.",
        (ref(), Param("split", "which split", default="train", choices=("train", "test"))),
        columns=("id", "text", "label"), reads=True, scope="data",
    ),
    Verb(
        "data", "diff", "datasets.diff", "/datasets/{ref}/diff", "Count the rows that two versions share or not.",
        (ref(), Param("other", "the version to compare with", first=True, required=True)),
    ),
    Verb(
        "data", "reads", "gate.list", "/dataset-reads",
        "List who has read rows of a dataset, the newest first; reads that were refused too.",
        (
            Param("ref", "a dataset (tickets), or one version (tickets@3); all, if not given", first=True),
            Param("principal", "only reads by this one, such as service:key/ci"),
            Param("run", "only reads by this Run"),
            LIMIT,
        ),
        columns=("at_us", "by", "run", "version", "split", "rows", "masked", "outcome"),
    ),
    Verb(
        "data", "grant", "permissions.grant", "/datasets/{name}/grant",
        "Let somebody read or write a dataset; from the first grant on nobody else may.",
        (
            _DATASET, _WHO, _VERB,
            Param("classes", "classes of columns they see beyond internal: personal, secret", "list"),
        ),
        changes=True, done="{principal} may {verb} {thing}.",
        next="volano data permissions NAME",
    ),
    Verb(
        "data", "revoke", "permissions.revoke", "/datasets/{name}/revoke",
        "Take a permission back; the dataset stays restricted.", (_DATASET, _WHO, _VERB),
        changes=True, done="{principal} may not {verb} {thing} any more.",
    ),
    Verb(
        "data", "restrict", "permissions.restrict", "/datasets/{name}/restrict",
        "Close a dataset to all but the owner and those who were granted.", (_DATASET,),
        changes=True, done="{name} is for the owner and those who were granted.",
        next="volano data grant {name} PRINCIPAL read",
    ),
    Verb(
        "data", "open", "permissions.open", "/datasets/{name}/open",
        "Open a dataset to the whole workspace again.", (_DATASET,),
        changes=True, done="{name} is open to the workspace.",
    ),
    Verb(
        "data", "classify", "permissions.classify", "/datasets/{name}/classify",
        "Say of which class a column is: public, internal, personal or secret.",
        (
            _DATASET,
            Param("column", "the column", first=True, required=True),
            Param(
                "class_name", "its class", first=True, required=True,
                choices=("public", "internal", "personal", "secret"),
            ),
        ),
        changes=True, done="{name}: {columns}", next="volano data permissions {name}",
    ),
    Verb(
        "data", "permissions", "permissions.list", "/datasets/{name}/permissions",
        "Show who may read and write a dataset, and the classes of its columns.", (_DATASET,),
    ),
)  # fmt: skip
