"""`volano lineage …`: what things came from, and what came of them."""

from volano.web.api.verb import Param, Verb

VERBS = (
    Verb(
        "lineage", "show", "lineages.show", "/lineage-graph/{ref}",
        "Show what a thing came from and what came of it: sources, Runs, artifacts, channels.",
        (
            Param("ref", "tickets@1, release/support@2, run/ID, channel/NAME or source/NAME", first=True, required=True),
            Param("forwards", "only what came of it", "flag", default=False),
            Param("backwards", "only what it came from", "flag", default=False),
            Param("depth", "generations at most", "int", default=20, least=1, most=100),
        ),
    ),
    Verb(
        "lineage", "row", "lineages.row", "/lineage-rows/{dataset}",
        "Show where a row of a dataset came from, which versions hold it, and what came of those.",
        (
            Param("dataset", "the dataset", first=True, required=True),
            Param("row_id", "the row's id, from `volano data rows`", first=True, required=True),
        ),
        reads=True,
    ),
    Verb(
        "lineage", "export", "lineages.export", "/openlineage",
        "Print what happened to Runs as OpenLineage events, one JSON in a line.",
        (
            Param("since", "a date or a moment, such as 2026-03-01; all, if not given"),
            Param("limit", "how many at most", "int", default=100_000, least=1, most=1_000_000),
        ),
    ),
    Verb(
        "lineage", "delivery", "courier.status", "/openlineage/delivery",
        "Show how far the events were told to the collector (setting openlineage_url).",
    ),
)  # fmt: skip
