"""The sentences of volano, one file a room: each is said on the command line and over HTTP.

A `Verb` names a noun, a verb, the keeper's method it calls, and its parameters.
`routes` makes `POST /api/v1/...` of it, `volano.cli` makes `volano noun verb` of
it. So both doors only translate, and neither can lack a verb that the other has.
These files are plain data: importing them loads no room.
"""

from volano.web.api import (
    alerts,
    audit,
    channels,
    ci,
    costs,
    data,
    drift,
    engines,
    evals,
    evaluators,
    exchange,
    feedback,
    filesets,
    flows,
    gateway,
    judges,
    keys,
    kpis,
    lineage,
    masks,
    models,
    prompts,
    registry,
    releases,
    retention,
    review,
    runs,
    schedules,
    sessions,
    spans,
    targets,
    traces,
)
from volano.web.api.verb import Verb

VERBS: tuple[Verb, ...] = (
    *data.VERBS,
    *filesets.VERBS,
    *exchange.VERBS,
    *prompts.VERBS,
    *registry.VERBS,
    *ci.VERBS,
    *models.VERBS,
    *flows.VERBS,
    *evals.VERBS,
    *judges.VERBS,
    *releases.VERBS,
    *channels.VERBS,
    *engines.VERBS,
    *targets.VERBS,
    *keys.VERBS,
    *gateway.VERBS,
    *costs.VERBS,
    *traces.VERBS,
    *spans.VERBS,
    *masks.VERBS,
    *retention.VERBS,
    *sessions.VERBS,
    *feedback.VERBS,
    *drift.VERBS,
    *evaluators.VERBS,
    *review.VERBS,
    *runs.VERBS,
    *schedules.VERBS,
    *alerts.VERBS,
    *kpis.VERBS,
    *audit.VERBS,
    *lineage.VERBS,
)

__all__ = ["VERBS", "Verb"]
