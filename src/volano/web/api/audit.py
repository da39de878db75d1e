"""`volano audit …`: the ledger, and where things come from."""

from volano.web.api.verb import LIMIT, Param, Verb

VERBS = (
    Verb(
        "audit", "log", "ledger.list", "/audit", "List what was done, by whom, the newest first.",
        (
            LIMIT,
            Param("subject", "only on this subject, such as channel/support"),
        ),
        columns=("seq", "id", "at_us", "principal", "verb", "subject"),
    ),
    Verb(
        "audit", "verify", "ledger.verify", "/audit/verify",
        "Check the whole ledger: no event changed, none missing.", checks=True,
    ),
    Verb(
        "audit", "blobs", "catalog.verify_blobs", "/audit/blobs",
        "Check stored bytes against their digests: all of them up to 512 MiB, else a sample.",
        (Param("all", "read all, however many", "flag", default=False),), checks=True,
    ),
    Verb(
        "audit", "reindex", "catalog.rebuild_index", "/audit/reindex",
        "Find all stored bytes in their packs anew, when the catalog's index of them is damaged.",
        changes=True, done="The index holds {blobs} blobs of {packs} packs. {problems}",
        next="volano audit blobs --all",
    ),
    Verb(
        "audit", "erase", "ledger.erase", "/audit/{event_id}/erase",
        "Erase an event's content; the proof that it happened stays.",
        (
            Param("event_id", "the event's id, from `volano audit log`", first=True, required=True),
            Param("why", "the reason, for the record", required=True),
        ),
        changes=True, done="The content of {subject} is erased.",
    ),
    Verb(
        "audit", "lineage", "lineage", "/lineage/{ref}",
        "Show what an artifact was made from, down to the rows and the feedback.",
        (Param("ref", "such as release/support@2", first=True, required=True),),
    ),
)  # fmt: skip
