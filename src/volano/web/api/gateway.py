"""`volano gateway …`: what holds for all calls at its door."""

from volano.web.api.verb import Param, Verb

_SUBJECT = Param("subject", "key/ID, group/TEAM/PROJECT or channel/NAME", first=True, required=True)
_MOST = 1_000_000_000


def _most(name: str, what: str) -> Param:
    return Param(name, what, "int", least=1, most=_MOST)


VERBS = (
    Verb(
        "gateway", "import", "importer.import_config", "/gateway/import",
        "Make targets, channels and limits of another gateway's configuration; list what is left out.",
        (
            Param("source", "whose it is", first=True, required=True, choices=("litellm",)),
            Param("path", "the configuration file", "path", first=True, required=True),
            Param("dry_run", "say what would be made, and make nothing", "flag", default=False),
            Param("plain_http", "allow http to public addresses, readable on the way", "flag",
                  default=False),
        ),
        changes=True,
    ),
    Verb(
        "gateway", "limit", "set_limit", "/limits/{subject}/limit",
        "Limit a key, a group or a channel, over all workers; what is not given stays.",
        (
            _SUBJECT,
            _most("rpm", "requests in any 60 seconds"),
            _most("tpm", "tokens in any 60 seconds"),
            _most("concurrency", "calls at the same time"),
        ),
        changes=True, done="{subject}: {says}.", next="volano gateway limits",
    ),
    Verb(
        "gateway", "limits", "used_limits", "/limits", "List limits, and what is used of them now.",
        columns=("subject", "rpm", "tpm", "concurrency", "used", "updated_us", "updated_by"),
    ),
    Verb(
        "gateway", "status", "gateway.status", "/gateway",
        "Show the workers: what they serve by, do now, and have done.",
        columns=("worker", "pid", "up_s", "generation", "newest", "in_flight", "streams",
                 "calls_per_s", "calls", "errors"),
    ),
    Verb(
        "gateway", "health", "gateway.health", "/gateway/health",
        "Show how the workers see each target: closed is well, open and resting are passed over.",
        columns=("target", "model", "state", "workers", "in_flight", "latency_us", "keys_resting"),
    ),
    Verb(
        "gateway", "drain", "gateway.drain", "/gateway/{worker}/drain",
        "Replace one worker: its successor serves, then it ends after its calls.",
        (Param("worker", "as `volano gateway status` names it", first=True, required=True),),
        changes=True, done="{says}.", next="volano gateway status",
    ),
    Verb(
        "gateway", "reload", "gateway.reload", "/gateway/reload",
        "Replace all workers, one after the other, without dropping a call.",
        changes=True, done="{says}.", next="volano gateway status",
    ),
    Verb(
        "gateway", "unlimit", "limits.clear", "/limits/{subject}/unlimit",
        "Take a limit away.",
        (
            _SUBJECT,
            Param("measures", "only these: rpm, tpm, concurrency", "list", default=()),
        ),
        changes=True, done="{subject}: {says}.", next="volano gateway limits",
    ),
)  # fmt: skip
