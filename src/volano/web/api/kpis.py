"""`volano kpi …`: how it goes, and whether it is worth it."""

from volano.web.api.verb import Param, Verb

_KPI = Param("name", "satisfaction, task_completion or revenue", first=True, required=True)

VERBS = (
    Verb(
        "kpi", "list", "scorecard.list", "/kpis", "List what is measured, each with its formula.",
        columns=("name", "kind", "says", "unit", "better"), scope="read",
    ),
    Verb(
        "kpi", "show", "scorecard.show", "/kpis/{measure}", "Show a measure over the last while.",
        (
            Param("measure", "its name, from `volano kpi list`", first=True, required=True),
            Param("window", "the last while, such as 15m, 1h, 7d", default="1h"),
            Param("each", "in steps of this, such as 1m"),
            Param("by_what", "by channel, release, model, key, language, region, tag.NAME, target, provider, …; engines by engine"),
            Param("where", "filters such as channel=support", "list", default=()),
        ),
        scope="read",
    ),
    Verb(
        "kpi", "report", "periods.show", "/report",
        "Say what ran, cost, changed, broke and was worth in a period: what `volano report` writes.",
        (
            Param("since", "a date, or so long ago: 2026-05-01, 7d", default="7d"),
            Param("until", "a date, or so long ago; now, if not given"),
            Param("channel", "only calls of this channel"),
        ),
        scope="read",
    ),
    Verb(
        "kpi", "diagnose", "diagnoses.show", "/diagnosis",
        "Say why the last while was slow: longer calls, a provider, a queue, or this host.",
        (
            Param("since", "the last while, such as 15m; it is held against the one before", default="15m"),
            Param("channel", "only calls of this channel"),
        ),
        scope="read",
    ),
    Verb(
        "kpi", "set", "scorecard.set", "/kpis/{name}/set",
        "Say which metrics of feedback a KPI is made of.",
        (_KPI, Param("metrics", "their names, from `volano feedback metric list`", "list", required=True)),
        changes=True, done="{name} is made of {metrics}.", next="volano kpi show {name}",
    ),
    Verb(
        "kpi", "clear", "scorecard.clear", "/kpis/{name}/clear", "Make a KPI of its usual metrics again.",
        (_KPI,), changes=True, done="{name} is made of its usual metrics again.", next="volano kpi list",
    ),
)  # fmt: skip
