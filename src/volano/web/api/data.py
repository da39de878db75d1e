"""`volano data …`: rows become versioned datasets."""

from volano.web.api.verb import ARTIFACT, LIMIT, NAME, Param, Verb, ref

RECIPE = Param("recipe", "the recipe's YAML", "path", first=True, required=True)
_DATASET = Param("name", "the dataset's name, or fileset:NAME", first=True, required=True)
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
        "data", "peek", "sources.peek", "/sources/peek",
        "Show the first rows that a source gives, and what is set aside.",
        (
            Param(
                "source", "a file, pattern, folder, URL, or a spec as YAML or in a YAML file",
                "source", first=True, required=True,
            ),
            Param("limit", "how many rows at most", "int", default=5, least=1, most=1_000),
        ),
        reads=True,
    ),
    Verb(
        "data", "prepare", "recipes.prepare", "/recipes/prepare",
        "Make the next version of a dataset by a recipe, as a Run.",
        (
            RECIPE,
            Param("name", "the dataset; the recipe's own when not given"),
            Param("sample", "take only the first so many rows", "int", least=1),
            Param("workers", "processes; 0 leaves one core to others, and means all CPUs of a Ray cluster",
                  "int", default=0, least=0, most=1024),
            Param("on", "where the work is done", choices=("inline", "processes", "ray")),
            Param("ray_address", "the Ray cluster: auto, local or HOST:PORT"),
            Param("wait", "return when it is done, and fail when it fails", "flag", default=False),
        ),
        changes=True, script=True, done="Run {id}  {kind} {name} {state}  {outputs[ref]}",
        next="volano run show {id}",
    ),
    Verb(
        "data", "preview", "recipes.preview", "/recipes/preview",
        "Show what each step of a recipe does to a few rows; keep nothing.",
        (RECIPE, Param("rows", "rows to look at", "int", default=20, least=1, most=1000)),
        reads=True, script=True,
    ),
    Verb(
        "data", "report", "recipes.report", "/datasets/{ref}/report",
        "Show how many rows each step of a dataset's recipe let through, and why not the others.",
        (ref(),),
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
    Verb(
        "data", "list", "datasets.list", "/datasets", "List datasets.", (LIMIT,), columns=ARTIFACT,
        reads=True, scope="data",
    ),
    Verb("data", "show", "datasets.get", "/datasets/{ref}", "Show a dataset.", (ref(),), reads=True, scope="data"),
    Verb(
        "data", "rows", "datasets.page", "/datasets/{ref}/rows", "Show rows of a dataset.",
        (
            ref(),
            Param("split", "which split", default="train"),
            Param("start", "how many rows to pass over", "int", default=0, least=0),
            Param("limit", "how many at most", "int", default=100, least=1, most=10_000),
        ),
        reads=True, scope="data",
    ),
    Verb(
        "data", "profile", "profiles.show", "/datasets/{ref}/profile",
        "Show what is in a dataset: lengths, languages, duplicates, labels, outliers, personal data.",
        (
            ref(),
            Param("rows", "look at so many rows; of more, at a sample spread evenly", "int",
                  default=20_000, least=1, most=1_000_000),
            Param("column", "the column of texts, if it is not the one with the most", default=""),
            Param("label", "the column of classes, if it is not called label", default=""),
        ),
        reads=True, scope="data",
    ),
    Verb(
        "data", "search", "profiles.search", "/datasets/{ref}/search",
        "Find rows by words in any language, by columns, lengths, languages, personal data.",
        (
            ref(),
            Param("words", "stands anywhere in a row's texts, whatever the case", first=True, default=""),
            Param("split", "only this split"),
            Param("where", "conditions COLUMN=VALUE, such as label=refund", "list"),
            Param("least", "characters of the text at least", "int", default=0, least=0),
            Param("most", "characters of the text at most", "int", least=0),
            Param("language", "only texts in this language, such as hu", default=""),
            Param("personal", "only rows with such data: email, phone, iban, card, secret …", default=""),
            Param("start", "how many rows to pass over", "int", default=0, least=0),
            Param("limit", "how many at most", "int", default=20, least=1, most=1_000),
        ),
        reads=True, scope="data",
    ),
    Verb(
        "data", "rejected", "datasets.rejected", "/datasets/{ref}/rejected",
        "Show the rows that were left out, and why.",
        (
            ref(), Param("reason", "only those left out for this reason"),
            Param("step", "only those left out by this step"),
            Param("start", "how many rows to pass over", "int", default=0, least=0),
            Param("limit", "how many at most", "int", default=100, least=1, most=10_000),
        ),
        columns=("reason", "step", "row", "detail", "of"), reads=True, scope="data",
    ),
    Verb(
        "data", "diff", "datasets.diff", "/datasets/{ref}/diff",
        "Count the rows that two versions share or not, and show them.",
        (
            ref(),
            Param("other", "the version to compare with", first=True, required=True),
            Param("key", "the column that rows are known by: the same key with other content is a change"),
            Param("rows", "how many changes to show with their rows", "int", default=0, least=0, most=10_000),
            Param("skip", "how many changes to pass over", "int", default=0, least=0),
        ),
        reads=True, scope="data",
    ),
    Verb(
        "data", "label", "versions.label", "/datasets/{ref}/label",
        "Let a label name this version, and no other one from now on.",
        (ref(), Param("label", "such as stable", first=True, required=True)),
        changes=True, done="{ref} is labelled {labels}", next="volano data rollback {name}:LABEL",
    ),
    Verb(
        "data", "unlabel", "versions.unlabel", "/datasets/{ref}/unlabel",
        "Take a label away; who asks for it finds nothing.", (ref("the label: name:label"),),
        changes=True, done="The label is taken from {ref}", next="volano data show {ref}",
    ),
    Verb(
        "data", "rollback", "versions.rollback", "/datasets/{ref}/rollback",
        "Move a label back to where it was, or to the version that is named.",
        (
            ref("the label: name:label; a bare name means name:stable"),
            Param("to", "the version; else where the label was before"),
        ),
        changes=True, done="{ref} is labelled {labels}", next="volano data rows {ref}",
    ),
    Verb(
        "data", "branch", "versions.branch", "/datasets/{ref}/branch",
        "Begin a dataset of another name with these rows; no row is copied.",
        (ref(), Param("name", "the new name", first=True, required=True)),
        changes=True, done="{ref}  branched from {meta[branch]}", next="volano data diff {meta[branch]} {ref}",
    ),
    Verb(
        "data", "verify", "versions.verify", "/data/verify",
        "Read every row of a version, or of all, and say which are not what was written.",
        (Param("ref", "the version; else all", first=True),), checks=True,
    ),
    Verb(
        "data", "drop", "versions.drop", "/datasets/{ref}/drop",
        "Let the rows of a version go; its manifest and its lineage stay.",
        (ref(), Param("why", "the reason, for the record", default="")),
        changes=True, done="The rows of {ref} are dropped.", next="volano data gc",
    ),
    Verb(
        "data", "gc", "garbage.collect", "/data/gc",
        "Delete the stored bytes that nothing names any more.",
        (
            Param("grace_minutes", "keep what was put since then", "int", default=60, least=0,
                  most=5_256_000),
            Param("compact", "write every pack anew that holds a dead byte", "flag", default=False),
            Param("dry_run", "only say what would go", "flag", default=False),
        ),
        changes=True,
        done="{blobs} blobs of {bytes} bytes go; {packs} packs deleted, {rewritten} written anew, "
             "{freed_bytes} bytes of disk freed; {kept_young} are too young to go.",
        next="volano data verify",
    ),
    Verb(
        "data", "hold", "garbage.hold", "/data/holds/add",
        "Keep an artifact and its bytes, until the hold is released.",
        (
            Param("ref", "tickets@3, or with its kind: dataset/tickets@3, model/router@1",
                  first=True, required=True),
            Param("reason", "why", required=True),
        ),
        changes=True, done="Held {ref}: {reason}.", next="volano data unhold {id}",
    ),
    Verb(
        "data", "unhold", "garbage.unhold", "/data/holds/{id}/release", "Hold it no longer.",
        (Param("id", "the hold's id, from `volano data holds`", first=True, required=True),),
        changes=True, done="Held no longer: {ref}.", next="volano data holds",
    ),
    Verb(
        "data", "holds", "garbage.holds", "/data/holds", "List what is held.",
        columns=("id", "ref", "reason", "added_by", "added_us"),
    ),
    Verb(
        "data", "reads", "gate.list", "/dataset-reads",
        "List who has read rows of a dataset, the newest first; reads that were refused too.",
        (
            Param("ref", "tickets, one version (tickets@3), or fileset:photos; all, if not given", first=True),
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
        "data", "classify", "classify", "/datasets/{name}/classify",
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
